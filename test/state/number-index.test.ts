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

test('as a Map would', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(50), fc.maxSafeInteger()), { maxLength: 300 }), (values) => {
      const built = index(values);
      const map = new Map<number, [number, number]>();
      values.forEach((v, i) => {
        if (v !== 0) map.set(v, [map.get(v)?.[0] ?? i, (map.get(v)?.[1] ?? 0) + 1]);
      });
      for (const v of [...values, 51, 0]) expect(found(built, v)).toEqual(map.get(v) ?? null);
    }),
    { numRuns: 200, seed: 3 },
  );
});
