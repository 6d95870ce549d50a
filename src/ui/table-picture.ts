/** The lines of a table of rows: only what is in sight is formatted, and only when what it depends on has changed. */
import stringWidth from 'string-width';
import { marksOf } from '../state/marking.ts';
import type { SessionState } from '../state/session.ts';
import type { Columns, Frame } from './columns.ts';
import { whyEmpty } from './empty.ts';
import { gutterWidth, signOf } from './gutter.ts';
import { compose, wrap } from './line.tsx';
import { paint, type Theme } from './theme.ts';

const STYLES = /\x1b\[\d+m/g;

/** The selected row is reversed as a whole: what is reversed in it would not be seen. */
function reversed(theme: Theme, width: number, text: string): string {
  const bare = text.replace(STYLES, '');
  return paint(theme, 'selected', bare + ' '.repeat(Math.max(0, width - stringWidth(bare))));
}

export class TablePicture {
  readonly #theme: Theme;
  readonly #columns: Columns;
  readonly #width: number;
  readonly #height: number;
  /** What the frame at hand was made of. */
  #of: readonly unknown[] = [];
  #frame: Frame | undefined;
  #heading = '';

  /** @param height lines, the heading included */
  constructor(theme: Theme, columns: Columns, width: number, height: number) {
    this.#theme = theme;
    this.#columns = columns;
    this.#width = width;
    this.#height = height;
  }

  /** Rows that fit under the heading. */
  get rows(): number {
    return this.#height - (this.#height > 1 ? 1 : 0);
  }

  /** As many lines as the table is high. */
  lines(state: SessionState): string[] {
    const [theme, width, height] = [this.#theme, this.#width, this.#height];
    const gutter = gutterWidth(theme, width);
    const { view, cursor } = state;
    this.#update(state, gutter);
    const frame = this.#frame;
    const marks = marksOf(state);
    const lines = height > 1 ? [this.#heading] : [];
    frame?.body.forEach((each, line) => {
      const selected = !each.gone && each.row === cursor?.row;
      const [role, sign] = signOf(theme, view!, each, selected, marks);
      const text = (gutter > 0 ? paint(theme, role, sign) : '') + frame.lines[line];
      lines.push(selected ? reversed(theme, width, text) : text);
    });
    const reason = whyEmpty(state);
    if (reason !== '') lines.push(...wrap(theme, width, reason));
    return Array.from({ length: height }, (_, line) => lines[line] ?? '');
  }

  #update(state: SessionState, gutter: number): void {
    const { view, sort, left, widths, cursor, exact } = state;
    const top = Math.max(0, Math.min(state.top, (view?.count ?? 0) - this.rows));
    // Otherwise a moving cursor changes no line.
    const keep = view?.changes && view.changes.gone.length > 0 ? cursor?.row : undefined;
    const of = [view, sort, left, widths, exact, top, keep];
    if (of.length === this.#of.length && of.every((each, i) => each === this.#of[i])) return;
    this.#of = of;
    const sight = { top, rows: this.rows, left, width: this.#width - gutter, sort, widths, keep, exact };
    this.#frame = view ? this.#columns.frame(view, sight, this.#theme) : undefined;
    this.#heading = compose(this.#theme, this.#width, [['header', ' '.repeat(gutter)], ...(this.#frame?.header ?? [])]);
  }
}
