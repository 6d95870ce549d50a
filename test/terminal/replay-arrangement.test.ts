/** Comparing, marking, watching and grouping in a recording, by the real program; and what it refuses. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { record } from '../support/recorded.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const ENV = { TZ: 'UTC', NO_COLOR: '1', XDG_CONFIG_HOME: '/nonexistent', HOME: '/nonexistent', LC_ALL: 'C.UTF-8' };
const PATIENCE = 20_000;

let folder: string;
let file: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-arranged-'));
  file = path.join(folder, 'made.itertop');
  record(file, 0, 20);
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

describe('a recording', () => {
  let terminal: TestTerminal;
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
  });
  const wait = (wanted: RegExp) => terminal.waitFor(wanted, String(wanted), PATIENCE);
  const at = (n: number) => wait(new RegExp(` ${n}/20\\b`));
  const start = (...args: string[]) => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, 'replay', file, '--at', 'start', ...args], {
      cols: 120,
      env: ENV,
    });
    return at(1);
  };

  it('is compared with one of its moments, forwards and backwards', async () => {
    await start('--columns', 'id,name');
    terminal.type(']');
    await at(2);
    terminal.type('C');
    await wait(/the rows of 00:00:01 are kept/);
    terminal.type(']C');
    await wait(/compared {2}\+1 -1 ~0 since 00:00:01[\s\S]*^\+ *6 row 6[\s\S]*^- *1 row 1/m);
    terminal.type('[');
    await wait(/compared {2}\+0[\s\S]*Nothing has come, gone or changed since 00:00:01/);
    terminal.type('[');
    await wait(/compared {2}\+1 -1 ~0 since 00:00:01[\s\S]*^\+ *0 row 0[\s\S]*^- *5 row 5/m);
    // Esc ends it; stepping goes on from where one is.
    terminal.type(KEY.escape);
    await terminal.waitFor((screen) => !screen.includes('compared') && /^ *0 row 0/m.test(screen), 'all', PATIENCE);
  });

  it('keeps marks of what is gone: one may go back to it', async () => {
    await start('--columns', 'id,name');
    terminal.type('jm');
    await wait(/^\* *0 row 0/m);
    terminal.type(']');
    await at(2);
    await wait(/1 marked/);
    terminal.type('[');
    await at(1);
    await wait(/^\* *0 row 0/m);
  });

  it('is watched and grouped; what came and went is told from step to step, not over jumps', async () => {
    await start('--columns', 'name,value');
    terminal.type(']');
    await wait(/5 rows {2}\+1 -1 {2}by/);
    terminal.type('}');
    await at(12);
    await wait(/5 rows {2}by/);
    terminal.type('[');
    await at(11);
    await wait(/5 rows {2}by/);
    terminal.type(`b${KEY.home}${KEY.down}${KEY.enter}`);
    await wait(/5 groups of 5 rows/);
    terminal.type('L');
    await wait(/COUNT GREW/);
  });

  it('says in words what it cannot do', async () => {
    await start();
    for (const [key, said] of [
      ['t', 'made is no tree'],
      ['H', 'the rows of made are not grouped'],
      ['i', 'a recording has its own pace'],
      ['o', 'this recording has one table'],
      ['p', 'no program reads here'],
      ['W', 'settings are those of live tables'],
      ['R', 'this is a recording already'],
      ['O', 'made is walked in one order only'],
    ] as const) {
      terminal.type(key);
      await wait(new RegExp(said));
    }
  });
});

const dump = (...args: string[]) =>
  spawnSync(process.execPath, [PROGRAM, 'dump', '--replay', file, ...args], { encoding: 'utf8', env: ENV });

it.each([
  [['--group', 'name', '-c', 'name,value'], 'by name: 5 groups of 5 rows'],
  [['--at', 'start', '--search', 'row 3'], '1 row'],
])('dump --replay %j', (args, expected) => {
  const { status, stdout, stderr } = dump(...args);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain(expected);
});

it.each([
  [['--struct'], '--struct: what the kernel prints of an object is not in a recording'],
  [['--threads'], '--threads: the rows of made are not grouped: nothing to take apart'],
  [['--tree'], 'made is no tree'],
  [['--order', 'self'], '--order: a recording has the order that it was made in'],
  [['--netns', 'self'], '--netns: a recording has the network namespaces that it was made of'],
  [['--interval', '2'], '--interval: a recording has its own pace; --all writes every refresh'],
  [['--max-cost', '2'], '--max-cost: a recording has its own pace'],
  [['-n', '2'], '--count: of a recording one refresh is written (--at), or with --all each'],
  [['--baseline', 'x.json'], '--baseline goes with the explorer on a terminal'],
  [['task'], 'this is a recording of made, not of task'],
] as [string[], string][])('dump --replay %j is refused with the reason', (args, message) => {
  const { status, stdout, stderr } = dump(...args);
  expect(stderr).toContain(message);
  expect([status, stdout]).toEqual([2, '']);
});
