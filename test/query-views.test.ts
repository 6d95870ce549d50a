/** Questions over a data set of several hosts, kernels, days and columns, made by hand. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Made, parquetFiles, write } from './support/dataset.ts';
import { openDuckDb, quoted } from './support/duckdb.ts';
import { PROGRAM } from './support/kernel.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-views-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const run = (folder: string, ...args: string[]) =>
  spawnSync(process.execPath, [PROGRAM, 'query', folder, ...args], { encoding: 'utf8' });
function ask(folder: string, sql: string): Record<string, unknown>[] {
  const { stdout, stderr } = run(folder, sql, '-f', 'json');
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}
let folders = 0;
const set = (...made: readonly Made[]) => {
  const folder = path.join(dir, `set ${folders++}`);
  write(folder, ...made);
  return folder;
};

const TASK = {
  tid: { type: 'u32' },
  start_ns: { type: 'u64' },
  pid: { type: 'u32' },
  rss: { type: 'u64' },
  comm: { type: 'text' },
} as const;
type Process = readonly [pid: number, rss: number, comm: string];
const tasks = (host: string, time: string, ...processes: readonly Process[]): Made => ({
  ...{ template: 'task', key: ['tid', 'start_ns'], host, time, columns: TASK },
  rows: processes.map(([pid, rss, comm]) => ({ tid: pid, start_ns: 1000 + pid, pid, rss, comm })),
});
const TCP = {
  sk: { type: 'u64', as: 'hex' },
  lport: { type: 'u16' },
  rport: { type: 'u16' },
  pid: { type: 'u32' },
  local: { type: 'text' },
  remote: { type: 'text' },
  state: { type: 'text' },
  command: { type: 'text' },
} as const;
type Socket = readonly [n: number, remote: string, rates: readonly [number, number], state?: string];
const sockets = (host: string, time: string, ...list: readonly Socket[]): Made => ({
  ...{ template: 'tcp', key: ['sk', 'lport', 'rport'], host, time, columns: TCP },
  rows: list.map(([n, remote, , state = 'ESTABLISHED']) => ({
    ...{ sk: 0xffff_8881_0000_0000n + BigInt(n), lport: 1000 + n, rport: state === 'LISTEN' ? 0 : 443, pid: 10 + n },
    ...{ local: `10.0.0.1:${1000 + n}`, remote, state, command: `c${n}` },
  })),
  derived: { in_rate: list.map(([, , [rate]]) => rate), out_rate: list.map(([, , [, rate]]) => rate) },
});
const TWO_DAYS = set(
  // web leaks between the days; db breathes; cron is another process on the second day.
  tasks('a', '2026-01-05T08:00:00Z', [1, 100, 'web'], [2, 100, 'db'], [3, 50, 'cron']),
  tasks('a', '2026-01-05T20:00:00Z', [1, 150, 'web'], [2, 400, 'db'], [3, 50, 'cron']),
  tasks('a', '2026-01-06T08:00:00Z', [1, 300, 'web'], [2, 300, 'db'], [4, 500, 'cron']),
  { ...tasks('a', '2026-01-06T20:00:00Z', [1, 320, 'web'], [2, 500, 'db'], [4, 900, 'cron']), kernel: '7.0.0' },
  // Of another host the same numbers are other processes.
  tasks('b', '2026-01-05T08:00:00Z', [1, 700, 'idle']),
  tasks('b', '2026-01-06T08:00:00Z', [1, 700, 'idle']),
  sockets('a', '2026-01-05T08:00:00Z', [1, '192.0.2.7:443', [100, 300]], [2, '[2001:db8:0:1::9]:443', [10, 0]]),
  sockets('a', '2026-01-05T09:00:00Z', [1, '192.0.2.7:443', [300, 500]], [3, '0.0.0.0:*', [0, 0], 'LISTEN']),
  sockets('b', '2026-01-05T08:00:00Z', [1, '192.0.2.200:443', [1, 1]], [2, '[::ffff:192.0.2.9]:443', [0, 0]]),
);

describe('views', () => {
  test('leaks between two days: above all that was on the first of them, whatever hosts and numbers', () => {
    expect(ask(TWO_DAYS, "from leaks_between('2026-01-05', '2026-01-06')")).toEqual([
      { host: 'a', pid: 1, command: 'web', rss: 300, rss_grown: 150 },
    ]);
    expect(ask(TWO_DAYS, "from leaks_between('2026-01-06', '2026-01-05')")).toEqual([]);
  });

  test('leaks from the first sample to the last', () => {
    expect(ask(TWO_DAYS, 'select host, pid, command, rss_grown from leaks')).toEqual([
      { host: 'a', pid: 2, command: 'db', rss_grown: 400 },
      { host: 'a', pid: 4, command: 'cron', rss_grown: 400 },
      { host: 'a', pid: 1, command: 'web', rss_grown: 220 },
    ]);
  });

  test('top talkers, networks of both families, listeners', () => {
    const talkers = ask(TWO_DAYS, 'select host, command, remote, in_rate, out_rate, samples from top_talkers');
    expect(talkers[0]).toEqual({
      ...{ host: 'a', command: 'c1', remote: '192.0.2.7:443', in_rate: 200, out_rate: 400, samples: 2 },
    });
    expect(talkers.map(({ host, command }) => `${host} ${command}`)).toEqual(['a c1', 'a c2', 'b c1']);
    expect(ask(TWO_DAYS, 'from networks')).toEqual([
      { network: '192.0.2.0/24', sockets: 3, processes: 3, hosts: 2 },
      { network: '2001:db8:0:1::/64', sockets: 1, processes: 1, hosts: 1 },
    ]);
    expect(ask(TWO_DAYS, 'select host, local, command from listeners')).toEqual([
      { host: 'a', local: '10.0.0.1:1003', command: 'c3' },
    ]);
  });

  test('addresses and networks of ends', () => {
    const ends: readonly (readonly [end: string, address: string | null, network: string | null])[] = [
      ['1.2.3.4:80', '1.2.3.4', '1.2.3.0/24'],
      ['1.2.3.4', '1.2.3.4', '1.2.3.0/24'],
      ['[2001:db8::1]:443', '2001:db8::1', '2001:db8::/64'],
      ['[2001:db8:1:2:3:4:5:6]:443', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['[2001:db8:1:0:1::]:443', '2001:db8:1:0:1::', '2001:db8:1::/64'],
      ['[2001::3:4:5:6:7]:1', '2001::3:4:5:6:7', '2001:0:0:3::/64'],
      ['[::1]:*', '::1', '::/64'],
      ['[fe80::1]:5', 'fe80::1', 'fe80::/64'],
      ['[::ffff:10.1.2.3]:9', '10.1.2.3', '10.1.2.0/24'],
      ['', '', null],
    ];
    const list = ends.map(([end]) => `(${quoted(end)})`).join();
    expect(ask(TWO_DAYS, `select address(e) as a, network(e) as n from (values ${list}) as t(e)`)).toEqual(
      ends.map(([, a, n]) => ({ a, n })),
    );
  });

  test('each example that is shown can be asked', () => {
    const { stdout, status } = run(TWO_DAYS);
    expect(status).toBe(0);
    const examples = [...stdout.matchAll(/^ {2}itertop (query .*)$/gm)].map(([, words]) => words!);
    expect(examples.length).toBe(5);
    for (const words of examples) {
      const { stderr } = spawnSync('sh', ['-c', `'${process.execPath}' '${PROGRAM}' ${words}`], { encoding: 'utf8' });
      expect([words, stderr]).toEqual([words, '']);
    }
    expect(stdout).toContain("leaks_between('2026-01-05', '2026-01-06')");
    expect(stdout).toMatch(/^task +6 +\d+ +2 +2026-01-05 +2026-01-06$/m);
  });
});

describe('a schema that is added to', () => {
  const more = (made: Made, columns: Made['columns'], values: Made['rows'][number]): Made => ({
    ...made,
    columns: { ...made.columns, ...columns },
    rows: made.rows.map((row) => ({ ...row, ...values })),
  });
  const first = tasks('a', '2026-01-05T08:00:00Z', [1, 100, 'web']);
  const later = tasks('a', '2026-01-06T08:00:00Z', [1, 200, 'web']);
  const BIG = 2n ** 64n - 1n;

  test('files with a column and without it: null where it is not; files are found by what their columns are', () => {
    const folder = set(first, more(later, { fds: { type: 'u32' } }, { fds: 7 }));
    const names = parquetFiles(folder).map((file) => /-(s[0-9a-f]{8})-[0-9a-f]{8}\.parquet$/.exec(file)![1]);
    expect(new Set(names).size).toBe(2);
    expect(ask(folder, 'select rss, fds from task order by rss')).toEqual([
      { rss: 100, fds: null },
      { rss: 200, fds: 7 },
    ]);
    // A process that was seen without a column has not grown by it.
    expect(ask(folder, "select rss_grown, fds_grown from leaks_between('2026-01-05', '2026-01-06')")).toEqual([
      { rss_grown: 100, fds_grown: null },
    ]);
  });

  test('a column with a sign on one kernel and without on another keeps all digits', () => {
    const folder = set(
      more(first, { n: { type: 'u64' } }, { n: BIG }),
      more(later, { n: { type: 'i64' } }, { n: -(2n ** 63n) }),
    );
    const { stdout } = run(folder, 'select n from task order by n', '-f', 'csv');
    expect(stdout).toBe(`n\n${-(2n ** 63n)}\n${BIG}\n`);
  });

  test.each<[string, (file: string, folder: string) => string]>([
    ['under other names', (file) => path.join(path.dirname(file), 'renamed.parquet')],
    ['by day only', (file, folder) => path.join(folder, 'template=task', 'date=2026-01-05', path.basename(file))],
  ])('files %s are read by the names of their columns', (_what, place) => {
    const folder = set(first, more(later, { fds: { type: 'u32' } }, { fds: 7 }));
    const [moved] = parquetFiles(folder) as [string];
    const to = place(moved, folder);
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.renameSync(moved, to);
    expect(ask(folder, 'select rss, fds, date from task order by rss')).toEqual([
      { rss: 100, fds: null, date: '2026-01-05' },
      { rss: 200, fds: 7, date: '2026-01-06' },
    ]);
  });

  test('compacted by DuckDB as documented: the same rows, a file a day', async () => {
    const query = await openDuckDb();
    const hosts = ['a', 'b', 'c'].map((host) => tasks(host, '2026-01-05T08:00:00Z', [1, 2 ** 40, host]));
    const folder = set(...hosts, later);
    const days = path.join(dir, 'compacted');
    fs.mkdirSync(days);
    const document = fs.readFileSync(new URL('../docs/fleet/scale.md', import.meta.url), 'utf8');
    const [, copy] = /```sql\n(copy [^`]*)```/.exec(document)!;
    await query(copy!.replaceAll('/data/itertop', folder).replaceAll('/data/days', days).replaceAll('=tcp', '=task'));
    expect(parquetFiles(days).length).toBe(2);
    const all = 'select host, date, "timestamp", tid, start_ns, rss, comm from task order by all';
    expect(ask(days, all)).toEqual(ask(folder, all));
    expect(run(days).stdout).toMatch(/^task +2 +\d+ +2026-01-05 +2026-01-06$/m);
  });

  test('a folder whose name is a pattern', () => {
    const folder = path.join(dir, 'a [bc] * ? \\ {d}');
    write(folder, first);
    write(path.join(dir, 'a b any x'), tasks('never', '2026-01-05T08:00:00Z', [1, 1, 'x']));
    expect(ask(folder, 'select host from task')).toEqual([{ host: 'a' }]);
  });
});

describe('errors of a query are words', () => {
  test.each<[string, RegExp]>([
    ["from read_text('/etc/hostname')", /A query reads the data set and nothing else/],
    ['from sockets', /There are task, tcp, top_talkers, .*leaks_between\(baseline, day\)/],
    ['from programs', /programs lacks a table or columns that it is made of: itertop dump bpf_prog -c \+tag --dataset/],
    ['select commm from task', /Candidate bindings: .*comm/s],
    ["copy task to 'x.csv'", /writes nothing: put what it prints into a file \(-f csv > FILE\)/],
    [
      "from leaks_between('monday', '2026-01-06')",
      /invalid date field format: "monday", expected format is \(YYYY-MM-DD\)/,
    ],
  ])('%s', (sql, message) => {
    const { status, stdout, stderr } = run(TWO_DAYS, sql);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  test('a file that is no Parquet', () => {
    const folder = set(tasks('a', '2026-01-05T08:00:00Z', [1, 100, 'web']));
    const [file] = parquetFiles(folder) as [string];
    fs.writeFileSync(path.join(path.dirname(file), 'other.parquet'), 'not one, but long enough to be looked into');
    const { status, stderr } = run(folder, 'from task');
    expect(status).toBe(2);
    expect(stderr).toMatch(/other\.parquet.*take it out of the data set/s);
    fs.truncateSync(file, 20);
    fs.rmSync(path.join(path.dirname(file), 'other.parquet'));
    expect(run(folder, 'from task').stderr).toMatch(/take it out of the data set/);
  });
});
