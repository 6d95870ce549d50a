/** What a data set has, and what may be asked of it. */
import { tableText } from './query-text.ts';
import { shellQuoted } from './state/command-line.ts';
import { extentOf } from './state/dataset-tables.ts';
import { FUNCTIONS, type Known, type View } from './state/dataset-views.ts';
import { sanitize } from './templates/text.ts';

/** As wide as any terminal. */
const WIDTH = 78;

interface Contents {
  /** As it was named. */
  readonly folder: string;
  /** Files of each. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
  readonly known: Known;
  readonly views: readonly View[];
}

export function contents({ folder, tables, known, views }: Contents): string {
  const extents = [...tables].map(([name, files]) => ({ name, ...extentOf(files) }));
  const days = extents.flatMap((extent) => extent.days).sort();
  const [host = 'NAME'] = extents.flatMap(({ hosts }) => hosts).sort();
  const [first = 'YYYY-MM-DD'] = days;
  const last = days.at(-1) ?? first;
  const example = (sql: string) => {
    const question = sql.replace('$HOST', `'${host}'`).replace('$DAY', first).replaceAll('$DAY', last);
    return `  itertop query ${shellQuoted(folder)} ${inQuotes(question)}\n`;
  };
  const rows = extents.map(({ name, files, bytes, hosts, days }) => [
    ...[name, files, bytes, hosts.length || null],
    ...[days[0] ?? null, days.at(-1) ?? null],
  ]);
  const ready = views.filter(({ sql }) => sql);
  const others = views.filter(({ sql }) => !sql);
  return [
    tableText({ columns: ['table', 'files', 'bytes', 'hosts', 'since', 'until'], rows }),
    ...[...known].map(([name, columns]) => `\n${wrapped(`${name}:`, [...columns])}`),
    ...(ready.length > 0 ? ['\nReady to be asked:\n'] : []),
    ...ready.map(({ name, table, help, example: sql }) => `${name} (${table}): ${help}\n${example(sql)}`),
    ...(others.length > 0 ? ['\nWith what these write, too:\n'] : []),
    ...others.map(({ name, table, help, from }) => `${name} (${table}): ${help}\n  ${from} ${shellQuoted(folder)}\n`),
    '\nFunctions:\n',
    ...FUNCTIONS.map(({ name, help }) => `${name}: ${help}\n`),
  ].join('');
}

/** SQL as an argument: it has quotes of its own. */
const inQuotes = (sql: string) => (/["$`\\!]/.test(sql) ? shellQuoted(sql) : `"${sql}"`);

/** Words on lines, the further ones indented. */
function wrapped(head: string, words: readonly string[]): string {
  const lines = [sanitize(head)];
  for (const [i, word] of words.entries()) {
    const text = `${sanitize(word)}${i < words.length - 1 ? ',' : ''}`;
    if (lines.at(-1)!.length + 1 + text.length <= WIDTH) lines.push(`${lines.pop()} ${text}`);
    else lines.push(`  ${text}`);
  }
  return `${lines.join('\n')}\n`;
}

/** DuckDB's message, and what there is in place of what was asked for. */
export function inWords(message: string, tables: readonly string[], views: readonly View[]): string {
  const [, missing] =
    /(?:Table|Function|Macro)(?: with name| Function with name) "?([^\s"]+)"? does not exist/i.exec(message) ?? [];
  if (missing !== undefined) {
    const view = views.find(({ name }) => name.split('(')[0] === missing.toLowerCase());
    if (view && !view.sql)
      return `${missing} lacks a table or columns that it is made of: ${view.from} FOLDER writes them`;
    const there = [...tables, ...views.filter(({ sql }) => sql).map(({ name }) => name)];
    // Of tables DuckDB means those of its own catalog.
    const said = message.replace(/(Table with name .*\n)Did you mean .*\n+/, '$1');
    return `${said}\nThere are ${there.join(', ')}.`;
  }
  if (message.startsWith('Permission Error'))
    return `${message}\nA query reads the data set and nothing else, and writes nothing: put what it prints into a file (-f csv > FILE).`;
  if (/No magic bytes|too small to be a Parquet|footer/i.test(message))
    return `${message}\nThat file is damaged, or no Parquet at all: take it out of the data set.`;
  return message;
}
