/**
 * Looks through a recording: forward for the first refresh in which a row fulfils a condition that it did not before, or
 * for when a row that is known came, or was there for the last time.
 */
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
  /** Keys of rows that it is about, some of them where they are many. */
  readonly rows: readonly string[];
  /** Rows fulfil the condition where it began: only anew is found. */
  readonly already?: boolean;
  /** Why it ended without an answer. */
  readonly error: string;
}

/** What is looked for of a row in the place of a condition. */
export const APPEARED = 'appeared';
export const GONE = 'gone';

/** What is looked for: a condition, or with the key of a row one of the words above. */
export interface Sought {
  readonly where: string;
  readonly row?: string;
}

/** One of them is selected: more than a screen has tell nothing. */
const MOST_ROWS = 500;

/** Milliseconds between two looks at what else there is to do. */
const SLICE = 30;

export class Finder implements Disposable {
  readonly #recording: Recording;
  readonly #origin: RecordedOrigin;
  readonly #collector: Collector;
  readonly #options: CollectOptions;
  readonly #sought: Sought;
  /** The last refresh that is looked at; where the row came, as far as is known. */
  readonly #last: number;
  #came = -1;
  #already = false;
  #rows: readonly string[] = [];
  #index: number;
  /** Keys of the rows that fulfilled it in the refresh before; null where that was not read. */
  #before: ReadonlySet<string> | null = null;
  #next: NodeJS.Immediate | undefined;

  /**
   * @param from the refresh after which it begins
   * @param asked what the table is filtered by
   * @throws UsageError, BadRecordingError
   */
  constructor(file: string, template: Template, sought: Sought, from: number, asked: CollectOptions) {
    const { where, row } = sought;
    this.#sought = sought;
    this.#recording = new Recording(file);
    this.#origin = new RecordedOrigin(this.#recording);
    const { pageSize, hz } = this.#recording.segment(from);
    const userName = (uid: number) => this.#origin.refresh.users.get(uid);
    this.#collector = new Collector(template, this.#origin, userName, pageSize, hz);
    const both = asked.where ? `(${asked.where}) && (${where})` : where;
    this.#options = { ...asked, columns: template.key, ...(row === undefined && { where: both }) };
    // When it came is known once all up to here has been looked at: it may have come and gone several times.
    const all = row !== undefined && where === APPEARED;
    this.#last = all ? from : this.#recording.count - 1;
    this.#index = from;
    if (all) {
      this.#index = -1;
      return;
    }
    // Rates need a base; what is wrong with the condition shows at the first look.
    try {
      this.#look(Math.max(0, from - 1));
      this.#look(from);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#already = row === undefined && (this.#before?.size ?? 0) > 0;
  }

  /** Goes on until something is found, the end is reached, or it is closed. */
  run(told: (finding: Finding) => void): void {
    this.#next = setImmediate(() => {
      const end = performance.now() + SLICE;
      try {
        while (performance.now() < end) {
          if (this.#index >= this.#last) return told(this.#finding(this.#came));
          this.#index++;
          const found = this.#step(this.#index);
          if (found >= 0) return told(this.#finding(found));
        }
      } catch (error) {
        return told({ ...this.#finding(-1), error: (error as Error).message });
      }
      told(this.#finding(null));
      this.run(told);
    });
  }

  #finding(found: number | null): Finding {
    const { where } = this.#sought;
    const rows = found === null ? [] : this.#rows;
    const already = this.#already;
    return { where, index: Math.max(0, this.#index), count: this.#last + 1, found, rows, already, error: '' };
  }

  /** @returns the refresh that was looked for; -1 where it is not known yet */
  #step(index: number): number {
    const { row, where } = this.#sought;
    const before = this.#before;
    const came = this.#look(index);
    if (row === undefined) {
      this.#rows = came.slice(0, MOST_ROWS);
      return came.length > 0 ? index : -1;
    }
    this.#rows = [row];
    const there = this.#before?.has(row) ?? false;
    if (where === GONE) return before?.has(row) && this.#before && !there ? index - 1 : -1;
    if (there && !before?.has(row)) this.#came = index;
    return -1;
  }

  /** @returns rows that fulfil it and did not in the refresh before */
  #look(index: number): readonly string[] {
    try {
      this.#origin.go(index);
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      this.#before = null;
      this.#collector.forget();
      this.#index = Math.max(this.#index, Math.min(error.resume, this.#recording.count) - 1);
      return [];
    }
    const { table, after } = this.#collector.collect(this.#options);
    const before = this.#before;
    const now = new Set<string>();
    for (const row of passingRows(table, after)) now.add(table.batch.key(row));
    this.#before = now;
    return before === null ? [] : [...now].filter((key) => !before.has(key));
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
