/** Integer expressions say the same as the functions of derive.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NUMERIC } from '../../src/templates/derive.ts';
import { INTEGER, type Integer, mayLack, type Quotient, type Test, wideColumns } from '../../src/templates/integer.ts';

type Values = Readonly<Record<string, number>>;

/** undefined for no value. */
function compute(value: Integer, values: Values): bigint | undefined {
  if (value === null) return undefined;
  if (typeof value === 'number') return BigInt(value);
  if ('column' in value) {
    const number = values[value.column];
    return Number.isNaN(number) ? undefined : BigInt(number);
  }
  if ('op' in value) {
    const left = compute(value.left, values);
    const right = compute(value.right, values);
    if (left === undefined || right === undefined) return undefined;
    return BigInt.asIntN(64, value.op === 'sub' ? left - right : left & right);
  }
  if ('ahead' in value) {
    const number = compute(value.ahead, values);
    if (number === undefined) return undefined;
    const short = BigInt.asIntN(32, number);
    return short < 0n ? 0n : short;
  }
  return compute(passes(value.when, values) ? value.then : value.else, values);
}

function passes(test: Test, values: Values): boolean {
  if (!('is' in test)) return test.every((one) => passes(one, values));
  const number = compute(test.of, values);
  if (number === undefined) return false;
  return test.is === 'eq'
    ? number === BigInt(test.value)
    : test.is === 'ne'
      ? number !== BigInt(test.value)
      : number > test.value;
}

const u32 = fc.oneof(
  fc.integer({ min: 0, max: 16 }),
  fc.constantFrom(0x402, 0x1402, 0x9000, 2147483647, 4294967295),
  fc.integer({ min: 0, max: 4294967295 }),
);
const i32 = fc.oneof(
  u32.filter((n) => n < 2 ** 31),
  fc.integer({ min: -(2 ** 31), max: -1 }),
);
const state = fc.integer({ min: 0, max: 13 });
/** Columns of a cast are absent together. */
const cast = <T>(values: fc.Arbitrary<T>) => fc.oneof(values, fc.constant(null));
const numbers = (...list: fc.Arbitrary<number>[]) => fc.tuple(...list);

/** For each function its arguments: columns as numbers, constants as they are. */
const ARGUMENTS: Readonly<
  Record<string, { columns: fc.Arbitrary<readonly number[]>; constants?: fc.Arbitrary<readonly number[]> }>
> = {
  sub: { columns: numbers(i32), constants: fc.tuple(fc.constantFrom(0, 100, 120, 4294967295)) },
  bit: { columns: numbers(u32), constants: fc.tuple(fc.constantFrom(1, 0x200000, 0x80000000, 4294967295)) },
  access_mode: { columns: numbers(u32) },
  below: { columns: numbers(u32), constants: fc.tuple(fc.constantFrom(0, 7, 2147483647, 4294967295)) },
  positive_div: { columns: numbers(i32), constants: fc.tuple(fc.constantFrom(1, 4, 8, 1024)) },
  listening: { columns: numbers(state, u32) },
  tcp_state: { columns: fc.tuple(state, cast(state)).map(([a, b]) => [a, b ?? Number.NaN]) },
  tcp_rxq: {
    columns: fc.tuple(state, cast(numbers(u32, u32, u32))).map(([a, rest]) => [a, ...(rest ?? [NaN, NaN, NaN])]),
  },
  tcp_txq: {
    columns: fc.tuple(state, cast(numbers(u32, u32, u32))).map(([a, rest]) => [a, ...(rest ?? [NaN, NaN, NaN])]),
  },
  tcp_timer: { columns: fc.tuple(state, cast(numbers(state, u32))).map(([a, rest]) => [a, ...(rest ?? [NaN, NaN])]) },
  task_state: { columns: numbers(u32, fc.constantFrom(0, 0x10, 0x20, 0x30)) },
};

test('each has a function of the same name', () => {
  expect(Object.keys(INTEGER).filter((name) => !Object.hasOwn(NUMERIC, name))).toEqual([]);
  expect(Object.keys(ARGUMENTS).sort()).toEqual(Object.keys(INTEGER).sort());
});

test.each(Object.keys(ARGUMENTS))('%s', (name) => {
  const { columns, constants = fc.constant([]) } = ARGUMENTS[name];
  const lacking = columns.map((list) => list.map(() => Number.NaN));
  fc.assert(
    fc.property(
      fc.oneof({ weight: 9, arbitrary: columns }, { weight: 1, arbitrary: lacking }),
      constants,
      (given, fixed) => {
        const out = new Float64Array(1);
        const args = [...given.map((value) => Float64Array.of(value)), ...fixed];
        NUMERIC[name].run(
          args,
          [],
          out,
          { seconds: 0, before: new Int32Array(0), previous: () => null },
          { jiffies: 0, hz: 0 },
        );
        const made = INTEGER[name](...given.map((_, i) => ({ column: String(i) })), ...fixed)!;
        const { value, per }: Quotient =
          made !== null && typeof made === 'object' && 'per' in made ? made : { value: made, per: 1 };
        const values = Object.fromEntries(given.map((number, i) => [String(i), number]));
        const result = compute(value, values);
        expect(result === undefined ? Number.NaN : Number(result) / per).toBe(out[0]);
        if (result === undefined) expect(mayLack(value, (column) => Number.isNaN(values[column]))).toBe(true);
      },
    ),
    { seed: 20261126, numRuns: 3000 },
  );
});

describe('arguments that make no such expression', () => {
  const a = { column: 'a' };
  test.each<[string, Integer[]]>([
    ['bit', [a, a]],
    ['bit', [a, 2 ** 32]],
    ['below', [a, a]],
    ['positive_div', [a, 3]],
    ['positive_div', [a, a]],
    ['positive_div', [a, 0]],
  ])('%s %j', (name, args) => {
    expect(INTEGER[name](...args)).toBeUndefined();
  });
  test('columns that 32 bits have to hold', () => {
    const timer = INTEGER['tcp_timer']({ column: 'state' }, { column: 'pending' }, { column: 'keepalive' }) as Integer;
    expect(wideColumns(timer)).toEqual([]);
    expect(wideColumns(INTEGER['sub'](a, { column: 'b' }) as Integer)).toEqual(['a', 'b']);
  });
});
