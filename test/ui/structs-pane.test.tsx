/** The pane of structures: those of the running kernel, over a table of known cells. */
import { afterEach, describe, expect, it } from 'vitest';
import { questionOf } from '../../src/state/session.ts';
import type { StructAnswer } from '../../src/state/struct-reader.ts';
import { taskView } from './fake-view.ts';
import { openScreen, type Screen } from './screen.tsx';

let screen: Screen;
afterEach(() => screen.close());

async function show(options = {}) {
  screen = await openScreen({ columns: 80, rows: 24, ...options });
  const state = screen.session.getState;
  state().received(taskView(10));
  await screen.press('c', 'b');
  return state;
}

function answer(path: string, key: string, values: Readonly<Record<string, string>>): StructAnswer {
  const lines = Object.entries(values).map(([member, value]) => ({
    ...{ depth: 0, name: member, type: 'int', value, key: `/${member}`, path: member },
    ...{ end: 0, opens: false, zero: false },
  }));
  return { asked: { template: 'task', key, path }, root: path, type: '', lines, others: [], cut: false, error: '' };
}

const lineOf = (text: string) => screen.lines().find((line) => line.includes(text)) ?? '';

describe('the pane of structures', () => {
  it('asks for the struct of one row, and shows its values', async () => {
    const state = await show();
    const { key } = state().cursor!;
    expect(questionOf(state()).struct).toEqual({ template: 'task', key, path: 'task' });
    state().valuesReceived(answer('task', key, { flags: '4194560', 'usage.refs.counter': '7' }));
    await screen.settle();
    expect(lineOf('  flags ')).toMatch(/flags +4194560 +\+\d+ 4 +unsigned int/);
    expect(lineOf('  usage ')).toMatch(/usage +7 /);
    expect(lineOf('struct task_struct')).toContain(`values of PID ${key}`);
    // Another table's, or another struct's.
    state().valuesReceived({ ...answer('task->mm', key, { flags: '1' }) });
    expect(state().panes.at(-1)).toMatchObject({ answer: { root: 'task' } });
  });

  it('goes into pointers and back to the line that it came from', async () => {
    const state = await show();
    await screen.press('/', 'nsproxy', '\r', '\r');
    expect(lineOf('struct nsproxy')).toMatch(/^ task->nsproxy {2}/);
    expect(questionOf(state()).struct).toMatchObject({ path: 'task->nsproxy' });
    await screen.press('/', 'net_ns', '\r', '\x1b[C');
    expect(lineOf('struct net,')).toMatch(/^ task->nsproxy->net_ns /);
    await screen.press('\x7f', '\x1b[D');
    expect(state().panes.at(-1)).toMatchObject({ at: 'task', find: 'nsproxy' });
    // From the only object to all that the iterator gives, and out.
    await screen.press('\x1b', '\x7f');
    expect(lineOf('what bpf_iter_task gives')).not.toBe('');
    await screen.press('\x7f');
    expect(state().panes.at(-1)).toMatchObject({ name: 'columns' });
    await screen.press('\t');
    expect(state().panes.at(-1)).toMatchObject({ name: 'structs' });
    await screen.press('\t');
    expect(state().panes.at(-1)).toMatchObject({ name: 'columns' });
  });

  it('finds members here and a few steps away; Enter makes a column of a value', async () => {
    await show();
    await screen.press('/', 'total_vm');
    expect(lineOf('mm->total_vm')).toContain('long unsigned int');
    await screen.press('\r', '\r');
    expect(screen.calls.at(-1)).toBe('column task->mm->total_vm');
    // Of a pointer the address.
    await screen.press('\x1b', '/', 'real_parent', '\r', 'a');
    expect(screen.calls.at(-1)).toBe('column task->real_parent');
    await screen.press('/', '\x15', 'no_such_thing', '\r', '\r', 'a', '\x1b[C');
    expect(screen.text()).toContain('no member has "no_such_thing"');
  });

  it('keeps the mark where it is when the search is taken back', async () => {
    const state = await show();
    await screen.press('/', 'exit_state', '\r', '\x1b');
    const pane = state().panes.at(-1);
    expect(pane).toMatchObject({ name: 'structs', find: '' });
    expect(lineOf('task->exit_state')).toContain('Enter shows it as a column');
  });

  it.each([
    [1, 1],
    [20, 6],
    [80, 24],
    [200, 50],
  ])('fits %i x %i', async (columns, rows) => {
    await show();
    await screen.resize(columns, rows);
    expect(screen.lines()).toHaveLength(rows);
    if (columns >= 80) expect(lineOf('thread_info')).toMatch(/^ > thread_info/);
  });
});
