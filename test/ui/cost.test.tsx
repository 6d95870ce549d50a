/** What refreshing costs, in the status line. */
import { expect, it } from 'vitest';
import { firstLine } from '../../src/ui/panes/status.tsx';
import { themeOf } from '../../src/ui/theme.ts';
import { TASK, TCP, taskView } from './fake-view.ts';
import { fakeSession } from './screen.tsx';

const theme = (ascii: boolean) => themeOf({ NO_COLOR: '1', LANG: 'C.UTF-8', TERM: 'xterm' }, ascii);

function line(cost: { cpu: number; every: number } | undefined, width = 100, ascii = false): string {
  const session = fakeSession({ interval: 1000 });
  session.getState().received(taskView(40, 0, { stats: { totalMs: 1200, ...(cost ? { cost } : {}) } }));
  return firstLine(session.getState(), '6.18.5', theme(ascii), width).replace(/\x1b\[\d+m/g, '');
}

it.each([
  [undefined, / every 1 s {2}1200 ms {3,}Linux/],
  [{ cpu: Number.NaN, every: 1000 }, / every 1 s {2}1200 ms {3,}Linux/],
  [{ cpu: 3.14, every: 1000 }, / every 1 s {2}1200 ms {2}3\.1% CPU /],
  [{ cpu: 131.4, every: 2400 }, / every 1 s → 2\.4 s \(cost\) {2}1200 ms {2}131% CPU /],
  [{ cpu: 7, every: 24_400 }, / every 1 s → 24 s \(cost\) /],
])('%j', (cost, expected) => {
  expect(line(cost)).toMatch(expected);
});

it('is ASCII where that is asked for', () => {
  expect(line({ cpu: 7, every: 2400 }, 100, true)).toContain(' every 1 s -> 2.4 s (cost) ');
});

it.each<[number, readonly string[], readonly string[]]>([
  [60, ['40 rows', 'every 1 s → 2.4 s (cost)', '1200 ms', '7.0% CPU'], ['by cpu']],
  [40, ['40 rows', '1200 ms', '7.0% CPU'], ['every']],
  [24, ['40 rows', '1200 ms'], ['CPU']],
])('stays in sight at %s columns as long as there is room', (width, shown, gone) => {
  const narrow = line({ cpu: 7, every: 2400 }, width);
  for (const part of shown) expect(narrow).toContain(part);
  for (const part of gone) expect(narrow).not.toContain(part);
});

it('is still there where the way here is long: that gets shorter', () => {
  const session = fakeSession({ interval: 1000 });
  const view = taskView(40, 0, { stats: { totalMs: 1200, cost: { cpu: 7, every: 2400 } } });
  const { received, move, enter } = session.getState();
  received(view);
  move(1);
  enter(TCP);
  enter(TASK);
  received(view);
  const at = (width: number) => firstLine(session.getState(), '6.18.5', theme(false), width).replace(/\x1b\[\d+m/g, '');
  expect(at(200)).toMatch(/^task › \d+ › tcp › task {2}40 rows {2}by cpu ▼ {2}every/);
  expect(at(72)).toMatch(/^\.\. › tcp › task {2}40 rows {2}every 1 s → 2\.4 s \(cost\) {2}1200 ms {2}7\.0% CPU/);
});

it('a longer interval that was asked for since is not said to be stretched', () => {
  const session = fakeSession({ interval: 1000 });
  session.getState().received(taskView(40, 0, { stats: { cost: { cpu: 5, every: 2400 } } }));
  session.getState().setInterval(5000);
  expect(firstLine(session.getState(), '6.18.5', theme(false), 100)).toContain('every 5 s  ');
});
