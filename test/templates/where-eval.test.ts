/** Conditions over rows made by hand, evaluated after reading. */
import { describe, expect, test } from 'vitest';
import type { FieldType } from '../../src/templates/record.ts';
import type { Column } from '../../src/templates/template.ts';
import { parseWhere } from '../../src/templates/where.ts';
import { inNetwork, matchesWhere } from '../../src/templates/where-eval.ts';
import { CONTEXT, tableOf } from '../support/batch.ts';

/** Whether one value in one column fulfils a condition on `x`; undefined is no value. */
function holds(
  where: string,
  value: number | bigint | string | Uint8Array | undefined,
  as: Column['as'] = 'int',
  type: FieldType = 'u32',
  more: Partial<Column> = {},
): boolean {
  const flag = value === undefined ? 1 : 0;
  const made = value ?? (type === 'chars' || type === 'text' ? '' : type === 'inet' ? Buffer.alloc(24) : 0);
  const spec = { type, flag, ...(type === 'chars' ? { size: 16 } : {}), ...(as === undefined ? {} : { as }), ...more };
  const table = tableOf({ key: { type: 'u32' }, x: spec }, [{ values: { key: 1, x: made } }]);
  const options = { user: (name: string) => (name === 'root' ? 0 : undefined), pageSize: 4096 };
  return parseWhere(where, table.template, options).every((part) => matchesWhere(part.where, table, 0));
}
function address(text: string): Buffer {
  const field = Buffer.alloc(24);
  if (text.includes('.') && !text.includes(':')) {
    field[0] = 2;
    field.set(text.split('.').map(Number), 8);
  } else {
    field[0] = 10;
    const [left, right = ''] = text.split('::').map((half) => half.split(':').filter((g) => g !== ''));
    const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
    groups.forEach((group, i) => {
      field.writeUInt16BE(Number.parseInt(group, 16), 8 + i * 2);
    });
  }
  return field;
}

describe('numbers', () => {
  test.each<[string, boolean, number | bigint, Column['as'], FieldType]>([
    ['x == 5', true, 5, 'int', 'u8'],
    ['x != 5', false, 5, 'int', 'u8'],
    ['x < 5.5', true, 5, 'int', 'u8'],
    ['x >= 5.5', false, 5, 'int', 'u8'],
    ['x == -1', true, -1, 'int', 'i8'],
    ['x == 255', false, -1, 'int', 'i8'],
    ['x == 4294967295', true, 4294967295, 'int', 'u32'],
    ['x == 9007199254740993', true, 9007199254740993n, 'int', 'u64'],
    ['x == 9007199254740992', false, 9007199254740993n, 'int', 'u64'],
    ['x > 9007199254740992', true, 9007199254740993n, 'int', 'u64'],
    ['x == ffff888812345679', true, 0xffff888812345679n, 'hex', 'u64'],
    ['x == ffff888812345678', false, 0xffff888812345679n, 'hex', 'u64'],
    ['x < -9007199254740992', true, -9007199254740993n, 'int', 'i64'],
    ['x in 10-1f', true, 0x1f, 'hex', 'u32'],
    ['x == 644', true, 0o644, 'octal', 'u16'],
    ['x == 8:1', true, 8 * 0x100000 + 1, 'dev', 'u32'],
    ['x == 1M', true, 256, 'pages', 'u64'],
    ['x == root', true, 0, 'uid', 'u32'],
    ['x', true, 2, 'flag', 'u8'],
    ['x == yes', true, -1, 'flag', 'i32'],
    ['x == no', true, 0, 'flag', 'u8'],
    ['x =~ "^1\\.5K$"', true, 1536, 'bytes', 'u32'],
    ['x == 200ms', true, 20, 'jiffies', 'u64'],
    ['x > 5m', true, 1e12 - 301e9, 'age', 'u64'],
    ['x > 5m', false, 1e12 - 299e9, 'age', 'u64'],
  ])('%s is %s for %s as %s', (where, expected, value, as, type) => {
    expect(holds(where, value, as, type)).toBe(expected);
  });

  test('times are those of the clock on the wall', () => {
    const at = (ms: number) => holds('x == 2026-01-02', BigInt(ms - CONTEXT.bootMs) * 1_000_000n, 'time', 'u64');
    const day = new Date(2026, 0, 2).getTime();
    const next = new Date(2026, 0, 3).getTime();
    expect([day - 1, day, next - 1, next].map(at)).toEqual([false, true, true, false]);
  });
});

