/** The leak watch: runs of growth, by hand and of real objects. */
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { orderRows } from '../../src/state/order.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { Growth, growthColumn, runsName, whichName } from '../../src/templates/growth.ts';
import type { Table } from '../../src/templates/table.ts';
import type { Template } from '../../src/templates/template.ts';
import { collect, collector, describeKernel, rowsOf } from '../support/kernel.ts';

const WATCHED: Template = {
  name: 'x',
  help: '',
  target: 'task',
  key: ['id'],
  show: [],
  sort: 'id',
  columns: [
    { name: 'id', help: '' },
    { name: 'a', help: '' },
    { name: 'b', help: '' },
    { name: 'grew', derive: 'growth(a, b)', as: 'text', help: '' },
  ],
};

/** Each refresh: rows of [id, a, b]. Gives for each refresh the rows' `column +samples`. */
function watch(refreshes: readonly (readonly (readonly number[])[])[]): string[] {
  const growth = new Growth();
  let ids: number[] = [];
  return refreshes.map((rows, refresh) => {
    const table = {
      rows: rows.length,
      template: WATCHED,
      number: (row: number, column: string) => rows[row]![['id', 'a', 'b'].indexOf(column)]!,
    } as unknown as Table;
    const before = refresh === 0 ? null : Int32Array.from(rows, ([id]) => ids.indexOf(id!));
    ids = rows.map(([id]) => id!);
    const derived = new Map<string, Float64Array>();
    growth.sample(table, derived, ['id', 'grew'], before);
    const runs = derived.get(runsName(['a', 'b']))!;
    expect(derived.get('grew')).toBe(runs);
    const which = derived.get(whichName(['a', 'b']))!;
    return rows.map((_, row) => (runs[row] === 0 ? '-' : `${'ab'[which[row]!]} +${runs[row]}`)).join(' ');
  });
}

describe('runs of growth', () => {
  it.each<[string, Parameters<typeof watch>[0], string[]]>([
    ['grows', [[[1, 5, 0]], [[1, 6, 0]], [[1, 9, 0]]], ['-', 'a +1', 'a +2']],
    [
      'equal samples neither add nor reset',
      [[[1, 5, 0]], [[1, 6, 0]], [[1, 6, 0]], [[1, 7, 0]]],
      ['-', 'a +1', 'a +1', 'a +2'],
    ],
    ['a smaller one starts anew', [[[1, 5, 0]], [[1, 6, 0]], [[1, 5, 0]], [[1, 7, 0]]], ['-', 'a +1', '-', 'a +1']],
    ['the longest run counts', [[[1, 5, 1]], [[1, 6, 2]], [[1, 6, 3]], [[1, 7, 1]]], ['-', 'a +1', 'b +2', 'a +2']],
    [
      'rows change places',
      [
        [
          [1, 5, 0],
          [2, 5, 0],
        ],
        [
          [2, 5, 0],
          [1, 6, 0],
        ],
        [
          [1, 7, 0],
          [2, 6, 0],
        ],
      ],
      ['- -', '- a +1', 'a +2 a +1'],
    ],
    [
      'a new object',
      [
        [[1, 5, 0]],
        [
          [1, 6, 0],
          [2, 9, 9],
        ],
        [[2, 10, 9]],
      ],
      ['-', 'a +1 -', 'a +1'],
    ],
    ['no value', [[[1, Number.NaN, 0]], [[1, 5, 0]], [[1, 6, 0]], [[1, Number.NaN, 0]]], ['-', '-', 'a +1', '-']],
  ])('%s', (_, refreshes, expected) => {
    expect(watch(refreshes)).toEqual(expected);
  });

  it('are a column of the tables in which something can leak', () => {
    const watching = BUILTIN.filter((template) => growthColumn(template) !== undefined).map(({ name }) => name);
    expect(watching).toEqual(['task', 'cgroup', 'tcp', 'udp', 'unix', 'bpf_map', 'kmem_cache']);
  });
});

describeKernel('a process that leaks descriptors', () => {
  it('is told with the number of samples, and sorts by it', () => {
    // The test's own process may grow in other ways, too.
    const watched = { name: 'leak', derive: 'growth(fds)', as: 'text', help: 'descriptors alone' } as const;
    using from = collector({ ...task, columns: [...task.columns, watched] });
    const held: number[] = [];
    const sample = () => collect(from, { columns: ['pid', 'leak', 'fds'] }).table;
    const mine = (table: Table) => rowsOf(table).find((row) => row.number('pid') === process.pid)!;
    try {
      expect(mine(sample()).cell('leak')).toBe('');
      for (let n = 1; n <= 3; n++) {
        held.push(fs.openSync('/dev/null', 'r'));
        expect(mine(sample()).cell('leak')).toBe(`fds +${n}`);
      }
      const last = sample();
      expect(mine(last).cell('leak')).toBe('fds +3');
      // Each look has a descriptor of its own: the iterator's, the directory's.
      expect(mine(last).number('fds')).toBe(fs.readdirSync('/proc/self/fd').length);
      const [first] = orderRows(last, [{ column: 'leak', descending: true }], null, []);
      expect(last.number(first!, 'leak')).toBeGreaterThanOrEqual(3);
      for (const fd of held.splice(0)) fs.closeSync(fd);
      expect(mine(sample()).cell('leak')).toBe('');
    } finally {
      for (const fd of held) fs.closeSync(fd);
    }
  });
});
