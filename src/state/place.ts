/** Where we are: the panes over the table, the selected row and the window over the rows. */
import { UsageError } from '../templates/template.ts';
import { WhereError } from '../templates/where.ts';
import { type FilterTexts, filterNames, sortChoices } from './asked.ts';
import { comparing } from './comparing.ts';
import { cameBack, type DetailPane, openedDetail } from './detail.ts';
import { type Edit, inputOf } from './input.ts';
import { parseInterval } from './interval.ts';
import { markedQuestion, onlyMarks } from './marking.ts';
import { widened } from './narrowing.ts';
import {
  EXPORT_FORMATS,
  EXPORT_LINES,
  type ExportChoice,
  inputOfPane,
  type Pane,
  type PaneName,
  type TemplateChoice,
  withInput,
} from './panes.ts';
import { formatSearch } from './search.ts';
import type { SessionState, Slice } from './session.ts';
import { isLead } from './tree.ts';
import { moveBy, movePage, moveTo, resize, scrollBy, type Window } from './window.ts';

export interface PlaceSlice extends Pick<Window, 'rows'> {
  /** The last one has the keys; none: the table has them. */
  readonly panes: readonly Pane[];

  /**
   * One step back: the top pane, else the search, the choice of marked rows, the comparison, a group, the table that this one was opened
   * from, the selection, the marks.
   */
  back(): void;
  closeAll(): void;
  openSort(): void;
  /** How the hosts are whose rows are shown. */
  openHosts(): void;
  openHelp(): void;
  openSearch(): void;
  openWhere(): void;
  openInterval(): void;
  openFilter(): void;
  /** `stem` is the file name without its extension. */
  openExport(stem: string): void;
  openOverwrite(choice: ExportChoice | TemplateChoice): void;
  openDetail(): void;
  openCommand(words: readonly string[], without: readonly string[], copied: string): void;

  move(by: number): void;
  select(row: number): void;
  /** Moves the window; the selected row only as far as it would be out of sight. */
  scroll(by: number): void;
  page(direction: 1 | -1): void;
  moveTo(end: 'first' | 'last'): void;
  /** The next (1) or previous (-1) row that the search left, round and round. */
  nextFound(direction: 1 | -1): void;
  toggleFollow(): void;
  scrollColumns(by: 1 | -1): void;
  /** Rows that fit on the screen. */
  resized(rows: number): void;

  /** Moves the chosen line of the top pane, which has `count` of them. */
  choose(by: number, count: number): void;
  edit(edit: Edit): void;
  /** The next (1) or previous (-1) value of the export pane's line. */
  turn(by: 1 | -1): void;
  /** Enter in the search, interval or filter pane: applies what was typed and closes the pane, or says what is wrong. */
  submit(): void;
  /** Why what was typed in the top pane was refused. */
  refuse(error: string): void;
}

/** What can be written: marked rows where there are some. */
export function exportRows(state: SessionState): ExportChoice['rows'][] {
  return markedQuestion(state) ? ['shown', 'marked', 'all'] : ['shown', 'all'];
}

const swapped = (path: string, from: string, to: string) =>
  path.endsWith(`.${from}`) ? path.slice(0, -from.length) + to : path;

