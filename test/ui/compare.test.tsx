/** C on the screen: what came, went and changed since a moment. */
import { afterEach, expect, it } from 'vitest';
import { questionOf } from '../../src/state/session.ts';
import type { Compared } from '../../src/state/view.ts';
import { FakeView, TASK_COLUMNS, taskRows, taskView } from './fake-view.ts';
import { fakeSession, openScreen, type Screen, UTF8 } from './screen.tsx';

let screen: Screen;
afterEach(() => screen.close());
const state = () => screen.session.getState();

const compared: Compared = {
  came: 1,
  went: 1,
  changed: 1,
  sign: (row) => ['~', '+', '-'][row] as '~',
  before: (row, { name }) => (row === 0 && name === 'rss' ? '1M' : undefined),
};
const differing = () => Object.assign(new FakeView('task', TASK_COLUMNS, taskRows(3), { total: 41 }), { compared });

it('keeps the rows, shows the differences, and goes back to all', async () => {
  screen = await openScreen({ columns: 120 });
  state().received(taskView());
  await screen.press('C');
  expect(screen.lines()[1]).toContain('the rows of 14:03:22 are kept: C shows what has changed since then');
  expect(questionOf(state()).compare).toEqual({ moment: 1, shown: false });
  await screen.press('j');
  expect(screen.lines()[1]).toContain('14:03:22 is kept (C)');
  await screen.press('C');
  expect(questionOf(state()).compare).toEqual({ moment: 1, shown: true });
  state().received(differing());
  await screen.settle();
  expect(screen.lines()[1]).toContain('compared  +1 -1 ~1 since 14:03:22');
  expect(
    screen
      .lines()
      .slice(3, 6)
      .map((line) => line[0]),
  ).toEqual(['~', '+', '-']);
  expect(screen.lines()[3]).toContain('1M→0M');
  await screen.press('C');
  expect(questionOf(state()).compare).toBeUndefined();
  await screen.press('C');
  expect(questionOf(state()).compare).toEqual({ moment: 2, shown: false });
});

it('ends with Esc, and is of its table alone', async () => {
  screen = await openScreen({ session: fakeSession({ baseline: 'base.json' }) });
  expect(questionOf(state()).compare).toEqual({ moment: 0, shown: true });
  state().received(new FakeView('task', TASK_COLUMNS, [], { total: 40 }));
  await screen.settle();
  expect(screen.text()).toMatch(/Nothing has come, gone or changed since base\.json: C shows\s+all 40 rows\./);
  state().pick('tcp');
  expect(questionOf(state()).compare).toBeUndefined();
  state().pick('task');
  await screen.press('\x1b');
  expect(questionOf(state()).compare).toBeUndefined();
});

it('is ASCII where nothing else can be read', async () => {
  screen = await openScreen({ columns: 120, env: { ...UTF8, LANG: 'C' }, session: fakeSession({ baseline: 'b' }) });
  state().received(differing());
  await screen.settle();
  expect(screen.lines()[3]).toContain('1M->0M');
});
