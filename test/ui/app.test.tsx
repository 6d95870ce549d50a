import { afterEach, describe, expect, it } from 'vitest';
import type { Template } from '../../src/templates/template.ts';
import { KEYMAP, keyLabel } from '../../src/ui/keymap.ts';
import { FakeView, TASK_COLUMNS, taskRows, taskView, tcpView } from './fake-view.ts';
import { expectGolden, fakeSession, openScreen, type Screen, type ScreenOptions } from './screen.tsx';

const ESC = '\x1b';
let screen: Screen;
afterEach(() => screen.close());

async function show(options: ScreenOptions = {}, view: FakeView | null = taskView(40)) {
  screen = await openScreen(options);
  if (view) screen.session.getState().received(view);
  await screen.settle();
  return screen;
}

describe.each([
  ['80x24', { columns: 80, rows: 24 }],
  ['200x50', { columns: 200, rows: 50 }],
])('screens at %s', (size, options) => {
  it.each<[string, string[]]>([
    ['table', ['jjj']],
    ['picker', ['v']],
    ['sort', ['s', 'j']],
    ['help', ['?']],
    ['detail', ['jj', '\r', 'j']],
    ['search', ['/', 'ngin(', '\r']],
    ['where', ['w', 'rss > 64K']],
    ['filter', ['f', '12x', '\r']],
    ['interval', ['i', '\x15', '0', '\r']],
    ['export', ['e', '\x15', 'rows.csv']],
  ])('%s', async (name, keys) => {
    await show(options);
    await screen.press(...keys);
    expectGolden(`ui-${name}-${size}`, screen.text());
  });

  it('another view, with filters, scrolled', async () => {
    const session = fakeSession({
      template: 'tcp',
      filters: { pid: '1234', port: '443,8000-8100' },
      search: '!LISTEN',
    });
    await show({ ...options, session }, tcpView());
    await screen.press('\x1b[C', '\x1b[C');
    expectGolden(`ui-tcp-${size}`, screen.text());
  });
});

describe('the table', () => {
  it('marks the selected row, which stays the same object', async () => {
    await show();
    expect(screen.reversed()).toEqual([]);
    await screen.press('jjj');
    expect(screen.reversed()).toEqual([5]);
    const pid = screen.lines()[5]!.slice(0, 7);
    screen.session.getState().received(taskView(40, 1));
    await screen.settle();
    const [marked] = screen.reversed();
    expect(screen.lines()[marked!]!.slice(0, 7)).toBe(pid);
  });

  it('formats no cell again when only the cursor moves', async () => {
    const view = taskView(100_000);
    await show({}, view);
    view.formatted = 0;
    await screen.press('jjjjj', 'k');
    expect(view.formatted).toBe(0);
    expect(screen.reversed()).toEqual([6]);
    await screen.press('\x1b[6~');
    expect(view.formatted).toBeLessThanOrEqual(2 * 20 * TASK_COLUMNS.length);
  });

  it('writes little for a key press', async () => {
    await show({ columns: 200, rows: 50 }, taskView(1000));
    await screen.press('j');
    screen.stdout.written = '';
    await screen.press('j');
    expect(screen.stdout.written.length).toBeLessThan(2000);
  });

  it('stands still while the terminal is resized, from 1x1 to 300x100', async () => {
    await show();
    await screen.press('jjj');
    for (const pane of ['', '?', 'v', 's', 'f', '/', 'i', 'e', '\r']) {
      await screen.press(pane);
      for (const [columns, rows] of [
        [300, 100],
        [1, 1],
        [2, 50],
        [79, 2],
        [5, 3],
        [40, 5],
        [120, 8],
        [1000, 4],
        [80, 24],
      ] as const) {
        await screen.resize(columns, rows);
        const lines = screen.lines();
        expect(lines.length).toBe(rows);
        if (columns > 1) expect(lines.join('').trim(), `${pane} at ${columns}x${rows}`).not.toBe('');
        if (pane === '' && rows > 6 && columns > 20) expect(lines.at(-1)).toContain('? Help');
        if (pane === '' && rows > 6 && columns > 20) expect(lines[0]).toContain('task');
      }
      await screen.press(ESC);
    }
    expect(screen.lines()[2]).toContain('PID USER');
    expect(screen.reversed()).toHaveLength(1);
  });

  it('keeps every column in its place, whatever the cells hold', async () => {
    const hostile = [
      '\x1b[2J\x1b[H\x1b]0;pwned\x07',
      'a\nb\rc\td',
      '日本語テキスト',
      'e\u0301\u0301\u0301',
      '👨‍👩‍👧🇫🇷☀\ufe0f',
      '\u202eevil\u202c',
      '\ud800',
      '\u009b31m\u0085',
      'ｱﾞ각ᄀ',
      '\u0301',
    ];
    const rows = taskRows(hostile.length).map((row, index) => ({
      ...row,
      cells: { ...row.cells, user: hostile[index]!, comm: hostile[index]!, cmdline: 'END' },
    }));
    await show({ columns: 170 }, new FakeView('task', TASK_COLUMNS, rows));
    // In the cells of a terminal that takes emoji for one cell, where string-width has two.
    const columns = hostile.map((_, index) => screen.columnOf(3 + index, 'END'));
    expect(new Set(columns).size).toBe(1);
    expect(columns[0]).toBeGreaterThan(0);
    expect(screen.lines()[0]).toContain('task');
    expect(screen.text()).toContain('\\x1b[2J');
    expect(screen.stdout.written).not.toContain('pwned\x07');
    expect(screen.stdout.written).not.toMatch(/[\u0080-\u009f\u202e]/);
  });

  it('says why it is empty, and which key helps', async () => {
    await show({}, null);
    expect(screen.text()).toContain('reading task ...');
    const empty = (total = 0) => new FakeView('task', TASK_COLUMNS, [], { total });
    const { getState } = screen.session;
    const reason = async (view: FakeView) => {
      getState().received(view);
      await screen.settle();
      return screen.lines()[3];
    };
    expect(await reason(empty())).toBe('The kernel has no task to show now.');
    getState().toggleSwitch('kthreads');
    expect(await reason(empty())).toBe('The kernel has no task to show now. Hidden: kernel threads (K).');
    getState().setFilters({ pid: '7' });
    expect(await reason(empty())).toBe('No task passes the filter pid 7: f changes it.');
    getState().setWhere('cpu > 3');
    expect(await reason(empty())).toBe('No task passes the filter pid 7 (f changes it) and fulfils cpu > 3 (w).');
    getState().setSearch('zz');
    expect(await reason(empty(40))).toBe('None of 40 rows matches the search zz: Esc drops it.');
  });
});

