/** What each action of the keymap does. */

import { notInCommand } from '../state/as-shown.ts';
import { filterNames, sortChoices } from '../state/asked.ts';
import { chosenColumn, columnChoices } from '../state/columns-pane.ts';
import { programCommand } from '../state/command-line.ts';
import { fullPath, linesOfDetail } from '../state/detail.ts';
import { fileStem } from '../state/file-name.ts';
import { groupLines } from '../state/group-pane.ts';
import { EDITS, insert, MOST_TYPED } from '../state/input.ts';
import { findOf } from '../state/narrowing.ts';
import { type ExportChoice, inputOfPane, type PaneName, takesText } from '../state/panes.ts';
import { pickerChoices } from '../state/picker.ts';
import { paneName, topPane } from '../state/place.ts';
import { programLines } from '../state/program-pane.ts';
import { nameFor } from '../state/save-template.ts';
import type { Session } from '../state/session.ts';
import type { SplitChoice } from '../state/split.ts';
import { chosenMember, memberLines } from '../state/structs-pane.ts';
import { chosenRow, openWays } from '../state/trail.ts';
import type { TargetInfo } from '../state/view.ts';
import { WhereError } from '../templates/where.ts';
import type { Columns } from './columns.ts';
import { type Command, commandsOf, completions, obey } from './commands.ts';
import { toCopy } from './copied.ts';
import { KERNEL_THREADS } from './empty.ts';
import { type Action, actionOf, helpRows, textOf } from './keymap.ts';
import { type Key, PASTED } from './keys.ts';
import { point, pointerOf } from './mouse.ts';
import { giveUp, REPLAY_ACTIONS, type ReplayEffects, submitReplay } from './replay-actions.ts';
import type { Themes } from './theme.ts';

/** What goes beyond the session. */
export interface Effects extends ReplayEffects {
  quit(): void;
  refresh(): void;
  suspend(): void;
  redraw(): void;
  /** Writes a file; says what it wrote. Rejects with code EEXIST where the file is there and overwrite is false. */
  exportView(choice: ExportChoice): Promise<string>;
  /** Writes the table as a template to the user's folder, and says so. Rejects as exportView does. */
  saveTemplate(name: string, overwrite: boolean): Promise<string>;
  /** Column -> why this kernel does not have it, of the table that is looked at. */
  absentColumns(): ReadonlyMap<string, string>;
  /** Has the table show a member of the kernel's, by its path; says so. Throws where that is no single value. */
  addColumn(path: string): string;
  /** Tells the terminal to take a text into its clipboard. Throws UsageError for one that is too long. */
  copy(text: string): void;
  /** Saves how the table looks, and says so. Rejects where that is not possible. */
  saveSettings(): Promise<string>;
  /** The words of the command line that gives the same rows. */
  commandLine(): readonly string[];
  /** Looks at the elements of a map, by its id, name or path. Throws where that is not possible. */
  openMap(map: string): void;
}

/** Two tables at once. */
export interface Split {
  /** Whether there are two. */
  readonly open: boolean;
  /** What the second one can be. */
  choices(): readonly SplitChoice[];
  /** Writes each refresh of both to files in a new folder; '' ends that. */
  record(folder: string): void;
  show(choice: SplitChoice): void;
  close(): void;
  /** Gives the keys to the other table. */
  turn(): void;
}

export interface Reach {
  readonly split: Split;
  readonly session: Session;
  /** What can be viewed, asked anew each time: templates come and go. */
  targets(): readonly TargetInfo[];
  readonly columns: Columns;
  readonly themes: Themes;
  readonly effects: Effects;
  /** Of two recordings side by side: the one that says at which moment both are. */
  readonly lead?: Reach;
}

/** Of a column that was not on the screen yet. */
const UNSEEN_WIDTH = 8;

/** The pane that the help is about. */
export function paneUnderHelp(session: ReturnType<Session['getState']>): PaneName {
  const help = session.panes.findLastIndex(({ name }) => name === 'help');
  return session.panes[help - 1]?.name ?? 'table';
}

/** Lines of the top pane that can be chosen. */
function linesOf({ session }: Reach): number {
  const state = session.getState();
  const pane = topPane(state);
  switch (pane?.name) {
    case 'picker':
      return pickerChoices(pane, findOf(state, pane)).length;
    case 'split':
      return pane.choices.length;
    case 'sort':
      return sortChoices(state).length;
    case 'group':
      return groupLines(state).length;
    case 'hosts':
      return state.view?.hosts?.length ?? 0;
    case 'structs':
      return memberLines(state, pane).length;
    case 'program':
      return programLines(pane).length;
    case 'columns':
      return columnChoices(state, pane.find).length;
    case 'help':
      return helpRows(paneUnderHelp(state), findOf(state, pane)).length;
    case 'detail':
      return linesOfDetail(pane).length;
    case 'filter':
      return pane.fields.length;
    case 'export':
      return 3;
    default:
      return 0;
  }
}

