/** A recording to be looked at: a file, or a folder of parts. Any refresh of it, and where in time it lies. */
import fs from 'node:fs';
import path from 'node:path';
import type { Template } from '../templates/template.ts';
import { UsageError } from '../templates/template.ts';
import { BadRecordingError } from './byte-stream.ts';
import { DIFFERENCE, type Frame, KEY, RecordingFile, SEGMENT, segmentMark } from './recording-file.ts';
import { type Refresh, RefreshReader } from './refresh-reader.ts';
import { decodeSegment, type Segment } from './segment.ts';

/** Name of a recording, and of a part of one. */
export const EXTENSION = '.itertop';

interface Place {
  readonly file: RecordingFile;
  readonly frame: Frame;
  /** Frame of the segment. */
  readonly segment: Frame;
}

/** A refresh that cannot be read. */
export class DamagedError extends BadRecordingError {
  /** The first of those that cannot be, and the first one after it that stands by itself. */
  readonly first: number;
  readonly resume: number;
  constructor(message: string, first: number, resume: number) {
    super(message);
    this.first = first;
    this.resume = resume;
  }
}

export class Recording implements Disposable {
  readonly path: string;
  /** When each refresh began, ms since the epoch; rising. */
  readonly times: Float64Array;
  readonly rows: Uint32Array;
  /** Bytes on disk, and those of them that cannot be read. */
  readonly size: number;
  readonly lost: number;
  /** Refreshes, at least so many, that are not among these: damaged, or made of what is. A cut end is none. */
  readonly missing: number;
  readonly #files: readonly RecordingFile[];
  readonly #places: readonly Place[];
  #segments = new Map<Frame, Segment>();
  readonly #reader = new RefreshReader();
  /** The refresh that the reader is at. */
  #at = -1;
  #refresh: Refresh | null = null;

