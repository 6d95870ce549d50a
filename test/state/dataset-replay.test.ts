/** A data set of a recording: the rows that NDJSON has of it, lists as lists, whole files or none. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parquetFiles } from '../support/dataset.ts';
import { openDuckDb, quoted } from '../support/duckdb.ts';
import { describeKernel, ownNetwork, PROGRAM } from '../support/kernel.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-dataset-replay-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const run = (...args: string[]) =>
  spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
const all = (folder: string) =>
  `read_parquet(${quoted(`${folder}/**/*.parquet`)}, hive_partitioning = true, union_by_name = true)`;

describeKernel('a recording as a data set', () => {
  // Ports are this test's alone.
  beforeAll(ownNetwork);
  const file = path.join(dir, 'tcp.itertop');
  let port = 0;
  let query: Awaited<ReturnType<typeof openDuckDb>>;
  const holders: number[] = [];
  beforeAll(async () => {
    query = await openDuckDb();
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as net.AddressInfo);
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    // More than a cell shows.
    const children = Array.from({ length: 10 }, () =>
      spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', fd] }),
    );
    holders.push(process.pid, ...children.map((child) => child.pid!));
    const columns = '+held_by,bytes_in,pacing_raw';
    const made = run('record', 'tcp', '--netns', 'self', '-c', columns, '-n', '12', '-d', '0.2', '-o', file);
    for (const child of children) child.kill('SIGKILL');
    server.close();
    expect([made.status, made.stderr]).toEqual([0, expect.any(String)]);
  });

  test('has the rows that NDJSON has, refresh by refresh', async () => {
    const folder = path.join(dir, 'set');
    expect(run('dump', '--replay', file, '--all', '--dataset', folder)).toMatchObject({ status: 0, stderr: '' });
    const { stdout } = run('dump', '--replay', file, '--all', '-f', 'ndjson');
    const lines = stdout.split('\n').filter((line) => line.startsWith('{"timestamp"'));
    const expected = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const rows = await query(
      `select *, strftime("timestamp" at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%g') || 'Z' as at from ${all(folder)} order by "timestamp", lport`,
    );
    expect(rows.length).toBe(expected.length);
    expect(new Set(rows.map((row) => row['at'])).size).toBe(12);
    expect(rows.map((row) => row['at']).sort()).toEqual(expected.map((row) => row['timestamp']).sort());
    for (const column of ['state', 'local', 'remote', 'pid', 'command', 'rtt', 'bytes_in', 'held_by']) {
      const values = (list: readonly Record<string, unknown>[]) => list.map((row) => String(row[column])).sort();
      expect([column, values(rows)]).toEqual([column, values(expected)]);
    }
    for (const row of rows) expect(row).toMatchObject({ host: os.hostname(), template: 'tcp' });
  });

  test('has all holders of a socket, as a list', async () => {
    const folder = path.join(dir, 'lists');
    expect(run('dump', '--replay', file, '--all', '--dataset', folder).status).toBe(0);
    const rows = await query(`select held_by from ${all(folder)} where lport = ${port}`);
    expect(rows.length).toBe(12);
    for (const { held_by } of rows)
      expect((held_by as string[]).map((holder) => Number(holder.split('/')[0])).sort()).toEqual([...holders].sort());
  });

  test('killed at any moment: only whole files', async () => {
    const folder = path.join(dir, 'killed');
    const files = () => (fs.existsSync(folder) ? parquetFiles(folder) : []);
    for (let i = 0; i < 10; i++) {
      const args = ['dump', '--replay', file, '--all', '--dataset', folder, '--roll', '64K,1s'];
      const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      await sleep(200 + i * 120);
      child.kill('SIGKILL');
      await ended;
    }
    // One that nobody ends.
    expect(run('dump', '--replay', file, '--all', '--dataset', folder, '--roll', '64K,1s').status).toBe(0);
    expect(files().length).toBeGreaterThan(1);
    for (const each of files())
      expect(Number((await query(`select count(*) as n from ${quoted(each)}`))[0]!['n'])).toBeGreaterThan(0);
    const left = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(left.length).toBe(files().length);
  });
});
