/** The keys, as data: they drive the input, the help, the key bar and the README. */
import { type PaneName, panesOf, takesText } from '../state/panes.ts';
import type { Key } from './keys.ts';

interface Binding<A extends string> {
  readonly action: A;
  readonly keys: readonly Key[];
  readonly help: string;
  /** Word of the key bar; not there without one. */
  readonly bar?: string;
}

interface Section<A extends string> {
  readonly title: string;
  readonly where: readonly PaneName[];
  readonly bindings: readonly Binding<A>[];
}

const LISTS = panesOf('list');
const TYPING = panesOf('form');
const ANSWERS = panesOf('answer');
const READING: readonly PaneName[] = ['table', ...LISTS];

/** Keeps the names of the actions as a type. */
const keymap = <A extends string>(sections: readonly Section<A>[]) => sections;

/** In the order of the key bar and the help. While typing, a printable key is text and none of these. */
export const KEYMAP = keymap([
  {
    title: 'Anywhere',
    where: [...READING, ...TYPING, 'prompt', ...ANSWERS],
    bindings: [
      { action: 'help', keys: ['?', 'f1', 'h'], help: 'the keys that work here', bar: 'Help' },
      { action: 'quit', keys: ['q', 'f10', 'ctrl-c'], help: 'quit', bar: 'Quit' },
    ],
  },
  {
    title: 'Choosing',
    where: ['picker', 'split', 'sort', 'group'],
    bindings: [{ action: 'accept', keys: ['enter'], help: 'take the marked line', bar: 'Take' }],
  },
  {
    title: 'Sort menu',
    where: ['sort'],
    bindings: [
      { action: 'alsoSort', keys: ['a'], help: 'also sort by this column; again: inverted, then not', bar: 'Add' },
    ],
  },
  {
    title: 'Columns',
    where: ['columns'],
    bindings: [
      { action: 'toggleColumn', keys: [' ', 'enter'], help: 'show the column, or hide it', bar: 'Show' },
      { action: 'columnLeft', keys: ['<', 'left'], help: 'move the column to the left' },
      { action: 'columnRight', keys: ['>', 'right'], help: 'move the column to the right' },
      { action: 'wider', keys: ['+'], help: 'wider column' },
      { action: 'narrower', keys: ['-'], help: 'narrower column' },
      { action: 'saveAs', keys: ['s'], help: 'save the table as a template of your own', bar: 'Save' },
      { action: 'structs', keys: ['b'], help: "browse the kernel's structures for a new column", bar: 'Structures' },
      { action: 'fitWidth', keys: ['0'], help: 'as wide as its cells' },
    ],
  },
  {
    title: 'Details',
    where: ['detail'],
    bindings: [
      { action: 'nextPart', keys: ['tab'], help: "next part: columns, the kernel's structure, history", bar: 'Part' },
      { action: 'previousPart', keys: ['shift-tab'], help: 'previous part' },
      {
        action: 'lookInto',
        keys: ['enter'],
        help: 'look into what a pointer leads to; fold or unfold members',
        bar: 'Open',
      },
      { action: 'fold', keys: ['z'], help: 'fold or unfold members' },
      { action: 'unfoldOne', keys: ['right'], help: 'unfold members' },
      { action: 'foldOne', keys: ['left'], help: 'fold members, or go to the line that this one is in' },
      { action: 'lookBack', keys: ['backspace'], help: 'back to the structure before' },
      { action: 'zeros', keys: ['0'], help: 'show or hide members that are zero' },
      {
        action: 'addColumn',
        keys: ['a'],
        help: 'show the marked column, or member of the structure, in the table',
        bar: 'Column',
      },
      { action: 'find', keys: ['/', 'f3'], help: 'search names and values', bar: 'Find' },
      { action: 'nextMatch', keys: ['n'], help: 'next line that matches' },
      { action: 'previousMatch', keys: ['N'], help: 'previous line that matches' },
    ],
  },
  {
    title: 'Program',
    where: ['program'],
    bindings: [
      { action: 'nextProgram', keys: ['right', '>'], help: "the programs of the table's joins" },
      { action: 'previousProgram', keys: ['left', '<'], help: 'the program before' },
      { action: 'nextLine', keys: ['n', 'enter'], help: 'next line that has what was typed', bar: 'Next' },
      { action: 'previousLine', keys: ['N'], help: 'the one before' },
      { action: 'narrow', keys: ['/'], help: 'find a line: a column, an instruction, a word', bar: 'Find' },
      { action: 'command', keys: ['Y'], help: 'the command line that prints this part, also copied', bar: 'Command' },
    ],
  },
  {
    title: "The kernel's structures",
    where: ['structs'],
    bindings: [
      {
        action: 'enterMember',
        keys: ['enter'],
        help: 'look into a struct or pointer; show a value as a column',
        bar: 'Take',
      },
      { action: 'addMember', keys: ['a'], help: 'show the member as a column' },
      { action: 'intoMember', keys: ['right'], help: 'look into the member', bar: 'Into' },
      { action: 'outOfStruct', keys: ['left'], help: 'out of the structure', bar: 'Out' },
      { action: 'outOfStruct', keys: ['backspace'], help: 'out of the structure, to where one came from' },
    ],
  },
  {
    title: 'Finding in a list',
    where: ['columns', 'structs', 'picker', 'help'],
    bindings: [{ action: 'narrow', keys: ['/'], help: 'narrow the list to what is typed', bar: 'Find' }],
  },
  {
    title: 'Going anywhere',
    where: READING,
    bindings: [
      { action: 'prompt', keys: [':'], help: 'type a table to go to, as in tcp 443, or an action', bar: 'Go' },
    ],
  },
  {
    title: 'Command line',
    where: ['prompt'],
    bindings: [
      { action: 'complete', keys: ['tab'], help: 'complete what is typed; again for the next completion' },
      { action: 'completeBack', keys: ['shift-tab'], help: 'the completion before' },
      { action: 'earlier', keys: ['up'], help: 'what was typed before' },
      { action: 'later', keys: ['down'], help: 'what was typed after that' },
    ],
  },
  {
    title: 'Typing in several lines',
    where: TYPING,
    bindings: [
      { action: 'up', keys: ['up'], help: 'line above' },
      { action: 'down', keys: ['down'], help: 'line below' },
    ],
  },
  {
    title: 'Typing',
    where: [...TYPING, 'prompt'],
    bindings: [
      { action: 'accept', keys: ['enter'], help: 'apply what is typed', bar: 'Apply' },
      { action: 'left', keys: ['left'], help: 'a character to the left; in a choice, the one before' },
      { action: 'right', keys: ['right'], help: 'a character to the right; in a choice, the next one' },
      { action: 'first', keys: ['home', 'ctrl-a'], help: 'start of the line' },
      { action: 'last', keys: ['end', 'ctrl-e'], help: 'end of the line' },
      { action: 'erase', keys: ['backspace'], help: 'erase the character before' },
      { action: 'delete', keys: ['delete', 'ctrl-d'], help: 'erase the character under the cursor' },
      { action: 'eraseWord', keys: ['ctrl-w'], help: 'erase the word before' },
      { action: 'eraseAll', keys: ['ctrl-u'], help: 'erase the line', bar: 'Clear' },
    ],
  },
  {
    title: 'Overwriting a file',
    where: ['overwrite'],
    bindings: [
      { action: 'overwrite', keys: ['y'], help: 'overwrite the file', bar: 'Yes' },
      { action: 'back', keys: ['n'], help: 'choose another name', bar: 'No' },
    ],
  },
  {
    title: 'Going back',
    where: [...LISTS, ...TYPING, 'prompt', ...ANSWERS],
    bindings: [{ action: 'back', keys: ['escape'], help: 'back; what was typed is forgotten', bar: 'Back' }],
  },
  {
    title: 'Panes',
    where: [...READING.filter((pane) => pane !== 'detail'), ...TYPING],
    bindings: [
      {
        action: 'nextPane',
        keys: ['tab'],
        help: 'next pane: table, views, filter; next line or part of a pane',
      },
      { action: 'previousPane', keys: ['shift-tab'], help: 'previous pane or line' },
    ],
  },
  {
    title: 'Table',
    where: ['table'],
    bindings: [
      { action: 'picker', keys: ['v', 'f2'], help: 'choose what to view: tasks, sockets, files, ...', bar: 'Views' },
      {
        action: 'search',
        keys: ['/', 'f3'],
        help: 'keep the rows that match a regular expression; ! inverts',
        bar: 'Search',
      },
      { action: 'filter', keys: ['f', 'f4'], help: 'filter in the kernel by process, port or user', bar: 'Filter' },
      {
        action: 'where',
        keys: ['w'],
        help: 'type a condition over columns, as in rxq > 64K && state == LISTEN',
        bar: 'Where',
      },
      { action: 'columns', keys: ['c'], help: 'choose, order and resize the columns', bar: 'Columns' },
      {
        action: 'program',
        keys: ['p'],
        help: 'the program that reads this table, as the kernel has it',
        bar: 'Program',
      },
      { action: 'sort', keys: ['s', 'f6'], help: 'choose the column to sort by', bar: 'Sort' },
      { action: 'tree', keys: ['t'], help: 'show each row under its parent, as a tree; again: as a list', bar: 'Tree' },
      { action: 'foldRow', keys: ['z'], help: 'in a tree: hide what hangs below the row, or show it again' },
      { action: 'group', keys: ['b'], help: 'group by a column: one row for each value, with totals', bar: 'Group' },
      {
        action: 'open',
        keys: ['enter'],
        help: 'all that is known of the selected row; of a BPF map its elements',
        bar: 'Details',
      },
      { action: 'detail', keys: ['d'], help: 'all that is known of the selected row, also of a BPF map' },
      { action: 'sortLeft', keys: ['<'], help: 'sort by the column on the left' },
      { action: 'sortRight', keys: ['>'], help: 'sort by the column on the right' },
      { action: 'nextFound', keys: ['n'], help: 'next row that was found' },
      { action: 'previousFound', keys: ['N'], help: 'previous row that was found' },
      { action: 'mark', keys: ['m'], help: 'mark the selected row, or take its mark away', bar: 'Mark' },
      { action: 'onlyMarked', keys: ['M'], help: 'show only marked rows, or all again' },
      {
        action: 'compare',
        keys: ['C'],
        help: 'keep these rows; show what has changed since; all rows again',
        bar: 'Compare',
      },
      {
        action: 'leaks',
        keys: ['L'],
        help: 'leak watch: what grew, in how many samples in a row',
      },
      { action: 'exact', keys: ['x'], help: 'numbers with all their digits, in the units of exports' },
      { action: 'follow', keys: ['F'], help: 'keep the selected row at its line of the screen' },
      { action: 'kernelThreads', keys: ['K'], help: 'hide or show kernel threads' },
      { action: 'nextOrder', keys: ['O'], help: 'cgroup: the next order to walk the hierarchy in' },
      { action: 'threads', keys: ['H'], help: 'show threads, or whole processes; each CPU of a per-CPU map' },
      { action: 'interval', keys: ['i'], help: 'type the refresh interval' },
      { action: 'left', keys: ['left'], help: 'scroll the columns to the left' },
      { action: 'right', keys: ['right'], help: 'scroll the columns to the right' },
      {
        action: 'back',
        keys: ['escape', 'backspace'],
        help: 'drop the search, go back a table, drop the selection and marks',
      },
    ],
  },
  {
    title: 'Two tables',
    where: ['table'],
    bindings: [
      { action: 'split', keys: ['o'], help: 'a second table beside this one, or no more; Tab changes', bar: 'Split' },
    ],
  },
  {
    title: 'Going on from a row',
    where: ['table', 'detail'],
    bindings: [
      {
        action: 'related',
        keys: ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
        help: 'what the row has to do with: its files, sockets, process, ...',
      },
    ],
  },
  {
    title: 'Refreshing',
    // There the space bar, + and - are about the column.
    where: READING.filter((pane) => pane !== 'columns'),
    bindings: [
      { action: 'pause', keys: [' ', 'Z'], help: 'pause, or go on', bar: 'Pause' },
      { action: 'refresh', keys: ['r', 'ctrl-r'], help: 'refresh now' },
      { action: 'slower', keys: ['+'], help: 'longer refresh interval; in a replay faster' },
      { action: 'faster', keys: ['-'], help: 'shorter refresh interval; in a replay slower' },
    ],
  },
  {
    title: 'In a recording',
    where: ['table', 'detail'],
    bindings: [
      { action: 'stepBack', keys: ['['], help: 'the refresh before' },
      { action: 'stepForward', keys: [']'], help: 'the next refresh' },
      { action: 'leapBack', keys: ['{'], help: 'ten refreshes back' },
      { action: 'leapForward', keys: ['}'], help: 'ten refreshes forward' },
      { action: 'jump', keys: ['T'], help: 'jump to a time: 14:03:22, +5m, 50%' },
      { action: 'when', keys: ['='], help: 'find when a condition comes true; = and Enter: the next time' },
    ],
  },
  {
    title: 'Keeping',
    where: ['table'],
    bindings: [
      { action: 'export', keys: ['e', 'ctrl-s'], help: 'write the rows to a file', bar: 'Export' },
      { action: 'save', keys: ['W'], help: 'save columns and order of this table in the settings file' },
      { action: 'record', keys: ['R'], help: 'record every refresh to a file, or end that', bar: 'Record' },
    ],
  },
  {
    title: 'Copying',
    where: ['table', 'detail'],
    bindings: [
      { action: 'copy', keys: ['y'], help: 'copy the selected row; in the details the marked value' },
      { action: 'command', keys: ['Y'], help: 'the command line that gives the same rows, also copied' },
    ],
  },
  {
    title: 'Sorting',
    where: ['table', 'sort'],
    bindings: [{ action: 'invert', keys: ['I'], help: 'sort the other way round' }],
  },
  {
    title: 'Moving',
    where: READING,
    bindings: [
      { action: 'up', keys: ['up', 'k'], help: 'row above' },
      { action: 'down', keys: ['down', 'j'], help: 'row below' },
      { action: 'pageUp', keys: ['pageup', 'ctrl-b'], help: 'page above' },
      { action: 'pageDown', keys: ['pagedown', 'ctrl-f'], help: 'page below' },
      { action: 'first', keys: ['home', 'g'], help: 'first row' },
      { action: 'last', keys: ['end', 'G'], help: 'last row' },
    ],
  },
  {
    title: 'Terminal',
    where: [...READING, ...TYPING, 'prompt', ...ANSWERS],
    bindings: [
      { action: 'redraw', keys: ['ctrl-l'], help: 'draw the screen anew' },
      { action: 'nextTheme', keys: ['ctrl-t'], help: 'next theme: colours for other backgrounds and eyes, or none' },
      { action: 'suspend', keys: ['ctrl-z'], help: 'suspend; fg in the shell goes on' },
    ],
  },
]);

