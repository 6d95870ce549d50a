/** A recording without an end: parts in a folder, of which the oldest go. */
import fs from 'node:fs';
import path from 'node:path';
import { makeFolder } from './make-folder.ts';
import { refuseOthersFolder } from './own-file.ts';
import type { FrameSink } from './recorder.ts';
import { EXTENSION } from './recording.ts';
import { RecordingWriter } from './recording-file.ts';
import type { Retention } from './span.ts';

/** So many parts make up what is kept: what goes at once is that share of it. */
const SHARES = 16;
const LEAST_PART = 1 << 14;
const MOST_PART = 1 << 26;

export class Parts implements FrameSink {
  readonly folder: string;
  readonly #template: string;
  readonly #retention: Retention;
  readonly #partBytes: number;
  #writer: RecordingWriter | null = null;
  #begun = 0;

  /** @throws UsageError where there is no such folder and none can be made, or it is another user's */
  constructor(folder: string, template: string, retention: Retention) {
    this.folder = path.resolve(folder);
    this.#template = template;
    this.#retention = retention;
    this.#partBytes = Math.max(LEAST_PART, Math.min(retention.bytes / SHARES, MOST_PART));
    makeFolder(this.folder);
    refuseOthersFolder(this.folder);
  }

  get writer(): RecordingWriter {
    if (!this.#writer) throw new Error('no part was begun');
    return this.#writer;
  }

  turn(now: number): boolean {
    const age = now - this.#begun;
    if (this.#writer && this.#writer.size < this.#partBytes && age < this.#retention.age / SHARES && age >= 0)
      return false;
    this.#writer?.close();
    this.#writer = null;
    this.#drop(now);
    // In this order they are replayed; a second apart or more, but for a test's.
    const stamp = new Date(now).toISOString().replaceAll(/[-:.]/g, '');
    for (let n = 0; !this.#writer; n++) {
      const name = `${this.#template}-${stamp}${n === 0 ? '' : `-${n}`}${EXTENSION}`;
      try {
        this.#writer = new RecordingWriter(path.join(this.folder, name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || n > 99) throw error;
      }
    }
    this.#begun = now;
    return true;
  }

  /** Removes the oldest parts of this table, until there is room for a further one. */
  #drop(now: number): void {
    const own = new RegExp(`^${this.#template}-\\d{8}T\\d{9}Z(-\\d+)?\\${EXTENSION}$`);
    const parts = fs
      .readdirSync(this.folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && own.test(entry.name))
      .map(({ name }) => path.join(this.folder, name))
      .sort()
      .map((file) => ({ file, stat: fs.statSync(file) }));
    // What stands at the begin of a part may be larger than a part is meant to be.
    const next = parts.reduce((most, { stat }) => Math.max(most, stat.size), this.#partBytes);
    let total = parts.reduce((sum, { stat }) => sum + stat.size, 0) + next;
    for (const { file, stat } of parts) {
      if (total <= this.#retention.bytes && now - stat.mtimeMs <= this.#retention.age) break;
      fs.rmSync(file, { force: true });
      total -= stat.size;
    }
  }

  close(): void {
    this.#writer?.close();
    this.#writer = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
