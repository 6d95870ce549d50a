/** The pane of programs, over programs that never were. */
import { afterEach, describe, expect, it } from 'vitest';
import { questionOf } from '../../src/state/session.ts';
import { fakeReports } from './fake-reports.ts';
import { taskView } from './fake-view.ts';
import { openScreen, type Screen } from './screen.tsx';

let screen: Screen;
afterEach(() => screen.close());

async function show(options = {}) {
  screen = await openScreen({ columns: 80, rows: 24, ...options });
  const state = screen.session.getState;
  state().received(taskView(10));
  await screen.press('p');
  return state;
}

const lineOf = (text: string) => screen.lines().find((line) => line.includes(text)) ?? '';

describe('the pane of programs', () => {
  it('is asked for while it is open, and no longer', async () => {
    const state = await show();
    expect(questionOf(state()).explain).toBe(true);
    expect(screen.text()).toContain('the verifier is being asked');
    await screen.press('\x1b');
    expect('explain' in questionOf(state())).toBe(false);
  });

  it('marks the lines that serve the same column, and goes from one to the next', async () => {
    const state = await show();
    state().explained(fakeReports(), 'task');
    await screen.press('j');
    expect(lineOf('+1268)')).toMatch(/^\| {4}1:/);
    expect(lineOf('3: (63)')).toMatch(/^\|/);
    expect(lineOf('2: (79)')).toMatch(/^ /);
    expect(screen.text()).toContain('pid: process id; from task->tgid');
    expect(screen.reversed()).toHaveLength(1);
    await screen.press('\r');
    expect(state().panes.at(-1)).toMatchObject({ index: 3 });
    await screen.press('n', 'n');
    expect(state().panes.at(-1)).toMatchObject({ index: 5 });
    await screen.press('N', 'N');
    expect(state().panes.at(-1)).toMatchObject({ index: 1 });
  });

  it('finds what is typed, round and round, and keeps its place when that is taken back', async () => {
    const state = await show();
    state().explained(fakeReports(), 'task');
    await screen.press('/', 'R9 +4');
    expect(lineOf('3: (63)')).toMatch(/^\//);
    await screen.press('\r');
    expect(state().panes.at(-1)).toMatchObject({ index: 3, find: 'R9 +4' });
    await screen.press('n');
    expect(state().panes.at(-1)).toMatchObject({ index: 3 });
    await screen.press('\x1b');
    expect(state().panes.at(-1)).toMatchObject({ name: 'program', index: 3, find: '' });
  });

  it('turns over the parts with Tab and the programs of the joins with < and >', async () => {
    const state = await show();
    state().explained(fakeReports(), 'task');
    await screen.press('\t');
    expect(lineOf('[verifier]')).not.toBe('');
    expect(screen.text()).toContain('processed 5 insns');
    await screen.press('\x1b[Z', '\x1b[Z');
    expect(lineOf('[kernel]')).not.toBe('');
    expect(screen.text()).toContain('run for 10 objects, wrote 10 records');
    await screen.press('>', '>', '>');
    expect(lineOf('program 3 of 3')).toContain('join tcp');
    // Another program, with fewer joins: what is shown is one that there is.
    state().explained(fakeReports().slice(0, 1), 'task');
    await screen.settle();
    expect(state().panes.at(-1)).toMatchObject({ program: 0, part: 'kernel' });
    // What belongs to another table is none of this.
    state().explained([], 'tcp');
    expect(state().panes.at(-1)).toMatchObject({ reports: [{ label: 'task' }] });
  });

  it('tells it without attributes and in ASCII, at any size', async () => {
    const state = await show({ env: { TERM: 'dumb' } });
    state().explained(fakeReports(), 'task');
    await screen.press('j');
    expect(lineOf('+1268)')).toMatch(/^>/);
    for (const [columns, rows] of [
      [1, 1],
      [20, 5],
      [200, 50],
    ] as const) {
      await screen.resize(columns, rows);
      expect(screen.lines()).toHaveLength(rows);
    }
  });
});
