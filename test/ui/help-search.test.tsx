/** Finding a key in the help. */
import { afterEach, expect, it } from 'vitest';
import { taskView } from './fake-view.ts';
import { openScreen, type Screen } from './screen.tsx';

const ESC = '\x1b';
let screen: Screen;
afterEach(() => screen.close());

it('narrows it while one types, about the pane under it, and Esc shows all again', async () => {
  screen = await openScreen();
  screen.session.getState().received(taskView(40));
  await screen.press('c', '?', '/', ...'tree');
  expect(screen.text()).toContain('show each row under its parent, as a tree');
  expect(screen.text()).not.toContain('the keys that work here');
  // The help is of the columns: what the table has is not here.
  expect(screen.text()).toContain('Table (not here)');
  await screen.press('\r', 'j');
  expect(screen.session.getState().panes.map(({ name }) => name)).toEqual(['columns', 'help']);
  expect(screen.text()).not.toContain('the keys that work here');
  await screen.press(ESC);
  expect(screen.text()).toContain('the keys that work here');
  await screen.press(ESC, ESC);
  expect(screen.session.getState().panes).toEqual([]);
});
