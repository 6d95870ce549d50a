/** Writes refreshes to a recording, as they were read. */
import fs from 'node:fs';
import os from 'node:os';
import { btfId } from '../bpf/btf-id.ts';
import type { Batch } from '../templates/record.ts';
import { columnOf, type Template, UsageError } from '../templates/template.ts';
import { ByteWriter } from './byte-stream.ts';
import { CodedWriter } from './coded-diff.ts';
import { CodedTimes } from './coded-times.ts';
import type { Collected, Collector, Walked } from './collector.ts';
import { PayloadWindow } from './payload-window.ts';
import { RangeEncoder } from './range-coder.ts';
import {
  type CreateOptions,
  canFollow,
  DIFFERENCE,
  KEY,
  openRecordingFile,
  type RecordingWriter,
  SEGMENT,
  segmentMark,
} from './recording-file.ts';
import { decodeSegment, encodeSegment, type RecordedQuestion, type RecordedWalk, type Segment } from './segment.ts';
import { BASE_WALK, type SourcePlan } from './source.ts';

/**
 * A key frame comes once the differences since the last one take as much as it does, but neither too often nor too
 * seldom: to look at a refresh, all since its key frame are read.
 */
const LEAST_TURNS = 180;
const MOST_TURNS = 600;

/** Where frames go: a file, one of several, or a pipe. */
export interface FrameSink extends Disposable {
  readonly writer: Pick<RecordingWriter, 'write'>;
  /** Before a refresh: a file that begins needs a segment and a key frame. @returns whether one has begun */
  turn(now: number): boolean;
  /** Waits until all is written. @returns false once nobody reads any more @throws FileError */
  drained?(signal: AbortSignal): Promise<boolean>;
  close(): void;
}

export interface Host {
  readonly host: string;
  readonly kernel: string;
  /** As btfId() has it. */
  readonly btf?: string;
  readonly pageSize: number;
  readonly userName: (uid: number) => string | undefined;
}

export class Recorder implements Disposable {
  readonly #sink: FrameSink;
  readonly #host: Host;
  /** A payload: how long what is coded is, what is not, and what is. */
  readonly #out = new ByteWriter();
  readonly #texts = new ByteWriter();
  readonly #coded = new ByteWriter();
  readonly #window = new PayloadWindow();
  #diffs = new Map<string, CodedWriter>();
  #times = new Map<string, CodedTimes>();
  #plans = new Map<string, SourcePlan>();
  #asked = '';
  #users = new Set<number>();
  #mark = 0;
  #turn = 0;
  #keyBytes = 0;
  #since = 0;
  refreshes = 0;
  bytes = 0;

  constructor(sink: FrameSink, host: Host) {
    this.#sink = sink;
    this.#host = host;
  }

  /** Writes the refresh that the collector has just made. @throws FileError where the disk is full */
  append(collector: Collector, collected: Collected, question: RecordedQuestion): void {
    try {
      this.#append(collector, collected, question);
    } catch (error) {
      // What was not written is no base for differences.
      this.#asked = '';
      throw error;
    }
    this.refreshes++;
  }

  #append(collector: Collector, collected: Collected, question: RecordedQuestion): void {
    const { walked } = collector;
    const base = walked.get(BASE_WALK)!;
    const { begin, batch } = base.reading;
    const begun = this.#sink.turn(begin);
    const asked = JSON.stringify([question, collector.hz]);
    const other =
      begun ||
      asked !== this.#asked ||
      walked.size !== this.#plans.size ||
      [...walked].some(([key, { source }]) => this.#plans.get(key) !== source.plan);
    if (other) {
      this.#asked = asked;
      this.#plans = new Map([...walked].map(([key, { source }]) => [key, source.plan]));
      this.#diffs = new Map([...this.#plans].map(([key, { layout }]) => [key, new CodedWriter(layout)]));
      const segment = this.#segment(collector, collected, question);
      const head = { kind: SEGMENT, turn: 0, time: begin, rows: 0 };
      const { bytes, crc } = this.#sink.writer.write(head, encodeSegment(segment));
      this.bytes += bytes;
      this.#mark = segmentMark(crc);
    }
    const whole = other || this.#turn >= MOST_TURNS || (this.#turn >= LEAST_TURNS && this.#since >= this.#keyBytes);
    if (whole) {
      this.#users.clear();
      this.#window.clear();
    }
    this.#turn = whole ? 0 : this.#turn + 1;
    this.#encode(walked, whole);
    const head = {
      kind: whole ? KEY : DIFFERENCE,
      turn: whole ? this.#mark : this.#turn,
      time: begin,
      rows: batch.rows,
    };
    const before = whole || !canFollow() ? undefined : this.#window.bytes;
    const { bytes } = this.#sink.writer.write(head, this.#out.written, before);
    this.#window.add(this.#texts.written);
    this.bytes += bytes;
    if (whole) this.#keyBytes = bytes;
    this.#since = whole ? 0 : this.#since + bytes;
  }