export type Action = (typeof KEYMAP)[number]['bindings'][number]['action'];

const bindings = KEYMAP.flatMap((section) => section.bindings as readonly Binding<Action>[]);

/** Actions whose keys can be chosen, with what they do; not those to which each key means something else. */
export const ACTION_HELP: ReadonlyMap<Action, string> = new Map(
  bindings.filter(({ keys }) => !keys.includes('1')).map(({ action, help }) => [action, help]),
);

/** Other keys for actions, wherever these have some. */
export type OwnKeys = Partial<Readonly<Record<Action, readonly Key[]>>>;
type Sections = readonly Section<Action>[];

let sections: Sections = KEYMAP;

/** From now on these keys do it, in this thread. */
export function rebind(keys: OwnKeys): void {
  sections = withKeys(keys);
}

function withKeys(own: OwnKeys): Sections {
  return KEYMAP.map((section) => ({
    ...section,
    bindings: (section.bindings as readonly Binding<Action>[]).map((binding) => ({
      ...binding,
      keys: own[binding.action] ?? binding.keys,
    })),
  }));
}

/** What is wrong with keys that were chosen. */
export interface KeyProblem {
  readonly action: Action;
  /** undefined: it is missed. */
  readonly key: Key | undefined;
  readonly problem: string;
}

