/** Requests on their way to a collector: in order, one at a time, so many bytes of them at most. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request } from './otlp-records.ts';
import { type Signal, Transport } from './otlp-transport.ts';

/** What waits for the collector, in bytes: as much as a refresh of 100,000 rows. */
const WAITING = 64 << 20;

/** Once it was refused, the collector is asked again after so many milliseconds at first, and at most. */
const PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

/** After SIGTERM or SIGINT so much time is left for what waits. */
const LAST = 5000;

/** Without an answer for so many timeouts a dump that is to end by itself is ended. */
const PATIENCE = 3;

/** The same is not said twice within so many milliseconds, however often it comes and goes. */
const QUIET = 60_000;

export interface Delivered {
  /** Records, or data points. */
  readonly taken: number;
  readonly lost: number;
  /** What was wrong last; '' for nothing. */
  readonly problem: string;
}

export class Delivery {
  readonly transport: Transport;
  readonly #say: (text: string) => void;
  /** What its requests are of, in a word. */
  readonly what: string;
  readonly #finite: boolean;
  readonly #signal: AbortSignal | undefined;
  #waiting: Request[] = [];
  #bytes = 0;
  #taken = 0;
  #lost = 0;
  #problem = '';
  #said = new Map<string, number>();
  /** A problem was told that has not been told to be over. */
  #told = false;
  #full = false;
  #givenUp = false;
  #closed = false;
  #sending: Promise<void> | null = null;
  #progress = performance.now();
  #wake: (() => void)[] = [];

  /**
   * @param finite whether it ends by itself: then nothing is lost for being fast, and a collector that is gone ends it
   * @param ends says when it is time to end
   * @throws UsageError
   */
  constructor(
    signal: Signal,
    base: string | undefined,
    finite: boolean,
    say: (text: string) => void,
    ends: AbortSignal | undefined,
  ) {
    this.#say = say;
    this.#finite = finite;
    this.#signal = ends;
    this.what = signal === 'logs' ? 'rows' : 'values';
    this.transport = new Transport(signal, base, (problem) => this.#attempted(problem), say);
    ends?.addEventListener('abort', () => this.#changed(), { once: true });
  }

  /** Takes it, or counts it as lost. @returns false once there is no use in more */
  async offer(request: Request): Promise<boolean> {
    const full = () => this.#bytes + request.bytes.length > WAITING;
    // What is larger than all that may wait is not waited for.
    const waits = () => this.#finite && this.#bytes > 0 && !this.#givenUp && !this.#signal?.aborted;
    while (full() && waits()) await this.#change();
    if (this.#givenUp || full()) {
      this.#lose(request.count);
      if (!this.#full && !this.#givenUp)
        this.#tell(`${this.what} are left out: ${WAITING >> 20} MiB of them wait for the collector`);
      this.#full = true;
      return !this.#givenUp;
    }
    this.#full = false;
    this.#waiting.push(request);
    this.#bytes += request.bytes.length;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
      this.#changed();
    });
    // Sending goes on in between.
    await new Promise((done) => setImmediate(done));
    return true;
  }

  /** Counts what could not even be made. */
  lose(count: number): void {
    this.#lose(count);
  }

  /** Waits for what waits; for a while only, where the signal says that it is time. */
  async end(): Promise<Delivered> {
    const late = () => this.transport.timeout * PATIENCE < performance.now() - this.#progress;
    let last = Number.POSITIVE_INFINITY;
    this.#progress = performance.now();
    while (this.#waiting.length > 0 && !this.#givenUp) {
      if (this.#signal?.aborted) last = Math.min(last, performance.now() + LAST);
      if (performance.now() >= last || late()) break;
      await Promise.race([this.#change(), sleep(100)]);
    }
    this.#closed = true;
    for (const { count } of this.#waiting) this.#lose(count);
    this.#waiting = [];
    this.transport.close();
    return { taken: this.#taken, lost: this.#lost, problem: this.#problem };
  }

  async #send(): Promise<void> {
    let pause = PAUSE;
    while (this.#waiting.length > 0 && !this.#closed) {
      const request = this.#waiting[0]!;
      const { taken, again, rejected, message } = await this.transport.send(request);
      if (this.#closed) return;
      if (again) {
        if (this.#finite) {
          this.#giveUp();
          return;
        }
        const asked = this.transport.notBefore - performance.now();
        await sleep(Math.max(pause, asked), undefined, { ref: false });
        pause = Math.min(pause * 2, LONGEST_PAUSE);
        continue;
      }
      pause = PAUSE;
      this.#progress = performance.now();
      this.#waiting.shift();
      this.#bytes -= request.bytes.length;
      if (taken) {
        this.#taken += request.count - rejected;
        this.#lose(rejected);
        if (rejected > 0 || message !== '') {
          this.#problem = `rejects ${this.what}${message && `: ${message}`}`;
          this.#tell(
            `${this.transport.place} rejects ${rejected} of ${request.count} ${this.what}${message && `: ${message}`}`,
          );
        }
      } else {
        this.#lose(request.count);
        // What it does not want now it does not want in other words.
        if (this.#finite) {
          this.#giveUp();
          return;
        }
      }
      this.#changed();
    }
  }

  #giveUp(): void {
    this.#givenUp = true;
    this.#changed();
  }

  /** Of each attempt, the SDK's own further ones included. */
  #attempted(problem: string): void {
    if (this.#closed) return;
    if (problem !== '') {
      this.#problem = problem;
      if (this.#tell(`${this.transport.place} ${problem}`)) this.#told = true;
    } else if (this.#told) {
      this.#told = false;
      this.#say(`${this.transport.place} takes ${this.what} again${this.#lost > 0 ? `; ${this.#lost} are lost` : ''}`);
    }
  }

  /** @returns whether it is said */
  #tell(text: string): boolean {
    // Numbers change with each request.
    const kind = text.replace(/\d+/g, 'N');
    const now = performance.now();
    const before = this.#said.get(kind);
    if (before !== undefined && now - before < QUIET) return false;
    this.#said.set(kind, now);
    this.#say(text);
    return true;
  }

  #lose(count: number): void {
    this.#lost += count;
  }

  #change(): Promise<void> {
    return new Promise((done) => this.#wake.push(done));
  }
  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
