import stringWidth from 'string-width';
import { expect, it } from 'vitest';
import { NARROW, required } from '../build-lazy.mjs';

it('what the bundle takes for one cell wide without measuring is so', () => {
  const narrow = new RegExp(NARROW.slice(1, -1));
  const taken = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter((c) => narrow.test(c));
  expect(taken.length).toBeGreaterThan(300);
  expect(taken.filter((c) => stringWidth(c) !== 1 || stringWidth(c + c) !== 2)).toEqual([]);
  for (const other of ['\u00ad', '\u0301', '\u4e00', '\u200b']) expect(narrow.test(other)).toBe(false);
});

it("Node's own modules are required, also those that are asked for later; others are left alone", () => {
  expect(required('import fs from "fs";')).toBe('var fs=require("node:fs");');
  expect(required('await import("node:http")')).toBe('await Promise.resolve(require("node:http"))');
  expect(required('import("koffi"),import("./a.ts")')).toBe('import("koffi"),import("./a.ts")');
});
