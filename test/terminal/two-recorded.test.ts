/** Two tables at once are recorded both, and are there again in the replay, at the same moment. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Child } from '../support/child.ts';
import { skip } from '../support/kernel.ts';
import { record } from '../support/recorded.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const PATIENCE = 30_000;
const ENV = { TZ: 'UTC', NO_COLOR: '1', XDG_CONFIG_HOME: '/nonexistent' };
let folder = '';
let terminal: TestTerminal | undefined;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-two-'));
});
afterEach(async () => {
  terminal?.kill();
  await terminal?.exited;
  fs.rmSync(folder, { recursive: true });
});

const open = (...args: string[]) => {
  const line = `cd '${folder}' && exec "$0" "$@"`;
  const words = ['-c', line, process.execPath, PROGRAM, ...args];
  terminal = new TestTerminal('sh', words, { cols: 100, rows: 30, env: ENV });
};
const wait = (what: RegExp) => terminal!.waitFor(what, String(what), PATIENCE);

describe.skipIf(skip)('two tables', () => {
  it('are recorded whole: another row is followed in the replay', async () => {
    const children = [await Child.start(), await Child.start()].sort((a, b) => a.pid - b.pid);
    const [a, b] = children as [Child, Child];
    try {
      for (const child of children)
        await child.run(async ({ node, kept }) => {
          kept.server = node<typeof import('node:net')>('net').createServer().listen(0, '127.0.0.1');
          await new Promise((done) => kept.server.once('listening', done));
        });
      open('task', '--no-settings', '--pid', `${a.pid},${b.pid}`, '--sort', 'pid', '-d', '0.3', '--split', 'tcp');
      await wait(new RegExp(`tcp of ${a.pid} [\\s\\S]*LISTEN`));
      terminal!.type('R');
      await wait(/REC \d[\s\S]*REC \d/);
      await wait(/REC \d+(\.\d)?K[\s\S]*REC \d+(\.\d)?K/);
      terminal!.type('R');
      await wait(/\d+ refresh(es)? recorded in itertop-two-[\s\S]*\d+ refresh(es)? recorded in itertop-two-/);
      terminal!.kill();
      await terminal!.exited;
      const [two] = fs.readdirSync(folder);
      expect(fs.readdirSync(path.join(folder, two!))).toEqual(['1-task.itertop', '2-tcp.itertop']);

      open('replay', two!, '--at', 'end');
      await wait(new RegExp(`tcp of ${a.pid} [\\s\\S]*pid ${a.pid} \\[user\\][\\s\\S]*LISTEN`));
      terminal!.type('j');
      await wait(new RegExp(`tcp of ${b.pid} [\\s\\S]*pid ${b.pid} \\[user\\][\\s\\S]*LISTEN`));
      const alone = spawnSync(process.execPath, [PROGRAM, 'dump', '--replay', two!], { cwd: folder, encoding: 'utf8' });
      expect([alone.status, alone.stderr]).toEqual([
        2,
        `itertop: ${two}: it holds two tables, 1-task.itertop and 2-tcp.itertop: name one of them, or itertop replay both\n`,
      ]);
    } finally {
      for (const child of children) await child.end();
    }
  });
});

describe('a replay of two tables', () => {
  // Refresh n has rows n to n + 4.
  const begin = async () => {
    record(path.join(folder, '1-made.itertop'), 0, 60);
    record(path.join(folder, '2-all-made.itertop'), 5, 60);
    open('replay', '.', '--at', 'start');
    await wait(/ 1\/60[\s\S]*keys above[\s\S]*^ *5 \d+ row 5\b/m);
  };
  /** Both at the refresh that has row n first. */
  const both = (n: number) => {
    const table = `REPLAY {2}made {2}2026-01-01 00:00:${n}[\\s\\S]*^ *${n} \\d+ row ${n}\\b[\\s\\S]*`;
    return wait(new RegExp(`${table} ${n + 1}/60[\\s\\S]*${table}`, 'm'));
  };

  it('has one time for both, whichever has the keys', async () => {
    await begin();
    terminal!.type('}');
    await both(10);
    terminal!.type(`${KEY.tab}]`);
    await both(11);
    terminal!.type('T');
    await wait(/Jump to:/);
    terminal!.type(`00:00:40${KEY.enter}`);
    await both(40);
    terminal!.type('[');
    await both(39);
  });

  it('goes to what was found in either', async () => {
    await begin();
    for (const [id, keys] of [
      [30, ''],
      [50, KEY.tab],
    ] as const) {
      terminal!.type(`${keys}=`);
      await wait(/Find when/);
      terminal!.type(`${KEY.ctrlU}id == ${id}${KEY.enter}`);
      await both(id - 4);
    }
    terminal!.type(']');
    await both(47);
  });

  it('plays both to the end', async () => {
    await begin();
    terminal!.type(`${KEY.tab}++++++ `);
    await both(59);
  });

  it('closes and shows the second one again', async () => {
    await begin();
    terminal!.type('o');
    await terminal!.waitFor((screen) => !screen.includes('keys above'), 'one table', PATIENCE);
    await wait(/= Find {2}o Split/);
    terminal!.type('o');
    await wait(/BESIDE +SHOWS/);
    terminal!.type(KEY.enter);
    await wait(/keys above/);
  });
});
