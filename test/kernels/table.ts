/** What the guests found: what is wrong, and a table for the terminal. */
import type { Found, FoundTable, TestResult } from './found.ts';

export interface Outcome {
  /** Debian's suite and architecture: `bookworm amd64`. */
  readonly of: string;
  readonly found: Found | null;
  readonly tests: readonly TestResult[];
  /** Of each step: `probe ended with 0 after 12 s`. */
  readonly steps: readonly string[];
  /** Lines of the kernel's log that tell of a fault in it. */
  readonly complaints: readonly string[];
  /** Why there is nothing, or not all; '' where all went through. */
  readonly error: string;
}

/** What no BTF tells: before Linux 5.12 iterators may not call bpf_d_path(). */
const REFUSED = /helper call is not allowed in probe/;

/** What has to be seen of maps on every kernel that has their iterator: one element each. */
function mapFaults(found: Found): string[] {
  return found.maps
    .filter((m) => m.error !== '' || m.rows !== 1)
    .map((m) => `${m.type}: ${m.error || `${m.rows} elements, not 1`}`);
}

/** Everything that is wrong; empty where a kernel passes. */
export function faults({ found, tests, error, steps, complaints }: Outcome): string[] {
  const list = error ? [error] : [];
  for (const step of steps) if (/ended with [^0]/.test(step)) list.push(step);
  list.push(...complaints.map((line) => `the kernel complains: ${line}`));
  if (found) {
    for (const t of [...found.tables, ...found.generic])
      if (t.state === 'failed') list.push(`table ${t.name}: ${t.error}`);
    for (const t of found.tables)
      for (const [column, reason] of Object.entries(t.absent))
        if (/verifier refuses/.test(reason) && !REFUSED.test(reason))
          list.push(`column ${t.name}.${column}: ${reason}`);
    list.push(...mapFaults(found).map((m) => `map ${m}`));
  }
  for (const t of tests) if (t.state === 'failed') list.push(`test ${t.file} > ${t.name}: ${t.message}`);
  return list;
}

const count = (tests: readonly TestResult[], state: TestResult['state']) =>
  tests.filter((t) => t.state === state).length;
const absentOf = (tables: readonly FoundTable[]) => tables.reduce((sum, t) => sum + Object.keys(t.absent).length, 0);
const columnsOf = (tables: readonly FoundTable[]) => tables.reduce((sum, t) => sum + t.columns, 0);

export const HEAD: readonly string[] = [
  'kernel',
  'arch',
  'targets',
  'tables',
  'columns',
  'absent',
  'maps',
  'passed',
  'failed',
  'skipped',
];

function cells({ of, found, tests }: Outcome): string[] {
  if (!found) return [of, ...HEAD.slice(1).map(() => '-')];
  const there = found.tables.filter((t) => t.state === 'ok');
  const maps = found.maps.filter((m) => m.error === '' && m.rows === 1 && m.by === 'kernel');
  return [
    found.release,
    found.arch,
    String(found.targets.length),
    `${there.length} of ${found.tables.filter((t) => t.state !== 'absent').length}`,
    String(columnsOf(there) - absentOf(there)),
    String(absentOf(there)),
    `${maps.length} of ${found.maps.length}`,
    ...(['passed', 'failed', 'skipped'] as const).map((state) => String(count(tests, state))),
  ];
}

/** Beside HEAD. */
export const asRows = (outcomes: readonly Outcome[]): string[][] => outcomes.map(cells);

export function asTable(outcomes: readonly Outcome[]): string {
  const rows = [HEAD, ...asRows(outcomes)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((r) => r[i].length)));
  return rows
    .map((r) =>
      r
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
