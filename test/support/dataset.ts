/** Data sets made by hand, by the writer that dumps have. */
import fs from 'node:fs';
import path from 'node:path';
import { Dataset } from '../../src/state/dataset.ts';
import type { Snapshot } from '../../src/state/snapshot.ts';
import { Table } from '../../src/templates/table.ts';
import type { Column } from '../../src/templates/template.ts';
import { type FieldSpec, tableOf } from './batch.ts';

export interface Made {
  readonly template: string;
  readonly key: readonly string[];
  readonly host: string;
  readonly kernel?: string;
  /** As in `2026-01-05T03:00:00Z`. */
  readonly time: string;
  readonly columns: Readonly<Record<string, FieldSpec & Omit<Partial<Column>, 'name'>>>;
  readonly rows: readonly Readonly<Record<string, number | bigint | string>>[];
  /** Computed columns, row by row. */
  readonly derived?: Readonly<Record<string, readonly number[]>>;
}

export function snapshotOf({ template, key, host, kernel = '6.18.0', time, columns, rows, derived }: Made): Snapshot {
  const made = tableOf(
    columns,
    rows.map((values) => ({ values })),
    derived,
  );
  const table = new Table(
    { ...made.template, name: template, key },
    made.batch,
    made.joins,
    made.derived,
    made.context,
  );
  const begin = Date.parse(time);
  return {
    table,
    columns: [...Object.keys(columns), ...Object.keys(derived ?? {})],
    order: Uint32Array.from(rows, (_, i) => i),
    filters: {},
    where: '',
    search: '',
    host: { host, kernel },
    stats: {
      ...{ begin, end: begin + 1, visited: rows.length, emitted: rows.length, bytes: 1, reads: 1, doubles: 0 },
      ...{ readMs: 1, totalMs: 1, sessionId: 1, conditions: [] },
    },
  };
}

/** Each in a file of its own. */
export function write(folder: string, ...all: readonly Made[]): void {
  for (const made of all) {
    const dataset = new Dataset(folder, { bytes: Number.POSITIVE_INFINITY, age: Number.POSITIVE_INFINITY });
    dataset.take(snapshotOf(made));
    dataset.close();
  }
}

export const parquetFiles = (folder: string) =>
  fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .map((name) => path.join(folder, name))
    .sort();
