/** A link holds an iterator program attached, with the parameters that its target takes (union bpf_iter_link_info). */
import { type Btf, BtfError } from './btf.ts';
import { resolvePath } from './btf-path.ts';
import { BPF_TRACE_ITER, type Program } from './program.ts';
import { Attr, bpf, OwnedFd } from './syscall.ts';

/** One of: a task filter (Linux 6.1), a map, a cgroup and an order of walking. */
export type LinkInfo =
  | { readonly pid: number }
  | { readonly tid: number }
  | { readonly mapFd: number }
  | {
      readonly cgroup: {
        readonly order: 'self' | 'descendants_pre' | 'descendants_post' | 'ancestors_up';
        readonly id: bigint;
      };
    };

/** enum bpf_cgroup_iter_order. */
const ORDER = { self: 1, descendants_pre: 2, descendants_post: 3, ancestors_up: 4 } as const;

function encodeInfo(info: LinkInfo): Buffer {
  if ('mapFd' in info) return new Attr(4).u32(0, info.mapFd).bytes;
  if ('cgroup' in info) return new Attr(16).u32(0, ORDER[info.cgroup.order]).u64(8, info.cgroup.id).bytes;
  const task = new Attr(12);
  return 'tid' in info ? task.u32(0, info.tid).bytes : task.u32(4, info.pid).bytes;
}

/** Whether links take a thread or process to walk (Linux 6.1). */
export function linkTakesTask(btf: Btf): boolean {
  let known = taskLinks.get(btf);
  if (known === undefined) {
    known = hasMember(btf, 'bpf_iter_link_info', 'task.pid');
    taskLinks.set(btf, known);
  }
  return known;
}
const taskLinks = new WeakMap<Btf, boolean>();

function hasMember(btf: Btf, struct: string, path: string): boolean {
  try {
    resolvePath(btf, btf.struct(struct), path);
    return true;
  } catch (error) {
    if (error instanceof BtfError) return false;
    throw error;
  }
}

function meaning(code: string): string {
  switch (code) {
    case 'EINVAL':
      return 'the target does not take these parameters on this kernel (task filters: Linux 6.1; a cgroup needs an order)';
    case 'E2BIG':
      return 'this kernel knows no such parameters (task filters: Linux 6.1)';
    case 'EBADF':
      return 'the target needs a map';
    case 'EACCES':
      return "the program reads past the map's key or value";
    default:
      return '';
  }
}

export class Link extends OwnedFd {
  /** @throws BpfError */
  static create(program: Program, info?: LinkInfo): Link {
    const attr = new Attr(28).u32(0, program.fd).u32(8, BPF_TRACE_ITER);
    if (info) {
      const bytes = encodeInfo(info);
      attr.pointer(16, bytes).u32(24, bytes.length);
    }
    return new Link(bpf('BPF_LINK_CREATE', attr, meaning));
  }

  /** Swaps the program under the link; iterators that are open keep the old one. Same target only. @throws BpfError */
  update(program: Program): void {
    bpf('BPF_LINK_UPDATE', new Attr(16).u32(0, this.fd).u32(4, program.fd), (code) =>
      code === 'EINVAL' ? 'the new program is for another target' : '',
    );
  }
}