export const placeSlice: Slice<PlaceSlice> = (set, get) => {
  const open = (pane: Pane) => set(({ panes }) => ({ panes: [...panes, pane] }));

  /** Changes the top pane. */
  const change = (next: (pane: Pane) => Pane) =>
    set(({ panes }) => (panes.length > 0 ? { panes: panes.with(-1, next(panes.at(-1)!)) } : {}));

  /** Moves over the rows, where there are any. */
  const over = (next: (state: SessionState, view: NonNullable<SessionState['view']>) => Partial<SessionState>) =>
    set((state) => (state.view ? next(state, state.view) : state));

  const message = (error: unknown) => {
    if (error instanceof UsageError) return error.message;
    throw error;
  };

  function submitFilter(pane: Extract<Pane, { name: 'filter' }>) {
    const fields = pane.fields.map((field) => {
      try {
        get().parseFilter(field.name, field.input.text);
        return field;
      } catch (error) {
        return { ...field, error: message(error) };
      }
    });
    const wrong = fields.findIndex((field) => field.error !== '');
    if (wrong >= 0) return change(() => ({ ...pane, fields, index: wrong }));
    const texts: FilterTexts = Object.fromEntries(fields.map((field) => [field.name, field.input.text]));
    get().setFilters(texts);
    get().back();
  }

  return {
    panes: [],
    rows: 0,

    back() {
      const { panes, search, groupBy, trail, cursor, follow } = get();
      const top = panes.at(-1);
      if (top && 'find' in top && top.find !== '') change(() => widened(get(), top));
      else if (top?.name === 'detail' && cameBack(top) !== top) change((pane) => cameBack(pane as DetailPane));
      else if (panes.length > 0) set({ panes: panes.slice(0, -1) });
      else if (search && search !== trail.at(-1)?.place.search) set({ search: null });
      else if (onlyMarks(get())) get().toggleOnlyMarked();
      else if (comparing(get())?.shown) get().stopComparing();
      else if (groupBy !== '') get().group('');
      else if (trail.length > 0) get().goBack();
      // What is untouched is at its first rows: those in the middle would be taken for them.
      else if (cursor || follow) set({ cursor: null, follow: false, top: 0 });
      else {
        get().dropMarks();
        get().stopComparing();
      }
    },
    closeAll() {
      set({ panes: [] });
    },
    openSort() {
      const state = get();
      open({ name: 'sort', index: Math.max(0, sortChoices(state).indexOf(state.sort[0].column)) });
    },
    openHosts() {
      open({ name: 'hosts', index: 0 });
    },
    openHelp() {
      open({ name: 'help', index: 0, find: '' });
    },
    openSearch() {
      open({ name: 'search', input: inputOf(formatSearch(get().search)), error: '' });
    },
    openWhere() {
      open({ name: 'where', input: inputOf(get().where), error: '' });
    },
    openInterval() {
      if (get().replay) return set({ notice: 'a recording has its own pace: + and - change it' });
      // Empty: what is typed takes the place of what the first line says.
      open({ name: 'interval', input: inputOf(''), error: '' });
    },
    openFilter() {
      const { templates, template, filterTexts } = get();
      const names = filterNames(templates.get(template)!);
      if (names.length === 0)
        return set({ notice: `${template} cannot be filtered in the kernel; / searches its rows` });
      const fields = names.map((name) => ({ name, input: inputOf(filterTexts[name] ?? ''), error: '' }));
      open({ name: 'filter', fields, index: 0 });
    },
    openExport(stem) {
      const format = EXPORT_FORMATS[0];
      const input = inputOf(`${stem}.${format}`);
      open({ name: 'export', index: EXPORT_LINES.indexOf('path'), format, rows: 'shown', input, error: '' });
    },
    openOverwrite(choice) {
      open({ name: 'overwrite', choice });
    },
    openCommand(words, without, copied) {
      open({ name: 'command', words, without, copied });
    },
    openDetail() {
      over((state, view) => {
        if (view.count === 0) return { notice: 'there is no row to show the details of' };
        const at = state.cursor ? {} : moveBy(state, view, 0);
        const { key, row } = { ...state, ...at }.cursor!;
        return { ...at, panes: [...state.panes, openedDetail(key, view, row)] };
      });
    },

    move(by) {
      over((state, view) => moveBy(state, view, by));
    },
    select(row) {
      over((state, view) => moveTo(state, view, row));
    },
    scroll(by) {
      over((state, view) => scrollBy(state, view, by));
    },
    page(direction) {
      over((state, view) => movePage(state, view, direction));
    },
    moveTo(end) {
      over((state, view) => moveTo(state, view, end === 'first' ? 0 : view.count - 1));
    },
    nextFound(direction) {
      over((state, view) => {
        if (!state.search) return { notice: 'nothing is searched for: / searches' };
        if (view.count === 0) return state;
        const at = (row: number) => ((row % view.count) + view.count) % view.count;
        let row = state.cursor ? state.cursor.row + direction : state.top;
        for (let tried = 0; tried < view.count && isLead(view.tree, at(row)); tried++) row += direction;
        return moveTo(state, view, at(row));
      });
    },
    toggleFollow() {
      over((state, view) => ({ follow: !state.follow, ...(state.cursor ? {} : moveBy(state, view, 0)) }));
    },
    scrollColumns(by) {
      set(({ left, columns }) => ({ left: Math.max(0, Math.min(left + by, columns.length - 2)) }));
    },
    resized(rows) {
      set((state) => resize(state, state.view, rows));
    },

    choose(by, count) {
      change((pane) =>
        'index' in pane ? { ...pane, index: Math.max(0, Math.min(pane.index + by, count - 1)) } : pane,
      );
    },
    edit(edit) {
      change((pane) => {
        const input = inputOfPane(pane);
        return input ? withInput(pane, edit(input)) : pane;
      });
    },
    turn(by) {
      change((pane) => {
        if (pane.name !== 'export') return pane;
        if (EXPORT_LINES[pane.index] === 'rows') {
          const choices = exportRows(get());
          return { ...pane, rows: choices[(choices.indexOf(pane.rows) + by + choices.length) % choices.length]! };
        }
        if (EXPORT_LINES[pane.index] !== 'format') return pane;
        const at = EXPORT_FORMATS.indexOf(pane.format) + by + EXPORT_FORMATS.length;
        const format = EXPORT_FORMATS[at % EXPORT_FORMATS.length]!;
        return { ...pane, format, input: inputOf(swapped(pane.input.text, pane.format, format)) };
      });
    },
    submit() {
      const pane = get().panes.at(-1);
      if (pane?.name === 'filter') return submitFilter(pane);
      if (pane?.name === 'narrow') return get().narrow(pane.input.text);
      if (pane?.name !== 'search' && pane?.name !== 'interval' && pane?.name !== 'where' && pane?.name !== 'find')
        return;
      try {
        if (pane.name === 'search') get().setSearch(pane.input.text);
        else if (pane.name === 'find') get().setFind(pane.input.text);
        else if (pane.name === 'where') get().setWhere(pane.input.text);
        else if (pane.input.text.trim() !== '') get().setInterval(parseInterval(pane.input.text));
        get().back();
      } catch (error) {
        // The caret goes where the condition is wrong.
        if (error instanceof WhereError) {
          const { position, problem } = error;
          change((now) => ({ ...withInput(now, { text: pane.input.text, caret: position }), error: problem }) as Pane);
        } else get().refuse(message(error));
      }
    },
    refuse(error) {
      change((pane) => ('error' in pane ? { ...pane, error } : pane));
    },
  };
};

export function topPane(state: SessionState): Pane | undefined {
  return state.panes.at(-1);
}

export function paneName(state: SessionState): PaneName {
  return topPane(state)?.name ?? 'table';
}
