import { describe, expect, it } from 'vitest';
import { EDITS, type Input, insert } from '../../src/state/input.ts';
import { formatInterval, parseInterval, stepInterval } from '../../src/state/interval.ts';
import { formatSearch, parseSearch, searchRegExp } from '../../src/state/search.ts';
import { createSession, questionOf, type SessionOptions } from '../../src/state/session.ts';
import { cpuTime } from '../support/cpu-time.ts';
import { FakeView, TASK_COLUMNS, TCP_COLUMNS, TEMPLATES, taskRows, tcpView } from '../ui/fake-view.ts';

const users: Readonly<Record<string, number>> = { root: 0 };

function open(options: Partial<SessionOptions> = {}, rows = 5) {
  const session = createSession({ templates: TEMPLATES, template: 'task', user: (name) => users[name], ...options });
  session.getState().resized(rows);
  return session;
}

/** A view of these keys, in this order. */
function view(...keys: string[]) {
  return new FakeView(
    'task',
    TASK_COLUMNS,
    keys.map((key) => ({ key, cells: { pid: key } })),
  );
}
const letters = (from: string, count: number) =>
  Array.from({ length: count }, (_, i) => String.fromCharCode(from.charCodeAt(0) + i));

describe('what is asked', () => {
  it('starts with what the template says', () => {
    expect(questionOf(open().getState())).toEqual({
      template: 'task',
      columns: TASK_COLUMNS.map((column) => column.name),
      all: false,
      sort: [{ column: 'cpu', descending: true }],
      groupBy: '',
      filters: {},
      switches: { kthreads: true },
      ungroup: false,
      search: null,
      where: '',
      netns: 'self',
      interval: 1000,
      paused: false,
      marks: true,
    });
  });

  it('takes what the command line says instead', () => {
    const session = open({
      columns: ['pid', 'comm'],
      sort: 'comm',
      filters: { pid: '1,5-9', user: 'root' },
      switches: { kthreads: false },
      ungroup: true,
      search: '!ssh',
      interval: 500,
      paused: true,
    });
    expect(questionOf(session.getState())).toMatchObject({
      columns: ['pid', 'comm'],
      sort: [{ column: 'comm', descending: false }],
      filters: {
        pid: [
          [1, 1],
          [5, 9],
        ],
        user: [[0, 0]],
      },
      switches: { kthreads: false },
      ungroup: true,
      search: { pattern: 'ssh', invert: true },
      interval: 500,
      paused: true,
    });
  });

  it.each([
    [{ template: 'nope' }, "there is no template 'nope'; there are task, tcp, ksym"],
    [{ columns: ['pid', 'x'] }, "task has no column 'x'; it has pid, user, cpu,"],
    [{ sort: '-x' }, "task has no column 'x'"],
    [{ filters: { port: '80' } }, 'task cannot be filtered by local or remote port (port); it can be by pid, user'],
    [{ template: 'ksym', filters: { pid: '8' } }, 'ksym cannot be filtered by process id (pid); it can be by nothing'],
    [{ filters: { pid: 'x' } }, "pid: 'x' is not a number or range"],
    [{ search: '(' }, "search: unterminated group in '('"],
    [{ switches: { x: true } }, "task has no switch 'x'; it has kthreads"],
    [{ template: 'tcp', ungroup: true }, 'tcp has no groups to take apart'],
  ] as const)('refuses %j', (options, message) => {
    expect(() => open(options)).toThrow(message);
  });

  it('sorts amounts from large to small and names from small to large', () => {
    const { getState } = open();
    getState().sortBy('comm');
    expect(getState().sort).toEqual([{ column: 'comm', descending: false }]);
    getState().sortBy('rss');
    expect(getState().sort).toEqual([{ column: 'rss', descending: true }]);
    getState().invertSort();
    expect(getState().sort).toEqual([{ column: 'rss', descending: false }]);
  });

  it('moves the sort column over the shown columns, not beyond them and not over absent ones', () => {
    const { getState } = open({ template: 'tcp' });
    getState().received(new FakeView('tcp', TCP_COLUMNS, []));
    const walk = (by: 1 | -1, steps: number) => {
      for (let i = 0; i < steps; i++) getState().shiftSort(by);
      return getState().sort[0].column;
    };
    expect(getState().sort[0].column).toBe('rx');
    expect(walk(1, 1)).toBe('tx');
    expect(walk(1, 1)).toBe('comm'); // retrans is absent
    expect(walk(1, 5)).toBe('comm');
    expect(walk(-1, 20)).toBe('laddr');
  });

  it('keeps sort, filter, search, columns and cursor of each template', () => {
    const { getState } = open();
    getState().received(view('a', 'b', 'c'));
    getState().move(1);
    getState().move(1);
    getState().sortBy('rss');
    getState().setFilters({ pid: '7' });
    getState().setSearch('x');
    getState().scrollColumns(1);
    getState().toggleSwitch('kthreads');
    getState().toggleUngroup();
    const before = questionOf(getState());

    getState().pick('tcp');
    expect(getState()).toMatchObject({ view: null, cursor: null, filterTexts: {}, search: null, left: 0 });
    expect(questionOf(getState())).toMatchObject({ template: 'tcp', sort: [{ column: 'rx' }], filters: {} });
    getState().received(view('late'));
    expect(getState().view).toBeNull(); // an answer to the question before
    getState().received(tcpView());
    expect(getState().view?.template).toBe('tcp');

    getState().pick('task');
    expect(questionOf(getState())).toEqual(before);
    expect(getState().cursor).toEqual({ key: 'b', row: 1 });
    getState().received(view('x', 'y', 'b'));
    expect(getState().cursor).toEqual({ key: 'b', row: 2 });
  });

  it('changes nothing where a filter is wrong', () => {
    const { getState } = open({ filters: { pid: '7' } });
    expect(() => getState().setFilters({ pid: '8', user: 'nobody-here' })).toThrow("there is no user 'nobody-here'");
    expect(getState().filters).toEqual({ pid: [[7, 7]] });
    getState().setFilters({ pid: ' ', user: 'root' });
    expect(getState().filters).toEqual({ user: [[0, 0]] });
    expect(getState().filterTexts).toEqual({ user: 'root' });
  });

  it('says what a template does not have', () => {
    const { getState } = open({ template: 'ksym' });
    getState().toggleSwitch('kthreads');
    expect(getState().notice).toBe('ksym has no kthreads to hide');
    getState().toggleUngroup();
    expect(getState().notice).toContain('not grouped');
    getState().openFilter();
    expect(getState().notice).toBe('ksym cannot be filtered in the kernel; / searches its rows');
    expect(getState().panes).toEqual([]);
  });

  it('asks for every column while details are open', () => {
    const { getState } = open();
    getState().received(view('a'));
    getState().openDetail();
    expect(questionOf(getState()).all).toBe(true);
    getState().back();
    expect(questionOf(getState()).all).toBe(false);
  });
});

