/** A search in a tree of processes, in the real program: the tree stays whole. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Family, startFamily } from '../support/family.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];

describe.skipIf(skip)('a search in a tree (needs root)', () => {
  let terminal: TestTerminal;
  let family: Family;
  beforeEach(async () => {
    family = await startFamily();
  });
  afterEach(async () => {
    terminal.kill();
    await terminal.exited;
    family.end();
  });

  it('keeps the rows above what it finds, in brackets; n goes from one found to the next', async () => {
    const args = ['task', '--pid', family.pids.join(), '--columns', 'pid,cmdline', '--sort', 'cmdline', '--tree'];
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args]);
    await terminal.waitFor(/4 rows.*tree by cmdline/, 'the tree', 30_000);
    const rows = () =>
      terminal
        .lines()
        .slice(3, 7)
        .map((line) =>
          line
            .replace(/ +\d+ (?=\S| *[└├])/, '')
            .slice(0, 24)
            .trimEnd(),
        );
    terminal.type(`/^\\S+ sleep ${KEY.enter}`);
    await terminal.waitFor(/2 of 4 rows/);
    await terminal.waitFor(/\(sh -c sleep 1002/);
    expect(rows()).toEqual(['(sh -c sleep 1002 & sh -', '├─(sh -c sleep 1001 & wa', '│ └─sleep 1001', '└─sleep 1002']);
    // The row above what was found is folded for nothing.
    terminal.type('gz');
    await terminal.waitFor(/what was found hangs below this row/);
    // From the first row to what was found, and on, and round.
    const selected = (pid: number) => (_: string) => terminal.output.includes(`\x1b[7m ${String(pid).padStart(7)}`);
    terminal.type('n');
    await terminal.waitFor(selected(family.grandchild), 'the first one found, selected');
    terminal.type('n');
    await terminal.waitFor(selected(family.child), 'the second one found, selected');
    terminal.type(KEY.escape);
    await terminal.waitFor((screen) => !screen.includes('(sh') && /├─sh -c/.test(screen), 'the whole tree');
  });
});
