/** What comes out of the writer makes a terminal look as what went into it would have. */
import { Writable } from 'node:stream';
import xterm from '@xterm/headless';
import fc from 'fast-check';
import { Box, render, Text } from 'ink';
import { createElement } from 'react';
import { afterAll, describe, expect, it } from 'vitest';
import { CellDiff, withCellDiff } from '../../src/ui/cell-diff.ts';
import { cellsOf } from '../support/screen-cells.ts';

const WIPE = '\x1b[H\x1b[J';
const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';

const open = (cols: number, rows: number) => new xterm.Terminal({ cols, rows, allowProposedApi: true, scrollback: 0 });
/** A terminal driver in raw mode still turns \n into \r\n. */
const feed = (terminal: xterm.Terminal, text: string) =>
  new Promise<void>((done) => terminal.write(text.replaceAll('\n', '\r\n'), done));

const cursor = ({ buffer: { active } }: xterm.Terminal) => [active.cursorX, active.cursorY];

/** Two terminals of one size: `raw` gets what is written, `lean` what the writer makes of it. */
class Pair {
  readonly raw: xterm.Terminal;
  readonly lean: xterm.Terminal;
  readonly diff: CellDiff;
  rawBytes = 0;
  leanBytes = 0;
  last = '';

  constructor(cols: number, rows: number) {
    this.raw = open(cols, rows);
    this.lean = open(cols, rows);
    this.diff = new CellDiff(cols, rows);
  }
  async write(text: string): Promise<void> {
    this.last = this.diff.write(text);
    this.rawBytes += Buffer.byteLength(text);
    this.leanBytes += Buffer.byteLength(this.last);
    await Promise.all([feed(this.raw, text), feed(this.lean, this.last)]);
  }
  async expectEqual(): Promise<void> {
    expect(cellsOf(this.lean)).toEqual(cellsOf(this.raw));
  }
  dispose(): void {
    this.raw.dispose();
    this.lean.dispose();
  }
}

/** Ink on a pair of terminals. */
function openInk(columns: number, rows: number) {
  const pair = new Pair(columns, rows);
  class Stdout extends Writable {
    readonly isTTY = true;
    columns = columns;
    rows = rows;
    override _write(chunk: string, _encoding: string, done: () => void) {
      pair.diff.resize(this.columns, this.rows);
      void pair.write(chunk).then(done);
    }
  }
  const stdout = new Stdout({ decodeStrings: false });
  const picture = (lines: readonly string[]) =>
    createElement(
      Box,
      { flexDirection: 'column', width: stdout.columns },
      lines.map((text, at) => createElement(Text, { key: at, wrap: 'truncate-end' }, text === '' ? ' ' : text)),
    );
  const instance = render(picture([]), {
    stdout: stdout as never,
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    patchConsole: false,
    exitOnCtrlC: false,
    maxFps: 1000,
  });
  stdout.write('\x1b[?7l');
  const wipe = () => {
    instance.clear();
    stdout.write(WIPE);
  };
  stdout.prependListener('resize', wipe);
  return {
    pair,
    async show(lines: readonly string[]) {
      instance.rerender(picture(lines));
      await instance.waitUntilRenderFlush();
    },
    async resize(cols: number, lines: number) {
      pair.raw.resize(cols, lines);
      pair.lean.resize(cols, lines);
      [stdout.columns, stdout.rows] = [cols, lines];
      stdout.emit('resize');
      await instance.waitUntilRenderFlush();
    },
    async close() {
      const ended = instance.waitUntilExit();
      instance.unmount();
      await ended;
      await new Promise((done) => stdout.end(done));
    },
  };
}

const STYLES = ['', '1', '2', '4', '7', '31', '1;32', '44', '38;5;200', '48;2;1;2;3', '1;4;7;35'];
const piece = fc
  .tuple(
    fc.constantFrom(...STYLES),
    fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'b', ' ', '1'), maxLength: 30 }),
      fc.string({ unit: fc.constantFrom('日', '本', 'é', '▼', ' ', '…', 'x'), maxLength: 12 }),
      fc.integer({ min: 0, max: 60 }).map((count) => ' '.repeat(count)),
    ),
  )
  .map(([style, text]) => (style === '' || text === '' ? text : `\x1b[${style}m${text}\x1b[0m`));
