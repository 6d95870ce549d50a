/** A recording in the place of the kernel: where we are in it, and the table of that moment. */
import type { Template } from '../templates/template.ts';
import { type Collected, type CollectOptions, Collector } from './collector.ts';
import { RecordedOrigin } from './recorded-source.ts';
import { DamagedError, Recording } from './recording.ts';

/** Where a view is in its recording. */
export interface Position {
  readonly index: number;
  readonly count: number;
  /** Names of users on the host that was recorded. */
  readonly users: ReadonlyMap<number, string>;
  /** Refreshes that could not be read on the way here. */
  readonly skipped: number;
}

/** By refreshes, to a time, or to the refresh that is nearest to one. */
export type Move = { readonly by: number } | { readonly to: number } | { readonly near: number };

/** A screen has no use for more of them. */
const LEAST_MS = 50;
/** What was not recorded is not waited for: so many intervals at most. */
const GAP = 3;

export class Player implements Disposable {
  readonly recording: Recording;
  readonly #origin: RecordedOrigin;
  #collector: Collector | null = null;
  /** Where we want to be; the direction that we came from. */
  #target = 0;
  #direction = 1;
  /** What the collector has seen last. */
  #seen = -1;
  #seenAs = '';
  #skipped = 0;
  #stepped = false;

  /** @throws UsageError, BadRecordingError */
  constructor(file: string) {
    this.recording = new Recording(file);
    this.#origin = new RecordedOrigin(this.recording);
  }

  get position(): Position {
    const { count } = this.recording;
    return { index: this.#target, count, users: this.#origin.refresh.users, skipped: this.#skipped };
  }

  get index(): number {
    return this.#target;
  }

  get collector(): Collector | null {
    return this.#collector;
  }

  /** The refresh collected last follows the one before it, and both were collected for the same question. */
  get stepped(): boolean {
    return this.#stepped;
  }

  get atEnd(): boolean {
    return this.#target >= this.recording.count - 1;
  }

  move(move: Move): void {
    const { recording } = this;
    const to =
      'by' in move
        ? this.#target + move.by
        : 'to' in move
          ? recording.indexAt(move.to)
          : recording.indexNear(move.near);
    const target = Math.max(0, Math.min(to, recording.count - 1));
    this.#direction = target < this.#target ? -1 : 1;
    this.#target = target;
  }

  /** Milliseconds until the next refresh is due, and which that is. */
  next(speed: number): { readonly delay: number; readonly index: number } {
    const { times, count } = this.recording;
    const now = times[this.#target]!;
    const index = Math.min(this.#target + 1, count - 1);
    const gap = GAP * this.recording.segment(this.#target).question.interval;
    const delay = Math.min(times[index]! - now, gap) / speed;
    if (delay >= LEAST_MS) return { delay, index };
    return { delay: LEAST_MS, index: Math.max(index, this.recording.indexAt(now + LEAST_MS * speed)) };
  }

  /** The table of where we want to be, or of the nearest refresh that can be read. @throws BadRecordingError where none can */
  collect(template: Template, options: CollectOptions): Collected {
    this.#skipped = 0;
    for (;;) {
      try {
        return this.#collect(template, options);
      } catch (error) {
        this.#seen = -1;
        if (!(error instanceof DamagedError)) throw error;
        // On, the way that we came; where there is nothing, back.
        if (this.#direction > 0 && error.resume >= this.recording.count) this.#direction = -1;
        const target = this.#direction > 0 ? Math.max(error.resume, this.#target) : error.first - 1;
        if (target < 0) {
          if (error.resume >= this.recording.count) throw error;
          this.#direction = 1;
        }
        this.#skipped = Math.max(this.#skipped, error.resume - error.first);
        this.#target = target < 0 ? error.resume : target;
      }
    }
  }

  #collect(template: Template, options: CollectOptions): Collected {
    const target = this.#target;
    const as = JSON.stringify([options.columns, options.filters, options.switches, options.where]);
    const based = this.#goToBase(target - 1);
    if (this.#collector?.template !== template) {
      this.#collector?.close();
      const { pageSize, hz } = this.recording.segment(target);
      const userName = (uid: number) => this.#origin.refresh.users.get(uid);
      this.#collector = new Collector(template, this.#origin, userName, pageSize, hz);
      this.#seen = -1;
    }
    this.#stepped = this.#seen === target - 1 && as === this.#seenAs;
    if (!this.#stepped) {
      // A rate needs the refresh before as its base.
      this.#collector.forget();
      if (based) this.#collector.readBase(options);
    }
    this.#seen = -1;
    this.#origin.go(target);
    const collected = this.#collector.collect(options);
    this.#seen = target;
    this.#seenAs = as;
    return collected;
  }

  /** @returns whether there is a refresh before the one that is wanted, and it can be read */
  #goToBase(index: number): boolean {
    if (index < 0) {
      this.#origin.go(0);
      return false;
    }
    try {
      this.#origin.go(index);
      return true;
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      this.#origin.go(index + 1);
      return false;
    }
  }

  close(): void {
    this.#collector?.close();
    this.recording.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
