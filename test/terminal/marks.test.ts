/** What changes and what is marked, in the real program: processes that the test starts and ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { skip } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

describe.skipIf(skip)('marks in a terminal', () => {
  let dir: string;
  let terminal: TestTerminal;
  let sleepers: ChildProcess[];
  /** Processes of this name alone are shown. */
  let name: string;

  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-marks-'));
    name = `mk${process.pid}`;
    fs.symlinkSync('/bin/sleep', path.join(dir, name));
    sleepers = [];
  });
  afterEach(async () => {
    terminal.kill();
    await terminal.exited;
    for (const child of sleepers) child.kill('SIGKILL');
    fs.rmSync(dir, { recursive: true, force: true });
  });

  function start(): ChildProcess {
    const child = spawn(path.join(dir, name), ['1000'], { stdio: 'ignore' });
    sleepers.push(child);
    return child;
  }
  function open(...args: string[]): void {
    const shown = ['task', '--where', `comm == "${name}"`, '--columns', 'pid,comm,virt', '--sort', 'pid'];
    terminal = new TestTerminal(process.execPath, [
      PROGRAM,
      ...shown,
      ...(args.includes('-d') ? [] : ['-d', '0.4']),
      ...args,
    ]);
  }

  it('a row that comes has a +, one that goes a - for one refresh', async () => {
    const first = start();
    // The sign stays for one refresh: long enough to be seen on a machine that is at work.
    open('-d', '2');
    await terminal.waitFor(new RegExp(`^ +${first.pid} ${name}`, 'm'));
    const second = start();
    await terminal.waitFor(new RegExp(`2 rows {2}\\+1[\\s\\S]*^\\+ *${second.pid} ${name}`, 'm'));
    await terminal.waitFor(new RegExp(`^ +${second.pid} ${name}`, 'm'));
    first.kill('SIGKILL');
    await terminal.waitFor(new RegExp(`1 row {2}-1[\\s\\S]*^- *${first.pid} ${name}`, 'm'));
    await terminal.waitFor((screen) => !screen.includes(String(first.pid)), 'no trace of it');
  });

  it('marked rows are shown alone, exported alone, and go with their objects', async () => {
    const [first, second, third] = [start(), start(), start()];
    open();
    await terminal.waitFor(/3 rows/);
    terminal.type('jjm');
    await terminal.waitFor(new RegExp(`^\\* *${second.pid}`, 'm'));
    terminal.type('M');
    await terminal.waitFor(/1 of 3 rows[\s\S]*only 1 marked/);
    expect(terminal.text()).not.toContain(String(third.pid));
    const file = path.join(dir, 'marked.csv');
    terminal.type(`M${KEY.end}e`);
    await terminal.waitFor(/Export to a file/);
    terminal.type(`${KEY.up}${KEY.right}${KEY.down}${KEY.ctrlU}${file}\r`);
    await terminal.waitFor(/1 row written/);
    const rows = fs
      .readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => /^\d/.test(line));
    expect(rows.map((row) => row.split(',')[0])).toEqual([String(second.pid)]);
    second.kill('SIGKILL');
    await terminal.waitFor(/1 marked row is gone/);
    await terminal.waitFor(new RegExp(`2 rows[\\s\\S]*${first.pid}`));
    expect(terminal.text()).not.toMatch(/\d marked$/m);
  });

  it('x shows every byte', async () => {
    const child = start();
    open();
    await terminal.waitFor(new RegExp(`${child.pid} ${name} +\\d+(\\.\\d)?[KM]`));
    terminal.type('x');
    const screen = await terminal.waitFor(/VIRT\[bytes\]/);
    const virt = Number(new RegExp(`${child.pid} ${name} +(\\d+)`).exec(screen)?.[1]);
    const [pages] = fs.readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ');
    expect(virt).toBe(Number(pages) * 4096);
  });
});
