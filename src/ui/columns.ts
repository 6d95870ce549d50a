/** Which columns fit on the screen, how wide each one is, and the lines that come of it. */
import { isCompared } from '../state/changes.ts';
import type { Sort } from '../state/sort.ts';
import { isLead } from '../state/tree.ts';
import type { View, ViewColumn } from '../state/view.ts';
import { unitOf } from '../templates/format.ts';
import { HOST } from '../templates/host-column.ts';
import { fit, headBeyond, sanitize, sanitizeAscii, textWidth } from '../templates/text.ts';
import { type BodyLine, bodyLines } from './body.ts';
import { heatOf, isHeated } from './heat.ts';
import { shortHost } from './host-cells.ts';
import type { Piece } from './line.tsx';
import { shortPath } from './path-cells.ts';
import { signOf } from './sort-sign.ts';
import { paint, type Role, type Theme } from './theme.ts';
import { branch, cellText } from './tree-cells.ts';

/** A longer cell does not widen its column; all of it is in the details. */
const WIDEST = 40;
const GAP = 1;
const NARROW = 20;
/** A text for which there would be no room is shown cut, down to so many cells: `nginx: wo…` tells more than nothing. */
const LEAST_TEXT = 8;

/** What of the view is on the screen. */
export interface Sight {
  readonly top: number;
  readonly rows: number;
  /** Columns scrolled out of sight, after the first, which stays. */
  readonly left: number;
  /** Cells of a line. */
  readonly width: number;
  readonly sort: Sort;
  /** Cells that the user gives to columns; those that are not among them are as wide as what they show. */
  readonly widths?: Readonly<Record<string, number>>;
  /** A row that stays in sight whatever else is shown between rows. */
  readonly keep?: number | undefined;
  /** Numbers with all their digits, and their units in the heading. */
  readonly exact?: boolean;
}

export interface Frame {
  readonly header: readonly Piece[];
  /** One for each line of the body, in its styles, without the spaces at its end. */
  readonly lines: readonly string[];
  readonly body: readonly BodyLine[];
}

interface Placed {
  readonly column: ViewColumn;
  readonly cells: readonly string[];
  readonly roles: readonly Role[];
  readonly width: number;
}

type CellsOf = (column: ViewColumn) => readonly string[];

interface Fitting {
  readonly columns: readonly Placed[];
  /** There are others, out of sight. */
  readonly more: boolean;
}

/** Beside what a heading says anyway: CPU%, and what is shown by a name or as two numbers. */
const UNITS_SHOWN = /^(?!%|uid|dev_t|1\/s).+/;

const NOT_ASCII = /[^\x20-\x7e]/;
const isText = (column: ViewColumn) => column.format === 'text' || column.format === 'path';

/** Widths grow with what has been seen and never shrink while the table is open, so that columns do not jump. */
export class Columns {
  /** Columns of the last frame are out of sight on the right. */
  more = false;
  #template = '';
  #exact = false;
  #compared = false;
  #widths = new Map<string, number>();
  #theme: Theme;
  #placed: readonly Placed[] = [];
  #body: readonly BodyLine[] = [];

  constructor(theme: Theme) {
    this.#theme = theme;
  }

  frame(view: View, sight: Sight, theme = this.#theme): Frame {
    this.#theme = theme;
    const { exact = false } = sight;
    const compared = view.compared !== undefined;
    if (view.template !== this.#template || exact !== this.#exact || compared !== this.#compared) {
      this.#template = view.template;
      this.#exact = exact;
      this.#compared = compared;
      this.#widths.clear();
    }
    const width = Math.max(1, sight.width);
    const look = { ascii: theme.ascii, exact, arrow: theme.ascii ? '->' : '→' };
    const body = bodyLines(view, sight.top, sight.rows, sight.keep);
    const formatted = new Map<ViewColumn, readonly string[]>();
    const cells = (column: ViewColumn) => {
      const made = formatted.get(column) ?? cellsOf(view, body, column, look);
      formatted.set(column, made);
      return made;
    };
    const all = this.#place(view.columns, sight, width, cells);
    // The sign for more columns gets a place of its own, where there is room for one.
    const placed = all.more && width >= NARROW ? this.#place(view.columns, sight, width - 2, cells) : all;
    // Of those columns alone that have room.
    const painted = placed.columns.map((column) => ({ ...column, roles: rolesOf(view, body, column, look) }));
    const lines = body.map(({ row, gone }, line) => this.#line(view, painted, line, row, gone));
    this.more = placed.more;
    this.#placed = placed.columns;
    this.#body = body;
    return { header: this.#header(placed, sight, width), lines, body };
  }

  /** The row at a line of the body; undefined where there is none that can be selected. */
  rowAt(line: number): number | undefined {
    const found = this.#body[line];
    return found && !found.gone ? found.row : undefined;
  }

  /** The column at a cell of a line, the gap before it included. */
  columnAt(cell: number): string | undefined {
    let end = 0;
    return this.#placed.find(({ width }, index) => {
      end += width + (index > 0 ? GAP : 0);
      return cell < end;
    })?.column.name;
  }

