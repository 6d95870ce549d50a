/** The application on a made-up terminal: what it writes is interpreted by xterm, so that what is read is what is seen. */
import fs from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import xterm from '@xterm/headless';
import { expect } from 'vitest';
import { createSession, type Session, type SessionOptions } from '../../src/state/session.ts';
import type { TargetInfo } from '../../src/state/view.ts';
import type { Effects, Reach } from '../../src/ui/actions.ts';
import { App } from '../../src/ui/app.tsx';
import { Columns } from '../../src/ui/columns.ts';
import { createHalves } from '../../src/ui/halves.ts';
import { openTerminal } from '../../src/ui/terminal.tsx';
import { themesOf } from '../../src/ui/theme.ts';
import { cellsOf } from '../support/screen-cells.ts';
import { TARGETS, TEMPLATES } from './fake-view.ts';

export const UTF8 = { TERM: 'xterm-256color', LANG: 'C.UTF-8' };
const USERS: Readonly<Record<string, number>> = { root: 0, alice: 1000, 'www-data': 33 };

export function fakeSession(options: Partial<SessionOptions> = {}): Session {
  return createSession({ templates: TEMPLATES, template: 'task', user: (name) => USERS[name], ...options });
}

/** Effects that only remember that they were called. */
export function fakeEffects(exportView: Effects['exportView'] = async ({ path }) => `wrote 40 rows to ${path}`) {
  const calls: string[] = [];
  const note = (name: string) => () => void calls.push(name);
  const effects: Effects = {
    quit: note('quit'),
    refresh: note('refresh'),
    suspend: note('suspend'),
    redraw: note('redraw'),
    go: (move) => void calls.push(`go ${JSON.stringify(move)}`),
    find: (where) => void calls.push(`find ${where}`),
    record: (path) => void calls.push(`record ${path}`),
    absentColumns: () => new Map(),
    saveTemplate: async (name, overwrite) => {
      calls.push(`template ${name}${overwrite ? ' overwrite' : ''}`);
      if (name === 'there' && !overwrite)
        throw Object.assign(new Error('/t/there.yaml exists already; choose another name, or --force to replace it'), {
          code: 'EEXIST',
        });
      if (name === 'Wrong') throw new Error('a name has small letters');
      return `saved as ${name}`;
    },
    addColumn: (path) => {
      calls.push(`column ${path}`);
      return `added ${path}`;
    },
    copy: (text) => void calls.push(`copy ${text}`),
    saveSettings: async () => {
      calls.push('save');
      return 'saved';
    },
    commandLine: () => ['itertop', 'dump', 'task', '--pid', '1'],
    openMap: (id) => void calls.push(`map ${id}`),
    exportView: async (choice) => {
      calls.push(`export ${choice.format} ${choice.rows} ${choice.path}${choice.overwrite ? ' overwrite' : ''}`);
      return exportView(choice);
    },
  };
  return { calls, effects };
}

class FakeStdout extends Writable {
  readonly isTTY = true;
  columns: number;
  rows: number;
  /** All that was written. */
  written = '';
  readonly #terminal: xterm.Terminal;

  constructor(terminal: xterm.Terminal) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
    this.columns = terminal.cols;
    this.rows = terminal.rows;
  }
  override _write(chunk: string, _encoding: string, done: () => void) {
    this.written += chunk;
    // A terminal driver in raw mode still turns \n into \r\n.
    this.#terminal.write(chunk.replaceAll('\n', '\r\n'), done);
  }
}

function fakeStdin() {
  return Object.assign(new PassThrough(), { isTTY: true, setRawMode() {}, ref() {}, unref() {} });
}

export interface ScreenOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly session?: Session;
  readonly targets?: readonly TargetInfo[];
  readonly env?: Readonly<Record<string, string>>;
  readonly exportView?: Effects['exportView'];
}

