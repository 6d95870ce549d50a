/**
 * Writes the least: what an application writes goes to a picture of the screen, and the terminal gets only the cells in
 * which that picture differs from what it shows already.
 *
 * Ink (8.0, log-update.js) writes a changed line from its first difference to its end, and every line below one that
 * came or went. Here unchanged cells are skipped, and lines that moved are moved by the terminal (IL, DL).
 */
import { CellLine, CellScreen, isSure, TAIL } from './cells.ts';
import { Graphemes } from './graphemes.ts';
import { Layer, type LayerContent } from './layer.ts';
import { movedLines } from './moved-lines.ts';
import { PLAIN, styleChange } from './sgr.ts';

const BEGIN_SYNC = '\x1b[?2026h';
const END_SYNC = '\x1b[?2026l';
const ENTER_SCREEN = '\x1b[?1049h';
const LEAVE_SCREEN = '\x1b[?1049l';
const HIDE = '\x1b[?25l';
const SHOW = '\x1b[?25h';
const WRAP_ON = '\x1b[?7h';
const WRAP_OFF = '\x1b[?7l';

/** Unchanged cells that are written again are no longer than the movement over them. */
const GAP = 4;
/** As many blanks are not longer than the sequence that erases the rest of a line. */
const BLANKS = 3;

/** Moving one line alone takes about that many bytes, and it is written to afterwards. */
const WORTH_MOVING = 30;