describe('the status', () => {
  it('shows an error until the next good refresh, whole where it is long, the last rows staying', async () => {
    await show({ rows: 30 });
    const message = `BPF_LINK_CREATE failed with EPERM: ${'it needs CAP_BPF and CAP_PERFMON; '.repeat(4)}the end`;
    screen.session.getState().failed(message);
    await screen.settle();
    expect(screen.lines()[1]).toContain('error: BPF_LINK_CREATE failed with EPERM');
    expect(screen.text()).toContain('the end');
    expect(screen.lines()[3]).toContain('root');
    screen.session.getState().received(taskView(40, 1));
    await screen.settle();
    expect(screen.text()).not.toContain('EPERM');
  });

  it('shows an error before the first refresh where the rows would be', async () => {
    await show({}, null);
    screen.session.getState().failed('no BTF at /sys/kernel/btf/vmlinux; the kernel needs CONFIG_DEBUG_INFO_BTF');
    await screen.settle();
    expect(screen.lines()[3]).toContain('error: no BTF at /sys/kernel/btf/vmlinux');
  });

  it('counts rows, visits, doubles, and says what is asked', async () => {
    const view = taskView(12, 0, { total: 40, stats: { visited: 18_002, doubles: 2, totalMs: 12.4 } });
    await show({ columns: 140 }, view);
    const { getState } = screen.session;
    getState().togglePause();
    getState().toggleSwitch('kthreads');
    getState().toggleUngroup();
    getState().toggleFollow();
    getState().setSearch('!x');
    await screen.settle();
    expect(screen.lines()[0]).toMatch(
      /^task {2}12 of 40 rows {2}18,002 visited {2}2 seen twice {2}by cpu ▼ {2}PAUSED {2}12 ms {2,}Linux 6\.18\.5 {2}14:03:22$/,
    );
    expect(screen.lines()[1]).toBe('filter  none  search  !x  without kernel threads  with threads  following');
  });

  it('drops a notice at the next key', async () => {
    await show();
    await screen.press('n');
    expect(screen.lines()[1]).toBe('nothing is searched for: / searches');
    await screen.press('j');
    expect(screen.lines()[1]).toBe('filter  none');
  });
});

