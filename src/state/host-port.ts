/**
 * Hosts for the thread that reads: what runs on them is started in the thread that has the terminal, where connections
 * are made, and their bytes cross over, no more at a time than the other side takes.
 */
import { PassThrough } from 'node:stream';
import type { Host, HostRun } from './host-feed.ts';

export type ToHosts =
  | { readonly type: 'hostRun'; readonly run: number; readonly host: string; readonly args: readonly string[] }
  | { readonly type: 'hostStop'; readonly run: number }
  /** So many bytes have been dealt with. */
  | { readonly type: 'hostTaken'; readonly run: number; readonly bytes: number };

export type FromHosts =
  | { readonly type: 'hostSent'; readonly run: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'hostEnded'; readonly run: number; readonly why: string };

/** Bytes of one run that are under way. */
const WINDOW = 1 << 22;

/** The thread with the connections. */
export class HostPump {
  readonly #hosts: readonly Host[];
  readonly #post: (message: FromHosts, transfer: readonly ArrayBuffer[]) => void;
  readonly #runs = new Map<number, { readonly run: HostRun; under: number }>();

  constructor(hosts: readonly Host[], post: (message: FromHosts, transfer: readonly ArrayBuffer[]) => void) {
    this.#hosts = hosts;
    this.#post = post;
  }

  received(message: ToHosts): void {
    if (message.type === 'hostRun') this.#begin(message.run, message.host, message.args);
    else if (message.type === 'hostStop') this.#stop(message.run);
    else {
      const running = this.#runs.get(message.run);
      if (!running) return;
      running.under -= message.bytes;
      if (running.under < WINDOW) running.run.stdout.resume();
    }
  }

  #begin(id: number, name: string, args: readonly string[]): void {
    const host = this.#hosts.find((each) => each.name === name)!;
    const running = { run: host.run(args), under: 0 };
    const { stdout, ended } = running.run;
    this.#runs.set(id, running);
    stdout.on('data', (chunk: Buffer) => {
      if (this.#runs.get(id) !== running) return;
      // In memory of its own, which can be handed over.
      const bytes = Uint8Array.from(chunk);
      running.under += bytes.length;
      if (running.under >= WINDOW) stdout.pause();
      this.#post({ type: 'hostSent', run: id, bytes }, [bytes.buffer]);
    });
    // Its end says why.
    stdout.on('error', () => {});
    void ended.then((why) => {
      // A thread that was begun anew counts from the beginning.
      if (this.#runs.get(id) !== running) return;
      this.#runs.delete(id);
      this.#post({ type: 'hostEnded', run: id, why }, []);
    });
  }

  #stop(id: number): void {
    const running = this.#runs.get(id);
    this.#runs.delete(id);
    running?.run.stdout.resume();
    void running?.run.stop();
  }

  /** Ends all that runs: nobody reads it any more. */
  stop(): void {
    for (const id of [...this.#runs.keys()]) this.#stop(id);
  }
}

/** The thread that reads. */
export class PortHosts {
  readonly hosts: readonly Host[];
  readonly #post: (message: ToHosts) => void;
  readonly #runs = new Map<number, { readonly stdout: PassThrough; readonly end: (why: string) => void }>();
  #next = 0;

  constructor(names: readonly string[], post: (message: ToHosts) => void) {
    this.#post = post;
    this.hosts = names.map((name) => ({ name, run: (args) => this.#run(name, args) }));
  }

  #run(host: string, args: readonly string[]): HostRun {
    const run = this.#next++;
    const stdout = new PassThrough();
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    const end = (why: string) => {
      this.#runs.delete(run);
      stdout.end();
      resolve(why);
    };
    this.#runs.set(run, { stdout, end });
    this.#post({ type: 'hostRun', run, host, args });
    const stop = async () => {
      if (!this.#runs.has(run)) return;
      this.#post({ type: 'hostStop', run });
      end('');
    };
    return { stdout, ended, stop };
  }

  received(message: FromHosts): void {
    const running = this.#runs.get(message.run);
    if (!running) return;
    if (message.type === 'hostEnded') running.end(message.why);
    else {
      const { run, bytes } = message;
      running.stdout.write(Buffer.from(bytes.buffer), () =>
        this.#post({ type: 'hostTaken', run, bytes: bytes.length }),
      );
    }
  }
}
