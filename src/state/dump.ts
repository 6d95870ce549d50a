/** Snapshots without a terminal: to a pipe as they come, or to a file that appears whole. */
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Btf } from '../bpf/btf.ts';
import { pageSize } from '../bpf/host.ts';
import { withDependencies } from '../templates/columns.ts';
import { isOverTime } from '../templates/derive.ts';
import type { TableRows } from '../templates/table.ts';
import { columnOf, type Filters, identityOf, type Template, type WalkOrder } from '../templates/template.ts';
import { type Arrangement, type ArrangeOptions, arrange } from './arrange.ts';
import { AtomicFile } from './atomic-file.ts';
import { type Collected, type CollectOptions, Collector } from './collector.ts';
import { Stopwatch, stretched } from './cost.ts';
import { ChangeLines, Differ } from './differences.ts';
import { FileError } from './file-error.ts';
import { GroupGrowth } from './group-growth.ts';
import { readColumns } from './grouping.ts';
import type { NetScope } from './namespaces.ts';
import { OpenMetrics } from './openmetrics.ts';
import { passingRows } from './order.ts';
import type { OtlpOptions } from './otlp.ts';
import { sentColumns } from './otlp-names.ts';
import { shortfallsOf } from './shortfall.ts';
import { type Snapshot, type SnapshotFormat, type SnapshotWriter, snapshotWriter } from './snapshot.ts';
import type { Retention } from './span.ts';
import { StructWriter } from './struct-writer.ts';
import { foundRows } from './tree.ts';
import { userName } from './users.ts';

export interface DumpOptions extends Arrangement {
  readonly template: Template;
  readonly filters: Filters;
  readonly switches: Readonly<Record<string, boolean>>;
  readonly where: string;
  readonly netns: NetScope;
  readonly order?: WalkOrder;
  /** The search as typed, for the header. */
  readonly searchText: string;
  readonly format: SnapshotFormat;
  /** Lines of a tree are drawn with ASCII only. */
  readonly ascii?: boolean;
  /** Refreshes; 0 goes on until `signal`. */
  readonly count: number;
  /** Milliseconds. */
  readonly interval: number;
  /** Percent of the interval that a refresh may take before it is stretched; absent: any. */
  readonly maxCost?: number;
  /** The kernel's structs in place of columns, without a format of its own. */
  readonly structs?: boolean;
  readonly output: string | undefined;
  readonly force: boolean;
  /** A folder for Parquet files in place of an output, and when each is closed. */
  readonly dataset?: { readonly folder: string; readonly roll: Retention } | undefined;
  /** A collector in place of an output. */
  readonly otlp?: OtlpOptions | undefined;
  /** Told what the rows lack, and how a collector does. */
  readonly say?: (text: string) => void;
  /** Only what differs from the refresh before. */
  readonly changes?: boolean;
  /** Ends the dump after what was read so far; a file is then complete. */
  readonly signal?: AbortSignal;
}

/** Rates need two readings: this long before the first snapshot the first of them is made. */
export const WARM_UP_MS = 250;

/** Refreshes to be written, one after another. */
export type Feed = AsyncIterable<
  Pick<Collected, 'stats' | 'after' | 'absent'> &
    Pick<Snapshot, 'host' | 'missing' | 'skipped'> & { readonly table: TableRows }
>;

