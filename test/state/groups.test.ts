/** Rows grouped by a column, against the same made in plain JavaScript. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addsUp, checkGroup, countColumn, groupChoices, groupedTemplate } from '../../src/state/grouping.ts';
import { buffersOf, GroupTable, groupRows, sortGroups } from '../../src/state/groups.ts';
import { passingRows } from '../../src/state/order.ts';
import { parseSort } from '../../src/state/sort.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { columnOf, UsageError } from '../../src/templates/template.ts';
import { parseWhere } from '../../src/templates/where.ts';
import { tableOf } from '../support/batch.ts';

interface Row {
  readonly state: number;
  readonly uid: number;
  readonly big: bigint;
  readonly yes: number;
  readonly name: string;
  readonly bytes: number;
  readonly rate: number;
}

const NAMES: Readonly<Record<number, string>> = { 1: 'LISTEN', 2: 'TIME_WAIT', 3: 'two words' };
const TEXTS = ['', 'a', 'A', 'b c', 'say "no"', 'back\\slash', 'or', '日本', 'x\ny'];

const rowsOf = fc.array(
  fc.record({
    state: fc.integer({ min: 1, max: 4 }),
    uid: fc.integer({ min: 0, max: 2 }),
    big: fc.constantFrom(2n ** 63n, 2n ** 63n + 1n, 2n ** 64n - 1n, 7n),
    yes: fc.integer({ min: 0, max: 1 }),
    name: fc.constantFrom(...TEXTS),
    bytes: fc.integer({ min: 0, max: 5 }),
    rate: fc.option(fc.integer({ min: 0, max: 9 }), { nil: Number.NaN }),
  }),
  { maxLength: 50 },
);

function tableWith(rows: readonly Row[]) {
  return tableOf(
    {
      id: { type: 'u64' },
      state: { type: 'u32', as: 'enum', names: NAMES },
      uid: { type: 'u32', as: 'uid' },
      big: { type: 'u64', as: 'hex' },
      yes: { type: 'u32', as: 'flag' },
      name: { type: 'text' },
      bytes: { type: 'u64', as: 'bytes' },
    },
    rows.map(({ state, uid, big, yes, name, bytes }, id) => ({ values: { id, state, uid, big, yes, name, bytes } })),
    { rate: rows.map(({ rate }) => rate) },
  );
}

const BY = ['state', 'uid', 'big', 'yes', 'name'] as const;
const SHOWN = ['id', 'state', 'uid', 'big', 'yes', 'name', 'bytes', 'rate'];

describe('groups', () => {
  test('have the counts, totals and common values of their rows', () => {
    fc.assert(
      fc.property(rowsOf, fc.constantFrom(...BY), (rows, by) => {
        const table = tableWith(rows);
        const groups = groupRows(table, { groupBy: by, columns: SHOWN, sort: [] }, passingRows(table, []));
        const got = new GroupTable(table, groups);
        const expected = [...Map.groupBy(rows, (row) => row[by])];
        expect(got.rows).toBe(expected.length);
        expect(groups.of).toBe(rows.length);
        expected.forEach(([, members], group) => {
          const id = rows.indexOf(members[0]!);
          const given = members.map(({ rate }) => rate).filter((rate) => !Number.isNaN(rate));
          expect(got.number(group, 'count')).toBe(members.length);
          expect(got.number(group, 'bytes')).toBe(members.reduce((sum, { bytes }) => sum + bytes, 0));
          expect(got.number(group, 'rate')).toBe(
            given.length > 0 ? given.reduce((sum, rate) => sum + rate, 0) : Number.NaN,
          );
          expect(got.number(group, 'id')).toBe(members.length === 1 ? id : Number.NaN);
          for (const column of BY) {
            const same = members.every((row) => row[column] === members[0]![column]);
            expect(got.cell(group, column)).toBe(same ? table.cell(id, column) : '');
            expect(got.value(group, column)).toEqual(same ? table.value(id, column) : null);
          }
        });
      }),
      { numRuns: 150, seed: 3 },
    );
  });

  test('tell a condition that their rows fulfil and no others', () => {
    const options = { user: (name: string) => (name === 'root' ? 0 : undefined), pageSize: 4096 };
    fc.assert(
      fc.property(rowsOf, fc.constantFrom(...BY), (rows, by) => {
        const table = tableWith(rows);
        const got = new GroupTable(
          table,
          groupRows(table, { groupBy: by, columns: SHOWN, sort: [] }, passingRows(table, [])),
        );
        [...Map.groupBy(rows.keys(), (row) => rows[row]![by]).values()].forEach((members, group) => {
          const conjuncts = parseWhere(got.condition(group), table.template, options);
          expect([...passingRows(table, conjuncts)], got.condition(group)).toEqual(members);
        });
      }),
      { numRuns: 150, seed: 4 },
    );
  });

  test('go by any of their columns, and keep their keys', () => {
    const rows = [3, 1, 2, 1, 1, 2].map((state, i) => ({
      ...{ state, uid: i % 2, big: 1n, yes: 0, name: `n${state}`, bytes: 10 - i },
      rate: state === 3 ? Number.NaN : i,
    }));
    const table = tableWith(rows);
    const order = (sort: string, columns = SHOWN) => {
      const keys = parseSort(groupedTemplate(table.template, 'state', columns), sort);
      const asked = { groupBy: 'state', columns, sort: keys };
      const got = new GroupTable(table, groupRows(table, asked, passingRows(table, [])));
      for (let group = 0; group < got.rows; group++) expect(got.groupOfKey(got.key(group))).toBe(group);
      expect(got.groupOfKey('state=9')).toBe(-1);
      return [...sortGroups(got, keys)].map((group) => got.number(group, 'state'));
    };
    expect(order('-count')).toEqual([1, 2, 3]);
    expect(order('count')).toEqual([3, 2, 1]);
    expect(order('-state')).toEqual([3, 2, 1]);
    // bytes: 3: 10, 1: 9 + 7 + 6, 2: 8 + 5.
    expect(order('bytes')).toEqual([3, 2, 1]);
    // Without the total, last; the others 7 and 8.
    expect(order('rate')).toEqual([2, 1, 3]);
    expect(order('name')).toEqual([1, 2, 3]);
    // In common only of the group of one; the others as the kernel has them.
    expect(order('uid,-count')).toEqual([3, 1, 2]);
    // What is sorted by need not be shown.
    expect(order('-bytes', ['state'])).toEqual([1, 2, 3]);
  });

  test('hand over all of their memory', () => {
    const table = tableWith([{ state: 1, uid: 0, big: 1n, yes: 0, name: 'a', bytes: 1, rate: 2 }]);
    const groups = groupRows(table, { groupBy: 'state', columns: SHOWN, sort: [] }, passingRows(table, []));
    const copy = structuredClone(groups, { transfer: buffersOf(groups) });
    expect(new GroupTable(table, copy).cell(0, 'count')).toBe('1');
    expect(buffersOf(groups).every(({ byteLength }) => byteLength === 0)).toBe(true);
  });

  test('of no rows there are none', () => {
    const table = tableWith([]);
    const got = new GroupTable(
      table,
      groupRows(table, { groupBy: 'state', columns: SHOWN, sort: [] }, passingRows(table, [])),
    );
    expect(sortGroups(got, parseSort(got.template, '-count')).length).toBe(0);
  });
});

describe('which columns', () => {
  test.each([
    [
      task,
      ['cpu', 'rss', 'time', 'minflt', 'read_rate', 'threads'],
      ['pid', 'nice', 'start', 'age', 'last_cpu', 'comm'],
    ],
    [tcp, ['rxq', 'retrans', 'in_rate', 'lost'], ['rtt', 'mss', 'local', 'lport', 'timer_in']],
  ])('$name adds up', (template, totals, others) => {
    for (const name of totals) expect(addsUp(columnOf(template, name)!), name).toBe(true);
    for (const name of others) expect(addsUp(columnOf(template, name)!), name).toBe(false);
  });

  test('can be grouped by: those shown come first', () => {
    const choices = groupChoices(task, ['cpu', 'user', 'pid']);
    expect(choices.slice(0, 2)).toEqual(['user', 'pid']);
    expect(choices).toContain('cgroup');
    expect(choices).not.toContain('rss');
    expect(new Set(choices).size).toBe(choices.length);
  });

  test.each(['rss', 'cpu', 'nothing'])('not by %s', (name) => {
    expect(() => checkGroup(task, name)).toThrow(UsageError);
  });

  test('the value and the count come first, then totals', () => {
    expect(groupedTemplate(task, 'user', ['pid', 'user', 'rss', 'comm', 'cpu']).show).toEqual([
      ...['user', 'count', 'rss', 'cpu', 'pid', 'comm'],
    ]);
  });

  test('the count has a name of its own in every table', () => {
    const counted = { ...task, columns: [...task.columns, { name: 'count', from: 'task->pid', help: '' }] };
    expect(countColumn(counted)).toBe('count_2');
    for (const template of BUILTIN) expect(columnOf(template, countColumn(template))).toBeUndefined();
  });
});
