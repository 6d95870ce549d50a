/** What a host sends, made by hand: refreshes as bytes, of a layout as its kernel would have it. */
import { Writable } from 'node:stream';
import { Collector } from '../../src/state/collector.ts';
import { PipeSink } from '../../src/state/pipe-sink.ts';
import { Recorder } from '../../src/state/recorder.ts';
import type { Origin, Source, SourcePlan } from '../../src/state/source.ts';
import type { RecordLayout } from '../../src/templates/record.ts';
import type { Template } from '../../src/templates/template.ts';
import { footerBytes, indexBytes, recordBytes } from './batch.ts';

export type MadeRow = Readonly<Record<string, number | bigint | string>>;

export interface MadeKernel {
  readonly template: Template;
  readonly layout: RecordLayout;
  readonly kernel: string;
  readonly pageSize?: number;
  readonly absent?: ReadonlyMap<string, string>;
  readonly conditions?: SourcePlan['conditions'];
  readonly userName?: (uid: number) => string | undefined;
  /** Wall clock at boot, ms since the epoch. */
  readonly bootMs: number;
}

export class MadeRecording {
  readonly #made: MadeKernel;
  readonly #collector: Collector;
  readonly #recorder: Recorder;
  #bytes: Buffer[] = [];
  #rows: readonly MadeRow[] = [];
  #seconds = 0;

  constructor(made: MadeKernel) {
    const { template, kernel, pageSize = 4096, userName = () => undefined } = made;
    this.#made = made;
    this.#collector = new Collector(template, this.#origin(), userName, pageSize);
    const out = new Writable({
      write: (bytes: Buffer, _, done) => {
        this.#bytes.push(bytes);
        done();
      },
    });
    this.#recorder = new Recorder(new PipeSink(out), { host: 'its own name', kernel, pageSize, userName });
  }

  /** The refresh with these rows, so long after boot. */
  next(seconds: number, rows: readonly MadeRow[]): Buffer {
    this.#rows = rows;
    this.#seconds = seconds;
    const { template } = this.#made;
    const columns = template.columns.filter(({ name }) => !this.#made.absent?.has(name)).map(({ name }) => name);
    const asked = { columns, filters: {}, switches: {}, ungroup: false, where: '', netns: 'self' } as const;
    const collected = this.#collector.collect(asked);
    this.#recorder.append(this.#collector, collected, { ...asked, sort: template.sort, interval: 1000 });
    const bytes = Buffer.concat(this.#bytes);
    this.#bytes = [];
    return bytes;
  }

  #origin(): Origin {
    const { template, layout, absent = new Map(), conditions = [], bootMs } = this.#made;
    const plan: SourcePlan = { layout, names: new Map(), absent, conditions, after: [], sets: [] };
    const read = () => {
      const seconds = this.#seconds;
      const rows = this.#rows.map((values) => recordBytes(layout, { values }));
      const clocks = { jiffies: seconds * 100, monotonicNs: seconds * 1e9, bootNs: seconds * 1e9 };
      const records = [...rows, footerBytes({ visited: rows.length, sessionId: 1, ...clocks })];
      const begin = bootMs + seconds * 1000;
      const bytes = records.reduce((sum, { length }) => sum + length, 0);
      const batch = indexBytes(layout, ...records);
      return { batch, bytes, reads: 1, begin, end: begin, ms: 1, clockNs: seconds * 1e9 };
    };
    const source = { template, plan, configure() {}, fillSet() {}, read, keep() {}, close() {}, [Symbol.dispose]() {} };
    return {
      open: (): Source => source,
      namespaces: () => [],
      enumNames: () => undefined,
      close() {},
      [Symbol.dispose]() {},
    };
  }
}
