/** The rows of several hosts as those of one table: nothing is copied, each cell is its own host's. */
import type { FormatContext } from './format.ts';
import type { Kind, Table, TableRows, Value } from './table.ts';
import type { Format, Template } from './template.ts';

/** Between a host and the key of one of its rows. */
const BETWEEN = '\0';
const HZ = 1000;
/** Bytes of a page, in which numbers of pages are given. */
export const MERGED_PAGE = 4096;

export class MergedTable implements TableRows {
  readonly template: Template;
  readonly tables: readonly Table[];
  readonly rows: number;
  /** Clocks, and the size of pages, that numbers are given in. */
  readonly context: FormatContext;
  /** The first row of each table. */
  readonly starts: Uint32Array;
  /** Per row its table. */
  readonly #of: Uint16Array;
  readonly #formats: ReadonlyMap<string, Format>;

  /** @param tables each with the name of its host in its context */
  constructor(template: Template, tables: readonly Table[], nowMs: number) {
    this.template = template;
    this.tables = tables;
    this.#formats = new Map(template.columns.map(({ name, as }) => [name, as ?? 'int']));
    this.starts = new Uint32Array(tables.length + 1);
    for (const [i, table] of tables.entries()) this.starts[i + 1] = this.starts[i]! + table.rows;
    this.rows = this.starts[tables.length]!;
    this.#of = new Uint16Array(this.rows);
    for (let i = 0; i < tables.length; i++) this.#of.fill(i, this.starts[i], this.starts[i + 1]);
    const names = new Map(tables.flatMap(({ context }) => [...(context.names ?? [])]));
    // Boot is the epoch here: no host's clock is meant.
    this.context = { bootMs: 0, nowNs: nowMs * 1e6, hz: HZ, pageSize: MERGED_PAGE, userName: () => undefined, names };
  }

  hostOf(row: number): number {
    return this.#of[row]!;
  }
  #table(row: number): Table {
    return this.tables[this.#of[row]!]!;
  }
  #row(row: number): number {
    return row - this.starts[this.#of[row]!]!;
  }
  formatOf(column: string): Format {
    return this.#formats.get(column) ?? 'int';
  }
  isText(column: string): boolean {
    return this.tables.every((table) => table.isText(column));
  }
  /** In units that all hosts have in common: times since the epoch, ages by the host's own clock. */
  number(row: number, column: string): number {
    const table = this.#table(row);
    const value = table.number(this.#row(row), column);
    const { context } = table;
    switch (this.formatOf(column)) {
      case 'age':
        return this.context.nowNs - (context.nowNs - value);
      case 'time':
        return context.bootMs * 1e6 + value;
      case 'pages':
        return (value * context.pageSize) / MERGED_PAGE;
      case 'jiffies':
        return context.hz > 0 ? (value * HZ) / context.hz : Number.NaN;
      default:
        return value;
    }
  }
  cell(row: number, column: string): string {
    return this.#table(row).cell(this.#row(row), column);
  }
  text(row: number, column: string): string {
    return this.#table(row).text(this.#row(row), column);
  }
  bytes(row: number, column: string): Buffer | null {
    return this.#table(row).bytes(this.#row(row), column);
  }
  exact(row: number, column: string): number | bigint | null {
    return this.#table(row).exact(this.#row(row), column);
  }
  value(row: number, column: string): Value {
    return this.#table(row).value(this.#row(row), column);
  }
  kind(column: string): Kind {
    const kinds = this.tables.map((table) => table.kind(column));
    return kinds.find((kind) => kind !== 'i64') ?? 'i64';
  }
  texts(row: number, column: string): readonly string[] | null {
    return this.#table(row).texts(this.#row(row), column);
  }
  key(row: number): string {
    const table = this.#table(row);
    return `${table.host}${BETWEEN}${table.key(this.#row(row))}`;
  }
  rowOfKey(key: string): number {
    const [at, own] = this.locate(key);
    const row = at < 0 ? -1 : this.tables[at]!.rowOfKey(own);
    return row < 0 ? -1 : this.starts[at]! + row;
  }
  /** The table that has the key's host, or -1, and the key there. */
  locate(key: string): readonly [table: number, own: string] {
    const end = key.indexOf(BETWEEN);
    return [this.tables.findIndex(({ host }) => host === key.slice(0, end)), key.slice(end + 1)];
  }
}
