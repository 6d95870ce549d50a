/** Which rows of a table are shown, in which order: an index over its columns. */
import type { Table } from '../templates/table.ts';
import type { Conjunct } from '../templates/where.ts';
import { matchesWhere } from '../templates/where-eval.ts';
import type { Search, Sort } from './question.ts';
import { searchRegExp } from './search.ts';

/** Rows that fulfil the conditions which the kernel has left to this side, in the kernel's order. */
export function passingRows(table: Table, after: readonly Conjunct[]): Uint32Array<ArrayBuffer> {
  const rows = new Uint32Array(table.rows);
  let count = 0;
  for (let row = 0; row < table.rows; row++) {
    if (after.every(({ where }) => matchesWhere(where, table, row))) rows[count++] = row;
  }
  return rows.subarray(0, count);
}

/**
 * The passing rows that match the search, sorted; equal rows stay in the kernel's order, rows without the value come
 * last. Works in the memory of `passing`.
 */
export function orderRows(
  table: Table,
  sort: Sort,
  search: Search | null,
  shown: readonly string[],
  passing: Uint32Array<ArrayBuffer> = passingRows(table, []),
): Uint32Array<ArrayBuffer> {
  let order = passing;
  if (search) {
    const matches = matcher(search);
    let count = 0;
    for (const row of passing) if (matches(rowText(table, row, shown))) order[count++] = row;
    order = order.subarray(0, count);
  }
  const known = table.template.columns.some((c) => c.name === sort.column);
  if (!known) return order;
  const sign = sort.descending ? -1 : 1;
  if (table.isText(sort.column)) {
    const texts = new Map<number, string>();
    for (const row of order) texts.set(row, table.cell(row, sort.column));
    // Code unit order: fast, and the same on every locale.
    return order.sort((a, b) => {
      const x = texts.get(a)!;
      const y = texts.get(b)!;
      if (x === y) return a - b;
      if (x === '') return 1;
      if (y === '') return -1;
      return x < y ? -sign : sign;
    });
  }
  const values = new Float64Array(table.rows);
  // Shares as they are shown, to a tenth: by more than that, idle rows would change places at each refresh.
  const asShown = table.formatOf(sort.column) === 'percent';
  let last = Number.NEGATIVE_INFINITY;
  let sorted = true;
  for (const row of order) {
    const exact = table.number(row, sort.column);
    const value = asShown ? Math.round(exact * 10) : exact;
    const key = Number.isNaN(value) ? Number.POSITIVE_INFINITY : value * sign;
    sorted &&= key >= last;
    last = key;
    values[row] = key;
  }
  // As the kernel walks them, which for PIDs is often so.
  if (sorted) return order;
  return order.sort((a, b) => values[a] - values[b] || a - b);
}

export function rowText(table: Table, row: number, shown: readonly string[]): string {
  let text = '';
  for (const column of shown) text += `${table.cell(row, column)} `;
  return text;
}

function matcher(search: Search): (text: string) => boolean {
  const pattern = searchRegExp(search);
  return (text) => pattern.test(text) !== search.invert;
}
