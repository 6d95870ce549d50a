/** Of graphemes that screens had once nothing stays for ever. */
import xterm from '@xterm/headless';
import { describe, expect, test, vi } from 'vitest';
import { CellDiff } from '../../src/ui/cell-diff.ts';
import { Graphemes } from '../../src/ui/graphemes.ts';
import { cellsOf } from '../support/screen-cells.ts';

/** Each another one: a letter with two marks. */
const cluster = (i: number) =>
  String.fromCodePoint(0x61 + (i % 26), 0x300 + (Math.floor(i / 26) % 64), 0x300 + Math.floor(i / 26 / 64));

describe('graphemes', () => {
  test('are a number each, a code point its own', () => {
    const graphemes = new Graphemes();
    const all = ['a', '語', '👍', cluster(0), cluster(1), '👩‍🚀'];
    const numbers = all.map((text) => graphemes.numberOf(text));
    expect(numbers.slice(0, 3)).toEqual([0x61, 0x8a9e, 0x1f44d]);
    expect(new Set(numbers).size).toBe(6);
    expect(numbers.map((number) => graphemes.textOf(number))).toEqual(all);
    expect(all.map((text) => graphemes.numberOf(text))).toEqual(numbers);
    expect(graphemes.count).toBe(3);
  });

  test('are forgotten where no cell has them, and not before there are many', () => {
    const graphemes = new Graphemes();
    const line = Int32Array.of(0x61, -1, graphemes.numberOf(cluster(7)), 0, graphemes.numberOf(cluster(9)));
    graphemes.forget(() => expect.fail('there are few'));
    for (let i = 0; i < 10_000; i++) graphemes.numberOf(cluster(i));
    graphemes.forget(() => [line]);
    expect(graphemes.count).toBe(2);
    expect([line[0], line[1], line[3]]).toEqual([0x61, -1, 0]);
    expect([graphemes.textOf(line[2]!), graphemes.textOf(line[4]!)]).toEqual([cluster(7), cluster(9)]);
    expect(graphemes.numberOf(cluster(9))).toBe(line[4]);
  });

  test('a screen shows what it should for ever, and keeps little of what it has shown', async () => {
    const [columns, rows] = [60, 12];
    const size = { cols: columns, rows, allowProposedApi: true, scrollback: 0 };
    const [raw, lean] = [new xterm.Terminal(size), new xterm.Terminal(size)];
    const feed = (terminal: xterm.Terminal, text: string) => new Promise<void>((done) => terminal.write(text, done));
    const diff = new CellDiff(columns, rows);
    const forget = vi.spyOn(Graphemes.prototype, 'forget');
    const write = async (text: string) => {
      const written = diff.write(text);
      await Promise.all([feed(raw, text), feed(lean, written)]);
    };
    const line = (from: number) => Array.from({ length: columns - 2 }, (_, x) => cluster(from + x)).join('');
    await write('\x1b[?1049h\x1b[H\x1b[J');
    await write(`\x1b[1;1H${cluster(1)}stays${cluster(2)}`);
    let next = 0;
    let most = 0;
    for (let frame = 0; frame < 50; frame++) {
      let text = '\x1b[?2026h';
      // All lines but the first and one that stays for some frames.
      for (let y = 2; y <= rows; y++) {
        if (y === 5 && frame % 10 !== 0) continue;
        text += `\x1b[${y};1H\x1b[K${line(next)}`;
        next += columns - 2;
      }
      await write(`${text}\x1b[?2026l`);
      most = Math.max(most, (forget.mock.contexts.at(-1) as Graphemes).count);
      if (frame % 7 === 0) expect(cellsOf(lean)).toEqual(cellsOf(raw));
    }
    expect(cellsOf(lean)).toEqual(cellsOf(raw));
    expect(next).toBeGreaterThan(25_000);
    expect(most).toBeLessThan(6000);
    forget.mockRestore();
    raw.dispose();
    lean.dispose();
  });
});
