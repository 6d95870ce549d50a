/** A view over memory that the worker has filled: nothing is copied, only what is visible is formatted. */

import { exactCell } from '../templates/exact.ts';
import { alignOf, type FormatContext } from '../templates/format.ts';
import { MergedTable } from '../templates/merged-table.ts';
import { Batch, type BatchBuffers, type Footer, type RecordLayout } from '../templates/record.ts';
import { findTemplate } from '../templates/registry.ts';
import { type JoinedBatch, Table, type TableRows, type Value } from '../templates/table.ts';
import { columnOf, type Template, titleOf } from '../templates/template.ts';
import type { Conjunct } from '../templates/where.ts';
import type { Arranged } from './arrange.ts';
import type { Changes, ChangesWire } from './changes.ts';
import type { Collected } from './collector.ts';
import type { Groups } from './groups.ts';
import type { HostStatus } from './host-feed.ts';
import type { ComparedWire } from './moment.ts';
import { passingRows } from './order.ts';
import type { Position } from './player.ts';
import { foundRows, type TreeRows } from './tree.ts';
import { userName } from './users.ts';
import type { RefreshStats, View, ViewColumn } from './view.ts';

interface BatchWire {
  readonly layout: RecordLayout;
  readonly buffers: BatchBuffers;
  readonly rows: number;
  readonly footer: Footer | null;
}

/** `batch` is null where a table is joined with itself. */
interface JoinWire extends Omit<JoinedBatch, 'template' | 'batch' | 'joins'> {
  readonly name: string;
  readonly template: string;
  readonly batch: BatchWire | null;
  readonly joins: readonly JoinWire[];
}

interface TableWire {
  readonly base: BatchWire;
  readonly joins: readonly JoinWire[];
  readonly derived: ReadonlyMap<string, Float64Array>;
  readonly context: Omit<FormatContext, 'userName'>;
}

/** What the tables of several hosts are merged with. */
export interface HostsWire {
  readonly nowMs: number;
  readonly status: readonly HostStatus[];
  /** Names of users, by host. */
  readonly users: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** What the worker sends; the large arrays are shared memory. */
export interface ViewWire {
  readonly template: string;
  readonly columns: readonly string[];
  readonly details: readonly string[];
  /** One, unless there are hosts. */
  readonly tables: readonly TableWire[];
  readonly hosts: HostsWire | null;
  readonly absent: ReadonlyMap<string, string>;
  readonly after: readonly Conjunct[];
  readonly order: Uint32Array<ArrayBuffer>;
  readonly total: number;
  /** With the moment that was sent before. */
  readonly compared?: ComparedWire | null;
  /** Keys that were marked and are gone. */
  readonly unmarked: readonly string[];
  /** Against the view that was sent before this one. */
  readonly changes: ChangesWire | null;
  readonly stats: RefreshStats;
  /** Where rows are grouped; `order` is then one of groups. */
  readonly groups: Groups | null;
  readonly position: Position | undefined;
  readonly tree: TreeRows | null;
}

const wireOf = (batch: Batch): BatchWire => ({
  layout: batch.layout,
  buffers: batch.buffers,
  rows: batch.rows,
  footer: batch.footer,
});
const batchOf = (wire: BatchWire) => new Batch(wire.layout, wire.buffers, wire.rows, wire.footer);

function joinWires(joins: ReadonlyMap<string, JoinedBatch>, base: Batch): JoinWire[] {
  return [...joins].map(([name, join]) => ({
    ...join,
    name,
    template: join.template.name,
    batch: join.batch === base ? null : wireOf(join.batch),
    joins: joinWires(join.joins, join.batch),
  }));
}

function joinsOf(wires: readonly JoinWire[], base: Batch): Map<string, JoinedBatch> {
  return new Map(
    wires.map(({ name, ...wire }) => {
      const batch = wire.batch ? batchOf(wire.batch) : base;
      return [name, { ...wire, template: findTemplate(wire.template), batch, joins: joinsOf(wire.joins, batch) }];
    }),
  );
}

function tableWire({ batch, joins, derived, context: { userName: _, ...context } }: Table): TableWire {
  return { base: wireOf(batch), joins: joinWires(joins, batch), derived, context };
}

function tableOf(wire: TableWire, template: Template, userName: FormatContext['userName']): Table {
  const batch = batchOf(wire.base);
  return new Table(template, batch, joinsOf(wire.joins, batch), wire.derived, { ...wire.context, userName });
}

export function toWire(
  collected: Omit<Collected, 'table'> & { readonly table: Table | MergedTable; readonly hosts?: HostsWire },
  columns: readonly string[],
  details: readonly string[],
  { order, groups, tree }: Omit<Arranged, 'rows'>,
  total: number,
  changes: ChangesWire | null = null,
  unmarked: readonly string[] = [],
  position?: Position,
): ViewWire {
  const { table, absent, after, stats, hosts = null } = collected;
  return {
    template: table.template.name,
    columns,
    details,
    tables: (table instanceof MergedTable ? table.tables : [table]).map(tableWire),
    hosts,
    absent,
    after,
    order,
    total,
    unmarked,
    changes,
    stats,
    groups,
    position,
    tree,
  };
}

export class LiveView implements View {
  readonly template: string;
  readonly columns: readonly ViewColumn[];
  readonly details: readonly ViewColumn[];
  readonly stats: RefreshStats;
  readonly position: Position | undefined;
  readonly table: Table | MergedTable;
  readonly hosts: readonly HostStatus[] | undefined;
  /** Rows of the table in the order in which they are shown. */
  readonly order: Uint32Array;
  readonly total: number;
  readonly unmarked: readonly string[];
  /** Gone once there is a newer view: the memory of the one before is then written to. */
  changes: Changes | undefined;
  readonly grouped?: undefined;
  readonly tree: TreeRows | undefined;
  readonly #after: readonly Conjunct[];
  /** Of each merged table. */
  readonly #status: readonly (HostStatus | undefined)[] = [];