describe('what has no value', () => {
  const wheres = ['x == 0', 'x != 5', 'x < 5', 'x >= 0', 'x in 0-9'];
  test.each(wheres)('fulfils no comparison: %s', (where) => {
    expect(holds(where, undefined)).toBe(false);
    expect(holds(`!(${where})`, undefined)).toBe(true);
    expect(holds(where, 0, 'int', 'u32', { zeroIsNone: true })).toBe(false);
  });
  test.each<[Column['as'], FieldType, string[]]>([
    ['text', 'chars', ['x == a', 'x != a', 'x =~ ".*"', 'x !~ a']],
    ['path', 'text', ['x == a', 'x != a', 'x =~ "^$"', 'x !~ a']],
    ['inet', 'inet', ['x in 0.0.0.0/0', 'x in ::/0', 'x != 1.2.3.4', 'x =~ ".*"']],
    ['hexbytes', 'chars', ['x == 00', 'x != 00']],
    ['flag', 'u8', ['x', 'x == no', 'x != no']],
    ['uid', 'u32', ['x == root', 'x != root']],
  ])('as %s', (as, type, list) => {
    for (const where of list) expect(holds(where, undefined, as, type), where).toBe(false);
    expect(holds('x == ""', undefined, as, type)).toBe(true);
    expect(holds('x != ""', undefined, as, type)).toBe(false);
  });
});

test.each<[string, boolean, string | Uint8Array, FieldType]>([
  ['x == bash', true, 'bash', 'chars'],
  ['x == bas', false, 'bash', 'chars'],
  ['x == bash', true, Buffer.from('bash\0stale'), 'chars'],
  ['x == "0123456789abcde"', true, '0123456789abcde', 'chars'],
  ['x == "0123456789abcdef"', true, '0123456789abcdef', 'chars'],
  ['x == "café"', true, 'café', 'chars'],
  ['x == "\\xff"', true, Buffer.from([0xff, 0]), 'chars'],
  ['x == "a\\\\b"', true, 'a\\b', 'chars'],
  ['x in (a, b, /tmp)', true, '/tmp', 'text'],
  ['x =~ TMP', false, '/tmp', 'text'],
  ['x =~ tmp', true, '/TMP', 'text'],
  ['x != ""', true, 'x', 'text'],
])('%s is %s for the text %s', (where, expected, value, type) => {
  expect(holds(where, value, 'text', type)).toBe(expected);
});

test('bytes are written as hex digits', () => {
  const bytes = Buffer.concat([Buffer.from([0, 0xff]), Buffer.alloc(14)]);
  expect(holds(`x == ${bytes.toString('hex').toUpperCase()}`, bytes, 'hexbytes', 'chars')).toBe(true);
  expect(holds('x == 00ff', bytes, 'hexbytes', 'chars')).toBe(false);
  expect(holds('x != ""', bytes, 'hexbytes', 'chars')).toBe(true);
});

test.each([
  ['10.1.2.3', '10.0.0.0/8', true],
  ['11.1.2.3', '10.0.0.0/8', false],
  ['10.127.0.0', '10.0.0.0/9', true],
  ['10.128.0.0', '10.0.0.0/9', false],
  ['10.1.2.3', '10.1.2.2/31', true],
  ['10.1.2.3', '10.1.2.3', true],
  ['255.255.255.255', '0.0.0.0/0', true],
  ['0::ffff:a01:203', '10.0.0.0/8', true],
  ['0::ffff:a01:203', '0.0.0.0/0', true],
  ['0::fffe:a01:203', '10.0.0.0/8', false],
  ['1::ffff:a01:203', '10.0.0.0/8', false],
  ['0::ffff:a01:203', '::ffff:10.0.0.0/104', true],
  ['10.1.2.3', '::ffff:10.0.0.0/104', false],
  ['10.1.2.3', '::/0', false],
  ['fe80::1', '::/0', true],
  ['fe80::1', 'fe80::/10', true],
  ['fec0::1', 'fe80::/10', false],
  ['0::1', '::1', true],
  ['0::1', '::/127', true],
  ['0::2', '::/127', false],
  ['8000::', '::/1', false],
])('%s in %s: %s', (one, network, expected) => {
  expect(holds(`x in ${network}`, address(one), 'inet', 'inet')).toBe(expected);
  expect(holds(`x != ${network}`, address(one), 'inet', 'inet')).toBe(!expected);
});

test('what is no internet address is in no network', () => {
  const unix = Buffer.alloc(24);
  unix[0] = 1;
  expect(inNetwork(unix, { family: 4, bytes: [0, 0, 0, 0], bits: 0 })).toBe(false);
  expect(holds('x in (0.0.0.0/0, ::/0)', unix, 'inet', 'inet')).toBe(false);
  expect(holds('x != 1.2.3.4', unix, 'inet', 'inet')).toBe(false);
});
