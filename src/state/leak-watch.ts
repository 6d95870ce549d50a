/** The leak watch: a column that says what keeps growing, and the rows sorted by it. */
import { growthColumn } from '../templates/growth.ts';
import type { Slice } from './session.ts';
import { parseSort, type Sort } from './sort.ts';

interface Look {
  readonly columns: readonly string[];
  readonly sort: Sort;
}

export interface LeakWatchSlice {
  /** How a table looked before its leaks were watched, and since, by template. */
  readonly watched: ReadonlyMap<string, { readonly before: Look; readonly since: Look }>;

  toggleWatch(): void;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

export const leakWatchSlice: Slice<LeakWatchSlice> = (set) => ({
  watched: new Map(),

  toggleWatch() {
    set((state) => {
      const template = state.templates.get(state.template)!;
      const column = growthColumn(template);
      if (column === undefined) {
        return { notice: `${template.name} has nothing to watch; a column of your own does: growth(a, b)` };
      }
      const others = state.columns.filter((name) => name !== column);
      if (others.length < state.columns.length) {
        const { before, since } = state.watched.get(template.name) ?? {};
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
      return { ...since, watched: new Map(state.watched).set(template.name, { before, since }) };
    });
  },
});