describe('the keys', () => {
  it('act as many when they come as one burst', async () => {
    await show();
    await screen.press('jjjj/ssh\rs');
    expect(screen.session.getState()).toMatchObject({ cursor: { row: 3 }, search: { pattern: 'ssh' } });
    expect(screen.session.getState().panes.at(-1)?.name).toBe('sort');
  });

  it('go round the panes with Tab, through the lines of the filter', async () => {
    await show();
    const seen: (string | undefined)[] = [];
    for (const key of ['\t', '\t', '\t', '\t', '\x1b[Z', '\x1b[Z', '\x1b[Z']) {
      await screen.press(key);
      const pane = screen.session.getState().panes.at(-1);
      seen.push(pane && 'index' in pane ? `${pane.name} ${pane.index}` : pane?.name);
    }
    expect(seen).toEqual(['picker 0', 'filter 0', 'filter 1', undefined, 'filter 0', 'picker 0', undefined]);
  });

  it('pick another view, and not one that is not here', async () => {
    await show();
    await screen.press('v', 'G', '\r');
    expect(screen.lines()[1]).toBe('dmabuf is not here: this kernel has no bpf_iter_dmabuf (since 6.16)');
    await screen.press('kk', '\r');
    expect(screen.session.getState()).toMatchObject({ template: 'tcp', panes: [] });
    expect(screen.text()).toContain('reading tcp ...');
  });

  it('open the elements of a map, and come back to the same place', async () => {
    const made = (name: string, more: Partial<Template> = {}): Template => ({
      ...{ name, help: name, target: 'bpf_map', key: ['id'], show: ['id'], sort: 'id' },
      columns: [{ name: 'id', from: 'map->id', as: 'int', help: 'id' }],
      ...more,
    });
    const maps = made('maps', { elements: 'id' });
    const elements = made('elements');
    const session = fakeSession({ templates: [maps], template: 'maps' });
    const [id] = TASK_COLUMNS;
    const rows = [11, 12, 13].map((n) => ({ key: String(n), cells: { id: String(n) } }));
    const view = (template: string) => new FakeView(template, [{ ...id, name: 'id', title: 'ID' }], rows);
    screen = await openScreen({ session });
    session.getState().received(view('maps'));
    await screen.press('j', 'j', '\r');
    expect(screen.calls).toEqual(['map 12']);
    session.getState().enter(elements, {}, [maps, elements]);
    session.getState().received(view('elements'));
    await screen.press('\r');
    expect(session.getState().panes.at(-1)?.name).toBe('detail');
    await screen.press(ESC, '\x7f');
    expect(session.getState()).toMatchObject({ template: 'maps', cursor: { key: '12', row: 1 }, trail: [] });
    session.getState().received(view('maps'));
    await screen.press('d');
    expect(session.getState().panes.at(-1)?.name).toBe('detail');
    // Another map starts afresh, and Esc drops its search first.
    await screen.press(ESC);
    session.getState().enter(elements, {}, [maps, elements]);
    expect(session.getState().cursor).toBeNull();
    session.getState().setSearch('x');
    await screen.press(ESC);
    expect(session.getState()).toMatchObject({ template: 'elements', search: null });
    await screen.press(ESC);
    expect(session.getState().template).toBe('maps');
  });

  it('sort by the marked column', async () => {
    await show();
    await screen.press('s', 'j', '\r');
    expect(screen.session.getState()).toMatchObject({ sort: [{ column: 'rss', descending: true }], panes: [] });
    await screen.press('<', '<', 'I');
    expect(screen.session.getState().sort).toEqual([{ column: 'user', descending: true }]);
  });

  it('scroll the columns while there are any out of sight', async () => {
    await show({ columns: 60 });
    await screen.press(...Array<string>(20).fill('\x1b[C'));
    const { left } = screen.session.getState();
    expect(left).toBeLessThan(7);
    expect(screen.lines()[2]).toContain('COMMAND');
    expect(screen.lines()[2]).toMatch(/^ {5}PID«/);
    await screen.press('\x1b[D'.repeat(20));
    expect(screen.session.getState().left).toBe(0);
  });

  it('show what was typed around the caret, however long it is', async () => {
    await show();
    await screen.press('/', 'x'.repeat(100), 'END');
    expect(screen.lines().at(-3)).toContain('xxEND');
    await screen.press('\x1b[H', 'START');
    expect(screen.lines().at(-3)).toContain('/ STARTxx');
  });

  it('export, and ask before overwriting', async () => {
    let there = true;
    await show({
      exportView: async ({ path, overwrite }) => {
        if (path === 'bad') throw new Error('cannot write bad: EACCES; choose a directory that you may write to');
        if (there && !overwrite) throw Object.assign(new Error('it is there'), { code: 'EEXIST' });
        return `wrote 40 rows to ${path}`;
      },
    });
    await screen.press('e', '\x15', 'rows.csv', '\x1b[A\x1b[A', '\x1b[C', '\r');
    expect(screen.lines().at(-2)).toBe(' rows.json is there already. Overwrite it?');
    await screen.press('n');
    expect(screen.session.getState().panes.at(-1)?.name).toBe('export');
    await screen.press('\r', 'y');
    expect(screen.lines()[1]).toBe('wrote 40 rows to rows.json');
    there = false;
    await screen.press('e', '\x15', '\r');
    expect(screen.lines().at(-2)).toContain('a file name is needed');
    await screen.press('bad', '\r');
    expect(screen.lines().at(-2)).toContain('cannot write bad: EACCES');
    await screen.press(ESC);
    expect(screen.calls).toEqual([
      'export json shown rows.json',
      'export json shown rows.json',
      'export json shown rows.json overwrite',
      'export csv shown bad',
    ]);
  });

  it('are all in the help', async () => {
    await show({ rows: 250 });
    await screen.press('?');
    for (const { bindings } of KEYMAP) {
      for (const { keys, help } of bindings) {
        expect(screen.text()).toContain(help);
        expect(screen.text()).toContain(keyLabel(keys.at(-1)!));
      }
    }
  });

  it('scroll the help and the details', async () => {
    await show();
    await screen.press('?', 'G');
    expect(screen.text()).not.toContain('Anywhere');
    await screen.press('g', ESC, '\r', 'G');
    expect(screen.text()).toContain('cmdline: /usr/sbin/');
  });

  it('keep showing the details of an object that is gone', async () => {
    await show();
    await screen.press('j', '\r');
    const pid = screen.session.getState().cursor!.key;
    screen.session.getState().received(
      new FakeView(
        'task',
        TASK_COLUMNS,
        taskRows(40).filter((row) => row.key !== pid),
      ),
    );
    await screen.settle();
    expect(screen.lines()[2]).toContain(`task PID ${pid}  is gone: its last values`);
  });
});

