/** W keeps trees, the order of a walk and the mouse; the next start has them. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];
const PATIENCE = 30_000;

describe.skipIf(skip)('a saved arrangement (needs root)', () => {
  let config: string;
  let terminal: TestTerminal | undefined;
  const saved = () => fs.readFileSync(path.join(config, 'itertop', 'settings.yaml'), 'utf8');

  beforeEach(() => {
    config = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-arranged-'));
  });
  afterEach(async () => {
    await end();
    fs.rmSync(config, { recursive: true, force: true });
  });

  async function end() {
    terminal?.kill();
    await terminal?.exited;
    terminal = undefined;
  }
  async function itertop(...args: string[]): Promise<TestTerminal> {
    await end();
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], {
      ...{ cols: 100, env: { XDG_CONFIG_HOME: config } },
    });
    await terminal.waitFor(new RegExp(`^${args[0]} .* rows?`, 'm'), `the table ${args[0]}`, PATIENCE);
    return terminal;
  }
  async function save(shown: TestTerminal) {
    shown.type('W');
    await shown.waitFor(/saved in .*settings\.yaml/, 'that it was saved', PATIENCE);
  }

  it('has the tree and the mouse', async () => {
    let shown = await itertop('task', '--no-mouse');
    shown.type('t');
    await shown.waitFor(/tree by /, 'a tree', PATIENCE);
    await save(shown);
    expect(saved()).toMatch(/tree: true/);
    expect(saved()).toMatch(/^mouse: false/m);
    shown = await itertop('task');
    await shown.waitFor(/tree by /, 'a tree', PATIENCE);
    shown.type('t');
    await shown.waitFor((screen) => !screen.includes('tree by '), 'a list', PATIENCE);
    await save(shown);
    expect(saved()).not.toContain('tree:');
    expect(shown.output).not.toContain('\x1b[?1000h');
    shown = await itertop('task', '--mouse');
    await save(shown);
    expect(shown.output).toContain('\x1b[?1000h');
    expect(saved()).toMatch(/^mouse: true/m);
  });

  it('has the order in which cgroups are walked', async () => {
    let shown = await itertop('cgroup');
    shown.type('O');
    await shown.waitFor(/walk {2}descendants_post/, 'another order', PATIENCE);
    await save(shown);
    expect(saved()).toContain('order: descendants_post');
    shown = await itertop('cgroup');
    await shown.waitFor(/walk {2}descendants_post/, 'the saved order', PATIENCE);
  });
});
