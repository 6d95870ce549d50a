/** What grows, differs and is marked among groups of rows, by what the groups are of. */
import { describe, expect, it, test } from 'vitest';
import { type Arrangement, arrange } from '../../src/state/arrange.ts';
import { commandLine } from '../../src/state/command-line.ts';
import { ComparedView } from '../../src/state/compared-view.ts';
import { GroupGrowth } from '../../src/state/group-growth.ts';
import { shownTemplate } from '../../src/state/group-pane.ts';
import { GroupView } from '../../src/state/group-view.ts';
import { groupedTemplate, groupsGrowth, watchedColumns } from '../../src/state/grouping.ts';
import { allGroups, type GroupTable } from '../../src/state/groups.ts';
import { toWire } from '../../src/state/live-view.ts';
import { marksOf } from '../../src/state/marking.ts';
import { Moment } from '../../src/state/moment.ts';
import { passingRows } from '../../src/state/order.ts';
import { questionOf, type Session } from '../../src/state/session.ts';
import { formatSort, parseSort } from '../../src/state/sort.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { taskFile } from '../../src/templates/builtin/task-file.ts';
import { mapTemplate } from '../../src/templates/map-template.ts';
import { registerTemplates } from '../../src/templates/registry.ts';
import { Table } from '../../src/templates/table.ts';
import { tableOf } from '../support/batch.ts';
import { FakeView, fakeColumn, KSYM, TASK, taskView } from '../ui/fake-view.ts';
import { fakeSession } from '../ui/screen.tsx';

type Row = readonly [state: number, bytes: number];

function tableWith(rows: readonly Row[]): Table {
  const made = tableOf(
    { id: { type: 'u64' }, state: { type: 'u32' }, bytes: { type: 'u64', as: 'bytes' } },
    rows.map(([state, bytes], id) => ({ values: { id, state, bytes } })),
  );
  const columns = [
    ...made.template.columns,
    { name: 'grew', derive: 'growth(bytes)', as: 'text', help: 'what grows' } as const,
  ];
  const template = { ...made.template, name: 'made', columns };
  registerTemplates([template]);
  return new Table(template, made.batch, new Map(), new Map(), made.context);
}

const ASKED: Arrangement = {
  columns: ['id', 'bytes'],
  sort: [{ column: 'state', descending: false }],
  search: null,
  groupBy: 'state',
  watch: true,
  ungroup: false,
};

function groupsOf(rows: readonly Row[], more: Partial<Arrangement> = {}, growth?: Parameters<typeof arrange>[3]) {
  const table = tableWith(rows);
  const arranged = arrange(table, { ...ASKED, ...more }, passingRows(table, []), growth);
  return { ...arranged, table, groups: arranged.rows as GroupTable };
}

describe('groups that are watched', () => {
  /** What each refresh says of each group: `1: count +2`. */
  function watch(refreshes: readonly (readonly Row[])[], asked: (read: number) => string = () => 'same') {
    const runs = new GroupGrowth();
    return refreshes.map((rows, read) => {
      const { groups, order } = groupsOf(rows, {}, { growth: { runs, asked: asked(read), read } });
      return Array.from(order, (group) => `${groups.cell(group, 'state')}: ${groups.cell(group, 'grew')}`.trim());
    });
  }

  test('say how long the number of their rows, or a total, has grown', () => {
    const refreshes: Row[][] = [
      [
        [1, 10],
        [2, 5],
      ],
      [
        [1, 10],
        [1, 0],
        [2, 5],
      ],
      [
        [1, 10],
        [1, 0],
        [1, 0],
        [2, 6],
      ],
      // Equal: neither adds nor resets.
      [
        [1, 10],
        [1, 0],
        [1, 0],
        [2, 6],
      ],
      // The first has fewer rows, the second a larger total again.
      [
        [1, 10],
        [1, 0],
        [2, 7],
      ],
    ];
    expect(watch(refreshes)).toEqual([
      ['1:', '2:'],
      ['1: count +1', '2:'],
      ['1: count +2', '2: bytes +1'],
      ['1: count +2', '2: bytes +1'],
      ['1:', '2: bytes +2'],
    ]);
  });

  test('begin anew where the groups are made of something else, or were gone', () => {
    const growing = (n: number): Row[] => Array.from({ length: n }, () => [1, 0]);
    expect(watch([growing(1), growing(2), growing(3)], (read) => (read < 2 ? 'a' : 'b'))).toEqual([
      ['1:'],
      ['1: count +1'],
      ['1:'],
    ]);
    expect(watch([growing(1), growing(2), [[2, 0]], growing(3)])).toEqual([['1:'], ['1: count +1'], ['2:'], ['1:']]);
  });

  test('are not counted twice where a refresh is only sorted anew', () => {
    const runs = new GroupGrowth();
    const grew = (rows: readonly Row[], read: number) =>
      groupsOf(rows, {}, { growth: { runs, asked: '', read } }).groups.cell(0, 'grew');
    expect(grew([[1, 0]], 0)).toBe('');
    expect(
      grew(
        [
          [1, 0],
          [1, 0],
        ],
        1,
      ),
    ).toBe('count +1');
    expect(
      grew(
        [
          [1, 0],
          [1, 0],
        ],
        1,
      ),
    ).toBe('count +1');
    expect(
      grew(
        [
          [1, 0],
          [1, 0],
          [1, 0],
        ],
        2,
      ),
    ).toBe('count +2');
    runs.forget();
    expect(
      grew(
        [
          [1, 0],
          [1, 0],
          [1, 0],
          [1, 0],
        ],
        3,
      ),
    ).toBe('');
  });

  test('are sorted by it, and told as a text', () => {
    const runs = new GroupGrowth();
    const sort = parseSort(groupedTemplate(tableWith([]).template, 'state', ['id', 'bytes'], true), '-grew');
    groupsOf(
      [
        [1, 0],
        [2, 0],
      ],
      { sort },
      { growth: { runs, asked: '', read: 0 } },
    );
    const { groups, order } = groupsOf(
      [
        [1, 0],
        [2, 0],
        [2, 0],
      ],
      { sort },
      { growth: { runs, asked: '', read: 1 } },
    );
    expect(Array.from(order, (group) => groups.value(group, 'state'))).toEqual([2, 1]);
    expect(Array.from(order, (group) => groups.value(group, 'grew'))).toEqual(['count +1', null]);
    expect(groups.template.show).toEqual(['state', 'count', 'grew', 'bytes', 'id']);
    expect(groups.formatOf('grew')).toBe('text');
    expect(groups.isText('grew')).toBe(false);
  });

  test.each([
    [task, 'grew', ['count', 'fds', 'vmas', 'threads', 'rss', 'virt']],
    [taskFile, 'grew', ['count']],
    [{ ...taskFile, columns: [...taskFile.columns, { name: 'grew', help: '' }] }, 'grew_2', ['count']],
  ])('of a table watch its count and what is watched of its rows (%#)', (template, name, watched) => {
    expect(watchedColumns(template)).toEqual(watched);
    expect(groupsGrowth(template)).toMatchObject({ name, derive: `growth(${watched.join(', ')})` });
  });
});

