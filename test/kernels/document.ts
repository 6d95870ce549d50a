/** docs/kernels.md: what is there on which kernel, from what the guests found. */
import type { Found, FoundTable } from './found.ts';
import { asRows, HEAD, type Outcome } from './table.ts';

type There = Outcome & { readonly found: Found };

const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
const named = ({ found }: There) => `${found.release.replace(/[-+].*/, '')} ${found.arch}`;

export function asDocument(outcomes: readonly Outcome[]): string {
  const there = outcomes.filter((o): o is There => o.found !== null);
  const names = [...new Set(there.flatMap(({ found }) => found.tables.map((t) => t.name)))];
  const tableOf = (o: There, name: string) => o.found.tables.find((t) => t.name === name);
  const cell = (t: FoundTable | undefined) => {
    if (!t || t.state === 'absent') return '-';
    return t.state === 'failed' ? 'failed' : `${t.columns - Object.keys(t.absent).length} of ${t.columns}`;
  };
  // The last three are of tests, where any were run inside.
  const shown = outcomes.some((o) => o.tests.length > 0) ? HEAD.length : HEAD.length - 3;
  const targets = [...new Set(there.flatMap(({ found }) => found.targets))].sort();
  const reasons = Map.groupBy(
    there.flatMap((o) =>
      o.found.tables.flatMap((t) =>
        Object.entries(t.absent).map(([column, why]) => ({ key: `${t.name}.${column}`, on: named(o), why })),
      ),
    ),
    ({ why }) => why,
  );
  return `# Kernels

Written by \`npm run test:kernels -- --write\` from what it found: Debian's kernels, booted under qemu. Every table was loaded and read with all of its columns; each map had one element.

${table(
  HEAD.slice(0, shown),
  asRows(there).map((cells) => cells.slice(0, shown)),
)}

## Tables: columns that are there

${table(
  ['table', ...there.map(named)],
  names.map((n) => [n, ...there.map((o) => cell(tableOf(o, n)))]),
)}

## Targets

${table(
  ['target', ...there.map(named)],
  targets.map((t) => [t, ...there.map(({ found }) => (found.targets.includes(t) ? 'yes' : '-'))]),
)}

## Why a column is absent

${[...reasons]
  .map(([why, list]) => {
    const by = Map.groupBy(list, ({ on }) => on);
    const where = [...by].map(([on, columns]) => `  - ${on}: ${columns.map((c) => c.key).join(', ')}`);
    return `- ${why}\n${where.join('\n')}`;
  })
  .join('\n')}
`;
}
