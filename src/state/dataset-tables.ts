/**
 * The tables of a data set, and what DuckDB reads them with. Files whose names say that they have the same columns are
 * read together, and one of them is opened to know which columns these are; where names do not tell, all have to be, for
 * every question, and 24,000 of them take seconds.
 */
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../templates/template.ts';

/** The end of a name that the data set's writer has given. */
const SCHEMA = /-(s[0-9a-f]{8})-[0-9a-f]{8}\.parquet$/;
const FOLDER = /(?<=\/)(template|host|date|hour)=([^/]*)\//g;
const FOLDER_TYPES: Readonly<Record<string, string>> = {
  template: 'varchar',
  host: 'varchar',
  date: 'date',
  hour: 'bigint',
};

export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
export const named = (text: string) => `"${text.replaceAll('"', '""')}"`;

/**
 * Files of each table, by its name; whole paths. Folders and files alone are looked at: whoever plants a link would say what
 * is read. @throws UsageError where there is none, or a link
 */
export function tablesOf(folder: string): ReadonlyMap<string, readonly string[]> {
  const tables = new Map<string, string[]>();
  for (const entry of entriesOf(folder)) {
    const [, name] = /^template=(.+)$/.exec(entry.name) ?? [];
    if (name === undefined) continue;
    refuseLink(entry);
    if (!entry.isDirectory()) continue;
    for (const inner of entriesOf(path.join(folder, entry.name), true)) {
      refuseLink(inner);
      if (!inner.isFile() || !inner.name.endsWith('.parquet')) continue;
      const files = tables.get(decoded(name)) ?? [];
      files.push(path.join(inner.parentPath, inner.name));
      tables.set(decoded(name), files);
    }
  }
  if (tables.size === 0)
    throw new UsageError(`${folder} has no files of a data set; itertop dump TEMPLATE --dataset ${folder} writes them`);
  return tables;
}

function entriesOf(folder: string, recursive = false): fs.Dirent[] {
  try {
    const entries = fs.readdirSync(folder, { recursive, withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(code === 'ENOENT' ? `there is no folder ${folder}` : `cannot read ${folder}: ${message}`);
  }
}

function refuseLink(entry: fs.Dirent): void {
  if (entry.isSymbolicLink())
    throw new UsageError(
      `${path.join(entry.parentPath, entry.name)} is a symbolic link; a data set is read where it has files and folders alone`,
    );
}

/** As it was before it was a folder's name. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Files that have the same columns, as far as their names tell. */
interface Alike {
  readonly folders: readonly string[];
  /** undefined where nothing tells. */
  readonly mark: string | undefined;
  readonly files: string[];
}

function alikeOf(files: readonly string[]): Alike[] {
  const all = new Map<string, Alike>();
  for (const file of files) {
    const [, mark] = SCHEMA.exec(file) ?? [];
    const folders = [...new Set([...file.matchAll(FOLDER)].map(([, key]) => key!))];
    const form = [mark, ...folders].join();
    const known = all.get(form);
    if (known) known.files.push(file);
    else all.set(form, { folders, mark, files: [file] });
  }
  return [...all.values()];
}

/** The query for the rows of a table. */
export function sourceOf(files: readonly string[]): string {
  return alikeOf(files)
    .map((alike) => readAlike(alike))
    .join(' union all by name ');
}

/** Files that have all its columns. */
export function sampleFilesOf(files: readonly string[]): string[] {
  return alikeOf(files).flatMap((alike) => sampled(alike).files);
}

/** The same for some rows of it, with all columns. */
export function sampleOf(files: readonly string[]): string {
  return alikeOf(files)
    .map((alike) => readAlike(sampled(alike)))
    .join(' union all by name ');
}

export interface TableView {
  /** What makes it, of files that have all its columns. */
  readonly made: readonly string[];
  /** What has it read all files, from then on. */
  readonly whole: readonly string[];
}

/**
 * A table as a view. DuckDB looks at each file whenever a text is read that asks for it, so the names of files stand in
 * variables: whatever is not the question itself is read while these are few.
 */
export function viewOf(name: string, files: readonly string[]): TableView {
  const all = alikeOf(files).map((alike, i) => ({ alike, variable: `${name} files ${i}` }));
  const set = ({ files: some }: Alike, variable: string) => `set variable ${named(variable)} = ${listOf(some)}`;
  const read = all.map(({ alike, variable }) => readAlike(alike, `getvariable(${quoted(variable)})`));
  return {
    made: [
      ...all.map(({ alike, variable }) => set(sampled(alike), variable)),
      `create view ${named(name)} as ${read.join(' union all by name ')}`,
    ],
    whole: all.map(({ alike, variable }) => set(alike, variable)),
  };
}

/** One file tells the columns of all whose names say that they have the same. */
const sampled = (alike: Alike): Alike =>
  alike.mark === undefined ? alike : { ...alike, files: alike.files.slice(0, 1) };

const listOf = (files: readonly string[]) => `[${files.map(quoted).join()}]`;

function readAlike({ folders, mark, files }: Alike, list = listOf(files)): string {
  const types = folders.map((key) => `'${key}': ${FOLDER_TYPES[key]}`).join(', ');
  const byName = mark === undefined ? ', union_by_name = true' : '';
  return `select * from read_parquet(${list}, hive_partitioning = true, hive_types = {${types}}${byName})`;
}

export interface Extent {
  readonly files: number;
  readonly bytes: number;
  /** As the folders' names tell, in order; none where files lie in others. */
  readonly hosts: readonly string[];
  readonly days: readonly string[];
}

/** How much there is of a table. */
export function extentOf(files: readonly string[]): Extent {
  const values = new Map<string, Set<string>>();
  let bytes = 0;
  for (const file of files) {
    bytes += fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    for (const [, key, value] of file.matchAll(FOLDER)) {
      const known = values.get(key!);
      if (known) known.add(decoded(value!));
      else values.set(key!, new Set([decoded(value!)]));
    }
  }
  const of = (key: string) => [...(values.get(key) ?? [])].sort();
  return { files: files.length, bytes, hosts: of('host'), days: of('date') };
}
