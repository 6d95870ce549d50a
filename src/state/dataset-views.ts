/** Views of a data set in SQL (DuckDB's): one of each table, and questions that are asked again and again. */
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../templates/template.ts';

/** Columns of a table, as the data set has them. */
export type Known = ReadonlyMap<string, ReadonlySet<string>>;

export interface View {
  readonly name: string;
  readonly help: string;
  /** undefined where the data set lacks a table or a column that it needs. */
  readonly sql: string | undefined;
}

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
    throw new UsageError(`cannot read ${folder}: ${(error as Error).message}`);
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

/** What DuckDB reads a table with. */
export const sourceOf = (files: readonly string[]) =>
  `read_parquet([${files.map(quoted).join()}], hive_partitioning = true, union_by_name = true, hive_types = {'date': date, 'hour': bigint, 'host': varchar, 'template': varchar})`;

/** What an amount was at first and is at last, for a process that lives on. */
const GROWN = ['rss', 'virt', 'fds', 'threads'];

/** By the first bits of the remote address: 24 of IPv4, 48 of IPv6, as far as it is written out. */
const NETWORK = `case
  when remote like '[%' then regexp_extract(remote, '^\\[((?:[0-9a-f]+:){1,3})', 1) || ':/48'
  else regexp_extract(remote, '^(\\d+\\.\\d+\\.\\d+)\\.', 1) || '.0/24' end`;

export function readyViews(known: Known): readonly View[] {
  const has = (table: string, ...columns: string[]) => columns.every((column) => known.get(table)?.has(column));
  const command = has('task', 'comm') ? 'comm' : 'cmdline';
  const grown = GROWN.filter((column) => has('task', column));
  return [
    {
      name: 'top_talkers',
      help: 'tcp: who exchanged most with whom; bytes a second, averages over the samples',
      sql: has('tcp', 'remote', 'in_rate', 'out_rate', 'pid', 'command')
        ? `select host, pid, command, remote, avg(in_rate) as in_rate, avg(out_rate) as out_rate, count(*) as samples,
             max("timestamp") as last_seen
           from tcp where in_rate + out_rate > 0 group by host, pid, command, remote order by avg(in_rate + out_rate) desc`
        : undefined,
    },
    {
      name: 'networks',
      help: 'tcp: sockets, processes and hosts by remote network',
      sql: has('tcp', 'remote', 'pid', 'sk')
        ? `select ${NETWORK} as network, count(distinct (host, sk, lport, rport)) as sockets,
             count(distinct (host, pid)) as processes, count(distinct host) as hosts
           from tcp where rport > 0 group by network order by sockets desc`
        : undefined,
    },
    {
      name: 'leaks',
      help: 'task: processes that grew between their first and their last sample',
      sql:
        grown.length > 0 && has('task', 'pid', command)
          ? `select host, pid, arg_max(${command}, "timestamp") as command, min("timestamp") as since,
               max("timestamp") as until, ${grown
                 .map(
                   (column) => `arg_max(${column}, "timestamp") - arg_min(${column}, "timestamp") as ${column}_grown`,
                 )
                 .join(', ')}
             from task group by host, tid, start_ns, pid
             having count(*) > 1 and (${grown.map((column) => `${column}_grown > 0`).join(' or ')})
             order by ${grown[0]}_grown desc`
          : undefined,
    },
  ];
}
