/** A terminal's screen as cells, kept by what is written to it: text, movements of the cursor, erasures, styles. */
import stringWidth from 'string-width';
import type { Graphemes } from './graphemes.ts';
import { erased, PLAIN, styleAfter } from './sgr.ts';

/** The second cell of a wide character. */
export const TAIL = -1;
const SPACE = 0x20;

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * Whether every terminal gives the glyph that many cells. They agree on alphabets, on lines and signs that are no emoji,
 * on kana, CJK ideographs and Hangul; not on emoji, nor on what joins.
 */
export function isSure(glyph: number, width: number): boolean {
  if (width === 1) return glyph < 0x590 ? glyph !== 0xad : glyph >= 0x2010 && glyph < 0x2c00;
  return (
    (glyph >= 0x3041 && glyph < 0xa000) || (glyph >= 0xac00 && glyph < 0xd7a4) || (glyph > 0xff00 && glyph < 0xff61)
  );
}

export class CellLine {
  readonly glyphs: Int32Array;
  readonly styles: Int32Array;
  /** Terminals may disagree on the cells of this line: it can only be written from its beginning. */
  unsure = false;

  constructor(columns: number) {
    this.glyphs = new Int32Array(columns).fill(SPACE);
    this.styles = new Int32Array(columns);
  }

  erase(from: number, to: number, style: number): void {
    if (from === to) return;
    // Half of a wide character cannot stay.
    if (from > 0 && this.glyphs[from] === TAIL) this.glyphs[from - 1] = SPACE;
    if (this.glyphs[to] === TAIL) this.glyphs[to] = SPACE;
    this.glyphs.fill(SPACE, from, to);
    this.styles.fill(style, from, to);
    if (from === 0 && to === this.glyphs.length) this.unsure = false;
  }

  put(at: number, glyph: number, width: number, style: number): void {
    this.erase(at, at + width, style);
    this.glyphs[at] = glyph;
    if (width === 2) this.glyphs[at + 1] = TAIL;
  }

  differs(other: CellLine, at: number): boolean {
    return this.glyphs[at] !== other.glyphs[at] || this.styles[at] !== other.styles[at];
  }

  equals(other: CellLine): boolean {
    for (let at = 0; at < this.glyphs.length; at++) if (this.differs(other, at)) return false;
    return true;
  }

  /** Another line's cells over these, from cell `x` on, as far as there is room. */
  overlay(x: number, other: CellLine): void {
    const room = this.glyphs.length - x;
    // The screen has become smaller than what was drawn for it.
    if (room <= 0) return;
    const all = other.glyphs.length <= room;
    this.glyphs.set(all ? other.glyphs : other.glyphs.subarray(0, room), x);
    this.styles.set(all ? other.styles : other.styles.subarray(0, room), x);
    this.unsure ||= other.unsure;
  }

  /** Cells up to the last one that is not blank and plain. */
  used(): number {
    let end = this.glyphs.length;
    while (end > 0 && this.glyphs[end - 1] === SPACE && this.styles[end - 1] === PLAIN) end--;
    return end;
  }

  copy(other: CellLine): void {
    this.glyphs.set(other.glyphs);
    this.styles.set(other.styles);
    this.unsure = other.unsure;
  }
}

export class CellScreen {
  readonly columns: number;
  readonly rows: number;
  readonly lines: CellLine[];
  readonly #graphemes: Graphemes;
  /** From 0 on; x is `columns` where the last cell of a line has just been written. */
  x = 0;
  y = 0;
  style = PLAIN;
  /** Whether text goes on in the next line (DECAWM). */
  wraps = true;

  constructor(columns: number, rows: number, graphemes: Graphemes) {
    this.columns = columns;
    this.rows = rows;
    this.#graphemes = graphemes;
    this.lines = Array.from({ length: rows }, () => new CellLine(columns));
  }

  isBlank(): boolean {
    return this.lines.every((line) => line.used() === 0);
  }

