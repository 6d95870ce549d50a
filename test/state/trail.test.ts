/** Going from a row to what it has to do with, and back. */
import { describe, expect, it } from 'vitest';
import { createSession, questionOf, type Session } from '../../src/state/session.ts';
import { openWays } from '../../src/state/trail.ts';
import type { Related, Template } from '../../src/templates/template.ts';
import { type FakeRow, FakeView, fakeColumn } from '../ui/fake-view.ts';

const RELATED: readonly Related[] = [
  { word: 'sockets', template: 'socks', filters: { pid: 'pid' } },
  { word: 'elsewhere', template: 'not_there', filters: { pid: 'pid' } },
  { word: 'group', template: 'procs', where: 'group == $group' },
];
const make = (name: string, columns: readonly string[], more: Partial<Template> = {}): Template => ({
  name,
  help: '',
  target: 'task',
  key: [columns[0]!],
  show: [columns[0]!],
  sort: columns[0]!,
  columns: columns.map((each) => ({ name: each, help: '' })),
  ...more,
});
const PROCS = make('procs', ['pid', 'comm', 'group'], {
  related: RELATED,
  label: ['pid', 'comm'],
  filters: { pid: { any: [] } },
});
const SOCKS = make('socks', ['sock', 'port'], { filters: { pid: { any: [] }, port: { any: [] } } });

const ROWS = [
  { key: 'a', cells: { pid: '1', comm: 'init', group: '7' } },
  { key: 'b', cells: { pid: '2', comm: 'sh', group: '' } },
];
const view = (template: string, columns: readonly string[], rows: readonly FakeRow[] = ROWS) =>
  new FakeView(template, [fakeColumn(columns[0]!)], rows, { details: columns.map((name) => fakeColumn(name)) });

function open(): Session {
  const session = createSession({ templates: [PROCS, SOCKS], template: 'procs' });
  session.getState().resized(10);
  session.getState().received(view('procs', ['pid']));
  return session;
}
const way = (session: Session, digit: number) =>
  openWays(session.getState()).find((each) => each.digit === digit)!.way as Related;

describe('ways out of a row', () => {
  it('keep their digits, and those that lead nowhere are not offered', () => {
    expect(openWays(open().getState()).map(({ digit, way: { word } }) => [digit, word])).toEqual([
      [1, 'sockets'],
      [3, 'group'],
    ]);
  });

  it('ask for the columns that they need, and are taken when those have come', () => {
    const session = open();
    session.getState().move(0);
    session.getState().take(way(session, 1));
    expect(questionOf(session.getState())).toMatchObject({ template: 'procs', also: ['pid', 'comm'] });
    // Neither an answer to the question before nor a row that has moved matters.
    session.getState().received(view('procs', ['pid']));
    expect(session.getState().template).toBe('procs');
    session.getState().received(view('procs', ['pid', 'comm'], [...ROWS].reverse()));
    expect(session.getState()).toMatchObject({
      template: 'socks',
      filterTexts: { pid: '1' },
      filters: { pid: [[1, 1]] },
      view: null,
      trail: [{ template: 'procs', row: '1 init' }],
    });
    expect(questionOf(session.getState()).also).toBeUndefined();
  });

  it('lead from the row of the details, also where it is gone', () => {
    const session = open();
    session.getState().move(1);
    session.getState().openDetail();
    session.getState().received(view('procs', ['pid', 'comm', 'group']));
    session
      .getState()
      .received(view('procs', ['pid', 'comm', 'group'], [{ key: 'z', cells: { pid: '9', comm: 'x', group: '' } }]));
    session.getState().take(way(session, 1));
    expect(session.getState()).toMatchObject({ template: 'socks', filterTexts: { pid: '1' }, panes: [] });
  });

  it('say where a row has nothing to go by, or is gone', () => {
    const session = open();
    session.getState().moveTo('last');
    session.getState().take(way(session, 3));
    session.getState().received(view('procs', ['pid', 'comm', 'group']));
    expect(session.getState()).toMatchObject({
      template: 'procs',
      notice: 'no group from here: this row has no group',
      awaited: null,
    });
    session.getState().take(way(session, 3));
    session.getState().moveTo('first');
    session.getState().received(view('procs', ['pid', 'comm', 'group'], []));
    expect(session.getState().template).toBe('procs');
  });

  it('end with an error, and where another table is picked', () => {
    const session = open();
    session.getState().take(way(session, 1));
    session.getState().failed('refused');
    expect(session.getState().awaited).toBeNull();
    session.getState().take(way(session, 1));
    session.getState().pick('socks');
    expect(session.getState()).toMatchObject({ awaited: null, trail: [] });
  });
});

describe('the way back', () => {
  /** procs > socks, the first table with a search, sorted and with its second row selected. */
  function entered(): Session {
    const session = open();
    session.getState().sortBy('comm');
    session.getState().setSearch('.');
    session.getState().received(view('procs', ['pid', 'comm', 'group']));
    session.getState().moveTo('last');
    session.getState().take(way(session, 1));
    return session;
  }

  it('leads through every table as it was left', () => {
    const session = entered();
    const { template, cursor } = session.getState();
    expect([template, cursor]).toEqual(['socks', null]);
    session.getState().received(view('socks', ['sock'], [{ key: 's', cells: { sock: '5' } }]));
    session.getState().move(0);
    session.getState().enter(PROCS, { where: 'group == 7' });
    expect(session.getState().trail.map(({ template: name, row }) => [name, row])).toEqual([
      ['procs', '2 sh'],
      ['socks', '5'],
    ]);
    session.getState().back();
    expect(session.getState()).toMatchObject({ template: 'socks', filterTexts: { pid: '2' }, cursor: { key: 's' } });
    session.getState().back();
    expect(session.getState()).toMatchObject({
      template: 'procs',
      filterTexts: {},
      where: '',
      search: { pattern: '.' },
      sort: [{ column: 'comm' }],
      cursor: { key: 'b', row: 1 },
      trail: [],
    });
  });

  it('ends where another table is picked; what was entered is not remembered, how it began is', () => {
    const session = entered();
    session.getState().pick('socks');
    expect(session.getState()).toMatchObject({ template: 'socks', trail: [], filterTexts: {} });
    session.getState().pick('procs');
    expect(session.getState()).toMatchObject({ search: { pattern: '.' }, cursor: { key: 'b' } });
  });

  it('keeps the columns and the sorting that the user chose for the other table', () => {
    const session = open();
    session.getState().pick('socks');
    session.getState().sortBy('port');
    session.getState().pick('procs');
    session.getState().received(view('procs', ['pid', 'comm', 'group']));
    session.getState().take(way(session, 1));
    expect(session.getState()).toMatchObject({
      template: 'socks',
      sort: [{ column: 'port' }],
      filterTexts: { pid: '1' },
    });
  });

  it('is cut where a table of it is gone', () => {
    const session = entered();
    session.getState().setTemplates([SOCKS]);
    expect(session.getState()).toMatchObject({ template: 'socks', trail: [] });
  });
});
