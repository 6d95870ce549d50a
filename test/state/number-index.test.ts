import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberIndex } from '../../src/state/number-index.ts';

const index = (values: readonly number[]) => {
  const built = new NumberIndex();
  built.build(Float64Array.from(values));
  return built;
};
const found = (built: NumberIndex, value: number) => {
  const slot = built.find(value);
  return slot < 0 ? null : [built.first(slot), built.count(slot)];
};

test.each<[number, readonly number[], readonly number[] | null]>([
  [5, [5], [0, 1]],
  [5, [1, 5, 2, 5, 5], [1, 3]],
  [5, [], null],
  [6, [5], null],
  [0, [0, 0], null],
  [Number.NaN, [Number.NaN], null],
  [2 ** 40 + 1, [2 ** 40, 2 ** 40 + 1], [1, 1]],
  [-1, [1, -1], [1, 1]],
  [1 + 2 ** 32, [1, 1 + 2 ** 32, 1 + 2 ** 33], [1, 1]],
])('%d in %j', (value, values, expected) => {
  expect(found(index(values), value)).toEqual(expected);
});

test('rebuilt, it has forgotten what was before, smaller or larger', () => {
  const built = index(Array.from({ length: 5000 }, (_, i) => i + 1));
  expect(found(built, 5000)).toEqual([4999, 1]);
  built.build(Float64Array.of(7));
  expect([found(built, 7), found(built, 5000), found(built, 1)]).toEqual([[0, 1], null, null]);
  built.build(Float64Array.from({ length: 20_000 }, (_, i) => (i % 100) + 1));
  expect(found(built, 100)).toEqual([99, 200]);
});

test('as a Map would, with all rows of a number in their order', () => {
  const built = new NumberIndex();
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(50), fc.maxSafeInteger()), { maxLength: 300 }), (values) => {
      built.build(Float64Array.from(values));
      const map = new Map<number, number[]>();
      values.forEach((v, i) => {
        if (v !== 0) map.set(v, [...(map.get(v) ?? []), i]);
      });
      const next = built.chain(values.length);
      expect(next.length).toBe(values.length);
      for (const v of [...values, 51, 0]) {
        const rows = map.get(v);
        expect(found(built, v)).toEqual(rows ? [rows[0], rows.length] : null);
        const chain: number[] = [];
        for (let row = rows?.[0] ?? -1; row >= 0; row = next[row]) chain.push(row);
        expect(chain).toEqual(rows ?? []);
      }
    }),
    { numRuns: 200, seed: 3 },
  );
});

test.each<[string, (i: number) => number]>([
  ['of the upper half alone', (i) => i * 2 ** 32],
  ['of hosts', (i) => (i % 500) * 2 ** 44 + Math.floor(i / 500)],
  ['of pages', (i) => i * 4096],
  ['multiples of 2^20', (i) => i * 2 ** 20],
  ['addresses of the kernel', (i) => -(2 ** 47) + i * 64],
])('20,000 numbers %s cost no more than others', (_, numberOf) => {
  const cost = (values: readonly number[]) => {
    const { user } = process.cpuUsage();
    const built = index(values);
    for (const at of [0, 1, 9_999, 19_999]) expect(found(built, values[at]!)).toEqual([at, 1]);
    return process.cpuUsage({ user, system: 0 }).user;
  };
  const plain = Array.from({ length: 20_000 }, (_, i) => i + 1);
  const best = (values: readonly number[]) => Math.min(cost(values), cost(values), cost(values));
  // Quadratic, it would be thousands of times as much.
  expect(best(plain.map(numberOf))).toBeLessThan(30 * best(plain) + 20_000);
});
