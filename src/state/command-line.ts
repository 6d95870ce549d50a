/** The command line that gives the rows of the screen without one, derived from the session. */
import { withDependencies } from '../templates/columns.ts';
import { growthColumn } from '../templates/growth.ts';
import { columnOf, type Template } from '../templates/template.ts';
import { sanitize, textWidth } from '../templates/text.ts';
import { countColumn, groupsGrowth } from './grouping.ts';
import type { ProgramPart } from './inspect.ts';
import type { NetScope } from './namespaces.ts';
import { formatSearch } from './search.ts';
import type { SessionState } from './session.ts';
import { formatSort, keptSort, type Sort, sortColumns } from './sort.ts';

export type CommandState = Pick<
  SessionState,
  | 'templates'
  | 'template'
  | 'columns'
  | 'sort'
  | 'groupBy'
  | 'watch'
  | 'tree'
  | 'filterTexts'
  | 'switches'
  | 'ungroup'
  | 'search'
  | 'where'
  | 'netns'
  | 'order'
> & {
  /** Whole structs in place of columns. */
  readonly struct?: boolean;
};

/**
 * The words of `itertop dump ...`, each as the shell takes it.
 * @param files with templates, as the command line named them
 * @param hosts options that lead to hosts; a flag has no value
 */
export function commandLine(
  state: CommandState,
  files: readonly string[] = [],
  hosts: readonly (readonly [name: string, value: string])[] = [],
): string[] {
  const template = state.templates.get(state.template)!;
  const { filterTexts, search, where, order, netns, struct = false } = state;
  const { shown, sort } = withWatch(template, state);
  const columns = columnsText(template, shown, [...sortColumns(sort), ...wordsOf(where)]);
  const options: (readonly [name: string, value: string | undefined])[] = [
    ...hosts,
    ...files.map((file): [string, string] => ['template', file]),
    ['map', mapText(template)],
    ['columns', struct ? undefined : columns],
    ['group', state.groupBy || undefined],
    ['sort', struct ? undefined : formatSort(sort)],
    ...Object.entries(filterTexts),
    ['where', where || undefined],
    ['search', search ? formatSearch(search) : undefined],
    ['netns', template.netns ? netnsText(netns) : undefined],
    ['order', template.order && order],
  ];
  const words = options.flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (value === '') return [`--${name}`];
    // Behind a blank a value that begins with a dash would be taken for an option.
    return value.startsWith('-') ? [shellQuoted(`--${name}=${value}`)] : [`--${name}`, shellQuoted(value)];
  });
  const flags = (template.switches ?? [])
    .filter(({ name, on }) => state.switches[name] !== on)
    .map(({ name, on }) => `--${on ? 'no-' : ''}${name}`);
  return [
    'itertop',
    'dump',
    state.template,
    ...words,
    ...flags,
    ...(state.tree && state.groupBy === '' ? ['--tree'] : []),
    ...(state.ungroup ? ['--threads'] : []),
    ...(struct ? ['--struct'] : []),
  ];
}

/** Groups are watched where the table's own column for it is shown; without one there is no option for it. */
function withWatch(template: Template, { columns, sort, groupBy, watch }: CommandState) {
  if (groupBy === '' || !watch) return { shown: columns, sort };
  const grew = growthColumn(template);
  if (grew !== undefined) return { shown: columns.includes(grew) ? columns : [...columns, grew], sort };
  const largest: Sort = [{ column: countColumn(template), descending: true }];
  const { name } = groupsGrowth(template);
  return { shown: columns, sort: keptSort(sort, (column) => column !== name, largest) };
}

/** Which option of `itertop templates` prints a part of the pane of programs. */
const PART_OPTIONS: Readonly<Record<ProgramPart, string>> = {
  bytecode: '--plan',
  record: '--plan',
  verifier: '--log',
  kernel: '--xlated',
};

/** From the words for the rows those for what is said of the programs that read them. */
export function programCommand([program, , ...rest]: readonly string[], part: ProgramPart): string[] {
  return [program!, 'templates', ...rest, PART_OPTIONS[part]];
}

/**
 * What `--columns` takes for these columns, and for those made on the spot that they need.
 * @param alsoUsed columns that need not be shown
 */
export function columnsText(template: Template, columns: readonly string[], alsoUsed: readonly string[] = []): string {
  return columnItems(template, columns, alsoUsed).join();
}

export function columnItems(template: Template, columns: readonly string[], alsoUsed: readonly string[]): string[] {
  const made = (name: string) => columnOf(template, name)?.typed;
  const used = [...columns, ...alsoUsed.filter((name) => made(name) !== undefined)];
  const needed = withDependencies(template, used).filter((name) => made(name) !== undefined);
  return [...new Set([...columns, ...needed])].map((name) => made(name) ?? name);
}

const wordsOf = (text: string): string[] => text.match(/\w+/g) ?? [];

function netnsText(scope: NetScope): string {
  return typeof scope === 'string' ? scope : scope.join();
}

function mapText({ map }: Template): string | undefined {
  return map && (map.path ?? (map.byName ? map.name : String(map.id)));
}

/** A word as a POSIX shell reads it; with characters that no terminal should get as bash, zsh and ksh do. */
export function shellQuoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (sanitize(word) === word) return `'${word.replaceAll("'", "'\\''")}'`;
  const escaped = word.replace(/['\\]/g, '\\$&').replace(/[^\x20-\x7e]/gu, (c) => (sanitize(c) === c ? c : bytesOf(c)));
  return `$'${escaped}'`;
}

/** By its bytes: `\u` depends on the locale of the shell. Octal, as digits that follow would go on a `\x`. */
const bytesOf = (character: string) =>
  Array.from(Buffer.from(character), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');

/**
 * The words over lines of at most `width` cells that the shell takes for one. A word that no line has room for is broken,
 * too; what goes on of it begins in the first cell, as blanks would part it.
 */
export function shellLines(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && textWidth(line) + textWidth(word) + 3 <= width) {
      line += ` ${word}`;
      continue;
    }
    if (line !== '') lines.push(`${line} \\`);
    const pieces = shellPieces(word, width - 4);
    if (line !== '') pieces[0] = `  ${pieces[0]}`;
    line = pieces.pop()!;
    lines.push(...pieces.map((piece) => `${piece}\\`));
  }
  return [...lines, line];
}

/** A word in pieces of at most `room` cells, each quoted as all of it: broken behind a blank or a comma, if it has any there. */
function shellPieces(word: string, room: number): string[] {
  if (textWidth(word) <= room) return [word];
  const open = /^(\$?')?/.exec(word)![0];
  const close = open.slice(-1);
  // What stands for a character stays together.
  const characters = open === "'" ? /'\\''|./gsu : /\\[0-7]{3}|\\?./gsu;
  const units = word.slice(open.length, word.length - close.length).match(characters) ?? [''];
  const pieces: string[] = [];
  for (let from = 0, to = 0; from < units.length; from = to) {
    let left = room - open.length - close.length;
    do left -= textWidth(units[to++]!);
    while (to < units.length && textWidth(units[to]!) <= left);
    const gap = to < units.length ? units.slice(from, to).findLastIndex((unit) => unit === ' ' || unit === ',') : -1;
    if (gap >= 0) to = from + gap + 1;
    pieces.push(open + units.slice(from, to).join('') + close);
  }
  return pieces;
}
