/** Rows as a tree, against the same made by recursion over plain objects. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Arrangement, arrange } from '../../src/state/arrange.ts';
import { passingRows } from '../../src/state/order.ts';
import { branchOf, hasBelow, indentColumn, TREE_ASCII, TREE_SIGNS, treeText } from '../../src/state/tree.ts';
import { cgroup } from '../../src/templates/builtin/cgroup.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { Table } from '../../src/templates/table.ts';
import type { Template } from '../../src/templates/template.ts';
import { tableOf } from '../support/batch.ts';

interface Row {
  readonly id: number;
  readonly parent: number;
  readonly n: number;
  readonly name?: string;
  /** Of a thread: its process. */
  readonly by?: number;
}

/** The first column is the key. */
function tableWith(rows: readonly Row[], more: Partial<Template> = {}): Table {
  const made = tableOf(
    {
      id: { type: 'u64' },
      parent: { type: 'u32' },
      n: { type: 'u32' },
      by: { type: 'u32' },
      name: { type: 'text', as: 'path' },
    },
    rows.map(({ id, parent, n, by = id, name = `r${id}` }) => ({ values: { id, parent, n, by, name } })),
  );
  const template = { ...made.template, tree: { id: 'id', parent: 'parent', indent: 'name' }, ...more };
  return new Table(template, made.batch, new Map(), new Map(), made.context);
}

const ASKED: Arrangement = {
  columns: ['id', 'n', 'name'],
  sort: [{ column: 'n', descending: false }],
  search: null,
  groupBy: '',
  ungroup: false,
  tree: { folded: [] },
};

function show(table: Table, asked: Partial<Arrangement> = {}, signs = TREE_SIGNS): string[] {
  const { order, tree } = arrange(table, { ...ASKED, ...asked }, passingRows(table, []));
  return Array.from(order, (row, at) => branchOf(tree!, at, signs) + table.cell(row, 'id'));
}

const keyOf = (table: Table, id: number) =>
  table.batch.key(Array.from({ length: table.rows }, (_, row) => row).find((row) => table.number(row, 'id') === id)!);

const FAMILY: readonly Row[] = [
  { id: 5, parent: 2, n: 3 },
  { id: 1, parent: 0, n: 2 },
  { id: 6, parent: 5, n: 1 },
  { id: 2, parent: 1, n: 1 },
  { id: 9, parent: 77, n: 1 },
  { id: 3, parent: 1, n: 9 },
  { id: 7, parent: 5, n: 8 },
  { id: 4, parent: 2, n: 2 },
];

