/** L: the column of the leak watch comes and goes, and the rows are sorted by it. */
import { afterEach, expect, it } from 'vitest';
import { questionOf } from '../../src/state/session.ts';
import { TASK, TEMPLATES, taskView } from './fake-view.ts';
import { fakeSession, openScreen, type Screen } from './screen.tsx';

let screen: Screen;
afterEach(() => screen.close());

const watching = {
  ...TASK,
  label: ['pid', 'comm'],
  columns: [...TASK.columns, { name: 'grew', derive: 'growth(rss, threads)', as: 'text', help: 'what grows' } as const],
};
const templates = TEMPLATES.map((template) => (template === TASK ? watching : template));

it('shows what grows and sorts by it; again: as before', async () => {
  screen = await openScreen({ session: fakeSession({ templates, sort: 'pid' }) });
  screen.session.getState().received(taskView());
  const asked = () => questionOf(screen.session.getState());
  await screen.press('L');
  expect(asked().columns.slice(0, 3)).toEqual(['pid', 'grew', 'comm']);
  expect(asked().sort).toEqual([{ column: 'grew', descending: true }]);
  await screen.press('L');
  expect(asked().columns).toEqual(TASK.show);
  expect(asked().sort).toEqual([{ column: 'pid', descending: false }]);
  await screen.press('L', '>', 'L');
  expect(asked().sort).toEqual([{ column: 'comm', descending: false }]);
  expect(asked().columns).toEqual(TASK.show);
});

it('says where there is nothing to watch', async () => {
  screen = await openScreen({ session: fakeSession({ template: 'ksym' }) });
  await screen.press('L');
  expect(screen.lines()[1]).toContain('ksym has nothing to watch');
});
