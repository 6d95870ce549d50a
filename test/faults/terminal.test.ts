/** Signals, a terminal that goes, a process that is stopped: the real program gives back what it took, and counts right. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { describeKernel, eventually, PROGRAM } from '../support/kernel.ts';
import { Random } from '../support/random-template.ts';
import { TestTerminal } from '../terminal/terminal.ts';
import { notRestored } from './faulty.ts';

/** Signals sent at random moments of a start, each of the four in turn. */
const SIGNALS = Number(process.env['ITERTOP_SIGNALS'] ?? 12);
const LONG = 40_000;
const NODE = fs.realpathSync(process.execPath);

const open: TestTerminal[] = [];
afterEach(async () => {
  for (const terminal of open.splice(0)) {
    terminal.kill();
    await terminal.exited;
  }
});

/** The program under a shell, which says how the terminal was before and after, and with which code it ended. */
function inShell(command = 'ITERTOP task --interval 0.2'): TestTerminal {
  const program = `"${process.execPath}" "${PROGRAM}"`;
  const script = `ulimit -c 0; echo "before $(stty -g)"; ${command.replace('ITERTOP', program)}; code=$?; echo "after $(stty -g)"; echo "code $code."`;
  const terminal = new TestTerminal('sh', ['-c', script], { cols: 100, rows: 24 });
  open.push(terminal);
  return terminal;
}

/** The program's process, which the shell has started; undefined where there is none. */
function childOf(pid: number): number | undefined {
  try {
    const [first] = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
    const child = Number(first);
    // The shell's own forks have its command line, and with it the program's.
    return child > 0 && fs.readlinkSync(`/proc/${child}/exe`) === NODE ? child : undefined;
  } catch {
    return undefined;
  }
}

const started = (terminal: TestTerminal) =>
  eventually(() => {
    const pid = childOf(terminal.pid);
    if (pid === undefined) throw new Error('it has not started');
    return pid;
  }, LONG);

async function expectRestored(terminal: TestTerminal, code: number): Promise<void> {
  await terminal.exited;
  const { output } = terminal;
  expect(notRestored(output)).toEqual([]);
  expect(terminal.alternate).toBe(false);
  const [before, after] = ['before', 'after'].map((when) => new RegExp(`${when} (\\S+)`).exec(output)?.[1]);
  expect(after).toBe(before);
  expect(before).toMatch(/:/);
  expect(output).toContain(`code ${code}.`);
}

describeKernel('signals', () => {
  test(`${SIGNALS} of them at any moment of the start`, { timeout: SIGNALS * LONG }, async () => {
    const random = new Random(7);
    const first = inShell();
    const begun = performance.now();
    await first.waitFor(/PID USER/, undefined, LONG);
    const start = performance.now() - begun;
    const pid = await started(first);
    process.kill(pid, 'SIGTERM');
    await expectRestored(first, 143);
    for (let i = 0; i < SIGNALS; i++) {
      const signal = (['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)[i % 4]!;
      const terminal = inShell();
      const child = await started(terminal);
      await sleep(random.below(start * 1.2));
      process.kill(child, signal);
      await expectRestored(terminal, 128 + constants.signals[signal]);
    }
  });
});

describeKernel('a terminal that goes', () => {
  test.each([
    ['under a shell', 'exec ITERTOP task --interval 0.2', /PID USER/],
    // No controlling terminal: no signal comes, only errors of read(2) and write(2).
    ['without a signal', 'setsid -w ITERTOP task --interval 0.2', /PID USER/],
    ['without a signal, in plain text', 'setsid -w ITERTOP task --plain --interval 0.2', /sorted by/],
    // Its heading is soon out of sight.
    ['without a signal, a dump', 'setsid -w ITERTOP dump task -n 0 -d 0.1', /^ *\d+ root +-?\d+ /m],
  ])('%s: it ends', { timeout: 3 * LONG }, async (_, command, shown) => {
    const terminal = inShell(command);
    await terminal.waitFor(shown, undefined, LONG);
    const pids = descendants(terminal.pid).filter((pid) => /itertop\.js/.test(read(pid)) && /node/.test(read(pid)));
    expect(pids.length).toBeGreaterThan(0);
    terminal.hangUp();
    await eventually(() => expect(pids.filter(runs)).toEqual([]), LONG);
  });
});

const read = (pid: number) => {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
};
const runs = (pid: number) => read(pid) !== '';

function descendants(pid: number): number[] {
  try {
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => descendants(Number(child))))];
  } catch {
    return [];
  }
}

describeKernel('stopped for a while', () => {
  test('a dump: no burst of refreshes afterwards, and rates over the time that went by', {
    timeout: 3 * LONG,
  }, async () => {
    const busy = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
    const args = [
      'dump',
      'task',
      '--pid',
      String(busy.pid),
      '--columns',
      'pid,cpu',
      '-n',
      '0',
      '-d',
      '0.2',
      '-f',
      'ndjson',
    ];
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
      });
      const lines = () =>
        text
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line));
      const rows = () => lines().filter((line) => 'pid' in line) as { timestamp: string; cpu: number }[];
      await eventually(() => expect(rows().length).toBeGreaterThan(3), LONG);
      child.kill('SIGSTOP');
      await sleep(3000);
      const before = rows().length;
      child.kill('SIGCONT');
      await eventually(() => expect(rows().length).toBeGreaterThan(before + 6), LONG);
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      const all = rows();
      const times = all.map(({ timestamp }) => Date.parse(timestamp));
      const gaps = times.slice(1).map((time, i) => time - times[i]!);
      expect(Math.max(...gaps)).toBeGreaterThan(2500);
      // One comes late and so the next may come early: that is no burst.
      expect(gaps.filter((gap) => gap < 100).length).toBeLessThanOrEqual(2);
      // One thread takes one CPU at most; jiffies are coarse against 0.2 s.
      for (const { cpu } of all) expect(cpu).toBeLessThan(125);
    } finally {
      child.kill('SIGKILL');
      busy.kill('SIGKILL');
    }
  });

  test.each(['SIGSTOP', 'SIGTSTP'] as const)(
    'the explorer by %s: it draws anew and goes on, without a burst',
    { timeout: 3 * LONG },
    async (signal) => {
      const terminal = inShell(`ITERTOP task --pid ${process.pid} --interval 0.2`);
      await terminal.waitFor(/PID USER/, undefined, LONG);
      const pid = await started(terminal);
      process.kill(pid, signal);
      // Of the shell's children a stopped one is waited for on.
      await sleep(5000);
      const before = terminal.output.length;
      process.kill(pid, 'SIGCONT');
      const since = performance.now();
      await terminal.waitFor(() => /PID USER/.test(terminal.output.slice(before)), 'the picture anew', LONG);
      await sleep(1500);
      // Each refresh changes the screen in one piece.
      const pieces = terminal.output.slice(before).split('\x1b[?2026h').length - 1;
      expect(pieces).toBeLessThan((performance.now() - since) / 200 + 14);
      expect(pieces).toBeGreaterThan(0);
      process.kill(pid, 'SIGTERM');
      await expectRestored(terminal, 143);
    },
  );
});