  /** @param before the view that was sent before this one */
  constructor(wire: ViewWire, before: (View & { changes: Changes | undefined }) | null = null) {
    const template = findTemplate(wire.template);
    this.template = wire.template;
    const { position, hosts, tables } = wire;
    this.position = position;
    this.hosts = hosts?.status;
    const namesOf = (users: ReadonlyMap<number, string> | undefined) => (uid: number) => users?.get(uid);
    if (hosts) {
      const each = tables.map((t) => tableOf(t, template, namesOf(hosts.users.get(t.context.host ?? ''))));
      this.table = new MergedTable(template, each, hosts.nowMs);
      this.#status = each.map(({ host }) => hosts.status.find(({ name }) => name === host));
    } else this.table = tableOf(tables[0]!, template, position ? namesOf(position.users) : userName);
    this.order = wire.order;
    this.total = wire.total;
    this.tree = wire.tree ?? undefined;
    this.#after = wire.after;
    this.unmarked = wire.unmarked;
    if (wire.changes && before instanceof LiveView) {
      const { rows, gone, added } = wire.changes;
      this.changes = { before, added, gone, rowBefore: (row) => rows[row] ?? -1 };
    }
    if (before) before.changes = undefined;
    this.stats = wire.stats;
    this.columns = wire.columns.map((name) => viewColumn(template, name, wire.absent));
    this.details = wire.details.map((name) => viewColumn(template, name, wire.absent));
  }

  get count(): number {
    return this.order.length;
  }
  /** Every row that was read and fulfils the conditions, in the kernel's order, whatever is searched for. */
  allRows(): Uint32Array {
    return passingRows(this.table, this.#after);
  }
  /** Every row that was read, or those that the search left, in their order; those with one of these keys. */
  rowsToWrite(all: boolean, keys?: ReadonlySet<string>): { table: TableRows; order: Uint32Array } {
    if (!keys) return { table: this.table, order: all ? this.allRows() : foundRows(this.order, this.tree) };
    return { table: this.table, order: this.allRows().filter((row) => keys.has(this.table.key(row))) };
  }
  cell(row: number, column: ViewColumn): string {
    return this.table.cell(this.order[row], column.name);
  }
  exactCell(row: number, column: ViewColumn): string {
    return exactCell(this.table, this.order[row], column.name);
  }
  number(row: number, column: string): number {
    return this.table.number(this.order[row], column);
  }
  value(row: number, column: string): Value {
    return this.table.value(this.order[row], column);
  }
  isOld(row: number): boolean {
    const { condition = 'live' } = this.statusOf(this.order[row]) ?? {};
    return condition !== 'live';
  }
  absentAt(row: number, column: ViewColumn): string {
    return column.absent || (this.statusOf(this.order[row])?.absent.get(column.name) ?? '');
  }
  /** Of the host of a row of the table. */
  statusOf(row: number): HostStatus | undefined {
    return this.table instanceof MergedTable ? this.#status[this.table.hostOf(row)] : undefined;
  }
  key(row: number): string {
    return this.table.key(this.order[row]);
  }
  rowOf(key: string): number {
    const row = this.table.rowOfKey(key);
    return row < 0 ? -1 : this.order.indexOf(row);
  }
}

export function viewColumn(template: Template, name: string, absent: ReadonlyMap<string, string>): ViewColumn {
  const column = columnOf(template, name)!;
  const format = column.as ?? 'int';
  const title = titleOf(column);
  return {
    name,
    title,
    help: column.help,
    format,
    align: alignOf(format),
    width: Math.max(title.length, column.width ?? title.length),
    // What stands in for it is shown.
    absent: column.fallback === undefined ? (absent.get(name) ?? '') : '',
    minor: column.minor ?? false,
  };
}
