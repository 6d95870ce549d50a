/** Which lines the table's body has: rows of the view, and for one refresh those that have gone, about where they were. */
import type { View } from '../state/view.ts';

export interface BodyLine {
  /** Of the view; of the view before where it is gone. */
  readonly row: number;
  readonly gone: boolean;
}

/** Rows that are gone take no more than this part of the screen from those that are there. */
const GONE_SHARE = 4;

/** @param keep a row that stays in sight, if it is in sight now */
export function bodyLines(view: View, top: number, rows: number, keep = -1): BodyLine[] {
  const gone: number[] = [];
  for (const row of view.changes?.gone ?? []) {
    if (row >= top + rows || gone.length >= rows / GONE_SHARE) break;
    if (row >= top) gone.push(row);
  }
  for (;;) {
    const lines = interleave(view.count, top, rows, gone);
    const lost = keep >= top && keep < top + rows && keep < view.count && !lines.some((l) => !l.gone && l.row === keep);
    if (!lost) return lines;
    gone.pop();
  }
}

function interleave(count: number, top: number, rows: number, gone: readonly number[]): BodyLine[] {
  const lines: BodyLine[] = [];
  let next = 0;
  for (let row = top; lines.length < rows; ) {
    const old = gone[next];
    if (old !== undefined && (old - top <= lines.length || row >= count)) {
      lines.push({ row: old, gone: true });
      next++;
    } else if (row < count) lines.push({ row: row++, gone: false });
    else break;
  }
  return lines;
}
