/** The details of one object: its columns, the kernel's struct, and how its numbers went. Pure steps between states. */
import type { StructLine } from '../templates/struct-tree.ts';
import { inTime } from './deadline.ts';
import { frozenRow } from './frozen-view.ts';
import { type History, hasMoved, withSample } from './history.ts';
import type { Search } from './question.ts';
import { searchRegExp } from './search.ts';
import type { StructAnswer, StructQuestion } from './struct-reader.ts';
import type { View } from './view.ts';

export const DETAIL_PARTS = ['columns', 'structure', 'history'] as const;
export type DetailPart = (typeof DETAIL_PARTS)[number];

export interface DetailPane {
  readonly name: 'detail';
  /** Chosen line of the part that is seen. */
  readonly index: number;
  readonly key: string;
  /** Where the object was last seen. */
  readonly view: View;
  readonly row: number;
  readonly gone: boolean;
  readonly part: DetailPart;
  /** Chosen lines of the other parts. */
  readonly left: Partial<Readonly<Record<DetailPart, number>>>;
  /** What is searched for in all parts; null for nothing. */
  readonly wanted: Search | null;
  /** Cells at the last refresh, and those columns that had another one at the refresh before. */
  readonly cells: ReadonlyMap<string, string>;
  readonly changed: ReadonlySet<string>;
  readonly history: History;
  readonly structure: Structure;
}

interface Structure {
  /** See StructQuestion. */
  readonly path: string;
  /** Structs that one came from, as they were left. */
  readonly trail: readonly { readonly index: number; readonly structure: Structure }[];
  /** null until the first one comes. */
  readonly answer: StructAnswer | null;
  /** Keys of lines whose members are shown. */
  readonly unfolded: ReadonlySet<string>;
  readonly zeros: boolean;
  /** Keys of lines with another value than at the refresh before, and of what they are in. */
  readonly changed: ReadonlySet<string>;
}

/** One line of the part that is seen. */
export type DetailLine =
  | { readonly kind: 'column'; readonly column: number }
  | { readonly kind: 'member'; readonly line: StructLine; readonly at: number }
  | { readonly kind: 'other'; readonly path: string; readonly type: string };

const NOTHING: ReadonlySet<string> = new Set();
const AT_FIRST: Structure = { path: '', trail: [], answer: null, unfolded: NOTHING, zeros: false, changed: NOTHING };

export function openedDetail(key: string, view: View, row: number): DetailPane {
  const pane: DetailPane = {
    ...{ name: 'detail', index: 0, key, view, row, gone: false, part: 'columns', left: {}, wanted: null },
    ...{ cells: cellsOf(view, row), changed: NOTHING, history: withSample(new Map(), view, row), structure: AT_FIRST },
  };
  return pane;
}

function cellsOf(view: View, row: number): ReadonlyMap<string, string> {
  return new Map(view.details.map((column) => [column.name, column.absent === '' ? view.cell(row, column) : '']));
}

/** What a view says of the object. One of the same refresh, only sorted or searched otherwise, changes nothing else. */
export function refreshed(pane: DetailPane, view: View): DetailPane {
  const row = view.rowOf(pane.key);
  if (row < 0) {
    // A view is memory that later refreshes write to: what is kept of it has to be copied.
    return pane.gone ? pane : { ...pane, view: frozenRow(pane.view, pane.row), row: 0, gone: true, changed: NOTHING };
  }
  const seen: DetailPane = { ...pane, view, row, gone: false };
  if (view.stats.begin === pane.view.stats.begin && view.stats.sessionId === pane.view.stats.sessionId) return seen;
  const cells = cellsOf(view, row);
  const changed = [...cells].filter(([name, cell]) => (pane.cells.get(name) ?? cell) !== cell).map(([name]) => name);
  // Back in a recording: what comes after is not known yet, and has changed nothing.
  const back = (view.position?.index ?? 0) < (pane.view.position?.index ?? 0);
  const next = {
    ...{ ...seen, cells, changed: back ? NOTHING : new Set(changed) },
    history: withSample(back ? new Map() : pane.history, view, row),
  };
  return pane.part === 'history' ? keepingLine(pane, next) : next;
}

