import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { btfId } from '../../src/bpf/btf-id.ts';
import { ParquetSnapshots } from '../../src/state/parquet.ts';
import { type Snapshot, snapshotWriter } from '../../src/state/snapshot.ts';
import { shownTemplates } from '../../src/templates/registry.ts';
import { identityOf } from '../../src/templates/template.ts';
import { allKinds, exactly, KINDS, STATS, snapshotOf } from '../support/all-kinds.ts';
import { tableOf } from '../support/batch.ts';
import { openDuckDb, quoted } from '../support/duckdb.ts';
import { allColumns, collect, collector, describeKernel, PROGRAM } from '../support/kernel.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-parquet-'));
let query: Awaited<ReturnType<typeof openDuckDb>>;
beforeAll(async () => {
  query = await openDuckDb();
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

/** A refresh so many milliseconds later. */
const later = (ms: number) => ({ stats: { ...STATS, begin: STATS.begin + ms, end: STATS.end + ms } });

let files = 0;
function written(...snapshots: readonly Snapshot[]): string {
  const writer = new ParquetSnapshots();
  const file = path.join(dir, `${files++}.parquet`);
  const fd = fs.openSync(file, 'wx');
  for (const snapshot of snapshots) for (const piece of writer.snapshot(snapshot)) fs.writeSync(fd, piece);
  fs.writeSync(fd, writer.end());
  fs.closeSync(fd);
  return file;
}
const rowsOf = (file: string) => query(`from ${quoted(file)}`);

/** As NDJSON has it exactly: integers are texts already. */
const alike = (value: unknown): unknown => (typeof value === 'number' ? String(value) : value);

const TEXTS = [
  '\x1b[2Jgone',
  'line\nbreak',
  'quote"comma,',
  '\u202eright',
  'päth 日本',
  '=1+1',
  ' space ',
  '\u0000',
  '#5',
];
const table = allKinds(TEXTS);

describe('Parquet', () => {
  test('types and values that DuckDB reads: 64 bits exactly, texts as they are, null where there is none', async () => {
    const file = written(snapshotOf(table, KINDS));
    const types = Object.fromEntries(
      (await query(`describe from ${quoted(file)}`)).map((c) => [c['column_name'], c['column_type']]),
    );
    expect(types).toEqual({
      timestamp: 'TIMESTAMP WITH TIME ZONE',
      addr: 'UBIGINT',
      n: 'BIGINT',
      low: 'BIGINT',
      big: 'UBIGINT',
      most: 'UBIGINT',
      safe: 'BIGINT',
      size: 'BIGINT',
      flag: 'BOOLEAN',
      kind: 'VARCHAR',
      gone: 'BIGINT',
      path: 'VARCHAR',
      rate: 'DOUBLE',
    });
    const rows = await rowsOf(file);
    expect(rows.map((r) => r['path'])).toEqual(TEXTS.map((text) => text || null));
    expect(rows.map((r) => r['low'])).toEqual(TEXTS.map((_, i) => String(-(2n ** 63n) + BigInt(i))));
    expect(rows.map((r) => r['most'])).toEqual(TEXTS.map((_, i) => String(2n ** 64n - 1n - BigInt(i))));
    expect(rows[0]).toMatchObject({ timestamp: '2026-02-03 04:05:06.007+00', flag: false, gone: null, rate: null });
    expect(rows[2]).toMatchObject({ n: '-2', size: String(3 * table.context.pageSize), kind: 'one', rate: 2 / 3 });
  });

  test('statistics of unsigned columns leave nothing out', async () => {
    const file = written(snapshotOf(table, KINDS));
    for (const [value, count] of [
      [2n ** 64n - 1n, 1],
      [2n ** 64n - 3n, 1],
      [5n, 0],
    ])
      expect(await query(`select count(*) as n from ${quoted(file)} where most = ${value}`)).toEqual([
        { n: `${count}` },
      ]);
  });

  test('several refreshes: each with its time, and what was read of it in the metadata', async () => {
    const none = snapshotOf(table, KINDS, { ...later(1000), order: new Uint32Array() });
    const file = written(snapshotOf(table, KINDS), none, snapshotOf(table, KINDS, later(2000)));
    expect(
      await query(`select epoch_ms(timestamp) as t, count(*) as n from ${quoted(file)} group by t order by t`),
    ).toEqual([
      { t: `${STATS.begin}`, n: '9' },
      { t: `${STATS.begin + 2000}`, n: '9' },
    ]);
    const metadata = Object.fromEntries(
      (await query(`select decode(key) as k, decode(value) as v from parquet_kv_metadata(${quoted(file)})`)).map(
        ({ k, v }) => [k, v],
      ),
    );
    expect(metadata['itertop.btf'] ?? '').toBe(btfId());
    expect(JSON.parse(String(metadata['itertop']))).toMatchObject({
      tool: 'itertop',
      host: os.hostname(),
      kernel: os.release(),
      columns: KINDS,
      units: { size: 'bytes' },
    });
    expect(JSON.parse(String(metadata['itertop.batches']))).toEqual({
      begin: [0, 1000, 2000].map((ms) => STATS.begin + ms),
      took: [2, 2, 2],
      rows: [9, 0, 9],
      visited: [12, 12, 12],
      emitted: [9, 9, 9],
      duplicates: [2, 2, 2],
    });
  });

  test('a signed member in hexadecimal is its 64 bits', async () => {
    const signed = tableOf({ x: { type: 'i32', as: 'hex' } }, [{ values: { x: -1 } }, { values: { x: 1 } }]);
    const rows = await rowsOf(written(snapshotOf(signed, ['x'])));
    expect(rows.map((row) => String(row['x']))).toEqual([String(2n ** 64n - 1n), '1']);
  });

  test('a file without rows is one', async () => {
    const file = written(snapshotOf(table, KINDS, { order: new Uint32Array() }));
    expect(await rowsOf(file)).toEqual([]);
    expect(new ParquetSnapshots().end().length).toBe(0);
  });

  test('more rows than a row group has', async () => {
    const many = tableOf(
      { n: { type: 'u32' }, name: { type: 'text', as: 'text' } },
      Array.from({ length: 70_000 }, (_, n) => ({ values: { n, name: `name ${n % 7}` } })),
      {},
    );
    const file = written(snapshotOf(many, ['n', 'name']), snapshotOf(many, ['n', 'name'], later(1000)));
    expect(await query(`select count(*) c, sum(n) s, count(distinct name) d from ${quoted(file)}`)).toEqual([
      { c: '140000', s: String(70_000 * 69_999), d: '7' },
    ]);
  });
});

describeKernel('Parquet of this kernel', () => {
  // Tens of thousands of symbols say no more than a few hundred slabs do.
  const names = shownTemplates().map((t) => t.name);
  test.each(names.filter((name) => name !== 'ksym'))('%s: all columns as in NDJSON', async (name) => {
    using from = collector(name);
    const collected = collect(from);
    const shown = [...new Set([...identityOf(from.template), ...allColumns(from.template)])];
    const snapshot = snapshotOf(collected.table, shown, { stats: collected.stats });
    const text = [...snapshotWriter('ndjson', false).snapshot(snapshot)].join('');
    const lines = text.trimEnd().split('\n').slice(1);
    const rows = await rowsOf(written(snapshot));
    expect(rows.length).toBe(lines.length);
    for (const [i, line] of lines.entries()) {
      const row = exactly(line);
      for (const column of shown) {
        const value = rows[i][column];
        expect([column, alike(value)]).toEqual([column, row[column]]);
      }
    }
  });

  test('several holders of one socket are a list', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const { port } = server.address() as net.AddressInfo;
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const child = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    const file = path.join(dir, 'holders.parquet');
    const args = ['dump', 'tcp', '--lport', String(port), '-c', 'lport,held_by', '-o', file, '-f', 'parquet'];
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
    child.kill('SIGKILL');
    server.close();
    expect([status, stderr]).toEqual([0, '']);
    // Another socket may have the same port.
    const rows = (await rowsOf(file)).map((row) => ({
      columns: Object.keys(row),
      pids: ((row['held_by'] as string[] | null) ?? []).map((holder) => Number(holder.split('/')[0])).sort(),
    }));
    expect(rows).toContainEqual({
      columns: ['timestamp', 'sk', 'lport', 'rport', 'cookie', 'held_by'],
      pids: [process.pid, child.pid!].sort(),
    });
  });
});
