/** What came, went and changed since a moment, as one view: rows or groups that are there, then those that have gone. */
import type { Value } from '../templates/table.ts';
import { isCompared } from './changes.ts';
import type { GroupView } from './group-view.ts';
import type { LiveView } from './live-view.ts';
import { type ComparedWire, type MomentColumn, type MomentWire, momentText } from './moment.ts';
import type { Compared, View, ViewColumn } from './view.ts';

export class ComparedView implements View {
  /** What is there. */
  readonly of: LiveView | GroupView;
  readonly compared: Compared;
  /** There are none: see LiveView. */
  changes: undefined;
  readonly #wire: ComparedWire;
  readonly #then: ReadonlyMap<string, MomentColumn>;

  constructor(of: LiveView | GroupView, compared: ComparedWire, moment: MomentWire) {
    this.of = of;
    this.#wire = compared;
    this.#then = new Map(moment.columns.map((column) => [column.name, column]));
    const came = compared.rows.reduce((sum, row) => sum + (row < 0 ? 1 : 0), 0);
    this.compared = {
      came,
      went: compared.gone.length,
      changed: compared.rows.length - came,
      sign: (row) => (row >= this.#live ? '-' : this.#wire.rows[row]! < 0 ? '+' : '~'),
      before: (row, column) => this.#before(row, column),
    };
  }

  get template() {
    return this.of.template;
  }
  get columns() {
    return this.of.columns;
  }
  get details() {
    return this.of.details;
  }
  get stats() {
    return this.of.stats;
  }
  get position() {
    return this.of.position;
  }
  get grouped() {
    return this.of.grouped;
  }
  get hosts() {
    return this.of.hosts;
  }
  isOld(row: number): boolean {
    return row < this.#live && this.of.isOld(row);
  }
  get unmarked() {
    return this.of.unmarked;
  }
  get #live(): number {
    return this.of.count;
  }
  get count(): number {
    return this.#live + this.#wire.gone.length;
  }
  /** What has gone is counted where rows are. */
  get total(): number {
    return this.of.total + (this.of.grouped ? 0 : this.#wire.gone.length);
  }
  cell(row: number, column: ViewColumn): string {
    return row < this.#live ? this.of.cell(row, column) : this.#text(this.#wire.gone[row - this.#live]!, column);
  }
  exactCell(row: number, column: ViewColumn): string {
    return row < this.#live ? this.of.exactCell(row, column) : this.cell(row, column);
  }
  number(row: number, column: string): number {
    if (row < this.#live) return this.of.number(row, column);
    return this.#then.get(column)?.numbers?.[this.#wire.gone[row - this.#live]!] ?? Number.NaN;
  }
  value(row: number, column: string): Value {
    return row < this.#live ? this.of.value(row, column) : null;
  }
  key(row: number): string {
    return row < this.#live ? this.of.key(row) : this.#wire.goneKeys[row - this.#live]!;
  }
  rowOf(key: string): number {
    const row = this.of.rowOf(key);
    if (row >= 0) return row;
    const gone = this.#wire.goneKeys.indexOf(key);
    return gone < 0 ? -1 : this.#live + gone;
  }
  /** '' for a group that has gone, or where there are no groups. */
  condition(row: number): string {
    return row < this.#live && 'condition' in this.of ? this.of.condition(row) : '';
  }
  /** What has gone is not written. */
  rowsToWrite(all: boolean, keys?: ReadonlySet<string>) {
    return this.of.rowsToWrite(all, keys);
  }

  /** The cell as it was, where it was another one. */
  #before(row: number, column: ViewColumn): string | undefined {
    const old = row < this.#live ? this.#wire.rows[row]! : -1;
    if (old < 0 || !isCompared(column.format) || !this.#then.has(column.name)) return undefined;
    const text = this.#text(old, column);
    return text === this.cell(row, column) ? undefined : text;
  }

  /** A cell of the moment; '' for a column that it does not have. */
  #text(row: number, { name, format }: ViewColumn): string {
    const column = this.#then.get(name);
    if (!column) return '';
    return column.texts?.[row] ?? momentText(column.numbers![row]!, format, this.of.table.context);
  }
}
