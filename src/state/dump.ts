/** Snapshots without a terminal: to a pipe as they come, or to a file that appears whole. */
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Btf } from '../bpf/btf.ts';
import { pageSize } from '../bpf/host.ts';
import { withDependencies } from '../templates/columns.ts';
import { isOverTime } from '../templates/derive.ts';
import type { Table } from '../templates/table.ts';
import { columnOf, type Filters, type Template, type WalkOrder } from '../templates/template.ts';
import { type Arrangement, arrange } from './arrange.ts';
import { AtomicFile } from './atomic-file.ts';
import { type Collected, type CollectOptions, Collector } from './collector.ts';
import { stretched } from './cost.ts';
import { readColumns } from './grouping.ts';
import { GroupTable } from './groups.ts';
import type { NetScope } from './namespaces.ts';
import { passingRows } from './order.ts';
import { type Snapshot, type SnapshotFormat, snapshotWriter } from './snapshot.ts';
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
  /** Ends the dump after what was read so far; a file is then complete. */
  readonly signal?: AbortSignal;
}

/** Rates need two readings: this long before the first snapshot the first of them is made. */
const WARM_UP_MS = 250;

/** Refreshes to be written, one after another. */
export type Feed = AsyncIterable<Pick<Collected, 'table' | 'stats' | 'after'>>;

/** @param host where they are from; this one where absent @throws BpfError, UsageError, ...; a closed pipe ends it without an error */
export async function dump(
  options: DumpOptions,
  stdout: Writable,
  feed: Feed = live(options),
  host?: Snapshot['host'],
): Promise<void> {
  const file = options.output === undefined ? null : new AtomicFile(options.output);
  const sink = file ? fileSink(file) : pipeSink(stdout);
  using structs = options.structs ? new StructWriter(options.template, options.netns) : null;
  const writer = structs ?? snapshotWriter(options.format, options.count !== 1);
  try {
    for await (const { table, stats, after } of feed) {
      const rows = rowsOf(table, options, passingRows(table, after));
      const snapshot = {
        ...rows,
        ascii: options.ascii ?? false,
        stats,
        filters: options.filters,
        where: options.where,
        search: options.searchText,
        ...(host ? { host } : {}),
      };
      for (const piece of writer.snapshot(snapshot)) if (!(await sink(piece))) return;
    }
    await sink(writer.end());
    file?.commit(options.force);
  } finally {
    file?.discard();
  }
}

function rowsOf(table: Table, options: DumpOptions, passing: Uint32Array<ArrayBuffer>) {
  const { order, groups, tree } = arrange(table, options, passing);
  // Where no lines are drawn, what was not found would look like the rest.
  if (!groups)
    return {
      table,
      columns: options.columns,
      order: options.format === 'table' ? order : foundRows(order, tree),
      tree,
    };
  const grouped = new GroupTable(table, groups);
  return { table: grouped, columns: grouped.template.show, order, grouped: groups };
}

/** What has to be read for a dump. */
export function collectOptions(options: DumpOptions): CollectOptions {
  return {
    columns: readColumns(options.template, options),
    filters: options.filters,
    switches: options.switches,
    ungroup: options.ungroup,
    where: options.where,
    netns: options.netns,
    ...(options.order ? { order: options.order } : {}),
  };
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
    const started = performance.now();
    yield collect();
    spent = performance.now() - started;
  }
}

/** Whether a shown column is a change over time. */
function needsTwo(template: Template, options: DumpOptions): boolean {
  return withDependencies(template, readColumns(template, options)).some((name) =>
    isOverTime(columnOf(template, name)?.derive),
  );
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(Math.max(0, ms), undefined, signal ? { signal } : {});
  } catch {
    // Aborted: the caller looks at the signal.
  }
}

function fileSink(file: AtomicFile): (text: string) => Promise<boolean> {
  return async (text) => {
    file.write(text);
    return true;
  };
}

/** @returns a writer that says false once nobody reads any more */
function pipeSink(stdout: Writable): (text: string) => Promise<boolean> {
  let failure: NodeJS.ErrnoException | null = null;
  let wake = () => {};
  stdout
    .on('drain', () => wake())
    .on('error', (error: NodeJS.ErrnoException) => {
      failure = error;
      wake();
    });
  return async (text) => {
    if (!failure && text !== '' && !stdout.write(text)) {
      await new Promise<void>((done) => {
        wake = done;
      });
    }
    if (failure && (failure as NodeJS.ErrnoException).code !== 'EPIPE') throw failure;
    return !failure;
  };
}
