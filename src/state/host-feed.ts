/** One host of several: what runs there, the newest of what it has sent, and how it is. */
import type { Readable } from 'node:stream';
import type { Template } from '../templates/template.ts';
import { type Collected, type CollectOptions, Collector } from './collector.ts';
import { RefreshOrigin } from './recorded-source.ts';
import type { Refresh } from './refresh-reader.ts';
import { RefreshStream } from './refresh-stream.ts';

/** A command that runs on a host. */
export interface HostRun {
  /** A recording; ends when the command does. */
  readonly stdout: Readable;
  /** Why it ended, in words; '' where it was to end. Never rejects. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface Host {
  readonly name: string;
  /** @param args words behind `itertop` */
  run(args: readonly string[]): HostRun;
}

type HostCondition =
  /** It has not answered yet. */
  | 'awaited'
  | 'live'
  /** Nothing has come for longer than a few intervals. */
  | 'slow'
  /** What ran there has ended, or was ended: its reason says why. */
  | 'gone';

/** How a host is; plain data, which crosses threads. */
export interface HostStatus {
  readonly name: string;
  readonly condition: HostCondition;
  /** Why it is gone; '' otherwise. */
  readonly reason: string;
  /** Milliseconds since it answered last, and until it is tried again; -1 where it never did, or is not. */
  readonly silent: number;
  readonly again: number;
  /** Rows of it that are shown. */
  readonly rows: number;
  /** uname -r there; '' where it is not known yet. */
  readonly kernel: string;
  /** Which types that kernel has, as btfId() has it, where it is known. */
  readonly btf?: string | undefined;
  /** Column -> why it is not there. */
  readonly absent: ReadonlyMap<string, string>;
}

/** Without an answer for so many intervals, and so many milliseconds more, a host is slow. */
const SLOW_INTERVALS = 3;
const SLOW_MS = 1000;
/** Pauses before it is tried again: the first, twice as long each time, the longest. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;
/** A run that lasted so long was well: after it pauses begin again with the first. */
const LASTING = 15_000;
/** A host may be ahead of what it was asked for by so many refreshes, and twice as fast. */
const AHEAD = 20;
/** Rows of a host that does not answer leave after so many milliseconds. */
const KEPT = 60_000;

const NONE: ReadonlyMap<string, string> = new Map();

/** A run and what came of it. */
interface Running {
  readonly run: HostRun;
  readonly began: number;
  refreshes: number;
  /** Milliseconds between its last two: what reading costs there may stretch its interval. */
  gap: number;
}

export class HostFeed {
  readonly name: string;
  readonly #host: Host;
  readonly #changed: () => void;
  readonly #origin = new RefreshOrigin();
  #args: readonly string[] | null = null;
  #interval = 1000;
  #running: Running | null = null;
  /** The newest that was not collected yet. */
  #fresh: Refresh | null = null;
  #collector: Collector | null = null;
  #collected: Collected | null = null;
  #kernel = '';
  #btf: string | undefined;
  #users: ReadonlyMap<number, string> = new Map();
  /** By a clock that only goes forward; NaN where it has not answered yet. */
  #answeredAt = Number.NaN;
  #reason = '';
  #attempts = 0;
  #again = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param changed called when it has answered for the first time since it was asked, or has gone */
  constructor(host: Host, changed: () => void) {
    this.name = host.name;
    this.#host = host;
    this.#changed = changed;
  }

