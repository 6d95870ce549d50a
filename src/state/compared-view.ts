/** What came, went and changed since a moment, as one view: rows that are there, then those that have gone. */
import type { Value } from '../templates/table.ts';
import { isCompared } from './changes.ts';
import { LiveView, type ViewWire } from './live-view.ts';
import { type ComparedWire, type MomentColumn, type MomentWire, momentText } from './moment.ts';
import type { Compared, ViewColumn } from './view.ts';

export class ComparedView extends LiveView {
  readonly #wire: ComparedWire;
  readonly #then: ReadonlyMap<string, MomentColumn>;
  override readonly compared: Compared;

  constructor(wire: ViewWire, compared: ComparedWire, moment: MomentWire) {
    super({ ...wire, total: wire.total + compared.gone.length });
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

  get #live(): number {
    return this.order.length;
  }
  override get count(): number {
    return this.#live + this.#wire.gone.length;
  }
  override cell(row: number, column: ViewColumn): string {
    return row < this.#live ? super.cell(row, column) : this.#text(this.#wire.gone[row - this.#live]!, column);
  }
  override exactCell(row: number, column: ViewColumn): string {
    return row < this.#live ? super.exactCell(row, column) : this.cell(row, column);
  }
  override number(row: number, column: string): number {
    if (row < this.#live) return super.number(row, column);
    return this.#then.get(column)?.numbers?.[this.#wire.gone[row - this.#live]!] ?? Number.NaN;
  }
  override value(row: number, column: string): Value {
    return row < this.#live ? super.value(row, column) : null;
  }
  override key(row: number): string {
    return row < this.#live ? super.key(row) : this.#wire.goneKeys[row - this.#live]!;
  }
  override rowOf(key: string): number {
    const row = super.rowOf(key);
    if (row >= 0) return row;
    const gone = this.#wire.goneKeys.indexOf(key);
    return gone < 0 ? -1 : this.#live + gone;
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
    return column.texts?.[row] ?? momentText(column.numbers![row]!, format, this.table.context);
  }
}
