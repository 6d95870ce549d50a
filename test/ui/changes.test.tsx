/** What a refresh changed, on the screen: cells, rows that came, rows that went. */
import { afterEach, describe, expect, it } from 'vitest';
import { changesOf } from '../../src/state/changes.ts';
import type { View } from '../../src/state/view.ts';
import { bodyLines } from '../../src/ui/body.ts';
import { heatOf } from '../../src/ui/heat.ts';
import { FakeView, TASK_COLUMNS, taskRows } from './fake-view.ts';
import { openScreen, type Screen } from './screen.tsx';

/** A view that knows what changed since `before`. */
function later(before: FakeView, rows: ReturnType<typeof taskRows>): FakeView & View {
  const view = new FakeView('task', TASK_COLUMNS, rows);
  const keys = Array.from({ length: before.count }, (_, row) => before.key(row));
  const rowsBefore = rows.map(({ key }) => keys.indexOf(key));
  const gone = Int32Array.from(keys.flatMap((key, row) => (view.rowOf(key) < 0 ? [row] : [])));
  const added = rowsBefore.filter((row) => row < 0).length;
  return Object.assign(view, { changes: { before, added, gone, rowBefore: (row: number) => rowsBefore[row]! } });
}

describe('rows of two refreshes', () => {
  it.each<[string, number[], number[], number[], number[], number[]]>([
    // name, order, row -> row before, order before, -> rows, gone
    ['nothing changed', [0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2], []],
    ['other order', [2, 0, 1], [0, 1, 2], [1, 2, 0], [1, 2, 0], []],
    ['one came', [0, 1], [0, -1], [0], [0, -1], []],
    ['one went', [0], [2], [1, 2, 0], [1], [0, 2]],
    ['was read but not shown', [0, 1], [0, 5], [0], [0, -1], []],
    ['all are new', [0, 1], [-1, -1], [], [-1, -1], []],
    ['seen twice', [0, 1], [0, 0], [0, 1], [0, 0], [1]],
  ])('%s', (_, order, before, orderBefore, rows, gone) => {
    const found = changesOf(Uint32Array.from(order), Int32Array.from(before), Uint32Array.from(orderBefore));
    expect([...found.rows]).toEqual(rows);
    expect([...found.gone]).toEqual(gone);
    expect(found.added).toBe(rows.filter((row) => row < 0).length);
  });
});

describe('lines of the body', () => {
  const view = (count: number, gone: number[]) =>
    Object.assign(new FakeView('task', TASK_COLUMNS, taskRows(count)), {
      changes: {
        before: new FakeView('task', TASK_COLUMNS, []),
        added: 0,
        gone: Int32Array.from(gone),
        rowBefore: () => 0,
      },
    });
  const text = (lines: ReturnType<typeof bodyLines>) =>
    lines.map(({ row, gone }) => `${gone ? '-' : ''}${row}`).join(' ');
  it.each<[string, number, number[], number, number, number, string]>([
    ['one is gone from the middle', 5, [2], 0, 8, -1, '0 1 -2 2 3 4'],
    ['from the end', 3, [3], 0, 8, -1, '0 1 2 -3'],
    ['above the window', 9, [0], 4, 4, -1, '4 5 6 7'],
    ['no more than a quarter of the screen', 8, [0, 1, 2, 3, 4], 0, 8, -1, '-0 -1 0 1 2 3 4 5'],
    ['the selected row stays in sight', 9, [0, 1], 0, 8, 7, '0 1 2 3 4 5 6 7'],
    ['all are gone', 0, [0, 1], 0, 8, -1, '-0 -1'],
    ['no room', 5, [0], 0, 0, -1, ''],
  ])('%s', (_, count, gone, top, rows, keep, lines) => {
    expect(text(bodyLines(view(count, gone), top, rows, keep))).toBe(lines);
  });
});

describe('heat', () => {
  it.each<[string, Parameters<typeof heatOf>[0], number[], string]>([
    ['percent', 'percent', [0, 4.9, 5, 30, 60, 400, Number.NaN], 'plain plain heat1 heat2 heat3 heat4 plain'],
    ['what most have', 'percent', [99, 98, 97, 96, 95, 94, 1, 2], 'plain plain plain plain plain plain plain plain'],
    ['rates of the largest', 'rate', [1000, 700, 300, 100, 5], 'heat3 heat3 heat2 heat1 plain'],
    ['an idle table', 'byterate', [58, 12, Number.NaN], 'plain plain plain'],
  ])('%s', (_, format, numbers, roles) => {
    expect(heatOf(format, numbers).join(' ')).toBe(roles);
  });
});

describe('the table', () => {
  let screen: Screen;
  afterEach(() => screen.close());
  const BOLD = '\x1b[1m';

  it('marks changed cells, + and - rows for one refresh, and counts them', async () => {
    screen = await openScreen({ columns: 100 });
    const rows = taskRows(6).map((row) => ({ ...row, cells: { ...row.cells, cpu: '0.0' } }));
    const first = new FakeView('task', TASK_COLUMNS, rows.slice(0, 5));
    screen.session.getState().received(first);
    await screen.settle();
    screen.stdout.written = '';
    const changed = rows.map((row) => (row.key === '1001' ? { ...row, cells: { ...row.cells, rss: '777M' } } : row));
    const second = later(
      first,
      changed.filter(({ key }) => key !== '1003'),
    );
    screen.session.getState().received(second);
    await screen.settle();
    const body = screen.lines().slice(3, 9);
    expect(body.map((line) => line.slice(0, 8).replaceAll(' ', ''))).toEqual([
      '1000',
      '1001',
      '1002',
      '-1003',
      '1004',
      '+1005',
    ]);
    expect(screen.lines()[0]).toMatch(/5 rows {2}\+1 -1/);
    expect(screen.stdout.written).toContain(`${BOLD}777M`);
    expect(screen.stdout.written).not.toContain('1000');

    screen.session.getState().received(
      later(
        second,
        changed.filter(({ key }) => key !== '1003'),
      ),
    );
    await screen.settle();
    expect(
      screen
        .lines()
        .slice(3, 9)
        .map((line) => line[0] ?? ' ')
        .join('')
        .trim(),
    ).toBe('');
    expect(screen.text()).not.toContain('1003');
    expect(screen.lines()[0]).not.toContain('+1');
  });

  it('selects rows that are there, past one that is gone', async () => {
    screen = await openScreen({});
    const first = new FakeView('task', TASK_COLUMNS, taskRows(4));
    screen.session.getState().received(first);
    screen.session.getState().received(later(first, taskRows(4).slice(1)));
    await screen.press('j', 'j');
    expect(screen.reversed()).toEqual([5]);
    expect(screen.lines()[5]).toContain('1002');
    expect(screen.lines()[3]).toMatch(/^- +1000/);
  });
});
