import stringWidth from 'string-width';
import { expect, it } from 'vitest';
import { NARROW } from '../build-lazy.mjs';

it('what the bundle takes for one cell wide without measuring is so', () => {
  const narrow = new RegExp(NARROW.slice(1, -1));
  const taken = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter((c) => narrow.test(c));
  expect(taken.length).toBeGreaterThan(300);
  expect(taken.filter((c) => stringWidth(c) !== 1 || stringWidth(c + c) !== 2)).toEqual([]);
  for (const other of ['\u00ad', '\u0301', '\u4e00', '\u200b']) expect(narrow.test(other)).toBe(false);
});
