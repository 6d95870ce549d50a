/** The way to other hosts, before the screen is taken: what ssh asks is answered here, and what is copied is shown. */
import type { RemoteHost } from './state/remote.ts';
import { sanitize } from './templates/text.ts';

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0);

/**
 * Connects all at once; then those that would have asked, one after another, where there is a terminal to ask on.
 * @returns why the others are not there, by name
 */
export async function connectHosts(
  hosts: readonly RemoteHost[],
  ask = process.stdin.isTTY === true && process.stderr.isTTY,
  out: NodeJS.WriteStream = process.stderr,
): Promise<ReadonlyMap<string, string>> {
  const left = new Map<string, string>();
  const asking: RemoteHost[] = [];
  using progress = new Progress(out);
  const told = progress.told.bind(progress);
  await Promise.all(
    hosts.map(async (host) => {
      const { why, asks } = await host.connect(false, told);
      if (asks && ask) asking.push(host);
      else if (why !== '') left.set(host.name, why);
    }),
  );
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

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  told(host: string, sent: number, all: number): void {
    if (!this.#out.isTTY) return;
    if (sent < all) this.#copies.set(host, `${host}: ${megabytes(sent)} of ${megabytes(all)} MB`);
    else this.#copies.delete(host);
    const now = performance.now();
    if (now - this.#written < 200 && sent < all) return;
    this.#written = now;
    this.clear();
    const line = sanitize(`itertop is taken to ${[...this.#copies.values()].join(', ')}`);
    if (this.#copies.size > 0) this.#out.write(line.slice(0, this.#out.columns - 1));
  }

  clear(): void {
    if (this.#written > 0) this.#out.write('\r\x1b[K');
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}
