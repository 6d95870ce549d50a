/** What is shown of the rows that passed: they themselves in their order, groups of them, or a tree. */
import type { Table } from '../templates/table.ts';
import { buffersOf, type Groups, GroupTable, groupRows, sortGroups } from './groups.ts';
import { searchRows, sortRows } from './order.ts';
import type { Question } from './question.ts';
import { indentColumn, type TreeRows, treeBuffers, treeRows, withAncestors } from './tree.ts';

export type Arrangement = Pick<Question, 'columns' | 'sort' | 'search' | 'groupBy' | 'also' | 'tree' | 'ungroup'>;

export interface Arranged {
  /** Rows of the table, or groups. */
  readonly order: Uint32Array<ArrayBuffer>;
  readonly groups: Groups | null;
  readonly tree: TreeRows | null;
}

/**
 * Works in the memory of `passing`.
 * @param chosen those of the passing rows that are to be shown; all of them where absent
 */
export function arrange(
  table: Table,
  asked: Arrangement,
  passing: Uint32Array<ArrayBuffer>,
  chosen: Uint32Array<ArrayBuffer> = passing,
): Arranged {
  const { columns, sort, search, groupBy } = asked;
  if (groupBy !== '') {
    const found = searchRows(table, search, [groupBy, ...columns], chosen);
    const groups = groupRows(table, asked, found);
    return { order: sortGroups(new GroupTable(table, groups), sort), groups, tree: null };
  }
  if (!asked.tree || !table.template.tree)
    return { order: sortRows(table, sort, searchRows(table, search, columns, chosen)), groups: null, tree: null };
  const narrowed = search !== null || chosen !== passing;
  const { rows, leads } = narrowed
    ? withAncestors(table, passing, searchRows(table, search, columns, chosen.slice()), asked.ungroup)
    : { rows: passing };
  const order = sortRows(table, sort, rows);
  const folded = new Set(asked.tree.folded.map((key) => table.batch.rowOfKey(key)));
  const column = indentColumn(table.template, columns);
  return { groups: null, ...treeRows(table, order, folded, column, asked.ungroup, leads) };
}

/** To be handed over to another thread. */
export function arrangedBuffers({ order, groups, tree }: Arranged): ArrayBuffer[] {
  return [order.buffer, ...(groups ? buffersOf(groups) : []), ...(tree ? treeBuffers(tree) : [])];
}
