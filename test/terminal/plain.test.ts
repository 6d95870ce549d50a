/** --plain: lines of text through pipes and on a terminal, with commands as lines. */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];

describe.skipIf(skip)('--plain (needs root)', () => {
  const sleepers: ChildProcess[] = [];
  const children: ChildProcess[] = [];
  let terminal: TestTerminal | undefined;
  const pid = (n: number) => sleepers[n]!.pid;
  const sleep = (seconds: number) => spawn('sleep', [String(seconds)], { stdio: 'ignore' });
  const table = () => [
    'task',
    '--columns',
    'pid,comm,cmdline',
    '--sort',
    'pid',
    '--pid',
    sleepers.map((s) => s.pid).join(),
  ];

  beforeAll(() => {
    sleepers.push(sleep(1001), sleep(1002), sleep(1003));
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    terminal?.kill();
    await terminal?.exited;
  });
  afterAll(() => {
    for (const sleeper of sleepers) sleeper.kill('SIGKILL');
  });

  /** @param input null: nothing to read and no end of it */
  async function piped(args: readonly string[], input: string | null, env = {}) {
    const child = spawn(process.execPath, [PROGRAM, '--plain', ...args], {
      env: { ...process.env, LANG: 'C.UTF-8', ...env },
    });
    children.push(child);
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    if (input !== null) child.stdin.end(input);
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { out, code, lines: out.trimEnd().split('\n').slice(1) };
  }

  it('tells the rows, and answers commands one after another', async () => {
    const { lines, code } = await piped(
      [...table(), '-d', '3600'],
      `sort -pid\nwhere pid != ${pid(1)}\nwhere nix == 1\nfilter nix 1\nfilter pid ${pid(0)}\nno such\nview nix\nquit\nsort pid\n`,
    );
    const row = (n: number, i: number) => `${n}. pid ${pid(i)}, comm sleep, cmdline sleep ${1001 + i}`;
    const heading = (rows: string, sort: string) =>
      expect.stringMatching(`^task, ${rows}, sorted by ${sort}, [\\d:]{8}$`);
    expect(lines).toEqual([
      ...[heading('3 rows', 'pid'), row(1, 0), row(2, 1), row(3, 2)],
      ...[heading('3 rows', '-pid'), row(1, 2), row(2, 1), row(3, 0)],
      ...[heading('2 rows', '-pid'), row(1, 2), row(2, 0)],
      // The mistake in the condition, with a caret under it.
      ...lines.slice(
        11,
        lines.findIndex((line) => line.startsWith('there is no filter')),
      ),
      expect.stringMatching(/^there is no filter nix; there are pid/),
      ...[heading('1 row', '-pid'), row(1, 0)],
      'there is no command no; help lists them',
      'there is no table nix; view lists them',
    ]);
    expect(lines.join()).toContain('task has no column "nix"');
    expect(code).toBe(0);
  });

  it('details of a row, at the end of the input it ends', async () => {
    const { lines, code } = await piped([...table(), '-d', '3600'], 'details 2\ndetails 9\n');
    expect(lines).toContain(`pid: ${pid(1)} (process id (tgid))`);
    expect(lines.find((line) => line.startsWith('static_prio: 120'))).toBeDefined();
    expect(lines.at(-1)).toBe('there is no row 9');
    expect(code).toBe(0);
  });

  it('says what changed since: rows that are gone, and that nothing did', async () => {
    const leaving = sleep(1010);
    const pids = `${pid(0)},${leaving.pid}`;
    const child = spawn(process.execPath, [PROGRAM, '--plain', ...table().slice(0, 5), '--pid', pids, '-d', '3600'], {
      env: { ...process.env, LANG: 'C.UTF-8' },
    });
    children.push(child, leaving);
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    const told = async (wanted: RegExp) => {
      for (const end = Date.now() + 15_000; !wanted.test(out); await new Promise((r) => setTimeout(r, 20)))
        if (Date.now() > end) throw new Error(`it never told ${wanted}: ${out}`);
    };
    await told(/sleep 1010\n/);
    child.stdin.write('next\n');
    await told(/\n[\d:]{8}, 2 rows, no change\n/);
    leaving.kill('SIGKILL');
    await new Promise((resolve) => leaving.on('exit', resolve));
    child.stdin.write('pause\nnext\n');
    await told(new RegExp(`\\npaused\\n[\\d:]{8}, 1 row\\ngone: pid ${leaving.pid}`));
    child.stdin.end();
    await new Promise((resolve) => child.on('close', resolve));
  });

  it('does not tell of what is a change itself, or moves by itself', async () => {
    // Shares and rates are empty at first and numbers then; ages grow.
    const columns = 'pid,cpu,minflt_rate,age,comm';
    const { lines } = await piped([...table(), '--columns', columns, '-n', '2', '-d', '1.1'], null);
    expect(lines.slice(1, 4).join()).toMatch(/age \d/);
    expect(lines.slice(4)).toEqual([expect.stringMatching(/^[\d:]{8}, 3 rows, no change$/)]);
  });

  it('-n ends it, whatever there is to read; nothing but ASCII where that is asked for', async () => {
    const { out, code } = await piped([...table(), '-n', '2', '-d', '0.1', '--ascii'], null);
    expect(out.match(/^(task, 3 rows|[\d:]{8}, 3 rows)/gm)).toHaveLength(2);
    expect(out).toMatch(/^[\x20-\x7e\n]*$/);
    expect(code).toBe(0);
  });

  it('on a terminal no cursor is moved and nothing drawn; Ctrl-D ends it', async () => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, '--plain', ...table(), '-d', '3600'], {
      cols: 80,
      rows: 24,
    });
    await terminal.waitFor(/3\. pid/);
    terminal.type('rows 1\r');
    await terminal.waitFor(/first 1\n1\. pid/);
    expect(terminal.output).not.toContain('\x1b');
    expect(terminal.output).not.toMatch(/[\u2500-\u257f]/);
    terminal.type('\x04');
    expect((await terminal.exited).exitCode).toBe(0);
  });
});
