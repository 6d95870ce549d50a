/** Data sets in which others have left things, and questions that would do something: not followed, not done, and said. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseOptions } from '../../src/options.ts';
import { runQuery } from '../../src/query.ts';
import { Dataset } from '../../src/state/dataset.ts';
import { sourceOf, tablesOf } from '../../src/state/dataset-tables.ts';
import type { Snapshot } from '../../src/state/snapshot.ts';
import { UsageError } from '../../src/templates/template.ts';
import { tableOf } from '../support/batch.ts';
import { fuzz } from '../support/fuzz.ts';
import { HOSTILE_TEXTS, OBEYED } from '../support/hostile-texts.ts';
import { PROGRAM } from '../support/kernel.ts';

// The program is started again and again, on machines that do other things as well.
vi.setConfig({ testTimeout: 120_000 });

const root = process.getuid?.() === 0;
/** Who plants: neither root nor nobody. */
const PLANTER = 1;
const SECRET = 'nobody is to see this';

const table = tableOf({ n: { type: 'u32' }, name: { type: 'text', as: 'text' } }, [
  { values: { n: 1, name: 'one' } },
  { values: { n: 2, name: 'two' } },
]);
const snapshot: Snapshot = {
  table,
  columns: ['n', 'name'],
  order: Uint32Array.of(0, 1),
  filters: {},
  where: '',
  search: '',
  host: { host: 'h', kernel: '6.18' },
  stats: {
    ...{ begin: Date.UTC(2026, 1, 3, 12), end: Date.UTC(2026, 1, 3, 12), visited: 2, emitted: 2, bytes: 1, reads: 1 },
    ...{ doubles: 0, readMs: 1, totalMs: 1, sessionId: 1, conditions: [] },
  },
};
const write = (folder: string) => {
  const dataset = new Dataset(folder, { bytes: Infinity, age: Infinity });
  dataset.take(snapshot);
  dataset.close();
};
/** From template= down. */
const LEVELS = ['template=made', 'host=h', 'date=2026-02-03', 'hour=12'];

let dir: string;
let set: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), "itertop-set [x]*? '"));
  set = path.join(dir, 'set');
  fs.writeFileSync(path.join(dir, 'secret'), SECRET);
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const query = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'query', set, ...args], {
    encoding: 'utf8',
    cwd: dir,
    timeout: 60_000,
  });
  return { status, stdout, stderr };
};

describe('a folder that is written to', () => {
  it.each(LEVELS.map((level, i) => [level, LEVELS.slice(0, i)] as const))(
    '%s planted as a link is not followed',
    (level, above) => {
      const elsewhere = path.join(dir, 'elsewhere');
      const planted = path.join(set, ...above, level);
      fs.mkdirSync(path.dirname(planted), { recursive: true });
      fs.mkdirSync(elsewhere);
      fs.symlinkSync(elsewhere, planted);
      expect(() => write(set)).toThrow(UsageError);
      expect(() => write(set)).toThrow(`${planted} is a symbolic link`);
      expect(fs.readdirSync(elsewhere)).toEqual([]);
      fs.rmdirSync(elsewhere);
      expect(() => write(set)).toThrow(UsageError);
      expect(fs.existsSync(elsewhere)).toBe(false);
    },
  );

  it.skipIf(!root).each(LEVELS.map((_, i) => LEVELS.slice(0, i + 1)))(
    'that another user has made is refused (%j %j %j %j)',
    (...levels) => {
      const planted = path.join(set, ...levels.filter(Boolean));
      fs.mkdirSync(planted, { recursive: true, mode: 0o777 });
      fs.chownSync(planted, PLANTER, PLANTER);
      expect(() => write(set)).toThrow(`${planted} belongs to`);
      expect(fs.readdirSync(planted)).toEqual([]);
    },
  );

  it.skipIf(!root)("that is another user's, or lies behind a link of one, is refused", () => {
    const elsewhere = path.join(dir, 'elsewhere');
    fs.mkdirSync(elsewhere);
    fs.symlinkSync(elsewhere, set);
    fs.lchownSync(set, PLANTER, PLANTER);
    for (const at of [set, path.join(set, 'below')]) expect(() => write(at)).toThrow(`${set} is a symbolic link of`);
    expect(fs.readdirSync(elsewhere)).toEqual([]);
    fs.lchownSync(set, 0, 0);
    fs.chownSync(elsewhere, PLANTER, PLANTER);
    expect(() => write(set)).toThrow(`${set} belongs to`);
    expect(fs.readdirSync(elsewhere)).toEqual([]);
  });

  it('of an absurd name takes rows, and they are found again', () => {
    for (const [name, text] of Object.entries(HOSTILE_TEXTS)) {
      set = path.join(dir, text.replaceAll(/[\0/]/g, '').slice(0, 60) || name);
      write(set);
      expect([...tablesOf(set)].map(([table, files]) => [table, files.length])).toEqual([['made', 1]]);
      fs.rmSync(set, { recursive: true });
    }
    set = path.join(dir, 'a [b]*? "c" \'d\'\x1b[2J');
    write(set);
    const { status, stdout, stderr } = query('select n, name, "hour" from made order by n', '-f', 'csv');
    expect([status, stderr, stdout]).toEqual([0, '', 'n,name,hour\n1,one,12\n2,two,12\n']);
  });
});

