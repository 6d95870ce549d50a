/** The built-in templates: processes, network, BPF, kernel; internal ones, read for joins, last. */
import type { Template } from '../template.ts';
import { bpfHolder } from './bpf-holder.ts';
import { bpfLink } from './bpf-link.ts';
import { bpfMap } from './bpf-map.ts';
import { bpfProg } from './bpf-prog.ts';
import { cgroup, cgroupProcess } from './cgroup.ts';
import { dmabuf } from './dmabuf.ts';
import { ipv6Route } from './ipv6-route.ts';
import { kmemCache } from './kmem-cache.ts';
import { ksym } from './ksym.ts';
import { netNamespace } from './net-namespace.ts';
import { netlink } from './netlink.ts';
import { progMaps } from './prog-maps.ts';
import { socketOwner } from './socket-owner.ts';
import { task } from './task.ts';
import { taskFd } from './task-fd.ts';
import { taskFile } from './task-file.ts';
import { taskVma } from './task-vma.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';
import { unix } from './unix.ts';

export const BUILTIN: readonly Template[] = [
  task,
  taskFile,
  taskVma,
  cgroup,
  tcp,
  udp,
  unix,
  netlink,
  ipv6Route,
  bpfProg,
  bpfMap,
  progMaps,
  bpfLink,
  ksym,
  kmemCache,
  dmabuf,
  socketOwner,
  bpfHolder,
  taskFd,
  cgroupProcess,
  netNamespace,
];
