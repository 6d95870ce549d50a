/** What is asked of the kernel and of the table, remembered for each template. */

import { FILTER_KINDS, parseRanges } from '../templates/filters.ts';
import {
  columnOf,
  FILTER_NAMES,
  type FilterName,
  type Filters,
  type Template,
  UsageError,
  ungroupedWord,
  WALK_ORDERS,
  type WalkOrder,
} from '../templates/template.ts';
import { compareQuestion } from './comparing.ts';
import { structQuestion } from './detail.ts';
import { type Grouping, grouped, isWatched, NO_GROUPING, shownTemplate } from './group-pane.ts';
import { MAX_INTERVAL, MIN_INTERVAL, stepInterval } from './interval.ts';
import { markedQuestion } from './marking.ts';
import type { NetScope } from './namespaces.ts';
import { countable } from './picker.ts';
import type { Question, Search } from './question.ts';
import { notRecordedApart } from './replay.ts';
import { parseSearch } from './search.ts';
import type { SessionOptions, SessionState, Slice } from './session.ts';
import { alsoBy, checkColumn, descendsFirst, formatSort, inverted, keptSort, parseSort, type Sort } from './sort.ts';
import { structsQuestion } from './structs-pane.ts';
import { checkTree } from './tree.ts';
import { NO_TREE, type Treeing } from './tree-slice.ts';
import type { Cursor } from './window.ts';

/** What the user typed for each filter; absent where nothing. */
export type FilterTexts = Partial<Readonly<Record<FilterName, string>>>;

/** How the table of one template was left, for when the user comes back to it. */
export interface Place extends Grouping, Treeing {
  readonly columns: readonly string[];
  readonly sort: Sort;
  readonly filterTexts: FilterTexts;
  readonly filters: Filters;
  readonly switches: Readonly<Record<string, boolean>>;
  readonly ungroup: boolean;
  readonly search: Search | null;
  /** As typed; templates/where.ts. */
  readonly where: string;
  readonly cursor: Cursor | null;
  readonly top: number;
  /** Columns scrolled out of sight on the left, after the first one. */
  readonly left: number;
  /** Cells of columns whose width the user has chosen; the others are as wide as their cells. */
  readonly widths: Readonly<Record<string, number>>;
  readonly follow: boolean;
}

export interface AskedSlice extends Place {
  readonly templates: ReadonlyMap<string, Template>;
  readonly template: string;
  readonly interval: number;
  /** Question.maxCost. */
  readonly maxCost: number | undefined;
  readonly paused: boolean;
  /** Network namespaces that tables of sockets and routes cover. */
  readonly netns: NetScope;
  /** What a refresh changed is marked. */
  readonly marks: boolean;
  /** How targets that walk in an order do it; undefined: as the template says. */
  readonly order: WalkOrder | undefined;
  /** Other templates' places. */
  readonly places: ReadonlyMap<string, Place>;

  /** Another table, as it was left; a trail ends here. */
  pick(template: string): void;
  /** Other templates than before. What no longer fits the one looked at goes back to the template's own. */
  setTemplates(templates: readonly Template[]): void;
  /** By this column only; the way round that it has already where it is sorted by. */
  sortBy(column: string): void;
  /** By this column too, where the others are equal; again the other way round, a third time not any more. */
  alsoSortBy(column: string): void;
  /** To the next shown column on the right (1) or on the left (-1). */
  shiftSort(by: 1 | -1): void;
  /** Of the foremost column. */
  invertSort(): void;
  /** Throws UsageError: then nothing has changed. */
  setFilters(texts: FilterTexts): void;
  /** Throws UsageError. */
  parseFilter(name: FilterName, text: string): Filters[FilterName];
  /** The condition, trimmed. Throws UsageError (WhereError with the place). */
  checkWhere(template: Template, text: string): string;
  /** Throws UsageError. */
  setSearch(text: string): void;
  /** Throws UsageError (WhereError with the place). */
  setWhere(text: string): void;
  setInterval(ms: number): void;
  stepInterval(direction: 1 | -1): void;
  togglePause(): void;
  toggleSwitch(name: string): void;
  toggleUngroup(): void;
  /** The next order of a target that walks in one, round and round. */
  nextOrder(): void;
}