const line = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));

/** How one frame comes from the one before. */
type Change =
  | { readonly kind: 'all'; readonly lines: readonly string[] }
  | { readonly kind: 'one'; readonly at: number; readonly line: string }
  | { readonly kind: 'move'; readonly from: number; readonly to: number; readonly count: number }
  | { readonly kind: 'insert' | 'remove'; readonly at: number; readonly line: string };
const place = fc.nat(40);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('all' as const), lines: fc.array(line, { maxLength: 14 }) }),
  fc.record({ kind: fc.constant('one' as const), at: place, line }),
  fc.record({ kind: fc.constant('move' as const), from: place, to: place, count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constantFrom('insert' as const, 'remove' as const), at: place, line }),
);

function changed(lines: readonly string[], change: Change, rows: number): string[] {
  const next = [...lines];
  const index = (at: number) => (next.length === 0 ? 0 : at % next.length);
  if (change.kind === 'all') return change.lines.slice(0, rows);
  if (change.kind === 'one') next[index(change.at)] = change.line;
  if (change.kind === 'move') next.splice(index(change.to), 0, ...next.splice(index(change.from), change.count));
  if (change.kind === 'insert') next.splice(index(change.at), 0, change.line);
  if (change.kind === 'remove') next.splice(index(change.at), 1);
  return next.slice(0, rows);
}

let raw = 0;
let lean = 0;
afterAll(() => console.log(`cell-diff: ${raw} bytes by Ink, ${lean} bytes written`));

describe('a terminal shows the same', () => {
  it('after any frames of Ink', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 12 }),
        fc.array(line, { maxLength: 12 }),
        fc.array(change, { maxLength: 8 }),
        async (columns, rows, first, changes) => {
          const ink = openInk(columns, rows);
          let lines = first.slice(0, rows);
          await ink.show(lines);
          await ink.pair.expectEqual();
          for (const each of changes) {
            lines = changed(lines, each, rows);
            await ink.show(lines);
            await ink.pair.expectEqual();
          }
          raw += ink.pair.rawBytes;
          lean += ink.pair.leanBytes;
          await ink.close();
          await ink.pair.expectEqual();
          expect(ink.pair.lean.buffer.active.type).toBe('normal');
          expect(cursor(ink.pair.lean)).toEqual(cursor(ink.pair.raw));
          ink.pair.dispose();
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it('after any sequence that Ink could write', async () => {
    const number = fc.integer({ min: 0, max: 15 });
    const token = fc.oneof(
      // Where a wide character does not fit terminals differ.
      { weight: 4, arbitrary: piece.map((text) => text.replace(/[日本]/g, 'w')) },
      {
        weight: 2,
        // Nor do they agree on what is erased where the cursor waits after the last cell.
        arbitrary: fc.constantFrom('\n', '\r\n', '\x1b[9G\x1b[K', '\x1b[2K', '\x1b[H\x1b[J', '\x1b[G', '\x1b[E'),
      },
      fc.tuple(number, fc.constantFrom(...'ABCDEG')).map(([count, final]) => `\x1b[${count}${final}`),
      fc.tuple(number, number).map(([y, x]) => `\x1b[${y};${x}H`),
      fc.constantFrom(
        '\x1b[?25l',
        '\x1b[?25h',
        '\x1b[?2026h',
        '\x1b[?2026l',
        '\x1b]0;title\x07',
        '\x1b[?1004h',
        '\x07',
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.array(token, { maxLength: 8 }), { maxLength: 8 }),
        async (columns, rows, writes) => {
          const pair = new Pair(columns, rows);
          await pair.write(`${ENTER}\x1b[?7l`);
          for (const each of writes) {
            await pair.write(`${each.join('')}\x1b[?2026l\x1b[?25h`);
            await pair.expectEqual();
            // A cursor that waits after the last cell is put on it.
            expect(cursor(pair.lean)).toEqual([Math.min(cursor(pair.raw)[0]!, columns - 1), cursor(pair.raw)[1]]);
          }
          await pair.write(LEAVE);
          expect(cursor(pair.lean)).toEqual(cursor(pair.raw));
          pair.dispose();
        },
      ),
      { numRuns: 300 },
    );
  }, 60_000);

  it('after the terminal has changed its size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 12 }), fc.array(line)), {
          minLength: 1,
          maxLength: 5,
        }),
        async (sizes) => {
          const ink = openInk(30, 6);
          await ink.show(['one', '\x1b[7mtwo\x1b[27m', 'three']);
          for (const [columns, rows, lines] of sizes) {
            await ink.resize(columns, rows);
            await ink.show(lines.slice(0, rows));
            await ink.pair.expectEqual();
          }
          await ink.close();
          ink.pair.dispose();
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});

