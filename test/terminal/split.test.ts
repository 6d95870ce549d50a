/** Two tables at once in the real program. */
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Child } from '../support/child.ts';
import { skip } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

/** Listens, and says where. */
async function listening(): Promise<{ child: Child; port: number }> {
  const child = await Child.start();
  const port = await child.run(async ({ node, kept }) => {
    kept.server = node<typeof import('node:net')>('net').createServer().listen(0, '127.0.0.1');
    await new Promise((done) => kept.server.once('listening', done));
    return kept.server.address().port as number;
  });
  return { child, port };
}

describe.skipIf(skip)('two tables at once', () => {
  let a: Awaited<ReturnType<typeof listening>>;
  let b: Awaited<ReturnType<typeof listening>>;
  let terminal: TestTerminal;
  beforeEach(async () => {
    a = await listening();
    b = await listening();
    // The table is sorted by it.
    if (a.child.pid > b.child.pid) [a, b] = [b, a];
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
    await a.child.end();
    await b.child.end();
  });

  const open = (more: readonly string[], cols: number, rows: number) => {
    const pids = `${a.child.pid},${b.child.pid}`;
    const args = [PROGRAM, 'task', '--no-settings', '--pid', pids, '--sort', 'pid', ...more];
    terminal = new TestTerminal(process.execPath, args, { cols, rows });
  };
  const about = ({ child, port }: typeof a) =>
    terminal.waitFor(
      (screen) =>
        new RegExp(`tcp of ${child.pid} `).test(screen) &&
        new RegExp(`LISTEN .*:${port} `).test(screen) &&
        new RegExp(`pid ${child.pid} \\[kernel\\]`).test(screen),
      `the sockets of ${child.pid}`,
    );
  /** Those that Node begins and ends for us: its own pools grow when they are needed. */
  const threads = () =>
    fs.readdirSync(`/proc/${terminal.pid}/task`).filter((tid) => {
      try {
        return !/^(libuv|V8|DelayedTask|SignalInspector)/.test(
          fs.readFileSync(`/proc/${terminal.pid}/task/${tid}/comm`, 'utf8'),
        );
      } catch {
        return false; // It has just ended.
      }
    }).length;

  it('the second one follows the selected row of the first; o begins and ends it', async () => {
    open([], 80, 30);
    await terminal.waitFor(/^task {2}2 rows/m);
    terminal.type('jo');
    await terminal.waitFor(/^ tcp +tcp: follows the selected row/m);
    const before = threads();
    terminal.type(`j${KEY.enter}`);
    await about(a);
    expect(terminal.text()).toContain('keys above: Tab changes, o closes');
    expect(threads()).toBeGreaterThan(before);
    terminal.type('j');
    await about(b);
    terminal.type('k');
    await about(a);

    // The keys go to the other one, and back.
    terminal.type(KEY.tab);
    await terminal.waitFor(/keys below: Tab/);
    terminal.type('/LIST\r');
    await terminal.waitFor(/search.*\/?LIST/);
    expect(terminal.text()).toMatch(/^task {2}2 rows/m);
    terminal.type(`${KEY.tab}o`);
    await terminal.waitFor((screen) => !/Tab changes/.test(screen) && /^task {2}2 rows/m.test(screen));
    // Its thread ends.
    for (let n = 0; threads() > before && n < 200; n++) await new Promise((done) => setTimeout(done, 50));
    expect(threads()).toBeLessThanOrEqual(before);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('begins with --split, side by side where there is room, and says where there is nothing', async () => {
    open(['--split', 'tcp'], 180, 24);
    await about(a);
    expect(terminal.text()).toContain('keys left: Tab changes, o closes');
    expect(terminal.lines()[0]).toMatch(/^task .* tcp of /);
    // Too low for two: the one with the keys has the screen.
    terminal.resize(80, 8);
    await terminal.waitFor((screen) => /^task {2}2 rows/m.test(screen) && !/Tab changes/.test(screen));
    terminal.type(KEY.tab);
    await terminal.waitFor(/^tcp {2}1 row/m);
    terminal.resize(80, 24);
    await terminal.waitFor(/keys below/);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('a table by itself follows nothing', async () => {
    open(['--split', 'ksym'], 80, 24);
    await terminal.waitFor(/^ ksym +keys above: Tab/m);
    await terminal.waitFor(/^ksym {2}[\d,]+ rows?/m);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });
});
