import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type PaneName, takesText } from '../../src/state/panes.ts';
import type { SessionState } from '../../src/state/session.ts';
import { splitChoices } from '../../src/state/split.ts';
import { memberLines } from '../../src/state/structs-pane.ts';
import { press, type Reach } from '../../src/ui/actions.ts';
import { Columns } from '../../src/ui/columns.ts';
import { createHalves } from '../../src/ui/halves.ts';
import { actionOf, barOf, helpRows, KEYMAP, keyLabel, textOf } from '../../src/ui/keymap.ts';
import { themesOf } from '../../src/ui/theme.ts';
import { fakeReports } from './fake-reports.ts';
import { fakeAnswer } from './fake-struct.ts';
import { TARGETS, taskView } from './fake-view.ts';
import { fakeEffects, fakeSession, UTF8 } from './screen.tsx';

const PANES: readonly PaneName[] = [
  'table',
  'picker',
  'split',
  'sort',
  'columns',
  'program',
  'structs',
  'help',
  'detail',
  'search',
  'prompt',
  'where',
  'interval',
  'find',
  'narrow',
  'saveas',
  'filter',
  'jump',
  'when',
  'export',
  'command',
  'overwrite',
];

function linesBefore(state: SessionState, path: string): number {
  const pane = state.panes.at(-1);
  return pane?.name === 'structs' ? memberLines(state, pane).findIndex((member) => member.path === path) : -1;
}

/** A session in the middle of things, with this pane on top, so that every key has something to change. */
function midst(pane: PaneName) {
  const session = fakeSession({ search: 'o', where: 'pid > 0', filters: { user: 'root' } });
  const state = session.getState;
  state().resized(10);
  state().received(taskView(100));
  for (let i = 0; i < 6; i++) state().page(1);
  state().scrollColumns(1);
  const themes = themesOf(UTF8);
  const columns = new Columns(themes.of('default'));
  columns.more = true;
  const { calls, effects } = fakeEffects();
  const table = { session, targets: () => TARGETS, themes, columns, effects };
  const reach: Reach = { ...table, split: createHalves(table, () => ({ reach: table, close() {} })).split };
  if (pane === 'split') state().openSplit(splitChoices(state(), TARGETS));
  if (pane === 'picker') state().openPicker(TARGETS);
  if (pane === 'sort') state().openSort();
  if (pane === 'columns' || pane === 'narrow' || pane === 'saveas') {
    state().openColumns(new Map());
    state().choose(3, 9);
    state().setWidth(state().columns[3]!, 5);
  }
  if (pane === 'saveas') state().openSaveAs('mine');
  if (pane === 'narrow') state().openNarrow();
  if (pane === 'structs') {
    state().openStructs();
    state().choose(linesBefore(state(), 'task->mm'), 500);
    state().intoMember();
    // A pointer with lines above and below it.
    state().choose(linesBefore(state(), 'task->mm->owner'), 500);
  }
  if (pane === 'program') {
    state().openProgram();
    state().explained(fakeReports(), 'task');
    state().turnProgram(1);
    state().choose(3, 9);
  }
  if (pane === 'help') state().openHelp();
  if (pane === 'detail' || pane === 'find') {
    state().openDetail();
    state().turnPart(1);
    const answer = (path: string) => {
      const detail = state().panes.at(-1);
      if (detail?.name === 'detail') state().structReceived(fakeAnswer(detail.key, { path }));
    };
    answer('');
    state().setFind('mm');
    state().lookInto();
    answer('task->mm');
    // A folded line within an unfolded one, lines above and below it.
    state().setFind('load|utime');
  }
  if (pane === 'find') state().openFind();
  if (pane === 'prompt') {
    for (const line of ['tcp 80', 'task 1', 'pause']) state().obeyed(line);
    state().openPrompt();
    state().recall(1);
    state().recall(1);
  }
  if (pane === 'search') state().openSearch();
  if (pane === 'where') state().openWhere();
  if (pane === 'interval') state().openInterval();
  if (pane === 'jump') state().openJump();
  if (pane === 'when') state().openWhen();
  if (pane === 'filter') state().openFilter();
  if (pane === 'export') state().openExport('rows');
  if (pane === 'command') state().openCommand(['itertop', 'dump', 'task'], [], 'copied');
  if (pane === 'overwrite') state().openOverwrite({ format: 'csv', rows: 'all', path: 'rows.csv', overwrite: false });
  if (pane === 'picker' || pane === 'split' || pane === 'help') state().choose(1, 4);
  if (pane === 'filter') state().choose(1, 2);
  // In the middle of a word.
  state().edit((input) => ({ text: `${input.text}ab`, caret: input.text.length + 1 }));
  return { session, reach, calls };
}

