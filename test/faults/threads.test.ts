/** A thread that dies: the one that reads is begun anew and leaves nothing behind, the other one restores the terminal. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Recording } from '../../src/state/recording.ts';
import { describeKernel, eventually } from '../support/kernel.ts';
import { run } from '../support/program.ts';
import { KEY } from '../terminal/terminal.ts';
import { Faulty, notRestored } from './faulty.ts';
import { heldBy, LoadedObjects } from './loaded.ts';

const LONG = 40_000;
const ME = ['task', '--pid', String(process.pid), '--interval', '0.2'];

describeKernel('the thread that reads', () => {
  test.each([
    ['worker:throw', {}, 'made to fail'],
    ['worker:exit', {}, 'its thread ended with code 7'],
    ['worker:oom', { NODE_OPTIONS: '--max-old-space-size=80' }, 'its memory was not enough'],
  ])('%s: it is begun anew, and what it held in the kernel is gone', { timeout: 2 * LONG }, async (fault, env, why) => {
    using objects = new LoadedObjects();
    using faulty = new Faulty(fault, ME, env);
    const { terminal } = faulty;
    await terminal.waitFor(/PID USER/, undefined, LONG);
    const had = heldBy(terminal.pid);
    expect(had.prog.size).toBeGreaterThan(0);
    faulty.happen();
    await terminal.waitFor(new RegExp(`reading begins anew.*: ${why}`), undefined, LONG);
    await objects.gone(had);
    // It goes on: another question is answered by the new thread.
    terminal.type(':udp\r');
    await terminal.waitFor(/^udp /m, undefined, LONG);
    expect(heldBy(terminal.pid).prog.size).toBeLessThanOrEqual(had.prog.size + 3);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
    expect(notRestored(terminal.output)).toEqual([]);
  });

  test('dies again and again: that is said, a refresh tries again, and q still quits', {
    timeout: 3 * LONG,
  }, async () => {
    using faulty = new Faulty('worker:exit', ME, { FAULT_STAYS: '1' });
    const { terminal } = faulty;
    await terminal.waitFor(/PID USER/, undefined, LONG);
    faulty.happen();
    await terminal.waitFor(/reading has ended: its thread ended with code 7/, undefined, LONG);
    faulty.pass();
    terminal.type('r');
    await terminal.waitFor((screen) => !/reading has ended/.test(screen), 'no error any more', LONG);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  test('one that hangs keeps nobody from quitting', { timeout: 2 * LONG }, async () => {
    using faulty = new Faulty('worker:spin', ME);
    const { terminal } = faulty;
    await terminal.waitFor(/PID USER/, undefined, LONG);
    faulty.happen();
    terminal.type('v');
    await terminal.waitFor(/VIEW .*SHOWS/, undefined, LONG);
    terminal.type(KEY.escape);
    await terminal.waitFor((screen) => !/SHOWS/.test(screen), 'the table again', LONG);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
    expect(notRestored(terminal.output)).toEqual([]);
  });

  test('with a replay: the same moment is looked at', { timeout: 2 * LONG }, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-threads-'));
    try {
      const file = path.join(folder, 'r.itertop');
      const me = String(process.pid);
      expect(run(['record', 'task', '--pid', me, '-n', '9', '-d', '0.1', '-o', file]).code).toBe(0);
      using recording = new Recording(file);
      const moment = new Date(recording.times[5]!).toISOString();
      using faulty = new Faulty('worker:throw', ['replay', file, '--at', moment]);
      const { terminal } = faulty;
      const at = /\b6 of 9|6\/9/;
      await terminal.waitFor(at, undefined, LONG);
      faulty.happen();
      await terminal.waitFor(/reading begins anew: made to fail/, undefined, LONG);
      await terminal.waitFor(at, undefined, LONG);
      terminal.type(']');
      await terminal.waitFor(/\b7 of 9|7\/9/, undefined, LONG);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});

describeKernel('the thread that draws', () => {
  // The last one is what a system without BTF would throw, too: there is one, as the table has been seen.
  test.each(['main:throw', 'main:reject', 'draw'])(
    '%s: the terminal is restored, then the message',
    { timeout: 2 * LONG },
    async (fault) => {
      using objects = new LoadedObjects();
      using faulty = new Faulty(fault, ME);
      const { terminal } = faulty;
      await terminal.waitFor(/PID USER/, undefined, LONG);
      const had = heldBy(terminal.pid);
      faulty.happen();
      expect((await terminal.exited).exitCode).toBe(1);
      expect(terminal.alternate).toBe(false);
      expect(notRestored(terminal.output)).toEqual([]);
      const end = terminal.output.slice(terminal.output.lastIndexOf('\x1b[?1049l'));
      expect(end).toContain('itertop: the explorer failed: made to fail; --debug shows where\r\n');
      expect(end).not.toMatch(/sample|await/);
      await eventually(() => objects.gone(had));
    },
  );
});
