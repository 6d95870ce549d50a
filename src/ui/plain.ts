/**
 * The explorer in lines of text, for screen readers and logs: nothing moves, nothing is drawn. Each refresh says what
 * changed in the first rows; commands are read as lines.
 */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { filterNames, questionOf } from '../state/asked.ts';
import { isCompared } from '../state/changes.ts';
import { linesOfDetail } from '../state/detail.ts';
import { FileError } from '../state/file-error.ts';
import { formatInterval, parseInterval } from '../state/interval.ts';
import type { Sampler } from '../state/sampler.ts';
import type { Session } from '../state/session.ts';
import { formatSort, parseSort } from '../state/sort.ts';
import { foundOf, isLead } from '../state/tree.ts';
import type { TargetInfo, View, ViewColumn } from '../state/view.ts';
import { counted } from '../templates/counted.ts';
import { type FilterName, UsageError } from '../templates/template.ts';
import { sanitize, sanitizeAscii } from '../templates/text.ts';
import { missingHosts } from './hosts-text.ts';
import { unexpected } from './unexpected.ts';

export interface PlainOptions {
  readonly session: Session;
  readonly sampler: Sampler;
  readonly targets: readonly TargetInfo[];
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly ascii: boolean;
  /** Ends after so many refreshes (0: never), whatever stdin does; undefined: at the end of stdin. */
  readonly count: number | undefined;
}

/** A host that answers. */
const LIVE = 'live ';

/** Rows that are told at first. */
const ROWS = 10;

interface Command {
  readonly name: string;
  readonly takes: string;
  readonly help: string;
  run(text: string): void;
}

