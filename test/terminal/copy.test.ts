/** What `y` and `Y` hand to a real terminal, and what the command line gives when it is run. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];

/** Texts that the terminal was told to copy. */
const clipboard = (output: string) =>
  [...output.matchAll(/\x1b\]52;c;([A-Za-z0-9+/=]*)\x07/g)].map(([, base64]) =>
    Buffer.from(base64!, 'base64').toString(),
  );
const trimmed = (line: string) => line.trimEnd();
const cells = (line: string) => line.trim().split(/ +/);

describe.skipIf(skip)('copying in a terminal (needs root)', () => {
  const sleepers: ChildProcess[] = [];
  let pids: string;
  let terminal: TestTerminal | undefined;

  beforeAll(() => {
    for (const seconds of [1001, 1002, 1003, 1004])
      sleepers.push(spawn('sleep', [String(seconds)], { stdio: 'ignore' }));
    pids = sleepers.map(({ pid }) => pid).join();
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
  });
  afterAll(() => {
    for (const sleeper of sleepers) sleeper.kill('SIGKILL');
  });

  function itertop(...args: string[]): TestTerminal {
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols: 100, rows: 24 });
    return terminal;
  }

  it('a row goes to the clipboard, and the picture stays as it was', async () => {
    const shown = itertop('task', '--pid', pids, '--columns', 'pid,user,comm,cmdline', '--sort', 'pid', '-d', '3600');
    await shown.waitFor(/sleep 1004/);
    shown.type(KEY.down);
    shown.type(KEY.down);
    // The second row is marked: what is drawn for that is drawn.
    await shown.waitFor(() => /\x1b\[7m[^\x1b]*1002/.test(shown.output), 'the second row marked');
    const before = shown.lines();
    const from = shown.output.length;
    shown.type('y');
    const screen = await shown.waitFor(/copied for the terminal's clipboard: 4 cells of/);
    expect(clipboard(shown.output)).toEqual([`${sleepers[1]!.pid}\troot\tsleep\tsleep 1002`]);
    // Only the second line was drawn for it.
    expect(screen.split('\n').slice(2).map(trimmed)).toEqual(before.slice(2).map(trimmed));
    expect(shown.output.slice(from)).not.toContain('sleep 100');
  });

  it('the command line of Y, run in a shell, gives the rows of the screen', async () => {
    const shown = itertop(
      ...['task', '--pid', pids, '--columns', 'pid,ppid,comm,low=task->static_prio:int,double=sub(low, ppid)'],
      ...['--where', 'comm == "sleep" && low > 1', '--sort=-cmdline', '--no-kthreads', '--netns', 'self'],
    );
    await shown.waitFor((s) => (s.match(/ sleep /g) ?? []).length === 4, 'four rows');
    // What was changed by keys counts, too.
    shown.type('/');
    shown.type(`!${sleepers[2]!.pid}`);
    shown.type(KEY.enter);
    await shown.waitFor((s) => (s.match(/ sleep /g) ?? []).length === 3, 'three rows');
    shown.type('I');
    await shown.waitFor(/by cmdline ▲/);
    const at = (s: string, sleeper: number) => s.indexOf(` ${sleepers[sleeper]!.pid} `);
    const screen = await shown.waitFor((s) => at(s, 0) > 0 && at(s, 0) < at(s, 3), 'the rows the other way round');
    shown.type('Y');
    const pane = await shown.waitFor(/itertop dump task/);
    expect(pane).toContain('The same rows without a screen');
    const [command] = clipboard(shown.output);
    // As it stands on the screen it is the same command.
    const text = pane.split('\n');
    const first = text.findIndex((line) => line.startsWith('itertop dump'));
    expect(
      text
        .slice(first, -1)
        .join('\n')
        .replace(/ \\\n {2}/g, ' ')
        .trim(),
    ).toBe(command);

    const printed = execFileSync('sh', ['-c', `itertop() { "${process.execPath}" "${PROGRAM}" "$@"; }; ${command}`], {
      encoding: 'utf8',
    });
    const rows = (lines: string[]) => lines.filter((line) => / sleep /.test(line)).map(cells);
    const expected = rows(screen.split('\n').slice(3));
    expect(expected.map(([pid]) => Number(pid))).toEqual([0, 1, 3].map((i) => sleepers[i]!.pid));
    expect(rows(printed.split('\n').slice(2))).toEqual(expected);
    shown.type(KEY.escape);
    await shown.waitFor((s) => !s.includes('itertop dump'), 'the table again');
  });
});
