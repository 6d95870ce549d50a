/** The pane of columns: which are shown, in which order, how wide; each step takes effect at once. */
import type { Template } from '../templates/template.ts';
import { inputOf } from './input.ts';
import type { SessionState, Slice } from './session.ts';

const WIDEST = 500;

export interface ColumnsSlice {
  /** @param absent column -> why it is not here */
  openColumns(absent: ReadonlyMap<string, string>): void;
  /** Asks for the name of a template. */
  openSaveAs(name: string): void;
  /** Shows or hides the chosen column, which stays the chosen one. */
  toggleColumn(): void;
  /** Moves the chosen column to the left or to the right of its neighbour. */
  shiftColumn(by: 1 | -1): void;
  /** null: as wide as its cells. */
  setWidth(column: string, width: number | null): void;
  /** The table with a column more, which is shown. @param templates all, with the changed one among them */
  gainColumn(column: string, templates: readonly Template[]): void;
}

/** Columns in the order of the pane: those shown, in their order, then the others by name. */
export function columnChoices(
  state: Pick<SessionState, 'templates' | 'template' | 'columns'>,
  find: string,
): readonly string[] {
  const template = state.templates.get(state.template);
  const wanted = find.toLowerCase();
  const rest = (template?.columns ?? []).map(({ name }) => name).filter((name) => !state.columns.includes(name));
  const all = [...state.columns, ...rest.sort()];
  if (wanted === '') return all;
  return all.filter((name) => {
    const column = template?.columns.find((each) => each.name === name);
    return [name, column?.title, column?.help].some((text) => text?.toLowerCase().includes(wanted));
  });
}

/** The column that the top pane has chosen. */
export function chosenColumn(state: SessionState): string | undefined {
  const pane = state.panes.at(-1);
  return pane?.name === 'columns' ? columnChoices(state, pane.find)[pane.index] : undefined;
}

export const columnsSlice: Slice<ColumnsSlice> = (set, get) => {
  /** Other columns; the mark stays on `column`. */
  function showing(columns: readonly string[], column: string): Partial<SessionState> {
    const state = get();
    const pane = state.panes.at(-1)!;
    if (pane.name !== 'columns') return { columns };
    const index = columnChoices({ ...state, columns }, pane.find).indexOf(column);
    const left = Math.max(0, Math.min(state.left, columns.length - 2));
    return { columns, left, panes: state.panes.with(-1, { ...pane, index: Math.max(0, index) }) };
  }

  return {
    openColumns(absent) {
      set(({ panes }) => ({ panes: [...panes, { name: 'columns', index: 0, find: '', absent }] }));
    },
    openSaveAs(name) {
      set(({ panes }) => ({ panes: [...panes, { name: 'saveas', input: inputOf(name), error: '' }] }));
    },
    toggleColumn() {
      const column = chosenColumn(get());
      if (column === undefined) return;
      const { columns } = get();
      if (!columns.includes(column)) set(showing([...columns, column], column));
      else if (columns.length > 1)
        set(
          showing(
            columns.filter((name) => name !== column),
            column,
          ),
        );
      else set({ notice: `${column} is the only column that is shown` });
    },
    shiftColumn(by) {
      const column = chosenColumn(get());
      if (column === undefined) return;
      const { columns } = get();
      const from = columns.indexOf(column);
      const to = from + by;
      if (from < 0) set({ notice: `${column} is not shown: Space shows it` });
      else if (to >= 0 && to < columns.length) set(showing(columns.with(from, columns[to]!).with(to, column), column));
    },
    setWidth(column, width) {
      const { [column]: _, ...rest } = get().widths;
      set({ widths: width === null ? rest : { ...rest, [column]: Math.max(1, Math.min(width, WIDEST)) } });
    },
    gainColumn(column, templates) {
      set((state) => ({
        templates: new Map(templates.filter((t) => !t.internal).map((t) => [t.name, t])),
        columns: state.columns.includes(column) ? state.columns : [...state.columns, column],
      }));
    },
  };
};
