/** A file that has no name until it is given one: what ends its writer, however suddenly, leaves nothing behind. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { koffi } from './native.ts';
import { O_TMPFILE } from './packed.ts';
import { errnoName, OwnedFd } from './syscall.ts';

const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
/** What file systems say that have no such files, and kernels of before. */
const NOT_HERE = ['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL'];

type Linkat = (oldFolder: number, old: string, folder: number, name: string, flags: number) => number;
let linkat: Linkat | undefined;

/** A name beside a file's, for the moment in which it is replaced; HIDDEN tells it from names that others gave. */
export function hiddenName(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}.itertop`);
}
export const HIDDEN = /^\..+\.[0-9a-f]{12}\.itertop$/;

export class NamelessFile extends OwnedFd {
  /**
   * For writing, readable by its owner only.
   * @returns undefined where this system or the folder's file system has no such files @throws Error of open(2)
   */
  static open(folder: string): NamelessFile | undefined {
    const { O_WRONLY } = fs.constants;
    if (process.platform !== 'linux' || !fs.existsSync('/proc/self/fd')) return undefined;
    try {
      linkat ??= koffi()
        .load(null)
        .func('int linkat(int oldfd, const char *old, int fd, const char *name, int flags)') as unknown as Linkat;
    } catch {
      return undefined; // koffi has nothing for this libc
    }
    try {
      return new NamelessFile(fs.openSync(folder, O_WRONLY | O_TMPFILE, 0o600));
    } catch (error) {
      if (NOT_HERE.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }

  /** Gives it a name. @throws Error with its code as link(2); EEXIST where the name is taken */
  link(file: string): void {
    if (linkat!(AT_FDCWD, `/proc/self/fd/${this.fd}`, AT_FDCWD, file, AT_SYMLINK_FOLLOW) === 0) return;
    const code = errnoName(koffi().errno());
    throw Object.assign(new Error(`${code}: link '${file}'`), { code });
  }

  /** Gives it a name that may be taken: that file is then gone. @throws Error as link() and rename(2) */
  replace(file: string): void {
    const hidden = hiddenName(file);
    this.link(hidden);
    try {
      fs.renameSync(hidden, file);
    } catch (error) {
      fs.rmSync(hidden, { force: true });
      throw error;
    }
  }
}
