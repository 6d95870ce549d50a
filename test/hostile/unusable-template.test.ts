/** A file named with -t that is none of templates: little of it is read out, and nothing is done without it. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { PROGRAM } from '../support/kernel.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-unusable-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const itertop = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, XDG_CONFIG_HOME: '/nonexistent' },
  });
  return { status, stdout, stderr };
};

it.each<[string, string, string[]]>([
  [
    'of passwords',
    'root:*:20228:0:99999:7:::\ndaemon:$6$salty$hash:20228:0:99999:7:::\n',
    ['root:', 'daemon', 'salty', 'hash', '20228'],
  ],
  ['of settings', 'TOKEN=xyzzy\nPASSWORD=hunter2\n', ['TOKEN', 'xyzzy', 'hunter2']],
  ['of one word', 'hunter2\n', ['hunter2']],
  ['a map of them', 'machine a.example password hunter2: x\nother $6$salty: y\n', ['hunter2', 'salty']],
  ['a map of many', Array.from({ length: 60 }, (_, i) => `key$${i}: value${i}`).join('\n'), ['$', 'value']],
])('a file %s', (_, text, secrets) => {
  const file = path.join(folder, 'secret');
  fs.writeFileSync(file, text);
  for (const command of [['dump', 'task'], ['templates'], ['task'], ['templates', 'task']]) {
    const { status, stdout, stderr } = itertop(...command, '-t', file);
    expect([status, stdout]).toEqual([2, '']);
    for (const secret of secrets) expect(stderr).not.toContain(secret);
    expect(stderr).toContain(`itertop: ${file}:`);
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
  }
});

it('a file that is not there', () => {
  const file = path.join(folder, 'nowhere.yaml');
  expect(itertop('dump', 'task', '-t', file)).toEqual({
    ...{ status: 2, stdout: '' },
    stderr: `itertop: ${file}: there is no such file\n`,
  });
});
