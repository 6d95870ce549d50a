/** SQL over a data set, answered by DuckDB where it is installed. Nothing is written, and nothing but the data set read. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PACKED } from './bpf/packed.ts';
import type { Options } from './options.ts';
import { contents, inWords } from './query-contents.ts';
import { type Answer, textOf } from './query-text.ts';
import { quoted, sampleFilesOf, sampleOf, tablesOf, viewOf } from './state/dataset-tables.ts';
import { FUNCTIONS, readyViews, type View } from './state/dataset-views.ts';
import type { Listed, Value } from './templates/table.ts';
import { UsageError } from './templates/template.ts';

type DuckDb = typeof import('@duckdb/node-api');

/** @throws UsageError */
function loadDuckDb(): DuckDb {
  if (PACKED) throw new UsageError('the single executable is without DuckDB: query with itertop from npm');
  try {
    return createRequire(import.meta.url)('@duckdb/node-api');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'MODULE_NOT_FOUND' ? 'it is not installed' : message;
    throw new UsageError(`query needs DuckDB, and ${why}: npm install @duckdb/node-api (-g where itertop is)`);
  }
}

/** Functions that write where they are told to, or take addresses; and those that run what a text says that is not here. */
const NO_QUESTION =
  /\b(enable_logging|enable_profiling|arrow_scan\w*|json_execute_serialized_sql|query(?="?(?:\s|\/\*[\s\S]*?\*\/|--[^\n]*)*\())/i;

/** About the tables that there are. */
const IN_GENERAL = /\b(show|information_schema|duckdb_\w+|pg_\w+|sqlite_\w+)\b/i;

/** @throws UsageError, also for SQL that DuckDB refuses */
export async function runQuery({ dataset, sql, format }: Options): Promise<void> {
  const folder = path.resolve(dataset!);
  const tables = tablesOf(fs.existsSync(folder) ? fs.realpathSync(folder) : folder);
  const duckDb = loadDuckDb();
  const instance = await duckDb.DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  let views: readonly View[] = [];
  const plain = plainly(duckDb, format);
  /**
   * Answers the last statement. What is not a question, or makes something in memory for one, might write files.
   * @param whole has tables read all their files: a statement by itself is checked before that, and run after it
   */
  const answer = async (text: string, whole: () => Promise<void>): Promise<Answer> => {
    const [called] = NO_QUESTION.exec(text) ?? [];
    if (called !== undefined) throw new UsageError(`query answers questions; it runs no ${called}()`);
    const { SELECT, CREATE } = duckDb.StatementType;
    const statements = await connection.extractStatements(text);
    const alone = statements.count === 1;
    if (!alone) await whole();
    let last: Answer = { columns: [], rows: [] };
    for (let i = 0; i < statements.count; i++) {
      const statement = await statements.prepare(i);
      const type = statement.statementType;
      if (type !== SELECT && type !== CREATE)
        throw new UsageError(
          `query answers questions (SELECT, FROM, DESCRIBE, SUMMARIZE, PIVOT and CREATE in memory); it runs no ${duckDb.StatementType[type] ?? 'such statement'}`,
        );
      if (type === SELECT && i < statements.count - 1)
        throw new UsageError('one question at a time: what comes before the last statement may only CREATE');
      if (alone) await whole();
      const reader = await (alone ? connection.runAndReadAll(text) : statement.runAndReadAll());
      last = { columns: reader.deduplicatedColumnNames(), rows: reader.getRows().map((row) => row.map(plain)) };
    }
    return last;
  };
  const orInWords = async <T>(what: Promise<T>): Promise<T> => {
    try {
      return await what;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      const { message } = error as Error;
      if (message === 'Error in native callback') throw new UsageError('the query is empty');
      throw new UsageError(inWords(message, [...tables.keys()], views));
    }
  };
  const ask = (text: string, whole = async () => {}): Promise<Answer> => orInWords(answer(text, whole));
  const asks = (name: string) =>
    sql !== undefined && (IN_GENERAL.test(sql) || sql.toLowerCase().includes(name.toLowerCase()));
  const wordOf = (view: View) => view.name.split('(')[0]!;
  /** To let a file be read, and to make a view of it, takes as long as to ask it: those of what is asked for. */
  const asked = (name: string) =>
    asks(name) || readyViews(new Map()).some((view) => view.table === name && asks(wordOf(view)));
  const allowed = [...tables].flatMap(([name, files]) => (asked(name) ? files : sampleFilesOf(files)));
  try {
    // Only the files of the data set, nothing written (what does not fit into memory, secrets), no extension from the
    // network, and no way back from that.
    for (const setting of [
      `allowed_paths = [${allowed.map(quoted).join()}]`,
      "timezone = 'UTC'",
      "temp_directory = ''",
      'allow_persistent_secrets = false',
      'autoinstall_known_extensions = false',
      'enable_external_access = false',
      'lock_configuration = true',
    ])
      await connection.run(`set ${setting}`);
    const known = new Map<string, ReadonlySet<string>>();
    for (const [name, files] of tables) {
      const { rows } = await ask(`describe ${sampleOf(files)}`);
      known.set(name, new Set(rows.map(([column]) => String(column))));
    }
    views = readyViews(known);
    if (sql === undefined) {
      process.stdout.write(contents({ folder: dataset!, tables, known, views }));
      return;
    }
    const made = views.filter((view) => view.sql && !tables.has(view.name) && asks(wordOf(view)));
    const shown = [...tables].filter(([name]) => asked(name)).map(([name, files]) => viewOf(name, files));
    const run = async (texts: readonly string[]) => {
      for (const text of texts) await orInWords(connection.run(text));
    };
    await run(shown.flatMap((view) => view.made));
    for (const each of FUNCTIONS) for (const text of each.sql) await ask(text);
    for (const view of made) await ask(view.sql!);
    const answered = await ask(sql, () => run(shown.flatMap((view) => view.whole)));
    const { isTTY, columns } = process.stdout;
    process.stdout.write(textOf(answered, format ?? 'table', (isTTY && columns) || undefined));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/**
 * Numbers, texts and flags as they are; times for programs as a dump has them, and lists in JSON as such; all others as
 * DuckDB writes them.
 */
function plainly({ DuckDBListValue, DuckDBTimestampTZValue }: DuckDb, format: Options['format']) {
  const inJson = format === 'json' || format === 'ndjson';
  const plain = (value: unknown): Listed => {
    if (value === null || value === undefined) return null;
    if (inJson && value instanceof DuckDBListValue) return value.items.map(plain);
    if ((inJson || format === 'csv') && value instanceof DuckDBTimestampTZValue)
      return String(value).replace(/^(\S+) (\S+)\+00$/, '$1T$2Z');
    return ['number', 'bigint', 'string', 'boolean'].includes(typeof value) ? (value as Value) : String(value);
  };
  return plain;
}