/** One key for two things in a pane, and panes that nothing leads out of. */
export function keyProblems(own: OwnKeys): KeyProblem[] {
  const problems: KeyProblem[] = [];
  const chosen = withKeys(own);
  const panes = new Set(KEYMAP.flatMap(({ where }) => where));
  const doing = (all: Sections, key: Key, pane: PaneName) =>
    all
      .filter(({ where }) => where.includes(pane))
      .flatMap((section) => section.bindings.filter(({ keys }) => live(keys, pane).includes(key)))
      .map(({ action }) => action);
  for (const [name, keys] of Object.entries(own)) {
    const action = name as Action;
    for (const key of keys ?? []) {
      for (const pane of panes) {
        const actions = doing(chosen, key, pane);
        const other = actions.includes(action) ? actions.find((each) => each !== action) : undefined;
        if (other === undefined || doing(KEYMAP as Sections, key, pane).includes(action)) continue;
        const where = pane === 'table' ? 'the table' : `the pane ${pane}`;
        problems.push({
          action,
          key,
          problem: `${keyLabel(key)} is taken by ${other}; give that another key (in ${where})`,
        });
        break;
      }
    }
  }
  for (const action of ['quit', 'back'] as const) {
    const can = (all: Sections, pane: PaneName) =>
      all.some(
        ({ where, bindings }) =>
          where.includes(pane) && bindings.some((each) => each.action === action && live(each.keys, pane).length > 0),
      );
    const missed = [...panes].find((pane) => can(KEYMAP as Sections, pane) && !can(chosen, pane));
    if (missed)
      problems.push({
        action,
        key: undefined,
        problem: `${action} needs a key that is no character: in ${missed} those are typed`,
      });
  }
  return problems;
}

