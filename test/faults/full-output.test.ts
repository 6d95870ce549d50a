/** Standard output that takes nothing: what was not written is no success. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { expect, it } from 'vitest';
import { describeKernel, PROGRAM } from '../support/kernel.ts';

describeKernel('a full disk behind standard output', () => {
  it.each([
    ['a recording of one refresh', ['record', 'task', '-n', '1', '-o', '-']],
    ['one that would go on', ['record', 'task', '-n', '0', '-d', '0.1', '-o', '-']],
    ['lines of text', ['--plain', '-n', '1']],
    ['lines of text, until the input ends', ['--plain']],
  ])('%s: exit code 1, in words', (_, args) => {
    const full = fs.openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
      timeout: 60_000,
    });
    fs.closeSync(full);
    expect([status, stderr]).toEqual([1, 'itertop: cannot write standard output: the disk is full (ENOSPC)\n']);
  });
});