type Handler = (reach: Reach, key?: Key) => void;

/** Moves in the table, or in the list or form over it. */
function moving(over: Handler, by: (reach: Reach) => number): Handler {
  return (reach) => {
    const { session } = reach;
    if (paneName(session.getState()) === 'table') over(reach);
    else session.getState().choose(by(reach), linesOf(reach));
  };
}

const state = ({ session }: Reach) => session.getState();

function sideways(by: 1 | -1): Handler {
  return (reach) => {
    const { panes, scrollColumns, edit, turn } = state(reach);
    const pane = panes.at(-1);
    if (!pane) {
      if (by < 0 || reach.columns.more) scrollColumns(by);
    } else if (inputOfPane(pane)) edit(by < 0 ? EDITS.left : EDITS.right);
    else turn(by);
  };
}

/** First or last: of the rows, of the lines of a list, of the typed line. */
function toEnd(end: 'first' | 'last'): Handler {
  const far = moving(
    (reach) => state(reach).moveTo(end),
    (reach) => (end === 'first' ? -linesOf(reach) : linesOf(reach)),
  );
  return (reach) => {
    if (takesText(paneName(state(reach)))) state(reach).edit(EDITS[end]);
    else far(reach);
  };
}

/** The table, the picker and the filter, round and round; within a form its lines come first. */
function toPane(by: 1 | -1): Handler {
  return (reach) => {
    const { session } = reach;
    const now = state(reach);
    const pane = topPane(now);
    if (!pane && reach.split.open) return reach.split.turn();
    if (pane?.name === 'program') return now.turnProgramPart(by);
    if (pane?.name === 'columns') return now.openStructs();
    if (pane?.name === 'structs') return now.leaveStructs();
    if (pane?.name === 'filter' || pane?.name === 'export') {
      const next = pane.index + by;
      if (next >= 0 && next < linesOf(reach)) return now.choose(by, linesOf(reach));
    }
    const filterable = filterNames(now.templates.get(now.template)!).length > 0;
    const round: PaneName[] = filterable ? ['table', 'picker', 'filter'] : ['table', 'picker'];
    const at = round.indexOf(paneName(now));
    if (at < 0) return now.back();
    now.closeAll();
    const next = round[(at + by + round.length) % round.length];
    if (next === 'picker') openPicker(reach);
    if (next === 'filter') session.getState().openFilter();
  };
}

/** The rows of the selected group, or of the first one in sight. */
function enterGroup(reach: Reach): void {
  if (!state(reach).cursor) state(reach).move(0);
  const { cursor, enterGroup } = state(reach);
  if (cursor) enterGroup(cursor.row);
}

/** The rows of the selected group, the elements of the selected map, or else all that is known of the row. */
function open(reach: Reach): void {
  const { templates, template, view } = state(reach);
  if (view?.grouped) {
    enterGroup(reach);
    return;
  }
  const column = templates.get(template)?.elements;
  if (column === undefined || !view || view.count === 0) {
    state(reach).openDetail();
    return;
  }
  openElements(reach, column);
}

/** @param column with the id of a map */
function openElements(reach: Reach, column: string): void {
  if (!chosenRow(state(reach))) state(reach).move(0);
  const from = chosenRow(state(reach));
  if (!from) return;
  try {
    reach.effects.openMap(String(from.view.number(from.row, column)));
  } catch (error) {
    state(reach).notify((error as Error).message.split('\n')[0]!);
  }
}

/** The marked member of the kernel's struct becomes a column. */
function addColumn(reach: Reach): void {
  const pane = topPane(state(reach));
  if (pane?.name !== 'detail') return;
  const say = (text: string) => state(reach).notify(text.split('\n')[0]!);
  const marked = linesOfDetail(pane)[pane.index];
  if (marked?.kind === 'column') {
    const { name } = pane.view.details[marked.column]!;
    state(reach).gainColumn(name, [...state(reach).templates.values()]);
    say(`shown now: --columns '+${name}'`);
    return;
  }
  const path = marked?.kind === 'member' ? fullPath(pane, marked.line) : '';
  if (path === '') say('this line is no member that a column could show');
  else {
    try {
      say(reach.effects.addColumn(path));
    } catch (error) {
      say((error as Error).message);
    }
  }
}