describe('what is seen', () => {
  it('keeps the last good view while refreshes fail', () => {
    const { getState } = open();
    const good = view('a');
    getState().received(good);
    getState().failed('EPERM');
    expect(getState()).toMatchObject({ view: good, error: 'EPERM' });
    getState().received(view('b'));
    expect(getState().error).toBe('');
  });

  it('keeps what was last known of an object that is gone', () => {
    const { getState } = open();
    getState().received(view('a', 'b'));
    getState().moveTo('last');
    getState().openDetail();
    const pane = () => getState().panes.at(-1);
    expect(pane()).toMatchObject({ key: 'b', row: 1, gone: false });
    const next = view('x', 'y', 'b');
    getState().received(next);
    expect(pane()).toMatchObject({ key: 'b', view: next, row: 2, gone: false });
    getState().received(view('x', 'y', 'z'));
    // A copy of its last values: the view's memory is used again.
    const kept = pane() as Extract<ReturnType<typeof pane>, { name: 'detail' }>;
    expect(kept).toMatchObject({ key: 'b', row: 0, gone: true });
    expect(kept.view.cell(0, next.columns[0]!)).toBe(next.cell(2, next.columns[0]!));
    expect(getState().cursor).toEqual({ key: 'z', row: 2 }); // the same row
  });
});

