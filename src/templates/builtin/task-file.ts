import type { Template } from '../template.ts';
import { TCP_STATES } from './tcp.ts';

const AF_INET = 2;
const AF_INET6 = 10;
/** include/uapi/linux/stat.h */
const S_IFMT = 0xf000;
const S_IFSOCK = 0xc000;

const FILTERS: Template['filters'] = {
  pid: { link: 'pid', any: ['task->tgid'] },
  user: { any: ['task->cred->euid.val'] },
};
const CASTS: Template['casts'] = {
  sock: { call: 'sock_from_file', of: 'file', type: 'socket' },
  inet: { of: 'sock->sk', when: { source: 'inet->__sk_common.skc_family', is: [AF_INET, AF_INET6] } },
};
const IDENTITY: Template['columns'] = [
  { name: 'pid', from: 'task->tgid', as: 'int', width: 7, help: 'process id' },
  {
    name: 'tid',
    from: 'task->pid',
    as: 'int',
    width: 7,
    help: 'thread id; differs from pid only where a thread has descriptors of its own',
  },
  { name: 'fd', from: 'fd', as: 'int', width: 4, help: 'descriptor' },
  {
    name: 'comm',
    title: 'COMMAND',
    from: 'task->group_leader->comm',
    as: 'text',
    width: 15,
    help: 'name of the process',
  },
  { name: 'inode', from: 'file->f_inode->i_ino', as: 'int', width: 9, help: 'inode number' },
];

export const taskFile: Template = {
  name: 'task_file',
  help: 'open files of all processes: descriptor, type, mode, position, size, path, ends of sockets',
  target: 'task_file',
  key: ['file', 'tid', 'fd'],
  show: ['pid', 'comm', 'fd', 'mode', 'type', 'size', 'name', 'user', 'pos', 'device', 'inode'],
  sort: 'pid',
  casts: CASTS,
  filters: {
    ...FILTERS,
    port: { any: ['inet->__sk_common.skc_num', 'inet->__sk_common.skc_dport'] },
    lport: { any: ['inet->__sk_common.skc_num'] },
    rport: { any: ['inet->__sk_common.skc_dport'] },
  },
  columns: [
    ...IDENTITY,
    {
      name: 'file',
      from: 'file',
      as: 'hex',
      width: 16,
      help: 'address of struct file: equal where a description is shared',
    },
    { name: 'user', from: 'task->cred->euid.val', as: 'uid', width: 8, help: 'effective user of the process' },
    {
      name: 'i_mode',
      from: 'file->f_inode->i_mode',
      as: 'octal',
      width: 6,
      help: 'mode of the inode: type and permissions',
    },
    { name: 'magic', from: 'file->f_inode->i_sb->s_magic', as: 'hex', width: 8, help: 'magic of the file system' },
    {
      name: 'sk_type',
      from: 'sock->type',
      as: 'int',
      width: 4,
      help: 'type of the socket: 1 stream, 2 datagram, 3 raw, 5 seqpacket',
    },
    {
      name: 'sk_family',
      from: 'sock->sk->__sk_common.skc_family',
      as: 'int',
      width: 6,
      help: 'address family of the socket',
    },
    { name: 'sk_proto', from: 'sock->sk->sk_protocol', as: 'int', width: 5, help: 'protocol of the socket' },
    {
      name: 'type',
      derive: 'file_type(i_mode, magic, path, sk_family, sk_proto, sk_type)',
      as: 'text',
      width: 9,
      help: 'regular, directory, pipe, fifo, char, block, tcp, udp, unix, ... or the kind of an anon inode',
    },
    { name: 'f_mode', from: 'file->f_mode', as: 'hex', width: 8, help: 'file->f_mode as it is' },
    {
      name: 'mode',
      title: 'M',
      derive: 'access_mode(f_mode)',
      as: 'enum',
      names: { 0: '-', 1: 'r', 2: 'w', 3: 'u' },
      width: 1,
      help: 'opened for reading (r), writing (w) or both (u)',
    },
    {
      name: 'flags',
      from: 'file->f_flags',
      as: 'octal',
      width: 8,
      help: 'flags of open(2), as /proc/PID/fdinfo shows them',
    },
    { name: 'pos', from: 'file->f_pos', as: 'count', width: 6, help: 'position in bytes' },
    { name: 'size', from: 'file->f_inode->i_size', as: 'bytes', width: 6, help: 'size' },
    {
      name: 'nlink',
      from: 'file->f_inode->i_nlink',
      as: 'int',
      width: 5,
      help: 'names of the inode; 0 is deleted but open',
    },
    {
      name: 'device',
      title: 'DEV',
      from: 'file->f_inode->i_sb->s_dev',
      as: 'dev',
      width: 7,
      help: 'device of the file system, major:minor',
    },
    {
      name: 'rdev',
      from: 'file->f_inode->i_rdev',
      as: 'dev',
      zeroIsNone: true,
      width: 7,
      help: 'device that a device file stands for',
    },
    {
      name: 'fstype',
      from: 'file->f_inode->i_sb->s_type->name',
      as: 'text',
      width: 10,
      help: 'type of the file system',
    },
    {
      name: 'refs',
      from: ['file->f_count.counter', 'file->f_ref.refcnt.counter'],
      as: 'int',
      width: 4,
      help: 'references to the description (dup, fork); before Linux 6.13 also the one that this walk holds',
    },
    {
      name: 'path',
      from: 'd_path(file->f_path)',
      as: 'path',
      width: 24,
      help: 'path as seen from here, or what the kernel calls it (pipe:[1], anon_inode:[eventpoll])',
    },
    {
      name: 'laddr',
      from: 'inet(inet->__sk_common.skc_family, inet->__sk_common.skc_rcv_saddr, inet->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8)',
      as: 'inet',
      width: 15,
      help: 'local address of a socket',
    },
    { name: 'lport', from: 'inet->__sk_common.skc_num', as: 'int', width: 5, help: 'local port of a socket' },
    {
      name: 'raddr',
      from: 'inet(inet->__sk_common.skc_family, inet->__sk_common.skc_daddr, inet->__sk_common.skc_v6_daddr.in6_u.u6_addr8)',
      as: 'inet',
      width: 15,
      help: 'remote address of a socket',
    },
    { name: 'rport', from: 'inet->__sk_common.skc_dport', as: 'int', width: 5, help: 'remote port of a socket' },
    {
      name: 'sk_state',
      title: 'STATE',
      from: 'inet->__sk_common.skc_state',
      as: 'enum',
      names: TCP_STATES,
      width: 11,
      help: 'state of a socket',
    },
    { name: 'local', derive: 'endpoint(laddr, lport)', as: 'text', width: 21, help: 'local end of a socket' },
    { name: 'remote', derive: 'endpoint(raddr, rport)', as: 'text', width: 21, help: 'remote end of a socket' },
    {
      name: 'name',
      derive: 'file_name(path, laddr, lport, raddr, rport)',
      as: 'path',
      width: 24,
      help: 'path, or the ends of an internet socket',
    },
  ],
};

/** Read for joins: who holds a socket. */
export const socketOwner: Template = {
  name: 'socket_owner',
  help: 'descriptors that refer to sockets',
  target: 'task_file',
  internal: true,
  key: ['tid', 'fd'],
  show: ['pid', 'comm', 'fd', 'inode'],
  sort: 'pid',
  only: [{ source: 'file->f_inode->i_mode', mask: S_IFMT, equals: S_IFSOCK }],
  filters: FILTERS,
  columns: IDENTITY,
};
