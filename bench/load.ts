/** Things to look at, held by child processes for as long as the load is not disposed of. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';

export type Kind = 'threads' | 'sockets' | 'files';

const HOLDER = new URL('./holder.ts', import.meta.url).pathname;
/** Open files are held by a process with one thread: lsof lists those of each thread, and Node has seven. */
const HOLD_FILES = 'for ((i = 0; i < $0; i++)); do exec {fd}</dev/null; done; echo ready; read -r _';
/** Per process: about what a large server has, and for sockets well below the range of ephemeral ports. */
const MOST: Readonly<Record<Kind, number>> = { threads: 1000, sockets: 8000, files: 10_000 };
/** Descriptors that a process needs for itself. */
const OWN_FILES = 100;
/** A holder that was told to end and has not by now is killed. */
const END_WAIT = 5000;

export class Load implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];

  /** @throws Error where a limit of this system does not allow so many */
  static async start(kind: Kind, count: number): Promise<Load> {
    const load = new Load();
    try {
      const most = Math.min(MOST[kind], kind === 'threads' ? Number.POSITIVE_INFINITY : fileLimit() - OWN_FILES);
      const holders = Math.ceil(count / most);
      const each = Math.ceil(count / holders / 2) * 2;
      await Promise.all(Array.from({ length: holders }, (_, i) => load.#hold(kind, each, `127.0.0.${i + 10}`)));
      return load;
    } catch (error) {
      await load[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #hold(kind: Kind, count: number, address: string): Promise<void> {
    const [file, ...args] =
      kind === 'files'
        ? ['bash', '-c', HOLD_FILES, String(count)]
        : [process.execPath, HOLDER, kind, String(count), address];
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#children.push(child);
    let words = '';
    child.stderr.on('data', (text) => {
      words += text;
    });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${count} ${kind} could not be set up (exit ${code}): ${words.trim().split('\n').at(-1) ?? ''}`);
    });
    ended.catch(() => {});
    await Promise.race([once(child.stdout, 'data'), ended]);
  }

  /** Ends the children, each by its own handle, and waits for them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.stdin!.on('error', () => {}).end();
        const late = setTimeout(() => child.kill('SIGKILL'), END_WAIT);
        await ended;
        clearTimeout(late);
      }),
    );
  }
}

/** The hard limit of open files: Node raises its soft one to it when it starts, and its children inherit that. */
function fileLimit(): number {
  const limits = fs.readFileSync('/proc/self/limits', 'latin1');
  const hard = /^Max open files +\S+ +(\S+)/m.exec(limits)?.[1] ?? '1024';
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}
