/** The leak watch: a column that says what keeps growing, and the rows sorted by it. */
import { growthColumn } from '../templates/growth.ts';
import type { Template } from '../templates/template.ts';
import { isWatched } from './group-pane.ts';
import { countColumn, groupedTemplate, groupsGrowth } from './grouping.ts';
import { scopeOf } from './scope.ts';
import type { SessionState, Slice } from './session.ts';
import { parseSort, type Sort } from './sort.ts';

interface Look {
  readonly columns: readonly string[];
  readonly sort: Sort;
}

export interface LeakWatchSlice {
  /** How a table looked before its leaks were watched, and since, by scopeOf(). */
  readonly watched: ReadonlyMap<string, { readonly before: Look; readonly since: Look }>;

  toggleWatch(): void;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Of groups the number of their rows is watched, too, whatever the table. */
function groupsWatched(state: SessionState, template: Template): Partial<SessionState> {
  const { columns, sort, ungrouped } = state;
  const column = groupsGrowth(template).name;
  const before: Look = { columns, sort };
  if (!isWatched(state)) {
    const since: Look = { columns, sort: [{ column, descending: true }] };
    return { watch: true, sort: since.sort, watched: new Map(state.watched).set(scopeOf(state), { before, since }) };
  }
  const known = state.watched.get(scopeOf(state))?.before.sort;
  const otherwise = parseSort(groupedTemplate(template, state.groupBy, columns), `-${countColumn(template)}`);
  const rows = state.watched.get(scopeOf({ ...state, groupBy: '' }))?.before.sort ?? parseSort(template, template.sort);
  return {
    watch: false,
    ...(ungrouped?.sort[0].column === column ? { ungrouped: { ...ungrouped, sort: rows } } : {}),
    columns: columns.filter((name) => name !== column),
    ...(sort[0].column === column ? { sort: known ?? otherwise } : {}),
  };
}

export const leakWatchSlice: Slice<LeakWatchSlice> = (set) => ({
  watched: new Map(),

  toggleWatch() {
    set((state) => {
      const template = state.templates.get(state.template)!;
      if (state.groupBy !== '') return groupsWatched(state, template);
      const column = growthColumn(template);
      if (column === undefined) {
        return { notice: `${template.name} has nothing to watch; a column of your own does: growth(a, b)` };
      }
      const others = state.columns.filter((name) => name !== column);
      if (others.length < state.columns.length) {
        const { before, since } = state.watched.get(scopeOf(state)) ?? {};
        // What the user has changed meanwhile stays.
        return {
          columns: before && same(state.columns, since?.columns) ? before.columns : others,
          ...(state.sort[0].column === column ? { sort: before?.sort ?? parseSort(template, template.sort) } : {}),
        };
      }
      // Beside it what the row is: a narrow screen has room for little more.
      const first = [...new Set([others[0]!, column, ...(template.label ?? [])])];
      const since: Look = {
        columns: [...first, ...others.filter((name) => !first.includes(name))],
        sort: [{ column, descending: true }],
      };
      const before: Look = { columns: state.columns, sort: state.sort };
      // What grows most is wanted; where another table follows the selected row, that stays.
      const atTop = state.followed ? {} : { cursor: null, top: 0 };
      return { ...since, ...atTop, watched: new Map(state.watched).set(scopeOf(state), { before, since }) };
    });
  },
});