/** Text, or one control: CSI, a string (OSC, DCS, APC, PM, SOS), another escape sequence, a control character. */
const TOKEN =
  /([^\x00-\x1f\x7f-\x9f]+)|\x1b\[([<-?]*)([\d;:]*)([ -/]*)([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\s\S]/gy;

/** Where the terminal's own cursor is while a difference is written. */
interface Pen {
  readonly graphemes: Graphemes;
  out: string;
  /** Undefined where it is not known. */
  x: number | undefined;
  y: number;
  style: number;
}

export class CellDiff {
  readonly #graphemes = new Graphemes();
  /** What the application means to be seen. */
  #target: CellScreen;
  /** What the terminal shows; of no use while `#known` is false. */
  #shown: CellLine[] = [];
  #known = false;
  #visible = true;
  #shownVisible: boolean | undefined;
  /** Only the alternate screen is the application's alone. */
  #alternate = false;
  /** Between the marks of a synchronized update; `#marked` when the terminal has been told. */
  #sync = false;
  #marked = false;
  /** The way to where the cursor was when last something was written. */
  #cursor = '';
  /** The style that the terminal was left in; undefined where it is not known. */
  #style: number | undefined = PLAIN;
  /** What there is to write. */
  #out = '';
  #layers = new Map<string, Layer>();
  /** The target with the layers over it. */
  #picture: CellLine[] = [];

  constructor(columns: number, rows: number) {
    this.#target = new CellScreen(columns, rows, this.#graphemes);
  }

  /** The terminal has this size now; what it shows is not known any more where that is new. */
  resize(columns: number, rows: number): void {
    const old = this.#target;
    if (old.columns === columns && old.rows === rows) return;
    this.#target = new CellScreen(columns, rows, this.#graphemes);
    this.#target.wraps = old.wraps;
    this.#target.style = old.style;
    this.#target.moveTo(old.x, old.y);
    this.#known = false;
  }

  /** Puts lines over what the application writes, or takes them away; seen at the next write() or present(). */
  layer(name: string, content: LayerContent | undefined): void {
    if (!content) this.#layers.delete(name);
    else if (!this.#layers.get(name)?.draw(content)) this.#layers.set(name, new Layer(content, this.#graphemes));
  }

  /** What to write to the terminal for layers that have changed. */
  present(): string {
    // What the application draws comes first; while it has no screen, or a frame is under way, nothing is shown.
    if (!this.#alternate || !this.#known || this.#sync) return '';
    this.#sync = true;
    this.#present();
    if (this.#marked) this.#out += END_SYNC;
    this.#sync = this.#marked = false;
    const out = this.#out;
    this.#out = '';
    return out;
  }

  /** What is to be seen. */
  #composed(): readonly CellLine[] {
    const { lines, columns, rows } = this.#target;
    // A picture that was wiped stays so: others may write there.
    if (this.#layers.size === 0 || this.#target.isBlank()) return lines;
    if (this.#picture.length !== rows || this.#picture[0]?.glyphs.length !== columns)
      this.#picture = Array.from({ length: rows }, () => new CellLine(columns));
    for (const [y, line] of lines.entries()) this.#picture[y]!.copy(line);
    for (const layer of this.#layers.values()) layer.over(this.#picture);
    return this.#picture;
  }

  /** What to write to the terminal for what the application has written. */
  write(text: string): string {
    TOKEN.lastIndex = 0;
    for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
      const [token, printable, marker, parameters, between, final] = match;
      if (!this.#alternate) {
        this.#out += token;
        if (token === ENTER_SCREEN) this.#enter();
      } else if (printable !== undefined) {
        this.#target.print(printable);
      } else if (final !== undefined && marker === '' && between === '') {
        if (!this.#target.control(final, parameters!)) this.#pass(token);
      } else if (token === '\n') {
        this.#target.newline();
      } else if (token === '\r') {
        this.#target.moveTo(0, this.#target.y);
      } else {
        this.#mode(token);
      }
    }
    if (text !== '' && this.#alternate) this.#answer();
    const out = this.#out;
    this.#out = '';
    return out;
  }

  #answer(): void {
    if (!this.#sync) this.#present();
    if (!this.#known || !this.#target.isBlank()) return;
    // Where all has been wiped others may write, whom nobody sees here: then everything is to be drawn.
    this.#handOver();
    this.#known = false;
  }

  #mode(token: string): void {
    switch (token) {
      case BEGIN_SYNC:
        this.#sync = true;
        break;
      case END_SYNC:
        this.#present();
        if (this.#marked) this.#out += END_SYNC;
        this.#sync = this.#marked = false;
        break;
      case SHOW:
      case HIDE:
        this.#visible = token === SHOW;
        break;
      case WRAP_ON:
      case WRAP_OFF:
        this.#target.wraps = token === WRAP_ON;
        this.#out += token;
        break;
      case LEAVE_SCREEN:
        this.#handOver();
        if (this.#marked) this.#out += END_SYNC;
        this.#sync = this.#marked = false;
        this.#alternate = false;
        this.#out += token;
        break;
      default:
        this.#pass(token);
    }
  }

  #enter(): void {
    const { columns, rows, wraps } = this.#target;
    this.#target = new CellScreen(columns, rows, this.#graphemes);
    this.#target.wraps = wraps;
    this.#alternate = true;
    this.#visible = true;
    this.#shownVisible = undefined;
    this.#style = PLAIN;
    this.#known = false;
  }

  /** What is not understood goes on as it is; what it did to the screen is not known, and so all is drawn anew. */
  #pass(token: string): void {
    this.#handOver();
    this.#out += token;
    this.#style = undefined;
    this.#known = false;
  }

  /** The terminal as the application believes it to be: cells, cursor and style. */
  #handOver(): void {
    this.#present();
    this.#style = this.#target.style;
    this.#emit(this.#place() + styleChange(PLAIN, this.#style));
  }

  #place(): string {
    const { x, y, columns } = this.#target;
    return at(Math.min(x, columns - 1), y);
  }

  #emit(text: string): void {
    if (text === '') return;
    if (this.#sync && !this.#marked) {
      this.#out += BEGIN_SYNC;
      this.#marked = true;
    }
    this.#out += text;
  }

  /** Makes the terminal show the target. Its style is plain before and after. */
  #present(): void {
    const { columns, rows } = this.#target;
    const lines = this.#composed();
    let out = this.#style === undefined ? '\x1b[m' : styleChange(this.#style, PLAIN);
    this.#style = PLAIN;
    if (!this.#known) {
      out += '\x1b[H\x1b[J';
      if (this.#shown.length !== rows || this.#shown[0]?.glyphs.length !== columns)
        this.#shown = Array.from({ length: rows }, () => new CellLine(columns));
      else for (const line of this.#shown) line.erase(0, columns, PLAIN);
      this.#known = true;
    }
    out += this.#change(lines);
    for (const [y, line] of lines.entries()) this.#shown[y]!.copy(line);

    const turned = this.#shownVisible !== this.#visible;
    if (turned && !this.#visible) out = HIDE + out;
    const cursor = this.#place();
    if (this.#visible && (turned || out !== '' || cursor !== this.#cursor)) out += cursor;
    if (turned && this.#visible) out += SHOW;
    this.#cursor = cursor;
    this.#shownVisible = this.#visible;
    this.#emit(out);
    this.#graphemes.forget(() => this.#allCells());
  }

  *#allCells(): Iterable<Int32Array> {
    const screens = [this.#target.lines, this.#shown, this.#picture, ...[...this.#layers.values()].map((l) => l.lines)];
    for (const lines of screens) for (const { glyphs } of lines) yield glyphs;
  }

  /** The shortest way from the lines that are shown to those that are meant: with lines moved, or without. */
  #change(lines: readonly CellLine[]): string {
    const inPlace = paint(this.#graphemes, this.#shown, lines, '');
    if (inPlace.length < WORTH_MOVING) return inPlace;
    const moves = movedLines(this.#shown, lines);
    if (!moves) return inPlace;
    const moved = paint(this.#graphemes, moves.lines, lines, moves.sequence);
    return moved.length < inPlace.length ? moved : inPlace;
  }
}

function at(x: number, y: number): string {
  return x === 0 ? (y === 0 ? '\x1b[H' : `\x1b[${y + 1}H`) : `\x1b[${y + 1};${x + 1}H`;
}

function paint(graphemes: Graphemes, from: readonly CellLine[], to: readonly CellLine[], before: string): string {
  const pen: Pen = { graphemes, out: before, x: undefined, y: 0, style: PLAIN };
  for (let y = 0; y < to.length; y++) {
    const [old, line] = [from[y]!, to[y]!];
    if (line.equals(old)) continue;
    if (old.unsure || line.unsure) paintWhole(pen, y, line);
    else paintLine(pen, y, old, line);
  }
  return pen.out + styleChange(pen.style, PLAIN);
}

function paintWhole(pen: Pen, y: number, line: CellLine): void {
  move(pen, 0, y);
  dress(pen, PLAIN);
  pen.out += '\x1b[2K';
  write(pen, line, 0, line.used());
  pen.x = undefined;
}

function paintLine(pen: Pen, y: number, old: CellLine, line: CellLine): void {
  const [was, used] = [old.used(), line.used()];
  const erases = was > used + BLANKS;
  const end = erases ? used : Math.max(was, used);
  let x = 0;
  while (x < end) {
    if (!line.differs(old, x)) {
      x++;
      continue;
    }
    const start = line.glyphs[x] === TAIL ? x - 1 : x;
    let last = x;
    for (x++; x < end && x - last <= GAP; x++) {
      if (line.differs(old, x)) last = x;
      else if (line.styles[x] !== line.styles[last]) break;
    }
    // Both halves of a wide character are written together.
    x = line.glyphs[last + 1] === TAIL ? last + 2 : last + 1;
    move(pen, start, y);
    write(pen, line, start, x);
  }
  if (erases) {
    move(pen, used, y);
    dress(pen, PLAIN);
    pen.out += '\x1b[K';
  }
}

function write(pen: Pen, line: CellLine, from: number, to: number): void {
  for (let x = from; x < to; x++) {
    if (line.glyphs[x] === TAIL) continue;
    dress(pen, line.styles[x]!);
    pen.out += pen.graphemes.textOf(line.glyphs[x]!);
    // Whatever the terminal took it for, what follows stands where it is meant to.
    const end = line.glyphs[x + 1] === TAIL ? x + 2 : x + 1;
    if (line.unsure && end < to && !isSure(line.glyphs[x]!, end - x)) pen.out += `\x1b[${end + 1}G`;
  }
  // After the last cell of a line terminals wait, each in its own way.
  pen.x = to < line.glyphs.length ? to : undefined;
}

function dress(pen: Pen, style: number): void {
  pen.out += styleChange(pen.style, style);
  pen.style = style;
}

function move(pen: Pen, x: number, y: number): void {
  pen.out += shortest(pen, x, y);
  pen.x = x;
  pen.y = y;
}

function shortest(pen: Pen, x: number, y: number): string {
  const absolute = at(x, y);
  if (pen.x === undefined) return absolute;
  const relative = along(y - pen.y, 'B', 'A') + (x === 0 && pen.x > 0 ? '\r' : along(x - pen.x, 'C', 'D'));
  return relative.length < absolute.length ? relative : absolute;
}

function along(distance: number, forward: string, back: string): string {
  if (distance === 0) return '';
  const count = Math.abs(distance);
  return `\x1b[${count === 1 ? '' : count}${distance > 0 ? forward : back}`;
}

function sizeOf(stream: NodeJS.WriteStream): [number, number] {
  return [stream.columns || 80, stream.rows || 24];
}

/** The stream with a `write` that writes the least; all else is the stream's own. */
export function withCellDiff(stream: NodeJS.WriteStream, diff = new CellDiff(...sizeOf(stream))): NodeJS.WriteStream {
  type Done = (error?: Error | null) => void;
  function write(chunk: string | Uint8Array, encoding?: BufferEncoding | Done, done?: Done): boolean {
    const callback = typeof encoding === 'function' ? encoding : done;
    diff.resize(...sizeOf(stream));
    const out = diff.write(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    return out === '' && !callback ? true : stream.write(out, callback);
  }

  return new Proxy(stream, {
    get(target, key) {
      if (key === 'write') return write;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}
