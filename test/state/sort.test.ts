/** Ordering by several columns, as text, as steps between states, and over rows. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { orderRows } from '../../src/state/order.ts';
import { alsoBy, formatSort, inverted, keptSort, parseSort, type Sort } from '../../src/state/sort.ts';
import { UsageError } from '../../src/templates/template.ts';
import { tableOf } from '../support/batch.ts';
import { TASK } from '../ui/fake-view.ts';

describe('a sort as text', () => {
  test.each([
    ['pid', 'pid'],
    ['-cpu', '-cpu'],
    ['state,-rss,pid', 'state,-rss,pid'],
    [' state , -rss ', 'state,-rss'],
    // The first mention counts.
    ['rss,-rss,pid', 'rss,pid'],
  ])('%s', (text, expected) => {
    expect(formatSort(parseSort(TASK, text))).toBe(expected);
  });

  test.each(['', 'rss,', ',rss', '-', 'rss,-nothing', '--rss'])('"%s" is refused', (text) => {
    expect(() => parseSort(TASK, text)).toThrow(UsageError);
  });
});

describe('also by', () => {
  test.each([
    // sort, column, whether it descends at first, then
    ['state', 'rss', true, 'state,-rss'],
    ['state,-rss', 'rss', true, 'state,rss'],
    ['state,rss', 'rss', true, 'state'],
    ['state', 'pid', false, 'state,pid'],
    ['state,-pid', 'pid', false, 'state'],
    ['state,pid', 'state', false, '-state,pid'],
    ['-state,pid', 'state', false, 'pid'],
    // The last one only turns round.
    ['state', 'state', false, '-state'],
    ['-state', 'state', false, 'state'],
  ])('%s, then %s', (sort, column, descends, expected) => {
    expect(formatSort(alsoBy(parseSort(TASK, sort), column, descends))).toBe(expected);
  });

  test('the primary column is the one that is turned round', () => {
    expect(formatSort(inverted(parseSort(TASK, 'state,-rss')))).toBe('-state,-rss');
  });

  test('columns that are gone leave the others', () => {
    const sort = parseSort(TASK, 'state,-rss,pid');
    const otherwise = parseSort(TASK, 'cpu');
    expect(formatSort(keptSort(sort, (column) => column !== 'state', otherwise))).toBe('-rss,pid');
    expect(keptSort(sort, () => false, otherwise)).toBe(otherwise);
  });
});

test('rows go by several columns as in a plain comparison, one column after the other', () => {
  const names = ['', 'a', 'b', 'B', 'aa'];
  const row = fc.record({
    n: fc.integer({ min: 0, max: 3 }),
    v: fc.option(fc.integer({ min: -2, max: 2 }), { nil: Number.NaN }),
    name: fc.constantFrom(...names),
  });
  const key = fc.record({ column: fc.constantFrom('n', 'v', 'name'), descending: fc.boolean() });
  const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 3, selector: ({ column }) => column });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), keys, (rows, sort) => {
      const table = tableOf(
        { id: { type: 'u64' }, n: { type: 'u32' }, name: { type: 'chars', size: 8 } },
        rows.map(({ n, name }, id) => ({ values: { id, n, name: Buffer.from(name) } })),
        { v: rows.map(({ v }) => v) },
      );
      const none = (value: number | string) => value === '' || Number.isNaN(value);
      const expected = rows
        .map((values, at) => ({ ...values, at }))
        .sort((a, b) => {
          for (const { column, descending } of sort as { column: 'n' | 'v' | 'name'; descending: boolean }[]) {
            const [x, y] = [a[column], b[column]];
            if (none(x) || none(y)) {
              if (none(x) !== none(y)) return none(x) ? 1 : -1;
            } else if (x !== y) return x < y !== descending ? -1 : 1;
          }
          return a.at - b.at;
        })
        .map(({ at }) => at);
      expect([...orderRows(table, sort as unknown as Sort, null, [])]).toEqual(expected);
    }),
    { numRuns: 200, seed: 11 },
  );
});
