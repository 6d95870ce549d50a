/** The real program on a terminal, with a fault that comes when the test says so (fault.cjs). */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PROGRAM, TestTerminal } from '../terminal/terminal.ts';

const PRELOAD = new URL('./fault.cjs', import.meta.url).pathname;

/** On and off: what the program may switch on, and has to switch off again. */
const MODES = [
  ['\x1b[?1049h', '\x1b[?1049l', 'the alternate screen is left'],
  ['\x1b[?25l', '\x1b[?25h', 'the cursor is shown'],
  ['\x1b[?1000h', '\x1b[?1000l', 'the mouse is off'],
  ['\x1b[?1006h', '\x1b[?1006l', 'its form is off'],
  ['\x1b[?7l', '\x1b[?7h', 'lines wrap'],
  ['\x1b[?2004h', '\x1b[?2004l', 'pasting is not bracketed'],
  ['\x1b[?2026h', '\x1b[?2026l', 'nothing is held back'],
] as const;

/** What of the terminal is not as it was, by all that was written to it. */
export function notRestored(output: string): string[] {
  return MODES.filter(([on, off]) => output.lastIndexOf(on) > output.lastIndexOf(off)).map(
    ([, , what]) => `not: ${what}`,
  );
}

export class Faulty implements Disposable {
  readonly terminal: TestTerminal;
  readonly #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-fault-'));

  constructor(fault: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const options = `${env['NODE_OPTIONS'] ?? ''} --require ${PRELOAD}`;
    this.terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], {
      cols: 110,
      rows: 16,
      env: { ...env, NODE_OPTIONS: options, FAULT: fault, FAULT_FILE: this.#file },
    });
  }

  get #file(): string {
    return path.join(this.#folder, 'now');
  }

  happen(): void {
    fs.writeFileSync(this.#file, '');
  }

  pass(): void {
    fs.rmSync(this.#file, { force: true });
  }

  [Symbol.dispose](): void {
    this.terminal.kill();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}
