/** What of rows can be arranged otherwise in a recording, and what is refused with the reason. */
import { describe, expect, it } from 'vitest';
import { openedDetail, refreshed } from '../../src/state/detail.ts';
import type { Replay } from '../../src/state/replay.ts';
import { questionOf } from '../../src/state/session.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { FakeView, fakeColumn, TASK, TASK_COLUMNS, taskRows } from '../ui/fake-view.ts';
import { fakeSession } from '../ui/screen.tsx';

const REPLAY: Replay = {
  ...{ host: 'there', kernel: '6.1', begin: 0, end: 9000, count: 10, gaps: [], sample: false, ungroup: false },
  absent: new Map(),
};
const sessionOf = (replay: Partial<Replay>, template = task, more = {}) =>
  fakeSession({ templates: [template], template: template.name, replay: { ...REPLAY, ...replay }, ...more });

describe('in a recording', () => {
  it.each([
    [false, 'this was recorded without threads: itertop record --threads has that'],
    [true, 'this was recorded with threads: that is how it is shown'],
  ])('threads (recorded: %s) are as they were recorded', (ungroup, notice) => {
    const session = sessionOf({ ungroup }, task, { ungroup });
    session.getState().toggleUngroup();
    expect(session.getState()).toMatchObject({ ungroup, notice });
  });

  it('rows that have no members say so', () => {
    const session = sessionOf({}, tcp);
    session.getState().toggleUngroup();
    expect(session.getState().notice).toBe('the rows of tcp are not grouped: nothing to take apart');
  });

  it('a way to threads that were not recorded leads nowhere', () => {
    const session = sessionOf({}, task);
    const way = { word: 'threads', template: 'task', filters: { pid: 'pid' }, ungroup: true } as const;
    const columns = [fakeColumn('pid'), fakeColumn('comm')];
    session.getState().received(new FakeView('task', columns, [{ key: 'a', cells: { pid: '7', comm: 'x' } }]));
    session.getState().take(way);
    expect(session.getState()).toMatchObject({
      trail: [],
      notice: expect.stringContaining('recorded without threads'),
    });
    const { ungroup: _, ...rows } = way;
    session.getState().take(rows);
    expect(session.getState()).toMatchObject({ trail: [{ template: 'task' }], ungroup: false });
  });

  it('columns that were not recorded make no tree and no groups', () => {
    const session = sessionOf({
      absent: new Map([
        ['ppid', 'it was not recorded'],
        ['user', 'it was not recorded'],
      ]),
    });
    session.getState().toggleTree();
    expect(session.getState()).toMatchObject({ tree: false, notice: 'no tree: column ppid: it was not recorded' });
    session.getState().group('user');
    expect(session.getState()).toMatchObject({ groupBy: '', notice: 'no groups: column user: it was not recorded' });
    session.getState().group('state');
    expect(session.getState().groupBy).toBe('state');
  });

  it('what is there makes both', () => {
    const session = sessionOf({});
    session.getState().toggleTree();
    expect(questionOf(session.getState()).tree).toEqual({ folded: [] });
    session.getState().group('user');
    session.getState().toggleWatch();
    expect(questionOf(session.getState())).toMatchObject({ groupBy: 'user', watch: true });
  });

  it.each([
    ['the pace', 'openInterval', 'a recording has its own pace: + and - change it'],
    ['structures', 'openStructs', 'structures are those of a running kernel; a recording has its columns'],
  ] as const)('%s cannot be changed', (_, step, notice) => {
    const session = sessionOf({});
    session.getState()[step]();
    expect(session.getState()).toMatchObject({ panes: [], notice });
  });

  it('an order of walking neither', () => {
    const session = sessionOf({}, { ...TASK, order: 'self' });
    session.getState().nextOrder();
    expect(session.getState()).toMatchObject({
      order: undefined,
      notice: 'a recording has the order that it was made in',
    });
  });
});

describe('the history of an object', () => {
  const at = (index: number, rss: string) =>
    Object.assign(
      new FakeView('task', TASK_COLUMNS, [{ ...taskRows(1)[0]!, cells: { ...taskRows(1)[0]!.cells, rss } }], {
        stats: { begin: 1000 * index, sessionId: index },
      }),
      { position: { index, count: 10, users: new Map(), skipped: 0 } },
    );

  it('goes on forwards, and begins anew backwards, where nothing has changed', () => {
    let pane = openedDetail('1000', at(3, '1'), 0);
    const samples = () => Math.max(...[...pane.history.values()].map(({ values }) => values.length));
    pane = refreshed(pane, at(4, '2'));
    pane = refreshed(pane, at(6, '3'));
    expect(samples()).toBe(3);
    expect([...pane.changed]).toEqual(['rss']);
    pane = refreshed(pane, at(5, '2'));
    expect(samples()).toBe(1);
    expect([...pane.changed]).toEqual([]);
    pane = refreshed(pane, at(6, '3'));
    expect(samples()).toBe(2);
  });
});
