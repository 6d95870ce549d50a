import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TupleNumbers } from '../../src/state/tuple-numbers.ts';
import { indexBytes, layoutOf, recordBytes } from '../support/batch.ts';

const LAYOUT = layoutOf({
  id: { type: 'u64' },
  a: { type: 'inet' },
  b: { type: 'inet' },
  n: { type: 'u16' },
  m: { type: 'i32', flag: 1 },
});
/** Addresses that collide where only a part of them is compared. */
const ADDRESSES = ['1.2.3.4', '::ffff:1.2.3.4', '::1.2.3.4', '4.3.2.1', '0.0.0.0', '::ffff:0.0.0.0', '::', 'none'];
const SAME: Readonly<Record<string, string>> = {
  '1.2.3.4': '::ffff:1.2.3.4',
  '0.0.0.0': '::ffff:0.0.0.0',
  '4.3.2.1': '4',
};

function inet(text: string): Uint8Array {
  const field = Buffer.alloc(24);
  if (text === 'none') return field;
  const four = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)?.slice(1).map(Number) ?? [0, 0, 0, 0];
  field.writeUInt32LE(text.includes(':') ? 10 : 2);
  field.set(four, text.includes(':') ? 20 : 8);
  if (text.startsWith('::ffff:')) field.set([0xff, 0xff], 18);
  return field;
}

interface Given {
  readonly a: string;
  readonly b: string;
  readonly n: number;
  readonly m: number;
  readonly flags: number;
}
const given = fc.record({
  a: fc.constantFrom(...ADDRESSES),
  b: fc.constantFrom(...ADDRESSES),
  n: fc.nat(2),
  m: fc.constantFrom(-1, 0, 1),
  flags: fc.nat(1),
});
const batchOf = (rows: readonly Given[]) =>
  indexBytes(
    LAYOUT,
    ...rows.map(({ a, b, n, m, flags }, id) =>
      recordBytes(LAYOUT, { values: { id, a: inet(a), b: inet(b), n, m }, flags }),
    ),
  );
/** As text; '' for a row that matches nothing. */
const tuple = (r: Given, columns: readonly (keyof Given)[]) =>
  columns.some((c) => r[c] === 0 || r[c] === 'none' || (c === 'm' && r.flags === 0))
    ? ''
    : columns.map((c) => SAME[r[c]] ?? r[c]).join(' ');

test.each<[readonly (keyof Given)[], readonly (keyof Given)[]]>([
  [
    ['a', 'b', 'n'],
    ['b', 'a', 'n'],
  ],
  [
    ['n', 'a', 'm'],
    ['n', 'b', 'm'],
  ],
  [['a'], ['a']],
  [
    ['m', 'n'],
    ['n', 'm'],
  ],
])('%j in %j, as a Map of texts would', (mine, theirs) => {
  const numbers = new TupleNumbers();
  fc.assert(
    fc.property(fc.array(given, { maxLength: 60 }), fc.array(given, { maxLength: 60 }), (some, others) => {
      const map = new Map<string, number>();
      const expected = others.map((r, i) => {
        const text = tuple(r, theirs);
        if (text === '') return 0;
        if (!map.has(text)) map.set(text, i + 1);
        return map.get(text)!;
      });
      expect([...numbers.build(batchOf(others), theirs)]).toEqual(expected);
      expect([...numbers.find(batchOf(some), mine)]).toEqual(some.map((r) => map.get(tuple(r, mine)) ?? 0));
    }),
    { numRuns: 100, seed: 5 },
  );
});

test('an address equals no numbers', () => {
  const numbers = new TupleNumbers();
  const batch = batchOf([{ a: '::ffff:1.2.3.4', b: '::', n: 1, m: 1, flags: 1 }]);
  numbers.build(batch, ['a']);
  expect([...numbers.find(batch, ['n'])]).toEqual([0]);
});
