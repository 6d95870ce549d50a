/** Looking through a recording: the row that was found is selected, and when the selected one came and went. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { record } from '../support/recorded.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const ENV = { TZ: 'UTC', NO_COLOR: '1', XDG_CONFIG_HOME: '/nonexistent', HOME: '/nonexistent' };
const PATIENCE = 30_000;

describe('looking through a recording', () => {
  let folder = '';
  let file = '';
  let terminal: TestTerminal;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-search-'));
    file = path.join(folder, 'made.itertop');
    // Refresh n, counted from 0, has rows n to n + 4.
    record(file, 0, 60);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  afterEach(() => terminal?.kill());

  const wait = (what: RegExp) => terminal.waitFor(what, String(what), PATIENCE);
  const at = (n: number) => wait(new RegExp(` ${n}/60\\b`));
  const start = (...args: string[]) => {
    const words = [PROGRAM, 'replay', file, '--at', 'start', ...args];
    // A terminal without attributes: the selected row has a sign.
    terminal = new TestTerminal(process.execPath, words, { cols: 90, env: { ...ENV, TERM: 'dumb' } });
    return at(1);
  };
  const find = async (what: string) => {
    terminal.type('=');
    await wait(/Find when/);
    terminal.type(`${KEY.ctrlU}${what}${KEY.enter}`);
  };

  test('begins with a line of the keys for it', async () => {
    expect(await start()).toContain('Space plays, [ ] step, T jumps, = finds; ? shows all keys');
  });

  test('selects the row that was found, in whatever order', async () => {
    await start('--sort', '-id');
    await find('id == 30');
    await at(27);
    await wait(/^> *30 /m);
    await find('value > 1152921504606846976 && id == 41');
    await at(38);
    await wait(/^> *41 /m);
    // Once: what is done then is not undone by the next refresh.
    terminal.type('j');
    await wait(/^> *40 /m);
    terminal.type(']');
    await at(39);
    await wait(/^> *40 /m);
  });

  test('tells of groups, too, what came and went from step to step', async () => {
    await start('--group', 'name');
    await wait(/by name: 5 groups of 5 rows {2}by/);
    terminal.type(']');
    await at(2);
    await wait(/by name: 5 groups of 5 rows {2}\+1 -1 {2}/);
  });

  test('goes to when the selected row came, and to where it is for the last time', async () => {
    await start();
    await find('appeared');
    await wait(/error: appeared is of a row: select one first/);
    terminal.type(KEY.escape);
    await find('id == 30');
    await at(27);
    terminal.type(']]');
    await at(29);
    await find('gone');
    await at(31);
    await wait(/here it is for the last time[\s\S]*^> *30 /m);
    await find('appeared');
    await at(27);
    await wait(/from here on it is there[\s\S]*^> *30 /m);
    terminal.type(`Tend${KEY.enter}`);
    await at(60);
    await find('gone');
    await wait(/it is there up to the end/);
  });
});
