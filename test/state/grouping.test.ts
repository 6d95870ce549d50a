/** Grouping as steps of the session: into groups, into one of them, and back to where one was. */
import { describe, expect, it } from 'vitest';
import { groupLines, shownTemplate } from '../../src/state/group-pane.ts';
import type { Grouped } from '../../src/state/grouping.ts';
import { questionOf, type Session } from '../../src/state/session.ts';
import { formatSort } from '../../src/state/sort.ts';
import { UsageError } from '../../src/templates/template.ts';
import { FakeView, fakeColumn, KSYM, TASK, taskView } from '../ui/fake-view.ts';
import { fakeSession } from '../ui/screen.tsx';

const COLUMNS = [fakeColumn('user'), fakeColumn('count', { format: 'count' }), fakeColumn('rss')];

class FakeGroups extends FakeView {
  readonly grouped: Grouped;
  constructor(by: string, values = ['root', 'alice', 'www']) {
    const rows = values.map((user, i) => ({
      key: `${by}=${user}`,
      cells: { user, count: `${9 - i}` },
    }));
    super('task', COLUMNS, rows, { total: 24 });
    this.grouped = { by, of: 24 };
  }
  condition(row: number) {
    return this.key(row).replace('=', ' == ');
  }
}

const where = (session: Session) => {
  const { groupBy, sort, where, cursor, search } = session.getState();
  return { groupBy, sort: formatSort(sort), where, cursor: cursor?.key, search: search?.pattern };
};

describe('grouping', () => {
  it('asks for groups, the largest first, and goes back to the rows as they were left', () => {
    const session = fakeSession({ sort: '-rss', where: '' });
    const { received, move, group, back } = session.getState();
    received(taskView(5));
    move(0);
    move(2);
    const rows = where(session);
    group('user');
    expect(questionOf(session.getState())).toMatchObject({
      groupBy: 'user',
      sort: [{ column: 'count', descending: true }],
    });
    expect(where(session)).toMatchObject({ groupBy: 'user', cursor: undefined });
    // Grouped by another column, then not any more.
    group('state');
    expect(questionOf(session.getState()).groupBy).toBe('state');
    back();
    expect(where(session)).toEqual(rows);
    back();
    expect(where(session)).toEqual({ ...rows, cursor: undefined });
  });

  it('takes no view of rows for groups, nor the other way round', () => {
    const session = fakeSession();
    const rows = taskView(5);
    session.getState().received(rows);
    session.getState().group('user');
    session.getState().received(taskView(5));
    expect(session.getState().view).toBe(rows);
    const groups = new FakeGroups('user');
    session.getState().received(new FakeGroups('state'));
    session.getState().received(groups);
    expect(session.getState().view).toBe(groups);
    session.getState().group('');
    session.getState().received(groups);
    session.getState().received(rows);
    expect(session.getState().view).toBe(rows);
  });

  it.each([
    ['', 'user == alice'],
    ['rss > 1', 'rss > 1 && user == alice'],
    ['rss > 1 || cpu > 2', '(rss > 1 || cpu > 2) && user == alice'],
    ['rss > 1 or cpu > 2', '(rss > 1 or cpu > 2) && user == alice'],
  ])('looks into a group with the condition "%s"', (before, expected) => {
    const session = fakeSession({ groupBy: 'user', where: before });
    session.getState().received(new FakeGroups('user'));
    session.getState().move(0);
    session.getState().move(1);
    const groups = where(session);
    session.getState().enterGroup(1);
    expect(session.getState().trail.at(-1)?.row).toBe('user alice');
    expect(where(session)).toMatchObject({ groupBy: '', where: expected, sort: '-cpu', cursor: undefined });
    session.getState().back();
    expect(where(session)).toEqual(groups);
    expect(groups.cursor).toBe('user=alice');
  });

  it('goes from group to group within a group, and back step by step', () => {
    const session = fakeSession({ groupBy: 'user', search: 'x' });
    const { enterGroup, group, back, setSearch, received } = session.getState();
    received(new FakeGroups('user'));
    const seen = [where(session)];
    enterGroup(0);
    seen.push(where(session));
    group('state');
    received(new FakeGroups('state', ['S', 'R']));
    enterGroup(0);
    setSearch('y');
    expect(where(session)).toMatchObject({ where: 'user == root && state == S', search: 'y' });
    // A search of its own goes first.
    back();
    expect(where(session).search).toBeUndefined();
    back();
    expect(where(session)).toMatchObject({ groupBy: 'state', where: 'user == root', search: 'x' });
    // The search that was there before does so where there are no groups to go back to.
    back();
    expect(where(session)).toEqual(seen[1]);
    back();
    expect(where(session)).toEqual(seen[0]);
    back();
    back();
    expect(where(session)).toMatchObject({ groupBy: '', search: undefined });
  });

  it('is remembered for each table', () => {
    const session = fakeSession({ groupBy: 'user' });
    session.getState().pick('tcp');
    expect(where(session).groupBy).toBe('');
    session.getState().pick('task');
    expect(where(session)).toMatchObject({ groupBy: 'user', sort: '-count' });
  });

  it('sorts by what groups have, amounts from large to small', () => {
    const session = fakeSession({ groupBy: 'user' });
    const { sortBy, shiftSort } = session.getState();
    expect(shownTemplate(session.getState())!.show.slice(0, 3)).toEqual(['user', 'count', 'rss']);
    sortBy('user');
    expect(where(session).sort).toBe('user');
    shiftSort(1);
    expect(where(session).sort).toBe('-count');
    shiftSort(1);
    expect(where(session).sort).toBe('-rss');
  });

  it('survives a template that changes, where its column is still there', () => {
    const session = fakeSession({ groupBy: 'user', sort: 'user' });
    const others = [...session.getState().templates.values()].filter(({ name }) => name !== 'task');
    session.getState().setTemplates([{ ...TASK, help: 'changed' }, ...others]);
    expect(where(session).groupBy).toBe('user');
    const without = (name: string) => ({
      ...TASK,
      columns: TASK.columns.filter((column) => column.name !== name),
      show: TASK.show.filter((each) => each !== name),
    });
    session.getState().setTemplates([without('user'), ...others]);
    expect(where(session)).toMatchObject({ groupBy: '', sort: '-cpu' });
  });

  it('says what cannot be grouped by', () => {
    for (const groupBy of ['rss', 'nothing']) expect(() => fakeSession({ groupBy })).toThrow(UsageError);
    const session = fakeSession();
    session.getState().group('rss');
    expect(session.getState()).toMatchObject({ groupBy: '', notice: expect.stringContaining('rss is an amount') });
    expect(groupLines(session.getState())).not.toContain('rss');
    const amounts = fakeSession({
      templates: [{ ...KSYM, columns: [{ name: 'address', help: '', as: 'bytes' }], show: ['address'] }],
      template: 'ksym',
    });
    amounts.getState().openGroup();
    expect(amounts.getState()).toMatchObject({ panes: [], notice: 'ksym has no column to group by' });
  });
});
