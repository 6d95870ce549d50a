import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { Columns, type Sight } from '../../src/ui/columns.ts';
import { themeOf } from '../../src/ui/theme.ts';
import { FakeView, fakeColumn, taskView } from './fake-view.ts';
import { UTF8 } from './screen.tsx';

const sight = (more: Partial<Sight> = {}): Sight => ({
  top: 0,
  rows: 10,
  left: 0,
  width: 80,
  sort: [{ column: 'cpu', descending: true }],
  ...more,
});
const heading = (frame: ReturnType<Columns['frame']>) => frame.header.map(([, text]) => text).join('');

describe('columns', () => {
  it('formats what is in sight and nothing else', () => {
    const view = taskView(100_000);
    new Columns(themeOf(UTF8)).frame(view, sight());
    expect(view.formatted).toBe(10 * view.columns.length);
  });

  it.each([20, 40, 60, 79])('formats each cell once, and none of columns without room: %i cells', (width) => {
    const view = taskView(100);
    const columns = new Columns(themeOf(UTF8));
    columns.frame(view, sight({ width }));
    const seen = new Set(Array.from({ length: width }, (_, cell) => columns.columnAt(cell)));
    seen.delete(undefined);
    expect([columns.more, view.formatted]).toEqual([width < 79, 10 * seen.size]);
  });

  it('have exactly the width of the screen, at every width and scroll', () => {
    for (const ascii of [false, true]) {
      for (let width = 1; width <= 200; width++) {
        const columns = new Columns(themeOf(UTF8, ascii));
        const frame = columns.frame(taskView(10), sight({ width, left: width % 8 }));
        expect(stringWidth(heading(frame)), `header at ${width}`).toBe(width);
        for (const line of frame.lines) expect(stringWidth(line), `line at ${width}`).toBeLessThanOrEqual(width);
      }
    }
  });

  it('mark the sorted one and what is out of sight', () => {
    const columns = new Columns(themeOf(UTF8));
    expect(heading(columns.frame(taskView(10), sight()))).toContain('CPU%▼');
    expect(columns.more).toBe(false);
    const narrow = columns.frame(
      taskView(10),
      sight({ width: 40, left: 2, sort: [{ column: 'rss', descending: false }] }),
    );
    expect(heading(narrow)).toMatch(/^ {4}PID« {2}RSS▲ .*»$/);
    expect(columns.more).toBe(true);
    const ascii = new Columns(themeOf(UTF8, true)).frame(taskView(10), sight({ width: 40, left: 1 }));
    expect(heading(ascii)).toMatch(/^ {4}PID<CPU%v .*>$/);
  });

  it('grow with what was seen and do not shrink while the table is open', () => {
    const columns = new Columns(themeOf(UTF8));
    const only = [fakeColumn('pid', { width: 3 }), fakeColumn('x', { width: 3 })];
    const view = (x: string) => new FakeView('task', only, [{ key: 'a', cells: { pid: '1', x } }]);
    expect(columns.frame(view('5'), sight()).lines[0]).toBe('  1   5');
    expect(columns.frame(view('1234567'), sight()).lines[0]).toBe('  1 1234567');
    expect(columns.frame(view('5'), sight()).lines[0]).toBe('  1       5');
    expect(new Columns(themeOf(UTF8)).frame(view('5'), sight()).lines[0]).toBe('  1   5');
  });

  it('never cut a number in order to show more columns', () => {
    const columns = [fakeColumn('pid'), fakeColumn('bytes', { width: 3 })];
    const view = new FakeView('task', columns, [{ key: 'a', cells: { pid: '1', bytes: '123456789' } }]);
    const frame = new Columns(themeOf(UTF8)).frame(view, sight({ width: 12 }));
    expect(frame.lines[0]).toBe('    1');
  });

  it('leave the cells of a column that is not there empty', () => {
    const columns = [fakeColumn('pid'), fakeColumn('gone', { absent: 'no such member' })];
    const view = new FakeView('task', columns, [{ key: 'a', cells: { pid: '1', gone: '7' } }]);
    expect(new Columns(themeOf(UTF8)).frame(view, sight()).lines[0]).toBe('    1');
  });
});