/** What the kernel is asked for; undefined while no one looks at the struct. */
export function structQuestion(pane: DetailPane, template: string): StructQuestion | undefined {
  return pane.part === 'structure' && !pane.gone ? { template, key: pane.key, path: pane.structure.path } : undefined;
}

/** An answer to an earlier question changes nothing. The marked line stays the marked one. */
export function answered(pane: DetailPane, answer: StructAnswer): DetailPane {
  const { structure } = pane;
  const before = structure.answer;
  if (answer.asked.key !== pane.key || answer.asked.path !== structure.path) return pane;
  const sequel = before !== null && before.asked.path === answer.asked.path;
  // An object that is gone leaves what was last seen of it.
  if (answer.error !== '' && sequel && before.lines.length > 0) return pane;
  const same = sequel && before.type === answer.type;
  const changed = same ? changedKeys(before.lines, answer.lines) : NOTHING;
  const next = { ...pane, structure: { ...structure, answer, changed } };
  return pane.part === 'structure' ? keepingLine(pane, next) : next;
}

function changedKeys(before: readonly StructLine[], now: readonly StructLine[]): ReadonlySet<string> {
  const values = new Map(before.map(({ key, value }) => [key, value]));
  const changed = new Set<string>();
  for (const { key, value } of now) {
    if ((values.get(key) ?? value) === value) continue;
    for (let end = key.length; end > 0; end = key.lastIndexOf('/', end - 1)) changed.add(key.slice(0, end));
  }
  return changed;
}

/** `next` with the line marked that is marked in `pane`, or the one that it is in. */
function keepingLine(pane: DetailPane, next: DetailPane): DetailPane {
  const marked = linesOfDetail(pane)[pane.index];
  const lines = linesOfDetail(next);
  const index = marked ? lines.findIndex((line) => nameOf(line) === nameOf(marked)) : pane.index;
  if (index >= 0) return { ...next, index };
  const within = lines.findLastIndex((line) => nameOf(marked!).startsWith(`${nameOf(line)}/`));
  return { ...next, index: Math.max(0, Math.min(within >= 0 ? within : pane.index, lines.length - 1)) };
}

function nameOf(line: DetailLine): string {
  if (line.kind === 'column') return String(line.column);
  return line.kind === 'member' ? line.line.key : line.path;
}

export function linesOfDetail({ part, view, history, structure }: DetailPane): readonly DetailLine[] {
  if (part === 'columns') return view.details.map((_, column) => ({ kind: 'column', column }));
  if (part === 'structure') return structureLines(structure);
  return view.details.flatMap(({ name }, column) => (hasMoved(history.get(name)) ? [{ kind: 'column', column }] : []));
}

function structureLines({ answer, unfolded, zeros }: Structure): readonly DetailLine[] {
  const lines: DetailLine[] = [];
  const all = answer?.lines ?? [];
  for (let at = 0; at < all.length; ) {
    const line = all[at]!;
    const shown = zeros || !line.zero;
    if (shown) lines.push({ kind: 'member', line, at });
    at = shown && unfolded.has(line.key) ? at + 1 : line.end;
  }
  for (const { path, type } of answer?.others ?? []) lines.push({ kind: 'other', path, type });
  return lines;
}

export function withPart(pane: DetailPane, by: 1 | -1): DetailPane {
  const at = (DETAIL_PARTS.indexOf(pane.part) + by + DETAIL_PARTS.length) % DETAIL_PARTS.length;
  const part = DETAIL_PARTS[at]!;
  return { ...pane, part, left: { ...pane.left, [pane.part]: pane.index }, index: pane.left[part] ?? 0 };
}

