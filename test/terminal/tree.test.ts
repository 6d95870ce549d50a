/** The tree in the real program, over processes that the test has. */
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Family, startFamily } from '../support/family.ts';
import { PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];

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

/** Without what differs from run to run. */
function masked(screen: string): string {
  let text = screen
    .replace(/ {2}\d+ visited/, '')
    .replace(/(PAUSED).*/, '$1')
    .replace(/(\[kernel\]).*/, '$1');
  const names = ['TOP', 'INNER', 'GRAND', 'CHILD'];
  text = text.replaceAll(family.pids.join(), names.join());
  family.pids.forEach((pid, i) => {
    text = text.replaceAll(String(pid).padStart(7), names[i]!.padStart(7));
  });
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

function golden(name: string, text: string) {
  const file = new URL(`../golden/${name}`, import.meta.url);
  if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(file, `${text}\n`);
  expect(`${text}\n`).toBe(fs.readFileSync(file, 'utf8'));
}

const trees = (screen: string) =>
  screen
    .split('\n')
    .slice(3, 7)
    .map((line) => line.replace(/^ *\d+ +0 /, ''));

describe.skipIf(skip)('a tree in a terminal (needs root)', () => {
  it.each([
    [80, 24],
    [200, 50],
  ])('is shown, sorted, folded and left at %dx%d', async (cols, rows) => {
    const args = ['task', '--pid', family.pids.join(), '--columns', 'pid,nice,cmdline', '--sort', 'cmdline'];
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols, rows });
    await terminal.waitFor(/4 rows.*[^e] by cmdline/);
    terminal.type('t');
    await terminal.waitFor(/tree by cmdline ▲/);
    await terminal.waitFor(/├─sh -c sleep 1001/);
    terminal.type(' ');
    await terminal.waitFor(/PAUSED/);
    golden(`terminal-tree-${cols}x${rows}.txt`, masked(terminal.text()));
    terminal.type('I');
    await terminal.waitFor(/└─sh -c sleep 1001/);
    expect(trees(terminal.text())).toEqual(
      ['sh -c sleep 1002 &', '├─sleep 1002', '└─sh -c sleep 1001 & wait; true inner', '  └─sleep 1001'].map((start) =>
        expect.stringMatching(new RegExp(`^${start}`)),
      ),
    );

    // The second row has nothing below it, the third one has.
    terminal.type('jjz');
    await terminal.waitFor(/nothing hangs below this row/);
    terminal.type('jz');
    await terminal.waitFor(/3 of 4 rows/);
    expect(terminal.text()).toContain('└─[+1] sh -c sleep 1001');
    terminal.type('gz');
    await terminal.waitFor(/1 of 4 rows/);
    expect(terminal.text()).toContain('[+3] sh -c sleep 1002');
    terminal.type('z');
    await terminal.waitFor(/└─\[\+1\] sh -c sleep 1001/);
    terminal.type('t');
    await terminal.waitFor((screen) => /task {2}4 rows/.test(screen) && !/[├└]/.test(screen), 'a list of 4 rows');
  });
});
