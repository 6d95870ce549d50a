/** Groups of rows: one pass over the rows for each column, nothing kept for a row but the number of its group. */
import { type FormatContext, formatNumber, hexText } from '../templates/format.ts';
import type { KeyedRows, Kind, TableRows, Value } from '../templates/table.ts';
import { type Column, columnOf, type Format, type Template } from '../templates/template.ts';
import { type AskedColumns, addsUp, type Grouped, groupedTemplate, readColumns } from './grouping.ts';
import { sortRows } from './order.ts';
import type { Sort } from './sort.ts';

/** Plain data, which crosses threads; each array has an entry for each group. */
export interface Groups extends Grouped {
  /** Columns of the rows that are shown of groups too; what they are sorted by has sums as well. */
  readonly shown: readonly string[];
  /** The first row of the table that is in the group. */
  readonly first: Uint32Array<ArrayBuffer>;
  readonly counts: Float64Array<ArrayBuffer>;
  /** Sums of the columns that add up; NaN where no row has a value. */
  readonly sums: ReadonlyMap<string, Float64Array<ArrayBuffer>>;
  /** Of the other columns: 1 where all rows of the group have what its first one has. */
  readonly same: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** Where the groups are watched for growth. */
  readonly runs?: GroupRuns;
}

/** In how many samples in a row a group grew, at most. */
export interface GroupRuns {
  /** Columns that are watched. */
  readonly watched: readonly string[];
  /** Of the column that grew for the longest time, and which of them that is. */
  readonly samples: Float64Array<ArrayBuffer>;
  readonly which: Uint8Array<ArrayBuffer>;
}

export function groupRows(table: TableRows, asked: AskedColumns, rows: Uint32Array): Groups {
  const { groupBy: by, columns: shown } = asked;
  const groupOf = new Uint32Array(rows.length);
  const groups = new Map<string | number | bigint, number>();
  const firsts: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    const value = valueIn(table, rows[i], by);
    let group = groups.get(value);
    if (group === undefined) {
      group = firsts.length;
      groups.set(value, group);
      firsts.push(rows[i]);
    }
    groupOf[i] = group;
  }
  const first = Uint32Array.from(firsts);
  const counts = new Float64Array(first.length);
  for (const group of groupOf) counts[group]++;
  const sums = new Map<string, Float64Array<ArrayBuffer>>();
  const same = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of readColumns(table.template, asked)) {
    if (name === by) continue;
    if (addsUp(columnOf(table.template, name)!)) sums.set(name, sumOf(table, name, rows, groupOf, first.length));
    else same.set(name, sameness(table, name, rows, groupOf, first));
  }
  return { by, of: rows.length, shown, first, counts, sums, same };
}

function sumOf(table: TableRows, column: string, rows: Uint32Array, groupOf: Uint32Array, count: number) {
  const sums = new Float64Array(count).fill(Number.NaN);
  for (let i = 0; i < rows.length; i++) {
    const value = table.number(rows[i], column);
    if (Number.isNaN(value)) continue;
    const group = groupOf[i];
    sums[group] = Number.isNaN(sums[group]) ? value : sums[group] + value;
  }
  return sums;
}

function sameness(table: TableRows, column: string, rows: Uint32Array, groupOf: Uint32Array, first: Uint32Array) {
  const same = new Uint8Array(first.length).fill(1);
  const values = Array.from(first, (row) => valueIn(table, row, column));
  for (let i = 0; i < rows.length; i++) {
    const group = groupOf[i];
    // Of most groups the second row tells already.
    if (same[group] && rows[i] !== first[group] && !Object.is(valueIn(table, rows[i], column), values[group]))
      same[group] = 0;
  }
  return same;
}

/** What rows are told apart by: text as the kernel has it, numbers exactly; NaN and '' for no value. */
function valueIn(table: TableRows, row: number, column: string): string | number | bigint {
  const format = table.formatOf(column);
  if (format === 'text' || format === 'path') return table.text(row, column);
  if (format === 'inet' || format === 'hexbytes') return table.cell(row, column);
  const value = table.number(row, column);
  return Math.abs(value) > Number.MAX_SAFE_INTEGER ? (table.exact(row, column) ?? value) : value;
}

/** Buffers to hand over to another thread. */
export function buffersOf({ first, counts, sums, same, runs }: Groups): ArrayBuffer[] {
  const watched = runs ? [runs.samples, runs.which] : [];
  return [first, counts, ...sums.values(), ...same.values(), ...watched].map(({ buffer }) => buffer);
}

/** Groups as rows of a table. */
export class GroupTable implements KeyedRows {
  readonly template: Template;
  readonly table: TableRows;
  readonly groups: Groups;
  readonly #count: string;
  /** '' where nothing is watched. */
  readonly #grew: string;
  readonly #columns: ReadonlyMap<string, Column>;