describe('the cursor', () => {
  const keys = letters('a', 20);

  it('is nowhere until the user moves, and then the first row in sight', () => {
    const { getState } = open();
    getState().move(1);
    expect(getState().cursor).toBeNull();
    getState().received(view(...keys));
    expect(getState()).toMatchObject({ cursor: null, top: 0 });
    getState().received(view(...keys.toReversed()));
    expect(getState()).toMatchObject({ cursor: null, top: 0 });
    getState().move(1);
    expect(getState().cursor).toEqual({ key: 't', row: 0 });
    getState().back();
    expect(getState().cursor).toBeNull();
  });

  it('stays within the rows and keeps itself in sight', () => {
    const { getState } = open();
    getState().received(view(...keys));
    getState().move(-1);
    getState().move(-1);
    expect(getState()).toMatchObject({ cursor: { key: 'a' }, top: 0 });
    for (let i = 0; i < 7; i++) getState().move(1);
    expect(getState()).toMatchObject({ cursor: { key: 'h', row: 7 }, top: 3 });
    getState().moveTo('last');
    getState().move(1);
    expect(getState()).toMatchObject({ cursor: { key: 't', row: 19 }, top: 15 });
    getState().page(-1);
    expect(getState()).toMatchObject({ cursor: { key: 'o', row: 14 }, top: 10 });
    getState().page(1);
    getState().page(1);
    expect(getState()).toMatchObject({ cursor: { key: 't' }, top: 15 });
    getState().moveTo('first');
    expect(getState()).toMatchObject({ cursor: { key: 'a' }, top: 0 });
  });

  it('goes with its object; the window stays, and moves only to keep it in sight', () => {
    const { getState } = open();
    getState().received(view(...keys));
    for (let i = 0; i < 3; i++) getState().move(1); // c
    getState().received(view('a', 'c', 'b', ...keys.slice(3)));
    expect(getState()).toMatchObject({ cursor: { key: 'c', row: 1 }, top: 0 });
    getState().received(view(...keys.slice(3), 'a', 'b', 'c'));
    expect(getState()).toMatchObject({ cursor: { key: 'c', row: 19 }, top: 15 });
  });

  it('keeps the line on the screen with follow', () => {
    const { getState } = open();
    getState().received(view(...keys));
    getState().page(1);
    getState().move(1); // row 6, top 5: line 1
    const line = () => getState().cursor!.row - getState().top;
    getState().toggleFollow();
    const at = line();
    const key = getState().cursor!.key;
    for (const order of [
      [...keys.slice(3), ...keys.slice(0, 3)],
      ['x', 'y', ...keys],
    ]) {
      getState().received(view(...order));
      expect(getState().cursor!.key).toBe(key);
      expect(line()).toBe(at);
    }
    getState().received(view(key, ...keys.filter((each) => each !== key)));
    expect(getState()).toMatchObject({ cursor: { row: 0 }, top: 0 }); // there is nothing above the first row
  });

  it('keeps its row where the object vanished, and the last one where there are fewer rows', () => {
    const { getState } = open();
    getState().received(view(...keys));
    for (let i = 0; i < 4; i++) getState().move(1);
    getState().received(view(...keys.filter((key) => key !== 'd')));
    expect(getState().cursor).toEqual({ key: 'e', row: 3 });
    getState().received(view('a', 'b'));
    expect(getState()).toMatchObject({ cursor: { key: 'b', row: 1 }, top: 0 });
    getState().received(view());
    expect(getState().cursor).toEqual({ key: 'b', row: 1 });
    getState().received(view(...keys));
    expect(getState().cursor).toEqual({ key: 'b', row: 1 });
  });

  it('goes round the rows that the search left', () => {
    const { getState } = open();
    getState().received(view('a', 'b', 'c'));
    getState().nextFound(1);
    expect(getState().notice).toContain('/ searches');
    getState().setSearch('x');
    const seen = [1, 1, 1, -1, -1].map((by) => {
      getState().nextFound(by as 1);
      return getState().cursor?.key;
    });
    expect(seen).toEqual(['a', 'b', 'c', 'b', 'a']);
    getState().nextFound(-1);
    expect(getState().cursor?.key).toBe('c');
  });

  it('stays in sight when the screen shrinks', () => {
    const { getState } = open({}, 20);
    getState().received(view(...keys));
    getState().moveTo('last');
    getState().resized(3);
    expect(getState()).toMatchObject({ cursor: { row: 19 }, top: 19 - 2 });
    getState().resized(0);
    expect(getState().top).toBe(19);
    getState().resized(100);
    expect(getState().top).toBe(0);
  });

  it('takes its time with many rows', () => {
    const { getState } = open();
    const many = new FakeView('task', TASK_COLUMNS, taskRows(100_000));
    getState().received(many);
    const start = cpuTime();
    for (let i = 0; i < 1000; i++) getState().move(1);
    expect(cpuTime() - start).toBeLessThan(500);
    expect(many.formatted).toBe(0);
  });
});

