/** Lines of exactly the screen's width, made of styled pieces, as one Text each. */
import { Text } from 'ink';
import { memo } from 'react';
import { clip, fit, sanitize, sanitizeAscii, textWidth } from '../templates/text.ts';
import { paint, type Role, type Theme } from './theme.ts';

export type Piece = readonly [role: Role, text: string];

const safe = (theme: Theme, text: string) => (theme.ascii ? sanitizeAscii(text) : sanitize(text));

/** The pieces one after another in `width` cells, cut or padded. */
export function compose(theme: Theme, width: number, pieces: readonly Piece[]): string {
  let line = '';
  let left = width;
  for (const [role, text] of pieces) {
    const cells = textWidth(safe(theme, text));
    const shown = cells > left ? fit(text, left, 'left', theme.ascii) : safe(theme, text);
    line += paint(theme, role, shown);
    left -= Math.min(cells, left);
    if (left === 0) break;
  }
  return line + ' '.repeat(left);
}

export interface Part {
  readonly pieces: readonly Piece[];
  /** Where room is short the parts with the smallest number go first. */
  readonly keep: number;
}

/** Cells between parts. */
export const GAP = 2;

/** Cells that a part takes. */
export function widthOf(theme: Theme, part: Part): number {
  return part.pieces.reduce((sum, [, text]) => sum + textWidth(safe(theme, text)), 0);
}

/** Parts apart by two cells, as many as there is room for; `right` ones end at the right edge. */
export function arrange(theme: Theme, width: number, left: readonly Part[], right: readonly Part[] = []): string {
  let kept = [...left, ...right].filter((part) => part.pieces.length > 0);
  const total = () => kept.reduce((sum, part) => sum + widthOf(theme, part) + GAP, -GAP);
  while (kept.length > 1 && total() > width) {
    const least = kept.reduce((a, b) => (b.keep < a.keep ? b : a));
    kept = kept.filter((part) => part !== least);
  }
  const space: Piece = ['plain', ' '.repeat(GAP)];
  const firstRight = kept.findIndex((part) => right.includes(part));
  const pieces = kept.flatMap((part, index) => {
    const fill: Piece = ['plain', ' '.repeat(Math.max(0, width - total()))];
    if (index === firstRight) return index === 0 ? [fill, ...part.pieces] : [space, fill, ...part.pieces];
    return index === 0 ? part.pieces : [space, ...part.pieces];
  });
  return compose(theme, width, pieces);
}

/** Text over several lines, broken at spaces where it can be. */
export function wrap(theme: Theme, width: number, text: string): string[] {
  const lines: string[] = [];
  for (let rest = safe(theme, text.trim()); rest !== '' && width > 0; ) {
    let head = clip(rest, width);
    if (head === '') break;
    const space = head.length < rest.length && rest[head.length] !== ' ' ? head.lastIndexOf(' ') : -1;
    if (space > 0) head = head.slice(0, space);
    lines.push(head.trimEnd());
    rest = rest.slice(head.length).trimStart();
  }
  return lines;
}

/** One line of the screen; `text` has its width and its styles already. */
export const Line = memo(function Line({ text }: { readonly text: string }) {
  return <Text wrap="truncate-end">{text === '' ? ' ' : text}</Text>;
});
