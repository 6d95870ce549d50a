/** Recordings of a table made by hand, at fixed times: no kernel is needed for them. */
import { Collector } from '../../src/state/collector.ts';
import { type Host, OneFile, Recorder } from '../../src/state/recorder.ts';
import { RecordingWriter } from '../../src/state/recording-file.ts';
import type { Origin, Source } from '../../src/state/source.ts';
import type { Template } from '../../src/templates/template.ts';
import { footerBytes, indexBytes, layoutOf, recordBytes } from './batch.ts';

export const TEMPLATE: Template = {
  name: 'made',
  help: 'made by hand',
  target: 'task',
  key: ['id'],
  show: ['id', 'value', 'name', 'rate'],
  sort: 'id',
  columns: [
    { name: 'id', help: 'id', from: 'task->pid', as: 'int' },
    { name: 'value', help: 'value', from: 'task->flags', as: 'int' },
    { name: 'name', help: 'name', from: 'task->comm', as: 'text' },
    { name: 'rate', help: 'rate', derive: 'rate(value)', as: 'rate' },
  ],
};
const LAYOUT = layoutOf({ id: { type: 'u32' }, value: { type: 'u64' }, name: { type: 'text' } });
export const COLUMNS = TEMPLATE.columns.map((c) => c.name);
export const START = Date.UTC(2026, 0, 1);

/** At refresh n: rows n to n + 4, of which the odd ones count. */
export function madeOrigin(): Origin & { n: number } {
  const plan = { layout: LAYOUT, names: new Map(), absent: new Map(), conditions: [], after: [], sets: [] };
  const origin = {
    n: 0,
    open: (): Source => ({
      template: TEMPLATE,
      plan,
      configure() {},
      fillSet() {},
      keep() {},
      read() {
        const { n } = origin;
        const rows = Array.from({ length: 5 }, (_, i) => {
          const id = n + i;
          const value = 2n ** 60n + BigInt(id % 2 === 1 ? id * n * 1000 : id);
          return recordBytes(LAYOUT, { values: { id, value, name: `row ${id}` } });
        });
        const seconds = 1000 + n;
        const footer = { visited: 5, sessionId: n, jiffies: 0, monotonicNs: seconds * 1e9, bootNs: seconds * 1e9 };
        const bytes = [...rows, footerBytes(footer)];
        const begin = START + n * 1000;
        const used = bytes.reduce((sum, { length }) => sum + length, 0);
        const batch = indexBytes(LAYOUT, ...bytes);
        return { batch, bytes: used, reads: 1, begin, end: begin + 1, ms: 1, clockNs: seconds * 1e9 };
      },
      close() {},
      [Symbol.dispose]() {},
    }),
    namespaces: () => [],
    enumNames: () => undefined,
    close() {},
    [Symbol.dispose]() {},
  };
  return origin;
}

export const OPTIONS = {
  columns: COLUMNS,
  filters: {},
  switches: {},
  ungroup: false,
  where: '',
  netns: 'self',
} as const;
export const cells = ({ table }: ReturnType<Collector['collect']>) =>
  Array.from({ length: table.rows }, (_, row) => COLUMNS.map((name) => table.cell(row, name)));

/** The second half is a segment of its own. @returns what each refresh looked like */
export function record(
  file: string,
  from: number,
  to: number,
  writer = new RecordingWriter(file),
  kernel: Pick<Host, 'kernel' | 'btf'> = { kernel: '6.0' },
): string[][][] {
  const origin = madeOrigin();
  using collector = new Collector(TEMPLATE, origin, () => undefined, 4096);
  const host = { host: 'made', ...kernel, pageSize: 4096, userName: () => undefined };
  using recorder = new Recorder(new OneFile(writer), host);
  return Array.from({ length: to - from }, (_, i) => {
    origin.n = from + i;
    const collected = collector.collect(OPTIONS);
    recorder.append(collector, collected, { ...OPTIONS, sort: 'id', interval: i < 4 ? 1000 : 2000 });
    return cells(collected);
  });
}
