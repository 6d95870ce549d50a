/**
 * An iterator descriptor with a file behind it, so that /proc/self/fd/<fd> can be opened as well.
 *
 * What BPF_ITER_CREATE gives is anonymous: it can be read, but open(2) of its /proc/self/fd entry says ENXIO. A link
 * that is pinned in a bpffs is a file whose every open(2) begins a walk (bpf_iter_fops, kernel/bpf/inode.c), and stays
 * one after its name is gone. The bpffs here is a mount of its own that is attached nowhere (fsopen(2), Linux 5.2), so
 * nobody sees it and nothing is left behind.
 */
import fs from 'node:fs';
import type { Link } from './link.ts';
import { koffi } from './native.ts';
import { Attr, bpf } from './syscall.ts';

// These three have the same number on every architecture.
const [SYS_FSOPEN, SYS_FSCONFIG, SYS_FSMOUNT] = [430, 431, 432];
const CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;

interface MountCalls {
  readonly fsopen: (nr: number, name: string, flags: number) => number | bigint;
  readonly fsconfig: (nr: number, fd: number, command: number, key: null, value: null, aux: number) => number | bigint;
  readonly fsmount: (nr: number, fd: number, flags: number, attributes: number) => number | bigint;
}
let calls: MountCalls | undefined;

function mountCalls(): MountCalls {
  if (!calls) {
    const libc = koffi().load(null);
    calls = {
      fsopen: libc.func('long syscall(long nr, const char *name, unsigned int flags)'),
      fsconfig: libc.func('long syscall(long nr, int fd, unsigned int cmd, void *key, void *value, int aux)'),
      fsmount: libc.func('long syscall(long nr, int fd, unsigned int flags, unsigned int attributes)'),
    };
  }
  return calls;
}

/**
 * Begins a walk. Opening /proc/self/fd/<fd> begins a further one, as long as the descriptor is open.
 * @returns the descriptor, O_CLOEXEC; undefined where this process may not mount (CAP_SYS_ADMIN)
 */
export function openIteratorFile(link: Link): number | undefined {
  const { fsopen, fsconfig, fsmount } = mountCalls();
  const opened: number[] = [];
  const keep = (fd: number | bigint): number => {
    if (fd < 0) throw new Error('not permitted');
    opened.push(Number(fd));
    return Number(fd);
  };
  try {
    const context = keep(fsopen(SYS_FSOPEN, 'bpf', CLOEXEC));
    if (fsconfig(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, null, null, 0) < 0) return undefined;
    const mount = keep(fsmount(SYS_FSMOUNT, context, CLOEXEC, 0));
    const path = `/proc/self/fd/${mount}/iter`;
    bpf('BPF_OBJ_PIN', new Attr(16).pointer(0, Buffer.from(`${path}\0`)).u32(8, link.fd));
    return fs.openSync(path, 'r');
  } catch {
    return undefined; // the plain way, BPF_ITER_CREATE, has words for what is wrong with the link itself
  } finally {
    for (const fd of opened) fs.closeSync(fd);
  }
}
