import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { orderRows, rowText } from '../../src/state/order.ts';
import type { Sort } from '../../src/state/sort.ts';
import { UsageError } from '../../src/templates/template.ts';
import { tableOf } from '../support/batch.ts';

const rows = [
  { n: 3, name: 'beta', cpu: 1.5 },
  { n: 1, name: 'Alpha', cpu: Number.NaN },
  { n: 2, name: '', cpu: -2 },
  { n: 3, name: 'alpha', cpu: Number.NaN },
  { n: 1, name: 'beta', cpu: 7 },
];
const table = tableOf(
  { id: { type: 'u64', as: 'hex' }, n: { type: 'i32' }, name: { type: 'chars', size: 16 } },
  rows.map(({ n, name }, i) => ({ values: { id: 0xff00n + BigInt(i), n, name: Buffer.from(name) } })),
  { cpu: rows.map((r) => r.cpu) },
);
/** Also of columns that the table lacks. */
const sortOf = (text: string) =>
  text
    .split(',')
    .map((part) => ({ column: part.replace('-', ''), descending: part.startsWith('-') })) as unknown as Sort;
const order = (
  sort: string,
  search: { pattern: string; invert: boolean } | null = null,
  shown: readonly string[] = ['n', 'name'],
) => [...orderRows(table, sortOf(sort), search, shown)];

describe('sorting', () => {
  test.each([
    ['n', [1, 4, 2, 0, 3]],
    ['-n', [0, 3, 2, 1, 4]],
    ['cpu', [2, 0, 4, 1, 3]],
    ['-cpu', [4, 0, 2, 1, 3]],
    // Code unit order; rows without a text come last either way.
    ['name', [1, 3, 0, 4, 2]],
    ['-name', [0, 4, 3, 1, 2]],
    ['id', [0, 1, 2, 3, 4]],
    ['nothing', [0, 1, 2, 3, 4]],
    ['n,-name', [4, 1, 2, 0, 3]],
    ['-n,-name', [0, 3, 2, 4, 1]],
    ['-n,name', [3, 0, 2, 1, 4]],
    ['nothing,-cpu', [4, 0, 2, 1, 3]],
  ])('%s', (sort, expected) => {
    expect(order(sort)).toEqual(expected);
  });

  test('numbers: the order of a stable sort with empty ones last', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.integer({ min: -5, max: 5 }), { nil: Number.NaN }), { maxLength: 60 }),
        fc.boolean(),
        (values, descending) => {
          const made = tableOf(
            { id: { type: 'u64' } },
            values.map((_, id) => ({ values: { id } })),
            { v: values },
          );
          const sorted = [...orderRows(made, [{ column: 'v', descending }], null, ['id'])];
          const expected = values
            .map((v, i) => [v, i] as const)
            .sort(
              ([a, i], [b, j]) =>
                Number(Number.isNaN(a)) - Number(Number.isNaN(b)) ||
                (Number.isNaN(a) ? 0 : descending ? b - a : a - b) ||
                i - j,
            )
            .map(([, i]) => i);
          expect(sorted).toEqual(expected);
        },
      ),
      { numRuns: 100, seed: 5 },
    );
  });
});

describe('searching', () => {
  test.each([
    ['beta', false, [4, 0]],
    ['BETA', false, []],
    ['alpha', false, [1, 3]],
    ['Alpha', false, [1]],
    ['alpha', true, [4, 2, 0]],
    ['^3 ', false, [0, 3]],
    ['ff0', false, []],
    ['[', false, null],
  ])('%s (inverted: %s)', (pattern, invert, expected) => {
    if (expected === null) expect(() => order('n', { pattern, invert })).toThrow(UsageError);
    else expect(order('n', { pattern, invert })).toEqual(expected);
  });

  test('only shown columns are searched', () => {
    expect(order('n', { pattern: 'ff0', invert: false }, ['id'])).toEqual([1, 4, 2, 0, 3]);
    expect(rowText(table, 0, ['id', 'name'])).toBe('0xff00 beta ');
  });
});