function isPrintable(key: Key): boolean {
  return [...key].length === 1;
}

/** The keys of a binding that work in this pane. */
function live(keys: readonly Key[], pane: PaneName): Key[] {
  return takesText(pane) ? keys.filter((key) => !isPrintable(key)) : [...keys];
}

/** What a key does in a pane; undefined: nothing, or it is text (see textOf). */
export function actionOf(key: Key, pane: PaneName): Action | undefined {
  for (const { where, bindings } of sections) {
    if (!where.includes(pane)) continue;
    for (const { action, keys } of bindings) if (live(keys, pane).includes(key)) return action;
  }
  return undefined;
}

/** The text that a key types in a pane, if it does. */
export function textOf(key: Key, pane: PaneName): string | undefined {
  return takesText(pane) && isPrintable(key) ? key : undefined;
}

const WORDS: Readonly<Record<string, string>> = { escape: 'Esc', pageup: 'PgUp', pagedown: 'PgDn', ' ': 'Space' };

/** `Ctrl-S`, `F1`, `PgUp`, `Space`; characters as they are. */
export function keyLabel(key: Key): string {
  if (WORDS[key]) return WORDS[key];
  if (isPrintable(key)) return key;
  return key.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
}

/** Label of the key that does this in this pane. */
export function keyOf(action: Action, pane: PaneName): string {
  const here = sections.filter(({ where }) => where.includes(pane));
  const keys = here.flatMap(({ bindings }) => bindings.filter((binding) => binding.action === action))[0]?.keys;
  return keyLabel(live(keys ?? [], pane)[0] ?? '');
}

