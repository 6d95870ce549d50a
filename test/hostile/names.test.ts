/**
 * Real objects of the kernel whose names are what a terminal would obey: by no way out does one of them reach it, the
 * columns stay where they are, and files hold what the kernel has.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { foreign } from '../support/foreign.ts';
import { COMM, HOSTILE_BYTES, HostileObjects } from '../support/hostile-objects.ts';
import { HOSTILE_TEXTS, OBEYED } from '../support/hostile-texts.ts';
import { describeKernel } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from '../terminal/terminal.ts';

const PATIENCE = 90_000;
/** Of the form of its own sequences, but none of them. */
const REFUSED = /\x1b\[31;5m|\x1b\[2J|(?:\x1b\]|\x9d)52;[^;]*;cHduZWQ=/;

it.each(Object.entries(HOSTILE_TEXTS).filter(([, text]) => OBEYED.test(text.replace(/[\r\n]/g, ''))))(
  '%s would be noticed',
  (_, text) => {
    const seen = foreign(`\x1b[2;5H\x1b[7m${text}\x1b[m`).length > 0 || REFUSED.test(text);
    expect(seen).toBe(true);
  },
);

describeKernel('hostile names', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-names-'));
  const objects = new HostileObjects();
  let pids = '';
  let pinned: string | undefined;
  let groups = 0;
  let terminal: TestTerminal | undefined;

  beforeAll(async () => {
    await objects.processes();
    pids = objects.pids.join();
    groups = objects.cgroups();
    pinned = objects.elements();
  }, 120_000);
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
    terminal = undefined;
  });
  afterAll(async () => {
    await objects[Symbol.asyncDispose]();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const env = { HOME: folder, XDG_CONFIG_HOME: folder };
  function itertop(args: readonly string[], size: { cols?: number; rows?: number } = {}): TestTerminal {
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols: 160, rows: 50, ...size, env });
    return terminal;
  }
  function run(...args: string[]) {
    const { stdout, stderr, status } = spawnSync(process.execPath, [PROGRAM, ...args], {
      ...{ encoding: 'utf8', cwd: folder, env: { ...process.env, ...env }, maxBuffer: 1 << 28, timeout: PATIENCE },
    });
    expect(status, stderr).toBe(0);
    return { stdout, stderr };
  }
  function nothingForeign(output: string): void {
    expect(foreign(output)).toEqual([]);
    expect(output).not.toMatch(REFUSED);
  }

  const TABLES: readonly (readonly [what: string, args: () => string[], rows: number])[] = [
    [
      'processes',
      () => ['task', '--pid', pids, '--columns', 'pid,comm,cmdline,exe=d_path(task->mm->exe_file->f_path)'],
      HOSTILE_BYTES.length,
    ],
    ['files', () => ['task_file', '--pid', pids, '--columns', 'pid,comm,fd,name'], HOSTILE_BYTES.length * 5],
    [
      'sockets',
      () => ['unix', '--where', `pid in (${pids})`, '--columns', 'inode,pid,command,path'],
      HOSTILE_BYTES.length,
    ],
    ['cgroups', () => ['cgroup', '--search', 'itertop-hostile', '--columns', 'id,path'], 1],
    ['elements of a map', () => ['bpf_map_elem', '--map', 'hostile'], HOSTILE_BYTES.length],
    ['maps', () => ['bpf_map', '--search', 'hostile', '--columns', 'id,name,pinned'], 1],
  ];

  it.each(TABLES)('%s as files and pipes', { timeout: PATIENCE * 3 }, (what, args, rows) => {
    if (what === 'cgroups' && groups === 0) return;
    for (const format of ['table', 'csv', 'json', 'ndjson']) {
      const { stdout, stderr } = run('dump', ...args(), '--format', format);
      expect(stdout).not.toMatch(OBEYED);
      expect(stderr).not.toMatch(OBEYED);
      if (format === 'json') expect(JSON.parse(stdout).rows.length).toBeGreaterThanOrEqual(rows);
      if (format === 'ndjson') for (const line of stdout.trimEnd().split('\n')) JSON.parse(line);
      if (format === 'csv') {
        const lines = stdout
          .trimEnd()
          .split('\n')
          .filter((line) => !line.startsWith('#'));
        expect(lines.length - 1).toBeGreaterThanOrEqual(rows);
      }
    }
  });

  it('JSON has the names of processes exactly', { timeout: PATIENCE }, () => {
    const { stdout } = run('dump', 'task', '--pid', pids, '--columns', 'pid,comm,cmdline', '--format', 'json');
    const { rows } = JSON.parse(stdout) as { rows: { pid: number; comm: string | null; cmdline: string }[] };
    let exact = 0;
    for (const [i, bytes] of HOSTILE_BYTES.entries()) {
      const row = rows.find(({ pid }) => pid === objects.pids[i])!;
      const comm = bytes.subarray(0, COMM);
      // Characters that were cut in the middle, and bytes that are none, are written as \xNN.
      const text = comm.toString();
      if (!text.includes('\ufffd')) {
        expect(row.comm).toBe(text);
        exact++;
      } else expect(row.comm).toMatch(/\\x[0-9a-f]{2}/);
      if (!bytes.toString().includes('\ufffd')) expect(row.cmdline).toContain(bytes.toString());
    }
    expect(exact).toBeGreaterThan(10);
  });

  it.each(TABLES)('%s on a terminal, as one table', { timeout: PATIENCE }, async (what, args) => {
    if (what === 'cgroups' && groups === 0) return;
    const shown = itertop(['dump', ...args()]);
    const { exitCode } = await shown.exited;
    expect(exitCode, shown.output).toBe(0);
    nothingForeign(shown.output);
  });

  it.each(TABLES)(
    '%s in the explorer: columns in their places, details, groups, copies',
    { timeout: PATIENCE * 3 },
    async (what, args) => {
      if (what === 'cgroups' && groups === 0) return;
      const shown = itertop([...args(), '-d', '3600']);
      await shown.waitFor(/\\x1b|hostile/, 'rows', PATIENCE);
      // Each key where the one before has shown something: what that is depends on the table.
      const sequence = [
        'd',
        KEY.tab,
        KEY.down,
        KEY.down,
        'y',
        KEY.tab,
        KEY.escape,
        'y',
        'Y',
        KEY.down,
        'b',
        KEY.enter,
        KEY.escape,
      ];
      for (const key of [
        ...sequence,
        'x',
        '/',
        'x',
        '1',
        KEY.enter,
        KEY.escape,
        KEY.escape,
        'p',
        KEY.escape,
        's',
        KEY.escape,
      ]) {
        shown.type(key);
        await new Promise((done) => setTimeout(done, 150));
      }
      await shown.settled();
      nothingForeign(shown.output);
      // Nothing that was drawn bit by bit differs from what is drawn at once.
      const before = shown.cells();
      shown.type('\x0c');
      await shown.settled();
      expect(shown.cells()).toEqual(before);
      shown.type('\x1b');
      await shown.settled();
      shown.type('q');
      expect((await shown.exited).exitCode).toBe(0);
      nothingForeign(shown.output);
    },
  );

  it('what follows a hostile name stands in its column', { timeout: PATIENCE }, async () => {
    const shown = itertop(['task', '--pid', pids, '--columns', 'pid,comm,ppid', '--sort', 'pid', '-d', '3600']);
    await shown.waitFor(/\\x1b\[31/, 'the first name', PATIENCE);
    await shown.settled();
    const ppid = String(process.pid);
    const ends = objects.pids.map((pid) => {
      const y = shown.lines().findIndex((line) => line.includes(` ${pid} `));
      return y < 0 ? -1 : shown.columnOf(y, ppid, 12);
    });
    expect(new Set(ends).size).toBe(1);
    expect(ends[0]).toBeGreaterThan(12);
  });

  it('as a tree, beside another table, in plain lines, without UTF-8', { timeout: PATIENCE * 4 }, async () => {
    const ways: [string[], NodeJS.ProcessEnv][] = [
      [['task', '--tree', '--pid', pids, '--columns', 'comm,pid,cmdline'], {}],
      [['task', '--pid', pids, '--split', 'files', '--columns', 'comm,pid,cmdline'], {}],
      [['task', '--pid', pids, '--group', 'comm'], {}],
      [['task', '--pid', pids, '--columns', 'comm,pid,cmdline', '--ascii'], {}],
      [['task', '--pid', pids, '--columns', 'comm,pid,cmdline'], { LANG: 'C', LC_ALL: 'C' }],
      [['--plain', 'task', '--pid', pids, '--columns', 'comm,pid,cmdline'], {}],
    ];
    for (const [args, more] of ways) {
      const shown = new TestTerminal(process.execPath, [PROGRAM, ...args, '-d', '3600'], {
        ...{ cols: 120, rows: 40, env: { ...env, ...more } },
      });
      terminal = shown;
      await shown.waitFor(/\\x1b/, `rows of ${args.join(' ')}`, PATIENCE);
      await shown.settled();
      nothingForeign(shown.output);
      shown.kill();
      await shown.exited;
    }
  });

  it('recorded and replayed they are the same', { timeout: PATIENCE * 3 }, async () => {
    const file = path.join(folder, 'names\x1b]0;pwned\x07.itertop');
    const columns = 'pid,comm,cmdline';
    const recorded = run('record', 'task', '--pid', pids, '--columns', columns, '-n', '2', '-d', '0.2', '-o', file);
    expect(recorded.stderr).not.toMatch(OBEYED);
    const live = run('dump', 'task', '--pid', pids, '--columns', columns, '--sort', 'pid', '--format', 'csv');
    const replayed = run('dump', '--replay', file, '--columns', columns, '--sort', 'pid', '--format', 'csv');
    const rowsOf = (csv: string) => csv.split('\n').filter((line) => !line.startsWith('#'));
    expect(rowsOf(replayed.stdout)).toEqual(rowsOf(live.stdout));
    const shown = itertop(['replay', file]);
    await shown.waitFor(/\\x1b/, 'rows', PATIENCE);
    for (const key of [' ', 'Y', KEY.escape, 'd', KEY.escape]) {
      shown.type(key);
      await new Promise((done) => setTimeout(done, 200));
    }
    await shown.settled();
    nothingForeign(shown.output);
  });

  it('a map is opened by its hostile path, and the command line for it is quoted', {
    timeout: PATIENCE * 2,
  }, async () => {
    if (pinned === undefined) return;
    const shown = itertop(['bpf_map_elem', '--map', pinned, '-d', '3600']);
    await shown.waitFor(/packets/i, 'its columns', PATIENCE);
    shown.type('Y');
    await shown.waitFor(/\\033\]0;pwned\\007/, 'the quoted path', PATIENCE);
    await shown.settled();
    nothingForeign(shown.output);
  });
});