/** Where the row leads that has this digit. */
const related: Handler = (reach, key) => {
  const ways = openWays(state(reach));
  const way = ways.find(({ digit }) => String(digit) === key)?.way;
  if (way === undefined) {
    const there = ways.map(({ digit, way: { word } }) => `${digit} ${word}`).join('  ');
    state(reach).notify(there === '' ? `a row of ${state(reach).template} leads nowhere` : `there are ${there}`);
  } else if ('map' in way) openElements(reach, way.map);
  else state(reach).take(way);
};

function openPicker(reach: Reach): void {
  state(reach).openPicker(reach.targets());
}

function take(reach: Reach, target: TargetInfo | undefined): void {
  const now = state(reach);
  if (!target) return;
  if (target.unavailable !== '') {
    now.notify(`${target.template} is not here: ${target.unavailable}`);
  } else {
    now.closeAll();
    now.pick(target.template);
  }
}

/** All that can be typed after `:` now. */
export function commands(reach: Reach): Command[] {
  return commandsOf(reach, (action) => ACTIONS[action](reach));
}

const linesFor = (reach: Reach) => (text: string) => completions(commands(reach), text).map(({ line }) => line);

/** What was typed after `:`. */
function command(reach: Reach, line: string): void {
  if (line.trim() === '') {
    state(reach).back();
    return;
  }
  const { panes } = state(reach);
  // What is to be done may need the table, or open a pane of its own.
  const all = commands(reach);
  state(reach).obeyed(line.trim());
  try {
    obey(all, line);
  } catch (error) {
    reach.session.setState({ panes });
    state(reach).refuse(error instanceof WhereError ? error.problem : (error as Error).message.split('\n')[0]!);
  }
}

function accept(reach: Reach): void {
  const now = state(reach);
  const pane = topPane(now);
  if (pane?.name === 'prompt') {
    command(reach, pane.input.text);
  } else if (pane?.name === 'split') {
    const choice = pane.choices[pane.index];
    now.back();
    if (!choice) return;
    try {
      reach.split.show(choice);
    } catch (error) {
      now.notify((error as Error).message.split('\n')[0]!);
    }
  } else if (pane?.name === 'picker') {
    take(reach, pickerChoices(pane, pane.find)[pane.index]);
  } else if (pane?.name === 'sort') {
    const column = sortChoices(now)[pane.index];
    if (column !== undefined) now.sortBy(column);
    now.back();
  } else if (pane?.name === 'group') {
    now.back();
    now.group(groupLines(now)[pane.index] ?? '');
  } else if (pane?.name === 'export') {
    const { format, rows, input } = pane;
    void writeFile(reach, { format, rows, path: input.text.trim(), overwrite: false });
  } else if (pane?.name === 'jump' || pane?.name === 'when') {
    submitReplay(reach, pane.name);
  } else if (pane?.name === 'saveas') {
    void writeTemplate(reach, pane.input.text.trim(), false);
  } else {
    now.submit();
  }
}

async function writeFile(reach: Reach, choice: ExportChoice): Promise<void> {
  if (choice.path === '') return state(reach).refuse('export: a file name is needed, as in rows.csv');
  try {
    const notice = await reach.effects.exportView(choice);
    if (paneName(state(reach)) === 'export') state(reach).back();
    state(reach).notify(notice);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (paneName(state(reach)) !== 'export') state(reach).notify(message);
    else if (code === 'EEXIST' && !choice.overwrite) state(reach).openOverwrite(choice);
    else state(reach).refuse(message);
  }
}

/** One cell more or less for the chosen column, from what it has now. */
function resize(by: 1 | -1): Handler {
  return (reach) => {
    const column = chosenColumn(state(reach));
    if (column === undefined) return;
    const now = state(reach).widths[column] ?? reach.columns.widthOf(column) ?? UNSEEN_WIDTH;
    state(reach).setWidth(column, now + by);
  };
}

function copy(reach: Reach): void {
  const copied = toCopy(state(reach));
  const said = copied
    ? refusal(() => reach.effects.copy(copied.text)) || `copied for the terminal's clipboard: ${copied.what}`
    : 'no row is selected to be copied: Down selects one';
  state(reach).notify(said);
}

function showCommand(reach: Reach): void {
  const pane = topPane(state(reach));
  const rows = reach.effects.commandLine();
  const words = pane?.name === 'program' ? programCommand(rows, pane.part) : rows;
  const without = notInCommand(state(reach));
  const copied = refusal(() => reach.effects.copy(words.join(' '))) || "copied for the terminal's clipboard";
  state(reach).openCommand(words, without, copied);
}