export type KeyRow = readonly [keys: string, help: string];

/** `Esc Backspace`; digits that follow one another as `1..9`. */
function labelOf(keys: readonly Key[]): string {
  const [first = '', last = ''] = [keys[0], keys.at(-1)];
  const digits = keys.length > 2 && keys.every((key, index) => key === String(Number(first) + index));
  return digits ? `${first}..${last}` : keys.map(keyLabel).join(' ');
}

function rows(section: Sections[number], pane?: PaneName): KeyRow[] {
  return section.bindings
    .map(({ keys, help }): KeyRow => [labelOf(pane ? live(keys, pane) : keys), help])
    .filter(([keys]) => keys !== '');
}

/**
 * The help of a pane: what works there, then the rest; a row without a key is a heading.
 * @param find only rows that have this in them, under their headings; of a heading that has it, all
 */
export function helpRows(pane: PaneName, find = ''): KeyRow[] {
  const wanted = find.toLowerCase();
  const has = (row: KeyRow) => row.some((text) => text.toLowerCase().includes(wanted));
  const headed = (title: string, all: KeyRow[]): KeyRow[] => {
    const heading: KeyRow = ['', title];
    const found = has(heading) ? all : all.filter(has);
    return found.length > 0 || wanted === '' ? [heading, ...found] : [];
  };
  const here = sections.filter(({ where }) => where.includes(pane));
  const elsewhere = sections.filter(({ where }) => !where.includes(pane));
  return [
    ...here.flatMap((section) => headed(section.title, rows(section, pane))),
    ...elsewhere.flatMap((section) => headed(`${section.title} (not here)`, rows(section))),
  ];
}