describe('what is written', () => {
  const opened = (columns = 40, rows = 5, first = 'PID  COMM\n  1  init\n  2  kthreadd') => {
    const diff = new CellDiff(columns, rows);
    diff.write(`${ENTER}\x1b[?25l\x1b[?7l`);
    diff.write(first);
    return diff;
  };

  it('is nothing where nothing has changed', () => {
    const diff = opened();
    expect(diff.write('\x1b[?2026h')).toBe('');
    expect(diff.write('\x1b[2A\x1b[GPID  COMM\x1b[K\n  1  init\n\x1b[2K  2  kthreadd')).toBe('');
    expect(diff.write('\x1b[?2026l')).toBe('');
  });

  it('is the changed cells between the marks of a synchronized update', () => {
    const diff = opened();
    diff.write('\x1b[?2026h');
    diff.write('\x1b[2A\x1b[G\x1b[KPID  COMM\n\x1b[K  7  init\n\x1b[K  2  kthreadd');
    expect(diff.write('\x1b[?2026l')).toBe('\x1b[?2026h\x1b[2;3H7\x1b[?2026l');
  });

  it('is a moved line where that is shorter', () => {
    const rows = Array.from({ length: 8 }, (_, at) => `${at} ${String.fromCharCode(97 + at).repeat(30)}`);
    const diff = opened(40, 8, rows.join('\n'));
    const next = [...rows.slice(1), '8 new'];
    expect(diff.write(`\x1b[7A\x1b[G${next.map((each) => `\x1b[K${each}`).join('\n')}`)).toBe(
      '\x1b[H\x1b[M\x1b[8H\x1b[L\x1b[8H8 new',
    );
  });

  it('passes on what it does not know, with the cursor and the style where they belong, and then all anew', () => {
    const diff = opened();
    const out = diff.write('\x1b[2;3H\x1b[1m\x1b]0;title\x07\x1b[22m\x1b[1;1Hp');
    expect(out).toMatch(/^\x1b\[2;3H\x1b\[1m\x1b\]0;title\x07\x1b\[m\x1b\[H\x1b\[J/);
    expect(out).toContain('pID');
    expect(out).toContain('kthreadd');
  });

  it('is all that the application writes while it has no screen of its own', () => {
    const diff = new CellDiff(20, 3);
    for (const text of ['\x1b[?7l', 'plain\n', '\x1b[2K\x1b[31m', '']) expect(diff.write(text)).toBe(text);
    expect(diff.write(`${ENTER}x${LEAVE}after\n`)).toMatch(/^\x1b\[\?1049h.*x.*\x1b\[\?1049lafter\n$/s);
  });

  it('is all anew after everything was wiped: others may have written since', () => {
    const diff = opened();
    expect(diff.write(`\x1b[?2026h${WIPE}`)).not.toBe('');
    expect(diff.write('PID  COMM\x1b[?2026l')).toMatch(/\x1b\[H\x1b\[J\x1b\[HPID {2}COMM/);
  });

  it('writes a line whole where terminals disagree about the width of a character, and puts what follows in its place', () => {
    const diff = opened(40, 3, 'PID  😀 one');
    expect(diff.write('\x1b[GPID  😀 two')).toContain('\x1b[2KPID  😀\x1b[8G two');
  });
});

describe('a layer', () => {
  /** What the terminal shows after these writes, in one column of blanks less. */
  async function shown(columns: number, rows: number, use: (diff: CellDiff, write: (text: string) => void) => void) {
    const terminal = open(columns, rows);
    const diff = new CellDiff(columns, rows);
    let out = '';
    use(diff, (text) => {
      out += text;
    });
    await feed(terminal, out);
    const { active } = terminal.buffer;
    const lines = Array.from({ length: rows }, (_, y) => active.getLine(y)!.translateToString(true));
    terminal.dispose();
    return { lines, out };
  }
  const begin = (diff: CellDiff) => diff.write(`${ENTER}\x1b[?25l\x1b[?7ltop\n\n\n\nfoot`);

  it('lies over what the application writes, before it and after it', async () => {
    const { lines } = await shown(12, 5, (diff, write) => {
      write(begin(diff));
      diff.layer('a', { x: 2, y: 1, width: 6, lines: ['\x1b[1mone\x1b[22m', 'two', '日本語'] });
      write(diff.present());
      write(diff.write('\x1b[Htip'));
      diff.layer('a', { x: 2, y: 1, width: 6, lines: ['one', 'changed and too long', ''] });
      write(diff.present());
    });
    expect(lines).toEqual(['tip', '  one', '  change', '', 'foot']);
  });

  it('is written in its changed cells only', async () => {
    const diff = new CellDiff(40, 5);
    begin(diff);
    diff.layer('a', { x: 0, y: 1, width: 40, lines: ['PID  COMM', '  1  init', '  2  kthreadd'] });
    diff.present();
    diff.layer('a', { x: 0, y: 1, width: 40, lines: ['PID  COMM', '  7  init', '  2  kthreadd'] });
    expect(diff.present()).toBe('\x1b[?2026h\x1b[3;3H7\x1b[?2026l');
    expect(diff.present()).toBe('');
  });

  it('goes, and what is under it comes; two lie side by side; beyond the edge nothing is drawn', async () => {
    const { lines } = await shown(12, 5, (diff, write) => {
      write(begin(diff));
      diff.layer('a', { x: 0, y: 0, width: 12, lines: ['over the top'] });
      diff.layer('b', { x: 0, y: 2, width: 4, lines: ['left'] });
      diff.layer('c', { x: 6, y: 2, width: 20, lines: ['right and on', '', 'over', 'the', 'edge'] });
      write(diff.present());
      diff.layer('a', undefined);
      write(diff.present());
    });
    expect(lines).toEqual(['top', '', 'left  right', '', 'foot  over']);
  });

  it('is not seen before there is a screen, nor on one that was wiped', () => {
    const diff = new CellDiff(12, 3);
    diff.layer('a', { x: 0, y: 1, width: 3, lines: ['one'] });
    expect(diff.present()).toBe('');
    expect(diff.write(`${ENTER}top`)).toContain('one');
    expect(diff.write(WIPE)).not.toContain('one');
    expect(diff.present()).toBe('');
    expect(diff.write('top')).toContain('one');
  });
});

describe('the stream', () => {
  it('is the other one but for what it writes, and calls back', async () => {
    const written: string[] = [];
    const stream = Object.assign(
      new Writable({
        decodeStrings: false,
        write(chunk: string, _encoding, done) {
          written.push(chunk);
          done();
        },
      }),
      { isTTY: true, columns: 10, rows: 2 },
    );
    const lean = withCellDiff(stream as never);
    expect([lean.isTTY, lean.columns, lean.rows, 'isTTY' in lean]).toEqual([true, 10, 2, true]);
    const resized: string[] = [];
    const listener = () => resized.push('once');
    lean.on('resize', listener);
    stream.emit('resize');
    lean.off('resize', listener);
    stream.emit('resize');
    expect(resized).toEqual(['once']);
    await new Promise<void>((done) => lean.write(`${ENTER}a`, () => done()));
    await new Promise<void>((done) => lean.write('', () => done()));
    expect(written.join('')).toContain('\x1b[?1049h');
    expect(lean.write('\ra')).toBe(true);
  });
});
