/** The DDL and the examples of docs/fleet, run by the engines that they are for: DuckDB, and ClickHouse where it is installed. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Made, parquetFiles, write } from '../support/dataset.ts';
import { openDuckDb, quoted } from '../support/duckdb.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';

interface Session {
  query(sql: string, format?: string): string;
  cleanup(): void;
}
/** `npm --prefix test/engines install --no-save` */
const chdb: { Session: new (folder?: string) => Session; version(): unknown } | null = (() => {
  try {
    return createRequire(new URL('./package.json', import.meta.url))('chdb');
  } catch {
    return null;
  }
})();

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-engines-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const document = fs.readFileSync(new URL('../../docs/fleet/README.md', import.meta.url), 'utf8');
/** Statements of the document under a heading, of this data set. */
function statements(heading: string, set: string): string[] {
  const section = document.slice(document.indexOf(`\n### ${heading}\n`));
  const [, sql = ''] = /```sql\n(.*?)```/s.exec(section) ?? [];
  return sql
    .replaceAll('/data/itertop', set)
    .split(/;\n/)
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

const BIG = 2n ** 64n - 1n;
const made = (host: string, time: string, more: boolean): Made => ({
  ...{ template: 'tcp', key: ['sk', 'lport', 'rport'], host, time },
  columns: {
    sk: { type: 'u64', as: 'hex' },
    lport: { type: 'u16' },
    rport: { type: 'u16' },
    state: { type: 'text' },
    remote: { type: 'text' },
    pid: { type: 'u32' },
    command: { type: 'text' },
    low: { type: 'i64' },
    ...(more ? { bytes_in: { type: 'u64' } } : {}),
  },
  rows: [1, 2, 3].map((n) => ({
    ...{
      sk: 0xffff_8881_0000_0000n + BigInt(n),
      lport: 1000 + n,
      rport: 443,
      state: n === 3 ? 'CLOSE' : 'ESTABLISHED',
    },
    ...{ remote: `192.0.2.${n}:443`, pid: n, command: `c"${n}'\n`, low: -(2n ** 63n) + BigInt(n) },
    ...(more ? { bytes_in: BIG - BigInt(n) } : {}),
  })),
  derived: { in_rate: [1.5, 100, 2], out_rate: [1, 0, 1e9] },
});
const set = path.join(dir, 'set');
beforeAll(() => {
  write(
    set,
    made('a', '2026-11-26T08:00:00.007Z', false),
    made('a', '2026-11-26T09:00:00Z', true),
    made('b/c', '2026-11-26T09:00:00Z', true),
    made('b/c', '2026-11-27T00:00:00Z', true),
  );
});

describe('DuckDB', () => {
  test('the examples of the document', async () => {
    const query = await openDuckDb();
    const answers = [];
    for (const sql of statements('DuckDB', set)) answers.push(await query(sql));
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.at(-1)).toEqual([
      { host: 'a', n: '6' },
      { host: 'b/c', n: '3' },
    ]);
  });
});

describe.skipIf(!chdb)('ClickHouse (test/engines is installed)', () => {
  let session: Session;
  const rows = (sql: string): Record<string, unknown>[] =>
    session
      .query(`${sql} settings output_format_json_quote_64bit_integers = 1`, 'JSONEachRow')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  beforeAll(() => {
    session = new chdb!.Session(path.join(dir, 'clickhouse'));
    for (const sql of statements('ClickHouse', set)) session.query(sql);
  });
  afterAll(() => session?.cleanup());

  test('views and tables of the document have the rows that DuckDB has, 64 bits exactly, null where a file has no column', async () => {
    const query = await openDuckDb();
    const columns = 'host, toString(date) as date, sk, lport, state, remote, pid, command, low, bytes_in, in_rate';
    const order = 'order by host, "timestamp", lport';
    const expected = await query(
      `select ${columns.replace('toString(date) as date', 'date::varchar as date')} from read_parquet(${quoted(`${set}/template=tcp/**/*.parquet`)},
         hive_partitioning = true, union_by_name = true, hive_types = {'host': varchar, 'date': date}) ${order}`,
    );
    expect(expected.length).toBe(12);
    expect(expected[3]).toMatchObject({
      sk: `${0xffff_8881_0000_0001n}`,
      low: '-9223372036854775807',
      bytes_in: `${BIG - 1n}`,
    });
    const alike = (row: Record<string, unknown>) => ({ ...row, host: decodeURIComponent(String(row['host'])) });
    expect(rows(`select ${columns} from tcp ${order}`).map(alike)).toEqual(expected);
    expect(rows(`select ${columns} from tcp_local ${order}`).map(alike)).toEqual(expected);
    expect(rows('select "timestamp" from tcp_local order by "timestamp" limit 1')).toEqual([
      { timestamp: '2026-11-26 08:00:00.007000' },
    ]);
  });

  test('its question is answered', () => {
    const [talkers] = statements('ClickHouse', set).filter((sql) => /^select/i.test(sql));
    expect(rows(talkers!)[0]).toEqual({ host: 'a', remote: '192.0.2.3:443', rate: 1e9 + 2 });
  });
});

describeKernel('what a dump writes', () => {
  const write = (folder: string, ...args: string[]) =>
    spawnSync(process.execPath, [PROGRAM, 'dump', ...args, '--dataset', folder], { encoding: 'utf8' });

  test.skipIf(!chdb)('ClickHouse reads lists, flags and times of it', () => {
    const folder = path.join(dir, 'dump');
    const me = String(process.pid);
    expect(write(folder, 'task_file', '-p', me, '-c', '+flags')).toMatchObject({ status: 0, stderr: '' });
    const [file] = parquetFiles(folder);
    const session = new chdb!.Session(path.join(dir, 'clickhouse 2'));
    const answer = session.query(
      `select count() as n, min(pid) as low, max(pid) as high from file('${file}', Parquet)`,
      'JSONEachRow',
    );
    session.cleanup();
    const { n, low, high } = JSON.parse(answer);
    expect([Number(n) > 0, String(low), String(high)]).toEqual([true, me, me]);
  });
});
