/** The way here: what was entered from which row, and back again with each table as it was left. */
import type { FilterName, Filters, Related, Template } from '../templates/template.ts';
import { byName, firstPlace, type Place, placeOf } from './asked.ts';
import { NO_GROUPING } from './group-pane.ts';
import { columnsOfWay, isOpen, labelColumns, labelOf, narrow, type Way, waysOf } from './related.ts';
import { notRecordedApart } from './replay.ts';
import type { SessionState, Slice } from './session.ts';
import { NO_TREE } from './tree-slice.ts';
import type { View } from './view.ts';

/** A table that was left for what one of its rows leads to. */
interface Step {
  readonly template: string;
  readonly place: Place;
  /** What people call that row: `1234 nginx`; '' where it was no row's. */
  readonly row: string;
}

/** Whoever goes from one look-up to the next does not want all of them back. */
const MOST_STEPS = 20;

/** A way to be taken as soon as the view has the columns that decide where it leads. */
interface Awaited {
  readonly way: Related;
  readonly key: string;
  readonly columns: readonly string[];
}

export interface TrailSlice {
  /** Tables on the way to this one, the first one first. */
  readonly trail: readonly Step[];
  readonly awaited: Awaited | null;

  /** Takes a way out of the selected row, or out of the row of the details: now, or when its columns have been read. */
  take(way: Related): void;
  /** A view has come: takes the way that waited for it. */
  arrived(): void;
  /**
   * Enters a table; back() comes back. Throws UsageError for a filter that the table does not have.
   * @param templates with it among them, where it is a new one
   */
  enter(template: Template, narrowed?: Narrowed, templates?: readonly Template[]): void;
  goBack(): void;
  /** Looks at a part of a table, wherever one is; back() comes back. Throws UsageError as enter() does. */
  visit(template: Template, narrowed: Narrowed): void;
}

/** What of a table is looked at; the rest of its place is as usual. */
type Narrowed = Partial<Pick<Place, 'filterTexts' | 'where' | 'ungroup' | 'columns'>>;

/** Ways of the present table that lead somewhere, each by the digit that takes it. */
export function openWays(
  state: Pick<SessionState, 'templates' | 'template'>,
): { readonly digit: number; readonly way: Way }[] {
  const template = state.templates.get(state.template);
  if (!template) return [];
  return waysOf(template).flatMap((way, index) =>
    isOpen(way, template, state.templates) ? [{ digit: index + 1, way }] : [],
  );
}

/** The row that a way leads out of: that of the details, else the selected one. */
export function chosenRow(
  state: SessionState,
): { readonly view: View; readonly row: number; readonly key: string } | undefined {
  const detail = state.panes.findLast((pane) => pane.name === 'detail');
  if (detail) return detail;
  const { view, cursor } = state;
  return view && cursor && cursor.row < view.count ? { view, ...cursor } : undefined;
}

export const trailSlice: Slice<TrailSlice> = (set, get) => {
  function follow(way: Related, view: View, row: number): void {
    const narrowed = narrow(way, view, row);
    const state = get();
    if ('without' in narrowed) {
      const absent = view.details.find((column) => column.name === narrowed.without)?.absent;
      const why = absent ? `: ${absent}` : '';
      set({ notice: `no ${way.word} from here: this row has no ${narrowed.without}${why}` });
      return;
    }
    const { replay } = state;
    const { show, ungroup = replay?.ungroup ?? false } = way;
    const template = state.templates.get(way.template)!;
    if (replay && ungroup !== replay.ungroup) set({ notice: notRecordedApart(template, replay.ungroup) });
    else state.enter(template, { ...narrowed, ungroup, ...(show ? { columns: show } : {}) });
  }

  /** A part of a table. Columns and sorting that the user chose for it hold there, too; not for another map. */
  function placeWithin(state: SessionState, template: Template, narrowed: Narrowed): Partial<SessionState> {
    const known = template.name === state.template ? placeOf(state) : state.places.get(template.name);
    const first = firstPlace(template);
    const { columns, widths, sort, ungrouped } = known && !template.map ? known : first;
    const filters: Partial<Record<FilterName, Filters[FilterName]>> = {};
    for (const [name, text] of Object.entries(narrowed.filterTexts ?? {}) as [FilterName, string][])
      filters[name] = state.parseFilter(name, text);
    return {
      ...{
        ...first,
        ...NO_GROUPING,
        ...NO_TREE,
        columns,
        widths,
        sort: ungrouped?.sort ?? sort,
        ...narrowed,
        filters: filters as Filters,
      },
      ...{ template: template.name, awaited: null, panes: [], view: null, error: '', notice: '' },
    };
  }

  return {
    trail: [],
    awaited: null,
    take(way) {
      const state = get();
      if (!state.view || state.view.count === 0) return set({ notice: 'there is no row to start from' });
      if (!chosenRow(state)) state.move(0);
      const { view, row, key } = chosenRow(get())!;
      const label = labelColumns(state.templates.get(state.template));
      const columns = [...new Set([...columnsOfWay(way), ...label])];
      const read = new Set(view.details.map((column) => column.name));
      if (columns.every((name) => read.has(name))) follow(way, view, row);
      else set({ awaited: { way, key, columns } });
    },
    arrived() {
      const { awaited, view } = get();
      if (!awaited || !view) return;
      const read = new Set(view.details.map((column) => column.name));
      if (!awaited.columns.every((name) => read.has(name))) return;
      const row = view.rowOf(awaited.key);
      set({ awaited: null });
      if (row < 0) set({ notice: 'that row is gone' });
      else follow(awaited.way, view, row);
    },
    enter(template, narrowed = {}, templates) {
      const state = get();
      const from = chosenRow(state);
      const row = from ? labelOf(state.templates.get(state.template), from.view, from.row) : '';
      const step: Step = { template: state.template, place: placeOf(state), row };
      set({
        ...placeWithin(state, template, narrowed),
        trail: [...state.trail, step],
        ...(templates ? { templates: byName(templates) } : {}),
      });
    },
    visit(template, narrowed) {
      const state = get();
      state.checkWhere(template, narrowed.where ?? '');
      const step: Step = { template: state.template, place: placeOf(state), row: '' };
      set({ ...placeWithin(state, template, narrowed), trail: [...state.trail, step].slice(-MOST_STEPS) });
    },
    goBack() {
      const { trail } = get();
      const step = trail.at(-1);
      if (!step) return;
      const { template, place } = step;
      set({ ...place, template, trail: trail.slice(0, -1), awaited: null, view: null, error: '' });
    },
  };
};
