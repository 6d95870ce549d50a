/** `dump --replay` of a recording that is damaged: what is missing is said, and is no success. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Frame, KEY, openRecordingFile } from '../src/state/recording-file.ts';
import { PROGRAM } from './support/kernel.ts';
import { record } from './support/recorded.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-damaged-'));
const whole = path.join(folder, 'whole.itertop');
const file = path.join(folder, 'damaged.itertop');
let refreshes: readonly Frame[];
beforeAll(() => {
  record(whole, 0, 8);
  refreshes = openRecordingFile(whole, ({ frames }) => frames.filter(({ kind }) => kind >= KEY));
  // Two segments of four: one key frame each.
  expect(refreshes.map(({ kind }) => kind === KEY)).toEqual([0, 1, 2, 3, 0, 1, 2, 3].map((n) => n === 0));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const inside = ({ offset, size }: Frame) => offset + (size >> 1);
const head = ({ offset }: Frame) => offset - 8;

test.each<[string, () => number | undefined, string[], number, number[], number]>([
  ['nothing', () => undefined, ['--all'], 8, [], 0],
  ['a difference: those that are made of it, too', () => inside(refreshes[2]!), ['--all'], 6, [2], 2],
  ['what a difference begins with', () => head(refreshes[2]!), ['--all'], 6, [], 2],
  ['the first one', () => inside(refreshes[0]!), ['--all'], 4, [4], 4],
  ['the last one', () => inside(refreshes[7]!), ['--all'], 7, [], 1],
  ['the last one, which is asked for', () => inside(refreshes[7]!), [], 1, [1], 1],
  ['what the last ones begin with', () => head(refreshes[6]!), [], 1, [], 2],
  ['the one that is asked for', () => inside(refreshes[2]!), ['--at', '+2s'], 1, [2], 2],
  ['another one than is asked for', () => head(refreshes[2]!), ['--at', '+0s'], 1, [], 0],
  ['the end, which was cut', () => -40, ['--all'], 7, [], 0],
])('%s', (_, place, asked, written, skipped, damaged) => {
  const bytes = fs.readFileSync(whole);
  const at = place();
  if (at !== undefined && at >= 0) bytes[at]! ^= 0xff;
  fs.writeFileSync(file, at !== undefined && at < 0 ? bytes.subarray(0, at) : bytes);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [PROGRAM, 'dump', '--replay', file, '-f', 'ndjson', ...asked],
    { encoding: 'utf8', timeout: 60_000 },
  );
  const headers = stdout
    .split('\n')
    .filter((line) => line.startsWith('{"itertop"'))
    .map((line) => JSON.parse(line).itertop as { skipped?: number });
  const refreshesWere = damaged === 1 ? 'refresh was' : 'refreshes were';
  expect([headers.length, headers.flatMap((header) => header.skipped ?? []), status, stderr]).toEqual([
    ...[written, skipped],
    ...(damaged === 0 ? [0, ''] : [1, `itertop: ${file}: ${damaged} damaged ${refreshesWere} skipped\n`]),
  ]);
});