/** Resolves when it was told to quit, when it has told what it should, or when nobody listens any more. */
export async function runPlain(options: PlainOptions): Promise<void> {
  const { session, sampler, stdin, stdout } = options;
  const ended = Promise.withResolvers<void>();
  const state = session.getState;
  let rows = ROWS;
  /** Cells of the rows that were told last, by key. */
  let told = new Map<string, readonly string[]>();
  /** How hosts were when that was told. */
  const hostsTold = new Map<string, string>();
  /** All of them are to be told again. */
  let whole = true;
  let refreshes = 0;
  let answered: (() => void) | undefined;

  const say = (...lines: readonly string[]) => {
    for (const line of lines) stdout.write(`${options.ascii ? sanitizeAscii(line) : sanitize(line)}\n`);
  };
  const shown = (view: View, row: number, column: ViewColumn) => (column.absent === '' ? view.cell(row, column) : '');
  const cellsOf = (view: View, row: number) => view.columns.map((column) => shown(view, row, column));
  /** `pid 1234, comm nginx`: without what it does not have. */
  const values = (
    view: View,
    cells: readonly string[],
    names: readonly string[] = view.columns.map(({ name }) => name),
  ) =>
    view.columns
      .flatMap(({ name }, i) => (cells[i] !== '' && names.includes(name) ? [`${name} ${cells[i]}`] : []))
      .join(', ');
  /** What tells an object from others, as far as it is shown. */
  function label(view: View, cells: readonly string[]): string {
    const names = state().templates.get(state().template)?.label ?? [];
    return values(view, cells, names) || `${view.columns[0]?.name} ${cells[0]}`;
  }

  /** Which hosts do not answer, and that they do, where that is news. */
  function tellHosts({ hosts = [] }: View): void {
    for (const status of hosts) {
      const { name, condition, reason } = status;
      const how = `${condition} ${reason}`;
      const was = hostsTold.get(name) ?? LIVE;
      hostsTold.set(name, how);
      if (how === was) continue;
      say(...(how === LIVE ? [`${name} answers`] : missingHosts([status])));
    }
  }

  function tell(view: View): void {
    tellHosts(view);
    const { template, sort } = state();
    const before = told;
    const count = Math.min(rows, view.count);
    told = new Map(Array.from({ length: count }, (_, row) => [view.key(row), cellsOf(view, row)]));
    const time = new Date(view.stats.end).toTimeString().slice(0, 8);
    const found = foundOf(view);
    const total = counted(found, 'row');
    if (whole) {
      whole = false;
      say(
        `${template}, ${total}, sorted by ${formatSort(sort)}, ${time}${count < view.count ? `, first ${count}` : ''}`,
      );
      for (const [row, cells] of [...told.values()].entries())
        say(`${row + 1}. ${isLead(view.tree, row) ? 'above what was found: ' : ''}${values(view, cells)}`);
      return;
    }
    const lines = [...told].flatMap(([key, cells], row) => {
      const was = before.get(key);
      if (!was) return [`${row + 1}. new: ${values(view, cells)}`];
      const changes = view.columns.flatMap(({ name, format }, i) =>
        was[i] === cells[i] || !isCompared(format)
          ? []
          : [`${name} ${was[i] || 'nothing'} to ${cells[i] || 'nothing'}`],
      );
      return changes.length > 0 ? [`${row + 1}. ${label(view, cells)}: ${changes.join(', ')}`] : [];
    });
    const gone = [...before].filter(([key]) => !told.has(key)).map(([, cells]) => `gone: ${label(view, cells)}`);
    say(`${time}, ${total}${lines.length + gone.length === 0 ? ', no change' : ''}`, ...lines, ...gone);
  }

  /** Everything that is known of the row whose details are open. */
  function tellDetails(): boolean {
    const pane = state().panes.at(-1);
    if (pane?.name !== 'detail' || pane.view.details.length < state().templates.get(state().template)!.columns.length)
      return false;
    for (const line of linesOfDetail(pane)) {
      if (line.kind !== 'column') continue;
      const column = pane.view.details[line.column]!;
      const value = shown(pane.view, pane.row, column);
      if (value !== '') say(`${column.name}: ${value} (${column.help})`);
    }
    state().closeAll();
    return true;
  }

  const commands: readonly Command[] = [
    {
      ...{ name: 'help', takes: '', help: 'these commands; the beginning of a name is enough' },
      run: () => say(...commands.map(({ name, takes, help }) => `${name}${takes && ` ${takes}`}: ${help}`)),
    },
    {
      ...{ name: 'view', takes: '[NAME]', help: 'another table; without a name, which there are' },
      run(name) {
        if (name === '')
          return say(
            ...options.targets.map((t) => `${t.template}: ${t.unavailable ? `not here: ${t.unavailable}` : t.help}`),
          );
        const target = options.targets.find(({ template }) => template === name);
        if (!target) throw new UsageError(`there is no table ${name}; view lists them`);
        if (target.unavailable !== '') throw new UsageError(`${name} is not here: ${target.unavailable}`);
        state().pick(name);
      },
    },
    {
      ...{ name: 'sort', takes: '[-]COLUMN,...', help: 'sort by columns, - for descending' },
      run: (text) => session.setState({ sort: parseSort(state().templates.get(state().template)!, text) }),
    },
    {
      ...{
        name: 'filter',
        takes: '[NAME VALUES]',
        help: 'filter in the kernel, as in filter pid 1,5-9; without values no more',
      },
      run(text) {
        const [, name = '', values = ''] = /^(\S*)\s*(.*)$/.exec(text)!;
        const names = filterNames(state().templates.get(state().template)!);
        if (name !== '' && !names.includes(name as FilterName))
          throw new UsageError(`there is no filter ${name}; there are ${names.join(', ') || 'none here'}`);
        state().setFilters(name === '' ? {} : { ...state().filterTexts, [name]: values });
      },
    },
    {
      ...{ name: 'where', takes: '[CONDITION]', help: 'only rows for which it holds, as in where rss > 1G' },
      run: (text) => state().setWhere(text),
    },
    {
      ...{ name: 'search', takes: '[[!]REGEX]', help: 'only rows that match' },
      run: (text) => state().setSearch(text),
    },
    {
      ...{ name: 'details', takes: 'N', help: 'all that is known of the row with this number' },
      run(text) {
        const row = Number(text) - 1;
        const { view } = state();
        if (!(view && Number.isInteger(row) && row >= 0 && row < view.count))
          throw new UsageError(`there is no row ${text}`);
        state().moveTo('first');
        state().move(row);
        state().openDetail();
        tellDetails();
      },
    },
    {
      ...{ name: 'rows', takes: 'N', help: `how many rows are told (${ROWS})` },
      run(text) {
        if (!/^\d{1,6}$/.test(text)) throw new UsageError('rows takes a number');
        rows = Number(text);
        again();
      },
    },
    { ...{ name: 'list', takes: '', help: 'the rows as they are now' }, run: again },
    {
      ...{ name: 'next', takes: '', help: 'refresh now, also while paused' },
      run: () => sampler.refresh(),
    },
    {
      ...{ name: 'pause', takes: '', help: 'pause, or go on' },
      run() {
        state().togglePause();
        say(state().paused ? 'paused' : 'going on');
      },
    },
    {
      ...{ name: 'every', takes: 'SECONDS', help: 'time between refreshes' },
      run(text) {
        state().setInterval(parseInterval(text));
        say(`every ${formatInterval(state().interval)} seconds`);
      },
    },
    { ...{ name: 'quit', takes: '', help: 'quit' }, run: () => ended.resolve() },
  ];

  function again(): void {
    const { view } = state();
    whole = true;
    if (view) tell(view);
  }

  /** Waits for what a command asks for, so that commands from a pipe are answered one after another. */
  async function perform(line: string): Promise<void> {
    const [, word = '', text = ''] = /^\s*(\S*)\s*(.*?)\s*$/.exec(line)!;
    if (word === '') return;
    const command = commands.find(({ name }) => name === word) ?? commands.find(({ name }) => name.startsWith(word));
    if (!command) return say(`there is no command ${word}; help lists them`);
    const before = JSON.stringify(questionOf(state()));
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    try {
      command.run(text);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return say(...error.message.split('\n'));
    }
    const { paused: _, interval: __, ...asked } = questionOf(state());
    const { paused: ___, interval: ____, ...was } = JSON.parse(before);
    const changed = JSON.stringify(asked) !== JSON.stringify(was);
    if (changed && command.name !== 'details') whole = true;
    if (changed || command.name === 'next') await Promise.race([answer, ended.promise]);
  }

  let question = questionOf(state());
  let { view, error } = state();
  const unsubscribe = session.subscribe((now) => {
    const next = questionOf(now);
    if (JSON.stringify(next) !== JSON.stringify(question)) {
      question = next;
      sampler.ask(next);
    }
    if (now.error !== error) {
      error = now.error;
      if (error !== '') {
        say(...`error: ${error}`.split('\n'));
        answered?.();
      }
    }
    if (now.view === view) return;
    view = now.view;
    if (!view) return;
    if (state().panes.length > 0) {
      if (tellDetails()) answered?.();
      return;
    }
    tell(view);
    answered?.();
    refreshes++;
    if (options.count && refreshes >= options.count) ended.resolve();
  });
  let failure: NodeJS.ErrnoException | undefined;
  const gone = (error: NodeJS.ErrnoException) => {
    failure ??= error;
    ended.resolve();
  };
  stdout.on('error', gone);

  say('itertop: a line of text for each command; help lists them, pause stops the refreshes, quit quits');
  if (view) tell(view);
  refreshes = view ? 1 : 0;
  if (options.count === 1 && view) ended.resolve();
  const input = createInterface({ input: stdin, terminal: false });
  const reading = (async () => {
    for await (const line of input) await perform(line);
    if (options.count === undefined) ended.resolve();
  })();
  try {
    await Promise.race([ended.promise, reading.then(() => ended.promise)]);
    // Behind all that was said before: whether that could be written.
    await new Promise<void>((done) => stdout.write('', () => done()));
  } catch (error) {
    throw unexpected(error);
  } finally {
    input.close();
    stdin.destroy();
    unsubscribe();
    sampler.close();
    stdout.off('error', gone);
  }
  if (failure && failure.code !== 'EPIPE') throw new FileError('standard output', failure);
}
