/** Which rows are in sight and which one is selected; pure arithmetic over a view. */
import type { View } from './view.ts';

/** The selected object: its key, and the row it was last seen at. */
export interface Cursor {
  readonly key: string;
  readonly row: number;
}

export interface Window {
  /** null until the user moves: an untouched table stays at its first rows. */
  readonly cursor: Cursor | null;
  /** First row in sight. */
  readonly top: number;
  /** The selected row keeps its line on the screen while the rows move around it. */
  readonly follow: boolean;
  /** Rows that fit on the screen. */
  readonly rows: number;
}

function between(low: number, value: number, high: number): number {
  return Math.max(low, Math.min(value, high));
}

function clampTop(top: number, rows: number, count: number): number {
  return between(0, top, Math.max(0, count - rows));
}

/** The nearest window position that has `row` in sight. */
function reach(row: number, top: number, rows: number): number {
  return between(row - Math.max(1, rows) + 1, top, row);
}

/** The window over the next view: the cursor goes where its object went, or keeps its row where the object is gone. */
export function overView(window: Window, view: View): Pick<Window, 'cursor' | 'top'> {
  const { cursor, top, rows } = window;
  const { count } = view;
  if (!cursor) return { cursor, top: clampTop(top, rows, count) };
  if (count === 0) return { cursor, top: 0 };
  const found = view.rowOf(cursor.key);
  const row = found >= 0 ? found : between(0, cursor.row, count - 1);
  const wanted = window.follow ? row - (cursor.row - top) : clampTop(top, rows, count);
  return {
    cursor: { key: found >= 0 ? cursor.key : view.key(row), row },
    top: clampTop(reach(row, wanted, rows), rows, count),
  };
}

/** The cursor at `row`, or at the nearest one there is, and the window moved by `scroll` and then as little as needed. */
export function moveTo(window: Window, view: View, row: number, scroll = 0): Pick<Window, 'cursor' | 'top'> {
  const { count } = view;
  if (count === 0) return { cursor: null, top: 0 };
  const at = between(0, row, count - 1);
  const top = clampTop(window.top + scroll, window.rows, count);
  return { cursor: { key: view.key(at), row: at }, top: clampTop(reach(at, top, window.rows), window.rows, count) };
}

/** Steps from the selected row; the first step only selects the first row in sight. */
export function moveBy(window: Window, view: View, by: number): Pick<Window, 'cursor' | 'top'> {
  return moveTo(window, view, window.cursor ? window.cursor.row + by : window.top);
}

/** A page: the window moves with the cursor. */
export function movePage(window: Window, view: View, direction: 1 | -1): Pick<Window, 'cursor' | 'top'> {
  const by = direction * Math.max(1, window.rows);
  return moveTo(window, view, (window.cursor ?? { row: window.top }).row + by, by);
}

/** The window moved over the rows; a selected row that would be out of sight gives way to the nearest in sight. */
export function scrollBy(window: Window, view: View, by: number): Pick<Window, 'cursor' | 'top'> {
  const top = clampTop(window.top + by, window.rows, view.count);
  const { cursor } = window;
  if (!cursor || view.count === 0) return { cursor, top };
  const row = between(top, cursor.row, Math.min(top + window.rows, view.count) - 1);
  return { cursor: row === cursor.row ? cursor : { key: view.key(row), row }, top };
}

/** The window on a screen with room for `rows` rows. */
export function resize(window: Window, view: View | null, rows: number): Pick<Window, 'rows' | 'top'> {
  const kept = clampTop(window.top, rows, view?.count ?? 0);
  return { rows, top: window.cursor ? reach(window.cursor.row, kept, rows) : kept };
}
