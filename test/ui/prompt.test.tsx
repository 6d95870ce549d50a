/** The command line: what it takes, what Tab makes of it, and what it does. */
import { afterEach, describe, expect, it } from 'vitest';
import { KEYMAP } from '../../src/ui/keymap.ts';
import { TARGETS, TASK, TCP, TEMPLATES, taskView } from './fake-view.ts';
import { expectGolden, fakeSession, openScreen, type Screen } from './screen.tsx';

const ESC = '\x1b';
const UP = '\x1b[A';
const DOWN = '\x1b[B';
const SHIFT_TAB = '\x1b[Z';
let screen: Screen;
afterEach(() => screen.close());

async function show(options: Parameters<typeof openScreen>[0] = {}) {
  const templates = TEMPLATES.map((template) =>
    template.name === 'task'
      ? { ...TASK, aliases: ['ps'], finds: ['pid', 'comm'] }
      : template.name === 'tcp'
        ? { ...TCP, finds: ['port', 'laddr', 'comm'] }
        : template,
  );
  screen = await openScreen({ session: fakeSession({ templates }), ...options });
  screen.session.getState().received(taskView(40));
  await screen.settle();
  return screen;
}
const state = () => screen.session.getState();
const line = () =>
  screen
    .lines()
    .find((each) => each.startsWith('>:'))
    ?.slice(3);

describe.each([
  ['80x24', { columns: 80, rows: 24 }],
  ['200x50', { columns: 200, rows: 50 }],
])('at %s', (size, options) => {
  it('shows what can be typed, and what is wrong', async () => {
    await show(options);
    await screen.press(':', 'tcpp', '\r');
    const wrong = screen.text();
    expect(wrong).toContain('error: there is no table or action "tcpp"; did you mean tcp?');
    await screen.press('\x15', 't', '\t');
    expectGolden(`ui-prompt-${size}`, screen.text());
  });
});