describe('what lies in a data set', () => {
  beforeEach(() => write(set));

  it.each<[string, (at: string) => void]>([
    ['a link to a folder', (at) => fs.symlinkSync(dir, at)],
    ['a link to a file', (at) => fs.symlinkSync(path.join(dir, 'secret'), at)],
    ['a link to nothing', (at) => fs.symlinkSync('nothing', at)],
  ])('%s is refused, wherever it is', (_, plant) => {
    for (const at of [
      path.join(set, 'template=x'),
      ...LEVELS.map((_, i) => path.join(set, ...LEVELS.slice(0, i + 1), 'x.parquet')),
    ]) {
      plant(at);
      expect(() => tablesOf(set)).toThrow(UsageError);
      expect(() => tablesOf(set)).toThrow(`${at} is a symbolic link`);
      fs.unlinkSync(at);
    }
    expect([...tablesOf(set).keys()]).toEqual(['made']);
  });

  it('that is neither a folder of a table nor a file is passed over, without waiting for it', () => {
    fs.writeFileSync(path.join(set, 'template=file'), '');
    fs.mkdirSync(path.join(set, 'template=%ZZ'));
    fs.mkdirSync(path.join(set, 'template=made', 'x.parquet'));
    fs.mkdirSync(path.join(set, 'other', 'a'), { recursive: true });
    fs.symlinkSync('nothing', path.join(set, 'link'));
    execFileSync('mkfifo', [path.join(set, ...LEVELS, 'pipe.parquet')]);
    const { status, stdout, stderr } = query('select count(*) as n from made', '-f', 'csv');
    expect([status, stderr, stdout]).toEqual([0, '', 'n\n2\n']);
    expect([...tablesOf(set).keys()]).toEqual(['made']);
  });

  it('and is no Parquet is named', () => {
    for (const [name, bytes] of [
      ['empty', ''],
      ['text', 'no parquet\n'.repeat(100)],
      ['torn', 'PAR1 something PAR1'],
      ['\x1b[2J\x1b]0;x\x07', 'PAR1'],
    ]) {
      const at = path.join(set, ...LEVELS, `${name}.parquet`);
      fs.writeFileSync(at, bytes!);
      const { status, stdout, stderr } = query('select 1');
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^itertop: /);
      expect(stderr).not.toMatch(OBEYED);
      if (/^\w+$/.test(name!)) expect(stderr).toContain(`${name}.parquet`);
      fs.unlinkSync(at);
    }
  });

  it('of any name is a table or passed over', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.constantFrom(...Object.values(HOSTILE_TEXTS)),
    );
    fuzz('names in a data set', 300, text, (name) => {
      const folder = path.join(set, `template=${name.replaceAll(/[\0/]/g, '').slice(0, 60)}`);
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, `${name.replaceAll(/[\0/]/g, '').slice(0, 60)}.parquet`), '');
      const tables = tablesOf(set);
      expect(tables.get('made')?.length).toBeGreaterThan(0);
      expect(sourceOf([...tables.values()].flat())).toMatch(/^select \* from read_parquet\(\['/);
      fs.rmSync(folder, { recursive: true });
      if (!fs.existsSync(path.join(set, ...LEVELS))) write(set);
    });
  });
});

