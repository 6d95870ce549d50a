/** Looks forward through a recording for the first refresh in which a row fulfils a condition that it did not before. */
import type { Template } from '../templates/template.ts';
import { type CollectOptions, Collector } from './collector.ts';
import { passingRows } from './order.ts';
import { RecordedOrigin } from './recorded-source.ts';
import { DamagedError, Recording } from './recording.ts';

/** How far a search has come. */
export interface Finding {
  readonly where: string;
  /** The refresh that was looked at last, of those up to `count`. */
  readonly index: number;
  readonly count: number;
  /** The refresh that was found; -1: none, up to the end; null while it goes on. */
  readonly found: number | null;
  /** Why it ended without an answer. */
  readonly error: string;
}

/** Milliseconds between two looks at what else there is to do. */
const SLICE = 30;

export class Finder implements Disposable {
  readonly #recording: Recording;
  readonly #origin: RecordedOrigin;
  readonly #collector: Collector;
  readonly #options: CollectOptions;
  readonly #where: string;
  #index: number;
  /** Keys of the rows that fulfilled it in the refresh before; null where that was not read. */
  #before: ReadonlySet<string> | null = null;
  #next: NodeJS.Immediate | undefined;

  /**
   * @param from the refresh after which it begins
   * @param asked what the table is filtered by
   * @throws UsageError, BadRecordingError
   */
  constructor(file: string, template: Template, where: string, from: number, asked: CollectOptions) {
    this.#where = where;
    this.#recording = new Recording(file);
    this.#origin = new RecordedOrigin(this.#recording);
    const { pageSize, hz } = this.#recording.segment(from);
    const userName = (uid: number) => this.#origin.refresh.users.get(uid);
    this.#collector = new Collector(template, this.#origin, userName, pageSize, hz);
    const both = asked.where ? `(${asked.where}) && (${where})` : where;
    this.#options = { ...asked, columns: template.key, where: both };
    this.#index = from;
    // Rates need a base; what is wrong with the condition shows at the first look.
    this.#look(Math.max(0, from - 1));
    this.#look(from);
  }

  /** Goes on until something is found, the end is reached, or it is closed. */
  run(told: (finding: Finding) => void): void {
    this.#next = setImmediate(() => {
      const end = performance.now() + SLICE;
      try {
        while (performance.now() < end) {
          if (this.#index + 1 >= this.#recording.count) return told(this.#finding(-1));
          this.#index++;
          if (this.#look(this.#index)) return told(this.#finding(this.#index));
        }
      } catch (error) {
        return told({ ...this.#finding(-1), error: (error as Error).message });
      }
      told(this.#finding(null));
      this.run(told);
    });
  }

  #finding(found: number | null): Finding {
    return { where: this.#where, index: this.#index, count: this.#recording.count, found, error: '' };
  }

  /** @returns whether a row fulfils it that did not in the refresh before */
  #look(index: number): boolean {
    try {
      this.#origin.go(index);
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      this.#before = null;
      this.#collector.forget();
      this.#index = Math.max(this.#index, Math.min(error.resume, this.#recording.count) - 1);
      return false;
    }
    const { table, after } = this.#collector.collect(this.#options);
    const before = this.#before;
    const now = new Set<string>();
    for (const row of passingRows(table, after)) now.add(table.batch.key(row));
    this.#before = now;
    return before !== null && [...now].some((key) => !before.has(key));
  }

  close(): void {
    clearImmediate(this.#next);
    this.#collector.close();
    this.#recording.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