describe('panes', () => {
  it('go back one by one, then the search, then the selection', () => {
    const { getState } = open({ search: 'x' });
    getState().received(view('a'));
    getState().openDetail();
    getState().openHelp();
    const names = () => getState().panes.map((pane) => pane.name);
    expect(names()).toEqual(['detail', 'help']);
    getState().back();
    expect(names()).toEqual(['detail']);
    getState().back();
    expect(names()).toEqual([]);
    expect(getState()).toMatchObject({ search: { pattern: 'x' }, cursor: { key: 'a' } });
    getState().back();
    expect(getState()).toMatchObject({ search: null, cursor: { key: 'a' } });
    getState().back();
    expect(getState().cursor).toBeNull();
    getState().back();
  });

  it('say where what was typed is wrong, and stay', () => {
    const { getState } = open();
    getState().openFilter();
    getState().edit(insert('12'));
    getState().choose(1, 2);
    getState().edit(insert('nobody-here'));
    getState().choose(-1, 2);
    getState().submit();
    expect(getState().panes.at(-1)).toMatchObject({
      index: 1,
      fields: [
        { name: 'pid', error: '' },
        { name: 'user', error: expect.stringContaining("no user 'nobody-here'") },
      ],
    });
    getState().edit(EDITS.eraseAll);
    expect(getState().panes.at(-1)).toMatchObject({ fields: [{}, { error: '' }] });
    getState().submit();
    expect(getState()).toMatchObject({ panes: [], filterTexts: { pid: '12' } });

    getState().openInterval();
    getState().submit();
    expect(getState()).toMatchObject({ panes: [], interval: 1000 });
    getState().openInterval();
    getState().edit(insert('0'));
    getState().submit();
    expect(getState().panes.at(-1)).toMatchObject({
      error: 'interval: 0 is out of bounds; it must be 0.1 to 3600 seconds',
    });
    getState().edit(insert('.25'));
    getState().submit();
    expect(getState()).toMatchObject({ panes: [], interval: 250 });
  });

  it('change the extension with the format of an export', () => {
    const { getState } = open();
    getState().openExport('itertop-task');
    const pane = () => getState().panes.at(-1);
    expect(pane()).toMatchObject({ format: 'csv', rows: 'shown', input: { text: 'itertop-task.csv' } });
    getState().choose(-2, 3);
    getState().turn(-1);
    expect(pane()).toMatchObject({ format: 'parquet', input: { text: 'itertop-task.parquet' } });
    getState().choose(1, 3);
    getState().turn(1);
    expect(pane()).toMatchObject({ rows: 'all' });
  });
});

describe('interval', () => {
  it.each([
    ['1', 1000],
    [' 0.5 ', 500],
    ['.1', 100],
    ['2s', 2000],
    ['250ms', 250],
    ['1m', 60_000],
    ['60 min', 3_600_000],
  ])('%j is %i ms', (text, ms) => {
    expect(parseInterval(text)).toBe(ms);
    expect(parseInterval(formatInterval(ms))).toBe(ms);
  });
  it.each(['', 'x', '1h', '-1', '1e3', '0.09', '3601', '1 2'])('%j is refused', (text) => {
    expect(() => parseInterval(text)).toThrow(/^interval: /);
  });
  it('steps through the usual ones', () => {
    const walk = (from: number, by: 1 | -1) => {
      const seen = [from];
      for (let next = stepInterval(from, by); next !== seen.at(-1); next = stepInterval(next, by)) seen.push(next);
      return seen;
    };
    expect(walk(100, 1)).toEqual([100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000]);
    expect(walk(3_000, -1)).toEqual([3000, 2000, 1000, 500, 200, 100]);
  });
});