describe('groups that are compared', () => {
  const compared = (then: readonly Row[], now: readonly Row[], more: Partial<Arrangement> = {}) => {
    const before = groupsOf(then, more).groups;
    const moment = Moment.now(1, before, allGroups(before), before.template.show);
    const { groups, order, ...arranged } = groupsOf(now, more);
    const differing = moment.compare(groups, allGroups(groups), order, groups.template.show);
    const stats = {
      ...{ begin: 0, end: 0, visited: 0, emitted: 0, bytes: 0, reads: 1, doubles: 0, readMs: 0, totalMs: 0 },
      ...{ sessionId: 1, conditions: [] },
    };
    const collected = { table: arranged.table, stats, after: [], absent: new Map<string, string>(), before: null };
    const wire = toWire(
      collected,
      ['id', 'bytes'],
      [],
      { ...arranged, groups: groups.groups, order: differing.order },
      9,
    );
    return new ComparedView(new GroupView(wire, groups.groups), differing.compared, moment.wire);
  };

  it('show what came, went and changed, with what it was', () => {
    const view = compared(
      [
        [1, 1],
        [2, 2],
        [3, 3],
        [3, 3],
      ],
      [
        [1, 1],
        [3, 3],
        [4, 4],
      ],
    );
    const { came, went, changed, sign } = view.compared;
    expect({ came, went, changed }).toEqual({ came: 1, went: 1, changed: 1 });
    const column = (name: string) => view.columns.find((each) => each.name === name)!;
    const rows = Array.from({ length: view.count }, (_, row) => [
      sign(row),
      ...['state', 'count', 'bytes'].map((name) => {
        const before = view.compared.before(row, column(name));
        return (before === undefined ? '' : `${before}>`) + view.cell(row, column(name));
      }),
    ]);
    expect(rows).toEqual([
      ['~', '3', '2>1', '6>3'],
      ['+', '4', '1', '4'],
      ['-', '2', '1', '2'],
    ]);
    expect([0, 1, 2].map((row) => view.condition(row))).toEqual(['state == 3', 'state == 4', '']);
    expect(view.rowOf(view.key(2))).toBe(2);
    expect([view.total, view.grouped?.by]).toEqual([9, 'state']);
    expect(Array.from(view.rowsToWrite(false).order)).toHaveLength(2);
  });

  it('differ by nothing where nothing has changed, however long it has grown', () => {
    expect(compared([[1, 1]], [[1, 1]]).count).toBe(0);
  });
});

const groupView = (values: readonly string[]) =>
  Object.assign(
    new FakeView(
      'task',
      [fakeColumn('user'), fakeColumn('count', { format: 'count' })],
      values.map((user, i) => ({ key: `user=${user}`, cells: { user, count: `${i}` } })),
      { total: 40 },
    ),
    { grouped: { by: 'user', of: 40 }, condition: () => '' },
  );

