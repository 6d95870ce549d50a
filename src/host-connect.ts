/** The way to other hosts, before the screen is taken: what ssh asks is answered here, and what is copied is shown. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RemoteHost } from './state/remote.ts';
import { sanitize } from './templates/text.ts';

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0);

export interface ConnectOptions {
  /** There is somebody to ask. */
  readonly ask?: boolean;
  /** Milliseconds after which those that have said nothing are left to themselves; absent: each is waited for. */
  readonly patience?: number;
  readonly out?: NodeJS.WriteStream;
}

/**
 * Connects all at once; then those that would have asked, one after another, where there is a terminal to ask on.
 * @returns why the others are not there, by name
 */
export async function connectHosts(
  hosts: readonly RemoteHost[],
  { ask = process.stdin.isTTY === true && process.stderr.isTTY, patience, out = process.stderr }: ConnectOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const left = new Map<string, string>();
  const asking: RemoteHost[] = [];
  using progress = new Progress(out);
  const told = progress.told.bind(progress);
  const all = Promise.all(
    hosts.map(async (host) => {
      const { why, asks } = await host.connect(false, told);
      if (asks && ask) asking.push(host);
      else if (why !== '') left.set(host.name, why);
    }),
  );
  await (patience === undefined ? all : Promise.race([all, progress.rest(patience)]));
  // Those that are late may not ask any more.
  for (const host of hosts.filter((h) => asking.includes(h))) {
    progress.clear();
    const { why } = await host.connect(true, told);
    if (why !== '') left.set(host.name, why);
  }
  return left;
}

/** One line that says how far copies are: `to a: 3.1 of 42 MB, b: 12 of 42 MB`. */
class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #copies = new Map<string, string>();
  #written = 0;
  #told = 0;
  /** The screen is somebody else's by now; those that are late go on. */
  #over = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  told(host: string, sent: number, all: number): void {
    this.#told = performance.now();
    if (!this.#out.isTTY || this.#over) return;
    if (sent < all) this.#copies.set(host, `${host}: ${megabytes(sent)} of ${megabytes(all)} MB`);
    else this.#copies.delete(host);
    const now = performance.now();
    if (now - this.#written < 200 && sent < all) return;
    this.#written = now;
    this.clear();
    const line = sanitize(`itertop is taken to ${[...this.#copies.values()].join(', ')}`);
    if (this.#copies.size > 0) this.#out.write(line.slice(0, this.#out.columns - 1));
  }

  /** When nothing has been copied for so many milliseconds. */
  async rest(ms: number): Promise<void> {
    const began = performance.now();
    for (let left = ms; left > 0; left = Math.max(began, this.#told) + ms - performance.now())
      await sleep(left, undefined, { ref: false });
  }

  clear(): void {
    if (this.#written > 0) this.#out.write('\r\x1b[K');
  }

  [Symbol.dispose](): void {
    this.clear();
    this.#over = true;
  }
}
