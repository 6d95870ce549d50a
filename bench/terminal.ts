/** A program in a terminal of 200x50, and when which bytes came out of it. */
import { type IPty, spawn } from '@lydell/node-pty';

const COLUMNS = 200;
const ROWS = 50;

export const ITERTOP = [process.execPath, new URL('../dist/itertop.js', import.meta.url).pathname];

export class Terminal implements Disposable {
  readonly started = performance.now();
  bytes = 0;
  /** What has come since it was last emptied. */
  text = '';
  readonly #pty: IPty;
  #listener: (at: number) => void = () => {};
  #ended = false;

  constructor(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [file, ...args] = command;
    this.#pty = spawn(file, args, {
      cols: COLUMNS,
      rows: ROWS,
      encoding: null,
      env: { ...(process.env as Record<string, string>), TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', ...env },
    });
    // With encoding null node-pty gives buffers, whatever its types say.
    this.#pty.onData((data: unknown) => {
      const at = performance.now();
      const chunk = data as Buffer;
      this.bytes += chunk.length;
      this.text += chunk.toString('latin1');
      this.#listener(at);
    });
    this.#pty.onExit(() => {
      this.#ended = true;
      this.#listener(performance.now());
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  write(keys: string): void {
    this.#pty.write(keys);
  }

  /** Resolves with the time at which `text` first matched. @throws Error after `limit` ms, or where the program ended */
  async until(pattern: RegExp, limit = 10_000): Promise<number> {
    return await new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${why}: ${JSON.stringify(this.text.slice(-300))}`));
      const late = setTimeout(() => fail(`no ${pattern} within ${limit} ms`), limit);
      const look = (at: number) => {
        if (pattern.test(this.text)) resolve(at);
        else if (this.#ended) fail(`the program ended before ${pattern}`);
        else return;
        clearTimeout(late);
        this.#listener = () => {};
      };
      this.#listener = look;
      look(performance.now());
    });
  }

  [Symbol.dispose](): void {
    if (!this.#ended) this.#pty.kill('SIGKILL');
  }
}

/** A row of processes: PID, user, priority and nice value. */
export function processRow(user: string): RegExp {
  const gap = String.raw`(?:\s|\x1b\[[\d;?]*[A-Za-z]|\x1b\(B)+`;
  return new RegExp(String.raw`\d${gap}${user}${gap}-?(?:\d+|rt)${gap}-?\d+${gap}`);
}