/** The template that is looked at, the rest of its place where it differs from the template's own, and the pace. */
export interface AskedOptions {
  readonly template: string;
  readonly columns?: readonly string[] | undefined;
  /** As in Template.sort: columns, `-` before one for descending. */
  readonly sort?: string | undefined;
  /** A column; '' and undefined: none. */
  readonly groupBy?: string | undefined;
  readonly tree?: boolean | undefined;
  readonly filters?: FilterTexts | undefined;
  readonly switches?: Readonly<Record<string, boolean>> | undefined;
  readonly ungroup?: boolean | undefined;
  /** As typed: `!` before it inverts. */
  readonly search?: string | undefined;
  /** A condition over columns. */
  readonly where?: string | undefined;
  /** Milliseconds; 1000 where absent. */
  readonly interval?: number | undefined;
  /** Question.maxCost. */
  readonly maxCost?: number | undefined;
  readonly paused?: boolean | undefined;
  /** On where absent. */
  readonly marks?: boolean | undefined;
  /** The own one where absent. */
  readonly netns?: NetScope | undefined;
  /** The template's where absent. */
  readonly order?: WalkOrder | undefined;
}

export function questionOf(state: SessionState): Question {
  const { template, columns, sort, filters, switches, ungroup, search, where, netns, order, interval, paused } = state;
  const { groupBy } = state;
  // The details of a group are what it shows.
  const detail = groupBy === '' ? state.panes.find((pane) => pane.name === 'detail') : undefined;
  // What is recorded is recorded whole.
  const all = detail !== undefined || state.recording?.going === true;
  const marked = markedQuestion(state);
  const struct = detail ? structQuestion(detail, template) : groupBy === '' ? structsQuestion(state) : undefined;
  const followed = state.followed?.template === template ? state.followed.columns : [];
  const also = [...(state.awaited?.columns ?? []), ...followed];
  const asked = {
    template,
    columns,
    all,
    sort,
    groupBy,
    filters,
    switches,
    ungroup,
    search,
    where,
    netns,
    interval,
    // It goes where the other one is, and nowhere by itself.
    paused: paused || state.replay?.beside === true,
  };
  const count = countable(state);
  const explain = state.panes.some((pane) => pane.name === 'program') ? ({ explain: true } as const) : {};
  const { maxCost, replay, speed } = state;
  return {
    ...asked,
    marks: state.marks,
    ...explain,
    ...(marked && { marked }),
    ...compareQuestion(state),
    ...(isWatched(state) && { watch: true }),
    ...(count.length === 0 ? {} : { count }),
    ...(struct && { struct }),
    ...(state.tree && groupBy === '' && { tree: { folded: state.folded } }),
    ...(order === undefined ? {} : { order }),
    ...(maxCost === undefined ? {} : { maxCost }),
    ...(also.length === 0 ? {} : { also }),
    ...(replay ? { speed } : {}),
  };
}

/** Filters that the template knows, in their usual order. */
export function filterNames(template: Template): FilterName[] {
  return FILTER_NAMES.filter((name) => template.filters?.[name]);
}

/** Columns that are shown: of groups, where rows are grouped. */
function shownColumns(
  state: Pick<SessionState, 'templates' | 'template' | 'columns' | 'groupBy' | 'watch'>,
): readonly string[] {
  return state.groupBy === '' ? state.columns : shownTemplate(state)!.show;
}

/** Columns in the order of the sort menu: those shown, then the others. */
export function sortChoices(
  state: Pick<SessionState, 'templates' | 'template' | 'columns' | 'groupBy' | 'watch'>,
): string[] {
  const shown = shownColumns(state);
  const all = templateOf(state.templates, state.template).columns.map((column) => column.name);
  return [...shown, ...all.filter((name) => !shown.includes(name))];
}