/** Where room is short the last ones of the key bar go: most needed first, what is a pane's own between these. */
const FIRST: readonly Action[] = ['help', 'quit', 'picker', 'search', 'filter', 'sort', 'open', 'columns'];
const LAST: readonly Action[] = [
  ...(['pause', 'group', 'where', 'tree', 'prompt', 'split', 'program'] as const),
  ...(['export', 'record', 'compare', 'mark', 'command'] as const),
];

/** In a recording going through it comes after Help and Quit. */
const FIRST_RECORDED: readonly Action[] = [
  ...FIRST.slice(0, 2),
  ...(['pause', 'stepBack', 'stepForward', 'jump', 'when', 'split'] as const),
  ...FIRST.slice(2),
];
/** Words that the key bar has there only; '': there are one table, or two, and no program reads them. */
const RECORDED: Partial<Readonly<Record<Action, string>>> = {
  ...{ stepBack: 'Prev', stepForward: 'Next', jump: 'Jump', when: 'Find' },
  ...{ picker: '', program: '', record: '' },
};

/** What goes on: a live view, or a recording that runs or stands still. */
export type Time = 'live' | 'running' | 'still';

/** Labels of the key bar of a pane. @param two whether a second table can be shown */
export function barOf(
  pane: PaneName,
  time: Time,
  two = time === 'live',
): readonly { readonly key: string; readonly word: string }[] {
  const leading = time === 'live' ? FIRST : FIRST_RECORDED;
  const rankOf = (action: Action) => {
    const first = leading.indexOf(action);
    return first >= 0 ? first : leading.length + 1 + LAST.indexOf(action);
  };
  const wordOf = (action: Action, bar: string | undefined) => {
    if (action === 'split' && !two) return '';
    if (time === 'live') return bar;
    return action === 'pause' && time === 'still' ? 'Play' : (RECORDED[action] ?? bar);
  };
  return sections
    .filter(({ where }) => where.includes(pane))
    .flatMap(({ bindings }) =>
      bindings.flatMap(({ action, keys, bar }) => {
        const key = live(keys, pane)[0];
        const word = wordOf(action, bar);
        return word && key ? [{ key: keyLabel(key), word, rank: rankOf(action) }] : [];
      }),
    )
    .sort((a, b) => a.rank - b.rank)
    .map(({ key, word }) => ({ key, word }));
}