  /** Names of the users of that host, as far as its rows have them. */
  get users(): ReadonlyMap<number, string> {
    return this.#users;
  }
  get collector(): Collector | null {
    return this.#collector;
  }
  /** It has answered what it was asked last, or cannot. */
  get settled(): boolean {
    return this.renewed || (this.#running?.refreshes ?? 0) > 0;
  }

  /** There is something newer than was collected, or nothing to wait for. */
  get renewed(): boolean {
    return this.#fresh !== null || this.#reason !== '' || this.#args === null;
  }

  /** Begins what is to run there anew; what was sent so far stays until there is something newer. */
  ask(args: readonly string[], interval: number): void {
    this.#args = args;
    this.#interval = interval;
    this.#attempts = 0;
    this.#reason = '';
    this.#begin();
  }

  /** Ends what runs there. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#args = null;
    this.#reason = '';
    this.#again = 0;
    this.#end();
  }

  #end(): void {
    void this.#running?.run.stop();
    this.#running = null;
    this.#fresh = null;
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#again = 0;
    this.#end();
    const run = this.#host.run(this.#args!);
    const running: Running = { run, began: performance.now(), refreshes: 0, gap: 0 };
    const stream = new RefreshStream();
    this.#running = running;
    run.stdout.on('data', (bytes: Buffer) => {
      if (this.#running !== running) return;
      try {
        stream.push(bytes, (refresh) => this.#received(running, refresh));
      } catch (error) {
        // Whatever is wrong with what others send is no reason to end here.
        this.#failed(running, (error as Error).message);
      }
    });
    run.stdout.on('error', (error) => this.#failed(running, error.message));
    void run.ended.then((why) => this.#failed(running, why || 'it has ended'));
  }

  #received(running: Running, refresh: Refresh): void {
    if (this.#running !== running) return;
    const since = performance.now() - running.began;
    if (++running.refreshes > AHEAD + (since / this.#interval) * 2) {
      this.#failed(
        running,
        `it sends more than it is asked for: ${running.refreshes} refreshes in ${Math.ceil(since / 1000)} s`,
      );
      return;
    }
    const first = running.refreshes === 1;
    this.#fresh = refresh;
    this.#reason = '';
    const now = performance.now();
    if (!first) running.gap = now - this.#answeredAt;
    this.#answeredAt = now;
    if (since > LASTING) this.#attempts = 0;
    if (first) this.#changed();
  }

  /** Tries again after a pause. */
  #failed(running: Running, reason: string): void {
    if (this.#running !== running) return;
    const lasted = performance.now() - running.began > LASTING && running.refreshes > 0;
    this.#end();
    this.#reason = reason;
    this.#attempts = lasted ? 1 : this.#attempts + 1;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.#attempts - 1));
    this.#again = performance.now() + pause;
    this.#timer = setTimeout(() => this.#begin(), pause);
    this.#changed();
  }

  /** What there is of it now; null where there is nothing, or nothing any more. */
  collect(template: Template, options: CollectOptions): Collected | null {
    const refresh = this.#fresh;
    const running = this.#running;
    if (refresh && running) {
      this.#fresh = null;
      try {
        this.#collected = this.#read(refresh, template, options);
        this.#users = refresh.users;
        this.#kernel = refresh.segment.kernel;
        this.#btf = refresh.segment.btf;
      } catch (error) {
        this.#failed(running, (error as Error).message);
      }
    }
    const kept = this.#collected?.table.template === template && performance.now() - this.#answeredAt < KEPT;
    if (!kept) this.#collected = null;
    return this.#collected;
  }

  #read(refresh: Refresh, template: Template, options: CollectOptions): Collected {
    const { segment } = refresh;
    if (segment.templates[0]!.name !== template.name)
      throw new Error(`it sends rows of ${segment.templates[0]!.name}, not of ${template.name}`);
    this.#origin.refresh = refresh;
    if (this.#collector?.template !== template) {
      this.#collector?.close();
      const userName = (uid: number) => this.#users.get(uid);
      this.#collector = new Collector(template, this.#origin, userName, segment.pageSize, segment.hz, this.name);
    }
    return this.#collector.collect({ ...options, filters: {}, netns: 'self' });
  }

  status(template: Template): HostStatus {
    const collected = this.#collected?.table.template === template ? this.#collected : null;
    const silent = performance.now() - this.#answeredAt;
    const slow = silent > SLOW_INTERVALS * Math.max(this.#interval, this.#running?.gap ?? 0) + SLOW_MS;
    const answers = (collected && !Number.isNaN(this.#answeredAt)) || this.#args === null;
    return {
      name: this.name,
      condition: this.#reason !== '' ? 'gone' : !answers ? 'awaited' : slow && this.#args ? 'slow' : 'live',
      reason: this.#reason,
      silent: Number.isNaN(silent) ? -1 : silent,
      again: this.#again > 0 ? Math.max(0, this.#again - performance.now()) : -1,
      rows: collected?.table.rows ?? 0,
      kernel: this.#kernel,
      btf: this.#btf,
      absent: collected?.absent ?? NONE,
    };
  }

  close(): void {
    this.rest();
    this.#collector?.close();
  }
}
