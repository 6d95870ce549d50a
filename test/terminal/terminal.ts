/** The built program in a real pseudo-terminal, its output fed to a terminal emulator so that the screen can be read. */

import { fileURLToPath } from 'node:url';
import { spawn as spawnPty } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { cellsOf } from '../support/screen-cells.ts';

export const PROGRAM = fileURLToPath(new URL('../../dist/itertop.js', import.meta.url));

export interface TerminalOptions {
  readonly cols?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export class TestTerminal {
  readonly pid: number;
  /** Everything that was written to the terminal. */
  output = '';
  readonly exited: Promise<{ exitCode: number; signal: number | undefined }>;
  readonly #pty: ReturnType<typeof spawnPty>;
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  #ended = false;

  constructor(command: string, args: readonly string[], { cols = 80, rows = 24, env = {} }: TerminalOptions = {}) {
    const environment: Record<string, string> = { ...process.env, TERM: 'xterm-256color', LANG: 'C.UTF-8' } as Record<
      string,
      string
    >;
    for (const name of ['NO_COLOR', 'FORCE_COLOR', 'CI']) delete environment[name];
    for (const [name, value] of Object.entries(env)) {
      if (value === undefined) delete environment[name];
      else environment[name] = value;
    }
    this.#screen = new xterm.Terminal({ cols, rows, allowProposedApi: true, scrollback: 0 });
    this.#pty = spawnPty(command, [...args], { cols, rows, env: environment, name: environment['TERM']! });
    this.pid = this.#pty.pid;
    this.#pty.onData((data) => {
      this.output += data;
      this.#screen.write(data);
    });
    // The emulator answers queries, as a terminal does.
    this.#screen.onData((data) => {
      if (!this.#ended) this.#pty.write(data);
    });
    this.exited = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#ended = true;
        // The emulator takes what it is given later: the screen is read only once it has.
        setTimeout(() => this.#screen.write('', () => resolve({ exitCode, signal })), 50);
      });
    });
  }

  /** The screen's lines, without trailing blanks. */
  lines(): string[] {
    const { active } = this.#screen.buffer;
    return Array.from(
      { length: this.#screen.rows },
      (_, y) => active.getLine(active.viewportY + y)?.translateToString(true, 0, this.#screen.cols) ?? '',
    );
  }

  text(): string {
    return this.lines().join('\n');
  }

  /** Every cell with its style, a line for each of the screen. */
  cells(): string[] {
    return cellsOf(this.#screen);
  }

  /** The cell from which on a text stands in a line, at or after a cell; -1 where it does not. */
  columnOf(y: number, text: string, from = 0): number {
    const { active } = this.#screen.buffer;
    const line = active.getLine(active.viewportY + y)!;
    const cells = Array.from({ length: this.#screen.cols }, (_, x) => line.getCell(x)!.getChars());
    return cells.findIndex((cell, x) => x >= from && cell !== '' && cells.slice(x).join('').startsWith(text));
  }

  /** Waits until nothing has been written for so many milliseconds. */
  async settled(quiet = 500, ms = 30_000): Promise<void> {
    const end = Date.now() + ms;
    for (let seen = -1; seen !== this.output.length && Date.now() < end; ) {
      seen = this.output.length;
      await new Promise((resolve) => setTimeout(resolve, quiet));
    }
    await new Promise<void>((resolve) => this.#screen.write('', resolve));
  }

  get alternate(): boolean {
    return this.#screen.buffer.active.type === 'alternate';
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(cols: number, rows: number): void {
    this.#screen.resize(cols, rows);
    this.#pty.resize(cols, rows);
  }

  /** Waits until the screen shows it. @throws Error with the screen as it was at the end */
  async waitFor(wanted: RegExp | ((screen: string) => boolean), what = String(wanted), ms = 40_000): Promise<string> {
    const shown = typeof wanted === 'function' ? wanted : (screen: string) => wanted.test(screen);
    const end = Date.now() + ms;
    for (;;) {
      const screen = this.text();
      if (shown(screen)) return screen;
      if (Date.now() > end) throw new Error(`the screen never showed ${what}; it shows\n${screen}\n`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The terminal goes, as with a connection that is lost. */
  hangUp(): void {
    (this.#pty as unknown as { destroy(): void }).destroy();
  }

  kill(signal = 'SIGKILL'): void {
    if (!this.#ended) this.#pty.kill(signal);
  }
}

export const KEY = {
  up: '\x1b[A',
  down: '\x1b[B',
  right: '\x1b[C',
  left: '\x1b[D',
  enter: '\r',
  escape: '\x1b',
  tab: '\t',
  backspace: '\x7f',
  end: '\x1b[F',
  home: '\x1b[H',
  pageDown: '\x1b[6~',
  f1: '\x1bOP',
  f10: '\x1b[21~',
  ctrlC: '\x03',
  ctrlS: '\x13',
  ctrlU: '\x15',
  ctrlZ: '\x1a',
} as const;
