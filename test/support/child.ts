/** Child processes that hold kernel objects for a test and do what it says, step by step. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** What a function in the child finds: Node's modules by name, libc by C prototype (throws on -1), a place to keep things. */
export interface Tools {
  // biome-ignore lint/suspicious/noExplicitAny: kept across calls by the test that wrote it
  readonly kept: any;
  // biome-ignore lint/suspicious/noExplicitAny: as the prototype says
  libc(prototype: string): (...args: any[]) => any;
  node<T>(name: string): T;
}

const MAIN = new URL('./child-main.mjs', import.meta.url).pathname;

export interface ChildOptions {
  /** A command that runs the child: `['unshare', '-n']`. */
  readonly through?: readonly string[];
  readonly argv0?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly exe?: string;
  readonly args?: readonly string[];
}

export class Child implements AsyncDisposable {
  readonly process: ChildProcess;
  #answers: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  #pid: number;

  private constructor(child: ChildProcess) {
    this.process = child;
    this.#pid = child.pid ?? -1;
    child.on('message', (message: { value?: unknown; error?: string }) => {
      const waiting = this.#answers.shift();
      if (message.error === undefined) waiting?.resolve(message.value);
      else waiting?.reject(new Error(`in the child: ${message.error}`));
    });
    child.on('exit', (code, signal) => {
      for (const waiting of this.#answers.splice(0))
        waiting.reject(new Error(`the child ended (code ${code}, signal ${signal})`));
    });
  }

  static async start(options: ChildOptions = {}): Promise<Child> {
    const command = [...(options.through ?? []), options.exe ?? process.execPath, MAIN, ...(options.args ?? [])];
    const child = spawn(command[0], command.slice(1), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    const held = new Child(child);
    await held.#answer();
    // `unshare --fork` stays as the parent of the one that answers.
    held.#pid = await held.run(({ node }) => Number(node<typeof import('node:fs')>('fs').readlinkSync('/proc/self')));
    return held;
  }

  get pid(): number {
    return this.#pid;
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => this.#answers.push({ resolve, reject }));
  }

  /** Runs a function there. It sees only what it is given: its source travels, not what it closes over. */
  run<T>(f: (tools: Tools) => T | Promise<T>): Promise<T>;
  run<A, T>(f: (tools: Tools, argument: A) => T | Promise<T>, argument: A): Promise<T>;
  async run<A, T>(f: (tools: Tools, argument: A) => T | Promise<T>, argument?: A): Promise<T> {
    const answer = this.#answer();
    this.process.send({ source: f.toString(), argument });
    return (await answer) as T;
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'exit');
    try {
      process.kill(this.#pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
    this.process.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
