/** Groups of rows as a view; the rows themselves stay within reach. */
import { exactCell } from '../templates/exact.ts';
import { HOST } from '../templates/host-column.ts';
import type { Value } from '../templates/table.ts';
import type { Changes } from './changes.ts';
import { ComparedView } from './compared-view.ts';
import type { Grouped } from './grouping.ts';
import { allGroups, type Groups, GroupTable, groupRows } from './groups.ts';
import { LiveView, type ViewWire, viewColumn } from './live-view.ts';
import type { MomentWire } from './moment.ts';
import type { View, ViewColumn } from './view.ts';

/** With more groups than that it would take longer than it tells. */
const MOST_COMPARED = 10_000;

export class GroupView implements View {
  readonly live: LiveView;
  readonly table: GroupTable;
  readonly columns: readonly ViewColumn[];
  readonly details: readonly ViewColumn[];
  /** Groups in the order in which they are shown. */
  readonly order: Uint32Array;
  /** See LiveView. */
  changes: Changes | undefined;
  /** The group whose key was asked for last, mostly the cursor's: in the next refresh it is not far from there. */
  #near: number;

  /** @param before the view that was sent before this one */
  constructor(wire: ViewWire, groups: Groups, before: SampledView | null = null) {
    this.live = new LiveView(wire);
    this.table = new GroupTable(this.live.table, groups);
    this.order = wire.order;
    this.#near = before instanceof GroupView ? before.#near : 0;
    const { template } = this.table;
    const also = wire.details.filter((name) => !template.show.includes(name));
    this.columns = template.show.map((name) => viewColumn(template, name, wire.absent));
    this.details = [...this.columns, ...also.map((name) => viewColumn(template, name, wire.absent))];
    if (wire.changes && before instanceof GroupView && before.count + this.count <= MOST_COMPARED)
      this.changes = changesOf(this, before);
    if (before) before.changes = undefined;
  }

  get template() {
    return this.live.template;
  }
  get count() {
    return this.order.length;
  }
  get total() {
    return this.live.total;
  }
  get stats() {
    return this.live.stats;
  }
  get position() {
    return this.live.position;
  }
  get grouped(): Grouped {
    return this.table.groups;
  }
  get hosts(): LiveView['hosts'] {
    return this.live.hosts;
  }
  /** Groups of other things than hosts have rows of several. */
  isOld(row: number): boolean {
    const { by, first } = this.table.groups;
    return by === HOST && (this.live.statusOf(first[this.order[row]!]!)?.condition ?? 'live') !== 'live';
  }
  get unmarked(): readonly string[] {
    return [];
  }
  cell(row: number, column: ViewColumn): string {
    return this.table.cell(this.order[row]!, column.name);
  }
  exactCell(row: number, column: ViewColumn): string {
    return exactCell(this.table, this.order[row]!, column.name);
  }
  number(row: number, column: string): number {
    return this.table.number(this.order[row]!, column);
  }
  value(row: number, column: string): Value {
    return this.table.value(this.order[row]!, column);
  }
  key(row: number): string {
    this.#near = this.order[row]!;
    return this.table.key(this.#near);
  }
  rowOf(key: string): number {
    const group = this.table.groupOfKey(key, this.#near);
    if (group < 0) return -1;
    this.#near = group;
    return this.order.indexOf(group);
  }
  condition(row: number): string {
    return this.table.condition(this.order[row]!);
  }
  /** Groups as they are shown; of every row that was read, whatever is searched for; those with one of these keys. */
  rowsToWrite(all: boolean, keys?: ReadonlySet<string>): { table: GroupTable; order: Uint32Array } {
    const { table: shownGroups } = this;
    if (keys) return { table: shownGroups, order: allGroups(shownGroups).filter((g) => keys.has(shownGroups.key(g))) };
    if (!all) return { table: shownGroups, order: this.order };
    const { by, shown } = shownGroups.groups;
    const rows = this.live.table;
    const groups = groupRows(rows, { groupBy: by, columns: shown, sort: [] }, this.live.allRows());
    const table = new GroupTable(rows, groups);
    return { table, order: allGroups(table) };
  }
}

/** Groups that came, went and stayed, by what they are of. */
function changesOf(view: GroupView, before: GroupView): Changes {
  const keyOf = ({ table, order }: GroupView, row: number) => table.key(order[row]!);
  const old = new Map(Array.from({ length: before.count }, (_, row) => [keyOf(before, row), row]));
  const rows = Int32Array.from({ length: view.count }, (_, row) => old.get(keyOf(view, row)) ?? -1);
  const kept = new Set(rows);
  return {
    before,
    added: rows.reduce((sum, row) => sum + (row < 0 ? 1 : 0), 0),
    gone: Int32Array.from([...old.values()].filter((row) => !kept.has(row))),
    rowBefore: (row) => rows[row] ?? -1,
  };
}

export type SampledView = LiveView | GroupView | ComparedView;

/** What the worker sent, as it is shown. @param before the view that was sent before */
export function viewOf(wire: ViewWire, before: SampledView | null, moment: MomentWire | null): SampledView {
  const { groups, compared } = wire;
  const view = groups ? new GroupView(wire, groups, before) : new LiveView(wire, before);
  return compared && moment?.id === compared.moment ? new ComparedView(view, compared, moment) : view;
}
