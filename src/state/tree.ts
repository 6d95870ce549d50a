/** Rows as a tree: each under the row that its parent's id names, siblings as they are sorted. */
import type { Table } from '../templates/table.ts';
import { columnOf, type Template, UsageError } from '../templates/template.ts';
import { NumberIndex } from './number-index.ts';

/** Plain data, which crosses threads; each array has an entry for each row that is shown. */
export interface TreeRows {
  /** The column before whose text the lines are drawn. */
  readonly column: string;
  /** Where the parent is shown; -1 for a root. */
  readonly parents: Int32Array<ArrayBuffer>;
  /** 1 where no sibling follows. */
  readonly last: Uint8Array<ArrayBuffer>;
  /** Rows below it that are folded away. */
  readonly hidden: Uint32Array<ArrayBuffer>;
}

/** @throws UsageError for a template without one */
export function checkTree(template: Template): void {
  if (!template.tree)
    throw new UsageError(`${template.name} is no tree: its template says of no row which one is its parent`);
}

/** Columns that are read for the tree. */
export function treeColumns({ tree, group }: Template): string[] {
  if (!tree) return [];
  return [tree.id, tree.parent, tree.indent, ...(group ? [group.by, group.member] : [])];
}

/** The column with the lines: the one that is meant for it or else another text; the first one where none is shown. */
export function indentColumn(template: Template, shown: readonly string[]): string {
  const indent = template.tree?.indent ?? '';
  if (shown.includes(indent)) return indent;
  const text = shown.find((name) => ['text', 'path'].includes(columnOf(template, name)?.as ?? 'int'));
  return text ?? shown[0] ?? '';
}

const index = new NumberIndex();

/** Per row the number that its children name, and the one by which it names its parent; 0 names nothing. */
function readIds(table: Table, ungroup: boolean, rows: Uint32Array, own: Float64Array, parents: Float64Array): void {
  const { tree, group } = table.template;
  const { id, parent } = tree!;
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at];
    const by = ungroup && group ? table.number(row, group.by) : 0;
    own[at] = ungroup && group ? table.number(row, group.member) : table.number(row, id);
    // Members (threads) hang under the one that stands for the group (the process), which hangs under its parent.
    parents[at] = by !== 0 && by !== own[at] ? by : table.number(row, parent);
  }
}

/**
 * @param sorted rows of the table
 * @param folded rows of the table whose descendants are not shown
 * @param column where the lines are drawn
 * @returns the rows from the roots down, and how they hang together. A row whose parent is not among them is a root; of
 * rows that are in a circle one becomes a root.
 */
export function treeRows(
  table: Table,
  sorted: Uint32Array,
  folded: ReadonlySet<number>,
  column: string,
  ungroup: boolean,
): { order: Uint32Array<ArrayBuffer>; tree: TreeRows } {
  const count = sorted.length;
  const own = new Float64Array(count);
  const named = new Float64Array(count);
  readIds(table, ungroup, sorted, own, named);
  index.build(own);
  const parents = new Int32Array(count);
  for (let at = 0; at < count; at++) {
    const slot = index.find(named[at]);
    // Of an object that was seen twice the first one has the children.
    parents[at] = slot < 0 ? -1 : index.first(slot);
  }
  cutCircles(parents);

  // Children in their order, each with the next one.
  const child = new Int32Array(count).fill(-1);
  const next = new Int32Array(count).fill(-1);
  for (let at = count - 1; at >= 0; at--) {
    const parent = parents[at];
    if (parent < 0) continue;
    next[at] = child[parent];
    child[parent] = at;
  }
  const order = new Uint32Array(count);
  const tree = {
    column,
    parents: new Int32Array(count),
    last: new Uint8Array(count),
    hidden: new Uint32Array(count),
  };
  let rows = 0;
  /** Row on the screen of each ancestor, by its place among the sorted. */
  const shownAt = new Int32Array(count);
  for (let root = 0; root < count; root++) {
    if (parents[root] >= 0) continue;
    for (let at = root; ; ) {
      const row = rows++;
      const parent = parents[at];
      shownAt[at] = row;
      order[row] = sorted[at];
      tree.parents[row] = parent < 0 ? -1 : shownAt[parent];
      tree.last[row] = next[at] < 0 && parent >= 0 ? 1 : 0;
      const isFolded = child[at] >= 0 && folded.has(sorted[at]);
      if (isFolded) tree.hidden[row] = descendants(at, child, next, parents);
      if (child[at] >= 0 && !isFolded) {
        at = child[at];
        continue;
      }
      while (at !== root && next[at] < 0) at = parents[at];
      if (at === root) break;
      at = next[at];
    }
  }
  return {
    order: order.slice(0, rows),
    tree: {
      column,
      parents: tree.parents.slice(0, rows),
      last: tree.last.slice(0, rows),
      hidden: tree.hidden.slice(0, rows),
    },
  };
}

function descendants(top: number, child: Int32Array, next: Int32Array, parents: Int32Array): number {
  let count = 0;
  for (let at = child[top]; ; ) {
    count++;
    if (child[at] >= 0) {
      at = child[at];
      continue;
    }
    while (at !== top && next[at] < 0) at = parents[at];
    if (at === top) return count;
    at = next[at];
  }
}

/** Between two reads of a walk parents change; a circle would never end. */
function cutCircles(parents: Int32Array): void {
  /** Which walk upwards came by first. */
  const seen = new Uint32Array(parents.length);
  for (let start = 0; start < parents.length; start++) {
    const walk = start + 1;
    for (let at = start; at >= 0 && (seen[at] === 0 || seen[at] === walk); at = parents[at]) {
      if (seen[at] === walk) {
        parents[at] = -1;
        break;
      }
      seen[at] = walk;
    }
  }
}

export function treeBuffers({ parents, last, hidden }: TreeRows): ArrayBuffer[] {
  return [parents.buffer, last.buffer, hidden.buffer];
}

/** Whether rows hang below it, shown or folded away. */
export function hasBelow({ parents, hidden }: TreeRows, row: number): boolean {
  return (hidden[row] ?? 0) > 0 || parents[row + 1] === row;
}

export interface TreeSigns {
  readonly child: string;
  readonly lastChild: string;
  readonly line: string;
  readonly none: string;
}

export const TREE_SIGNS: TreeSigns = { child: '├─', lastChild: '└─', line: '│ ', none: '  ' };
export const TREE_ASCII: TreeSigns = { child: '|-', lastChild: '`-', line: '| ', none: '  ' };

/** The lines before a row's text: `│ ├─`, and `[+12] ` where that many rows are folded away. */
export function branchOf({ parents, last, hidden }: TreeRows, row: number, signs: TreeSigns): string {
  let lines = '';
  if (parents[row] >= 0) {
    lines = last[row] ? signs.lastChild : signs.child;
    for (let at = parents[row]; parents[at] >= 0; at = parents[at])
      lines = (last[at] ? signs.none : signs.line) + lines;
  }
  return hidden[row] > 0 ? `${lines}[+${hidden[row]}] ` : lines;
}

/** What a row says by its lines: of a path what the parent's does not say already. */
export function treeText(tree: TreeRows, row: number, isPath: boolean, cell: (row: number) => string): string {
  const text = cell(row);
  const parent = tree.parents[row] ?? -1;
  if (!isPath || parent < 0) return text;
  const above = cell(parent);
  const start = above.endsWith('/') ? above : `${above}/`;
  return text.startsWith(start) && text.length > start.length ? text.slice(start.length) : text;
}
