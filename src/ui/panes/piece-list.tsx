/** A list whose lines are made of pieces, only those in sight; below it what the marked line says in full. */
import { compose, Line, type Piece, wrap } from '../line.tsx';
import type { Theme } from '../theme.ts';
import { firstInSight } from './list.tsx';

/** Lines of the foot, the rule above it among them. */
const FOOT = 4;

const footOf = (height: number) => (height >= 3 * FOOT ? FOOT : 0);

/** Lines of the list that fit between its heading and its foot. */
export function pieceLines(height: number): number {
  return Math.max(1, height - footOf(height) - 1);
}

export function PieceList(props: {
  readonly theme: Theme;
  readonly width: number;
  readonly height: number;
  readonly header: string;
  readonly count: number;
  readonly index: number;
  /** Of one line, without the sign of the marked one. */
  readonly line: (index: number) => readonly Piece[];
  /** Each begins a line of its own. */
  readonly foot: readonly string[];
}) {
  const { theme, width, height, header, count, index, line, foot } = props;
  const below = footOf(height);
  const rows = pieceLines(height);
  const first = firstInSight(index, count, rows);
  const lines = [compose(theme, width, [['header', ` ${header}`.padEnd(width)]])];
  for (let n = first; n < first + rows; n++) {
    const pieces = n < count ? line(n) : [];
    const marked = n === index && n < count;
    const gutter = marked && theme.marks ? '>' : ' ';
    const text = pieces.map(([, piece]) => piece).join('');
    const whole: readonly Piece[] = marked
      ? [['selected', (gutter + text).padEnd(width)]]
      : [['plain', gutter], ...pieces];
    lines.push(compose(theme, width, whole));
  }
  if (below > 0) {
    lines.push(compose(theme, width, [['header', ' '.repeat(width)]]));
    const said = foot.flatMap((text) => wrap(theme, width - 2, text)).slice(0, below - 1);
    for (let n = 0; n < below - 1; n++) lines.push(compose(theme, width, [['plain', ` ${said[n] ?? ''}`]]));
  }
  return lines.slice(0, height).map((text, n) => <Line key={n} text={text} />);
}
