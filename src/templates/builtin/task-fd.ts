import type { Template } from '../template.ts';

/** Read for joins: how many descriptors a process has. */
export const taskFd: Template = {
  name: 'task_fd',
  help: 'descriptors of processes',
  target: 'task_file',
  internal: true,
  key: ['tid', 'fd'],
  show: ['pid', 'fd'],
  sort: 'pid',
  columns: [
    { name: 'pid', from: 'task->tgid', as: 'int', width: 7, help: 'process id' },
    { name: 'tid', from: 'task->pid', as: 'int', width: 7, help: 'thread id' },
    { name: 'fd', from: 'fd', as: 'int', width: 4, help: 'descriptor' },
  ],
};
