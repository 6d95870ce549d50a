/** What a refresh computes beside its records: no refresh leaves memory behind for the collector. */
import { expect, test } from 'vitest';
import { BUFFERS } from '../../src/state/turns.ts';
import type { Table } from '../../src/templates/table.ts';
import type { Filters } from '../../src/templates/template.ts';
import { collect, collector, describeKernel, ownNetwork } from '../support/kernel.ts';

/** Where the columns lie that are computed for each row: derived ones, and those that say which row is joined. */
function memoryOf(table: Table): ReadonlyMap<string, ArrayBufferLike> {
  const joined = (joins: Table['joins'], way: string): [string, ArrayBufferLike][] =>
    [...joins].flatMap(([name, { rows, counts, derived, joins: inner }]) => [
      [`${way}${name} rows`, rows.buffer] as const,
      [`${way}${name} counts`, counts.buffer] as const,
      ...[...derived].map(([column, { buffer }]) => [`${way}${name}.${column}`, buffer] as const),
      ...joined(inner, `${way}${name}.`),
    ]) as [string, ArrayBufferLike][];
  return new Map([
    ...[...table.derived].map(([name, { buffer }]) => [name, buffer] as const),
    ...joined(table.joins, ''),
  ]);
}

describeKernel('memory beside the records', () => {
  test.each<[string, string[]]>([
    ['task', ['pid', 'cpu', 'state', 'rss', 'fds']],
    ['tcp', ['state', 'rxq', 'txq', 'local', 'remote', 'pid', 'peer_pid', 'in_rate']],
  ])('of %s is taken again when its buffers are', (name, columns) => {
    ownNetwork();
    using from = collector(name);
    // Of as many rows each time.
    const filters: Filters = name === 'task' ? { pid: [[process.pid, process.pid]] } : {};
    const seen = Array.from({ length: 3 * BUFFERS }, () => memoryOf(collect(from, { columns, filters }).table));
    expect(seen[0]!.size).toBeGreaterThan(3);
    for (const [at, now] of seen.entries()) {
      // Those on the screen, and those before them, which rates are against.
      for (const recent of seen.slice(Math.max(0, at - BUFFERS + 1), at))
        for (const memory of recent.values()) expect([...now.values()]).not.toContain(memory);
      if (at < BUFFERS) continue;
      for (const [column, memory] of now) expect(seen[at - BUFFERS]!.get(column), column).toBe(memory);
    }
    expect(new Set(seen[0]!.values()).size).toBe(seen[0]!.size);
  });

  test('a refresh is what it was when the next one has been read', () => {
    using from = collector('task');
    const columns = ['pid', 'state', 'rss', 'time'];
    const texts = (table: Table) =>
      Array.from({ length: table.rows }, (_, row) => columns.map((column) => table.number(row, column)).join());
    collect(from, { columns });
    for (let i = 0; i < 2 * BUFFERS; i++) {
      const { table } = collect(from, { columns });
      const then = texts(table);
      for (let further = 1; further < BUFFERS; further++) {
        collect(from, { columns });
        expect(texts(table)).toEqual(then);
      }
    }
  });
});