describe('a tree', () => {
  test('siblings follow the sort; a row whose parent is not there is a root', () => {
    expect(show(tableWith(FAMILY))).toEqual(['9', '1', '├─2', '│ ├─4', '│ └─5', '│   ├─6', '│   └─7', '└─3']);
    expect(show(tableWith(FAMILY), { sort: [{ column: 'n', descending: true }] })).toEqual([
      ...['1', '├─3', '└─2', '  ├─5', '  │ ├─7', '  │ └─6', '  └─4', '9'],
    ]);
    expect(show(tableWith(FAMILY), {}, TREE_ASCII)).toEqual([
      ...['9', '1', '|-2', '| |-4', '| `-5', '|   |-6', '|   `-7', '`-3'],
    ]);
  });

  test('what hangs below a folded row is counted', () => {
    const table = tableWith(FAMILY);
    const folded = [keyOf(table, 2), keyOf(table, 6), 'no key'];
    expect(show(table, { tree: { folded } })).toEqual(['9', '1', '├─[+4] 2', '└─3']);
    const { tree } = arrange(table, { ...ASKED, tree: { folded } }, passingRows(table, []));
    expect([0, 1, 2, 3].map((row) => hasBelow(tree!, row))).toEqual([false, true, true, false]);
  });

  test('threads hang under their process, which hangs under its parent', () => {
    const rows: readonly Row[] = [
      { id: 12, by: 10, parent: 1, n: 2 },
      { id: 1, parent: 0, n: 1 },
      { id: 10, parent: 1, n: 1 },
      { id: 11, by: 10, parent: 1, n: 1 },
      { id: 20, parent: 10, n: 3 },
    ];
    const group = { by: 'by', member: 'id', ungroup: 'threads' };
    expect(show(tableWith(rows, { group }), { ungroup: true })).toEqual(['1', '└─10', '  ├─11', '  ├─12', '  └─20']);
    expect(show(tableWith(rows), {})).toEqual(['1', '├─10', '│ └─20', '├─11', '└─12']);
  });

  test.each<[string, readonly Row[], readonly string[]]>([
    ['its own parent', [{ id: 1, parent: 1, n: 1 }], ['1']],
    [
      'two, each the other’s parent',
      [
        { id: 1, parent: 2, n: 1 },
        { id: 2, parent: 1, n: 2 },
      ],
      ['1', '└─2'],
    ],
    [
      'a circle with a tail and a branch',
      [
        { id: 1, parent: 3, n: 1 },
        { id: 2, parent: 1, n: 2 },
        { id: 3, parent: 2, n: 3 },
        { id: 4, parent: 3, n: 4 },
        { id: 5, parent: 2, n: 5 },
      ],
      ['1', '└─2', '  ├─3', '  │ └─4', '  └─5'],
    ],
    [
      'an object that was seen twice',
      [
        { id: 1, parent: 0, n: 1 },
        { id: 1, parent: 0, n: 2 },
        { id: 2, parent: 1, n: 3 },
      ],
      ['1', '└─2', '1'],
    ],
    ['nothing', [], []],
  ])('%s', (_, rows, expected) => {
    expect(show(tableWith(rows))).toEqual(expected);
  });

  test('100,000 rows, one below the other, or all below one', () => {
    const chain = Array.from({ length: 100_000 }, (_, i) => ({ id: i + 1, parent: i, n: i }));
    const deep = arrange(tableWith(chain), ASKED, Uint32Array.from(chain.keys()));
    expect(deep.tree!.parents.at(-1)).toBe(99_998);
    const table = tableWith(chain.map((row) => ({ ...row, parent: row.id === 1 ? 0 : 1 })));
    const wide = arrange(table, { ...ASKED, tree: { folded: [keyOf(table, 1)] } }, Uint32Array.from(chain.keys()));
    expect([...wide.tree!.hidden]).toEqual([99_999]);
  }, 60_000);

  test('holds every row once, each after its parent and among its siblings in their order', () => {
    const row = fc.record({ parent: fc.integer({ min: 0, max: 25 }), n: fc.integer({ min: 0, max: 4 }) });
    const folds = fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), folds, (given, folds) => {
        // Parents come before their children, so that there is no circle.
        const rows = given.map(({ parent, n }, i) => ({ id: i + 1, parent: parent > i ? 50 + i : parent, n }));
        const table = tableWith(rows);
        const folded = folds.filter((id) => id <= rows.length);
        const sorted = [...rows].sort((a, b) => a.n - b.n || a.id - b.id);
        const childrenOf = (id: number) => sorted.filter(({ parent }) => parent === id);
        const size = (id: number): number => childrenOf(id).reduce((sum, child) => sum + 1 + size(child.id), 0);
        const walk = (list: readonly Row[], before: string): string[] =>
          list.flatMap(({ id }, i) => {
            const last = i === list.length - 1;
            const isFolded = folded.includes(id) && childrenOf(id).length > 0;
            const lines = before === '-' ? '' : `${before}${last ? '└─' : '├─'}`;
            const below = before === '-' ? '' : `${before}${last ? '  ' : '│ '}`;
            return [
              `${lines}${isFolded ? `[+${size(id)}] ` : ''}${id}`,
              ...(isFolded ? [] : walk(childrenOf(id), below)),
            ];
          });
        const roots = sorted.filter(({ parent }) => !rows.some(({ id }) => id === parent));
        const expected = walk(roots, '-');
        expect(show(table, { tree: { folded: folded.map((id) => keyOf(table, id)) } })).toEqual(expected);
      }),
      { numRuns: 200, seed: 8 },
    );
  });

  test('any parents at all: every row is there once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 12 }), (parents) => {
        const table = tableWith(parents.map((parent, i) => ({ id: i + 1, parent, n: 0 })));
        const { order, tree } = arrange(table, ASKED, passingRows(table, []));
        expect([...order].sort((a, b) => a - b)).toEqual([...parents.keys()]);
        tree!.parents.forEach((parent, row) => {
          expect(parent).toBeLessThan(row);
          if (parent >= 0) expect(table.number(order[parent], 'id')).toBe(parents[order[row]]);
        });
      }),
      { numRuns: 300, seed: 9 },
    );
  });
});

describe('the column with the lines', () => {
  test.each([
    ['the one that is meant for it', task, ['pid', 'comm', 'cmdline'], 'cmdline'],
    ['or else the first text', task, ['pid', 'rss', 'comm', 'exe'], 'comm'],
    ['or else the first column', task, ['pid', 'rss'], 'pid'],
    ['of cgroups the path', cgroup, cgroup.show, 'path'],
  ])('%s', (_, template, shown, expected) => {
    expect(indentColumn(template, shown)).toBe(expected);
  });

  test('of a path says what the one above does not say', () => {
    const rows = ['/', '/a', '/a/b', '/ab', '/a'].map((name, i) => ({
      id: i + 1,
      parent: [0, 1, 2, 2, 2][i]!,
      n: i,
      name,
    }));
    const table = tableWith(rows);
    const { order, tree } = arrange(table, ASKED, passingRows(table, []));
    const cell = (row: number) => table.cell(order[row], 'name');
    expect(rows.map((_, row) => treeText(tree!, row, true, cell))).toEqual(['/', 'a', 'b', '/ab', '/a']);
    expect(rows.map((_, row) => treeText(tree!, row, false, cell))).toEqual(['/', '/a', '/a/b', '/ab', '/a']);
  });
});
