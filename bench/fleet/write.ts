/** A data set of hosts that do not exist, by the writer of `dump --dataset`. */
import fs from 'node:fs';
import path from 'node:path';
import { Dataset } from '../../src/state/dataset.ts';
import type { Retention } from '../../src/state/span.ts';
import type { Recorded } from './recorded.ts';
import { hostName, SimulatedRows } from './simulated.ts';

export interface Fleet {
  readonly hosts: number;
  /** Milliseconds since the epoch, and how many of them. */
  readonly begin: number;
  readonly span: number;
  /** Milliseconds between two samples. */
  readonly every: number;
  /** Rows of a host of middle size in a sample, at most. */
  readonly rows: number;
  readonly roll: Retention;
}

export interface Written {
  rows: number;
  samples: number;
}

/** A host after another, a sample after another: memory does not grow with either. */
export function* write(folder: string, recorded: Recorded, fleet: Fleet): Generator<Written> {
  const rows = new SimulatedRows(recorded, fleet.hosts);
  const written = { rows: 0, samples: 0 };
  for (let host = 0; host < fleet.hosts; host++) {
    const dataset = new Dataset(folder, fleet.roll);
    for (let n = 0; n * fleet.every < fleet.span; n++) {
      const order = rows.go(host, n, (n * fleet.every) / 3_600_000, fleet.rows);
      const begin = fleet.begin + n * fleet.every + (host % 1000);
      dataset.take({
        table: rows,
        columns: recorded.columns,
        order,
        filters: {},
        where: '',
        search: '',
        host: { host: hostName(host), kernel: recorded.kernel },
        stats: {
          ...{ begin, end: begin + 1, visited: order.length, emitted: order.length, bytes: 0, reads: 1, doubles: 0 },
          ...{ readMs: 1, totalMs: 1, sessionId: 1, conditions: [] },
        },
      });
      written.rows += order.length;
      written.samples++;
    }
    dataset.close();
    yield written;
  }
}

/** Files of a data set, and their bytes. */
export function sizeOf(folder: string): { files: number; bytes: number } {
  let files = 0;
  let bytes = 0;
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.parquet')) continue;
    files++;
    bytes += fs.statSync(path.join(folder, name)).size;
  }
  return { files, bytes };
}
