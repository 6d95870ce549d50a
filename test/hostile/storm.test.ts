/** The real program on a terminal that sends anything, a thousand keys a second, and changes its size all the while. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { patience, SEED, times } from '../support/fuzz.ts';
import { input } from '../support/input.ts';
import { describeKernel } from '../support/kernel.ts';
import { PROGRAM, TestTerminal } from '../terminal/terminal.ts';

const SIZES: readonly (readonly [number, number])[] = [
  ...([
    [80, 24],
    [1, 1],
    [200, 50],
    [2, 1],
    [1000, 500],
    [40, 5],
    [3, 100],
    [132, 43],
  ] as const),
];

describeKernel('the program in a storm', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-storm-'));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  const env = { HOME: folder, XDG_CONFIG_HOME: folder };
  const start = (...args: string[]) =>
    new TestTerminal('/bin/sh', ['-c', 'cd "$0" && exec "$@"', folder, process.execPath, PROGRAM, ...args], {
      ...{ cols: 80, rows: 24, env },
    });
  const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

  /** Back to the table alone, whatever is open or typed. */
  async function calm(terminal: TestTerminal): Promise<void> {
    // What a mouse or a pasted text began may still wait for its end.
    terminal.type('M~');
    for (let n = 0; n < 12; n++) {
      terminal.type('\x1b');
      await pause(120);
    }
    terminal.resize(100, 30);
    await terminal.waitFor(/task|tcp|ROWS|rows/, 'a table', 60_000);
  }

  /** What is on the screen is what is drawn anew, as soon as nothing happens in between. */
  async function expectConsistent(terminal: TestTerminal): Promise<void> {
    for (let tries = 0; ; tries++) {
      await terminal.settled();
      const before = terminal.cells();
      terminal.type('\x0c');
      await terminal.settled();
      try {
        expect(terminal.cells()).toEqual(before);
        return;
      } catch (error) {
        // A refresh may have come in between.
        if (tries === 3) throw error;
      }
    }
  }

  const storms = fc.sample(fc.array(input(false), { minLength: 200, maxLength: 200 }), {
    seed: SEED,
    numRuns: times(1),
  });

  it.each(storms.map((storm, n) => [n, storm] as const))(
    'number %i: goes on, and ends when it is told to',
    { timeout: patience(240_000) },
    async (n, storm) => {
      const terminal = start(n % 2 ? 'tcp' : 'task', '-d', '0.2');
      try {
        await terminal.waitFor(/PID|STATE/, 'the table', 90_000);
        for (const [i, text] of storm.entries()) {
          terminal.type(text);
          if (i % 10 === 0) await pause(10);
          if (i % 25 === 0) terminal.resize(...SIZES[(i / 25 + n) % SIZES.length]!);
        }
        await calm(terminal);
        terminal.type(':interval 3600\r');
        await expectConsistent(terminal);
        await quit(terminal);
      } finally {
        terminal.kill();
      }
    },
  );

  async function quit(terminal: TestTerminal): Promise<void> {
    terminal.type('\x03');
    const ended = await Promise.race([terminal.exited, pause(60_000)]);
    expect(ended, terminal.text()).toMatchObject({ exitCode: 0 });
    expect(terminal.alternate).toBe(false);
    expect(terminal.output).toMatch(/\x1b\[\?25h/);
    expect(terminal.output).not.toMatch(/TypeError|RangeError|Cannot read prop| at .*\.js:\d+:\d+/);
  }

  it('megabytes pasted, into the table and into a line: taken, and it goes on', { timeout: 300_000 }, async () => {
    const terminal = start('task', '-d', '3600');
    try {
      await terminal.waitFor(/PID/, 'the table', 90_000);
      const paste = `\x1b[200~${'jk \x1b[A日本\t'.repeat(1 << 17)}\x1b[201~`;
      terminal.type('/');
      for (let at = 0; at < paste.length; at += 4096) {
        terminal.type(paste.slice(at, at + 4096));
        if (at % (1 << 17) === 0) await pause(5);
      }
      // The same of a terminal that puts no marks around it: keys, each for itself.
      for (let n = 0; n < 4; n++) terminal.type('jk 日\x1b[A'.repeat(256));
      terminal.type('\x1b');
      await pause(500);
      await quit(terminal);
    } finally {
      terminal.kill();
    }
  });

  it.each(SIZES)('%i by %i cells', { timeout: 120_000 }, async (cols, rows) => {
    const terminal = new TestTerminal(process.execPath, [PROGRAM, 'task', '-d', '3600'], { cols, rows, env });
    try {
      await terminal.waitFor((screen) => cols * rows < 50 || screen.trim() !== '', 'anything', 90_000);
      await terminal.settled();
      await expectConsistent(terminal);
      await quit(terminal);
    } finally {
      terminal.kill();
    }
  });

  it('a terminal that says it has no cells', { timeout: 120_000 }, async () => {
    const terminal = new TestTerminal(
      '/bin/sh',
      ['-c', 'stty rows 0 cols 0; exec "$@"', 'sh', process.execPath, PROGRAM, 'task', '-d', '3600'],
      { cols: 80, rows: 24, env },
    );
    try {
      await terminal.waitFor(/PID/, 'the table', 90_000);
      await quit(terminal);
    } finally {
      terminal.kill();
    }
  });
});