const elementsOf = (id: number) =>
  mapTemplate({ id, name: 'flows', type: 'hash', keySize: 4, valueSize: 4, cpus: 0 }, null);

const asked = (session: Session) => questionOf(session.getState());

describe('as steps of the session', () => {
  it('groups are marked by what they are of, apart from rows and from groups by another column', () => {
    const session = fakeSession({ groupBy: 'user' });
    session.getState().received(groupView(['root', 'alice']));
    session.getState().toggleMark();
    session.getState().toggleOnlyMarked();
    expect(asked(session).marked).toEqual({ keys: ['user=root'], only: true });
    session.getState().group('state');
    expect(asked(session).marked).toBeUndefined();
    session.getState().group('');
    expect(asked(session).marked).toBeUndefined();
    session.getState().group('user');
    expect(asked(session).marked).toEqual({ keys: ['user=root'], only: true });
    expect(marksOf(session.getState()).size).toBe(1);
  });

  it('C compares groups; the moment waits while rows, other groups or other finds are looked at', () => {
    const session = fakeSession({ groupBy: 'user' });
    session.getState().received(groupView(['root']));
    session.getState().toggleCompare();
    expect(session.getState().notice).toMatch(/^the groups of .* are kept: C shows/);
    session.getState().toggleCompare();
    const shown = { moment: 1, shown: true };
    expect(asked(session)).toMatchObject({ compare: shown });
    for (const elsewhere of [
      () => session.getState().group('state'),
      () => session.getState().group(''),
      () => session.getState().pick('ksym'),
    ]) {
      elsewhere();
      expect(asked(session)).toMatchObject({ kept: 1 });
      expect(asked(session).compare).toBeUndefined();
    }
    session.getState().pick('task');
    session.getState().group('user');
    expect(asked(session)).toMatchObject({ compare: shown });
    session.getState().setSearch('x');
    expect(asked(session).compare).toBeUndefined();
    session.getState().setSearch('');
    expect(asked(session)).toMatchObject({ compare: shown });
    session.getState().back();
    expect(asked(session).compare).toBeUndefined();
    expect(asked(session).kept).toBeUndefined();
    expect(session.getState().groupBy).toBe('user');
  });

  it('a file is of the groups that the explorer begins with', () => {
    const session = fakeSession({ groupBy: 'user', baseline: 'base.json' });
    expect(asked(session).compare).toEqual({ moment: 0, shown: true });
    session.getState().group('');
    expect(asked(session)).toMatchObject({ kept: 0 });
  });

  it('L watches groups, and puts the order back', () => {
    const session = fakeSession({ template: 'ksym', groupBy: 'name' });
    session.getState().toggleWatch();
    expect(asked(session)).toMatchObject({ watch: true, sort: [{ column: 'grew', descending: true }] });
    expect(shownTemplate(session.getState())!.show.slice(0, 3)).toEqual(['name', 'count', 'grew']);
    // There is no option of dump for a column that the table does not have.
    expect(commandLine(session.getState()).join(' ')).toContain('--group name --sort=-count');
    session.getState().toggleWatch();
    expect(asked(session).watch).toBeUndefined();
    expect(formatSort(asked(session).sort)).toBe('-count');
    expect(KSYM.columns.some(({ name }) => name === 'grew')).toBe(false);
  });

  const watching = {
    ...TASK,
    columns: [...TASK.columns, { name: 'grew', derive: 'growth(rss)', as: 'text', help: 'what grows' } as const],
  };

  it('rows that are watched become groups that are, and the other way round', () => {
    const session = fakeSession({ templates: [watching] });
    session.getState().received(taskView());
    session.getState().toggleWatch();
    session.getState().group('user');
    expect(asked(session)).toMatchObject({ watch: true, sort: [{ column: 'grew', descending: true }] });
    expect(commandLine(session.getState()).join(' ')).toContain('grew');
    session.getState().toggleWatch();
    expect(asked(session).watch).toBeUndefined();
    expect(formatSort(asked(session).sort)).toBe('-count');
    expect(asked(session).columns).not.toContain('grew');
    session.getState().toggleWatch();
    expect(commandLine(session.getState()).join(' ')).toMatch(/--columns \S*,grew --group user --sort=-grew/);
  });

  it('marks and moments of a map are its own', () => {
    const [one, other] = [elementsOf(7), elementsOf(8)];
    const session = fakeSession({ templates: [TASK, one], template: one.name });
    const view = new FakeView(one.name, [fakeColumn('key')], [{ key: 'k', cells: { key: '1' } }]);
    session.getState().received(view);
    session.getState().toggleMark();
    session.getState().toggleCompare();
    expect(asked(session)).toMatchObject({ marked: { keys: ['k'] }, compare: { moment: 1 } });
    session.getState().enter(other, {}, [TASK, other]);
    session.getState().received(view);
    expect(asked(session).marked).toBeUndefined();
    expect(asked(session).compare).toBeUndefined();
    session.getState().enter(one, {}, [TASK, one]);
    expect(asked(session)).toMatchObject({ marked: { keys: ['k'] }, compare: { moment: 1 } });
  });
});
