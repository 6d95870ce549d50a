/** The mouse in every pane with lines: a click marks the line under it, a second one does what Enter does, the wheel scrolls. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fakeReports } from './fake-reports.ts';
import { fakeAnswer } from './fake-struct.ts';
import { taskView } from './fake-view.ts';
import { openScreen, type Screen } from './screen.tsx';

const at = (button: number, x: number, y: number, end = 'M') => `\x1b[<${button};${x};${y}${end}`;
const click = (x: number, y: number) => at(0, x, y) + at(0, x, y, 'm');
const WHEEL = { up: 64, down: 65 };

let screen: Screen;
afterEach(() => screen.close());
const state = () => screen.session.getState();

interface PaneCase {
  readonly name: string;
  readonly keys: readonly string[];
  /** What the kernel or the worker would answer once it is open. */
  readonly answer?: () => void;
  /** Clicked two lines above or below the marked one. */
  readonly by: 2 | -2;
  /** Clicked once more, it does this. */
  readonly acts: () => void;
}

const top = () => state().panes.at(-1);
const key = () => state().cursor?.key ?? taskView(40).key(0);
const PANES: readonly PaneCase[] = [
  { name: 'picker', keys: ['v'], by: 2, acts: () => expect(state().template).not.toBe('task') },
  { name: 'sort', keys: ['s'], by: 2, acts: () => expect(state().panes).toEqual([]) },
  { name: 'group', keys: ['b'], by: 2, acts: () => expect(state().groupBy).not.toBe('') },
  {
    name: 'columns',
    keys: ['c'],
    by: 2,
    acts: () => expect(state().columns).toHaveLength(state().templates.get('task')!.show.length - 1),
  },
  {
    name: 'structs',
    keys: ['c', 'b'],
    by: 2,
    acts: () => expect(screen.calls).toContainEqual(expect.stringMatching(/^column task->/)),
  },
  {
    name: 'program',
    keys: ['p'],
    answer: () => state().explained(fakeReports(), 'task'),
    by: 2,
    // To the next line that serves the same column, where there is one.
    acts: () => expect(top()).toMatchObject({ name: 'program', index: 2 }),
  },
  { name: 'help', keys: ['?'], by: 2, acts: () => expect(top()).toMatchObject({ name: 'help', index: 2 }) },
  {
    name: 'detail',
    keys: ['j', 'd'],
    by: 2,
    acts: () => expect(top()).toMatchObject({ name: 'detail', part: 'columns', index: 2 }),
  },
  {
    name: 'detail',
    keys: ['j', 'd', '\t'],
    answer: () => state().structReceived(fakeAnswer(key())),
    by: 2,
    acts: () => expect(top()).toMatchObject({ name: 'detail', part: 'structure' }),
  },
];

describe.each([
  [80, 24],
  [140, 30],
  [80, 10],
])('the mouse in panes of %d x %d', (columns, rows) => {
  async function open({ keys, answer }: PaneCase) {
    // Where the mark is a sign.
    screen = await openScreen({ columns, rows, env: { TERM: 'dumb', LANG: 'C.UTF-8' } });
    state().received(taskView(40));
    await screen.press(...keys);
    answer?.();
    await screen.settle();
  }
  /** The screen's line of the mark, from 1 on. */
  const marked = () => screen.lines().findIndex((line) => line.startsWith('>')) + 1;

  it.each(PANES)('marks the line of $name that is clicked, and acts at the second click', async (one) => {
    await open(one);
    const from = marked();
    const { index } = top() as { index: number };
    const text = screen.lines()[from - 1 + one.by]!;
    await screen.press(click(6, from + one.by));
    expect(top()).toMatchObject({ name: one.name });
    // A heading of the picker may lie between.
    expect((top() as { index: number }).index - index).toBe(one.name === 'picker' ? 1 : one.by);
    // The list may have moved under the pointer: what is marked is what was clicked.
    expect(screen.lines()[marked() - 1]!.slice(1, 40).trim()).toBe(text.slice(1, 40).trim());
    await screen.press(click(6, from + one.by));
    one.acts();
  });

  it.each(PANES)('scrolls $name with the wheel, as far as it goes, and marks no heading by a click', async (one) => {
    await open(one);
    const indexOf = () => (top() as { index: number }).index;
    const wheel = (way: keyof typeof WHEEL) => screen.press(at(WHEEL[way], 6, marked()));
    await screen.press('G');
    const last = indexOf();
    await wheel('down');
    expect(indexOf()).toBe(last);
    await wheel('up');
    expect(indexOf()).toBeLessThan(last);
    await screen.press('g');
    await wheel('up');
    expect(indexOf()).toBe(0);
    const first = marked() - 1;
    const inSight = () => screen.lines()[first]!.slice(1);
    const text = inSight();
    await wheel('down');
    expect(indexOf()).toBeGreaterThan(0);
    await wheel('up');
    expect(inSight()).toBe(text);
    await screen.press('g');
    const before = screen.text();
    const heading = screen.lines().findIndex((line, n) => n > 1 && /^ ?[A-Z]/.test(line)) + 1;
    await screen.press(click(6, heading));
    expect(screen.text()).toBe(before);
  });
});

describe('the wheel over a long list', () => {
  it('moves what is in sight at once, as over a table, and not only the mark', async () => {
    screen = await openScreen({ columns: 80, rows: 24 });
    state().received(taskView(40));
    await screen.press('?');
    const third = screen.lines()[3 + 3]!;
    await screen.press(at(WHEEL.down, 6, 9));
    expect(screen.lines()[3]).toBe(third);
    await screen.press(at(WHEEL.up, 6, 9));
    expect(screen.lines()[3 + 3]).toBe(third);
  });

  it('means nothing in a form that lies over a list', async () => {
    screen = await openScreen({ columns: 80, rows: 24 });
    state().received(taskView(40));
    await screen.press('c', '/', 'pid', click(6, 9), at(WHEEL.down, 6, 9));
    expect(top()).toMatchObject({ name: 'narrow', input: { text: 'pid' } });
  });
});

describe('a second click', () => {
  it('has all the time it wants where the list has not moved; a first one only marks, also the line that is marked', async () => {
    const { now } = performance;
    let later = 0;
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + later);
    try {
      screen = await openScreen({ columns: 80, rows: 24 });
      state().received(taskView(40));
      await screen.press('c');
      const shown = state().columns.length;
      await screen.press(click(6, 5));
      expect(state().columns).toHaveLength(shown);
      later = 10_000;
      await screen.press(click(6, 5));
      expect(state().columns).toHaveLength(shown - 1);
      // Of the table only a quick one: its rows come and go under the pointer.
      await screen.press('\x1b', click(6, 9));
      later = 20_000;
      await screen.press(click(6, 9));
      expect(state().panes).toEqual([]);
    } finally {
      spy.mockRestore();
    }
  });
});
