/**
 * Network namespaces: an iterator sees the one of the thread that creates it, and keeps it. So a thread steps over,
 * creates, and steps back; the link is the same for all.
 */
import fs from 'node:fs';
import { mountsOf } from './mounts.ts';
import { koffi } from './native.ts';
import { BpfError, generalMeaning, OwnedFd } from './syscall.ts';

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

/** One that was there when it was looked for. */
export interface NetNamespace {
  readonly inum: number;
  /** With this thread in it, see inNamespace(); undefined where it is gone. @throws BpfError */
  run<T extends object>(inside: () => T): T | undefined;
}

/** What leads nowhere: the process has ended, or the file is no more. */
const GONE = ['ENOENT', 'ENOTDIR', 'ESRCH'];

class NamespaceFd extends OwnedFd {
  readonly inum = fs.fstatSync(this.fd).ino;

  /** null where nothing is there. @throws BpfError */
  static open(path: string): NamespaceFd | null {
    try {
      return new NamespaceFd(fs.openSync(path, 'r'));
    } catch (error) {
      const { code = '', errno = 0 } = error as NodeJS.ErrnoException;
      if (GONE.includes(code)) return null;
      throw new BpfError('open', Math.abs(errno), generalMeaning(code) || path);
    }
  }
}

/**
 * Runs `inside` with this thread in the namespace of this inode number (/proc, lsns and ss name it by that), to which the
 * path led when it was looked for. `inside` must not wait: only this thread moves, and whatever else runs on it would
 * move along. Afterwards nothing of the namespace is held: it would live on for that.
 * @param path `/proc/PID/ns/net`, `/run/netns/NAME` and the like
 * @returns undefined where the path does not lead there any more
 * @throws BpfError: EACCES or EPERM where it may not be entered
 */
export function inNamespace<T extends object>(path: string, inum: number, inside: () => T): T | undefined {
  using there = NamespaceFd.open(path);
  if (there?.inum !== inum) return undefined;
  using home = NamespaceFd.open(OWN_NAMESPACE)!;
  if (home.inum === inum) return inside();
  enter(there.fd);
  try {
    return inside();
  } finally {
    enter(home.fd);
  }
}

/** Where namespaces without a process are kept: bind mounts of nsfs, as `ip netns` makes them. */
export function mountedNamespaces(): { path: string; inum: number }[] {
  return mountsOf('nsfs').flatMap(({ root, point }) => {
    const inum = /^net:\[(\d+)\]$/.exec(root)?.[1];
    return inum === undefined ? [] : [{ path: point, inum: Number(inum) }];
  });
}
