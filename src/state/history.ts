/** The last values of one object's numbers, for as long as its details are open. */
import type { Format } from '../templates/template.ts';
import type { View } from './view.ts';

/** Refreshes that are remembered. */
export const SAMPLES = 120;

/** Of one column. */
export interface Series {
  /** Oldest first; NaN where there was no value. */
  readonly values: readonly number[];
  /** The least and the greatest of them with the cells that showed them, ages ago perhaps; null where there is none. */
  readonly least: Extreme | null;
  readonly most: Extreme | null;
}

interface Extreme {
  readonly value: number;
  readonly cell: string;
}

/** By column. */
export type History = ReadonlyMap<string, Series>;

/** Amounts; not what only looks like a number: ids, masks, addresses, names. */
const AMOUNTS: readonly Format[] = [
  ...(['int', 'count', 'ratio', 'bytes', 'pages', 'percent', 'rate', 'byterate'] as const),
  ...(['ns', 'us', 'ms', 's', 'cputime', 'jiffies'] as const),
];

/** Whether there is something to draw. */
export function hasMoved(series: Series | undefined): series is Series & { least: Extreme; most: Extreme } {
  return !!series?.least && !!series.most && series.least.value < series.most.value;
}

/** The history with what a refresh says of a row. */
export function withSample(history: History, view: View, row: number): History {
  const next = new Map<string, Series>();
  for (const column of view.details) {
    if (column.absent !== '' || !AMOUNTS.includes(column.format)) continue;
    const before = history.get(column.name);
    const value = view.number(row, column.name);
    const values = [...(before?.values ?? []).slice(1 - SAMPLES), value];
    const now = Number.isNaN(value) ? null : { value, cell: view.cell(row, column) };
    const least = now && !(before?.least && before.least.value <= value) ? now : (before?.least ?? null);
    const most = now && !(before?.most && before.most.value >= value) ? now : (before?.most ?? null);
    next.set(column.name, { values, least, most });
  }
  return next;
}
