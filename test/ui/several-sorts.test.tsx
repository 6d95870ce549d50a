/** Sorting by several columns: the keys, and how it is shown. */
import { afterEach, expect, it } from 'vitest';
import { formatSort } from '../../src/state/sort.ts';
import { taskView } from './fake-view.ts';
import { openScreen, type Screen } from './screen.tsx';

let screen: Screen;
afterEach(() => screen.close());

async function show(env?: Record<string, string>) {
  screen = await openScreen(env ? { env } : {});
  screen.session.getState().received(taskView(40));
  await screen.settle();
}
const sort = () => formatSort(screen.session.getState().sort);

it('a in the sort menu sorts by the marked column too, the other way round, not any more', async () => {
  await show();
  const seen: string[] = [];
  await screen.press('s', 'j');
  for (let i = 0; i < 4; i++) {
    seen.push(sort());
    await screen.press('a');
  }
  expect(seen).toEqual(['-cpu', '-cpu,-rss', '-cpu,rss', '-cpu']);
  expect(screen.session.getState().panes.at(-1)?.name).toBe('sort');
  expect(screen.text()).toMatch(/cpu ▼1 .*\n.*rss ▼2 /);
  // Enter: by this one only, the way round that it has.
  await screen.press('\r');
  expect(sort()).toBe('-rss');
});

it('the headings tell the order of the columns, the first line names them', async () => {
  await show();
  await screen.press('s', 'k', 'a', '\x1b');
  expect(screen.lines()[0]).toContain('by cpu ▼, user ▲');
  expect(screen.lines()[2]).toMatch(/USER {2}▲2 CPU%▼1/);
  await screen.press('I');
  expect(screen.lines()[2]).toMatch(/USER {2}▲2 CPU%▲1/);
  await screen.press('>');
  expect(sort()).toBe('-rss');
  expect(screen.lines()[2]).toMatch(/RSS▼ /);
});

it('in ASCII as well', async () => {
  await show({ TERM: 'dumb' });
  await screen.press('s', 'k', 'a', '\x1b');
  expect(screen.lines()[2]).toMatch(/USER {2}\^2 CPU%v1/);
});
