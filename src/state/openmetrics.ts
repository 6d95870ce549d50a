/**
 * Groups of rows as OpenMetrics text (1.0), which Prometheus and node_exporter's textfile collector read, too: a gauge for
 * each column of numbers, labelled by what the rows are grouped by. Rows alone would make a time series for each object.
 */
import os from 'node:os';
import { unitOf } from '../templates/format.ts';
import { columnOf, UsageError } from '../templates/template.ts';
import { sanitize } from '../templates/text.ts';
import type { Snapshot, SnapshotWriter } from './snapshot.ts';

/** Names of units as they end a metric's name. */
const UNITS: Readonly<Record<string, string>> = {
  bytes: 'bytes',
  'bytes/s': 'bytes_per_second',
  '1/s': 'per_second',
  '%': 'percent',
  ns: 'nanoseconds',
  us: 'microseconds',
  ms: 'milliseconds',
  s: 'seconds',
};

export class OpenMetrics implements SnapshotWriter<string> {
  /** Lines of each gauge: those of all hosts have to stand together. */
  readonly #gauges = new Map<string, string[]>();

  /** @throws UsageError where the rows are no groups */
  *snapshot(snapshot: Snapshot): Generator<string> {
    const { table, grouped, order, columns } = snapshot;
    if (!grouped)
      throw new UsageError('openmetrics is for groups of rows, as in --group state: one time series for each');
    const host = snapshot.host?.host ?? os.hostname();
    const labels = Array.from(order, (row) => labelsOf({ host, [grouped.by]: table.cell(row, grouped.by) }));
    for (const name of columns) {
      const kind = table.kind(name);
      if (name === grouped.by || kind === 'text' || kind === 'texts' || kind === 'flag') continue;
      // Times since boot say when, not how much.
      const unit = UNITS[unitOf(table.formatOf(name))];
      if (unit === undefined && unitOf(table.formatOf(name)) !== '') continue;
      const samples = labels.flatMap((label, i) => {
        const value = table.value(order[i], name);
        return value === null ? [] : [`${label} ${value}`];
      });
      if (samples.length === 0) continue;
      const metric = ['itertop', table.template.name, name, ...(unit && !name.endsWith(unit) ? [unit] : [])].join('_');
      const lines = this.#gauges.get(metric) ?? [
        `# TYPE ${metric} gauge\n`,
        ...(unit ? [`# UNIT ${metric} ${unit}\n`] : []),
        `# HELP ${metric} ${escaped(columnOf(table.template, name)?.help ?? '')}\n`,
      ];
      this.#gauges.set(metric, lines);
      for (const sample of samples) lines.push(`${metric}${sample}\n`);
    }
  }

  end(): string {
    return `${[...this.#gauges.values()].flat().join('')}# EOF\n`;
  }
}

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

function labelsOf(values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name}="${escaped(sanitize(value))}"`);
  return `{${pairs.join(',')}}`;
}
