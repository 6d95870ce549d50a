/** A root directory that holds the executable, the C and C++ libraries it asks for, and nothing else: no Node, no shell. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface RunOptions {
  /** Commands of a shell, before the root is changed; $R is the new root, mounts are the run's own. */
  readonly before?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class BareRoot implements Disposable {
  readonly path = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-root-'));

  constructor(executable: string) {
    for (const folder of ['dev', 'proc', 'sys', 'tmp']) fs.mkdirSync(path.join(this.path, folder));
    fs.copyFileSync(executable, path.join(this.path, 'itertop'), fs.constants.COPYFILE_FICLONE);
    const libraries = execFileSync('ldd', [executable], { encoding: 'utf8' });
    for (const [library] of libraries.matchAll(/\/\S+/g)) {
      fs.mkdirSync(path.join(this.path, path.dirname(library)), { recursive: true });
      fs.copyFileSync(library, path.join(this.path, library));
    }
  }

  /** What runs itertop in it, as a command and its arguments. */
  command(args: readonly string[], { before = '', env = {} }: RunOptions = {}): [string, string[]] {
    const given = Object.entries({ TERM: 'xterm-256color', LANG: 'C.UTF-8', ...env }).map((entry) => entry.join('='));
    const script = `R=$1; shift
      mount --rbind /proc "$R/proc" && mount --rbind /sys "$R/sys" || exit 99
      ${before}
      exec env -i "$@"`;
    const chroot = ['/usr/sbin/chroot', this.path, '/itertop', ...args];
    return ['unshare', ['--mount', 'sh', '-c', script, 'sh', this.path, ...given, ...chroot]];
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.path, { recursive: true });
  }
}
