/**
 * Network namespaces: an iterator sees the one of the thread that creates it, and keeps it. So a thread steps over,
 * creates, and steps back; the link is the same for all.
 */
import fs from 'node:fs';
import { koffi } from './native.ts';
import { BpfError, OwnedFd } from './syscall.ts';

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x40000000;

type Setns = (fd: number, type: number) => number;
let setns: Setns | undefined;

function enter(fd: number): void {
  setns ??= koffi().load(null).func('int setns(int fd, int type)') as unknown as Setns;
  if (setns(fd, CLONE_NEWNET) === 0) return;
  const errno = koffi().errno();
  throw new BpfError(
    'setns',
    errno,
    errno === 1 ? 'another network namespace can be entered only with CAP_SYS_ADMIN' : '',
  );
}

/** The one that the calling thread is in. */
export const OWN_NAMESPACE = '/proc/thread-self/ns/net';

/** The inode number of that. */
export function ownNamespace(): number {
  return fs.statSync(OWN_NAMESPACE).ino;
}

/** A network namespace held open. */
export class NetNamespace extends OwnedFd {
  /** Its inode number, by which /proc, lsns and ss name it. */
  readonly inum: number;

  private constructor(fd: number) {
    super(fd);
    this.inum = Number(fs.fstatSync(fd).ino);
  }

  /** `/proc/PID/ns/net`, `/run/netns/NAME` and the like. @throws Error of open(2) */
  static open(path: string): NetNamespace {
    return new NetNamespace(fs.openSync(path, 'r'));
  }

  /** The one that this thread is in. */
  static current(): NetNamespace {
    return NetNamespace.open(OWN_NAMESPACE);
  }

  /**
   * Runs `inside` with this thread in the namespace. It must not wait: only this thread moves, and whatever else runs
   * on it would move along. @throws BpfError where it may not be entered
   */
  run<T>(inside: () => T): T {
    using home = NetNamespace.current();
    if (home.inum === this.inum) return inside();
    enter(this.fd);
    try {
      return inside();
    } finally {
      enter(home.fd);
    }
  }
}

/** Where namespaces without a process are kept: bind mounts of nsfs, as `ip netns` makes them. */
export function mountedNamespaces(
  mountinfo = fs.readFileSync('/proc/self/mountinfo', 'utf8'),
): { path: string; inum: number }[] {
  const found: { path: string; inum: number }[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    if (!after?.startsWith('nsfs ')) continue;
    const fields = before.split(' ');
    const inum = /^net:\[(\d+)\]$/.exec(fields[3] ?? '')?.[1];
    // Octal escapes stand for spaces and the like (proc_pid_mountinfo(5)).
    if (inum)
      found.push({
        path: fields[4].replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
        inum: Number(inum),
      });
  }
  return found;
}
