/** One row of a view, kept after the view's memory is used again. */
import type { View } from './view.ts';

/** The cells of `row` as they are now, as a view of that row alone. */
export function frozenRow(view: View, row: number): View {
  const cells = new Map([...view.columns, ...view.details].map((column) => [column.name, view.cell(row, column)]));
  const key = view.key(row);
  return {
    template: view.template,
    columns: view.columns,
    details: view.details,
    count: 1,
    total: 1,
    stats: view.stats,
    cell: (_row, column) => cells.get(column.name) ?? '',
    key: () => key,
    rowOf: (wanted) => (wanted === key ? 0 : -1),
  };
}
