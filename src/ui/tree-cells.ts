/** The column of a tree: lines before the text of each row. */
import { branchOf, TREE_ASCII, TREE_SIGNS, treeText } from '../state/tree.ts';
import type { View, ViewColumn } from '../state/view.ts';

/** The lines of a row; '' for another column, and where there is no tree. */
export function branch(view: View, row: number, column: ViewColumn, ascii: boolean): string {
  if (view.tree?.column !== column.name) return '';
  return branchOf(view.tree, row, ascii ? TREE_ASCII : TREE_SIGNS);
}

/** What a cell shows, its lines included. */
export function cellText(
  view: View,
  row: number,
  column: ViewColumn,
  ascii: boolean,
  cell: (row: number) => string,
): string {
  const { tree } = view;
  if (tree?.column !== column.name) return cell(row);
  return branch(view, row, column, ascii) + treeText(tree, row, column.format === 'path', cell);
}
