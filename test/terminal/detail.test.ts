import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { BpfMap } from '../../src/bpf/map.ts';
import { skip } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const open: TestTerminal[] = [];
const children: ChildProcess[] = [];

function itertop(args: readonly string[], cols = 80, rows = 24, env: Record<string, string> = {}): TestTerminal {
  const terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols, rows, env });
  open.push(terminal);
  return terminal;
}
/** A process that wakes up ten times a second. */
function waking(): ChildProcess {
  const child = spawn('sh', ['-c', 'while sleep 0.1; do :; done'], { stdio: 'ignore' });
  children.push(child);
  return child;
}
async function structureOf(terminal: TestTerminal): Promise<void> {
  terminal.type('d');
  await terminal.waitFor(/\[Columns\]/);
  terminal.type(KEY.tab);
  await terminal.waitFor(/\[Structure\]/);
  await terminal.waitFor(/^ struct \w+ +VALUE +TYPE/m);
}
/** Types a pattern and waits until the line that it leads to is the marked one. */
async function find(terminal: TestTerminal, pattern: string, marked: RegExp): Promise<void> {
  terminal.type('/');
  await terminal.waitFor(/Search in the details/);
  terminal.type(`${pattern}${KEY.enter}`);
  await terminal.waitFor(marked);
}

afterEach(async () => {
  for (const terminal of open.splice(0)) {
    terminal.kill();
    await terminal.exited;
  }
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

describe.skipIf(skip)('details in a terminal (needs root)', () => {
  it("shows the kernel's struct of a map, and a member of it becomes a column", async () => {
    using map = BpfMap.create({ type: 'array', keySize: 4, valueSize: 24, maxEntries: 77, name: 't_detail_map' });
    expect(map.fd).toBeGreaterThan(0);
    const terminal = itertop(['bpf_map', '--search', 't_detail_map', '--columns', 'id,type,name', '--interval', '0.3']);
    await terminal.waitFor(/array +t_detail_map/);
    await structureOf(terminal);
    const lines: string[] = [];
    for (const member of ['key_size', 'value_size', 'max_entries', 'map_type', 'name']) {
      await find(terminal, `^${member} `, new RegExp(`map->${member}: `));
      lines.push(
        ...terminal
          .lines()
          .filter((line) => new RegExp(`^ +${member} `).test(line))
          .map((line) => line.trimEnd()),
      );
    }
    const file = new URL('../golden/terminal-detail-structure.txt', import.meta.url);
    if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(file, `${lines.join('\n')}\n`);
    expect(`${lines.join('\n')}\n`).toBe(fs.readFileSync(file, 'utf8'));
    // A column has it already: one descriptor, this test's.
    await find(terminal, '^usercnt', /map->usercnt\.counter: 1/);
    terminal.type('a');
    await terminal.waitFor(/shown now: --columns '\+user_refs'/);
    // What loads as root may be speculated past: kernel/bpf/syscall.c.
    await find(terminal, '^bypass_spec_v1', /map->bypass_spec_v1: 1/);
    terminal.type('a');
    await terminal.waitFor(/shown now: --columns '\+bypass_spec_v1=map->bypass_spec_v1'/);
    terminal.type(KEY.escape);
    await terminal.waitFor(/NAME +\S+ +BYPASS_SPEC_V1/);
    await terminal.waitFor(/array +t_detail_map +1 yes *$/m);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('looks through pointers and comes back, marks what changed, and shows zeros when asked', async () => {
    const child = waking();
    const terminal = itertop(['task', '--pid', String(child.pid), '--interval', '0.2'], 120, 40);
    await terminal.waitFor(/sh -c while/);
    await structureOf(terminal);
    await find(terminal, '^nvcsw ', /task->nvcsw: \d/);
    await terminal.waitFor(/nvcsw +\*\d+/);
    await find(terminal, '^real_parent ', /task->real_parent: 0x/);
    terminal.type(KEY.enter);
    await terminal.waitFor(/task->real_parent {2}struct task_struct/);
    await find(terminal, '^tgid ', new RegExp(`task->real_parent->tgid: ${process.pid}`));
    terminal.type(KEY.backspace);
    await terminal.waitFor(/task->real_parent: 0x/);
    expect(terminal.text()).toMatch(/^ struct task_struct +VALUE/m);
    await find(terminal, '^exit_code ', /nothing here matches/);
    terminal.type('0');
    await find(terminal, '^exit_code ', /task->exit_code: 0/);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('draws how numbers go, in ASCII where that is all there is', async () => {
    const child = waking();
    for (const [env, graph] of [
      [{}, /nvcsw +▁.*█ +\d+ +\d+ +\d+/],
      [{ LANG: 'C', LC_ALL: 'C' }, /nvcsw +[.:].*# +\d+ +\d+ +\d+/],
    ] as const) {
      const terminal = itertop(['task', '--pid', String(child.pid), '--interval', '0.2'], 80, 40, env);
      await terminal.waitFor(/sh -c while/);
      terminal.type('d');
      await terminal.waitFor(/\[Columns\]/);
      terminal.type('\x1b[Z');
      await terminal.waitFor(/\[History\]/);
      await terminal.waitFor(graph);
      if (Object.keys(env).length > 0) expect(terminal.text()).toMatch(/^[\x20-\x7e\n]*$/);
      terminal.type('q');
      expect((await terminal.exited).exitCode).toBe(0);
    }
  });

  it('keeps what was last seen of an object that is gone', async () => {
    const child = waking();
    const terminal = itertop(['task', '--pid', String(child.pid), '--interval', '0.2'], 100, 30);
    await terminal.waitFor(/sh -c while/);
    await structureOf(terminal);
    await find(terminal, '^tgid ', new RegExp(`task->tgid: ${child.pid}`));
    child.kill('SIGKILL');
    await terminal.waitFor(/is gone: its last values/);
    expect(terminal.text()).toMatch(new RegExp(`task->tgid: ${child.pid}`));
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });
});
