/** What goes wrong before anything is read: said with the name that was given, and not in Node's words. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PROGRAM, root } from './support/kernel.ts';
import { ends, NO_HOME, withCapabilities } from './support/unprivileged.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-words-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const itertop = (args: readonly string[], through: readonly string[] = []) =>
  ends([...through, process.execPath, PROGRAM, ...args]);

test('what is no file is no recording, and is named', () => {
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const file of ['/dev/zero', pipe])
    for (const args of [
      ['replay', file],
      ['dump', '--replay', file],
    ])
      expect(itertop(args)).toEqual({ status: 2, stdout: '', stderr: `itertop: ${file}: it is no regular file\n` });
});

test('memory that is not there is said to be', () => {
  const script = 'ulimit -v 1500000; exec "$@"';
  const { status, stdout, stderr } = itertop(['dump', 'tcp'], ['sh', '-c', script, 'sh']);
  // Where even less is left Node ends in its own way.
  if (status === 1) expect([stdout, stderr]).toEqual(['', 'itertop: out of memory\n']);
  else expect(stderr).not.toMatch(/allocation failed$/m);
});

describe.skipIf(!root)('as somebody else (needs root)', () => {
  test('a folder of templates that may not be read is left out', () => {
    const config = path.join(folder, 'config');
    fs.mkdirSync(path.join(config, 'itertop', 'templates'), { recursive: true, mode: 0o700 });
    fs.chmodSync(folder, 0o755);
    const { status, stdout, stderr } = ends([...withCapabilities(), process.execPath, PROGRAM, 'templates'], {
      ...NO_HOME,
      XDG_CONFIG_HOME: config,
    });
    expect(stderr).toBe(
      `itertop: ${config}/itertop/templates: no permission to read it; going on without the templates there\n`,
    );
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^task /m)]);
  });
});

test('a theme that there is none of is one nowhere', () => {
  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
      encoding: 'utf8',
      env: { ...process.env, ...NO_HOME, XDG_CONFIG_HOME: path.join(folder, 'own') },
      timeout: 60_000,
    });
    return [status, stderr];
  };
  fs.mkdirSync(path.join(folder, 'own', 'itertop'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'own', 'itertop', 'settings.yaml'), 'themes:\n  mine: { error: red }\n');
  for (const args of [
    ['task', '--theme', 'nosuch'],
    ['dump', '--replay', 'sample', '--theme', 'nosuch'],
    ['dump', 'task', '--theme', 'nosuch'],
  ])
    expect(run(...args)).toEqual([2, expect.stringMatching(/^itertop: .*nosuch/)]);
  expect(run('dump', '--replay', 'dist/sample.itertop', '--theme', 'mine')[1]).not.toMatch(/theme/);
});