/** Shows or hides the members of the marked line; `open` only shows, or only hides. Hides those around where it has none. */
export function folded(pane: DetailPane, open?: boolean): DetailPane {
  if (pane.part !== 'structure') return pane;
  const { structure } = pane;
  const lines = linesOfDetail(pane);
  const marked = lines[pane.index];
  if (marked?.kind !== 'member') return pane;
  const { line, at } = marked;
  const is = structure.unfolded.has(line.key);
  const branch = line.end > at + 1;
  if (open === false && !(branch && is)) {
    const around = lines.findLastIndex(
      (each, n) => n < pane.index && each.kind === 'member' && each.line.depth < line.depth,
    );
    return around < 0 ? pane : { ...pane, index: around };
  }
  if (!branch || is === open) return pane;
  const unfolded = new Set(structure.unfolded);
  if (is) unfolded.delete(line.key);
  else unfolded.add(line.key);
  return { ...pane, structure: { ...structure, unfolded } };
}

export function withZeros(pane: DetailPane): DetailPane {
  if (pane.part !== 'structure') return pane;
  const { structure } = pane;
  return keepingLine(pane, { ...pane, structure: { ...structure, zeros: !structure.zeros } });
}

/** The struct that the marked line leads to, or undefined. */
export function pathOfMarked(pane: DetailPane): string | undefined {
  const marked = pane.part === 'structure' ? linesOfDetail(pane)[pane.index] : undefined;
  if (marked?.kind === 'other') return marked.path;
  return marked?.kind === 'member' && marked.line.opens ? fullPath(pane, marked.line) : undefined;
}

/** A member as the source of a column; '' where it has no name of its own. */
export function fullPath({ structure }: DetailPane, { path }: StructLine): string {
  const root = structure.answer?.root ?? '';
  return path === '' || root === '' ? '' : `${root}->${path}`;
}

export function entered(pane: DetailPane, path: string): DetailPane {
  const { structure, index } = pane;
  const trail = [...structure.trail, { index, structure }];
  return { ...pane, index: 0, structure: { ...AT_FIRST, zeros: structure.zeros, path, trail } };
}

/** Back to the struct that this one was looked into from; the same pane where it is the first. */
export function cameBack(pane: DetailPane): DetailPane {
  const last = pane.structure.trail.at(-1);
  return pane.part === 'structure' && last ? { ...pane, ...last } : pane;
}

/** Milliseconds that keys may wait for what is found in one object. */
const KEY_MS = 500;

/**
 * The next (1) or previous (-1) line that matches, round and round, unfolded where it has to be. null: there is none.
 * @throws Error where that takes too long
 */
export function found(pane: DetailPane, wanted: Search, direction: 1 | -1): DetailPane | null {
  return inTime([wanted.pattern], () => foundLine(pane, wanted, direction), KEY_MS);
}

function foundLine(pane: DetailPane, wanted: Search, direction: 1 | -1): DetailPane | null {
  const pattern = searchRegExp(wanted);
  const matches = (text: string) => pattern.test(text) !== wanted.invert;
  if (pane.part !== 'structure') {
    const lines = linesOfDetail(pane);
    const { details, cell } = pane.view;
    const at = nextOf(lines.length, pane.index, direction, (n) => {
      const line = lines[n]!;
      const column = line.kind === 'column' ? details[line.column]! : undefined;
      return column !== undefined && matches(`${column.name} ${cell.call(pane.view, pane.row, column)} ${column.help}`);
    });
    return at < 0 ? null : { ...pane, index: at };
  }
  const { structure } = pane;
  const all = structure.answer?.lines ?? [];
  const marked = linesOfDetail(pane)[pane.index];
  const from = marked?.kind === 'member' ? marked.at : -1;
  const at = nextOf(all.length, from, direction, (n) => {
    const { name, value, type, zero } = all[n]!;
    return (structure.zeros || !zero) && matches(`${name} ${value} ${type}`);
  });
  if (at < 0) return null;
  const unfolded = new Set(structure.unfolded);
  all.forEach(({ key, end }, n) => {
    if (n < at && at < end) unfolded.add(key);
  });
  const next = { ...pane, structure: { ...structure, unfolded } };
  return { ...next, index: linesOfDetail(next).findIndex((line) => line.kind === 'member' && line.at === at) };
}

function nextOf(count: number, from: number, direction: 1 | -1, matches: (n: number) => boolean): number {
  for (let step = 1; step <= count; step++) {
    const n = (((from + direction * step) % count) + count) % count;
    if (matches(n)) return n;
  }
  return -1;
}
