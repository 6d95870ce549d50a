/**
 * Questions over a data set of 1,000 hosts, made of recordings of this one: as the hosts write it, a file for each and
 * hour, and as DuckDB makes a file a day of it; beside the same rows as compressed lines, by gzip and grep. CPU time of all
 * processes and threads, so that what else runs here counts for less. FLEET=HOSTS,HOURS is another size.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { recordHere } from '../fleet/record.ts';
import { readRecorded } from '../fleet/recorded.ts';
import { hostName } from '../fleet/simulated.ts';
import { sizeOf, write } from '../fleet/write.ts';
import type { Result } from '../result.ts';
import { ITERTOP } from '../terminal.ts';

const [HOSTS = 1000, HOURS = 3] = process.env['FLEET']?.split(',').map(Number) ?? [];
const BEGIN = Date.UTC(2026, 0, 5);
const HOUR = 3_600_000;
const MANY = { bytes: Number.POSITIVE_INFINITY, age: Number.POSITIVE_INFINITY };
const HOST = hostName(7);

/** What is asked of tcp, and what would find the same in lines. */
const QUESTIONS: readonly { readonly what: string; readonly sql: string; readonly instead?: string }[] = [
  {
    what: 'one host, one hour',
    sql: `select count(*) from tcp where host = '${HOST}' and "timestamp" >= '2026-01-05 01:00:00+00' and "timestamp" < '2026-01-05 02:00:00+00'`,
    instead: `zcat LINES | grep -F '"host":"${HOST}"' | grep -c '"timestamp":"2026-01-05T01'`,
  },
  {
    what: 'sockets by state, all hosts',
    sql: 'select state, count(*) from tcp group by state',
    instead: `zcat LINES | grep -o '"state":"[A-Z_0-9]*"' | sort | uniq -c`,
  },
  { what: 'top talkers', sql: 'from top_talkers limit 20' },
  { what: 'sockets by remote network', sql: 'from networks limit 20' },
];
const LEAKS = { what: 'leaks between two days', sql: "from leaks_between('2026-01-05', '2026-01-06') limit 20" };

export async function fleet(): Promise<Result[]> {
  // Each file is synced; in memory that costs nothing, and it is not what is measured.
  const root = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
  const folder = fs.mkdtempSync(path.join(root, 'itertop-fleet-'));
  try {
    const recordings = await recordHere(folder, 24);
    const set = path.join(folder, 'set');
    const of = (table: string) => readRecorded(recordings.get(table)!);
    const size = { hosts: HOSTS, begin: BEGIN, rows: 40, roll: MANY };
    const rows = written('tcp', write(set, of('tcp'), { ...size, span: HOURS * HOUR, every: HOUR / 2 }));
    written('task', write(set, of('task'), { ...size, span: 48 * HOUR, every: 24 * HOUR }));
    const days = path.join(folder, 'days');
    const results: Result[] = [];
    const made = sizeOf(path.join(set, 'template=tcp'));
    const compacting = cpu(process.execPath, ['-e', COMPACT, set, days]);
    const compacted = sizeOf(path.join(days, 'template=tcp'));
    const lines = path.join(folder, 'tcp.ndjson.gz');
    const all = `${shell(ITERTOP)} query ${set} 'select * exclude (template, date, hour) from tcp' -f ndjson`;
    cpu('sh', ['-c', `${all} | sed -E 's/("timestamp":"[0-9-]*) /\\1T/' | gzip > ${lines}`]);
    const what = `${HOSTS} hosts, ${HOURS} h, ${rows} tcp rows in ${made.files} files`;
    results.push(
      { what: `${what}: bytes a row`, own: made.bytes / rows, unit: 'bytes' },
      { what: `the same, a file a day: bytes a row`, own: compacted.bytes / rows, unit: 'bytes' },
      { what: `the same, lines by gzip: bytes a row`, own: fs.statSync(lines).size / rows, unit: 'bytes' },
      { what: 'to make a file a day (CPU)', own: compacting, unit: 'ms' },
    );
    for (const { what, sql, instead } of QUESTIONS) {
      const beside =
        instead === undefined
          ? {}
          : { other: cpu('sh', ['-c', instead.replace('LINES', lines)]), than: instead.replace(/ LINES.*/, ' | grep') };
      for (const [layout, where] of [
        [`${made.files} files`, set],
        ['a file a day', days],
      ] as const) {
        const own = cpu(ITERTOP[0]!, [...ITERTOP.slice(1), 'query', where, sql]);
        results.push({ what: `${what}, ${layout} (CPU)`, own, ...beside, unit: 'ms' });
      }
    }
    const own = cpu(ITERTOP[0]!, [...ITERTOP.slice(1), 'query', set, LEAKS.sql]);
    results.push({ what: `${LEAKS.what} (CPU)`, own, unit: 'ms' });
    for (const group of [1_000, 10_000, 100_000]) {
      const groups = path.join(folder, `groups-${group}`);
      cpu(process.execPath, ['-e', COMPACT, set, groups, String(group)]);
      const found = cpu(ITERTOP[0]!, [...ITERTOP.slice(1), 'query', groups, QUESTIONS[0]!.sql]);
      const { bytes } = sizeOf(groups);
      const what = `row groups of ${group}`;
      results.push(
        { what: `${what}: bytes a row`, own: bytes / rows, unit: 'bytes' },
        { what: `${what}: ${QUESTIONS[0]!.what} (CPU)`, own: found, unit: 'ms' },
      );
    }
    return results;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** As docs/fleet/scale.md has it. */
const COMPACT = `
const { DuckDBInstance } = require('@duckdb/node-api');
const [set, days, group = '100_000'] = process.argv.slice(1);
(async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  require('node:fs').mkdirSync(days);
  await connection.run(\`copy (select * exclude (template, hour)
    from read_parquet('\${set}/template=tcp/**/*.parquet', hive_partitioning = true, hive_types = {'host': varchar, 'date': date})
    order by host, "timestamp") to '\${days}/template=tcp' (format parquet, partition_by (date), compression zstd, row_group_size \${group})\`);
})();`;

const shell = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');

/** Says how far it is. @returns rows */
function written(table: string, steps: Iterable<{ readonly rows: number }>): number {
  let rows = 0;
  let hosts = 0;
  for (const step of steps) {
    rows = step.rows;
    if (++hosts % 100 === 0) process.stderr.write(`  ${table}: ${hosts} hosts, ${rows} rows\n`);
  }
  return rows;
}

/** Milliseconds of CPU that a command and its children took. @throws Error where it failed */
function cpu(file: string, args: readonly string[]): number {
  const before = children();
  const { status, stderr, error } = spawnSync(file, args, { encoding: 'utf8', maxBuffer: 1 << 30 });
  if (error || status !== 0) throw new Error(`${file} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return children() - before;
}

/** CPU of the children that have ended, ms: cutime and cstime, in hundredths of a second. */
function children(): number {
  const [, after] = fs.readFileSync('/proc/self/stat', 'latin1').split(') ') as [string, string];
  const fields = after.split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}
