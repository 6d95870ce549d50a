/** Copying what is seen, and the command line that gives the same rows. */
import { afterEach, describe, expect, it } from 'vitest';
import { type CommandState, commandLine, shellLines, shellQuoted } from '../../src/state/command-line.ts';
import { withColumns } from '../../src/templates/adhoc.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import type { Template } from '../../src/templates/template.ts';
import { clipboardSequence } from '../../src/ui/clipboard.ts';
import { TASK, taskView } from './fake-view.ts';
import { fakeSession, openScreen, type Screen } from './screen.tsx';

describe('the sequence', () => {
  const clipboard = (sequence: string) =>
    [...sequence.matchAll(/\x1b{1,2}\]52;c;([A-Za-z0-9+/=]*)\x07/g)].map(([, base64]) =>
      Buffer.from(base64!, 'base64').toString(),
    );

  it('has the text in base64', () => {
    const sequence = clipboardSequence('a\tß\n日本', {});
    expect(clipboard(sequence)).toEqual(['a\tß\n日本']);
    expect(sequence).toMatch(/^\x1b\]52;c;[^\x00-\x1f]*\x07$/);
  });

  it('is also wrapped for tmux', () => {
    const sequence = clipboardSequence('x', { TMUX: '/tmp/tmux-0/default,1,0' });
    expect(sequence).toBe('\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\\x1b]52;c;eA==\x07');
    expect(clipboard(sequence)).toEqual(['x', 'x']);
  });

  it('is not made of what terminals would cut', () => {
    expect(clipboardSequence('x'.repeat(56_244), {}).length).toBe(74_992 + 8);
    expect(() => clipboardSequence('x'.repeat(56_247), {})).toThrow(/not copied: 56247 characters/);
  });
});

describe('the command line', () => {
  function line(template: Template, change: Partial<CommandState> & { files?: readonly string[] } = {}): string {
    const { files, ...state } = change;
    return commandLine(
      {
        ...{ templates: new Map([[template.name, template]]), template: template.name, columns: ['pid', 'comm'] },
        ...{ sort: [{ column: 'pid', descending: false }], filterTexts: {}, ungroup: false, search: null },
        ...{ switches: Object.fromEntries((template.switches ?? []).map(({ name, on }) => [name, on])) },
        groupBy: '',
        watch: false,
        tree: false,
        ...{ where: '', netns: 'all', order: undefined },
        ...state,
      },
      files,
    ).join(' ');
  }
  /** Columns that are computed from others need none. */
  const never = () => null as never;
  const made = (text: string) => withColumns(task, text, never, findTemplate).template;

  it.each<[string, string, Template, Parameters<typeof line>[1]]>([
    ['the least', '--columns pid,comm --sort pid', task, {}],
    ['a tree', '--columns pid,comm --sort pid --tree', task, { tree: true }],
    [
      'sorted',
      '--columns pid,comm --sort=-rss,pid',
      task,
      {
        sort: [
          { column: 'rss', descending: true },
          { column: 'pid', descending: false },
        ],
      },
    ],
    [
      'filtered',
      '--columns pid,comm --sort pid --pid 1,5-9 --user root',
      task,
      { filterTexts: { pid: '1,5-9', user: 'root' } },
    ],
    [
      'where',
      `--columns pid,comm --sort pid --where 'comm == "it'\\''s" && rss > 1G'`,
      task,
      { where: `comm == "it's" && rss > 1G` },
    ],
    [
      'searched',
      `--columns pid,comm --sort pid --search '!^a b$'`,
      task,
      { search: { pattern: '^a b$', invert: true } },
    ],
    [
      'a search like an option',
      '--columns pid,comm --sort pid --search=--help',
      task,
      { search: { pattern: '--help', invert: false } },
    ],
    ['without kernel threads', '--columns pid,comm --sort pid --no-kthreads', task, { switches: { kthreads: false } }],
    ['threads', '--columns pid,comm --sort pid --threads', task, { ungroup: true }],
    [
      'namespaces',
      '--columns state,rxq --sort rxq --netns 4026531840,7',
      tcp,
      { columns: ['state', 'rxq'], sort: [{ column: 'rxq', descending: false }], netns: [4026531840, 7] },
    ],
    [
      'groups',
      '--columns pid,comm --group comm --sort=-rows',
      task,
      { groupBy: 'comm', sort: [{ column: 'rows', descending: true }] },
    ],
    [
      'files',
      `--template /a.yaml --template '/b c.yaml' --columns pid,comm --sort pid`,
      task,
      { files: ['/a.yaml', '/b c.yaml'] },
    ],
  ])('%s', (_, expected, template, change) => {
    expect(line(template, change)).toBe(`itertop dump ${template.name} ${expected}`);
  });

  it('makes columns again that were made on the spot, and those that they are computed from', () => {
    const template = made('a=rate(utime), b=delta(a):count, c=share(stime)');
    expect(line(template, { columns: ['pid', 'b'] })).toBe(
      "itertop dump task --columns 'pid,b=delta(a):count,a=rate(utime)' --sort pid",
    );
    expect(line(template, { columns: ['pid'], where: 'c > 5 && pid > 1' })).toContain("--columns 'pid,c=share(stime)'");
    expect(line(template, { sort: [{ column: 'c', descending: true }] })).toContain("'pid,comm,c=share(stime)'");
    // And these are taken, in any order.
    expect(withColumns(task, 'pid,b=delta(a):count,a=rate(utime)', never, findTemplate).columns).toEqual([
      'pid',
      'b',
      'a',
    ]);
  });

  it.each([
    ['plain-1.2:/x', 'plain-1.2:/x'],
    ['', "''"],
    ['a b', "'a b'"],
    ["it's", "'it'\\''s'"],
    ['$(rm)', "'$(rm)'"],
    ["a\nb'\\", "$'a\\012b\\'\\\\'"],
    ['é', "'é'"],
    ['\x1b\x9b\u202e', "$'\\033\\302\\233\\342\\200\\256'"],
  ])('%j is quoted', (word, quoted) => {
    expect(shellQuoted(word)).toBe(quoted);
  });

  it('is broken between words, for the shell to put together', () => {
    const words = ['itertop', 'dump', 'task', '--where', "'a b'"];
    expect(shellLines(words, 80)).toEqual(["itertop dump task --where 'a b'"]);
    expect(shellLines(words, 16)).toEqual(['itertop dump \\', '  task --where \\', "  'a b'"]);
  });
});

