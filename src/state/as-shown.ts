/** The session as the command line that gives the same is made from it, with what no option has: marks, and one object. */
import { whereOfRow } from '../templates/related.ts';
import { columnOf, type Template } from '../templates/template.ts';
import type { CommandState } from './command-line.ts';
import { comparing } from './comparing.ts';
import type { DetailPane } from './detail.ts';
import { MOST_TYPED } from './input.ts';
import { marksOf, onlyMarks } from './marking.ts';
import type { SessionState } from './session.ts';
import type { View } from './view.ts';

/** The rows of the screen, marked ones alone where only these are seen; in the details the object whose struct is seen. */
export function asShown(state: SessionState): CommandState {
  // Of a program the pane says how all rows are read.
  if (state.panes.at(-1)?.name === 'program') return state;
  const detail = structSeen(state);
  if (detail) {
    const where = keyCondition(state.templates.get(state.template)!, detail.view, detail.row);
    return { ...state, struct: true, filterTexts: {}, search: null, groupBy: '', tree: false, where };
  }
  const marked = markedCondition(state);
  if (marked === '') return state;
  return { ...state, where: state.where === '' ? marked : `(${state.where}) && (${marked})` };
}

/** What narrows the rows on the screen and not those of the command line, in words. */
export function notInCommand(state: SessionState): string[] {
  if (structSeen(state) || state.panes.at(-1)?.name === 'program') return [];
  return [
    ...(comparing(state)?.shown ? ['the comparison'] : []),
    ...(seesMarksOnly(state) && markedCondition(state) === '' ? ['the marks'] : []),
    ...(state.tree && state.groupBy === '' && state.folded.length > 0 ? ['the folds'] : []),
  ];
}

function structSeen({ panes }: SessionState): DetailPane | undefined {
  const pane = panes.find(({ name }) => name === 'detail') as DetailPane | undefined;
  const there = pane && pane.part === 'structure' && !pane.gone && pane.structure.answer?.error === '';
  return there ? pane : undefined;
}

/** Groups are all seen. */
function seesMarksOnly(state: SessionState): boolean {
  return state.groupBy === '' && onlyMarks(state);
}

/** '' where all rows are seen, and where there are too many marks for a condition that anybody could read or type. */
function markedCondition(state: SessionState): string {
  const { view } = state;
  if (!view || !seesMarksOnly(state)) return '';
  const template = state.templates.get(state.template)!;
  const rows = [...marksOf(state)].map((key) => view.rowOf(key)).filter((row) => row >= 0);
  const each = rows.map((row) => keyCondition(template, view, row));
  const all = each.length === 1 ? each[0]! : each.map((text) => `(${text})`).join(' || ');
  return all.length > MOST_TYPED ? '' : all;
}

/** What this row alone fulfils: it has this key. */
function keyCondition(template: Template, view: View, row: number): string {
  const text = template.key.map((name) => `${name} == $${name}`).join(' && ');
  return whereOfRow(text, (name) => {
    const value = view.value(row, name);
    return value === null ? '""' : { format: columnOf(template, name)?.as ?? 'int', value };
  });
}
