/** What lies where on the screen, noted when it is drawn, for the mouse. */
import type { Session } from '../state/session.ts';

export interface Area {
  /** Of its first cell, from 0 on. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  /** The table, its heading included; null while something covers it. */
  readonly table: Area | null;
  /** The list whose lines can be chosen, its headings included. */
  readonly list: Area | null;
}

const layouts = new WeakMap<Session, Layout>();

export function noteLayout(session: Session, layout: Layout): void {
  layouts.set(session, layout);
}

export function layoutOf(session: Session): Layout {
  return layouts.get(session) ?? { table: null, list: null };
}

export function within({ x, y, width, height }: Area, column: number, line: number): boolean {
  return column >= x && column < x + width && line >= y && line < y + height;
}
