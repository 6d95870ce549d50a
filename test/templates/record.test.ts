import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadRecordError } from '../../src/templates/errors.ts';
import { Batch, FLAG_FOOTER, KeyIndex, newBuffers } from '../../src/templates/record.ts';
import { footerBytes, indexBytes, layoutOf, memberBytes, recordBytes } from '../support/batch.ts';

const FOOTER = {
  visited: 7,
  sessionId: 2 ** 40 + 1,
  jiffies: 2 ** 32 + 5,
  monotonicNs: 123_456_789_012,
  bootNs: 223_456_789_012,
};

describe('batches of hand-made records', () => {
  test.each([
    ['u8', 255, 255],
    ['i8', -128, -128],
    ['u16', 65535, 65535],
    ['i16', -32768, -32768],
    ['u32', 4294967295, 4294967295],
    ['i32', -2147483648, -2147483648],
    ['i32', -1, -1],
    ['u64', 18446744073709551615n, 2 ** 64],
    ['u64', 9007199254740993n, 9007199254740992],
    ['i64', -9223372036854775808n, -(2 ** 63)],
    ['i64', -1n, -1],
  ] as const)('%s %s', (type, value, number) => {
    const layout = layoutOf({ key: { type: 'u32' }, before: { type: 'u8' }, value: { type }, after: { type: 'u8' } });
    const batch = indexBytes(layout, recordBytes(layout, { values: { key: 1, before: 255, value, after: 255 } }));
    expect(batch.number(0, 'value')).toBe(number);
    expect([...batch.numbers('value')]).toEqual([number]);
    expect(batch.exact(0, 'value')).toBe(typeof value === 'bigint' ? value : number);
  });

  test('texts, character arrays, addresses', () => {
    const layout = layoutOf({
      key: { type: 'u64' },
      name: { type: 'chars', size: 16 },
      text: { type: 'text' },
      more: { type: 'text' },
      ip: { type: 'inet' },
    });
    const ip = Buffer.alloc(24);
    ip[0] = 2;
    ip.set([10, 1, 2, 3], 8);
    const batch = indexBytes(
      layout,
      recordBytes(layout, { values: { key: 1, name: Buffer.from('name\0rest'), text: '/a/path', more: '', ip } }),
      recordBytes(layout, { values: { key: 2, text: 'x'.repeat(100), more: 'of it' }, full: { text: 5000 } }),
    );
    expect(batch.bytes(0, 'name').toString().split('\0')[0]).toBe('name');
    expect([batch.bytes(0, 'text').toString(), batch.bytes(0, 'more').length]).toEqual(['/a/path', 0]);
    expect([batch.bytes(1, 'text').length, batch.fullLength(1, 'text'), batch.bytes(1, 'more').toString()]).toEqual([
      100,
      5000,
      'of it',
    ]);
    expect(batch.number(0, 'text')).toBeNaN();
    expect(batch.bytes(0, 'ip')).toEqual(ip);
  });

  test('what a cast did not give is absent', () => {
    const layout = layoutOf({
      key: { type: 'u32' },
      rtt: { type: 'u32', flag: 1 },
      timer: { type: 'u64', flag: 2 },
      small: { type: 'i16', flag: 2 },
    });
    const values = { key: 1, rtt: 5, timer: 9, small: -3 };
    const batch = indexBytes(layout, ...[0, 1, 2, 3].map((flags) => recordBytes(layout, { values, flags })));
    expect([...batch.numbers('rtt')]).toEqual([Number.NaN, 5, Number.NaN, 5]);
    expect([...batch.numbers('timer')]).toEqual([Number.NaN, Number.NaN, 9, 9]);
    expect([...batch.numbers('small')]).toEqual([Number.NaN, Number.NaN, -3, -3]);
    expect([batch.exact(0, 'timer'), batch.exact(3, 'timer'), batch.present(1, 'rtt')]).toEqual([null, 9n, true]);
  });

  test('the footer is no row; without one there is none', () => {
    const layout = layoutOf({ key: { type: 'u32' } });
    const record = recordBytes(layout, { values: { key: 1 } });
    expect(indexBytes(layout, record, footerBytes(FOOTER))).toMatchObject({ rows: 1, footer: FOOTER });
    expect(indexBytes(layout, record)).toMatchObject({ rows: 1, footer: null });
    expect(indexBytes(layout)).toMatchObject({ rows: 0, footer: null });
    expect(indexBytes(layout, footerBytes(FOOTER))).toMatchObject({ rows: 0, footer: FOOTER });
  });

  test('members are summed into their group, wherever they stand; those without one are left out', () => {
    const layout = layoutOf(
      { pid: { type: 'u32' }, time: { type: 'u64' }, faults: { type: 'u64' }, comm: { type: 'chars', size: 8 } },
      { by: 'pid', totals: ['time', 'faults'] },
    );
    const row = (pid: number, time: number, faults: number) =>
      recordBytes(layout, { values: { pid, time, faults, comm: Buffer.from(`p${pid}`) } });
    const member = (pid: number, time: number, faults: number) => memberBytes(layout, { pid, time, faults });
    const batch = indexBytes(
      layout,
      member(2, 1, 1),
      row(1, 10, 100),
      row(2, 20, 200),
      member(1, 3, 30),
      member(9, 99, 99),
      member(1, 4, 40),
      footerBytes(FOOTER),
    );
    expect(batch.rows).toBe(2);
    expect([...batch.numbers('time')]).toEqual([17, 21]);
    expect([...batch.numbers('faults')]).toEqual([170, 201]);
    expect([batch.number(0, 'time'), batch.exact(1, 'faults')]).toEqual([17, 201]);
    expect([...batch.numbers('pid')]).toEqual([1, 2]);
  });

  test('many rows: the tables grow', () => {
    const layout = layoutOf({ key: { type: 'u32' }, n: { type: 'u64' } }, { by: 'key', totals: ['n'] });
    const one = (i: number) => recordBytes(layout, { values: { key: i, n: i * 2 } });
    const bytes = Buffer.concat(Array.from({ length: 20_000 }, (_, i) => one(i)));
    const buffers = newBuffers(bytes.length);
    Buffer.from(buffers.bytes).set(bytes);
    const batch = Batch.index(layout, buffers, bytes.length);
    expect([batch.rows, batch.number(19_999, 'n'), batch.number(4096, 'key')]).toEqual([20_000, 39_998, 4096]);
  });
});

