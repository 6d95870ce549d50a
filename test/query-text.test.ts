/** Answers of queries as a table: on a terminal a row is a line; elsewhere nothing is cut, and little is padded. */
import { expect, test } from 'vitest';
import { type Answer, tableText } from '../src/query-text.ts';
import { textWidth } from '../src/templates/text.ts';

const LONG = `/usr/bin/java ${'-Xlong'.repeat(200)}`;
const BUSIEST: Answer = {
  columns: ['host', 'pid', 'command', 'cpu', 'since'],
  rows: [
    ['web1', 12345, LONG, 12.5, '2026-11-26'],
    ['web2', 6, '名前'.repeat(60), 1, '2026-11-27'],
    ['web3', 7, 'sh', 0.25, '2026-11-27'],
  ],
};
const lines = (answer: Answer, room?: number) => tableText(answer, room).trimEnd().split('\n');

test.each([80, 120, 200])('on a terminal of %i columns a row is a line, and numbers are whole', (room) => {
  const all = lines(BUSIEST, room);
  expect(all).toHaveLength(4);
  for (const line of all) expect(textWidth(line)).toBeLessThanOrEqual(room);
  expect(all[1]).toMatch(/^web1 {2}12345 {2}\/usr\/bin\/java -Xlong.*… {2}12\.50 {2}2026-11-26$/);
  expect(textWidth(all[1]!)).toBe(room);
});

test('what fits is not cut, and no wider than it need be', () => {
  const short = { columns: ['comm', 'n'], rows: [['sh', 1]] };
  expect(lines(short, 80)).toEqual(lines(short));
  expect(lines(short)).toEqual(['comm  n', 'sh    1']);
});

test('on a terminal that is far too narrow texts keep some characters', () => {
  expect(lines(BUSIEST, 10)[3]).toBe('web3      7  sh         0.25  2026-11…');
});

test('elsewhere all is whole, and one long text does not pad all rows', () => {
  const all = lines(BUSIEST);
  expect(all[1]).toBe(`web1  12345  ${LONG}  12.50  2026-11-26`);
  expect(all[3]).toBe(`web3      7  ${'sh'.padEnd(40)}   0.25  2026-11-27`);
});
