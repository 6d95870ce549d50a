import { expect, test } from 'vitest';
import { alignOf, duration, formatNumber, localTime, unitOf } from '../../src/templates/format.ts';
import type { Format } from '../../src/templates/template.ts';
import { CONTEXT } from '../support/batch.ts';

test.each<[Format, number, string]>([
  ['int', -5, '-5'],
  ['int', 4294967295, '4294967295'],
  ['hex', 255, '0xff'],
  ['hex', 0, '0x0'],
  ['hex', -1, '-0x1'],
  ['octal', 0o644, '644'],
  ['count', 0, '0'],
  ['count', 99_999, '99999'],
  ['count', 100_000, '100K'],
  ['count', 12_345_678, '12.3M'],
  ['count', -12_345_678, '-12.3M'],
  ['flag', 0, ''],
  ['flag', 1, 'yes'],
  ['bytes', 0, '0'],
  ['bytes', 1023, '1023'],
  ['bytes', 1024, '1.0K'],
  ['bytes', 102_348, '99.9K'],
  ['bytes', 102_400, '100K'],
  ['bytes', 1_048_575, '1024K'],
  ['bytes', 1_048_576, '1.0M'],
  ['bytes', 2 ** 63, '8.0E'],
  ['bytes', 2 ** 70, '1024E'],
  ['pages', 1, '4.0K'],
  ['pages', 0, '0'],
  ['percent', 12.345, '12.3'],
  ['percent', 0, '0.0'],
  ['rate', 0, '0'],
  ['rate', 0.25, '0.3'],
  ['rate', 3, '3'],
  ['rate', 3.25, '3.3'],
  ['rate', 12345, '12.3K'],
  ['byterate', 512, '512'],
  ['byterate', 2048, '2.0K'],
  ['ns', 0, '0'],
  ['ns', 12, '12ns'],
  ['ns', 1500, '1.5us'],
  ['us', 12, '12us'],
  ['us', 9.96, '10us'],
  ['us', 999.6, '1.0ms'],
  ['ms', 5, '5.0ms'],
  ['ms', 1200, '1.2s'],
  ['s', 59.94, '60s'],
  ['s', 60, '1m00s'],
  ['s', 185, '3m05s'],
  ['s', 3600 * 2 + 7 * 60, '2h07m'],
  ['s', 86_400 * 5 + 3600 * 3, '5d03h'],
  ['jiffies', 20, '200ms'],
  ['cputime', 0, '0:00.00'],
  ['cputime', 3_520_000_000, '0:03.52'],
  ['cputime', 3_599_999_999_999, '59:59.99'],
  ['cputime', 3600e9, '1:00:00'],
  ['cputime', 100 * 3600e9, '100:00:00'],
  ['age', 1e12, '0s'],
  ['age', 1e12 - 61e9, '1m01s'],
  ['age', 2e12, '0s'],
  ['uid', 0, 'root'],
  ['uid', 4294967294, '4294967294'],
  ['dev', 0x800001, '8:1'],
  ['dev', 0xfe00000, '254:0'],
  ['dev', 0xfff00000 + 0xfffff, '4095:1048575'],
])('%s %d is "%s"', (format, value, expected) => {
  expect(formatNumber(format, value, CONTEXT)).toBe(expected);
});

test('where the clock rate is not known jiffies are shown as they are', () => {
  expect(formatNumber('jiffies', 20, { ...CONTEXT, hz: 0 })).toBe('20j');
});

test('time is the wall clock of the boot and what passed since', () => {
  const at = CONTEXT.bootMs + 3_725_000;
  expect(formatNumber('time', 3_725e9, CONTEXT)).toBe(localTime(at));
  const d = new Date(at);
  expect(localTime(at)).toBe(
    `${d.getFullYear()}-01-${String(d.getDate()).padStart(2, '0')} ${String(d.getHours()).padStart(2, '0')}:${String(d.getMinutes()).padStart(2, '0')}:05`,
  );
});

test('durations and counts never get longer than five or six characters', () => {
  for (let ns = 1; ns < 8e15; ns *= 1.37) expect(duration(ns).length).toBeLessThanOrEqual(6);
  for (let n = 1; n < 1e18; n *= 1.37)
    for (const format of ['count', 'bytes', 'byterate', 'rate'] as const)
      expect(formatNumber(format, n, CONTEXT).length).toBeLessThanOrEqual(5);
});

test('units and alignment', () => {
  expect([unitOf('pages'), unitOf('bytes'), unitOf('cputime'), unitOf('rate'), unitOf('text'), unitOf('age')]).toEqual([
    'bytes',
    'bytes',
    'ns',
    '1/s',
    '',
    'ns since boot',
  ]);
  expect(['text', 'path', 'inet', 'enum', 'uid', 'flag'].map((f) => alignOf(f as Format))).toEqual(
    new Array(6).fill('left'),
  );
  expect(['int', 'bytes', 'time', 'percent'].map((f) => alignOf(f as Format))).toEqual(new Array(4).fill('right'));
});
