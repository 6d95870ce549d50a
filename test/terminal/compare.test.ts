/** C and --baseline in the real program: processes that the test starts and ends in between. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { skip } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

describe.skipIf(skip)('comparing with a moment', () => {
  let dir: string;
  let terminal: TestTerminal;
  let sleepers: ChildProcess[];
  let name: string;
  let tests = 0;

  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-compare-'));
    // What the test before has ended may not be gone yet.
    name = `cmp${process.pid}x${++tests}`;
    fs.symlinkSync('/bin/sleep', path.join(dir, name));
    sleepers = [];
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
    for (const child of sleepers) child.kill('SIGKILL');
    fs.rmSync(dir, { recursive: true, force: true });
  });

  const start = () => {
    const child = spawn(path.join(dir, name), ['1000'], { stdio: 'ignore' });
    sleepers.push(child);
    return child;
  };
  const args = () => ['task', '--where', `comm == "${name}"`, '--sort', 'pid'];
  const columns = 'pid,comm,nice';
  const program = (...more: string[]) => [PROGRAM, ...more];
  const line = (sign: string, child: ChildProcess, rest = '') =>
    new RegExp(`^\\${sign} *${child.pid} ${name} +${rest}`, 'm');

  it('C keeps the rows, then shows what came, went and changed, then all', async () => {
    const [stays, goes, changes] = [start(), start(), start()];
    terminal = new TestTerminal(process.execPath, program(...args(), '--columns', columns, '-d', '0.4'));
    await terminal.waitFor(/3 rows/);
    terminal.type('C');
    await terminal.waitFor(/are kept/);
    goes.kill('SIGKILL');
    os.setPriority(changes.pid!, 7);
    const comes = start();
    terminal.type('C');
    await terminal.waitFor(/compared {2}\+1 -1 ~1 since/);
    const screen = await terminal.waitFor(line('-', goes, '0'));
    expect(screen).toMatch(line('+', comes, '0'));
    expect(screen).toMatch(line('~', changes, '0→7'));
    expect(screen).not.toContain(String(stays.pid));
    // What has gone can be selected and looked at, too.
    terminal.type(`${KEY.end}d`);
    await terminal.waitFor(/task/);
    terminal.type(KEY.escape);
    terminal.type('C');
    const all = await terminal.waitFor((shown) => shown.includes(String(stays.pid)), 'all rows');
    expect(all).not.toContain('compared');
    expect(all).toContain(String(stays.pid));
    expect(all).not.toContain(String(goes.pid));
  });

  it.each(['json', 'ndjson'])('--baseline compares with a snapshot in %s', async (format) => {
    const [stays, goes, changes] = [start(), start(), start()];
    const file = path.join(dir, `base.${format}`);
    const dump = (...more: string[]) =>
      spawnSync(process.execPath, program('dump', ...args(), '-f', format, '-o', file, ...more), { encoding: 'utf8' });
    expect(dump('--columns', 'pid,comm,nice,tid,start_ns').stderr).toBe('');
    goes.kill('SIGKILL');
    os.setPriority(changes.pid!, 5);
    const comes = start();
    terminal = new TestTerminal(
      process.execPath,
      program(...args(), '--columns', columns, '-d', '0.4', '--baseline', file),
    );
    await terminal.waitFor(/compared {2}\+1 -1 ~1 since base\.n?d?json/);
    const screen = await terminal.waitFor(line('-', goes, '0'));
    for (const wanted of [line('+', comes, '0'), line('-', goes, '0'), line('~', changes, '0→5')])
      expect(screen).toMatch(wanted);
    expect(screen).not.toContain(String(stays.pid));
    terminal.type(KEY.escape);
    await terminal.waitFor(new RegExp(`3 rows[\\s\\S]*${stays.pid}`));
  });

  it('says what a file lacks, and which command writes one', async () => {
    start();
    const file = path.join(dir, 'base.json');
    spawnSync(process.execPath, program('dump', ...args(), '--columns', columns, '-f', 'json', '-o', file));
    terminal = new TestTerminal(process.execPath, program(...args(), '--baseline', file), { cols: 200 });
    expect((await terminal.exited).exitCode).toBe(2);
    expect(terminal.text()).toContain('it lacks tid and start_ns, by which rows are found again');
    expect(terminal.text()).toContain("itertop dump task --columns '+tid,start_ns' --format json -o FILE");
  });
});
