/** Run in a guest: the program in a pseudo-terminal, as a person would use it, each screen printed. */
import { KEY, PROGRAM, TestTerminal } from '../terminal/terminal.ts';

/** An emulated machine takes its time. */
const PATIENCE_MS = 120_000;
const terminal = new TestTerminal(process.execPath, [PROGRAM, 'task', '-d', '5'], { cols: 100, rows: 24 });
const show = async (what: string, wanted: RegExp) => {
  const screen = await terminal.waitFor(wanted, what, PATIENCE_MS);
  process.stdout.write(`-- ${what}\n${screen}\n`);
};
await show('processes', /PID.*COMMAND\s*\n(?:.*\n)*? *\d+ .*:\d\d\.\d\d .*[a-z]/);
terminal.type('d');
await show('the details of one', /pid +\d+/i);
terminal.type(KEY.escape);
terminal.type(':tcp\r');
await show('TCP sockets', /LOCAL/);
terminal.type('q');
const { exitCode } = await terminal.exited;
process.stdout.write(`-- ended with ${exitCode}\n`);
process.exit(exitCode);