describe('on the screen', () => {
  let screen: Screen;
  afterEach(() => screen.close());

  it('y copies the cells of the selected row', async () => {
    screen = await openScreen();
    screen.session.getState().received(taskView(40));
    await screen.press('y');
    expect(screen.calls).toEqual([]);
    expect(screen.lines()[1]).toContain('no row is selected');
    await screen.press('j', 'y');
    const view = taskView(40);
    const cells = view.columns.map((column) => view.cell(0, column));
    expect(screen.calls).toEqual([`copy ${cells.join('\t')}`]);
    expect(screen.lines()[1]).toContain(`copied for the terminal's clipboard: ${cells.length} cells of ${cells[0]}`);
  });

  it('y says of a row what it is called', async () => {
    screen = await openScreen({ session: fakeSession({ templates: [{ ...TASK, label: ['pid', 'comm'] }] }) });
    screen.session.getState().received(taskView(40));
    await screen.press('j', 'y');
    expect(screen.lines()[1]).toContain('9 cells of 1025 bash');
  });

  it('in the details it copies the value of the marked line', async () => {
    screen = await openScreen();
    screen.session.getState().received(taskView(40));
    await screen.press('j', '\r', 'j', 'y');
    const view = taskView(40);
    expect(screen.calls).toEqual([`copy ${view.cell(0, view.details[1]!)}`]);
  });

  it('Y shows the command line and copies it', async () => {
    screen = await openScreen({ session: fakeSession() });
    screen.session.getState().received(taskView(40));
    await screen.press('Y');
    expect(screen.calls).toEqual(['copy itertop dump task --pid 1']);
    expect(screen.text()).toContain('itertop dump task --pid 1');
    expect(screen.text()).toContain("The same rows without a screen; copied for the terminal's clipboard");
    await screen.press('\x1b');
    expect(screen.text()).not.toContain('itertop dump');
  });
});
