/** The leak watch: a column that says what keeps growing, and the rows sorted by it. */
import { growthColumn } from '../templates/growth.ts';
import type { SessionState, Slice } from './session.ts';
import { parseSort, type Sort } from './sort.ts';

export interface LeakWatchSlice {
  /** How a table was sorted before its leaks were watched, by template. */
  readonly unwatched: ReadonlyMap<string, Sort>;

  toggleWatch(): void;
}

/** Whether the table that is looked at has the column in sight. */
export function isWatching({ templates, template, columns }: SessionState): boolean {
  const column = growthColumn(templates.get(template)!);
  return column !== undefined && columns.includes(column);
}

export const leakWatchSlice: Slice<LeakWatchSlice> = (set) => ({
  unwatched: new Map(),

  toggleWatch() {
    set((state) => {
      const template = state.templates.get(state.template)!;
      const column = growthColumn(template);
      if (column === undefined) {
        return { notice: `${template.name} has nothing to watch; a column of your own does: growth(a, b)` };
      }
      const others = state.columns.filter((name) => name !== column);
      if (isWatching(state)) {
        const sort = state.unwatched.get(template.name) ?? parseSort(template, template.sort);
        return { columns: others, ...(state.sort[0].column === column ? { sort } : {}) };
      }
      return {
        columns: others.toSpliced(1, 0, column),
        sort: [{ column, descending: true }],
        unwatched: new Map(state.unwatched).set(template.name, state.sort),
      };
    });
  },
});
