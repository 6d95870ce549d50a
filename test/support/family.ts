/** A shell with two children, one of which has a child of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';

export interface Family {
  /** `sh`, `sh`, `sleep 1001`, `sleep 1002`. */
  readonly top: number;
  readonly inner: number;
  readonly grandchild: number;
  readonly child: number;
  readonly pids: readonly number[];
  end(): void;
}

const childrenOf = (pid: number) =>
  fs
    .readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
const nameOf = (pid: number) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();

export async function startFamily(): Promise<Family> {
  // With a command after it no shell replaces itself by the last one.
  const script = 'sleep 1002 & sh -c "sleep 1001 & wait; true" inner & wait; true';
  const shell: ChildProcess = spawn('sh', ['-c', script, 'outer'], { stdio: 'ignore' });
  const top = shell.pid!;
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((done) => setTimeout(done, 10))) {
    const children = childrenOf(top);
    const child = children.find((pid) => nameOf(pid) === 'sleep 1002');
    const inner = children.find((pid) => nameOf(pid).endsWith('inner'));
    const grandchild = inner && childrenOf(inner).find((pid) => nameOf(pid) === 'sleep 1001');
    if (!child || !inner || !grandchild) continue;
    const pids = [top, inner, grandchild, child];
    return {
      ...{ top, inner, grandchild, child, pids },
      end: () => {
        for (const pid of pids) process.kill(pid, 'SIGKILL');
      },
    };
  }
  throw new Error('the family never came to be');
}
