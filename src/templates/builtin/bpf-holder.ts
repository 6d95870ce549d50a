import type { Template } from '../template.ts';

/** include/uapi/linux/magic.h */
const ANON_INODE_FS_MAGIC = 0x09041934;

/**
 * Read for joins: descriptors of BPF programs, maps and links. private_data of such a file is the object itself, and no
 * two living objects share an address, so that of any other anon inode matches nothing.
 */
export const bpfHolder: Template = {
  name: 'bpf_holder',
  help: 'descriptors that refer to BPF programs, maps and links',
  target: 'task_file',
  internal: true,
  key: ['tid', 'fd'],
  show: ['pid', 'comm', 'fd', 'object'],
  sort: 'pid',
  only: [{ source: 'file->f_inode->i_sb->s_magic', mask: 0x7fffffff, equals: ANON_INODE_FS_MAGIC }],
  filters: { pid: { link: 'pid', any: ['task->tgid'] } },
  columns: [
    { name: 'pid', from: 'task->tgid', as: 'int', width: 7, help: 'process id' },
    { name: 'tid', from: 'task->pid', as: 'int', width: 7, help: 'thread id' },
    { name: 'fd', from: 'fd', as: 'int', width: 4, help: 'descriptor' },
    { name: 'comm', from: 'task->group_leader->comm', as: 'text', width: 15, help: 'name of the process' },
    { name: 'object', from: 'file->private_data', as: 'hex', width: 18, help: 'address of the object' },
    { name: 'holder', derive: 'process(pid, comm)', as: 'text', width: 20, help: 'process: PID/name' },
  ],
};

/** For a template with a column that is the object's address. Filters by PID go through `holder`, not `everyone`. */
export const holderJoins = (address: string): NonNullable<Template['joins']> => ({
  holder: { template: 'bpf_holder', on: [address, 'object'] },
  everyone: { template: 'bpf_holder', on: [address, 'object'] },
});

/** The columns of who holds an object, for a template with these joins. */
export const HOLDER_COLUMNS: Template['columns'] = [
  { name: 'pid', join: 'holder.pid', as: 'int', width: 7, help: 'first process with a descriptor of it' },
  { name: 'command', join: 'holder.comm', as: 'text', width: 15, help: 'name of that process' },
  { name: 'fd', join: 'holder.fd', as: 'int', width: 4, help: 'descriptor in that process' },
  {
    name: 'holders',
    title: 'FDS',
    join: 'holder.holders',
    as: 'int',
    width: 3,
    help: 'descriptors of it; 0 where only a pin, a link or the kernel keeps it',
  },
  {
    name: 'held_by',
    join: 'everyone.holder',
    list: true,
    as: 'text',
    width: 24,
    help: 'all processes with a descriptor of it, as PID/name, whatever is filtered by',
  },
];
