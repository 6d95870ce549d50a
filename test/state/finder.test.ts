import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Finder } from '../../src/state/finder.ts';
import { openDescriptors } from '../support/objects.ts';
import { OPTIONS, record, TEMPLATE } from '../support/recorded.ts';

test('a search that cannot begin leaves no descriptor behind', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-finder-'));
  try {
    const file = path.join(folder, 'made.itertop');
    record(file, 0, 4);
    const before = openDescriptors();
    for (let n = 0; n < 5; n++)
      expect(() => new Finder(file, TEMPLATE, { where: 'value >' }, 2, OPTIONS)).toThrow(/where/);
    expect(openDescriptors()).toEqual(before);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