/** Why it was refused; '' where it was not. */
function refusal(action: () => void): string {
  try {
    action();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

async function writeTemplate(reach: Reach, template: string, overwrite: boolean): Promise<void> {
  try {
    const notice = await reach.effects.saveTemplate(template, overwrite);
    if (paneName(state(reach)) === 'saveas') state(reach).back();
    state(reach).notify(notice);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (paneName(state(reach)) !== 'saveas') state(reach).notify(message);
    else if (code === 'EEXIST' && !overwrite)
      state(reach).openOverwrite({ template, path: message.replace(/ exists already;.*$/s, ''), overwrite });
    else state(reach).refuse(message);
  }
}

/** The chosen member as a column of the table. */
function showMember(reach: Reach): void {
  const member = chosenMember(state(reach));
  if (!member) return;
  try {
    state(reach).notify(reach.effects.addColumn(member.path));
  } catch (error) {
    state(reach).notify((error as Error).message.split('\n')[0]!);
  }
}

const ACTIONS: Readonly<Record<Action, Handler>> = {
  quit: ({ effects }) => effects.quit(),
  suspend: ({ effects }) => effects.suspend(),
  redraw: ({ effects }) => effects.redraw(),
  refresh: ({ effects }) => effects.refresh(),
  copy,
  command: showCommand,
  save: (reach) => {
    const say = (text: string) => state(reach).notify(text);
    reach.effects.saveSettings().then(say, ({ message }: Error) => say(message));
  },
  nextTheme: (reach) => {
    const { names } = reach.themes;
    state(reach).setTheme(names[(names.indexOf(state(reach).theme) + 1) % names.length]!);
  },
  back: (reach) => {
    if (!giveUp(reach)) state(reach).back();
  },
  help: (reach) => (paneName(state(reach)) === 'help' ? state(reach).back() : state(reach).openHelp()),
  nextPane: toPane(1),
  previousPane: toPane(-1),

  up: moving(
    (reach) => state(reach).move(-1),
    () => -1,
  ),
  down: moving(
    (reach) => state(reach).move(1),
    () => 1,
  ),
  pageUp: moving(
    (reach) => state(reach).page(-1),
    (reach) => -Math.max(1, state(reach).rows),
  ),
  pageDown: moving(
    (reach) => state(reach).page(1),
    (reach) => Math.max(1, state(reach).rows),
  ),
  first: toEnd('first'),
  last: toEnd('last'),
  left: sideways(-1),
  right: sideways(1),

  prompt: (reach) => state(reach).openPrompt(),
  complete: (reach) => state(reach).complete(1, linesFor(reach)),
  completeBack: (reach) => state(reach).complete(-1, linesFor(reach)),
  earlier: (reach) => state(reach).recall(1),
  later: (reach) => state(reach).recall(-1),
  split: (reach) => {
    if (reach.split.open) reach.split.close();
    else {
      const choices = reach.split.choices();
      if (choices.length > 0) state(reach).openSplit(choices);
      else state(reach).notify('this recording has one table: R while two are shown records both');
    }
  },
  picker: openPicker,
  search: (reach) => state(reach).openSearch(),
  where: (reach) => state(reach).openWhere(),
  filter: (reach) => state(reach).openFilter(),
  sort: (reach) => state(reach).openSort(),
  columns: (reach) => state(reach).openColumns(reach.effects.absentColumns()),
  saveAs: (reach) => {
    const { template, templates } = state(reach);
    state(reach).openSaveAs(nameFor(template, (name) => templates.has(name)));
  },
  structs: (reach) => state(reach).openStructs(),
  enterMember: (reach) => {
    const member = chosenMember(state(reach));
    if (member?.value) showMember(reach);
    else state(reach).intoMember();
  },
  addMember: showMember,
  intoMember: (reach) => state(reach).intoMember(),
  outOfStruct: (reach) => state(reach).outOfStruct(),
  program: (reach) => {
    if (state(reach).replay) state(reach).notify('no program reads here: this is a recording');
    else state(reach).openProgram();
  },
  nextProgram: (reach) => state(reach).turnProgram(1),
  previousProgram: (reach) => state(reach).turnProgram(-1),
  nextLine: (reach) => state(reach).nextLine(1),
  previousLine: (reach) => state(reach).nextLine(-1),
  toggleColumn: (reach) => state(reach).toggleColumn(),
  columnLeft: (reach) => state(reach).shiftColumn(-1),
  columnRight: (reach) => state(reach).shiftColumn(1),
  wider: resize(1),
  narrower: resize(-1),
  fitWidth: (reach) => {
    const column = chosenColumn(state(reach));
    if (column !== undefined) state(reach).setWidth(column, null);
  },
  narrow: (reach) => state(reach).openNarrow(),
  nextPart: (reach) => state(reach).turnPart(1),
  previousPart: (reach) => state(reach).turnPart(-1),
  lookInto: (reach) => state(reach).lookInto(),
  lookBack: (reach) => state(reach).lookBack(),
  fold: (reach) => state(reach).fold(),
  unfoldOne: (reach) => state(reach).fold(true),
  foldOne: (reach) => state(reach).fold(false),
  zeros: (reach) => state(reach).toggleZeros(),
  addColumn,
  find: (reach) => state(reach).openFind(),
  nextMatch: (reach) => state(reach).findNext(1),
  previousMatch: (reach) => state(reach).findNext(-1),
  group: (reach) => state(reach).openGroup(),
  tree: (reach) => state(reach).toggleTree(),
  foldRow: (reach) => state(reach).toggleFold(),
  open,
  related,
  detail: (reach) => state(reach).openDetail(),
  interval: (reach) => state(reach).openInterval(),
  export: (reach) => state(reach).openExport(fileStem(state(reach).template, new Date())),

  sortLeft: (reach) => state(reach).shiftSort(-1),
  sortRight: (reach) => state(reach).shiftSort(1),
  invert: (reach) => state(reach).invertSort(),
  alsoSort: (reach) => {
    const pane = topPane(state(reach));
    const column = pane?.name === 'sort' ? sortChoices(state(reach))[pane.index] : undefined;
    if (column !== undefined) state(reach).alsoSortBy(column);
  },
  nextFound: (reach) => state(reach).nextFound(1),
  previousFound: (reach) => state(reach).nextFound(-1),
  mark: (reach) => state(reach).toggleMark(),
  onlyMarked: (reach) => state(reach).toggleOnlyMarked(),
  leaks: (reach) => state(reach).toggleWatch(),
  compare: (reach) => state(reach).toggleCompare(),
  exact: (reach) => state(reach).toggleExact(),
  follow: (reach) => state(reach).toggleFollow(),
  kernelThreads: (reach) => state(reach).toggleSwitch(KERNEL_THREADS),
  threads: (reach) => state(reach).toggleUngroup(),
  nextOrder: (reach) => state(reach).nextOrder(),
  ...REPLAY_ACTIONS,

  accept,
  overwrite: (reach) => {
    const pane = topPane(state(reach));
    if (pane?.name !== 'overwrite') return;
    state(reach).back();
    if ('template' in pane.choice) void writeTemplate(reach, pane.choice.template, true);
    else void writeFile(reach, { ...pane.choice, overwrite: true });
  },
  erase: (reach) => state(reach).edit(EDITS.erase),
  delete: (reach) => state(reach).edit(EDITS.delete),
  eraseWord: (reach) => state(reach).edit(EDITS.eraseWord),
  eraseAll: (reach) => state(reach).edit(EDITS.eraseAll),
};

/** One key, whatever pane it meets. */
export function press(reach: Reach, key: Key): void {
  const pane = paneName(state(reach));
  if (state(reach).notice !== '') state(reach).notify('');
  if (key.startsWith(PASTED)) {
    paste(reach, key.slice(PASTED.length), takesText(pane));
    return;
  }
  const pointer = pointerOf(key);
  if (pointer === null) return;
  if (pointer) {
    const { session, columns, themes } = reach;
    const theme = themes.of(state(reach).theme);
    const enter = () => press(reach, 'enter');
    point({ session, columns, theme, lines: linesOf(reach), enter }, pointer);
    return;
  }
  const action = actionOf(key, pane);
  const text = textOf(key, pane);
  if (action) ACTIONS[action](reach, key);
  else if (text !== undefined) state(reach).edit(insert(text));
}

/** A pasted text is typed where something is typed, as one line. Elsewhere its letters would be taken for keys. */
function paste(reach: Reach, pasted: string, typing: boolean): void {
  const { edit, notify } = state(reach);
  if (!typing) {
    notify('what is pasted goes where something is typed: behind / : w f');
    return;
  }
  const line = pasted.replace(/[\r\n\t]+/g, ' ').replace(/[\x00-\x1f\x7f-\x9f]/g, '');
  if (line.length >= MOST_TYPED) notify(`of what was pasted only ${MOST_TYPED} characters are taken`);
  edit(insert(line.trim()));
}
