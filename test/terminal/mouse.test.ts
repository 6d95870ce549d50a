/** The mouse in the real program: it is taken, given back on every way out, and left alone where that is asked for. */
import { afterEach, describe, expect, it } from 'vitest';
import { skip } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const ON = '\x1b[?1000h\x1b[?1006h';
const OFF = '\x1b[?1006l\x1b[?1000l';
const count = (text: string, part: string) => text.split(part).length - 1;

describe.skipIf(skip)('the mouse in a terminal', () => {
  let terminal: TestTerminal;
  afterEach(async () => {
    terminal.kill();
    await terminal.exited;
  });
  const row = () => new RegExp(`^.? *${process.pid} `, 'm');
  const open = async (...args: string[]) => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, 'task', '--pid', String(process.pid), ...args]);
    await terminal.waitFor(row());
  };

  it.each<[string, (pid: number) => void, number]>([
    ['q', () => terminal.type('q'), 0],
    ['SIGTERM', (pid) => process.kill(pid, 'SIGTERM'), 143],
    ['SIGHUP', (pid) => process.kill(pid, 'SIGHUP'), 129],
  ])('is given back after %s', async (_, end, code) => {
    await open();
    await terminal.waitFor(() => count(terminal.output, ON) === 1, 'the mode');
    expect(terminal.output).not.toContain(OFF);
    end(terminal.pid);
    expect((await terminal.exited).exitCode).toBe(code);
    expect(count(terminal.output, OFF)).toBe(1);
    expect(terminal.output.lastIndexOf(OFF)).toBeGreaterThan(terminal.output.lastIndexOf(ON));
  });

  it('is lent with the terminal, and taken again', async () => {
    await open();
    terminal.type('\x0c');
    await terminal.waitFor(() => count(terminal.output, OFF) === 1 && count(terminal.output, ON) === 2, 'both modes');
    expect(terminal.output.lastIndexOf(ON)).toBeGreaterThan(terminal.output.lastIndexOf(OFF));
  });

  it('selects and opens a row by clicks', async () => {
    await open();
    const line = terminal.lines().findIndex((text) => row().test(text)) + 1;
    terminal.type(`\x1b[<0;5;${line}M\x1b[<0;5;${line}m\x1b[<0;5;${line}M\x1b[<0;5;${line}m`);
    await terminal.waitFor(/MEANS/);
    terminal.type(KEY.escape);
  });

  it('is left to the terminal with --no-mouse', async () => {
    await open('--no-mouse');
    terminal.type('q');
    await terminal.exited;
    expect(terminal.output).not.toMatch(/\x1b\[\?100[0-9]/);
  });
});