describe('search', () => {
  it('inverts with ! and reads back', () => {
    expect(parseSearch('')).toBeNull();
    expect(parseSearch('!')).toBeNull();
    for (const text of ['ssh', '!ssh', '[!]x', 'a|b']) expect(formatSearch(parseSearch(text))).toBe(text);
  });
  it('minds case only where a capital letter is typed', () => {
    expect(searchRegExp({ pattern: 'ssh\\S', invert: false }).test('SSHD')).toBe(true);
    expect(searchRegExp({ pattern: 'Ssh', invert: false }).test('sshd')).toBe(false);
  });
});

describe('input', () => {
  it.each<[Input, keyof typeof EDITS, Input]>([
    [{ text: 'ab', caret: 1 }, 'left', { text: 'ab', caret: 0 }],
    [{ text: 'ab', caret: 0 }, 'left', { text: 'ab', caret: 0 }],
    [{ text: 'ab', caret: 2 }, 'right', { text: 'ab', caret: 2 }],
    [{ text: 'a🙂b', caret: 1 }, 'right', { text: 'a🙂b', caret: 3 }],
    [{ text: 'a🙂b', caret: 3 }, 'erase', { text: 'ab', caret: 1 }],
    [{ text: 'a🙂b', caret: 1 }, 'delete', { text: 'ab', caret: 1 }],
    [{ text: 'ab', caret: 0 }, 'erase', { text: 'ab', caret: 0 }],
    [{ text: 'ab', caret: 2 }, 'delete', { text: 'ab', caret: 2 }],
    [{ text: '1, 23', caret: 5 }, 'eraseWord', { text: '1, ', caret: 3 }],
    [{ text: '1, ', caret: 3 }, 'eraseWord', { text: '', caret: 0 }],
    [{ text: 'abcd', caret: 2 }, 'eraseAll', { text: '', caret: 0 }],
    [{ text: 'abcd', caret: 2 }, 'first', { text: 'abcd', caret: 0 }],
    [{ text: 'abcd', caret: 2 }, 'last', { text: 'abcd', caret: 4 }],
  ])('%j %s', (before, edit, after) => {
    expect(EDITS[edit](before)).toEqual(after);
  });
});

describe('templates that change', () => {
  const [task, tcp] = TEMPLATES;
  const shown = (session: ReturnType<typeof open>) => questionOf(session.getState());

  it('that are not looked at change nothing of what is asked', () => {
    const session = open();
    const before = shown(session);
    session.getState().setTemplates([task, { ...tcp, show: tcp.show.slice(0, 1) }]);
    expect(shown(session)).toEqual(before);
    session.getState().pick('tcp');
    expect(shown(session).columns).toEqual(tcp.show.slice(0, 1));
  });

  it('what was not chosen by the user follows the template', () => {
    const session = open();
    const next = { ...task, show: [task.show[1], task.show[0]], sort: task.show[1] };
    session.getState().setTemplates([next, tcp]);
    expect(shown(session)).toMatchObject({ columns: next.show, sort: [{ column: next.sort, descending: false }] });
    expect(session.getState().view).toBeNull();
  });

  it('what was chosen stays as far as it is there', () => {
    const [a, b, c] = task.show;
    const session = open({ columns: [a, b, c], sort: `-${b}`, filters: { pid: '7' }, search: 'x', where: '' });
    session.getState().openSearch();
    const without = { ...task, sort: a, columns: task.columns.filter((column) => column.name !== c) };
    session.getState().setTemplates([without, tcp]);
    expect(shown(session)).toMatchObject({
      columns: [a, b],
      sort: [{ column: b, descending: true }],
      filters: { pid: [[7, 7]] },
      search: { pattern: 'x', invert: false },
    });
    expect(session.getState().panes).toEqual([]);
    const { filters: _, ...unfiltered } = { ...task, columns: task.columns.filter((column) => column.name !== b) };
    session.getState().setTemplates([{ ...unfiltered, show: [a], sort: a }, tcp]);
    expect(shown(session)).toMatchObject({ columns: [a], sort: [{ column: a }], filters: {} });
  });

  it('one that goes while it is looked at gives way to the first', () => {
    const session = open({ template: 'tcp' });
    session.getState().setTemplates([task]);
    expect(shown(session)).toMatchObject({ template: 'task', columns: task.show });
    expect([...session.getState().templates.keys()]).toEqual(['task']);
  });
});
