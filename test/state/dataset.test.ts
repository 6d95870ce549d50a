import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Dataset } from '../../src/state/dataset.ts';
import type { Snapshot } from '../../src/state/snapshot.ts';
import { Table } from '../../src/templates/table.ts';
import { tableOf } from '../support/batch.ts';
import { openDuckDb, quoted } from '../support/duckdb.ts';
import { describeKernel, eventually, PROGRAM } from '../support/kernel.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-dataset-'));
let query: Awaited<ReturnType<typeof openDuckDb>>;
beforeAll(async () => {
  query = await openDuckDb();
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const filesIn = (folder: string) =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
const all = (folder: string) =>
  `read_parquet(${quoted(`${folder}/**/*.parquet`)}, hive_partitioning = true, union_by_name = true)`;

const table = tableOf(
  { n: { type: 'u32' }, name: { type: 'text', as: 'text' } },
  Array.from({ length: 100 }, (_, n) => ({ values: { n, name: `row ${n}` } })),
  {},
);
const at = (begin: number): Snapshot => ({
  table,
  columns: ['n', 'name'],
  order: Uint32Array.from({ length: table.rows }, (_, i) => i),
  filters: {},
  where: '',
  search: '',
  host: { host: 'a/b host', kernel: '6.18' },
  stats: {
    ...{ begin, end: begin + 1, visited: 100, emitted: 100, bytes: 1, reads: 1, doubles: 0 },
    ...{ readMs: 1, totalMs: 1, sessionId: 1, conditions: [] },
  },
});

describe('a data set', () => {
  test.each<[string, { bytes: number; age: number }, number[], number[]]>([
    ['by the hour', { bytes: Infinity, age: Infinity }, [0, 1, 3599, 3600, 3601], [3, 2]],
    ['by age', { bytes: Infinity, age: 10_000 }, [0, 9, 10, 19, 20], [2, 2, 1]],
    ['by size', { bytes: 1, age: Infinity }, [0, 1, 2], [1, 1, 1]],
  ])('files are closed %s', async (name, roll, seconds, refreshes) => {
    const folder = path.join(dir, name);
    const dataset = new Dataset(folder, roll);
    const noon = Date.UTC(2026, 1, 3, 12);
    for (const second of seconds) dataset.take(at(noon + second * 1000));
    expect(filesIn(folder).filter((file) => file.endsWith('.parquet')).length).toBe(refreshes.length - 1);
    dataset.close();
    expect(
      await query(
        `select count(distinct timestamp) as n from ${all(folder).replace(')', ', filename = true)')} group by filename order by min(timestamp)`,
      ),
    ).toEqual(refreshes.map((n) => ({ n: `${n}` })));
    expect(
      await query(`select distinct host, date::text as date, hour::int as hour from ${all(folder)} order by hour`),
    ).toEqual(
      [...new Set(seconds.map((second) => 12 + Math.floor(second / 3600)))].map((hour) => ({
        host: 'a/b host',
        date: '2026-02-03',
        hour,
      })),
    );
    for (const file of filesIn(folder)) expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
  });

  test('the part of a host that is silent is closed soon after its hour', () => {
    const folder = path.join(dir, 'silent');
    const dataset = new Dataset(folder, { bytes: Infinity, age: Infinity });
    const of = (host: string, minute: number) => ({
      ...at(Date.UTC(2026, 1, 3, 12, minute)),
      host: { host, kernel: '6.18' },
    });
    const closed = () => filesIn(folder).filter((file) => file.endsWith('.parquet'));
    for (const snapshot of [of('a', 59), of('b', 59), of('b', 64)]) dataset.take(snapshot);
    expect(closed().map((file) => /host=(.)/.exec(file)![1])).toEqual(['b']);
    dataset.take(of('b', 66));
    expect(
      closed()
        .map((file) => /host=(.)/.exec(file)![1])
        .sort(),
    ).toEqual(['a', 'b']);
    dataset.discard();
  });

  test('what is not closed has no name; after an error nothing is left of it', () => {
    const folder = path.join(dir, 'open');
    const dataset = new Dataset(folder, { bytes: Infinity, age: Infinity });
    dataset.take(at(0));
    expect(filesIn(folder).every((file) => path.basename(file).startsWith('.'))).toBe(true);
    dataset.discard();
    expect(filesIn(folder)).toEqual([]);
    fs.writeFileSync(path.join(dir, 'a file'), '');
    expect(() => new Dataset(path.join(dir, 'a file'), { bytes: 1, age: 1 }).take(at(0))).toThrow(
      /cannot make the folder/,
    );
  });
});

describe('folders of a data set', () => {
  const begun = (root: string, snapshot = at(0)) => {
    const dataset = new Dataset(root, { bytes: Infinity, age: Infinity });
    dataset.take(snapshot);
    dataset.close();
  };
  const PARTITIONS = ['template=made', 'host=a%2Fb%20host', 'date=1970-01-01', 'hour=00'];

  test.each(PARTITIONS.map((_, depth) => depth))(
    'planted as a link, in level %i: nothing is written there',
    (depth) => {
      const root = path.join(dir, `planted ${depth}`);
      const elsewhere = path.join(dir, `elsewhere ${depth}`);
      const parent = path.join(root, ...PARTITIONS.slice(0, depth));
      fs.mkdirSync(parent, { recursive: true });
      fs.mkdirSync(path.join(elsewhere, ...PARTITIONS.slice(depth + 1)), { recursive: true });
      fs.symlinkSync(elsewhere, path.join(parent, PARTITIONS[depth]!));
      expect(() => begun(root)).toThrow(/is a symbolic link, and is not followed: remove it/);
      expect(filesIn(elsewhere)).toEqual([]);
      fs.rmSync(path.join(parent, PARTITIONS[depth]!));
      fs.symlinkSync('/nonexistent', path.join(parent, PARTITIONS[depth]!));
      expect(() => begun(root)).toThrow(/is a symbolic link/);
      fs.rmSync(path.join(parent, PARTITIONS[depth]!));
      fs.writeFileSync(path.join(parent, PARTITIONS[depth]!), '');
      expect(() => begun(root)).toThrow(/is no folder: remove it/);
    },
  );

  test.runIf(process.geteuid!() === 0)("another user's are refused, and his link to the data set", () => {
    const root = path.join(dir, 'shared');
    fs.mkdirSync(path.join(root, PARTITIONS[0]!), { recursive: true });
    fs.chownSync(path.join(root, PARTITIONS[0]!), 65534, 65534);
    expect(() => begun(root)).toThrow(/belongs to \S+, not to root/);
    const link = path.join(dir, 'his link');
    const mine = path.join(dir, 'mine');
    fs.mkdirSync(mine);
    fs.symlinkSync(mine, link);
    begun(link);
    expect(filesIn(mine)).toHaveLength(1);
    fs.lchownSync(link, 65534, 65534);
    expect(() => begun(link)).toThrow(/is a symbolic link of \S+, and is not followed/);
  });

  test('rows with other columns are tables of their own: groups, differences, the elements of a map', () => {
    const root = path.join(dir, 'tables');
    begun(root);
    begun(root, { ...at(0), continued: false });
    begun(root, { ...at(0), grouped: { by: 'name', of: 100 } });
    const map = { id: 7, name: 'counters', type: 'hash', keySize: 4, valueSize: 8, entries: 1, cpus: 0 };
    const { batch, joins, derived, context } = table;
    const elements = new Table({ ...table.template, map }, batch, joins, derived, context);
    begun(root, { ...at(0), table: elements });
    expect(fs.readdirSync(root).sort()).toEqual(
      ['made', 'made_by_name', 'made_changes', 'made_counters'].map((name) => `template=${name}`),
    );
  });
});

describeKernel('itertop dump --dataset', () => {
  const me = String(process.pid);
  const dump = (folder: string, ...args: string[]) => ['dump', 'task', '-c', 'pid,comm', '--dataset', folder, ...args];

  test('rows with their identity, in files of their own; another run adds to it, with other columns', async () => {
    const folder = path.join(dir, 'twice');
    const first = spawnSync(process.execPath, [PROGRAM, ...dump(folder, '-p', me, '-n', '3', '-d', '0.1')]);
    expect([first.status, String(first.stderr), String(first.stdout)]).toEqual([0, '', '']);
    const second = spawnSync(process.execPath, [PROGRAM, ...dump(folder, '-p', me), '-c', '+nice'], {
      encoding: 'utf8',
    });
    expect([second.status, second.stderr]).toEqual([0, '']);
    expect(
      await query(`select tid, pid, count(*) as n, count(nice) as nice, count(distinct start_ns) as starts
                   from ${all(folder)} where template = 'task' group by all`),
    ).toEqual([{ tid: me, pid: me, n: '4', nice: '1', starts: '1' }]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s closes the file', async (signal) => {
    const folder = path.join(dir, signal);
    const child = spawn(process.execPath, [PROGRAM, ...dump(folder, '-p', me, '-n', '0', '-d', '0.1')]);
    // A file has no name while it is written: its folder is there before it.
    await eventually(() => expect(fs.existsSync(folder)).toBe(true));
    await sleep(300);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
    const [{ n }] = (await query(`select count(*) as n from ${all(folder)}`)) as [{ n: string }];
    expect(Number(n)).toBeGreaterThan(0);
  });

  test('killed at any moment: only whole files', async () => {
    const folder = path.join(dir, 'killed');
    const count = () => (fs.existsSync(folder) ? filesIn(folder).length : 0);
    for (let i = 0; i < 8; i++) {
      const child = spawn(process.execPath, [PROGRAM, ...dump(folder, '-n', '0', '-d', '0.1', '--roll', '64K,1s')]);
      const before = count();
      await eventually(() => expect(count()).toBeGreaterThan(before), 30_000);
      await sleep(i * 130);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const whole = filesIn(folder).filter((file) => file.endsWith('.parquet'));
    for (const file of whole)
      expect(Number((await query(`select count(*) as n from ${quoted(file)}`))[0]!['n'])).toBeGreaterThan(0);
    expect(whole.length).toBeGreaterThan(0);
  }, 300_000);

  test.each<[string[], RegExp]>([
    [['--dataset', 'x', '-o', 'y'], /--dataset names its files itself; it takes no --output/],
    [['--dataset', 'x', '-f', 'csv'], /--dataset writes Parquet, not csv/],
    [['--dataset', ''], /--dataset needs a folder/],
    [['--roll', '1M'], /--roll goes with --dataset/],
    [['--dataset', 'x', '--roll', 'often'], /--roll often: it is a size of 64K or more, an age, or both/],
    [['--changes', '--struct'], /--changes compares columns; it takes no --struct/],
  ])('%j is refused', (args, message) => {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, 'dump', 'task', ...args], {
      encoding: 'utf8',
      cwd: dir,
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
