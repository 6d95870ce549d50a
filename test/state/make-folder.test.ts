/** Folders that are made on the way to a file: for their owner only, and an error that names the one that cannot be. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolder } from '../../src/state/make-folder.ts';
import { UsageError } from '../../src/templates/template.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-make-folder-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

test('those above it are made, too, each for its owner only; one that is there stays as it is', () => {
  const top = path.join(dir, 'top');
  fs.mkdirSync(top);
  fs.chmodSync(top, 0o755);
  fs.symlinkSync(top, path.join(dir, 'link'));
  for (let i = 0; i < 2; i++) makeFolder(path.join(dir, 'link', 'a', 'b'));
  const modes = ['', 'a', 'a/b'].map((name) => (fs.lstatSync(path.join(top, name)).mode & 0o777).toString(8));
  expect(modes).toEqual(['755', '700', '700']);
});

test.each([
  ['a file has its name', 'file', 'file: what is there is no folder (EEXIST)'],
  ['a file has the name of one above', 'file/a/b', 'file: what is there is no folder (EEXIST)'],
  ['a link leads nowhere', 'nowhere/a', 'nowhere: what is there is no folder (EEXIST)'],
  ['a link leads to itself', 'itself/a', 'itself: what is there is no folder (EEXIST)'],
  ['a name is too long', `${'x'.repeat(300)}/a`, `${'x'.repeat(300)}: ENAMETOOLONG`],
])('%s', (_, name, words) => {
  fs.writeFileSync(path.join(dir, 'file'), '');
  for (const [link, to] of Object.entries({ nowhere: '/nonexistent/a', itself: 'itself' })) {
    fs.rmSync(path.join(dir, link), { force: true });
    fs.symlinkSync(to, path.join(dir, link));
  }
  const make = () => makeFolder(path.join(dir, name));
  expect(make).toThrow(UsageError);
  expect(make).toThrow(`cannot make the folder ${dir}/${words}`);
});

describeKernel('where a file system has no new folders', () => {
  test.each([
    ['a data set', ['dump', 'task', '--dataset', '/proc/none/set']],
    ['a recording in parts', ['record', 'task', '-n', '1', '--retain', '1M', '-o', '/proc/none/parts']],
  ])(
    '%s: it is said, and the program ends',
    (_, args) => {
      const { status, signal, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
        ...{ encoding: 'utf8', timeout: 120_000, killSignal: 'SIGKILL' },
      });
      expect({ status, signal, stderr }).toEqual({
        ...{ status: 2, signal: null },
        stderr: 'itertop: cannot make the folder /proc/none: /proc takes no new folders (ENOENT)\n',
      });
    },
    130_000,
  );
});
