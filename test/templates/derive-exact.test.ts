/** Functions of single bits know all 64 of them, though a double has 53. */
import { describe, expect, test } from 'vitest';
import { derive } from '../../src/templates/table.ts';
import { tableOf } from '../support/batch.ts';

const NOTHING = { seconds: 0, before: new Int32Array(0), previous: () => null };
const CLOCK = { jiffies: 0, hz: 0 };

describe('64 bits', () => {
  test.each<[string, bigint, number]>([
    ['bit(u, 1)', 0x8000000000000001n, 1],
    ['bit(u, 2)', 0x8000000000000001n, 0],
    ['bit(u, 9223372036854775808)', 0x8000000000000001n, 1],
    ['bit(u, 9223372036854775809)', 1n, 1],
    ['bit(u, 9223372036854775809)', 2n, 0],
    ['bit(u, 17179869184)', 0x29ebe3ddfa61n, 0],
    ['bit(u, 8589934592)', 0x29ebe3ddfa61n, 1],
    // Rounded to a double this is 2^63.
    ['bit(u, 4611686018427387904)', 0x7fffffffffffffffn, 1],
    ['bits(u, 0, 4)', 0xffffffffffffff5an, 10],
    ['bits(u, 60, 8)', 0xafffffffffffffffn, 10],
    ['bits(u, 0, 0)', 0xffffffffffffff5an, 0],
    ['bits(u, 100, 8)', 0xffffffffffffff5an, 0],
    ['bit(i, 1)', -0x7fffffffffffffffn, 1],
    ['bit(i, 2)', -0x7fffffffffffffffn, 0],
    ['bits(i, 62, 2)', -1n, 3],
    // The field is narrow, the constant is not.
    ['bit(pid, 9223372036854775810)', 0n, 1],
    ['bit(pid, 9223372036854775812)', 0n, 0],
  ])('%s of %i', (call, value, expected) => {
    const { batch, template } = tableOf({ pid: { type: 'u32' }, u: { type: 'u64' }, i: { type: 'i64' } }, [
      { values: { pid: 1, u: 0n, i: 0n } },
      { values: { pid: 2, ...(value < 0n ? { u: 0n, i: value } : { u: value, i: 0n }) } },
    ]);
    const made = { ...template, columns: [...template.columns, { name: 'x', help: 'x', derive: call }] };
    expect([...derive(made, ['x'], batch, NOTHING, CLOCK).get('x')!]).toEqual([0, expected]);
  });

  test('what has no value stays without', () => {
    const { batch, template } = tableOf({ pid: { type: 'u32' }, u: { type: 'u64', flag: 4 } }, [
      { values: { pid: 1 } },
      { values: { pid: 2, u: 0xffffffffffffffffn }, flags: 4 },
    ]);
    const made = {
      ...template,
      columns: [...template.columns, { name: 'x', help: 'x', derive: 'bit(u, 9223372036854775809)' }],
    };
    expect([...derive(made, ['x'], batch, NOTHING, CLOCK).get('x')!]).toEqual([Number.NaN, 1]);
  });
});
