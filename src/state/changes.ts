/** What a refresh changed: rows that came, rows that went, and where the others were before. */
import { scratch } from './scratch.ts';
import type { View } from './view.ts';

export interface Changes {
  /** What was seen before; its memory is valid as long as this view is on the screen. */
  readonly before: View;
  /** Rows of this view that were not among those. */
  readonly added: number;
  /** Rows of the view before that are not in this one, in its order. */
  readonly gone: Int32Array;
  /** Where a row of this view was before; -1 for an added one. */
  rowBefore(row: number): number;
}

/** The same as it crosses threads: both are rows as they are shown. */
export interface ChangesWire {
  readonly rows: Int32Array;
  readonly gone: Int32Array;
  readonly added: number;
}

const places = scratch((length) => new Int32Array(length));
const marks = scratch((length) => new Uint8Array(length));

/**
 * @param order rows of the batch, as they are shown
 * @param before per row of the batch its row in the batch before, or -1
 * @param orderBefore rows of the batch before, as they were shown
 * @param rows as long as `order`, to be filled
 */
export function changesOf(
  order: Uint32Array,
  before: Int32Array,
  orderBefore: Uint32Array,
  rows: Int32Array = new Int32Array(order.length),
): ChangesWire {
  let last = 0;
  for (const row of orderBefore) if (row > last) last = row;
  const shownAt = places(last + 1).fill(-1);
  for (let at = 0; at < orderBefore.length; at++) shownAt[orderBefore[at]] = at;
  const stayed = marks(orderBefore.length).fill(0);
  let added = 0;
  let kept = 0;
  for (let row = 0; row < order.length; row++) {
    const old = before[order[row]] ?? -1;
    const at = old < 0 || old > last ? -1 : shownAt[old];
    rows[row] = at;
    if (at < 0) added++;
    else if (stayed[at] === 0) {
      stayed[at] = 1;
      kept++;
    }
  }
  const gone = new Int32Array(orderBefore.length - kept);
  for (let at = 0, to = 0; at < stayed.length; at++) if (stayed[at] === 0) gone[to++] = at;
  return { rows, gone, added };
}

/** Values that move by themselves, or that tell a change already: marking them would say nothing. */
const RESTLESS: ReadonlySet<string> = new Set(['age', 'percent', 'rate', 'byterate']);

/** Whether a column's cells are compared. */
export function isCompared(format: string): boolean {
  return !RESTLESS.has(format);
}