function templateOf(templates: ReadonlyMap<string, Template>, name: string): Template {
  const template = templates.get(name);
  if (!template) throw new UsageError(`there is no template '${name}'; there are ${[...templates.keys()].join(', ')}`);
  return template;
}

export function firstPlace(template: Template): Place {
  return {
    columns: template.show,
    sort: parseSort(template, template.sort),
    filterTexts: {},
    filters: {},
    switches: Object.fromEntries((template.switches ?? []).map(({ name, on }) => [name, on])),
    ungroup: false,
    search: null,
    where: '',
    cursor: null,
    top: 0,
    left: 0,
    widths: template.saved?.widths ?? {},
    follow: false,
    ...(template.saved?.group
      ? grouped(template, template.saved.group, template.show, parseSort(template, template.sort))
      : NO_GROUPING),
    ...NO_TREE,
    tree: template.saved?.tree ?? false,
  };
}

/** How the table that is looked at would be left now. */
export function placeOf(state: Place): Place {
  const { columns, sort, filterTexts, filters, switches, ungroup, search, where, cursor, top, left, follow } = state;
  const { widths, groupBy, ungrouped, watch, tree, folded } = state;
  const own = { columns, widths, sort, groupBy, ungrouped, watch, tree, folded };
  return { ...own, filterTexts, filters, switches, ungroup, search, where, cursor, top, left, follow };
}

/** The CPU is a column where each CPU has a row. */
function withCpu(template: Template, columns: readonly string[], ungroup: boolean): readonly string[] {
  if (!template.map) return columns;
  const rest = columns.filter((name) => name !== 'cpu');
  return ungroup ? [...rest.slice(0, 1), 'cpu', ...rest.slice(1)] : rest;
}

function checkSwitches(template: Template, switches: Readonly<Record<string, boolean>>): void {
  for (const name of Object.keys(switches)) {
    if (!template.switches?.some((each) => each.name === name)) {
      const names = template.switches?.map((each) => each.name).join(', ') || 'none';
      throw new UsageError(`${template.name} has no switch '${name}'; it has ${names}`);
    }
  }
}

/** Those that can be picked. */
export function byName(list: readonly Template[]): ReadonlyMap<string, Template> {
  return new Map(list.filter((t) => !t.internal).map((template) => [template.name, template]));
}

