/** A recording shows what was seen as it was seen: in groups, as a tree. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { skip } from '../support/kernel.ts';
import { PROGRAM, TestTerminal } from './terminal.ts';

describe.skipIf(skip)('a recording', () => {
  let folder = '';
  let terminal: TestTerminal;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-recorded-'));
  });
  afterEach(async () => {
    terminal.kill();
    await terminal.exited;
    fs.rmSync(folder, { recursive: true });
  });

  const open = (...args: string[]) => {
    const line = `cd '${folder}' && exec "$0" "$@"`;
    terminal = new TestTerminal('sh', ['-c', line, process.execPath, PROGRAM, ...args], { cols: 120 });
  };
  /** What is seen is recorded, and opened again. @returns its file */
  async function recorded(args: readonly string[], seen: RegExp): Promise<string> {
    open(...args, '--no-settings', '-d', '0.2');
    await terminal.waitFor(seen, 'live', 30_000);
    terminal.type('R');
    await terminal.waitFor(/REC \d+(\.\d)?K/, 'a recording under way', 30_000);
    terminal.type('R');
    await terminal.waitFor(/\d+ refresh(es)? recorded in/, 'its end', 30_000);
    terminal.kill();
    await terminal.exited;
    const [file] = fs.readdirSync(folder);
    open('replay', file!, '--at', 'end');
    return file!;
  }

  it('of groups has groups, in their order; and the rows that they are of', async () => {
    const file = await recorded(['task', '--group', 'user'], /by user: \d+ groups? of \d+ rows?.*by count ▼/);
    await terminal.waitFor(/by user: \d+ groups? of \d+ rows?.*by count ▼.*REPLAY/, 'groups', 30_000);
    const dump = (...args: string[]) =>
      spawnSync(process.execPath, [PROGRAM, 'dump', '--replay', file, '-f', 'csv', ...args], {
        cwd: folder,
        encoding: 'utf8',
      });
    // A script gets what it asks for.
    expect(dump('-c', 'pid,comm').stdout).toMatch(/^pid,comm$/m);
    expect(dump('-c', 'pid', '--group', 'state').stdout).toMatch(/^state,count/m);
  });

  it('of a tree has the tree', async () => {
    await recorded(['task', '--tree'], /tree by/);
    await terminal.waitFor(/tree by.*REPLAY/, 'a tree', 30_000);
  });
});
