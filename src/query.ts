/** SQL over a data set, answered by DuckDB where it is installed. Nothing is written, and nothing but the data set read. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PACKED } from './bpf/packed.ts';
import type { Options } from './options.ts';
import { named, quoted, readyViews, sourceOf, tablesOf } from './state/dataset-views.ts';
import { csv, json } from './state/snapshot.ts';
import type { Value } from './templates/table.ts';
import { UsageError } from './templates/template.ts';
import { fit, sanitize, textWidth } from './templates/text.ts';

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

interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

/** Functions that write where they are told to, or take addresses. */
const NO_QUESTION = /\b(enable_logging|enable_profiling|arrow_scan\w*)\b/i;

/** @throws UsageError, also for SQL that DuckDB refuses */
export async function runQuery({ dataset, sql, format }: Options): Promise<void> {
  const folder = path.resolve(dataset!);
  const tables = tablesOf(fs.existsSync(folder) ? fs.realpathSync(folder) : folder);
  const duckDb = loadDuckDb();
  const instance = await duckDb.DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  /** Answers the last statement. What is not a question, or makes something in memory for one, might write files. */
  const answer = async (text: string): Promise<Answer> => {
    const [function_] = NO_QUESTION.exec(text) ?? [];
    if (function_ !== undefined) throw new UsageError(`query answers questions; it runs no ${function_}()`);
    const { SELECT, CREATE } = duckDb.StatementType;
    const statements = await connection.extractStatements(text);
    let last: Answer = { columns: [], rows: [] };
    for (let i = 0; i < statements.count; i++) {
      const statement = await statements.prepare(i);
      const type = statement.statementType;
      if (type !== SELECT && type !== CREATE)
        throw new UsageError(
          `query answers questions (SELECT, FROM, DESCRIBE, SUMMARIZE, PIVOT and CREATE in memory); it runs no ${duckDb.StatementType[type] ?? 'such statement'}`,
        );
      const reader = await statement.runAndReadAll();
      last = { columns: reader.deduplicatedColumnNames(), rows: reader.getRows().map((row) => row.map(plainValue)) };
    }
    return last;
  };
  const ask = async (text: string): Promise<Answer> => {
    try {
      return await answer(text);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      const { message } = error as Error;
      throw new UsageError(message === 'Error in native callback' ? 'the query is empty' : message);
    }
  };
  try {
    // Only the files of the data set, no extension from the network, and no way back from that.
    for (const setting of [
      `allowed_paths = [${[...tables.values()].flat().map(quoted).join()}]`,
      "timezone = 'UTC'",
      'autoinstall_known_extensions = false',
      'enable_external_access = false',
      'lock_configuration = true',
    ])
      await connection.run(`set ${setting}`);
    const known = new Map<string, ReadonlySet<string>>();
    for (const [name, files] of tables) {
      await ask(`create view ${named(name)} as select * from ${sourceOf(files)}`);
      const { rows } = await ask(`describe ${named(name)}`);
      known.set(name, new Set(rows.map(([column]) => String(column))));
    }
    const views = readyViews(known);
    for (const { name, sql } of views) if (sql && !tables.has(name)) await ask(`create view ${named(name)} as ${sql}`);
    if (sql !== undefined) {
      process.stdout.write(textOf(await ask(sql), format ?? 'table'));
      return;
    }
    const counted = [];
    for (const name of tables.keys()) {
      const { rows } = await ask(
        `select count(*), count(distinct host), min("timestamp"), max("timestamp") from ${named(name)}`,
      );
      counted.push([name, ...rows[0]!]);
    }
    process.stdout.write(
      `${textOf({ columns: ['table', 'rows', 'hosts', 'since', 'until'], rows: counted }, 'table')}\n${views
        .map(({ name, help, sql }) => `${name.padEnd(12)} ${help}${sql ? '' : ' (its columns are not there)'}\n`)
        .join('')}`,
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Numbers, texts and flags as they are; lists, times and others as DuckDB writes them. */
function plainValue(value: unknown): Value {
  if (value === null || value === undefined) return null;
  return ['number', 'bigint', 'string', 'boolean'].includes(typeof value) ? (value as Value) : String(value);
}

function textOf({ columns, rows }: Answer, format: NonNullable<Options['format']>): string {
  const object = (row: readonly Value[]) => `{${columns.map((name, i) => `${json(name)}:${json(row[i])}`).join(',')}}`;
  switch (format) {
    case 'csv':
      return [columns.map(csv), ...rows.map((row) => row.map(csv))].map((cells) => `${cells.join(',')}\n`).join('');
    case 'ndjson':
      return rows.map((row) => `${object(row)}\n`).join('');
    case 'json':
      return `[${rows.map((row) => `\n${object(row)}`).join(',')}\n]\n`;
    default:
      return tableText({ columns, rows });
  }
}

function tableText({ columns, rows }: Answer): string {
  const cells = rows.map((row) => row.map(cellOf));
  const heads = columns.map((name) => sanitize(name));
  const widths = heads.map((head, i) =>
    cells.reduce((width, row) => Math.max(width, textWidth(row[i])), textWidth(head)),
  );
  const right = heads.map((_, i) => rows.every((row) => typeof row[i] !== 'string'));
  const line = (texts: readonly string[]) =>
    `${texts
      .map((text, i) => fit(text, widths[i], right[i] ? 'right' : 'left'))
      .join('  ')
      .trimEnd()}\n`;
  return [line(heads), ...cells.map(line)].join('');
}

function cellOf(value: Value): string {
  if (value === null) return '';
  return typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(2) : sanitize(String(value));
}
