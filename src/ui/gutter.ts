/** One cell before each row: what a sign there says of the row. */
import type { View } from '../state/view.ts';
import type { BodyLine } from './body.ts';
import type { Piece } from './line.tsx';
import type { Theme } from './theme.ts';

/** From this width on there is room for it. */
const ROOMY = 20;

export function gutterWidth(theme: Theme, width: number): number {
  return theme.marks || width >= ROOMY ? 1 : 0;
}

export function signOf(
  theme: Theme,
  view: View,
  { row, gone }: BodyLine,
  selected: boolean,
  marks: ReadonlySet<string>,
): Piece {
  if (theme.marks && selected) return ['plain', '>'];
  if (gone) return ['gone', '-'];
  if (marks.size > 0 && marks.has(view.key(row))) return ['marked', '*'];
  if (view.isOld?.(row)) return ['gone', '?'];
  if (view.compared) return signOfDifference(view.compared.sign(row));
  if (view.changes?.rowBefore(row) === -1) return ['fresh', '+'];
  return ['plain', ' '];
}

function signOfDifference(sign: '+' | '-' | '~'): Piece {
  return [sign === '+' ? 'fresh' : sign === '-' ? 'gone' : 'changed', sign];
}