describe('the command line', () => {
  it.each<[string, object]>([
    ['tcp', { template: 'tcp', filterTexts: {} }],
    [':tcp 443', { template: 'tcp', filterTexts: { port: '443' } }],
    ['tcp :443', { template: 'tcp', filterTexts: { port: '443' } }],
    ['tcp:443', { template: 'tcp', filterTexts: { port: '443' } }],
    ['tcp 443 8000-8100', { template: 'tcp', filterTexts: { port: '443,8000-8100' } }],
    ['tcp 443 nginx', { template: 'tcp', filterTexts: { port: '443' }, where: 'comm =~ "nginx"' }],
    ['tcp 10.0.0.0/8', { template: 'tcp', where: 'laddr == 10.0.0.0/8' }],
    ['tcp a.b"', { template: 'tcp', where: 'comm =~ "a\\.b\\""' }],
    ['tcp lport > 1024', { template: 'tcp', where: 'lport > 1024' }],
    ['ps 1234', { template: 'task', filterTexts: { pid: '1234' }, filters: { pid: [[1234, 1234]] } }],
    ['task postgres', { template: 'task', where: 'comm =~ "postgres"' }],
    ['ks', { template: 'ksym' }],
    ['sort rss', { sort: [{ column: 'rss', descending: false }] }],
    ['sort -rss,pid', { sort: [{ column: 'rss', descending: true }, { column: 'pid' }] }],
    ['where rss > 1G', { where: 'rss > 1G' }],
    ['search ngin', { search: { pattern: 'ngin', invert: false } }],
    ['interval 2', { interval: 2000 }],
    ['filter pid 1 2', { filterTexts: { pid: '1,2' } }],
    ['pause', { paused: true }],
    ['kernel-threads', { switches: { kthreads: false } }],
    ['export', { panes: [{ name: 'export' }] }],
    ['help', { panes: [{ name: 'help' }] }],
    ['', { template: 'task' }],
  ])('does %j', async (typed, expected) => {
    await show();
    await screen.press(':', typed, '\r');
    expect(state()).toMatchObject({ panes: [], ...expected });
  });

  it.each<[string, string]>([
    ['tpc', 'there is no table or action "tpc"; did you mean tcp'],
    ['qqqqqq', 'there is no table or action "qqqqqq"; Tab lists what there is'],
    ['s', '"s" may be '],
    ['dmabuf', 'dmabuf is not here: this kernel has no bpf_iter_dmabuf (since 6.16)'],
    ['sort rs', "task has no column 'rs'"],
    ['interval soon', 'soon'],
    ['filter port 1', 'task is not filtered by "port"; it can be by pid, user'],
    ['ksym 12 nothing!', 'ksym is looked up by '],
    ['pause now', 'pause takes nothing behind it'],
  ])('refuses %j and keeps what was typed', async (typed, words) => {
    await show({ columns: 120 });
    await screen.press(':', typed, '\r');
    expect(screen.text()).toContain(words);
    expect(line()).toBe(typed);
    expect(state()).toMatchObject({ template: 'task', panes: [{ name: 'prompt' }] });
  });

  it('quits, and opens maps', async () => {
    await show();
    await screen.press(':', 'quit', '\r');
    expect(screen.calls).toEqual(['quit']);
  });

  it('has every action of the table but those that move', async () => {
    await show({ rows: 60 });
    for (const { where, bindings } of KEYMAP) {
      if (!where.includes('table')) continue;
      for (const { action } of bindings) {
        if (['prompt', 'related', 'up', 'down', 'pageUp', 'pageDown', 'left', 'right'].includes(action)) continue;
        const word = action.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        await screen.press(':', word);
        expect(screen.text()).toMatch(new RegExp(`^[> ]${word}( |$)`, 'm'));
        await screen.press(ESC);
      }
    }
  });

  it('completes words and columns, round and round', async () => {
    await show();
    await screen.press(':', 't', '\t');
    expect(line()).toBe('task');
    await screen.press('\t');
    expect(line()).toBe('tcp');
    await screen.press(SHIFT_TAB);
    expect(line()).toBe('task');
    await screen.press('\x15', 'sort -cm', '\t');
    expect(line()).toBe('sort -cmdline');
    await screen.press('\x15', 'where comm == "x" && rs', '\t');
    expect(line()).toBe('where comm == "x" && rss');
  });

  it('brings back what was typed', async () => {
    await show();
    await screen.press(':', 'tcp 443', '\r', ':', 'task', '\r', ':', UP);
    expect(line()).toBe('task');
    await screen.press(UP);
    expect(line()).toBe('tcp 443');
    await screen.press(UP, DOWN, DOWN);
    expect(line()).toBe('');
  });

  it('looks something up and comes back, and remembers how the way here began', async () => {
    await show();
    await screen.press('jj', ':', 'tcp 443', '\r');
    expect(state()).toMatchObject({ template: 'tcp', trail: [{ template: 'task', row: '' }] });
    expect(screen.lines()[0]).toMatch(/^task › tcp/);
    await screen.press('\x7f');
    expect(state()).toMatchObject({ template: 'task', trail: [], cursor: { row: 1 } });
    await screen.press(':', 'tcp 443', '\r');
    await screen.press(':', 'task', '\r');
    expect(state()).toMatchObject({ template: 'task', cursor: { row: 1 } });
  });

  it('leaves room for the table, and works without any', async () => {
    await show({ rows: 8 });
    await screen.press(':', 't');
    expect(line()).toBe('t');
    for (const [columns, rows] of [
      [20, 4],
      [1, 1],
      [80, 24],
    ] as const)
      await screen.resize(columns, rows);
    expect(line()).toBe('t');
  });

  it.each([
    ['tcp is not here: this recording holds task only', TARGETS.slice(0, 1)],
    ['tcp is not here: o shows it beside task', TARGETS],
  ])('knows tables that a recording does not have: %s', async (words, targets) => {
    const replay = {
      ...{ begin: 0, end: 1000, count: 2, gaps: [], host: 'db-1', kernel: '6.0' },
      ...{ sample: false, ungroup: false, absent: new Map() },
    };
    await show({ session: fakeSession({ templates: [TASK], replay }), targets, columns: 120 });
    await screen.press(':', 'tcp 443', '\r');
    expect(screen.text()).toContain(`error: ${words}`);
  });

  it('is given the targets there are', async () => {
    await show({ targets: TARGETS.slice(0, 1) });
    await screen.press(':', 'tcp', '\r');
    expect(screen.text()).toContain('there is no table or action "tcp"');
  });
});
