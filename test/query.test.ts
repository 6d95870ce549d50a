import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readyViews } from '../src/state/dataset-views.ts';
import { describeKernel, ownNetwork, PROGRAM } from './support/kernel.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-query-'));
const set = path.join(dir, "the 'set'");
const me = String(process.pid);
const run = (args: readonly string[]) =>
  spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', cwd: dir, maxBuffer: 1 << 26 });
const ask = (sql: string): Record<string, unknown>[] => {
  const { status, stdout, stderr } = run(['query', set, sql, '-f', 'json']);
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
};

describe('views that a data set is ready for', () => {
  test.each<[string, Record<string, string[]>, string[]]>([
    ['nothing', {}, []],
    [
      'tcp as it is shown',
      { tcp: ['remote', 'in_rate', 'out_rate', 'pid', 'command', 'sk'] },
      ['top_talkers', 'networks'],
    ],
    ['tcp without rates', { tcp: ['remote', 'pid', 'sk'] }, ['networks']],
    ['tcp with states', { tcp: ['state', 'local', 'pid', 'command'] }, ['listeners']],
    ['task as it is shown', { task: ['pid', 'cmdline', 'rss', 'cpu'] }, ['busiest', 'leaks']],
    ['days of task', { task: ['pid', 'date', 'fds'] }, ['leaks', 'leaks_between(baseline, day)']],
    ['task without amounts', { task: ['pid', 'comm'] }, []],
    ['open files', { task_file: ['pid', 'comm', 'fd', 'name', 'size'] }, ['deleted_files']],
    ['programs', { bpf_prog: ['name', 'type', 'tag'] }, ['programs']],
  ])('%s', (_name, columns, names) => {
    const known = new Map(Object.entries(columns).map(([table, list]) => [table, new Set(list)]));
    expect(readyViews(known).flatMap(({ name, sql }) => (sql ? [name] : []))).toEqual(names);
  });
});

