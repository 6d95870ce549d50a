/** The rows of one moment, kept so that later ones can be compared with them. */
import { type FormatContext, formatNumber, hexText } from '../templates/format.ts';
import { growthColumn } from '../templates/growth.ts';
import type { KeyedRows, Value } from '../templates/table.ts';
import { columnOf, type Format, type Template } from '../templates/template.ts';
import { sanitize } from '../templates/text.ts';
import { type Baseline, tupleOf } from './baseline.ts';
import { isCompared } from './changes.ts';

/** What the worker is asked to compare with. */
export interface Comparison {
  /** Another number is another moment; 0 is the one of the file that was given at the start. */
  readonly moment: number;
  /** Only what came, went or changed is shown. */
  readonly shown: boolean;
}

/** Of one column either numbers, which are formatted where they are visible, or texts. */
export interface MomentColumn {
  readonly name: string;
  readonly format: Format;
  readonly numbers: Float64Array | null;
  readonly texts: readonly string[] | null;
}

/** As it crosses threads, once; numbers are shared memory. */
export interface MomentWire {
  readonly id: number;
  readonly columns: readonly MomentColumn[];
}

/** How rows of a table differ from those of the moment. */
export interface ComparedWire {
  readonly moment: number;
  /** Per shown row its row then, or -1. */
  readonly rows: Int32Array;
  /** Rows of the moment that are not there any more, and their keys. */
  readonly gone: Int32Array;
  readonly goneKeys: readonly string[];
}

/** Formats that formatNumber() alone shows, whatever else the table knows. */
const PLAIN: ReadonlySet<Format> = new Set([
  ...(['int', 'count', 'ratio', 'bytes', 'pages', 'percent', 'rate', 'byterate'] as const),
  ...(['ns', 'us', 'ms', 's', 'cputime', 'jiffies'] as const),
]);

export class Moment {
  readonly id: number;
  readonly columns: readonly MomentColumn[];
  readonly #rows: ReadonlyMap<string, number>;
  readonly #keyOf: (table: KeyedRows, row: number) => string;

  private constructor(
    id: number,
    columns: readonly MomentColumn[],
    rows: ReadonlyMap<string, number>,
    keyOf: (table: KeyedRows, row: number) => string,
  ) {
    this.id = id;
    this.columns = columns;
    this.#rows = rows;
    this.#keyOf = keyOf;
  }

  get wire(): MomentWire {
    return { id: this.id, columns: this.columns };
  }

  /** The rows of a table, or groups of them, as they are now. */
  static now(id: number, table: KeyedRows, rows: Uint32Array, names: readonly string[]): Moment {
    const grew = growthColumn(table.template);
    // In how many samples something grew is another number each time.
    const told = names.filter((name) => name !== grew);
    const columns = told.map((name) =>
      column(
        name,
        table.formatOf(name),
        rows.length,
        (at) => table.number(rows[at]!, name),
        (at) => table.cell(rows[at]!, name),
      ),
    );
    const keys = new Map<string, number>();
    for (let at = 0; at < rows.length; at++) keys.set(table.key(rows[at]!), at);
    return new Moment(id, columns, keys, (other, row) => other.key(row));
  }

  /** The rows of a snapshot's file. */
  static ofFile(id: number, { columns: names, rows }: Baseline, { template, context }: KeyedRows): Moment {
    const columns = names.flatMap((name, index) => {
      const format = columnOf(template, name)?.as ?? 'int';
      if (!columnOf(template, name)) return [];
      const value = (at: number) => rows[at]![index] ?? null;
      return column(
        name,
        format,
        rows.length,
        (at) => numberOf(value(at), format, context),
        (at) => textOf(value(at), format, context),
      );
    });
    const key = keyColumns(template, names);
    const keys = new Map(rows.map((row, at) => [tupleOf(key.map((index) => row[index] ?? null)), at]));
    return new Moment(id, columns, keys, (table, row) => tupleOf(template.key.map((name) => table.value(row, name))));
  }

  /**
   * @param passing all rows that are there
   * @param order those that are shown, in their order
   * @param names columns that are shown
   */
  compare(
    table: KeyedRows,
    passing: Uint32Array,
    order: Uint32Array<ArrayBuffer>,
    names: readonly string[],
  ): { order: Uint32Array<ArrayBuffer>; compared: ComparedWire } {
    const then = new Map<number, number>();
    const left = new Map(this.#rows);
    for (const row of passing) {
      const key = this.#keyOf(table, row);
      const old = this.#rows.get(key);
      if (old === undefined) continue;
      then.set(row, old);
      left.delete(key);
    }
    const compared = this.columns.filter(({ format, name }) => isCompared(format) && names.includes(name));
    const differing = order.filter((row) => {
      const old = then.get(row);
      return old === undefined || compared.some((each) => this.#differs(each, table, row, old));
    });
    const rows = Int32Array.from(differing, (row) => then.get(row) ?? -1);
    const gone = [...left].sort(([, a], [, b]) => a - b);
    return {
      order: differing,
      compared: {
        moment: this.id,
        rows,
        gone: Int32Array.from(gone, ([, row]) => row),
        goneKeys: gone.map(([key]) => key),
      },
    };
  }

  #differs({ name, format, numbers, texts }: MomentColumn, table: KeyedRows, row: number, old: number): boolean {
    if (texts) return table.cell(row, name) !== texts[old];
    const [now, then] = [table.number(row, name), numbers![old]!];
    if (now === then || (Number.isNaN(now) && Number.isNaN(then))) return false;
    // By what is seen of it: less is noise.
    return table.cell(row, name) !== momentText(then, format, table.context);
  }
}

function column(
  name: string,
  format: Format,
  count: number,
  number: (at: number) => number,
  text: (at: number) => string,
): MomentColumn {
  if (!PLAIN.has(format))
    return { name, format, numbers: null, texts: Array.from({ length: count }, (_, at) => text(at)) };
  const numbers = new Float64Array(new SharedArrayBuffer(count * 8));
  for (let at = 0; at < count; at++) numbers[at] = number(at);
  return { name, format, numbers, texts: null };
}

/** A number of the moment as its cell was. */
export function momentText(number: number, format: Format, context: FormatContext): string {
  return Number.isNaN(number) ? '' : formatNumber(format, number, context);
}

/** Where the columns of the template's key are among those of a file. */
function keyColumns(template: Template, names: readonly string[]): number[] {
  return template.key.map((name) => names.indexOf(name));
}

/** A file's value as the number that the column has: pages are written as bytes. */
function numberOf(value: Value, format: Format, { pageSize }: FormatContext): number {
  if (value === null || typeof value === 'string') return Number.NaN;
  return Number(value) / (format === 'pages' ? pageSize : 1);
}

function textOf(value: Value, format: Format, context: FormatContext): string {
  if (value === null || value === false) return '';
  if (value === true) return 'yes';
  if (typeof value === 'string') return sanitize(value);
  return format === 'hex' ? hexText(value) : formatNumber(format, Number(value), context);
}