/** @param host where they are from; this one where absent @throws BpfError, UsageError, ...; a closed pipe ends it without an error */
export async function dump(
  options: DumpOptions,
  stdout: Writable,
  feed: Feed = live(options),
  host?: Snapshot['host'],
): Promise<void> {
  using structs = options.structs ? new StructWriter(options.template, options.netns) : null;
  const sink = await sinkOf(options, stdout, structs, host);
  /** What is compared with the refresh before, host by host. */
  const compared = new Map<string, { differ: Differ | null; growth: GroupGrowth; read: number }>();
  /** What is said once, however many refreshes lack it. */
  const lacking = new Set<string>();
  const sent = options.otlp && !options.groupBy ? sentColumns(options.template, options.columns) : null;
  try {
    for await (const { table, stats, after, absent, host: from = host, missing, skipped = 0 } of feed) {
      const name = from?.host ?? '';
      const known = compared.get(name) ?? {
        // A log record has a line for the eye, too, and what names a row is among its columns.
        differ: options.changes ? new Differ(isForMachines(options) && !options.otlp) : null,
        growth: new GroupGrowth(),
        read: 0,
      };
      compared.set(name, known);
      const { growth: runs, differ } = known;
      const rows = rowsOf(table, options, passingRows(table, after), { runs, asked: 'dump', read: known.read++ });
      const whole: Snapshot = {
        ...rows,
        ascii: options.ascii ?? false,
        stats,
        filters: options.filters,
        where: options.where,
        search: options.searchText,
        ...(from ? { host: from } : {}),
        missing,
        absent,
        skipped,
        ...(sent ? { columns: sent } : {}),
      };
      for (const [what, words] of shortfallsOf(structs ? { ...whole, columns: [] } : whole)) {
        if (!lacking.has(what)) options.say?.(words);
        lacking.add(what);
      }
      const snapshot = differ ? differ.next(whole) : whole;
      if (!(await sink.take(snapshot))) return;
    }
    await sink.end();
  } finally {
    sink.discard();
  }
}

/** Where snapshots go. */
interface Sink {
  /** false once nobody reads any more */
  take(snapshot: Snapshot): Promise<boolean>;
  /** What was written is whole. */
  end(): Promise<void>;
  /** Nothing is left of what is not. */
  discard(): void;
}

async function sinkOf(
  options: DumpOptions,
  stdout: Writable,
  structs: SnapshotWriter | null,
  host: Snapshot['host'],
): Promise<Sink> {
  if (options.dataset) {
    const { Dataset } = await import('./dataset.ts');
    const dataset = new Dataset(options.dataset.folder, options.dataset.roll);
    return {
      take: async (snapshot) => {
        dataset.take(snapshot);
        return true;
      },
      end: async () => dataset.close(),
      discard: () => dataset.discard(),
    };
  }
  if (options.otlp) {
    const { Otlp } = await import('./otlp.ts');
    return new Otlp({
      otlp: options.otlp,
      grouped: options.groupBy !== '',
      changes: options.changes ?? false,
      shown: options.columns,
      // A recording goes no faster than it is taken.
      finite: options.count === 1 || host !== undefined,
      say: options.say ?? (() => {}),
      signal: options.signal,
    });
  }
  const writer = structs ?? (await writerOf(options));
  const file = options.output === undefined ? null : new AtomicFile(options.output);
  const write = file ? fileSink(file) : pipeSink(stdout, options.signal);
  return {
    async take(snapshot) {
      // Parquet tells of each refresh; a log says nothing where nothing happened.
      if (snapshot.continued && snapshot.order.length === 0 && options.format !== 'parquet') return true;
      for (const piece of writer.snapshot(snapshot)) if (!(await write(piece))) return false;
      return true;
    },
    async end() {
      await write(writer.end());
      file?.commit(options.force);
    },
    discard: () => file?.discard(),
  };
}

export async function writerOf({
  format,
  changes,
  count,
}: Pick<DumpOptions, 'format' | 'changes' | 'count'>): Promise<SnapshotWriter> {
  if (format === 'table' && changes) return new ChangeLines();
  if (format === 'openmetrics') return new OpenMetrics();
  if (format !== 'parquet') return snapshotWriter(format, count !== 1);
  const { ParquetSnapshots } = await import('./parquet.ts');
  return new ParquetSnapshots();
}

function rowsOf(
  table: TableRows,
  options: DumpOptions,
  passing: Uint32Array<ArrayBuffer>,
  growth: ArrangeOptions['growth'],
) {
  const { order, groups, tree, rows } = arrange(table, options, passing, { growth });
  // Where no lines are drawn, what was not found would look like the rest.
  if (!groups)
    return {
      table,
      columns: options.columns,
      order: options.format === 'table' && !options.changes ? order : foundRows(order, tree),
      tree,
    };
  return { table: rows, columns: rows.template.show, order, grouped: groups };
}

