/** Texts of others, as long as these like: what a cell of one costs is its own length, not the text's. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fit } from '../../src/templates/text.ts';
import { Columns, type Sight } from '../../src/ui/columns.ts';
import { shortPath } from '../../src/ui/path-cells.ts';
import { themeOf } from '../../src/ui/theme.ts';
import { FakeView, fakeColumn } from './fake-view.ts';
import { UTF8 } from './screen.tsx';

const measured = vi.hoisted(() => ({ characters: 0 }));
vi.mock('string-width', async (original) => {
  const { default: width } = await original<typeof import('string-width')>();
  return {
    default: (text: string) => {
      measured.characters += text.length;
      return width(text);
    },
  };
});

const LONG = 100_000;
const TEXTS: readonly (readonly [string, string])[] = [
  ['4 KB of directories', `/${'漢/'.repeat(1000)}${'x'.repeat(60)}`],
  ['directories of all a command has', `/${'漢/'.repeat(LONG)}x`],
  ['one name', `/usr/漢/${'漢'.repeat(LONG)}`],
  ['one directory', `/usr/${'漢'.repeat(LONG)}/x`],
  ['arguments', `/usr/漢/java ${'漢 '.repeat(LONG)}`],
  ['slashes at its end', `/usr/漢/${'/'.repeat(LONG)}`],
  ['slashes', `/usr/漢${'/'.repeat(LONG)}x`],
  ['no path', '漢'.repeat(LONG)],
];
const WIDTH = 40;
/** A few looks at as much as has room, with all the marks that letters may have. */
const ENOUGH = 4000;

beforeEach(() => {
  measured.characters = 0;
});

describe.each(TEXTS)('%s', (_, text) => {
  it('is shortened by what has room', () => {
    shortPath(text, WIDTH, true, false);
    shortPath(text, WIDTH, false, false);
    expect(measured.characters).toBeLessThan(2 * ENOUGH);
  });

  it('is cut by what has room', () => {
    expect(fit(text, WIDTH)).toMatch(/… ?$/u);
    expect(measured.characters).toBeGreaterThan(0);
    expect(measured.characters).toBeLessThan(ENOUGH);
  });

  it('is drawn in a table by what has room', () => {
    const columns = [
      fakeColumn('pid', { width: 7 }),
      fakeColumn('cmdline', { format: 'text', align: 'left', width: 16 }),
    ];
    const view = new FakeView('task', columns, [{ key: 'a', cells: { pid: '42', cmdline: text } }]);
    const sight: Sight = { top: 0, rows: 5, left: 0, width: 80, sort: [{ column: 'pid', descending: false }] };
    expect(new Columns(themeOf(UTF8)).frame(view, sight).lines[0]).toMatch(/^ +42 /);
    expect(measured.characters).toBeLessThan(4 * ENOUGH);
  });
});
