/** The socket of an element: what tables of sockmap, sockhash and sk_storage have beside keys and values. */

import { TCP_STATES } from '../tcp-states.ts';
import type { Column, Template } from '../template.ts';

const SK = 'sk->__sk_common';

export const SOCKET_JOINS: NonNullable<Template['joins']> = {
  owner: { template: 'socket_owner', on: ['inode', 'inode'] },
};

export const SOCKET_COLUMNS: readonly Column[] = [
  { name: 'sk', from: 'sk', as: 'hex', width: 18, help: 'address of the socket (struct sock)' },
  {
    name: 'family',
    from: `${SK}.skc_family`,
    as: 'enum',
    names: { 1: 'unix', 2: 'inet', 10: 'inet6', 40: 'vsock' },
    width: 6,
    help: 'address family',
  },
  { name: 'protocol', from: 'sk->sk_protocol', as: 'int', width: 5, help: 'protocol number: 6 tcp, 17 udp' },
  {
    name: 'state',
    from: `${SK}.skc_state`,
    as: 'enum',
    names: TCP_STATES,
    width: 11,
    help: 'state, by the name that it has for TCP',
  },
  {
    name: 'laddr',
    from: `inet(${SK}.skc_family, ${SK}.skc_rcv_saddr, ${SK}.skc_v6_rcv_saddr.in6_u.u6_addr8)`,
    as: 'inet',
    width: 15,
    help: 'local address',
  },
  { name: 'lport', from: `${SK}.skc_num`, as: 'int', width: 5, help: 'local port' },
  {
    name: 'raddr',
    from: `inet(${SK}.skc_family, ${SK}.skc_daddr, ${SK}.skc_v6_daddr.in6_u.u6_addr8)`,
    as: 'inet',
    width: 15,
    help: 'remote address',
  },
  { name: 'rport', from: `${SK}.skc_dport`, as: 'int', width: 5, help: 'remote port' },
  { name: 'local', derive: 'endpoint(laddr, lport)', as: 'text', width: 15, help: 'local address and port' },
  { name: 'remote', derive: 'endpoint(raddr, rport)', as: 'text', width: 15, help: 'remote address and port' },
  { name: 'user', from: 'sk->sk_uid.val', as: 'uid', width: 8, help: 'user that made the socket' },
  {
    name: 'inode',
    from: 'sk->sk_socket->file->f_inode->i_ino',
    as: 'int',
    zeroIsNone: true,
    width: 8,
    help: 'inode of the socket; empty where no descriptor refers to it',
  },
  { name: 'netns', from: `${SK}.skc_net.net->ns.inum`, as: 'int', width: 10, help: 'inode of its network namespace' },
];