export async function openScreen(options: ScreenOptions = {}) {
  const { columns = 80, rows = 24, session = fakeSession(), targets = TARGETS, env = UTF8 } = options;
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 0 });
  const stdout = new FakeStdout(terminal);
  const stdin = fakeStdin();
  const themes = themesOf(env);
  const { calls, effects } = fakeEffects(options.exportView);
  const table = (of: Session) => ({
    session: of,
    targets: () => targets,
    themes,
    columns: new Columns(themes.of('default')),
    effects,
  });
  const { halves, split } = createHalves(table(session), (template) => {
    calls.push(`split ${template}`);
    const { templates, theme } = session.getState();
    const other = fakeSession({ templates: [...templates.values()], template, theme });
    return { reach: table(other), close: () => void calls.push('unsplit') };
  });
  const reach: Reach = { ...table(session), split };
  const app = <App halves={halves} kernel="6.18.5" />;
  const opened = openTerminal(app, stdout as never, stdin as never, false);
  let crashed: unknown;
  opened.ended.catch((error: unknown) => {
    crashed = error;
  });

  /** Until all that is due is on the screen. */
  async function settle() {
    // React schedules some updates for the next turn, and those may ask for more.
    for (let turn = 0; turn < 3; turn++) {
      await opened.flushed();
      await new Promise((done) => setTimeout(done, 4));
    }
    await new Promise<void>((done) => terminal.write('', done));
  }
  await settle();
  const buffer = () => terminal.buffer.active;

  return {
    session,
    reach,
    halves,
    calls,
    stdout,
    settle,
    /** Bytes as the terminal sends them. */
    async press(...bytes: string[]) {
      for (const each of bytes) {
        stdin.write(each);
        await new Promise((done) => setTimeout(done, each.endsWith('\x1b') ? 70 : 0));
      }
      await settle();
    },
    /** The same at once, without waiting for anything; throws what the application throws. */
    type(bytes: string) {
      stdin.emit('data', bytes);
    },
    /** What ended the application, if anything has. */
    crashed: () => crashed,
    /** Every cell with its style. */
    cells: () => cellsOf(terminal),
    /** Draws everything anew, as after Ctrl-L. */
    async repaint() {
      await opened.lend(async () => {});
      await settle();
    },
    async resize(cols: number, lines: number) {
      terminal.resize(cols, lines);
      stdout.columns = cols;
      stdout.rows = lines;
      stdout.emit('resize');
      await settle();
    },
    lines(): string[] {
      return Array.from({ length: terminal.rows }, (_, y) =>
        buffer()
          .getLine(buffer().viewportY + y)!
          .translateToString(false, 0, terminal.cols)
          .trimEnd(),
      );
    },
    text(): string {
      return this.lines().join('\n');
    },
    /** The cell in which a text begins, in a line; -1 where it is not there. */
    columnOf(y: number, text: string): number {
      const line = buffer().getLine(buffer().viewportY + y)!;
      const cells = Array.from({ length: terminal.cols }, (_, x) => line.getCell(x)!.getChars());
      return cells.findIndex((cell, x) => cell !== '' && cells.slice(x).join('').startsWith(text));
    },
    /** Lines that have reversed cells from their first to their last. */
    reversed(): number[] {
      return this.lines().flatMap((_, y) => {
        const line = buffer().getLine(buffer().viewportY + y)!;
        const all = Array.from({ length: terminal.cols }, (_, x) => line.getCell(x)!.isInverse() !== 0);
        return all.every(Boolean) ? [y] : [];
      });
    },
    close() {
      opened.restore();
      terminal.dispose();
    },
  };
}

export type Screen = Awaited<ReturnType<typeof openScreen>>;

/** Compares with test/golden/<name>.txt; UPDATE_GOLDEN=1 writes it. */
export function expectGolden(name: string, text: string) {
  const path = new URL(`../golden/${name}.txt`, import.meta.url);
  const got = `${text}\n`;
  if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(path, got);
  expect(got).toBe(fs.readFileSync(path, 'utf8'));
}