  /** Cells that a column has on the screen; of one that is out of sight those that it would have. */
  widthOf(column: string): number | undefined {
    return this.#placed.find((placed) => placed.column.name === column)?.width ?? this.#widths.get(column);
  }

  /** Where the last text has no room, minor columns give way to it, one after the other; or, where that is no help, none. */
  #place(columns: readonly ViewColumn[], sight: Sight, width: number, cellsOf: CellsOf): Fitting {
    const [first, ...others] = columns;
    if (!first) return { columns: [], more: false };
    const candidates = [first, ...others.slice(sight.left)];
    const own = sight.widths ?? {};
    const elastic = columns.findLast((column) => isText(column) && own[column.name] === undefined);
    const shown = ({ columns }: Fitting) => columns.some(({ column }) => column === elastic);
    const whole = this.#fill(candidates, elastic, sight, width, cellsOf);
    // Who scrolls wants to see the columns one after the other.
    if (!elastic || shown(whole) || sight.left > 0) return whole;
    const chosen = new Set([...Object.keys(own), ...sight.sort.map(({ column }) => column)]);
    let kept = candidates;
    for (const column of candidates) {
      if (!column.minor || chosen.has(column.name)) continue;
      kept = kept.filter((each) => each !== column);
      const fewer = this.#fill(kept, elastic, sight, width, cellsOf);
      if (shown(fewer)) return { ...fewer, more: true };
    }
    return whole;
  }

  /** As many columns as there is room for. */
  #fill(
    candidates: readonly ViewColumn[],
    elastic: ViewColumn | undefined,
    sight: Sight,
    width: number,
    cellsOf: CellsOf,
  ): Fitting {
    const own = sight.widths ?? {};
    // The text that gets what is left also gives the gutter its cell.
    const narrow = (column: ViewColumn) =>
      Math.max(column.width - (column === elastic ? 1 : 0), this.#title(column).length);
    const columns: Placed[] = [];
    let used = 0;
    let fitting = 0;
    for (const column of candidates) {
      const given = own[column.name];
      const widest = column === elastic && column !== candidates.at(-1) ? width : widestOf(column, width);
      const start = columns.length === 0 ? 0 : used + GAP;
      const room = width - start;
      // Text can be cut; a number cut is another number.
      const flexible = isText(column) && given === undefined;
      const leastOf = (wanted: number) => (flexible ? Math.min(wanted, narrow(column)) : wanted);
      const cut = columns.length === 0 || (flexible && room >= Math.max(LEAST_TEXT, this.#title(column).length));
      // Cells only make it wider: those of the first one without room are not formatted.
      if (!cut && leastOf(given ?? this.#width(column, [], sight.sort, widest)) > room) break;
      const cells = cellsOf(column);
      const wanted = given ?? this.#width(column, cells, sight.sort, widest);
      const least = leastOf(wanted);
      if (!cut && least > room) break;
      const taken = Math.min(column === elastic ? least : wanted, room);
      if (column === elastic) fitting = wanted;
      columns.push({ column, cells, roles: [], width: taken });
      used = start + taken;
      if (least > room) break;
    }
    // All that is left goes to the last one. Before others it is as wide as its cells: a gap would part a row.
    const stretched = columns.map((placed, index) => {
      if (placed.column !== elastic) return placed;
      const most = placed.width + width - used;
      return {
        ...placed,
        width: index === columns.length - 1 ? most : Math.min(most, Math.max(placed.width, fitting)),
      };
    });
    return { columns: stretched, more: columns.length < candidates.length };
  }

  #title({ title, format }: ViewColumn): string {
    const unit = this.#exact ? unitOf(format).split(' ')[0]! : '';
    return UNITS_SHOWN.test(unit) ? `${title}[${unit}]` : title;
  }

  #width(column: ViewColumn, cells: readonly string[], sort: Sort, widest: number): number {
    const title = this.#title(column).length + signOf(sort, column.name, this.#theme.signs).length;
    let width = Math.max(column.width, title, this.#widths.get(column.name) ?? 0);
    for (const cell of cells) {
      if (width >= widest) break;
      if (cell.length <= width && !NOT_ASCII.test(cell)) continue;
      const near = headBeyond(cell, widest);
      const safe = this.#theme.ascii ? sanitizeAscii(near) : sanitize(near);
      width = Math.max(width, Math.min(widest, textWidth(safe)));
    }
    this.#widths.set(column.name, width);
    return column.name === HOST ? Math.min(width, widest) : width;
  }

  #line(view: View, columns: readonly Placed[], line: number, row: number, gone: boolean): string {
    const text = columns
      .map(({ cells, roles, width, column }) => {
        const cell = cells[line]!;
        const lines = gone ? '' : branch(view, row, column, this.#theme.ascii);
        const align = view.tree?.column === column.name ? 'left' : column.align;
        const fitted =
          align === 'right' && cell.length > width
            ? '#'.repeat(width)
            : fit(this.#shortened(cell, lines, width, column), width, align, this.#theme.ascii);
        if (lines !== '' && fitted.startsWith(lines))
          return paint(this.#theme, 'branch', lines) + fitted.slice(lines.length);
        return gone ? fitted : inside(this.#theme, roles[line]!, fitted);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
    if (!gone && (isLead(view.tree, row) || view.isOld?.(row))) return paint(this.#theme, 'dim', text);
    return gone || view.compared?.sign(row) === '-' ? paint(this.#theme, 'gone', text) : text;
  }

  /** The text, without the lines of a tree before it, as far as it has room. */
  #shortened(cell: string, lines: string, width: number, column: ViewColumn): string {
    if (!isText(column) || cell.length <= width) return cell;
    const { ascii } = this.#theme;
    if (column.name === HOST) return shortHost(cell, width, ascii);
    return lines + shortPath(cell.slice(lines.length), width - lines.length, column.format === 'text', ascii);
  }

  #header(placed: { columns: readonly Placed[]; more: boolean }, sight: Sight, width: number): Piece[] {
    const { signs, ascii } = this.#theme;
    const pieces: Piece[] = [];
    let used = 0;
    placed.columns.forEach(({ column, width: cells }, index) => {
      if (index > 0) pieces.push(['header', index === 1 && sight.left > 0 ? signs.moreLeft : ' ']);
      const sign = signOf(sight.sort, column.name, signs);
      const title = fit(this.#title(column), cells - sign.length, column.align, ascii) + sign;
      pieces.push([sign !== '' ? 'sorted' : 'header', title]);
      used += cells + (index > 0 ? GAP : 0);
    });
    const rest = Math.max(0, width - used);
    pieces.push(['header', placed.more && rest > 0 ? ' '.repeat(rest - 1) + signs.moreRight : ' '.repeat(rest)]);
    return pieces;
  }
}

/** A host's name leaves room for what its rows are about. */
function widestOf({ name }: ViewColumn, width: number): number {
  return name === HOST ? Math.max(LEAST_TEXT, Math.min(WIDEST, Math.floor(width / 4))) : WIDEST;
}

/** How cells are written. */
interface Look {
  readonly ascii: boolean;
  /** With all digits. */
  readonly exact: boolean;
  /** Between what a cell was at another moment and what it is. */
  readonly arrow: string;
}

function cellsOf(view: View, body: readonly BodyLine[], column: ViewColumn, look: Look): string[] {
  if (column.absent !== '') return body.map(() => '');
  return body.map(({ row, gone }) =>
    gone
      ? cellOf(view.changes!.before, row, column, look)
      : cellText(view, row, column, look.ascii, (at) => cellOf(view, at, column, look)),
  );
}

function cellOf(view: View, row: number, column: ViewColumn, { exact, arrow }: Look): string {
  if (exact && view.exactCell) return view.exactCell(row, column);
  const before = view.compared?.before(row, column);
  const cell = view.cell(row, column);
  return before === undefined ? cell : `${before}${arrow}${cell}`;
}

/** How hot the cells are, or whether they have changed. */
function rolesOf(view: View, body: readonly BodyLine[], { column, cells }: Placed, look: Look): readonly Role[] {
  const { changes, compared } = view;
  if (compared) return body.map(({ row }) => (compared.before(row, column) === undefined ? 'plain' : 'changed'));
  if (isHeated(column.format)) {
    const numbers = body.map(({ row, gone }) => (gone ? Number.NaN : view.number(row, column.name)));
    return heatOf(column.format, numbers);
  }
  // Other lines of a tree are no other value.
  if (!changes || !isCompared(column.format) || view.tree?.column === column.name) return cells.map(() => 'plain');
  return body.map(({ row, gone }, line) => {
    const old = gone ? -1 : changes.rowBefore(row);
    return old >= 0 && cellOf(changes.before, old, column, look) !== cells[line] ? 'changed' : 'plain';
  });
}

/** The role for the text alone, not for the blanks around it. */
function inside(theme: Theme, role: Role, cell: string): string {
  const text = cell.trim();
  if (role === 'plain' || text === '') return cell;
  const start = cell.length - cell.trimStart().length;
  return cell.slice(0, start) + paint(theme, role, text) + cell.slice(start + text.length);
}