describe('torn and garbled records are refused', () => {
  const layout = layoutOf({ key: { type: 'u32' }, n: { type: 'u64' }, text: { type: 'text' } });
  const record = recordBytes(layout, { values: { key: 1, n: 2, text: 'some text' } });
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(record);
    copy.writeUInt16LE(value, at);
    return copy;
  };
  test.each<[string, readonly Buffer[]]>([
    ['no length', [changed(0, 0)]],
    ['longer than what was read', [changed(0, 1000)]],
    ['cut in the middle', [record.subarray(0, record.length - 8)]],
    ['cut after a whole one', [record, record.subarray(0, 8)]],
    ['cut within the header', [record, record.subarray(0, 2)]],
    ['shorter than its fields', [changed(0, 1), record]],
    ['a footer too short', [Buffer.from([1, 0, 0, FLAG_FOOTER >> 8, 0, 0, 0, 0]), record]],
  ])('%s', (_, records) => {
    expect(() => indexBytes(layout, ...records)).toThrow(BadRecordError);
    expect(() => indexBytes(layout, ...records)).toThrow(
      /no record starts at byte \d+ of the \d+ that were read \(length \d+\)/,
    );
  });

  test('a member too short for what it carries', () => {
    const grouped = layoutOf({ pid: { type: 'u32' }, time: { type: 'u64' } }, { by: 'pid', totals: ['time'] });
    const member = memberBytes(grouped, { pid: 1, time: 2 });
    member.writeUInt16LE(1, 0);
    expect(() => indexBytes(grouped, member.subarray(0, 8))).toThrow(BadRecordError);
  });

  test('random bytes never give more than an error, and no row outside of what was read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 400 }), (bytes) => {
        let batch: Batch;
        try {
          batch = indexBytes(layout, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(BadRecordError);
          return;
        }
        expect(batch.rows * layout.fixed).toBeLessThanOrEqual(bytes.length);
        for (let row = 0; row < batch.rows; row++) batch.bytes(row, 'text');
      }),
      { numRuns: 500, seed: 4 },
    );
  });
});

describe('keys', () => {
  const layout = layoutOf({ key: { type: 'u64' }, n: { type: 'u32' } });
  const batch = (...keys: (number | bigint)[]) =>
    indexBytes(layout, ...keys.map((key, n) => recordBytes(layout, { values: { key, n } })));

  test('doubles are counted', () => {
    const index = new KeyIndex();
    expect(index.build(batch(1, 2, 3))).toBe(0);
    expect(index.build(batch(1, 2, 1, 1, 2))).toBe(3);
    expect(index.build(batch())).toBe(0);
  });

  test('an object is found again in another batch, by all bits of its key', () => {
    const index = new KeyIndex();
    index.build(batch(0xffff888000000001n, 0xffff888100000001n, 5));
    const other = batch(5, 0xffff888100000001n, 6);
    expect([0, 1, 2].map((row) => index.find(other, row))).toEqual([2, 1, -1]);
    index.build(batch());
    expect(index.find(other, 0)).toBe(-1);
  });

  test('many keys, and the first of equal ones', () => {
    const keys = Array.from({ length: 1500 }, (_, i) => BigInt(i % 1000) << 6n);
    const index = new KeyIndex();
    expect(index.build(batch(...keys))).toBe(500);
    const other = batch(...keys.slice(0, 1000));
    for (let row = 0; row < 1000; row++) expect(index.find(other, row)).toBe(row);
  });

  test('as text: the row of a key', () => {
    const one = batch(7, 2 ** 40);
    expect([one.rowOfKey(one.key(0)), one.rowOfKey(one.key(1)), one.rowOfKey(''), one.rowOfKey('x')]).toEqual([
      0, 1, -1, -1,
    ]);
    expect(batch(2 ** 40).rowOfKey(one.key(1))).toBe(0);
    expect(batch(8).rowOfKey(one.key(1))).toBe(-1);
  });
});
