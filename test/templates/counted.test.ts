import { expect, it } from 'vitest';
import { counted } from '../../src/templates/counted.ts';

it.each([
  [0, '0 rows'],
  [1, '1 row'],
  [2, '2 rows'],
  [18_002, '18,002 rows'],
])('%d: %s', (count, words) => expect(counted(count, 'row')).toBe(words));

it('more than one may have a word of their own', () => {
  expect(['refresh', 'refreshes'].map((_, count) => counted(count, 'refresh', 'refreshes'))).toEqual([
    '0 refreshes',
    '1 refresh',
  ]);
});
