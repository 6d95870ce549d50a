/** What is seen, as Parquet: from the explorer as from dump. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openDuckDb, quoted } from '../support/duckdb.ts';
import { record } from '../support/recorded.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const ENV = { TZ: 'UTC', NO_COLOR: '1', XDG_CONFIG_HOME: '/nonexistent', HOME: '/nonexistent' };
let folder = '';
let terminal: TestTerminal | undefined;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-export-'));
  record(path.join(folder, 'made.itertop'), 0, 10);
});
afterEach(async () => {
  terminal?.kill();
  await terminal?.exited;
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

it('is written with typed columns and the time, of the rows that are shown', async () => {
  const words = [PROGRAM, 'replay', path.join(folder, 'made.itertop'), '--at', 'start', '--where', 'id > 1'];
  terminal = new TestTerminal(process.execPath, words, { cols: 80, rows: 24, env: ENV });
  const wait = (what: RegExp) => terminal!.waitFor(what, String(what), 30_000);
  await wait(/made {2}3 rows/);
  const file = path.join(folder, 'rows.csv');
  terminal.type(`e${KEY.ctrlU}${file}${KEY.up}${KEY.up}`);
  await wait(/\[csv\] {2}json {3}ndjson {3}parquet/);
  for (let i = 0; i < 3; i++) terminal.type(KEY.right);
  await wait(/csv {3}json {3}ndjson {2}\[parquet\][\s\S]*rows\.parquet/);
  terminal.type(KEY.enter);
  await wait(/3 rows written to/);
  const query = await openDuckDb();
  const written = quoted(path.join(folder, 'rows.parquet'));
  expect(await query(`select timestamp, id, value, name from ${written} order by id`)).toEqual(
    [2, 3, 4].map((id) =>
      expect.objectContaining({ id: String(id), name: `row ${id}`, timestamp: expect.stringContaining('2026-01-01') }),
    ),
  );
  const kept = await query(
    `select decode(value) as value from parquet_kv_metadata(${written}) where decode(key) = 'itertop'`,
  );
  expect(JSON.parse(kept[0]!['value'] as string)).toMatchObject({ host: 'made', kernel: '6.0', where: 'id > 1' });
});