  constructor(table: TableRows, groups: Groups) {
    this.table = table;
    this.groups = groups;
    const watch = groups.runs !== undefined;
    this.template = groupedTemplate(table.template, groups.by, groups.shown, watch);
    this.#count = this.template.show[1]!;
    this.#grew = watch ? this.template.show[2]! : '';
    this.#columns = new Map(this.template.columns.map((column) => [column.name, column]));
  }

  get rows(): number {
    return this.groups.first.length;
  }
  formatOf(column: string): Format {
    return this.#columns.get(column)?.as ?? 'int';
  }
  get context(): FormatContext {
    return this.table.context;
  }
  isText(column: string): boolean {
    return column !== this.#grew && this.table.isText(column);
  }
  number(group: number, column: string): number {
    if (column === this.#grew) return this.groups.runs!.samples[group];
    return (
      this.#total(group, column) ?? (this.#shared(group, column) ? this.table.number(this.#row(group), column) : NaN)
    );
  }
  cell(group: number, column: string): string {
    if (column === this.#grew) return this.#growth(group);
    const total = this.#total(group, column);
    if (total === undefined) return this.#shared(group, column) ? this.table.cell(this.#row(group), column) : '';
    return Number.isNaN(total) ? '' : formatNumber(this.formatOf(column), total, this.table.context);
  }
  value(group: number, column: string): Value {
    if (column === this.#grew) return this.#growth(group) || null;
    const total = this.#total(group, column);
    if (total === undefined) return this.#shared(group, column) ? this.table.value(this.#row(group), column) : null;
    if (Number.isNaN(total)) return null;
    return this.formatOf(column) === 'pages' ? total * this.table.context.pageSize : total;
  }
  kind(column: string): Kind {
    if (column === this.#count) return 'i64';
    if (column === this.#grew) return 'text';
    const kind = this.table.kind(column);
    // A list is a text where groups share it; a sum is no longer an address.
    if (kind === 'texts') return 'text';
    return kind === 'u64' && this.groups.sums.has(column) ? 'i64' : kind;
  }
  texts(): null {
    return null;
  }
  /** Names the group for as long as there are rows with its value. */
  key(group: number): string {
    const { by } = this.groups;
    return `${by}=${valueIn(this.table, this.#row(group), by)}`;
  }
  /** Or -1. @param near where to look first: groups rarely go far from one refresh to the next */
  groupOfKey(key: string, near = 0): number {
    const isIt = (group: number) => group >= 0 && group < this.rows && this.key(group) === key;
    for (let away = 0; away <= Math.max(near, this.rows); away++) {
      if (isIt(near + away)) return near + away;
      if (isIt(near - away)) return near - away;
    }
    return -1;
  }

  /** The condition (templates/where.ts) that the rows of a group fulfil, and no others. */
  condition(group: number): string {
    const { by } = this.groups;
    const row = this.#row(group);
    const value = valueIn(this.table, row, by);
    if (value === '' || Number.isNaN(value)) return `${by} == ""`;
    const format = this.formatOf(by);
    if (typeof value === 'string') return `${by} == ${word(value)}`;
    if (format === 'flag') return `${by} == ${value === 0 ? 'no' : 'yes'}`;
    if (format === 'hex') return `${by} == ${hexText(value)}`;
    const shown = this.table.cell(row, by);
    return `${by} == ${['enum', 'uid', 'octal', 'dev'].includes(format) && shown !== '' ? word(shown) : value}`;
  }

  #growth(group: number): string {
    const { watched, samples, which } = this.groups.runs!;
    return samples[group] > 0 ? `${watched[which[group]]} +${samples[group]}` : '';
  }
  #row(group: number): number {
    return this.groups.first[group];
  }
  /** undefined for a column without totals. */
  #total(group: number, column: string): number | undefined {
    return column === this.#count ? this.groups.counts[group] : this.groups.sums.get(column)?.[group];
  }
  #shared(group: number, column: string): boolean {
    return column === this.groups.by || this.groups.same.get(column)?.[group] === 1;
  }
}

/** Groups in the order of their first rows. */
export function allGroups(table: GroupTable): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: table.rows }, (_, group) => group);
}

export function sortGroups(table: GroupTable, sort: Sort): Uint32Array<ArrayBuffer> {
  return sortRows(table, sort, allGroups(table));
}

/** As a value of a condition: with quotes where it takes them. */
function word(text: string): string {
  if (/^[\w./:][\w./:@+-]*$/.test(text) && !/^(and|or|not|in)$/.test(text)) return text;
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