  /** @throws UsageError where there is nothing to look at; BadRecordingError for what is no recording */
  constructor(file: string) {
    this.path = file;
    const files: RecordingFile[] = [];
    this.#files = files;
    try {
      for (const part of partsOf(file)) files.push(new RecordingFile(part));
      const placed = placesOf(files);
      const bad = this.#unreadable(placed);
      this.#places = placed.filter(({ segment }) => !bad.has(segment));
      if (this.#places.length === 0)
        throw new UsageError(`${file}: ${[...bad.values()][0] ?? 'there is no whole refresh in it'}`);
      this.times = Float64Array.from(this.#places, ({ frame }) => frame.time);
      this.rows = Uint32Array.from(this.#places, ({ frame }) => frame.rows);
      this.size = files.reduce((sum, { path: each }) => sum + fs.statSync(each).size, 0);
      this.lost = files.reduce((sum, { lost }) => sum + lost, 0);
      const written = files.flatMap(({ frames }) => frames).filter(({ kind }) => kind !== SEGMENT).length;
      this.missing = files.reduce((sum, { holes }) => sum + holes, written - this.#places.length);
      const names = new Set([...this.#segments.values()].map(({ templates }) => templates[0]!.name));
      if (names.size > 1)
        throw new UsageError(`${file}: it has parts of ${[...names].join(' and ')}; replay one of them`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Segments whose beginning is damaged, and what is wrong with it: nothing in them can be shown. */
  #unreadable(places: readonly Place[]): Map<Frame, string> {
    const bad = new Map<Frame, string>();
    for (const place of places) {
      if (bad.has(place.segment)) continue;
      try {
        this.#segmentOf(place);
      } catch (error) {
        if (!(error instanceof BadRecordingError)) throw error;
        bad.set(place.segment, error.message);
      }
    }
    return bad;
  }

  get count(): number {
    return this.#places.length;
  }

  get template(): Template {
    return this.segment(0).templates[0]!;
  }

  segment(index: number): Segment {
    return this.#segmentOf(this.#places[index]!);
  }

  #segmentOf({ file, segment }: Place): Segment {
    let known = this.#segments.get(segment);
    if (!known) {
      known = decodeSegment(file.payload(segment));
      this.#segments.set(segment, known);
    }
    return known;
  }

  /** The last refresh that began at that time or before it; the first one where there is none. */
  indexAt(time: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle]! <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  indexNear(time: number): number {
    const before = this.indexAt(time);
    const after = Math.min(before + 1, this.count - 1);
    return Math.abs(this.times[after]! - time) < Math.abs(time - this.times[before]!) ? after : before;
  }

  /** One refresh; what it says is valid until the next one is read. @throws DamagedError */
  read(index: number): Refresh {
    if (index === this.#at && this.#refresh) return this.#refresh;
    let key = index;
    while (this.#places[key]!.frame.kind !== KEY) key--;
    for (let at = this.#at >= key && this.#at < index ? this.#at + 1 : key; at <= index; at++) {
      this.#at = -1;
      this.#refresh = null;
      try {
        this.#refresh = this.#decode(this.#places[at]!);
      } catch (error) {
        if (!(error instanceof BadRecordingError)) throw error;
        let resume = at + 1;
        while (resume < this.count && this.#places[resume]!.frame.kind !== KEY) resume++;
        throw new DamagedError(error.message, at, resume);
      }
      this.#at = at;
    }
    return this.#refresh!;
  }

  #decode(place: Place): Refresh {
    const segment = this.#segmentOf(place);
    const whole = place.frame.kind === KEY;
    const before = whole ? undefined : this.#reader.before(segment);
    return this.#reader.read(segment, whole, place.file.payload(place.frame, before));
  }

  close(): void {
    for (const file of this.#files) file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Those of a folder, in the order of their names; or the file itself. */
function filesOf(file: string): string[] {
  if (!fs.statSync(file).isDirectory()) return [file];
  const names = fs.readdirSync(file).filter((name) => name.endsWith(EXTENSION) && !name.startsWith('.'));
  return names.sort().map((name) => path.join(file, name));
}

/** `1-task.itertop` and `2-tcp.itertop`: two tables that were seen at once. */
const isTwo = (files: readonly string[]) =>
  files.length === 2 && files.every((file, index) => path.basename(file).startsWith(`${index + 1}-`));

/** What two tables that are seen at once are recorded in. @param second what the second one is called */
export function filesOfTwo(folder: string, first: string, second: string): readonly [string, string] {
  return [path.join(folder, `1-${first}${EXTENSION}`), path.join(folder, `2-${second}${EXTENSION}`)];
}

/** What the table in one of those files is called. */
export const tableOfTwo = (file: string): string => path.basename(file, EXTENSION).slice(2);

/** The recordings of two tables that were seen at once, and what the second one is called; undefined for any other. */
export function twoOf(file: string): { readonly files: readonly [string, string]; readonly word: string } | undefined {
  try {
    const files = filesOf(file);
    if (!isTwo(files)) return undefined;
    return { files: files as [string, string], word: tableOfTwo(files[1]!) };
  } catch {
    // What is wrong with it is told where it is opened.
    return undefined;
  }
}

function partsOf(file: string): string[] {
  try {
    const parts = filesOf(file);
    if (parts.length === 0) throw new UsageError(`${file}: no file in this folder ends in ${EXTENSION}`);
    if (isTwo(parts)) {
      const names = parts.map((part) => path.basename(part)).join(' and ');
      throw new UsageError(`${file}: it holds two tables, ${names}: name one of them, or itertop replay both`);
    }
    return parts;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = { ENOENT: 'there is no such recording', EACCES: 'no permission' };
    throw new UsageError(`${file}: ${reasons[code ?? ''] ?? message}`);
  }
}

/** Whether a refresh can be read after those before it, of which the last one had the turn before `next`. */
export const follows = ({ kind, turn }: Frame, segment: Frame, next: number) =>
  kind === KEY ? turn === segmentMark(segment.crc) : kind === DIFFERENCE && turn === next;

/** Refreshes that can be read as far as the heads of their frames tell: a difference needs all since its key frame. */
function placesOf(files: readonly RecordingFile[]): Place[] {
  const places: Place[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const file of files) {
    let segment: Frame | undefined;
    let next = -1;
    for (const frame of file.frames) {
      if (frame.kind === SEGMENT) {
        segment = frame;
        next = -1;
      } else if (segment && follows(frame, segment, next)) {
        next = frame.kind === KEY ? 1 : next + 1;
        // A clock that was set back: what comes after it stays after it.
        last = Math.max(last, frame.time);
        places.push({ file, segment, frame: last === frame.time ? frame : { ...frame, time: last } });
      } else next = -1;
    }
  }
  return places;
}
