/** The mouse: the wheel scrolls, a click selects or sorts, a second click on the same place is Enter. */

import { pickerChoices, pickerLines } from '../state/picker.ts';
import { topPane } from '../state/place.ts';
import type { Session } from '../state/session.ts';
import type { Columns } from './columns.ts';
import { gutterWidth } from './gutter.ts';
import type { Key } from './keys.ts';
import { layoutOf, within } from './layout.ts';
import { firstInSight } from './panes/list.tsx';
import { sightOf } from './panes/sight.ts';
import type { Theme } from './theme.ts';

export interface Pointer {
  readonly kind: 'click' | 'wheelUp' | 'wheelDown';
  /** Cell of the screen, from 0 on. */
  readonly x: number;
  readonly y: number;
}

/** Two clicks within this many milliseconds are a double click; the rows of a table move meanwhile. */
const DOUBLE = 400;
/** Rows that one step of the wheel scrolls. */
const STEP = 3;

/** Of xterm's buttons those that mean something here. */
const KINDS: Readonly<Record<string, Pointer['kind']>> = { 0: 'click', 64: 'wheelUp', 65: 'wheelDown' };

/** undefined where the key is none of the mouse's; null for what means nothing here. */
export function pointerOf(key: Key): Pointer | null | undefined {
  const [, button, x, y] = /^mouse-(\d+)-(\d+)-(\d+)$/.exec(key) ?? [];
  if (button === undefined) return undefined;
  const kind = KINDS[button];
  return kind ? { kind, x: Number(x) - 1, y: Number(y) - 1 } : null;
}

export interface Pointed {
  readonly session: Session;
  readonly columns: Columns;
  readonly theme: Theme;
  /** Lines of the pane on top. */
  readonly lines: number;
  /** What Enter does here. */
  enter(): void;
}

/** The last click on something, until a second one on it; one mouse is all there is. */
let last: { readonly on: Session; readonly x: number; readonly y: number; readonly at: number } | null = null;

export function point(on: Pointed, pointer: Pointer): void {
  const { kind, x, y } = pointer;
  if (kind !== 'click') {
    last = null;
    wheel(on, kind === 'wheelUp' ? -STEP : STEP);
    return;
  }
  const now = performance.now();
  const again = last?.on === on.session && last.x === x && last.y === y;
  // By the place: a list has moved under the pointer to what was chosen in it. One that is still has time.
  const found = again && now - last!.at < DOUBLE ? 'marked' : click(on, x, y);
  if (again && found === 'marked') {
    last = null;
    on.enter();
  } else last = found ? { on: on.session, x, y, at: now } : null;
}

/** A long list is scrolled as a table is: what is in sight moves at once, and the mark with it. */
function wheel({ session, theme, lines: count }: Pointed, by: number): void {
  const state = session.getState();
  const pane = topPane(state);
  const { list } = layoutOf(session);
  const sight = pane && list && sightOf(theme, pane, list.width, list.height);
  if (!pane) state.scroll(by);
  else if (!sight || pane.name === 'picker' || !('index' in pane)) state.choose(by, count);
  else {
    const first = firstInSight(pane.index, count, sight.lines);
    const next = Math.max(0, Math.min(first + by, count - sight.lines));
    state.choose(next === first ? by : next + Math.floor(sight.lines / 2) - pane.index, count);
  }
}

/** @returns what Enter can be pressed on under it: a line of a list that was marked before, or else what is now; '' for nothing */
function click(on: Pointed, x: number, y: number): 'marked' | 'chosen' | '' {
  const state = on.session.getState();
  const { table, list } = layoutOf(on.session);
  const pane = topPane(state);
  const sight = pane && list && within(list, x, y) && sightOf(on.theme, pane, list.width, list.height);
  if (pane && sight && 'index' in pane) {
    const line = y - list.y - sight.above;
    // Headings are lines, too, which cannot be chosen.
    const all = pane.name === 'picker' ? pickerLines(pickerChoices(pane, pane.find)) : [...Array(on.lines).keys()];
    const index = all[firstInSight(all.indexOf(pane.index), all.length, sight.lines) + line] ?? null;
    if (line < 0 || line >= sight.lines || index === null) return '';
    state.choose(index - pane.index, on.lines);
    return index === pane.index ? 'marked' : 'chosen';
  }
  // Beside a list the table can be looked at; clicks are the list's.
  if (pane || !table || !within(table, x, y)) return '';
  if (y === table.y && table.height > 1) {
    const column = on.columns.columnAt(x - table.x - gutterWidth(on.theme, table.width));
    if (column === state.sort[0].column) state.invertSort();
    else if (column !== undefined) state.sortBy(column);
    return '';
  }
  const row = on.columns.rowAt(y - table.y - (table.height > 1 ? 1 : 0));
  if (row === undefined) return '';
  state.select(row);
  return 'chosen';
}
