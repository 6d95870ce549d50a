/** A table with a column of every kind, made by hand, as a snapshot of it; and what NDJSON has of a row, exactly. */
import type { Snapshot } from '../../src/state/snapshot.ts';
import type { RefreshStats } from '../../src/state/view.ts';
import type { Table } from '../../src/templates/table.ts';
import { tableOf } from './batch.ts';

/** A row for each text. `safe` begins at 2^53, `big` at 2^63 - 2 and `most`, downwards, at 2^64 - 1; `gone` is absent. */
export const allKinds = (texts: readonly string[]): Table =>
  tableOf(
    {
      addr: { type: 'u64', as: 'hex' },
      n: { type: 'i32' },
      low: { type: 'i64' },
      safe: { type: 'i64' },
      big: { type: 'u64' },
      most: { type: 'u64' },
      size: { type: 'u64', as: 'pages' },
      flag: { type: 'u8', as: 'flag' },
      kind: { type: 'u8', as: 'enum', names: { 1: 'one' } },
      gone: { type: 'u32', flag: 1 },
      path: { type: 'text', as: 'path' },
    },
    texts.map((path, i) => ({
      values: {
        addr: 0xffff_8881_0000_0001n + BigInt(i),
        n: -i,
        low: -(2n ** 63n) + BigInt(i),
        safe: 2n ** 53n + BigInt(i),
        big: 2n ** 63n - 2n + BigInt(i),
        most: 2n ** 64n - 1n - BigInt(i),
        size: 3,
        flag: i % 2,
        kind: 1,
        gone: 5,
        path,
      },
    })),
    { rate: texts.map((_, i) => (i === 0 ? Number.NaN : i / 3)) },
  );

export const KINDS = ['addr', 'n', 'low', 'safe', 'big', 'most', 'size', 'flag', 'kind', 'gone', 'path', 'rate'];

export const STATS: RefreshStats = {
  begin: Date.UTC(2026, 1, 3, 4, 5, 6, 7),
  end: Date.UTC(2026, 1, 3, 4, 5, 6, 9),
  visited: 12,
  emitted: 9,
  bytes: 1,
  reads: 1,
  doubles: 2,
  readMs: 1,
  totalMs: 1.25,
  sessionId: 1,
  conditions: [],
};

export const snapshotOf = (table: Table, columns: readonly string[], change: Partial<Snapshot> = {}): Snapshot => ({
  table,
  columns,
  order: Uint32Array.from({ length: table.rows }, (_, i) => i),
  filters: {},
  where: '',
  search: '',
  stats: STATS,
  ...change,
});

/** A line of NDJSON; numbers as texts, integers with all their digits. */
export const exactly = (line: string): Record<string, unknown> =>
  JSON.parse(line, (_key, value, context?: { source?: string }) =>
    typeof value !== 'number' ? value : /[.e]/.test(context!.source!) ? String(value) : context!.source,
  );
