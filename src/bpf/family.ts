/** Families of addresses: macros of include/linux/socket.h, which no BTF has. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