export function askedSlice(options: SessionOptions): Slice<AskedSlice> {
  return (set, get) => {
    const templates = byName(options.templates);
    const lookup = options.user ? { user: options.user } : {};

    function checkWhere(template: Template, text: string): string {
      options.checkWhere?.(text, template);
      return text.trim();
    }

    function parseFilters(template: Template, texts: FilterTexts): Pick<Place, 'filters' | 'filterTexts'> {
      const filters: Partial<Record<FilterName, Filters[FilterName]>> = {};
      const filterTexts: Partial<Record<FilterName, string>> = {};
      for (const [key, text] of Object.entries(texts)) {
        const name = key as FilterName;
        const ranges = parseRanges(name, text, lookup);
        if (ranges.length === 0) continue;
        if (!template.filters?.[name]) {
          const names = filterNames(template).join(', ') || 'nothing';
          throw new UsageError(
            `${template.name} cannot be filtered by ${FILTER_KINDS[name].help} (${name}); it can be by ${names}`,
          );
        }
        filters[name] = ranges;
        filterTexts[name] = text.trim();
      }
      return { filters: filters as Filters, filterTexts };
    }

    function start(): Pick<AskedSlice, keyof Place> {
      const template = templateOf(templates, options.template);
      const { sort, switches, ungroup } = options;
      const place = firstPlace(template);
      // What is asked for takes the place of what was saved.
      const groupBy = options.groupBy ?? (options.tree ? '' : place.groupBy);
      const columns = options.columns?.map((name) => checkColumn(template, name));
      const shown = columns ?? withCpu(template, place.columns, ungroup ?? false);
      if (switches) checkSwitches(template, switches);
      if (options.tree) checkTree(template);
      if (options.tree && groupBy) throw new UsageError('rows are either grouped or a tree: one of --group and --tree');
      if (ungroup && !ungroupedWord(template)) throw new UsageError(`${template.name} has no groups to take apart`);
      return {
        ...place,
        columns: shown,
        tree: options.tree ?? (groupBy === '' && place.tree),
        ...(groupBy
          ? grouped(template, groupBy, shown, place.ungrouped?.sort ?? place.sort, sort)
          : { ...NO_GROUPING, sort: sort ? parseSort(template, sort) : (place.ungrouped?.sort ?? place.sort) }),
        switches: { ...place.switches, ...switches },
        ungroup: ungroup ?? false,
        search: parseSearch(options.search ?? ''),
        where: checkWhere(template, options.where ?? ''),
        ...parseFilters(template, options.filters ?? {}),
      };
    }

    const current = () => templateOf(get().templates, get().template);

    /** In another order other rows are the first ones; a selected row stays in sight. */
    const untouchedAtTop = ({ cursor }: Place): Partial<Place> => (cursor ? {} : { top: 0 });

    function descendsAtFirst(column: string): boolean {
      const format = get().view?.columns.find((each) => each.name === column)?.format;
      return descendsFirst(format ?? columnOf(shownTemplate(get())!, column)?.as);
    }

    /** A place in a template that has changed: what it had of its own follows, what is not there any more goes. */
    function fitted(before: Template | undefined, template: Template, place: Place): Place {
      const first = firstPlace(template);
      const has = (name: string) => columnOf(template, name) !== undefined;
      const kept = <T>(get: () => T, otherwise: T): T => {
        try {
          return get();
        } catch (error) {
          if (error instanceof UsageError) return otherwise;
          throw error;
        }
      };
      const own = before ? firstPlace(before) : place;
      const columns = place.columns.join() === own.columns.join() ? [] : place.columns.filter(has);
      const sorted = formatSort(place.sort) !== formatSort(own.sort);
      const isGrouped = place.groupBy !== '' && has(place.groupBy);
      return {
        ...place,
        columns: columns.length > 0 ? columns : first.columns,
        ...(isGrouped
          ? grouped(template, place.groupBy, first.columns, first.sort)
          : { ...NO_GROUPING, sort: sorted ? keptSort(place.sort, has, first.sort) : first.sort }),
        switches: Object.fromEntries(Object.entries(first.switches).map(([n, on]) => [n, place.switches[n] ?? on])),
        widths: Object.fromEntries(Object.entries(place.widths).filter(([name]) => has(name))),
        ungroup: place.ungroup && ungroupedWord(template) !== undefined,
        tree: place.tree && template.tree !== undefined,
        where: kept(() => checkWhere(template, place.where), ''),
        ...kept(() => parseFilters(template, place.filterTexts), { filters: {}, filterTexts: {} }),
      };
    }

    return {
      ...start(),
      templates,
      template: options.template,
      interval: options.interval ?? 1000,
      maxCost: options.maxCost,
      paused: options.paused ?? false,
      netns: options.netns ?? 'self',
      marks: options.marks ?? true,
      order: options.order,
      places: new Map(),

      pick(name) {
        const state = get();
        if (name === state.template && state.trail.length === 0) return;
        // Of a trail only its beginning is remembered: what was entered was about a row.
        const { template, place } = state.trail[0] ?? { template: state.template, place: placeOf(state) };
        const places = new Map(state.places).set(template, place);
        const next = places.get(name) ?? firstPlace(templateOf(state.templates, name));
        set({ ...next, template: name, trail: [], awaited: null, places, view: null, error: '' });
      },
      setTemplates(list) {
        const state = get();
        const next = byName(list);
        const places = new Map<string, Place>();
        for (const [name, place] of state.places) {
          const template = next.get(name);
          if (template) places.set(name, fitted(state.templates.get(name), template, place));
        }
        // Where a table of the trail is gone, there is no way back past it.
        const gone = state.trail.findLastIndex((step) => !next.has(step.template));
        const trail = state.trail.slice(gone + 1).map((step) => ({
          ...step,
          place: fitted(state.templates.get(step.template), next.get(step.template)!, step.place),
        }));
        const before = state.templates.get(state.template);
        const template = next.get(state.template) ?? next.values().next().value!;
        if (JSON.stringify(template) === JSON.stringify(before)) return set({ templates: next, places, trail });
        const same = template.name === state.template;
        const place = same ? fitted(before, template, state) : (places.get(template.name) ?? firstPlace(template));
        const { columns, widths, sort, filterTexts, filters, switches, ungroup, search, where } = place;
        const { groupBy, ungrouped, watch, tree, folded } = place;
        set({
          ...{ groupBy, ungrouped, watch, tree, folded },
          ...{ columns, widths, sort, filterTexts, filters, switches, ungroup, search, where, templates: next, places },
          ...{ template: template.name, trail: same ? trail : [], awaited: null },
          ...{ cursor: null, top: 0, left: 0, panes: [], view: null, error: '' },
        });
      },
      sortBy(column) {
        set(({ sort }) => ({
          ...untouchedAtTop(get()),
          sort: [sort.find((key) => key.column === column) ?? { column, descending: descendsAtFirst(column) }],
        }));
      },
      alsoSortBy(column) {
        set(({ sort }) => ({ ...untouchedAtTop(get()), sort: alsoBy(sort, column, descendsAtFirst(column)) }));
      },
      shiftSort(by) {
        const { sort, view, sortBy } = get();
        const absent = new Set(view?.columns.filter((column) => column.absent !== '').map((column) => column.name));
        const choices = shownColumns(get()).filter((name) => !absent.has(name));
        const next = choices[Math.max(0, choices.indexOf(sort[0].column) + by)];
        if (next !== undefined && next !== sort[0].column) sortBy(next);
      },
      invertSort() {
        set(({ sort }) => ({ ...untouchedAtTop(get()), sort: inverted(sort) }));
      },
      setFilters(texts) {
        set(parseFilters(current(), texts));
      },
      parseFilter(name, text) {
        return parseRanges(name, text, lookup);
      },
      checkWhere,
      setSearch(text) {
        set({ search: parseSearch(text) });
      },
      setWhere(text) {
        set({ where: checkWhere(current(), text) });
      },
      setInterval(ms) {
        set({ interval: Math.max(MIN_INTERVAL, Math.min(ms, MAX_INTERVAL)) });
      },
      stepInterval(direction) {
        set(({ interval }) => ({ interval: stepInterval(interval, direction) }));
      },
      togglePause() {
        set(({ paused }) => ({ paused: !paused }));
      },
      toggleSwitch(name) {
        const { switches } = get();
        if (switches[name] === undefined) set({ notice: `${get().template} has no ${name} to hide` });
        else set({ switches: { ...switches, [name]: !switches[name] } });
      },
      nextOrder() {
        const { name, order: own } = current();
        if (own === undefined) return set({ notice: `${name} is walked in one order only` });
        if (get().replay) return set({ notice: 'a recording has the order that it was made in' });
        const at = WALK_ORDERS.indexOf(get().order ?? own);
        set({ order: WALK_ORDERS[(at + 1) % WALK_ORDERS.length] });
      },
      toggleUngroup() {
        const template = current();
        const { name } = template;
        if (get().replay) set({ notice: notRecordedApart(template, get().ungroup) });
        else if (ungroupedWord(template))
          set(({ ungroup, columns }) => ({ ungroup: !ungroup, columns: withCpu(template, columns, !ungroup) }));
        else set({ notice: `the rows of ${name} are not grouped: nothing to take apart` });
      },
    };
  };
}
