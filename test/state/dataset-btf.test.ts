/** Which kernel's types rows are by: in the footers of a data set's files, whether they come from here, from a recording or from hosts. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { btfId } from '../../src/bpf/btf-id.ts';
import { parquetFiles } from '../support/dataset.ts';
import { openDuckDb, quoted } from '../support/duckdb.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';
import { record, START } from '../support/recorded.ts';
import { hereWords } from '../support/stand-in-hosts.ts';

vi.setConfig({ testTimeout: 120_000 });

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-dataset-btf-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

let query: Awaited<ReturnType<typeof openDuckDb>>;
beforeAll(async () => {
  query = await openDuckDb();
});

function itertop(...args: string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', timeout: 100_000 });
  expect([status, stderr.replace(/^task: .*\n/, '')]).toEqual([0, '']);
}

/** Of each file the host, its kernel and its types, as the footer has them. */
async function footers(...files: string[]) {
  const kv = `select file_name, decode(key) as k, decode(value) as v from parquet_kv_metadata([${files.map(quoted)}])`;
  const rows = await query(`select
      max(v) filter (k = 'itertop')->>'host' as host,
      max(v) filter (k = 'itertop')->>'kernel' as kernel,
      max(v) filter (k = 'itertop.btf') as btf
    from (${kv}) group by file_name order by all`);
  return rows.map(({ host, kernel, btf }) => [host, kernel, btf]);
}

test('of a recording: those of its own kernel, file by file; none where it does not tell', async () => {
  const parts = path.join(dir, 'parts');
  fs.mkdirSync(parts);
  const part = (n: number) => path.join(parts, `${n}.itertop`);
  record(part(0), 0, 2);
  record(part(1), 10, 12, undefined, { kernel: '6.0', btf: 'sha256:00' });
  record(part(2), 20, 22, undefined, { kernel: '6.1', btf: 'sha256:11' });
  const folder = path.join(dir, 'of parts');
  itertop('dump', '--replay', parts, '--all', '--dataset', folder);
  const files = parquetFiles(folder);
  expect(await footers(...files)).toEqual([
    ['made', '6.0', 'sha256:00'],
    ['made', '6.0', null],
    ['made', '6.1', 'sha256:11'],
  ]);
  const rows = await query(
    `select epoch_ms(timestamp) as t from read_parquet([${files.map(quoted)}]) group by t order by t`,
  );
  expect(rows.map(({ t }) => Number(t) - START)).toEqual([0, 1, 10, 11, 20, 21].map((n) => n * 1000));
});

describeKernel('this kernel', () => {
  const one = ['task', '--pid', String(process.pid)];
  const mine = [os.release(), btfId()];

  test('here, and recorded', async () => {
    const [live, recording, replayed] = ['live', 'a.itertop', 'replayed'].map((name) => path.join(dir, name));
    itertop('dump', ...one, '--dataset', live!);
    itertop('record', ...one, '-n', '1', '-o', recording!);
    itertop('dump', '--replay', recording!, '--dataset', replayed!);
    for (const folder of [live, replayed])
      expect(await footers(...parquetFiles(folder!))).toEqual([[os.hostname(), ...mine]]);
  });

  test('on hosts: each tells its own', async () => {
    const folder = path.join(dir, 'hosts');
    const hosts = ['--host', 'a,b', ...hereWords(dir), 'dump', ...one];
    itertop(...hosts, '--dataset', folder);
    expect(await footers(...parquetFiles(folder))).toEqual([
      ['a', ...mine],
      ['b', ...mine],
    ]);
    const file = path.join(dir, 'hosts.parquet');
    itertop(...hosts, '-o', file, '-f', 'parquet');
    expect(await footers(file)).toEqual([['a,b', ...mine]]);
  });
});
