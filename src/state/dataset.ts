/**
 * Rows as a data set: Parquet files in folders `template=/host=/date=/hour=` (UTC; Hive's form, which query engines read as
 * columns). A file is closed after so many bytes or so long, at the latest with its hour, and has its name only then:
 * when it began, a mark of its columns, and something of chance.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AtomicFile } from './atomic-file.ts';
import { makeFolder } from './make-folder.ts';
import { refuseOthersFolder, refusePlanted } from './own-file.ts';
import { ParquetSnapshots, writtenColumns } from './parquet.ts';
import type { Snapshot } from './snapshot.ts';
import type { Retention } from './span.ts';

/** What is being written. */
interface Part {
  readonly folder: string;
  readonly file: AtomicFile;
  readonly writer: ParquetSnapshots;
  /** Of its first refresh. */
  readonly begin: number;
  bytes: number;
}

/** Milliseconds. */
const HOUR = 3_600_000;
/** How much later than its hour a part may have rows, in milliseconds. */
const LATE = 300_000;

export class Dataset {
  readonly #folder: string;
  readonly #roll: Retention;
  /** By what does not change with time: the table and the host, and its kernel as long as it runs. */
  readonly #parts = new Map<string, Part>();

  constructor(folder: string, roll: Retention) {
    this.#folder = path.resolve(folder);
    this.#roll = roll;
  }

  /** @throws UsageError where a folder cannot be made or written to, or is another user's */
  take(snapshot: Snapshot): void {
    const { host, stats } = snapshot;
    const { begin } = stats;
    const partitions = partitionsOf(snapshot);
    const whose = [...partitions.slice(0, 2), host?.kernel, host?.btf].join('/');
    const folder = path.join(this.#folder, ...partitions);
    this.#closeLeft(begin);
    let part = this.#parts.get(whose);
    const full = part && (part.bytes >= this.#roll.bytes || begin - part.begin >= this.#roll.age);
    if (part && (full || part.folder !== folder)) {
      this.#parts.delete(whose);
      this.#close(part);
      part = undefined;
    }
    part ??= this.#begin(folder, partitions, snapshot);
    this.#parts.set(whose, part);
    for (const piece of part.writer.snapshot(snapshot)) this.#write(part, piece);
  }

  /** Those of hosts that do not answer any more, when their hour is over. @param now a host's; clocks differ a little */
  #closeLeft(now: number): void {
    for (const [whose, part] of this.#parts) {
      if (now < (Math.floor(part.begin / HOUR) + 1) * HOUR + LATE) continue;
      this.#parts.delete(whose);
      this.#close(part);
    }
  }

  #close(part: Part): void {
    this.#write(part, part.writer.end());
    part.file.commit(false);
  }

  /** What was begun gets its name. */
  close(): void {
    for (const part of this.#parts.values()) this.#close(part);
    this.#parts.clear();
  }

  /** What was begun goes, after an error. */
  discard(): void {
    for (const part of this.#parts.values()) part.file.discard();
    this.#parts.clear();
  }

  #begin(folder: string, partitions: readonly string[], snapshot: Snapshot): Part {
    const { begin } = snapshot.stats;
    makeFolder(this.#folder);
    refuseOthersFolder(this.#folder);
    // One by one: a link that somebody has planted here would lead elsewhere.
    for (let depth = 1; depth <= partitions.length; depth++) {
      const each = path.join(this.#folder, ...partitions.slice(0, depth));
      if (!fs.lstatSync(each, { throwIfNoEntry: false })) makeFolder(each);
      refusePlanted(each);
    }
    const time = new Date(begin).toISOString().replace(/[-:.]/g, '');
    const name = `${time}-${schemaOf(snapshot)}-${randomBytes(4).toString('hex')}.parquet`;
    const file = new AtomicFile(path.join(folder, name));
    return { folder, file, writer: new ParquetSnapshots(), begin, bytes: 0 };
  }

  #write(part: Part, bytes: Uint8Array): void {
    part.file.write(bytes);
    part.bytes += bytes.length;
  }
}

/**
 * Files whose names have this in common have the same columns, of the same types: who reads many of them need not look
 * into each to know.
 */
function schemaOf(snapshot: Snapshot): string {
  const columns = writtenColumns(snapshot).map(({ name, kind }) => `${name} ${kind}`);
  return `s${createHash('sha256').update(columns.join('\n')).digest('hex').slice(0, 8)}`;
}

/** Folders by values that queries leave files out by; what a name may not have is percent-encoded, as Hive does. */
function partitionsOf(snapshot: Snapshot): string[] {
  const [date, time] = new Date(snapshot.stats.begin).toISOString().split('T') as [string, string];
  const values = {
    template: tableName(snapshot),
    host: snapshot.host?.host ?? os.hostname(),
    date,
    hour: time.slice(0, 2),
  };
  return Object.entries(values).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
}

/** Rows with other columns are another table: those of each map, groups, and differences. */
function tableName({ table, grouped, continued }: Snapshot): string {
  const { name, map } = table.template;
  return [
    name,
    ...(map ? [map.name || String(map.id)] : []),
    ...(grouped ? ['by', grouped.by] : []),
    ...(continued === undefined ? [] : ['changes']),
  ].join('_');
}
