/** A search in a tree: what it finds, and above each of these the rows that lead to it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Arrangement, arrange } from '../../src/state/arrange.ts';
import { passingRows } from '../../src/state/order.ts';
import { snapshotWriter } from '../../src/state/snapshot.ts';
import { branchOf, foundOf, foundRows, isLead, TREE_SIGNS, treeText } from '../../src/state/tree.ts';
import { Table } from '../../src/templates/table.ts';
import { tableOf } from '../support/batch.ts';

interface Row {
  readonly id: number;
  readonly parent: number;
  readonly n: number;
}

function tableWith(rows: readonly Row[]): Table {
  const made = tableOf(
    { id: { type: 'u64' }, parent: { type: 'u32' }, n: { type: 'u32' }, name: { type: 'text', as: 'path' } },
    rows.map(({ id, parent, n }) => ({ values: { id, parent, n, name: `r${id}` } })),
  );
  const template = { ...made.template, tree: { id: 'id', parent: 'parent', indent: 'name' } };
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

const search = (pattern: string, invert = false) => ({ search: { pattern, invert } });

function arranged(table: Table, asked: Partial<Arrangement>, chosen?: readonly number[]) {
  const made = arrange(table, { ...ASKED, ...asked }, passingRows(table, []), {
    chosen: chosen && Uint32Array.from(chosen),
  });
  return { ...made, tree: made.tree! };
}

/** `r6`, or `(r5)` where it is only there for what hangs below it, with the lines before it. */
function show(table: Table, asked: Partial<Arrangement>, chosen?: readonly number[]): string[] {
  const { order, tree } = arranged(table, asked, chosen);
  const cell = (row: number) => table.cell(order[row]!, 'name');
  return Array.from(order, (_, row) => branchOf(tree, row, TREE_SIGNS) + treeText(tree, row, true, cell));
}

const keyOf = (table: Table, id: number) => table.batch.key(FAMILY.findIndex((row) => row.id === id));

describe('a search in a tree', () => {
  test.each<[string, Partial<Arrangement>, readonly string[]]>([
    ['keeps the rows above what it finds', search(' r6 '), ['(r1)', '└─(r2)', '  └─(r5)', '    └─r6']],
    [
      'keeps each of them once, siblings as they are sorted',
      search(' r(7|4|3) '),
      ['(r1)', '├─(r2)', '│ ├─r4', '│ └─(r5)', '│   └─r7', '└─r3'],
    ],
    ['that finds such a row finds it', search(' r(1|2|6|5) '), ['r1', '└─r2', '  └─r5', '    └─r6']],
    [
      'inverted does the same',
      search(' r2 ', true),
      ['r9', 'r1', '├─(r2)', '│ ├─r4', '│ └─r5', '│   ├─r6', '│   └─r7', '└─r3'],
    ],
    ['that finds a root alone', search(' r9 '), ['r9']],
    ['that finds nothing', search('nothing'), []],
  ])('%s', (_, asked, expected) => {
    expect(show(tableWith(FAMILY), asked)).toEqual(expected);
  });

  test('rows that lead to what was found are no hits, and are open though they are folded', () => {
    const table = tableWith(FAMILY);
    const asked = { ...search(' r(2|6) '), tree: { folded: [keyOf(table, 1), keyOf(table, 5)] } };
    expect(show(table, asked)).toEqual(['(r1)', '└─r2', '  └─(r5)', '    └─r6']);
    const { order, tree } = arranged(table, asked);
    expect(foundOf({ tree, count: order.length })).toBe(2);
    expect(Array.from(foundRows(order, tree), (row) => table.number(row, 'id'))).toEqual([2, 6]);
    // What was found and is folded stays so.
    expect(show(table, { ...asked, tree: { folded: [keyOf(table, 2)] } })).toEqual(['(r1)', '└─[+2] r2']);
  });

  test('without one nothing is bracketed', () => {
    const { order, tree } = arranged(tableWith(FAMILY), {});
    expect(tree.leads).toBeUndefined();
    expect(foundOf({ tree, count: order.length })).toBe(8);
    expect(foundRows(order, tree)).toBe(order);
  });

  test('of chosen rows, too', () => {
    const rowOf = (id: number) => FAMILY.findIndex((row) => row.id === id);
    expect(show(tableWith(FAMILY), {}, [rowOf(6), rowOf(3)])).toEqual([
      '(r1)',
      '├─(r2)',
      '│ └─(r5)',
      '│   └─r6',
      '└─r3',
    ]);
    expect(show(tableWith(FAMILY), search(' r3 '), [rowOf(6), rowOf(3)])).toEqual(['(r1)', '└─r3']);
  });

  test('rows in a circle lead to each other once', () => {
    const table = tableWith([
      { id: 1, parent: 3, n: 1 },
      { id: 2, parent: 1, n: 2 },
      { id: 3, parent: 2, n: 3 },
    ]);
    const shown = show(table, search(' r2 '));
    expect(shown.map((line) => line.replace(/^[ └─]+/, '')).sort()).toEqual(['(r1)', '(r3)', 'r2']);
  });

  test('a table of text draws them in brackets and counts what was found; other formats have that alone', () => {
    const table = tableWith(FAMILY);
    const { order, tree } = arranged(table, search(' r(4|6) '));
    const stats = {
      ...{ begin: 0, end: 0, visited: 8, emitted: 8, bytes: 0, reads: 1, doubles: 0, readMs: 0, totalMs: 0 },
      ...{ sessionId: 1, conditions: [] },
    };
    const rows = { table, tree, order, columns: ['id', 'name'], stats, filters: {}, where: '', search: ' r(4|6) ' };
    const text = [...snapshotWriter('table', false).snapshot(rows)].join('').split('\n');
    expect(text[0]).toContain('2 rows of 8 visited');
    expect(text.slice(2, -1).map((line) => line.trim())).toEqual([
      ...['1 (r1)', '2 └─(r2)', '4   ├─r4', '5   └─(r5)', '6     └─r6'],
    ]);
  });

  test('leaves exactly what is found and what is above it', () => {
    const row = fc.record({ parent: fc.integer({ min: 0, max: 25 }), hit: fc.boolean() });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (given) => {
        // Parents come before their children, so that there is no circle.
        const rows = given.map(({ parent, hit }, i) => ({
          ...{ id: i + 1, n: hit ? 77 : 3, hit },
          parent: parent > i ? 50 + i : parent,
        }));
        const leadsTo = (id: number): boolean => rows.some((row) => row.parent === id && (row.hit || leadsTo(row.id)));
        const table = tableWith(rows);
        const { order, tree } = arranged(table, search(' 77 '));
        const shown = new Map(Array.from(order, (row, at) => [table.number(row, 'id'), isLead(tree, at)]));
        const expected = rows.filter(({ id, hit }) => hit || leadsTo(id)).map(({ id, hit }) => [id, !hit] as const);
        expect(new Map([...shown].sort(([a], [b]) => a - b))).toEqual(new Map(expected));
      }),
      { numRuns: 200, seed: 4 },
    );
  });
});
