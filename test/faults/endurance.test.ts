/** `npm run endurance` in short: what is held still is in every refresh exactly once, and nothing is left behind. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeKernel } from '../support/kernel.ts';

const SCRIPT = new URL('../../bench/endurance.ts', import.meta.url).pathname;
/** Four rounds over thirteen tables, twenty refreshes of each at a time. */
const COUNT = 1040;

describeKernel('refresh after refresh while objects come and go', () => {
  test(`${COUNT} of them`, { timeout: 300_000 }, () => {
    const file = path.join(os.tmpdir(), `itertop-endurance-${process.pid}.json`);
    try {
      const run = spawnSync(process.execPath, [SCRIPT, String(COUNT), '--json', file], { encoding: 'utf8' });
      expect(run.status, `${run.stdout}${run.stderr}`).toBe(0);
      const result = JSON.parse(fs.readFileSync(file, 'utf8'));
      expect(result).toMatchObject({
        refreshes: COUNT,
        lost: {},
        doubled: {},
        failures: 0,
        leftLoaded: 0,
        fdsAtEnd: 0,
      });
      // It can only fail where there was something to see: many objects, of every table.
      expect(Object.keys(result.tables).length).toBeGreaterThanOrEqual(12);
      expect(Math.min(...Object.values<number>(result.still))).toBeGreaterThanOrEqual(40);
      expect(result.rows).toBeGreaterThan(100 * COUNT);
    } finally {
      fs.rmSync(file, { force: true });
    }
  });
});
