/**
 * States of TCP sockets, which other sockets have as well (include/net/tcp_states.h). As BPF_TCP_ESTABLISHED and so on
 * they are part of what user space may rely on, in recordings and on every kernel the same.
 */
export const TCP_TIME_WAIT = 6;
export const TCP_LISTEN = 10;
/** How the kernel calls a request that has no socket yet. */
export const TCP_NEW_SYN_RECV = 12;

/** As they are shown. */
export const TCP_STATES = {
  1: 'ESTABLISHED',
  2: 'SYN_SENT',
  3: 'SYN_RECV',
  4: 'FIN_WAIT1',
  5: 'FIN_WAIT2',
  [TCP_TIME_WAIT]: 'TIME_WAIT',
  7: 'CLOSE',
  8: 'CLOSE_WAIT',
  9: 'LAST_ACK',
  [TCP_LISTEN]: 'LISTEN',
  11: 'CLOSING',
  [TCP_NEW_SYN_RECV]: 'SYN_RECV',
} as const;