  /** Text without control characters. */
  print(text: string): void {
    // What joins the character before it belongs to its grapheme.
    const special = text.search(/[^\x20-\x7e]/);
    const plain = special < 0 ? text.length : Math.max(0, special - 1);
    const fits = Math.max(0, Math.min(plain, this.columns - this.x));
    const line = this.lines[this.y]!;
    line.erase(this.x, this.x + fits, this.style);
    for (let at = 0; at < fits; at++) line.glyphs[this.x + at] = text.charCodeAt(at);
    this.x += fits;
    for (let at = fits; at < plain; at++) this.#put(text.charCodeAt(at), 1);
    if (special < 0) return;
    for (const { segment } of segmenter.segment(text.slice(plain))) this.#printGrapheme(segment);
  }

  #printGrapheme(grapheme: string): void {
    const code = grapheme.charCodeAt(0);
    const glyph = this.#graphemes.numberOf(grapheme);
    const width = grapheme.length === 1 && code < 0x7f ? 1 : stringWidth(grapheme);
    if (width === 1 || width === 2) this.#put(glyph, width, !isSure(glyph, width));
    else this.#join(grapheme);
  }

  /** What takes no cell of its own goes to the character before it. */
  #join(mark: string): void {
    const line = this.lines[this.y]!;
    line.unsure = true;
    let at = this.x - 1;
    if (line.glyphs[at] === TAIL) at--;
    if (at < 0) return;
    const joined = this.#graphemes.textOf(line.glyphs[at]!) + mark;
    line.glyphs[at] = this.#graphemes.numberOf(joined);
  }

  #put(glyph: number, width: number, unsure = false): void {
    if (this.x + width > this.columns) {
      if (this.wraps && width <= this.columns) {
        this.newline();
      } else {
        this.x = this.columns - 1;
        if (width === 2) return;
      }
    }
    const line = this.lines[this.y]!;
    line.put(this.x, glyph, width, this.style);
    if (unsure) line.unsure = true;
    this.x += width;
  }

  /** To the beginning of the next line, as a terminal driver has it; the last one scrolls. */
  newline(): void {
    this.x = 0;
    if (this.y < this.rows - 1) {
      this.y++;
      return;
    }
    const line = this.lines.shift()!;
    line.erase(0, this.columns, erased(this.style));
    this.lines.push(line);
  }

  moveTo(x: number, y: number): void {
    this.x = Math.max(0, Math.min(x, this.columns - 1));
    this.y = Math.max(0, Math.min(y, this.rows - 1));
  }

  /** A control sequence without intermediate or private characters; false where it is none of those known here. */
  control(final: string, parameters: string): boolean {
    if (final === 'm') {
      const style = styleAfter(this.style, parameters);
      if (style === undefined) return false;
      this.style = style;
      return true;
    }
    if (!/^\d*(;\d*)?$/.test(parameters)) return false;
    const [first = 0, second = 0] = parameters.split(';').map(Number);
    const count = first || 1;
    const x = Math.min(this.x, this.columns - 1);
    switch (final) {
      case 'A':
        this.moveTo(x, this.y - count);
        return true;
      case 'B':
        this.moveTo(x, this.y + count);
        return true;
      case 'C':
        this.moveTo(x + count, this.y);
        return true;
      case 'D':
        this.moveTo(x - count, this.y);
        return true;
      case 'E':
        this.moveTo(0, this.y + count);
        return true;
      case 'G':
        this.moveTo(count - 1, this.y);
        return true;
      case 'H':
        this.moveTo((second || 1) - 1, count - 1);
        return true;
      case 'K':
        return this.#erase(first, x, x + 1, [this.lines[this.y]!]);
      case 'J':
        if (!this.#erase(first, x, x + 1, [this.lines[this.y]!])) return false;
        this.#erase(2, 0, 0, first === 0 ? this.lines.slice(this.y + 1) : this.lines.slice(0, this.y));
        if (first === 2) this.#erase(2, 0, 0, this.lines.slice(this.y + 1));
        return true;
      default:
        return false;
    }
  }

  /** `what`: 0 from the cursor on, 1 up to and with it, 2 all. */
  #erase(what: number, from: number, to: number, lines: readonly CellLine[]): boolean {
    if (what > 2) return false;
    for (const line of lines) line.erase(what === 0 ? from : 0, what === 1 ? to : this.columns, erased(this.style));
    return true;
  }
}
