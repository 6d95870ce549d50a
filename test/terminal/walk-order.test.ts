/** The order in which the cgroup hierarchy is walked, in the real program, over cgroups that the test makes. */
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];
const NAME = `itertop-walk-${process.pid}`;

/** Where cgroup2 is mounted. */
const mount = () =>
  fs
    .readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , type]) => type === 'cgroup2')?.[1];

let terminal: TestTerminal;
let folders: string[] = [];
beforeEach(() => {
  const root = mount();
  folders = root === undefined ? [] : ['', '/a', '/a/deep', '/b'].map((name) => `${root}/${NAME}${name}`);
  for (const folder of folders) fs.mkdirSync(folder);
});
afterEach(async () => {
  terminal?.kill();
  await terminal?.exited;
  for (const folder of folders.toReversed()) fs.rmdirSync(folder);
});

describe.skipIf(skip || mount() === undefined)('cgroups in a terminal (needs root and cgroup2)', () => {
  it('as a tree that says of each path what is new, and walked in another order', async () => {
    const args = ['cgroup', '--columns', 'procs,path', '--tree', '--where', `path == "/" || path =~ "${NAME}"`];
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols: 100, rows: 24 });
    await terminal.waitFor(/[├└]─b/);
    expect(terminal.text()).toContain('walk  descendants_pre');
    const lines = terminal.lines().slice(3, 8);
    expect(lines.map((line) => line.replace(/^ *\d+ /, '').trimEnd())).toEqual([
      ...['/', `└─${NAME}`, '  ├─a', '  │ └─deep', '  └─b'],
    ]);
    // Upwards from the root there is only the root.
    for (const order of ['descendants_post', 'ancestors_up', 'self', 'descendants_pre']) {
      terminal.type('O');
      await terminal.waitFor(new RegExp(`walk {2}${order}`));
      const many = order.startsWith('descendants');
      await terminal.waitFor(
        (screen) => screen.includes(`cgroup  ${many ? '5 rows' : '1 row'}`),
        `the rows of ${order}`,
      );
    }
  });
});
