/** Grouping rows by a column, looking into a group, and the way back. */
import { growthColumn } from '../templates/growth.ts';
import type { Template } from '../templates/template.ts';
import { UsageError } from '../templates/template.ts';
import { type Place, placeOf } from './asked.ts';
import { checkGroup, groupChoices, groupedTemplate } from './grouping.ts';
import type { Question } from './question.ts';
import { notRecorded } from './replay.ts';
import type { SessionState, Slice } from './session.ts';
import { formatSort, parseSort, type Sort } from './sort.ts';

/** The part of a place that grouping is about. */
export interface Grouping {
  /** Rows that have the same in this column are one row; '' for no grouping. */
  readonly groupBy: Question['groupBy'];
  /** While grouped: how the rows themselves were left. */
  readonly ungrouped: Pick<Place, 'sort' | 'cursor' | 'top'> | null;
  /** While grouped: the groups are watched for growth. They are, too, where their rows were. */
  readonly watch: boolean;
}

export const NO_GROUPING: Grouping = { groupBy: '', ungrouped: null, watch: false };

export interface GroupSlice {
  openGroup(): void;
  /** '' puts the rows apart again. Says so where the column is not there or cannot be grouped by. */
  group(by: string): void;
  /** Shows the rows of the group in a row of the view: those that fulfil its condition too. back() comes back. */
  enterGroup(row: number): void;
}

/** The template of what is shown: of groups, where rows are grouped. */
export function shownTemplate(
  state: Pick<SessionState, 'templates' | 'template' | 'columns' | 'groupBy' | 'watch'>,
): Template | undefined {
  const template = state.templates.get(state.template);
  if (!template || state.groupBy === '') return template;
  return groupedTemplate(template, state.groupBy, state.columns, isWatched(state));
}

/** Whether groups are shown that are watched for growth. */
export function isWatched(
  state: Pick<SessionState, 'templates' | 'template' | 'columns' | 'groupBy' | 'watch'>,
): boolean {
  if (state.groupBy === '') return false;
  return state.watch || watchesRows(state.templates.get(state.template)!, state.columns);
}

function watchesRows(template: Template, columns: readonly string[]): boolean {
  const column = growthColumn(template);
  return column !== undefined && columns.includes(column);
}

/** Lines of the pane: '' for no grouping, then the columns. */
export function groupLines({ templates, template, columns }: SessionState): string[] {
  return ['', ...groupChoices(templates.get(template)!, columns)];
}

/** Groups from the start. @param sort as typed; the largest groups first where absent @throws UsageError */
export function grouped(
  template: Template,
  by: string,
  columns: readonly string[],
  rows: Sort,
  sort?: string,
): Pick<Place, keyof Grouping | 'sort'> {
  const groups = groupedTemplate(template, checkGroup(template, by), columns, watchesRows(template, columns));
  // What was watched still is.
  const first = rows[0].column === growthColumn(groups) ? formatSort([rows[0]]) : groups.sort;
  const ungrouped = { sort: rows, cursor: null, top: 0 };
  return { groupBy: by, ungrouped, watch: false, sort: parseSort(groups, sort ?? first) };
}

/** Both have to hold. */
function both(where: string, condition: string): string {
  if (where === '') return condition;
  return `${/\|\||\bor\b/.test(where) ? `(${where})` : where} && ${condition}`;
}

export const groupSlice: Slice<GroupSlice> = (set, get) => ({
  openGroup() {
    const lines = groupLines(get());
    if (lines.length === 1) return set({ notice: `${get().template} has no column to group by` });
    // Where rows are not grouped, at the first column.
    const index = Math.max(get().groupBy === '' ? 1 : 0, lines.indexOf(get().groupBy));
    set(({ panes }) => ({ panes: [...panes, { name: 'group', index }] }));
  },
  group(by) {
    const state = get();
    const { templates, columns, groupBy, ungrouped, sort, cursor, top } = state;
    const template = templates.get(state.template)!;
    if (by === groupBy) return;
    const rows = ungrouped ?? { sort, cursor, top };
    if (by === '') return set({ ...NO_GROUPING, ...rows, left: 0 });
    const why = notRecorded(state, [by]);
    if (why !== '') return set({ notice: `no groups: ${why}` });
    try {
      set({ ...grouped(template, by, columns, rows.sort), ungrouped: rows, cursor: null, top: 0, left: 0 });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      set({ notice: error.message });
    }
  },
  enterGroup(row) {
    const state = get();
    const { template, groupBy, ungrouped, view, where, trail } = state;
    if (!view?.condition || !ungrouped || row >= view.count) return;
    const condition = view.condition(row);
    if (condition === '') return set({ notice: 'this group is gone: it has no rows now' });
    const place = placeOf(state);
    const value = view.cell(row, view.columns[0]!);
    set({
      ...{ ...place, ...NO_GROUPING, sort: ungrouped.sort, where: both(where, condition) },
      ...{ cursor: null, top: 0, left: 0, view: null, error: '' },
      trail: [...trail, { template, place, row: `${groupBy} ${value === '' ? '-' : value}` }],
    });
  },
});
