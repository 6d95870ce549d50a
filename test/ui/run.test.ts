/** The explorer on a real pseudo-terminal, over a made-up kernel (harness.tsx): the ways it ends that need no root. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY, TestTerminal } from '../terminal/terminal.ts';
import { buildHarness } from './harness.mjs';

let dir: string;
let harness: string;
const open: TestTerminal[] = [];

function start(env: Readonly<Record<string, string>> = {}): TestTerminal {
  const terminal = new TestTerminal(process.execPath, [harness], { env });
  open.push(terminal);
  return terminal;
}

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-run-'));
  harness = path.join(dir, 'harness.mjs');
  await buildHarness(harness);
});
afterEach(async () => {
  for (const terminal of open.splice(0)) {
    terminal.kill();
    await terminal.exited;
  }
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

describe('the explorer on a terminal', () => {
  it('starts on the alternate screen and ends on the main one', async () => {
    const terminal = start();
    await terminal.waitFor(/PID USER/);
    expect(terminal.alternate).toBe(true);
    terminal.type('jjq');
    expect((await terminal.exited).exitCode).toBe(0);
    expect(terminal.alternate).toBe(false);
    expect(terminal.text()).toContain('the end');
  });

  it('shows the message of a crash after the terminal is restored', async () => {
    const terminal = start({ CRASH: '2' });
    expect((await terminal.exited).exitCode).toBe(1);
    expect(terminal.alternate).toBe(false);
    expect(terminal.text()).toContain('made to crash');
    expect(terminal.output.indexOf('made to crash')).toBeGreaterThan(terminal.output.lastIndexOf('\x1b[?1049l'));
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ] as const)('ends on %s with status %i', async (signal, status) => {
    const terminal = start();
    await terminal.waitFor(/PID USER/);
    process.kill(terminal.pid, signal);
    expect((await terminal.exited).exitCode).toBe(status);
    expect(terminal.alternate).toBe(false);
    expect(terminal.output.endsWith('\x1b[?25h')).toBe(true);
  });

  it('goes on after Ctrl-Z where no shell could wake it', async () => {
    const terminal = start();
    await terminal.waitFor(/PID USER/);
    terminal.type(KEY.ctrlZ);
    await terminal.waitFor(() => terminal.output.split('\x1b[?1049h').length === 3, 'the alternate screen again');
    terminal.type('v');
    await terminal.waitFor(/VIEW .*SHOWS/);
  });

  it('draws everything anew when it is continued, and on Ctrl-L', async () => {
    const terminal = start();
    await terminal.waitFor(/PID USER/);
    terminal.type(' ');
    await terminal.waitFor(/PAUSED/);
    for (const again of [() => process.kill(terminal.pid, 'SIGCONT'), () => terminal.type('\x0c')]) {
      const before = terminal.output.length;
      again();
      await terminal.waitFor(() => /PID USER/.test(terminal.output.slice(before)), 'the header written again');
    }
  });

  it('writes one screen at most for a burst of keys', async () => {
    const terminal = start();
    await terminal.waitFor(/PID USER/);
    terminal.type(' ');
    await terminal.waitFor(/PAUSED/);
    const before = terminal.output.length;
    terminal.type('j'.repeat(50));
    await terminal.waitFor(() => terminal.output.length > before, 'something new');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(terminal.output.length - before).toBeLessThan(3 * 80 * 24);
  });
});