describeKernel('itertop query', () => {
  // Ports are this test's alone.
  beforeAll(ownNetwork);

  const held: fs.promises.FileHandle[] = [];
  let port = 0;
  beforeAll(async () => {
    // This process grows by descriptors, and sends over the loopback between two samples.
    const server = net.createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as net.AddressInfo).port;
    const client = net.connect(port, '127.0.0.1');
    // Both ends have their descriptors before these are counted.
    await Promise.all([once(client, 'connect'), once(server, 'connection')]);
    const sample = () => {
      expect(run(['dump', 'task', '-p', me, '-c', '+fds,comm', '--dataset', set])).toMatchObject({
        status: 0,
        stderr: '',
      });
    };
    sample();
    for (let i = 0; i < 7; i++) held.push(await fs.promises.open('/dev/null'));
    sample();
    const traffic = setInterval(() => client.write(Buffer.alloc(10_000)), 5);
    await sleep(50);
    const { stderr } = await promisify(execFile)(process.execPath, [
      ...[PROGRAM, 'dump', 'tcp', '--netns', 'self', '--port', String(port), '-n', '2', '-d', '0.3', '--dataset', set],
    ]);
    clearInterval(traffic);
    client.destroy();
    server.close();
    expect(stderr).toBe('');
  });
  afterAll(async () => {
    for (const file of held) await file.close();
    fs.rmSync(dir, { recursive: true, force: true });
  });

  test.each([
    ['a question', 'select count(*) as n from task'],
    ['several statements', 'create table kept as from task; select count(*) as n from kept'],
    ['a view of its own', 'create view mine as select pid from task; select count(*) as n from mine'],
  ])('%s is of all files of a table, though views are made of one', (_, sql) => {
    expect(ask(sql)).toEqual([{ n: 2 }]);
  });

  test('without a question: what is there, and which views are ready', () => {
    const { status, stdout } = run(['query', set]);
    expect(status).toBe(0);
    const [heads, task, tcp] = stdout.split('\n').map((line) => line.trim().split(/\s{2,}/));
    expect(heads).toEqual(['table', 'files', 'bytes', 'hosts', 'since', 'until']);
    expect(task![0]).toBe('task');
    expect(task!.slice(3)).toEqual(['1', expect.any(String), expect.any(String)]);
    expect(tcp![0]).toBe('tcp');
    expect(stdout).toMatch(/^task: timestamp, tid, start_ns, pid, /m);
    expect(stdout).toMatch(/^leaks \(task\): processes that grew between their first and their last sample$/m);
    expect(stdout).toMatch(/^deleted_files \(task_file\): .*\n {2}itertop dump task_file --dataset \S/m);
  });

  test('leaks: descriptors that a process opened and kept', () => {
    const [row] = ask(`from leaks where pid = ${me}`);
    expect(row).toMatchObject({ host: os.hostname(), fds_grown: 7 });
  });

  test('top talkers, and sockets by network', () => {
    const [row] = ask(`from top_talkers where remote = '127.0.0.1:${port}' and out_rate > 10000`);
    expect(row).toMatchObject({ host: os.hostname(), pid: process.pid });
    expect(ask("from networks where network = '127.0.0.0/24'")).toEqual([
      { network: '127.0.0.0/24', sockets: 2, processes: 1, hosts: 1 },
    ]);
  });

  test.each<[string, string]>([
    ['json', '[\n{"big":18446744073709551615,"text":"a, b"}\n]\n'],
    ['ndjson', '{"big":18446744073709551615,"text":"a, b"}\n'],
    ['csv', 'big,text\n18446744073709551615,"a, b"\n'],
    ['table', `${' '.repeat(17)}big  text\n18446744073709551615  a, b\n`],
  ])('%s keeps all digits', (format, text) => {
    const sql = "select 18446744073709551615::ubigint as big, 'a, b' as text";
    expect(run(['query', set, sql, '-f', format])).toMatchObject({ status: 0, stdout: text });
  });

  test('a table on a terminal has nothing that acts on it', () => {
    const { stdout } = run(['query', set, "select chr(27) || '[2J' as x, null as n, 1.5::double as f"]);
    expect(stdout).not.toContain('\x1b');
    expect(stdout.split('\n')[1]).toMatch(/\[2J +1\.50$/);
  });

  test.each<[string[], RegExp]>([
    [[set, "from '/etc/passwd'"], /passwd/],
    [[set, 'select 1; select 2'], /one question at a time: what comes before the last statement may only CREATE/],
    [[set, "copy (select 1) to 'written.csv'"], /Permission Error/],
    [[set, "copy (select 1) to 'template=task/written.csv'"], /Permission Error/],
    [[set, "explain analyze copy (select 1) to 'template=task/written.csv'"], /Permission Error/],
    [[set, "attach 'other.db'"], /it runs no ATTACH/],
    [[set, 'install httpfs'], /it runs no LOAD/],
    [[set, 'set enable_external_access = true'], /it runs no SET/],
    [[set, ''], /the query is empty/],
    [[set, 'selec'], /Parser Error: syntax error at or near "selec"/],
    [[dir, 'select 1'], /has no files of a data set; itertop dump TEMPLATE --dataset/],
    [['/nonexistent'], /^itertop: there is no folder \/nonexistent\n$/],
    [
      [set, 'select * from nosuch'],
      /Table with name nosuch does not exist!\s+LINE 1: .*\n.*\^\n +There are task, tcp, /,
    ],
    [[], /query needs the folder of a data set/],
    [[set, 'select', '1'], /the query is one argument/],
    [[set, 'select 1', '-f', 'parquet'], /query writes table, csv, json or ndjson/],
  ])('%j is refused in words', (args, message) => {
    const { status, stdout, stderr } = run(['query', ...args]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/at ask|Did you mean/);
    for (const folder of [dir, path.join(set, 'template=task')])
      expect(fs.existsSync(path.join(folder, 'written.csv'))).toBe(false);
  });
});