/** What has to be read for a dump. */
export function collectOptions(options: DumpOptions): CollectOptions {
  return {
    columns: wantedColumns(options),
    filters: options.filters,
    switches: options.switches,
    ungroup: options.ungroup,
    where: options.where,
    netns: options.netns,
    ...(options.order ? { order: options.order } : {}),
  };
}

/** Rows that are told by what names them, beside what is shown. */
function isForMachines({ format, changes, otlp }: DumpOptions): boolean {
  return format === 'parquet' || otlp !== undefined || (changes === true && format !== 'table');
}

function wantedColumns(options: DumpOptions): readonly string[] {
  const read = readColumns(options.template, options);
  if (!isForMachines(options) || options.groupBy) return read;
  if (options.otlp) return [...new Set([...read, ...sentColumns(options.template, options.columns)])];
  return [...new Set([...read, ...identityOf(options.template)])];
}

/** From the running kernel, at the interval. What the receiver does with one counts as part of its cost. */
async function* live(options: DumpOptions): AsyncGenerator<Collected> {
  const { template, signal } = options;
  using collector = new Collector(template, Btf.vmlinux(), userName, pageSize());
  const collect = () => collector.collect(collectOptions(options));
  if (needsTwo(template, options)) {
    collect();
    await pause(Math.min(WARM_UP_MS, options.interval), signal);
  }
  let next = performance.now();
  let spent = 0;
  // The first is made whatever happens: a file without one would be no snapshot.
  for (let done = 0; options.count === 0 || done < options.count; done++) {
    if (done > 0) {
      next = Math.max(next + stretched(options.interval, spent, options.maxCost), performance.now());
      await pause(next - performance.now(), signal);
      if (signal?.aborted) break;
    }
    const reading = new Stopwatch();
    const collected = collect();
    spent = reading.ms;
    const writing = performance.now();
    yield collected;
    spent += performance.now() - writing;
  }
}

/** Whether a shown column is a change over time. */
export function needsTwo(template: Template, options: DumpOptions): boolean {
  return withDependencies(template, readColumns(template, options)).some((name) =>
    isOverTime(columnOf(template, name)?.derive),
  );
}

export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(Math.max(0, ms), undefined, signal ? { signal } : {});
  } catch {
    // Aborted: the caller looks at the signal.
  }
}

function fileSink(file: AtomicFile): (piece: string | Uint8Array) => Promise<boolean> {
  return async (piece) => {
    file.write(piece);
    return true;
  };
}

/** A reader that takes nothing for so many milliseconds does not keep a dump from ending that is to end. */
const PATIENCE = 1000;

/** @returns a writer that says false once nobody reads any more @throws FileError */
function pipeSink(stdout: Writable, signal: AbortSignal | undefined): (piece: string | Uint8Array) => Promise<boolean> {
  let failure: NodeJS.ErrnoException | null = null;
  let wake = () => {};
  stdout
    .on('drain', () => wake())
    .on('error', (error: NodeJS.ErrnoException) => {
      failure = error;
      wake();
    });
  return async (piece) => {
    // The writer's memory is used again.
    const given = typeof piece === 'string' ? piece : Buffer.from(piece);
    if (!failure && given.length > 0 && !stdout.write(given)) {
      let late: NodeJS.Timeout | undefined;
      const hurry = () => {
        late = setTimeout(wake, PATIENCE);
      };
      await new Promise<void>((done) => {
        wake = done;
        if (signal?.aborted) hurry();
        else signal?.addEventListener('abort', hurry, { once: true });
      });
      clearTimeout(late);
      signal?.removeEventListener('abort', hurry);
      if (!failure && signal?.aborted && stdout.writableNeedDrain) return false;
    }
    if (failure && (failure as NodeJS.ErrnoException).code !== 'EPIPE') throw new FileError('standard output', failure);
    return !failure;
  };
}