describe('other terminals', () => {
  const sgr = () => new Set([...screen.stdout.written.matchAll(/\x1b\[([\d;]*)m/g)].map(([, codes]) => Number(codes)));
  async function tour() {
    await screen.press('jj', 'v', ESC, 'f', 'x', '\r', ESC, ' ');
    screen.session.getState().failed('an error');
    await screen.settle();
  }

  it('get the sixteen colours', async () => {
    await show({ session: fakeSession({ template: 'tcp' }) }, tcpView());
    await tour();
    expect([...sgr()].every((code) => code < 40)).toBe(true);
    expect(sgr()).toContain(31);
  });

  it('get no colour with NO_COLOR, but attributes', async () => {
    await show(
      { session: fakeSession({ template: 'tcp' }), env: { TERM: 'xterm', LANG: 'C.UTF-8', NO_COLOR: '1' } },
      tcpView(),
    );
    await tour();
    expect([...sgr()].filter((code) => code >= 30)).toEqual([]);
    expect(sgr()).toContain(7);
    expect(screen.lines()[2]).toContain('▼');
  });

  it('get signs instead of attributes when dumb, in ASCII', async () => {
    await show({ env: { TERM: 'dumb', LANG: 'C.UTF-8' } });
    await screen.press('jj');
    expect(screen.lines()[4]).toMatch(/^> +\d/);
    expect(screen.lines()[2]).toContain('CPU%v');
    await screen.press('v', 'j');
    expect(screen.lines().find((line) => line.startsWith('>  tcp'))).toBeDefined();
    await screen.press(ESC, '/', 'é', '\x1b[D');
    expect(screen.text()).toContain('/ _');
    await tour();
    expect(sgr()).toEqual(new Set());
    // eslint-disable-next-line no-control-regex
    expect(screen.stdout.written).toMatch(/^[\x00-\x7f]*$/);
  });

  it('get ASCII where the locale is not UTF-8', async () => {
    await show({ env: { TERM: 'xterm', LANG: 'C' } });
    expect(screen.lines()[2]).toContain('CPU%v');
    expect(screen.stdout.written).toMatch(/^[\x00-\x7f]*$/);
  });
});
