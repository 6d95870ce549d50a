import type { Column, Related, Template } from '../template.ts';

/** include/uapi/linux/stat.h */
const S_IFMT = 0xf000;
const S_IFSOCK = 0xc000;

export const FILE_FILTERS: Template['filters'] = {
  pid: { link: 'pid', any: ['task->tgid'] },
  user: { any: ['task->cred->euid.val'] },
};

/** What names a descriptor, and whose it is. */
export const FILE_IDENTITY: Template['columns'] = [
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
  filters: FILE_FILTERS,
  columns: [
    ...FILE_IDENTITY,
    { name: 'holder', derive: 'process(pid, comm)', as: 'text', width: 20, help: 'process: PID/name' },
    {
      name: 'cgroup',
      from: 'kernfs_path(task->cgroups->dfl_cgrp->kn)',
      as: 'path',
      width: 20,
      help: 'v2 cgroup of the process',
    },
  ],
};

/** For a template of sockets with a column `inode`. Filters by PID go through `owner`; `everyone` is read without them. */
export const OWNER_JOINS = {
  owner: { template: 'socket_owner', on: ['inode', 'inode'] },
  everyone: { template: 'socket_owner', on: ['inode', 'inode'] },
} as const satisfies Template['joins'];

/** Who holds a socket, for a template with the join `owner`. */
export const HOLDER_OF_SOCKET: Template['columns'] = [
  { name: 'pid', join: 'owner.pid', as: 'int', width: 7, help: 'process that holds it (the lowest PID of several)' },
  { name: 'command', join: 'owner.comm', as: 'text', width: 15, help: 'name of that process' },
  { name: 'fd', join: 'owner.fd', as: 'int', width: 4, help: 'its descriptor there' },
  { name: 'holders', join: 'owner.holders', as: 'int', width: 7, help: 'descriptors that refer to the socket' },
];

/** The same and all holders, for a template with both joins. */
export const OWNER_COLUMNS: Template['columns'] = [
  ...HOLDER_OF_SOCKET,
  {
    name: 'held_by',
    join: 'everyone.holder',
    list: true,
    as: 'text',
    width: 24,
    help: 'all processes with a descriptor of it, as PID/name, whatever is filtered by',
  },
];

/** Where a row of sockets leads; the magic is that of the file system of sockets (include/uapi/linux/magic.h). */
export const SOCKET_PROCESS: Related = { word: 'process', template: 'task', filters: { pid: 'pid' } };
export const SOCKET_HOLDERS: Related = {
  word: 'holders',
  template: 'task_file',
  where: 'inode == $inode && magic == 0x534f434b',
};

/** For a template of sockets with the columns `cgroup` and `container`. */
export const SOCKET_CGROUP: readonly Related[] = [
  { word: 'cgroup', template: 'cgroup', where: 'path == $cgroup' },
  { word: 'container', template: 'task', where: 'container == $container' },
];

/** The cgroup that made a socket. `sk`: the path of its struct sock. */
export const socketCgroup = (sk: string): Column => ({
  name: 'cgroup',
  from: `kernfs_path(${sk}.sk_cgrp_data.cgroup->kn)`,
  as: 'path',
  width: 20,
  help: 'v2 cgroup that made the socket',
});

/** The container of a socket with the columns above and `cgroup`. */
export const CONTAINER_COLUMNS: Template['columns'] = [
  {
    name: 'owner_cgroup',
    join: 'owner.cgroup',
    as: 'path',
    width: 20,
    help: 'v2 cgroup that the process is in now that holds it',
  },
  {
    name: 'container',
    derive: 'socket_container(cgroup, owner_cgroup)',
    as: 'text',
    width: 12,
    help: 'container that made the socket, else the one of its owner: short id or name',
  },
];
