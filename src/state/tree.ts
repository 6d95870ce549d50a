/** Rows as a tree: each under the row that its parent's id names, siblings as they are sorted. */
import type { TableRows } from '../templates/table.ts';
import { columnOf, type Template, UsageError } from '../templates/template.ts';
import { NumberIndex } from './number-index.ts';
import type { View } from './view.ts';

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
  /** 1 where a row is there only for what was found below it; absent where nothing was searched for. */
  readonly leads?: Uint8Array<ArrayBuffer>;
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

/** Ids of one host are below that. */
const OF_A_HOST = 2 ** 44;

/** Per row the number that its children name, and the one by which it names its parent; 0 names nothing. */
function readIds(
  table: TableRows,
  ungroup: boolean,
  rows: Uint32Array,
  own: Float64Array,
  parents: Float64Array,
): void {
  const { tree, group } = table.template;
  const { id, parent } = tree!;
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at];
    const by = ungroup && group ? table.number(row, group.by) : 0;
    own[at] = ungroup && group ? table.number(row, group.member) : table.number(row, id);
    // Members (threads) hang under the one that stands for the group (the process), which hangs under its parent.
    parents[at] = by !== 0 && by !== own[at] ? by : table.number(row, parent);
    const host = table.hostOf?.(row) ?? 0;
    if (host === 0) continue;
    // Hosts have the same ids for other things.
    own[at] += host * OF_A_HOST;
    if (parents[at] !== 0) parents[at] += host * OF_A_HOST;
  }
}

/** What a search leaves of a tree: what it found, and for each of these the rows above it. */
export interface Found {
  /** In the table's order. */
  readonly rows: Uint32Array<ArrayBuffer>;
  /** Per row of the table: 1 where it is here only for what hangs below it. */
  readonly leads: Uint8Array<ArrayBuffer>;
}

/**
 * @param passing all rows among which parents are looked for, in the table's order
 * @param found some of them
 */
export function withAncestors(
  table: TableRows,
  passing: Uint32Array<ArrayBuffer>,
  found: Uint32Array,
  ungroup: boolean,
): Found {
  const own = new Float64Array(passing.length);
  const named = new Float64Array(passing.length);
  readIds(table, ungroup, passing, own, named);
  index.build(own);
  const isFound = new Uint8Array(table.rows);
  for (const row of found) isFound[row] = 1;
  const kept = new Uint8Array(passing.length);
  for (let start = 0; start < passing.length; start++) {
    if (isFound[passing[start]] === 0) continue;
    // Up to what another one has led to: that ends in circles, too.
    for (let at = start; at >= 0 && kept[at] === 0; ) {
      kept[at] = 1;
      const slot = index.find(named[at]);
      at = slot < 0 ? -1 : index.first(slot);
    }
  }
  const rows = passing.filter((_, at) => kept[at] === 1);
  const leads = new Uint8Array(table.rows);
  for (const row of rows) leads[row] = 1 - isFound[row];
  return { rows, leads };
}

/**
 * @param sorted rows of the table
 * @param leads per row of the table, see Found; such a row is not folded
 * @param folded rows of the table whose descendants are not shown
 * @param column where the lines are drawn
 * @returns the rows from the roots down, and how they hang together. A row whose parent is not among them is a root; of
 * rows that are in a circle one becomes a root.
 */
export function treeRows(
  table: TableRows,
  sorted: Uint32Array,
  folded: ReadonlySet<number>,
  column: string,
  ungroup: boolean,
  leads?: Uint8Array,
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
      const isFolded = child[at] >= 0 && folded.has(sorted[at]) && !leads?.[sorted[at]];
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
  const shown = order.slice(0, rows);
  return {
    order: shown,
    tree: {
      column,
      parents: tree.parents.slice(0, rows),
      last: tree.last.slice(0, rows),
      hidden: tree.hidden.slice(0, rows),
      ...(leads && { leads: Uint8Array.from(shown, (row) => leads[row]) }),
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

export function treeBuffers({ parents, last, hidden, leads }: TreeRows): ArrayBuffer[] {
  return [parents.buffer, last.buffer, hidden.buffer, ...(leads ? [leads.buffer] : [])];
}

/** Whether a row is there only for what was found below it. */
export function isLead(tree: TreeRows | null | undefined, row: number): boolean {
  return tree?.leads?.[row] === 1;
}

/** How many of the rows that are shown were found. */
export function foundOf({ tree, count }: Pick<View, 'tree' | 'count'>): number {
  let found = count;
  for (const lead of tree?.leads ?? []) found -= lead;
  return found;
}

/** Rows in their order without those that are there only for others. */
export function foundRows(order: Uint32Array, tree: TreeRows | null | undefined): Uint32Array {
  return tree?.leads ? order.filter((_, row) => !isLead(tree, row)) : order;
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

/** What a row says by its lines: of a path what the parent's does not say already; in brackets where it was not found. */
export function treeText(tree: TreeRows, row: number, isPath: boolean, cell: (row: number) => string): string {
  const text = ownText(tree, row, isPath, cell);
  return isLead(tree, row) && text !== '' ? `(${text})` : text;
}

function ownText(tree: TreeRows, row: number, isPath: boolean, cell: (row: number) => string): string {
  const text = cell(row);
  const parent = tree.parents[row] ?? -1;
  if (!isPath || parent < 0) return text;
  const above = cell(parent);
  const start = above.endsWith('/') ? above : `${above}/`;
  return text.startsWith(start) && text.length > start.length ? text.slice(start.length) : text;
}
