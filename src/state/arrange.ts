/** What is shown of the rows that passed: they themselves in their order, groups of them, or a tree. */
import type { TableRows } from '../templates/table.ts';
import type { GroupGrowth } from './group-growth.ts';
import { watchedColumns } from './grouping.ts';
import { buffersOf, type Groups, GroupTable, groupRows, sortGroups } from './groups.ts';
import { searchRows, sortRows } from './order.ts';
import type { Question } from './question.ts';
import { indentColumn, type TreeRows, treeBuffers, treeRows, withAncestors } from './tree.ts';

export type Arrangement = Pick<
  Question,
  'columns' | 'sort' | 'search' | 'groupBy' | 'watch' | 'also' | 'tree' | 'ungroup'
>;

export interface ArrangeOptions {
  /** Those of the passing rows that are to be shown; all of them where absent. */
  readonly chosen?: Uint32Array<ArrayBuffer> | undefined;
  /** Keys of the groups that are to be shown; all of them where absent. */
  readonly only?: ReadonlySet<string> | undefined;
  /** Of groups that are watched; `asked` and `read` as GroupGrowth.sample() takes them. */
  readonly growth?: { readonly runs: GroupGrowth; readonly asked: string; readonly read: number } | undefined;
}

export interface Arranged {
  /** Rows of the table, or groups. */
  readonly order: Uint32Array<ArrayBuffer>;
  readonly groups: Groups | null;
  readonly tree: TreeRows | null;
  /** What the order is of. */
  readonly rows: TableRows | GroupTable;
}

/** Works in the memory of `passing`. */
export function arrange(
  table: TableRows,
  asked: Arrangement,
  passing: Uint32Array<ArrayBuffer>,
  { chosen = passing, only, growth }: ArrangeOptions = {},
): Arranged {
  const { columns, sort, search, groupBy } = asked;
  if (groupBy !== '') {
    const found = searchRows(table, search, [groupBy, ...columns], chosen);
    const made = groupRows(table, asked, found);
    const watched = watchedColumns(table.template);
    const runs = asked.watch && growth?.runs.sample(new GroupTable(table, made), watched, growth.asked, growth.read);
    const groups = runs ? { ...made, runs } : made;
    const rows = new GroupTable(table, groups);
    const order = sortGroups(rows, sort);
    return { order: only ? order.filter((group) => only.has(rows.key(group))) : order, groups, tree: null, rows };
  }
  if (!asked.tree || !table.template.tree)
    return {
      order: sortRows(table, sort, searchRows(table, search, columns, chosen)),
      ...{ groups: null, tree: null, rows: table },
    };
  const narrowed = search !== null || chosen !== passing;
  const { rows, leads } = narrowed
    ? withAncestors(table, passing, searchRows(table, search, columns, chosen), asked.ungroup)
    : { rows: passing };
  const order = sortRows(table, sort, rows);
  const folded = new Set(asked.tree.folded.map((key) => table.rowOfKey(key)));
  const column = indentColumn(table.template, columns);
  return { groups: null, rows: table, ...treeRows(table, order, folded, column, asked.ungroup, leads) };
}

/** To be handed over to another thread. */
export function arrangedBuffers({ order, groups, tree }: Omit<Arranged, 'rows'>): ArrayBuffer[] {
  return [order.buffer, ...(groups ? buffersOf(groups) : []), ...(tree ? treeBuffers(tree) : [])];
}
