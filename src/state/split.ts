/** Two tables at once: what the second one can be, and how it stays about the row that is selected in the first. */
import { didYouMean, nearest } from '../bpf/nearest.ts';
import { columnOf, type Related, type Template, UsageError } from '../templates/template.ts';
import { columnsOfWay, labelColumns, labelOf, narrow, waysOf } from './related.ts';
import type { Session, SessionState, Slice } from './session.ts';
import { chosenRow, openWays } from './trail.ts';
import type { TargetInfo } from './view.ts';

export interface SplitChoice {
  readonly template: string;
  readonly word: string;
  readonly help: string;
  /** How it is found from the selected row; null: the whole table, whatever is selected. */
  readonly way: Related | null;
}

export interface SplitPane {
  readonly name: 'split';
  /** Chosen line. */
  readonly index: number;
  readonly choices: readonly SplitChoice[];
}

export interface SplitSlice {
  /** Columns that are read for the table beside this one. */
  readonly followed: { readonly template: string; readonly columns: readonly string[] } | null;
  /** Of a table that is about a row of another one: which, or why there is nothing to show; null: of its own. */
  readonly about: { readonly row: string; readonly nothing: string } | null;

  openSplit(choices: readonly SplitChoice[]): void;
}

/** What can be seen beside this table: what its rows lead to, then every other table. */
export function splitChoices(state: SessionState, targets: readonly TargetInfo[]): SplitChoice[] {
  const ways = openWays(state).flatMap(({ way }): SplitChoice[] =>
    'map' in way
      ? []
      : [{ template: way.template, word: way.word, help: `${way.template}: follows the selected row`, way }],
  );
  const tables = targets
    .filter(({ unavailable }) => unavailable === '')
    .map(({ template, help }): SplitChoice => ({ template, word: template, help, way: null }));
  return [...ways, ...tables];
}

/** What a recorded table can be beside another one: what its rows lead to, as far as that was recorded, or the whole of it. */
export function recordedChoices(first: Template, second: Template, ungroup: boolean, word = ''): SplitChoice[] {
  const ways = waysOf(first).flatMap((way): SplitChoice[] => {
    const leads = !('map' in way) && way.template === second.name && (way.ungroup ?? ungroup) === ungroup;
    if (!leads || !columnsOfWay(way).every((name) => columnOf(first, name))) return [];
    return [{ template: second.name, word: way.word, help: `${second.name}: follows the selected row`, way }];
  });
  // As it was seen, first.
  ways.sort((a, b) => Number(slug(b.word) === word) - Number(slug(a.word) === word));
  const whole: SplitChoice = { template: second.name, word: second.name, help: second.help, way: null };
  const followed = ways.some((way) => slug(way.word) === word);
  return followed ? [...ways, whole] : [whole, ...ways];
}

/** As a part of a file's name. */
const slug = (word: string) => word.replaceAll(/[^\w-]+/g, '-');

/** What the file of a recording calls the second table. */
export const recordedWord = ({ template, word, way }: SplitChoice) => (way ? slug(word) : `all-${template}`);

/** `--split files`: by its word or the table's name, what follows the row first. @throws UsageError */
export function splitChoice(state: SessionState, choices: readonly SplitChoice[], name: string): SplitChoice {
  const found =
    choices.find(({ word, way }) => way && word === name) ??
    choices.find(({ template, way }) => way && template === name && template !== state.template) ??
    choices.find(({ template, way }) => !way && template === name);
  if (found) return found;
  const words = [...new Set(choices.flatMap(({ word, template }) => [word, template]))];
  const near = nearest(name, words);
  throw new UsageError(`--split ${name}: there is no such table beside ${state.template}${didYouMean(near)}`);
}

export const splitSlice: Slice<SplitSlice> = (set) => ({
  followed: null,
  about: null,

  openSplit(choices) {
    set(({ panes }) => ({ panes: [...panes, { name: 'split', index: 0, choices }] }));
  },
});

/** Milliseconds that the selection has to rest before the other table is asked anew. */
const REST = 150;

/** Keeps `second` about the selected row of `first` until the returned function is called. */
export function follow(first: Session, second: Session, way: Related): () => void {
  const template = first.getState().template;
  const columns = [...new Set([...columnsOfWay(way), ...labelColumns(first.getState().templates.get(template))])];
  let timer: NodeJS.Timeout | undefined;
  let shown = '';
  /** Whether it was paused before there was nothing to show. */
  let resume: boolean | undefined;

  function update(): void {
    const state = first.getState();
    const other = second.getState();
    // Either of them may look at something else for a while.
    if (state.template !== template || (shown !== '' && (other.template !== way.template || other.trail.length > 0)))
      return;
    const nothing = (why: string, row = '') => {
      if (why === shown) return;
      shown = why;
      resume ??= other.paused;
      second.setState({ about: { row, nothing: why }, view: null, error: '', paused: true });
    };
    const from = chosenRow(state);
    if (!from) {
      nothing('No row is selected in the other table.');
      return;
    }
    const read = new Set(from.view.details.map(({ name }) => name));
    if (!columns.every((name) => read.has(name))) return;
    const row = labelOf(state.templates.get(template), from.view, from.row);
    const narrowed = narrow(way, from.view, from.row);
    if ('without' in narrowed) {
      nothing(`No ${way.word}: ${row || 'the selected row'} has no ${narrowed.without}.`, row);
      return;
    }
    const key = JSON.stringify([row, narrowed]);
    if (key === shown) return;
    const { show, ungroup = other.replay?.ungroup ?? false } = way;
    const target = other.templates.get(way.template);
    if (!target) return;
    const mine = shown === '' && show ? { columns: show } : {};
    shown = key;
    other.visit(target, { ...narrowed, ungroup, ...mine });
    // The way here is the other table's.
    second.setState({ about: { row, nothing: '' }, paused: resume ?? other.paused, trail: [] });
    resume = undefined;
  }

  first.setState({ followed: { template, columns } });
  if (!first.getState().cursor) first.getState().move(0);
  const unsubscribe = first.subscribe((state, before) => {
    if (state.view === before.view && state.cursor === before.cursor && state.template === before.template) return;
    // What comes in the meantime counts; a table that is refreshed more often than that is followed all the same.
    timer ??= setTimeout(() => {
      timer = undefined;
      update();
    }, REST);
  });
  update();
  return () => {
    clearTimeout(timer);
    unsubscribe();
    first.setState({ followed: null });
  };
}
