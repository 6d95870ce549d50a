/** A second table that stays about the selected row of the first. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSession, questionOf } from '../../src/state/session.ts';
import { follow, splitChoice, splitChoices } from '../../src/state/split.ts';
import type { Related, Template } from '../../src/templates/template.ts';
import { divideHalves } from '../../src/ui/halves.ts';
import { FakeView, fakeColumn } from '../ui/fake-view.ts';

const WAY: Related = { word: 'sockets', template: 'socks', filters: { pid: 'pid' } };
const make = (name: string, columns: readonly string[], more: Partial<Template> = {}): Template => ({
  name,
  help: `about ${name}`,
  target: 'task',
  key: [columns[0]!],
  show: [columns[0]!],
  sort: columns[0]!,
  columns: columns.map((each) => ({ name: each, help: '' })),
  ...more,
});
const PROCS = make('procs', ['pid', 'comm'], { related: [WAY], label: ['pid', 'comm'] });
const SOCKS = make('socks', ['sock'], { filters: { pid: { any: [] } } });
const ROWS = [
  { key: 'a', cells: { pid: '1', comm: 'init' } },
  { key: 'b', cells: { pid: '2', comm: 'sh' } },
  { key: 'c', cells: { pid: '', comm: 'none' } },
];
const view = (columns: readonly string[]) =>
  new FakeView('procs', [fakeColumn('pid')], ROWS, { details: columns.map((name) => fakeColumn(name)) });

describe('the table beside', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function begun() {
    const first = createSession({ templates: [PROCS, SOCKS], template: 'procs' });
    const second = createSession({ templates: [PROCS, SOCKS], template: 'socks' });
    first.getState().resized(10);
    first.getState().received(view(['pid']));
    const end = follow(first, second, WAY);
    return { first, second, end };
  }
  const socks = () => new FakeView('socks', [fakeColumn('sock')], [{ key: 's', cells: { sock: '5' } }]);

  it('has the columns read that it needs, and is asked anew when the selection has rested', () => {
    const { first, second, end } = begun();
    expect(questionOf(first.getState()).also).toEqual(['pid', 'comm']);
    first.getState().received(view(['pid', 'comm']));
    expect(second.getState().filterTexts).toEqual({});
    vi.advanceTimersByTime(150);
    expect(second.getState()).toMatchObject({ filterTexts: { pid: '1' }, about: { row: '1 init', nothing: '' } });
    first.getState().move(1);
    vi.advanceTimersByTime(100);
    expect(second.getState().filterTexts).toEqual({ pid: '1' });
    vi.advanceTimersByTime(50);
    expect(second.getState()).toMatchObject({ filterTexts: { pid: '2' }, about: { row: '2 sh' } });
    end();
    expect(questionOf(first.getState()).also).toBeUndefined();
    first.getState().move(-1);
    vi.advanceTimersByTime(1000);
    expect(second.getState().filterTexts).toEqual({ pid: '2' });
  });

  it('shows nothing of another row where the selected one has nothing to go by', () => {
    const { first, second } = begun();
    first.getState().received(view(['pid', 'comm']));
    vi.advanceTimersByTime(150);
    second.getState().received(socks());
    expect(second.getState().view).not.toBeNull();
    first.getState().moveTo('last');
    vi.advanceTimersByTime(150);
    // What was on its way is not taken.
    second.getState().received(socks());
    expect(second.getState()).toMatchObject({
      view: null,
      paused: true,
      about: { nothing: 'No sockets: none has no pid.' },
    });
    first.getState().moveTo('first');
    vi.advanceTimersByTime(150);
    second.getState().received(socks());
    expect(second.getState()).toMatchObject({ paused: false, about: { row: '1 init', nothing: '' } });
    expect(second.getState().view).not.toBeNull();
  });

  it('is left alone while either of them shows something else', () => {
    const { first, second } = begun();
    first.getState().received(view(['pid', 'comm']));
    vi.advanceTimersByTime(150);
    second.getState().pick('procs');
    first.getState().move(1);
    vi.advanceTimersByTime(150);
    expect(second.getState()).toMatchObject({ template: 'procs', filterTexts: {} });
    first.getState().pick('socks');
    vi.advanceTimersByTime(150);
    expect(questionOf(first.getState()).also).toBeUndefined();
  });

  it('is chosen by what a row leads to, or as a table by itself', () => {
    const { first } = begun();
    const targets = [PROCS, SOCKS].map(({ name, help }) => ({ template: name, area: 'yours', help, unavailable: '' }));
    expect(splitChoices(first.getState(), targets).map(({ word, way }) => [word, way !== null])).toEqual([
      ['sockets', true],
      ['procs', false],
      ['socks', false],
    ]);
    for (const [name, way] of [
      ['sockets', WAY],
      ['socks', WAY],
      ['procs', null],
    ] as const)
      expect(splitChoice(first.getState(), splitChoices(first.getState(), targets), name).way).toBe(way);
    expect(() => splitChoice(first.getState(), splitChoices(first.getState(), targets), 'sokets')).toThrow(
      '--split sokets: there is no such table beside procs; did you mean sockets?',
    );
  });
});

describe('the screen for two tables', () => {
  it.each([
    [80, 24, false],
    [159, 24, false],
    [160, 24, true],
    [200, 50, true],
    [160, 7, true],
  ])('at %ix%i', (width, height, beside) => {
    const { first, second, ...divided } = divideHalves(width, height)!;
    expect(divided.beside).toBe(beside);
    if (beside) expect(first.width + second.width + 1).toBe(width);
    else expect(first.height + second.height + 2).toBe(height);
    expect(second.y).toBe(beside ? 1 : first.height + 1);
  });

  it.each([
    [80, 11],
    [200, 6],
    [1, 1],
  ])('there is none at %ix%i', (width, height) => expect(divideHalves(width, height)).toBeUndefined());
});
