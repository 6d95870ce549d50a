/** Which rows of a table are shown, in which order: an index over its columns. */
import type { Rows, TableRows } from '../templates/table.ts';
import type { Conjunct, Where } from '../templates/where.ts';
import { matchesWhere } from '../templates/where-eval.ts';
import { inTime } from './deadline.ts';
import type { Search } from './question.ts';
import { scratch } from './scratch.ts';
import { searchRegExp } from './search.ts';
import type { Sort, SortKey } from './sort.ts';

/** Rows that fulfil the conditions which the kernel has left to this side, in the kernel's order. */
export function passingRows(table: TableRows, after: readonly Conjunct[]): Uint32Array<ArrayBuffer> {
  const pass = () => {
    const rows = new Uint32Array(table.rows);
    let count = 0;
    for (let row = 0; row < table.rows; row++) {
      if (after.every(({ where }) => matchesWhere(where, table, row))) rows[count++] = row;
    }
    return rows.subarray(0, count);
  };
  const patterns = after.filter(({ where }) => hasPattern(where)).map(({ text }) => text);
  return patterns.length > 0 ? inTime(patterns, pass) : pass();
}

function hasPattern(where: Where): boolean {
  switch (where.kind) {
    case 'and':
    case 'or':
      return hasPattern(where.left) || hasPattern(where.right);
    case 'not':
      return hasPattern(where.of);
    default:
      return where.kind === 'match';
  }
}

/**
 * The passing rows that match the search, sorted; equal rows stay in the kernel's order, rows without the value come
 * last. Works in the memory of `passing`.
 */
export function orderRows(
  table: TableRows,
  sort: Sort,
  search: Search | null,
  shown: readonly string[],
  passing: Uint32Array<ArrayBuffer> = passingRows(table, []),
): Uint32Array<ArrayBuffer> {
  return sortRows(table, sort, searchRows(table, search, shown, passing));
}

/** The passing rows that match the search in what is shown of them. */
export function searchRows(
  table: TableRows,
  search: Search | null,
  shown: readonly string[],
  passing: Uint32Array<ArrayBuffer>,
): Uint32Array<ArrayBuffer> {
  if (!search) return passing;
  const pattern = searchRegExp(search);
  return inTime([search.pattern], () =>
    passing.filter((row) => pattern.test(rowText(table, row, shown)) !== search.invert),
  );
}

/** Of each column that is sorted by. */
const keyMemory: ((length: number) => Float64Array)[] = [];

/** Sorts in place what is in the kernel's order; equal rows stay in it, rows without the value come last. */
export function sortRows(table: Rows, sort: Sort, order: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const known = sort.filter(({ column }) => table.template.columns.some((c) => c.name === column));
  const keys = known.map((key, i) => {
    keyMemory[i] ??= scratch((length) => new Float64Array(length));
    return sortKeys(table, key, order, keyMemory[i](table.rows));
  });
  const compare = comparison(keys);
  for (let i = 1; i < order.length; i++) if (compare(order[i - 1], order[i]) > 0) return order.sort(compare);
  // As the kernel walks them, which for PIDs is often so.
  return order;
}

/** For each of the rows in `order` a number by which they go in that column: the smallest first, those without a value last. */
function sortKeys(table: Rows, { column, descending }: SortKey, order: Uint32Array, keys: Float64Array): Float64Array {
  const sign = descending ? -1 : 1;
  if (table.isText(column)) {
    // Each text by its place among all that there are. Code unit order: fast, and the same on every locale.
    const numbers = new Map<string, number>();
    for (const row of order) {
      const text = table.cell(row, column);
      const known = numbers.get(text);
      keys[row] = known ?? numbers.size;
      if (known === undefined) numbers.set(text, numbers.size);
    }
    const places = new Float64Array(numbers.size);
    [...numbers.keys()].sort().forEach((text, place) => {
      places[numbers.get(text)!] = text === '' ? Number.POSITIVE_INFINITY : place * sign;
    });
    for (const row of order) keys[row] = places[keys[row]];
    return keys;
  }
  // Shares as they are shown, to a tenth: by more than that, idle rows would change places at each refresh.
  const asShown = table.formatOf(column) === 'percent';
  for (const row of order) {
    const exact = table.number(row, column);
    const value = asShown ? Math.round(exact * 10) : exact;
    keys[row] = Number.isNaN(value) ? Number.POSITIVE_INFINITY : value * sign;
  }
  return keys;
}

/** Compares rows by keys, the first ones foremost; equal rows stay in the kernel's order. */
function comparison(keys: readonly Float64Array[]): (a: number, b: number) => number {
  const [first, ...others] = keys;
  if (!first) return (a, b) => a - b;
  // Two that are infinite give NaN.
  if (others.length === 0) return (a, b) => first[a] - first[b] || a - b;
  return (a, b) => {
    for (const key of keys) {
      const x = key[a];
      const y = key[b];
      if (x !== y) return x < y ? -1 : 1;
    }
    return a - b;
  };
}

export function rowText(table: TableRows, row: number, shown: readonly string[]): string {
  let text = '';
  for (const column of shown) text += `${table.cell(row, column)} `;
  return text;
}
