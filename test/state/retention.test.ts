/** A recording without an end, kept by size: the real recorder, and a replay of what it has kept. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Recording } from '../../src/state/recording.ts';
import { PROGRAM, skip } from '../support/kernel.ts';

const KEPT = 128 * 1024;
const RETAIN = ['--retain', '128K'];

describe.skipIf(skip)('record --retain by size', () => {
  let folder: string;
  let recorded: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-retain-'));
    recorded = path.join(folder, 'kept');
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const itertop = (...args: string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', timeout: 120_000, maxBuffer: 1 << 28 });
  const record = () => itertop('record', 'task', '-H', '-n', '40', '-d', '0.1', '-o', recorded, ...RETAIN);
  const parts = () => fs.readdirSync(recorded).sort();
  const sizes = () => fs.readdirSync(recorded).map((name) => fs.statSync(path.join(recorded, name)).size);

  it('keeps that much, the latest, and all of it can be replayed', { timeout: 120_000 }, () => {
    const began = Date.now();
    const { stderr, status } = record();
    expect([status, stderr]).toEqual([0, expect.stringContaining('40 refreshes')]);
    const [first] = parts();
    let runs = 1;
    // How much a refresh takes is this machine's matter.
    for (; parts().includes(first!) && runs < 50; runs++) expect(record().status).toBe(0);
    expect(parts()).not.toContain(first);
    expect(parts().length).toBeGreaterThan(1);
    expect(sizes().reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(KEPT);

    using recording = new Recording(recorded);
    expect(recording.count).toBeGreaterThan(0);
    expect(recording.count).toBeLessThan(40 * runs);
    expect(recording.times[0]).toBeGreaterThanOrEqual(began);
    expect([...recording.times]).toEqual([...recording.times].sort((a, b) => a - b));
    for (let index = 0; index < recording.count; index++) expect(recording.read(index).walks.size).toBeGreaterThan(0);

    const dumped = itertop('dump', '--replay', recorded, '--all', '-f', 'ndjson', '-c', 'tid,comm');
    expect(dumped.status).toBe(0);
    const lines = dumped.stdout.trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('{"itertop"'))).toHaveLength(recording.count);
    expect(lines.length).toBeGreaterThan(2 * recording.count);
  });
});
