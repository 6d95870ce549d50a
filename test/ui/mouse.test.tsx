/** The mouse on the screen: wheel, clicks on rows, headings and lists, and never a typed byte. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createKeyParser } from '../../src/ui/keys.ts';
import { taskView } from './fake-view.ts';
import { openScreen, type Screen } from './screen.tsx';

const at = (button: number, x: number, y: number, end = 'M') => `\x1b[<${button};${x};${y}${end}`;
/** Pressed and let go of, at a cell from 1 on. */
const click = (x: number, y: number) => at(0, x, y) + at(0, x, y, 'm');
const WHEEL = { up: 64, down: 65 };

describe('reports of the mouse', () => {
  it.each<[string, string[]]>([
    [at(0, 12, 5), ['mouse-0-12-5']],
    [at(0, 12, 5, 'm'), []],
    [`${at(65, 300, 100)}j`, ['mouse-65-300-100', 'j']],
    ['\x1b[<0;1', []],
    // The older form, of a terminal that knows no other.
    ['\x1b[M !!q', ['q']],
    ['\x1b[M #!\x1b[M"qj', []],
    ['\x1b[<;;M\x1b[<0;1M', []],
  ])('%j', (bytes, keys) => {
    expect(createKeyParser().push(bytes)).toEqual(keys);
  });

  it('are never typed, however they are cut and however late the rest comes', () => {
    const report = fc.tuple(fc.nat(99), fc.nat(999), fc.nat(999), fc.constantFrom('M', 'm'));
    fc.assert(
      fc.property(fc.array(report), fc.array(fc.nat(60)), (reports, cuts) => {
        const text = reports.map(([button, x, y, end]) => at(button, x, y, end)).join('');
        const parser = createKeyParser();
        const typed: string[] = [];
        let from = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), text.length]) {
          // Esc alone, and Esc [, are taken for keys where nothing follows.
          if (cut <= from || /\x1b\[?$/.test(text.slice(from, cut))) continue;
          typed.push(...parser.push(text.slice(from, cut)), ...parser.flush());
          from = cut;
        }
        expect(typed.filter((key) => !key.startsWith('mouse-'))).toEqual([]);
      }),
    );
  });
});

describe('the mouse', () => {
  let screen: Screen;
  afterEach(() => screen.close());
  const state = () => screen.session.getState();
  async function show(columns = 80, rows = 24) {
    screen = await openScreen({ columns, rows });
    state().received(taskView(40));
    await screen.settle();
  }

  it('scrolls with the wheel; a selected row stays in sight', async () => {
    await show();
    const first = screen.lines()[3];
    await screen.press(at(WHEEL.down, 5, 9));
    expect(screen.lines()[3]).not.toBe(first);
    expect([state().top, state().cursor]).toEqual([3, null]);
    await screen.press(at(WHEEL.up, 5, 9), 'j');
    expect(state().cursor?.row).toBe(0);
    await screen.press(at(WHEEL.down, 5, 9));
    expect([state().top, state().cursor?.row]).toEqual([3, 3]);
    await screen.press(...Array<string>(20).fill(at(WHEEL.down, 5, 9)));
    expect(state().top).toBe(20);
  });

  it('selects the row that is clicked; a second click opens it', async () => {
    await show();
    await screen.press(click(10, 6));
    expect(screen.reversed()).toEqual([5]);
    await screen.press(click(10, 9));
    expect(screen.reversed()).toEqual([8]);
    expect(state().panes).toEqual([]);
    await screen.press(click(10, 9));
    expect(state().panes.map(({ name }) => name)).toEqual(['detail']);
  });

  it('sorts by the heading that is clicked, again the other way round', async () => {
    await show();
    const heading = screen.lines()[2]!;
    await screen.press(click(heading.indexOf('RSS') + 1, 3));
    expect(state().sort).toEqual([{ column: 'rss', descending: true }]);
    await screen.press(click(heading.indexOf('RSS') + 1, 3));
    expect(state().sort).toEqual([{ column: 'rss', descending: false }]);
    await screen.press(click(1, 3));
    expect(state().sort[0].column).toBe('pid');
    expect(state().cursor).toBeNull();
  });

  it.each([
    ['side by side', 140, 30],
    ['alone', 80, 24],
    ['in little room', 80, 10],
  ])('chooses in lists, %s', async (_, columns, rows) => {
    await show(columns, rows);
    await screen.press('v');
    const line = screen.lines().findIndex((text) => / ksym /.test(text));
    await screen.press(click(4, line + 1));
    expect(state().panes.at(-1)).toMatchObject({ name: 'picker', index: 2 });
    await screen.press(at(WHEEL.up, 4, line + 1));
    expect(state().panes.at(-1)).toMatchObject({ index: 0 });
    await screen.press(at(0, 4, line + 1), at(0, 4, line + 1));
    expect(state().template).toBe('ksym');
  });

  it('does nothing elsewhere: status, key bar, forms, other buttons', async () => {
    await show();
    const before = screen.text();
    await screen.press(click(3, 1), click(3, 24), at(2, 10, 9), at(1, 10, 9), at(32, 10, 9), at(66, 10, 9));
    expect(screen.text()).toBe(before);
    await screen.press('/', click(10, 9), 'a');
    expect(state().panes.at(-1)).toMatchObject({ name: 'search', input: { text: 'a' } });
    expect(state().cursor).toBeNull();
  });
});
