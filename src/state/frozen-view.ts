/** One row of a view, kept after the view's memory is used again. */
import type { View } from './view.ts';

/** The cells of `row` as they are now, as a view of that row alone. */
export function frozenRow(view: View, row: number): View {
  const cells = new Map([...view.columns, ...view.details].map((column) => [column.name, view.cell(row, column)]));
  const numbers = new Map([...cells.keys()].map((name) => [name, view.number(row, name)]));
  const values = new Map([...cells.keys()].map((name) => [name, view.value(row, name)]));
  const key = view.key(row);
  return {
    template: view.template,
    columns: view.columns,
    details: view.details,
    count: 1,
    total: 1,
    stats: view.stats,
    position: view.position,
    cell: (_row, column) => cells.get(column.name) ?? '',
    number: (_row, column) => numbers.get(column) ?? Number.NaN,
    value: (_row, column) => values.get(column) ?? null,
    key: () => key,
    rowOf: (wanted) => (wanted === key ? 0 : -1),
  };
}
