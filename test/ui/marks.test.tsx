/** Rows that the user marks, and exact numbers, on the screen. */
import { afterEach, describe, expect, it } from 'vitest';
import { marksOf } from '../../src/state/marking.ts';
import { questionOf } from '../../src/state/session.ts';
import { FakeView, fakeColumn, TASK_COLUMNS, taskRows } from './fake-view.ts';
import { openScreen, type Screen } from './screen.tsx';

let screen: Screen;
afterEach(() => screen.close());

const ESC = '\x1b';
const view = (count = 6) => new FakeView('task', TASK_COLUMNS, taskRows(count));
const state = () => screen.session.getState();
const gutter = () =>
  screen
    .lines()
    .slice(3, 9)
    .map((line) => line[0] ?? ' ')
    .join('');

async function show(columns = 120) {
  screen = await openScreen({ columns });
  state().received(view());
  await screen.settle();
}

describe('marked rows', () => {
  it('have a sign, are counted, and the selection goes on', async () => {
    await show();
    await screen.press('m', 'm');
    expect(gutter()).toBe('**    ');
    expect(screen.reversed()).toEqual([5]);
    expect(screen.lines()[1]).toContain('2 marked');
    await screen.press('k', 'm');
    expect(gutter()).toBe('*     ');
    expect(questionOf(state()).marked).toEqual({ keys: ['1000'], only: false });
  });

  it('are all that is shown, until M or Esc', async () => {
    await show();
    await screen.press('M');
    expect(screen.lines()[1]).toContain('no row is marked: m marks one');
    await screen.press('m', 'M');
    expect(screen.lines()[1]).toContain('only 1 marked');
    expect(questionOf(state()).marked).toEqual({ keys: ['1000'], only: true });
    state().received(new FakeView('task', TASK_COLUMNS, [], { total: 6 }));
    await screen.settle();
    expect(screen.lines()[3]).toBe('None of the marked rows is among 6 rows: M shows all.');
    await screen.press(ESC);
    expect(questionOf(state()).marked?.only).toBe(false);
    await screen.press(ESC);
    expect(state().cursor).toBeNull();
    expect(marksOf(state()).size).toBe(1);
    await screen.press(ESC);
    expect(marksOf(state()).size).toBe(0);
  });

  it('belong to their table', async () => {
    await show();
    await screen.press('m', 'M');
    state().pick('tcp');
    expect(questionOf(state()).marked).toBeUndefined();
    await screen.press('M');
    expect(screen.lines()[1]).toContain('no row is marked');
    state().pick('task');
    expect(questionOf(state()).marked).toEqual({ keys: ['1000'], only: true });
  });

  it('lose their mark where the object is gone, which is said', async () => {
    await show();
    await screen.press('m', 'm');
    state().received(Object.assign(view(6), { unmarked: ['1001', 'another'] }));
    await screen.settle();
    expect(screen.lines()[1]).toContain('1 marked row is gone');
    expect([...marksOf(state())]).toEqual(['1000']);
  });

  it('can be exported alone, where there are some', async () => {
    await show();
    await screen.press('e');
    expect(screen.text()).toContain('[shown]  all');
    await screen.press(ESC, 'm', 'e', '\x1b[A', '\x1b[C');
    expect(screen.text()).toContain(' shown  [marked]  all');
    await screen.press('\x1b[B', '\x15', 'x.csv', '\r');
    expect(screen.calls).toEqual(['export csv marked x.csv']);
  });
});

describe('exact numbers', () => {
  const columns = [fakeColumn('pid'), fakeColumn('rss', { format: 'pages' }), fakeColumn('cpu', { format: 'percent' })];
  const exact = () =>
    Object.assign(new FakeView('task', columns, [{ key: 'a', cells: { pid: '7', rss: '1.5M', cpu: '0.1' } }]), {
      exactCell: (_row: number, { name }: { name: string }) => ({ pid: '7', rss: '1572864', cpu: '0.123' })[name]!,
    });

  it('are shown and taken back by x, with their units', async () => {
    screen = await openScreen();
    state().received(exact());
    await screen.settle();
    expect(screen.lines()[3]).toMatch(/7 +1\.5M +0\.1$/);
    await screen.press('x');
    expect(screen.lines()[1]).toContain('exact numbers');
    expect(screen.lines()[2]).toMatch(/PID +RSS\[bytes\] +CPU/);
    expect(screen.lines()[3]).toMatch(/7 +1572864 +0\.123$/);
    await screen.press('x');
    expect(screen.lines()[3]).toMatch(/7 +1\.5M +0\.1$/);
  });
});
