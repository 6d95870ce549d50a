/** What throws while it is drawn: the picture ends with that error, and shows no source and no stack. */
import { expect, it } from 'vitest';
import type { Pane } from '../../src/state/panes.ts';
import { fakeSession, openScreen } from './screen.tsx';

it('ends the picture and draws nothing of the error', async () => {
  const session = fakeSession();
  const screen = await openScreen({ session });
  const before = screen.stdout.written.length;
  const pane = {
    name: 'sort',
    get index(): number {
      throw new Error('made to fail');
    },
  };
  session.setState({ panes: [pane as Pane] });
  await screen.settle();
  expect(screen.crashed()).toMatchObject({ message: 'made to fail' });
  expect(screen.stdout.written.slice(before)).not.toMatch(/made to fail|boundary|ERROR/);
});
