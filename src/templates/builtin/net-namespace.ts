import type { Template } from '../template.ts';

/** Read to find the network namespaces that processes live in. */
export const netNamespace: Template = {
  name: 'net_namespace',
  help: 'network namespaces of tasks',
  target: 'task',
  internal: true,
  key: ['tid'],
  show: ['pid', 'netns'],
  sort: 'pid',
  columns: [
    { name: 'pid', from: 'task->tgid', as: 'int', help: 'process id' },
    { name: 'tid', from: 'task->pid', as: 'int', help: 'thread id' },
    { name: 'netns', from: 'task->nsproxy->net_ns->ns.inum', as: 'int', help: 'network namespace' },
  ],
};
