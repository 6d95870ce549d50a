/** Runs the explorer on a terminal and gives the terminal back as it was, however it ends. */
import { constants } from 'node:os';
import type { ReadStream, WriteStream } from 'node:tty';
import type { Sought } from '../state/finder.ts';
import type { ExportChoice } from '../state/panes.ts';
import type { Move } from '../state/player.ts';
import type { Sampler } from '../state/sampler.ts';
import { questionOf, type Session } from '../state/session.ts';
import { type SplitChoice, splitChoice } from '../state/split.ts';
import type { TargetInfo } from '../state/view.ts';
import { UsageError } from '../templates/template.ts';
import { App } from './app.tsx';
import { clipboardSequence } from './clipboard.ts';
import { Columns } from './columns.ts';
import { createHalves, type Table } from './halves.ts';
import { openTerminal, type Terminal } from './terminal.tsx';
import { type Looks, themesOf } from './theme.ts';
import { unexpected } from './unexpected.ts';

/** What is done with one table beyond its session. */
export interface TableParts {
  readonly session: Session;
  readonly sampler: Sampler;
  /**
   * Writes the rows to a file and says so in one line. Rejects with code EEXIST where the file is there and overwrite is
   * false; any other error's message is shown in the export pane.
   */
  exportView(choice: ExportChoice): Promise<string>;
  /** Column -> why this kernel does not have it, of the table that is looked at. */
  absentColumns(): ReadonlyMap<string, string>;
  /** Writes the table as a template; rejects as exportView does. */
  saveTemplate(name: string, overwrite: boolean): Promise<string>;
  /** Has the table show a member of the kernel's, by its path; says so. Throws where that is no single value. */
  addColumn(path: string): string;
  /** Saves how the table looks, and says so. Rejects where that is not possible. */
  saveSettings(): Promise<string>;
  /** The words of the command line that gives the same rows (state/command-line.ts). */
  commandLine(): readonly string[];
  /** Looks at the elements of a map: throws where that is not possible. */
  openMap(map: string): void;
}

export interface ExplorerOptions extends TableParts {
  /** What the picker offers; asked anew each time, as templates come and go. */
  readonly targets: readonly TargetInfo[];
  /** Its release, as in `uname -r`. */
  readonly kernel: string;
  /** A second table, of a template, as it is at first. */
  openHalf(template: string): TableParts;
  /** What a second table can be, where that is not any other one. */
  readonly besides?: readonly SplitChoice[];
  /** What to show beside the table at the start: a word of a way, or a template. */
  readonly split?: string | undefined;
  readonly stdout: WriteStream;
  readonly stdin: ReadStream;
  /** Clicks and the wheel are taken; the terminal's own selection then needs Shift. True where absent. */
  readonly mouse?: boolean | undefined;
  readonly looks?: Looks;
}

/** A stop signal to our own process group has arrived after this many milliseconds. */
const STOP_WAIT = 50;

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGQUIT';
const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/**
 * Resolves when the user quits. Rejects where something fails that nothing expected: the terminal is restored by then.
 * A signal ends the process with 128 and its number, the terminal restored. Throws UsageError where there is no terminal.
 */
export async function runExplorer(options: ExplorerOptions): Promise<void> {
  const { session, sampler, kernel, stdout, stdin } = options;
  if (!stdout.isTTY || !stdin.isTTY) {
    throw new UsageError(
      'the explorer needs a terminal for input and output; `itertop dump` writes to files and pipes',
    );
  }

  const themes = themesOf(process.env, options.looks);
  let terminal: Terminal | undefined;
  let lent = false;

  const restore = () => terminal?.restore();

  async function lend(during: () => Promise<void>): Promise<void> {
    if (lent) return;
    lent = true;
    await terminal?.lend(during).finally(() => {
      lent = false;
    });
  }

  const redraw = () => void lend(async () => {});
  const suspend = () =>
    void lend(async () => {
      process.off('SIGTSTP', suspend);
      // The whole job, as the terminal itself would: sudo and npm wait for us in the same group. Where nobody could wake
      // it (an orphaned group) the kernel ignores the signal, and so this goes on.
      process.kill(0, 'SIGTSTP');
      await new Promise((resolve) => setTimeout(resolve, STOP_WAIT));
      process.on('SIGTSTP', suspend);
    });

  /** A table that is read as its session asks, until it is closed. */
  function tableOf(parts: TableParts): Table {
    const { exportView, absentColumns, saveTemplate, addColumn, commandLine, saveSettings, openMap } = parts;
    const reach = {
      session: parts.session,
      targets: () => options.targets,
      themes,
      columns: new Columns(themes.of(session.getState().theme)),
      effects: {
        quit: restore,
        refresh: () => parts.sampler.refresh(),
        go: (move: Move) => parts.sampler.go(move),
        find: (sought: Sought) => parts.sampler.find(sought),
        record: (path: string) => parts.sampler.record(path),
        ...{ suspend, redraw, exportView, absentColumns, saveTemplate, addColumn, commandLine, saveSettings, openMap },
        copy: (text: string) => terminal?.beside(clipboardSequence(text, process.env)),
      },
    };
    let asked = questionOf(parts.session.getState());
    const unsubscribe = parts.session.subscribe((state) => {
      const question = questionOf(state);
      if (JSON.stringify(question) === JSON.stringify(asked)) return;
      asked = question;
      parts.sampler.ask(question);
    });
    parts.sampler.ask(asked);
    const close = () => {
      unsubscribe();
      parts.sampler.close();
    };
    return { reach, close };
  }

  const table = tableOf(options);
  const { halves, split } = createHalves(
    table.reach,
    (template) => tableOf(options.openHalf(template)),
    options.besides && (() => options.besides!),
  );
  try {
    if (options.split !== undefined) split.show(splitChoice(session.getState(), split.choices(), options.split));
  } catch (error) {
    table.close();
    throw error;
  }

  function end(signal: Signal): void {
    restore();
    split.close();
    sampler.close();
    process.exit(128 + constants.signals[signal]);
  }
  /** The terminal is gone. */
  const hangUp = () => end('SIGHUP');

  const crashed = Promise.withResolvers<never>();
  const crash = (error: unknown) => crashed.reject(error);

  // Before the terminal is another: a signal that nobody waits for ends a process at once.
  for (const signal of SIGNALS) process.on(signal, end);
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', redraw);
  process.on('uncaughtException', crash);
  stdin.on('end', hangUp).on('error', hangUp);
  stdout.on('error', hangUp);
  process.on('exit', restore);

  try {
    terminal = openTerminal(<App halves={halves} kernel={kernel} />, stdout, stdin, true, options.mouse ?? true);
    await Promise.race([terminal.ended, crashed.promise]);
  } catch (error) {
    throw unexpected(error);
  } finally {
    restore();
    split.close();
    table.close();
    for (const signal of SIGNALS) process.off(signal, end);
    process.off('SIGTSTP', suspend);
    process.off('SIGCONT', redraw);
    process.off('exit', restore);
    process.off('uncaughtException', crash);
    stdin.off('end', hangUp).off('error', hangUp);
    stdout.off('error', hangUp);
  }
}