describe('a question', () => {
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-set-'));
    set = path.join(dir, 'set');
    write(set);
    // DuckDB keeps what it wants to remember in the home.
    vi.stubEnv('HOME', dir);
  });
  beforeEach(() => write(set));
  afterAll(() => {
    vi.unstubAllEnvs();
    fs.rmSync(dir, { recursive: true, force: true });
  });

  /** Everything that is there, and what is in it. */
  const picture = () =>
    fs
      .readdirSync(dir, { recursive: true, withFileTypes: true })
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((at) => `${at} ${fs.lstatSync(at).isFile() ? fs.readFileSync(at).toString('hex') : ''}`)
      .sort();

  /** In this process, which is quicker. */
  async function answer(sql: string) {
    let said = '';
    const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      said += text;
      return true;
    });
    try {
      await runQuery({ ...parseOptions(['query', set, sql]), format: 'csv' });
      return said;
    } finally {
      spy.mockRestore();
    }
  }

  it.each<[string]>([
    ["copy (select 1) to 'SET/w.csv'"],
    ["copy (select 1 as n) to 'FILE' (format parquet)"],
    ["copy made to 'SET/template=made/w.parquet'"],
    ["explain analyze copy (select 1 as n) to 'FILE' (format parquet)"],
    ["copy x from 'DIR/secret'"],
    ["export database 'SET/w'"],
    ["import database 'SET'"],
    ["attach 'SET/w.db'"],
    ["attach 'DIR/w.db' as w"],
    ['detach memory'],
    ['install httpfs'],
    ['load httpfs'],
    ["load 'DIR/secret'"],
    ['set enable_external_access = true'],
    ['reset enable_external_access'],
    ['set lock_configuration = false'],
    ["set allowed_directories = ['/']"],
    ["set allowed_paths = ['DIR/secret']"],
    ["set temp_directory = 'SET/t'"],
    ["set file_search_path = 'DIR'"],
    ["pragma temp_directory = 'SET/t'"],
    ["pragma profiling_output = 'SET/t'"],
    ['pragma enable_profiling'],
    ["call enable_logging(storage = 'file', storage_config = {'path': 'SET/log'})"],
    ["from enable_logging(storage = 'file', storage_config = {'path': 'SET/log'})"],
    ["from enable_profiling(save_location = 'SET/log')"],
    ['call force_checkpoint()'],
    ["create persistent secret s (type s3, key_id 'x')"],
    ["create persistent secret s (type http, bearer_token 'x')"],
    ["from query('from enable_' || 'logging(storage = ''file'', storage_config = {''path'': ''SET/log''})')"],
    ["from \"query\" /* ( */ ('from enable_' || 'logging()')"],
    ["from json_execute_serialized_sql(json_serialize_sql('from enable_' || 'logging()'))"],
    ["prepare p as copy (select 1) to 'SET/w.csv'; execute p"],
    ["begin; copy (select 1) to 'SET/w.csv'; commit"],
    ["select 1; copy (select 1) to 'SET/w.csv'"],
    ["from 'DIR/secret'"],
    ["from read_text('DIR/secret')"],
    ["from read_text('SET/../secret')"],
    ["from read_text('SET/template=made/../../../secret')"],
    ["from read_text('file://DIR/secret')"],
    ["from read_text('secret')"],
    ["from read_blob('DIR/*')"],
    ["from read_csv('DIR/secret')"],
    ["from read_json('DIR/secret')"],
    ["from read_parquet('DIR/secret')"],
    ["from parquet_metadata('DIR/secret')"],
    ["from sniff_csv('DIR/secret')"],
    ["from query('from read_text(''DIR/secret'')')"],
    ["from glob('DIR/*')"],
    ["from read_csv('/proc/self/environ')"],
    ["from read_parquet('http://127.0.0.1:9/x.parquet')"],
    ["from read_parquet('s3://b/x.parquet')"],
    ["create table t as from read_text('DIR/secret')"],
    ["create view t as from read_text('DIR/secret'); from t"],
    ["create macro m() as table from read_text('DIR/secret'); from m()"],
    ["select getenv('HOME')"],
    ['from arrow_scan(1, 2, 3)'],
    [''],
    ['-- nothing'],
    [';;'],
  ])('%s: nothing is written, nothing else read, and it is said', async (sql) => {
    const [file] = [...tablesOf(set).values()].flat();
    const before = picture();
    const asked = sql.replaceAll('SET', set).replaceAll('DIR', dir).replaceAll('FILE', file!);
    await expect(answer(asked)).rejects.toThrow(UsageError);
    await expect(answer(asked)).rejects.toThrow(/^(?!.*nobody is to see this).{10}/s);
    expect(picture()).toEqual(before);
  });

  it.each<[string, string]>([
    ['from made order by n limit 1', 'n,name,date,host,hour,template\n1,one,2026-02-03,h,12,made\n'],
    ['with x as (from made) select sum(n) as s from x', 's\n3\n'],
    ['create table t as select n * 2 as m from made; select max(m) as m from t', 'm\n4\n'],
    ["select count(*) as n from made where host = 'h' and date = '2026-02-03'", 'n\n2\n'],
    ['pivot made on name using sum(n) group by host', 'host,one,two\nh,1,2\n'],
  ])('%s is answered', async (sql, text) => {
    expect((await answer(sql)).replace(/timestamp,|[^,\n]*Z,/g, '')).toBe(text);
  });
});
