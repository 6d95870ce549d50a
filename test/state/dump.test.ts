import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeKernel, eventually, PROGRAM } from '../support/kernel.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-dump-'));
const at = (name: string) => path.join(dir, name);
const run = (args: readonly string[], through: readonly string[] = []) => {
  const [command, ...rest] = [...through, process.execPath, PROGRAM, ...args];
  const { status, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8', maxBuffer: 1 << 28, cwd: dir });
  return { status, stdout, stderr };
};
const begin = (args: readonly string[], options: SpawnOptions = {}) =>
  spawn(process.execPath, [PROGRAM, ...args], { cwd: dir, ...options });
/** [code, signal], also of one that has ended already. */
const ended = async (child: ReturnType<typeof begin>) => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return [child.exitCode, child.signalCode];
};
/** What is being written has no name yet: it is seen through the program's descriptor. Throws where there is none. */
const unfinished = ({ pid }: ReturnType<typeof begin>) => {
  const fds = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`);
  const [found] = fds.filter((fd) => fs.readlinkSync(fd).startsWith(`${dir}/`));
  if (found === undefined) throw new Error('it is not there yet');
  return found;
};
const me = String(process.pid);

describeKernel('itertop dump', () => {
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  test('a table of this process', () => {
    const { status, stdout, stderr } = run(['dump', 'task', '-p', me, '--columns', 'pid,comm,nice']);
    expect([status, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(new RegExp(`^itertop task {2}1 row of \\d+ visited .*pid ${me} \\[link\\]$`));
    expect(lines[1].trim().split(/\s+/)).toEqual(['PID', 'COMM', 'NI']);
    expect(lines[2].trim().split(/\s+/)[0]).toBe(me);
  });

  test.each(['csv', 'json', 'ndjson'])('%s has the same rows', (format) => {
    const { stdout } = run(['dump', 'task', '-p', me, '--columns', 'pid,ppid', '-f', format]);
    const row =
      format === 'csv'
        ? stdout.trimEnd().split('\n').at(-1)!.split(',').map(Number)
        : Object.values<number>(
            format === 'json' ? JSON.parse(stdout).rows[0] : JSON.parse(stdout.trimEnd().split('\n').at(-1)!),
          );
    expect(row).toEqual([process.pid, process.ppid]);
  });

  test('sort and search', () => {
    const { stdout } = run(['dump', 'task', '--columns', 'pid', '--sort', '-pid', '-f', 'ndjson']);
    const pids = stdout
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((l) => JSON.parse(l).pid);
    expect(pids).toEqual([...pids].sort((a, b) => b - a));
    const found = run(['dump', 'task', '--columns', 'pid', '--search', `^${me} $`, '-f', 'json']).stdout;
    expect(JSON.parse(found)).toMatchObject({ header: { search: `^${me} $`, rows: 1 }, rows: [{ pid: process.pid }] });
  });

  test('rates have values in the first snapshot, as two readings are made', () => {
    const { stdout } = run(['dump', 'task', '-p', me, '--columns', 'pid,csw_rate,cpu', '-f', 'json']);
    const [row] = JSON.parse(stdout).rows;
    expect([typeof row.csw_rate, typeof row.cpu]).toEqual(['number', 'number']);
  });

  test('several snapshots at an interval', () => {
    const started = performance.now();
    const { stdout } = run(['dump', 'task', '-p', me, '--columns', 'pid', '-n', '3', '-d', '0.2', '-f', 'json']);
    expect(performance.now() - started).toBeGreaterThan(400);
    const list = JSON.parse(stdout);
    expect(list.length).toBe(3);
    const times = list.map((s: { header: { time: string } }) => new Date(s.header.time).getTime());
    // One may come late, and the next early for that: the two together take their time.
    expect(times[2] - times[0]).toBeGreaterThan(200);
  });

  test('a file: whole, private, not replaced unless forced', () => {
    expect(run(['dump', 'task', '-p', me, '-f', 'json', '-o', 'a.json'])).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
    expect(fs.statSync(at('a.json')).mode & 0o777).toBe(0o600);
    expect(JSON.parse(fs.readFileSync(at('a.json'), 'utf8')).rows.length).toBe(1);
    const again = run(['dump', 'tcp', '-f', 'json', '-o', 'a.json']);
    expect([again.status, again.stderr]).toEqual([
      2,
      `itertop: ${at('a.json')} exists already; choose another name, or --force to replace it\n`,
    ]);
    expect(JSON.parse(fs.readFileSync(at('a.json'), 'utf8')).header.template).toBe('task');
    expect(run(['dump', 'tcp', '-f', 'json', '-o', 'a.json', '--force']).status).toBe(0);
    expect(JSON.parse(fs.readFileSync(at('a.json'), 'utf8')).header.template).toBe('tcp');
    expect(run(['dump', 'task', '-o', 'no/such/folder']).status).toBe(2);
    expect(fs.readdirSync(dir)).toEqual(['a.json']);
  });

  test('whoever reads stops reading: it ends quietly with 0', async () => {
    for (const format of ['table', 'json']) {
      const child = begin(['dump', 'task_file', '-n', '0', '-d', '0.1', '-f', format], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stderr = '';
      child.stderr!.on('data', (d) => {
        stderr += d;
      });
      await Promise.race([once(child.stdout!, 'data'), ended(child)]);
      child.stdout!.destroy();
      const [code, signal] = await ended(child);
      expect([format, code, signal, stderr]).toEqual([format, 0, null, '']);
    }
  });

  test('also while it waits for a reader that is slow', async () => {
    const child = begin(['dump', 'task_file', '-n', '0', '-d', '0.1', '-f', 'ndjson'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr!.on('data', (d) => {
      stderr += d;
    });
    // The pipe fills up and nobody takes anything.
    await sleep(1500);
    child.stdout!.destroy();
    const [code, signal] = await ended(child);
    expect([code, signal, stderr]).toEqual([0, null, '']);
  });

  test('a slow reader gets everything, and no warning', async () => {
    const child = begin(['dump', 'task_file', '-n', '12', '-d', '0.1', '-f', 'ndjson'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr!.on('data', (d) => {
      stderr += d;
    });
    let text = '';
    child.stdout!.on('data', (d) => {
      text += d;
      child.stdout!.pause();
      setTimeout(() => child.stdout!.resume(), 5);
    });
    const [code] = await once(child, 'close');
    expect([code, stderr]).toEqual([0, '']);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((l) => JSON.parse(l));
    expect(lines.filter((l) => l.itertop).length).toBe(12);
    expect(lines.length - 12).toBe(lines.reduce((sum, l) => sum + (l.itertop?.rows ?? 0), 0));
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it after what was read; a file is whole', async (signal) => {
    const child = begin([
      'dump',
      'task',
      '-n',
      '0',
      '-d',
      '0.2',
      '--columns',
      'pid',
      '-f',
      'json',
      '-o',
      `${signal}.json`,
    ]);
    await eventually(() => {
      const text = fs.readFileSync(unfinished(child), 'utf8');
      expect(text.split('"header"').length).toBeGreaterThan(2);
    });
    expect(fs.existsSync(at(`${signal}.json`))).toBe(false);
    child.kill(signal);
    const [code] = await ended(child);
    expect(code).toBe(0);
    expect(JSON.parse(fs.readFileSync(at(`${signal}.json`), 'utf8')).length).toBeGreaterThan(1);
    expect(fs.readdirSync(dir).filter((n) => n.startsWith('.'))).toEqual([]);
  });

  test('SIGINT before the first snapshot: a file with one is still written', async () => {
    // Rates make it wait between two readings.
    const child = begin(['dump', 'task', '-p', me, '--columns', 'pid,cpu', '-f', 'json', '-o', 'early.json']);
    await eventually(() => unfinished(child));
    await sleep(40);
    child.kill('SIGINT');
    const [code] = await ended(child);
    expect(code).toBe(0);
    expect(JSON.parse(fs.readFileSync(at('early.json'), 'utf8')).rows.length).toBe(1);
  });

  test('a killed one leaves no file under the name', async () => {
    const child = begin(['dump', 'task', '-n', '0', '-d', '0.1', '-o', 'killed']);
    await eventually(() => unfinished(child));
    child.kill('SIGKILL');
    await ended(child);
    expect(fs.existsSync(at('killed'))).toBe(false);
  });
});

describeKernel('what goes wrong, in words and exit codes', () => {
  beforeAll(() => fs.mkdirSync(dir, { recursive: true }));
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  test.each<[string, readonly string[], RegExp]>([
    ['a template', ['dump', 'taks'], /^itertop: there is no template or command "taks"; did you mean task/],
    ['a column', ['dump', 'task', '--columns', 'pid,cmdlin'], /^itertop: .*task has no column .cmdlin.; .*cmdline/],
    ['a sort', ['dump', 'task', '--sort', 'nicee'], /^itertop: .*task has no column .nicee.; .*nice/],
    ['a filter that it does not have', ['dump', 'task', '--port', '80'], /^itertop: .*task.*port.*pid, user/],
    ['a PID', ['dump', 'task', '-p', 'abc'], /^itertop: pid: 'abc' is not a number or range/],
    ['a user', ['dump', 'task', '-u', 'no-such-user'], /^itertop: user: there is no user 'no-such-user'/],
    ['a search', ['dump', 'task', '--search', '('], /^itertop: search: /],
    ['a format', ['dump', 'task', '-f', 'xml'], /^itertop: --format xml: it is one of csv, json, ndjson, table/],
    ['a count', ['dump', 'task', '-n', '-1'], /^itertop: /],
    ['an interval', ['dump', 'task', '-d', '0'], /^itertop: --interval: 0 is out of bounds; /],
    [
      'no interval',
      ['dump', 'task', '-d', '1h'],
      /^itertop: --interval: '1h' is not a time; write seconds .* 500ms, 1m/,
    ],
    ['an option', ['dump', 'task', '--colums', 'pid'], /^itertop: there is no option --colums; did you mean --columns/],
    [
      '65 values',
      ['dump', 'task', '-p', Array.from({ length: 65 }, (_, i) => i + 1).join()],
      /^itertop: pid: 65 values, but at most 64/,
    ],
  ])('%s that does not exist: exit code 2, in words', (_, args, words) => {
    const { status, stdout, stderr } = run(args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(words);
    // At most the text and a mark under its place follow; never a stack.
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  const help = [
    '  what helps: run it as root: sudo itertop; or once, with a copy of Node that only you may run:',
    `    install -m 700 ${process.execPath} ~/.itertop-node && sudo setcap cap_bpf,cap_perfmon=ep ~/.itertop-node`,
    `    ~/.itertop-node --disable-sigusr1 ${PROGRAM}`,
    '',
  ].join('\n');
  const bpf = 'missing CAP_BPF: this process may not load BPF programs\n';
  const perfmon = 'missing CAP_PERFMON: this process may not load BPF programs that read kernel memory\n';
  test.each<[string, string, string]>([
    ['no CAP_BPF', '-bpf,-sys_admin', bpf],
    ['no CAP_PERFMON', '-perfmon,-sys_admin', perfmon],
    ['neither', '-bpf,-perfmon,-sys_admin', bpf + perfmon],
    ['no capability at all', '-all', bpf + perfmon],
  ])('%s: exit code 3, what is missing and what helps', (_, set, missing) => {
    const { status, stdout, stderr } = run(
      ['dump', 'task', '--columns', 'pid'],
      ['setpriv', `--bounding-set=${set}`, `--inh-caps=${set}`],
    );
    expect([status, stdout]).toEqual([3, '']);
    const [first, ...rest] = stderr.split('\n');
    expect(first).toMatch(
      /^itertop: BPF_\w+: EPERM \(1\): not permitted; CAP_BPF and CAP_PERFMON are needed \(or root\)$/,
    );
    expect(rest.join('\n')).toBe(missing + help);
  });

  test('CAP_BPF and CAP_PERFMON are enough', () => {
    const caps = '-all,+bpf,+perfmon,+dac_read_search';
    const { status, stdout, stderr } = run(
      ['dump', 'task', '-p', me, '--columns', 'pid,comm', '-f', 'json'],
      ['setpriv', `--bounding-set=${caps}`, `--inh-caps=${caps}`],
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout).rows.length).toBe(1);
  });

  test('a full disk is exit code 1 in one line, and leaves nothing', () => {
    const { status, stderr } = run(['dump', 'task', '-o', '/dev/full/x']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^itertop: cannot write \/dev\/full\/x: /);
    const full = spawnSync('sh', ['-c', `exec "$0" "$1" dump task -f json >/dev/full`, process.execPath, PROGRAM], {
      encoding: 'utf8',
    });
    expect(full.status).toBe(1);
    expect(full.stderr).toMatch(/^itertop: .*ENOSPC[^\n]*\n$/);
  });
});
