/** `npm run endurance` in short: what is held still is in every refresh exactly once, and nothing is left behind. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os, { constants } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeKernel, eventually } from '../support/kernel.ts';
import { cgroupMount } from '../support/proc.ts';

const SCRIPT = new URL('../../bench/endurance.ts', import.meta.url).pathname;
/** Four rounds over thirteen tables, twenty refreshes of each at a time. */
const COUNT = 1040;

/** What has ended and is waited for by nobody has no command line. */
function runs(pid: string): boolean {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1') !== '';
  } catch {
    return false;
  }
}

describeKernel('refresh after refresh while objects come and go', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s leaves nothing behind', { timeout: 300_000 }, async (signal) => {
    const child = spawn(process.execPath, [SCRIPT, '1000000'], { stdio: 'ignore', detached: true });
    const gone = once(child, 'exit');
    const mount = cgroupMount();
    const folder = mount && path.join(mount, `itertop-endurance-${child.pid}`);
    const began = () => (folder ? fs.readdirSync(folder).some((name) => name.startsWith('churn-')) : true);
    const children = () => fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'latin1').trim().split(' ');
    try {
      await eventually(() => expect(began()).toBe(true), 60_000);
      const pids = children();
      // As a terminal does it, to all of them, or to the one alone.
      process.kill(signal === 'SIGINT' ? -child.pid! : child.pid!, signal);
      expect(await gone).toEqual([128 + constants.signals[signal], null]);
      if (folder) expect(fs.existsSync(folder)).toBe(false);
      await eventually(() => expect(pids.filter(runs)).toEqual([]));
    } finally {
      child.kill('SIGKILL');
    }
  });

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