  #segment(collector: Collector, collected: Collected, question: RecordedQuestion): Segment {
    const { host, kernel, btf, pageSize } = this.#host;
    const { template, hz, walked } = collector;
    const joined = new Map<string, Template>();
    const walks = [...walked].map(([key, { source }]): RecordedWalk => {
      if (source.template.name !== template.name) joined.set(source.template.name, source.template);
      const { layout, absent, names } = source.plan;
      return {
        key,
        template: source.template.name,
        layout,
        absent: [...absent],
        names: [...names],
        ...(source.by ? { by: source.by } : {}),
      };
    });
    const conditions = collected.stats.conditions.filter(({ where }) => where !== 'user');
    return {
      host,
      kernel,
      ...(btf ? { btf } : {}),
      pageSize,
      hz,
      templates: [template, ...joined.values()],
      question,
      conditions: conditions.filter(({ text }) => !(template.map && text.startsWith('map '))),
      walks,
      chained: canFollow(),
      coded: true,
    };
  }

  #encode(walked: ReadonlyMap<string, Walked>, whole: boolean): void {
    const texts = this.#texts;
    texts.clear();
    this.#coded.clear();
    const coder = new RangeEncoder(this.#coded);
    if (whole) this.#times = new Map([...walked.keys()].map((key) => [key, new CodedTimes()]));
    const users = new Set<number>();
    for (const [key, { source, reading }] of walked) {
      const { batch, bytes } = reading;
      // Of records with a footer nothing else is asked.
      const times = batch.footer ? { ...reading, clockNs: 0 } : reading;
      this.#times.get(key)!.write(coder, times);
      this.#diffs.get(key)!.write(coder, texts, new Uint8Array(batch.buffers.bytes, 0, bytes), whole);
      this.#newUsers(source.template, batch, users);
    }
    const named = [...users].flatMap((uid) => {
      const name = this.#host.userName(uid);
      return name === undefined ? [] : [[uid, name] as const];
    });
    texts.varint(named.length);
    for (const [uid, name] of named) {
      texts.varint(uid);
      texts.text(name);
    }
    coder.end();
    const out = this.#out;
    out.clear();
    out.varint(this.#coded.length);
    out.bytes(texts.written);
    out.bytes(this.#coded.written);
  }

  /** Those that this key frame and its differences have not named yet. */
  #newUsers(template: Template, batch: Batch, found: Set<number>): void {
    for (const { column } of batch.layout.fields) {
      if (columnOf(template, column)?.as !== 'uid') continue;
      const uids = batch.numbers(column);
      let last = Number.NaN;
      for (let row = 0; row < batch.rows; row++) {
        const uid = uids[row]!;
        if (uid === last || Number.isNaN(uid)) continue;
        last = uid;
        if (this.#users.has(uid)) continue;
        this.#users.add(uid);
        found.add(uid);
      }
    }
  }

  close(): void {
    this.#sink.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The host that this process runs on. */
export function thisHost(pageSize: number, userName: Host['userName']): Host {
  return { host: os.hostname(), kernel: os.release(), btf: btfId(), pageSize, userName };
}

/** A recording in one file. */
export class OneFile implements FrameSink {
  readonly writer: RecordingWriter;
  #begun = false;

  constructor(writer: RecordingWriter) {
    this.writer = writer;
  }

  turn(): boolean {
    const begun = this.#begun;
    this.#begun = true;
    return !begun;
  }

  close(): void {
    this.writer.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Whether a recording may be continued with this template. @throws UsageError where it may not */
export function checkAppend(file: string, template: Template, { append }: CreateOptions): void {
  if (!append || !fs.existsSync(file)) return;
  const stored = openRecordingFile(file, (opened) => {
    const frame = opened.frames.find(({ kind }) => kind === SEGMENT);
    return frame ? decodeSegment(opened.payload(frame)).templates[0]! : undefined;
  });
  if (!stored || JSON.stringify(stored) === JSON.stringify(template)) return;
  throw new UsageError(
    stored.name === template.name
      ? `${file}: it was recorded with another version of ${template.name}; choose another file`
      : `${file}: it is a recording of ${stored.name}, not of ${template.name}; choose another file`,
  );
}