describe('the key table', () => {
  const bindings = KEYMAP.flatMap(({ where, bindings }) =>
    where.flatMap((pane) =>
      bindings.flatMap(({ action, keys }) => keys.map((key) => ({ pane, key, action: action as string }))),
    ),
  );
  const printable = (key: string) => [...key].length === 1;

  it.each(bindings.filter(({ pane, key }) => !(takesText(pane) && printable(key))))(
    '$key does $action in $pane',
    ({ pane, key, action }) => {
      const { session, reach, calls } = midst(pane);
      // The form has a line below only from the line above.
      if (pane === 'filter' && action === 'down') session.getState().choose(-1, 2);
      if (pane === 'export' && action === 'down') session.getState().choose(-1, 3);
      const oneLine: readonly PaneName[] = ['search', 'where', 'interval', 'jump', 'when', 'find', 'narrow', 'saveas'];
      if (oneLine.includes(pane) && (action === 'up' || action === 'down')) return; // one line only
      expect(actionOf(key, pane)).toBe(action);
      const before = session.getState();
      press(reach, key);
      const { panes, ...rest } = session.getState();
      const { panes: was, ...wasRest } = before;
      expect(calls.length > 0 || !isDeepStrictEqual([panes, rest], [was, wasRest])).toBe(true);
    },
  );

  it('gives a key one meaning in a pane', () => {
    for (const pane of PANES) {
      const here = bindings.filter((binding) => binding.pane === pane).map(({ key }) => key);
      expect(here.length, pane).toBe(new Set(here).size);
    }
  });

  it('types printable keys where text is typed, and only there', () => {
    for (const pane of PANES) {
      for (const key of ['q', '?', ' ', 'é', '日']) {
        expect(textOf(key, pane), `${key} in ${pane}`).toBe(takesText(pane) ? key : undefined);
        if (takesText(pane)) expect(actionOf(key, pane)).toBeUndefined();
      }
    }
  });

  it('quits by q, F10 and Ctrl-C, and never by Esc', () => {
    for (const pane of PANES) {
      for (const key of takesText(pane) ? ['f10', 'ctrl-c'] : ['q', 'f10', 'ctrl-c']) {
        const { reach, calls } = midst(pane);
        press(reach, key);
        expect(calls, `${key} in ${pane}`).toEqual(['quit']);
      }
      const { session, reach, calls } = midst(pane);
      for (let i = 0; i < 10; i++) press(reach, 'escape');
      expect(calls).toEqual([]);
      expect(session.getState()).toMatchObject({ panes: [], search: null, cursor: null });
    }
  });

  it('has every key in the help of every pane, those that work there first', () => {
    for (const pane of PANES) {
      const help = helpRows(pane);
      const rest = help.findIndex(([keys, text]) => keys === '' && text.endsWith('(not here)'));
      const here = help.slice(0, rest < 0 ? undefined : rest).map(([keys]) => keys);
      for (const { where, bindings } of KEYMAP) {
        for (const { keys, help: text } of bindings) {
          const row = help.find(([, each]) => each === text);
          const shown = keys.filter((key) => !(where.includes(pane) && takesText(pane) && printable(key)));
          if (shown.length === 0) continue;
          if (row?.[0] === '1..9') expect(shown).toEqual([...'123456789']);
          else expect(row?.[0].split(' ')).toEqual(shown.map(keyLabel));
          if (where.includes(pane)) expect(here).toContain(row![0]);
        }
      }
    }
  });

  it('names keys as they are printed, on the bar too', () => {
    const shown = KEYMAP.flatMap(({ bindings }) => bindings.map(({ keys }) => keys.map(keyLabel).join(' ')));
    for (const keys of ['q F10 Ctrl-C', 'Space Z', 'PgUp Ctrl-B']) expect(shown).toContain(keys);
    expect(barOf('search', 'live')).toContainEqual({ key: 'F1', word: 'Help' });
    expect(barOf('table', 'live')[0]).toEqual({ key: '?', word: 'Help' });
  });

  it('has on the bar of a recording the keys that go through it, and none that do nothing there', () => {
    const shown = (time: 'live' | 'running' | 'still', pane: PaneName = 'table') =>
      barOf(pane, time).map(({ key, word }) => `${key} ${word}`);
    const through = ['[ Prev', '] Next', 'T Jump', '= Find'];
    const first = ['? Help', 'q Quit', 'Space Pause', ...through, '/ Search'];
    expect(shown('running').slice(0, first.length)).toEqual(first);
    expect(shown('still').slice(0, 7)).toEqual(['? Help', 'q Quit', 'Space Play', ...through]);
    expect(shown('still', 'detail').slice(2, 7)).toEqual(['Space Play', ...through]);
    const gone = shown('live').filter((each) => !shown('running').includes(each));
    expect(gone).toEqual(['v Views', 'o Split', 'p Program', 'R Record']);
    for (const each of through) expect(shown('live')).not.toContain(each);
    const ofTwo = barOf('table', 'still', true).map(({ key, word }) => `${key} ${word}`);
    expect(ofTwo.slice(0, 9)).toEqual(['? Help', 'q Quit', 'Space Play', ...through, 'o Split', '/ Search']);
  });
});
