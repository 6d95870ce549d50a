import { afterEach, describe, expect, it } from 'vitest';
import { structQuestion } from '../../src/state/detail.ts';
import { SAMPLES } from '../../src/state/history.ts';
import { questionOf } from '../../src/state/session.ts';
import { fakeAnswer, TASK_TEXT } from './fake-struct.ts';
import { FakeView, fakeColumn, TASK } from './fake-view.ts';
import { expectGolden, fakeSession, openScreen, type Screen, UTF8 } from './screen.tsx';

const COLUMNS = [
  fakeColumn('pid', { format: 'int', align: 'right' }),
  fakeColumn('comm', { format: 'text' }),
  fakeColumn('cpu', { format: 'percent', align: 'right' }),
  fakeColumn('rss', { format: 'bytes', align: 'right' }),
];
const BEGIN = new Date(2026, 10, 26, 14, 3, 20).getTime();

/** One task at refresh `n`. */
function view(n: number, cells: Record<string, string> = {}): FakeView {
  const row = {
    key: 'a',
    cells: { pid: '42', comm: 'sleep', cpu: String((n * 7) % 20), rss: String(4096 + n), ...cells },
  };
  return new FakeView('task', COLUMNS, [row], { stats: { begin: BEGIN + n, sessionId: n } });
}
function opened(views = 1) {
  const session = fakeSession();
  session.getState().resized(10);
  session.getState().received(view(0));
  session.getState().openDetail();
  for (let n = 1; n < views; n++) session.getState().received(view(n));
  return session;
}
const paneOf = (session: ReturnType<typeof fakeSession>) => {
  const pane = session.getState().panes.find((each) => each.name === 'detail');
  if (!pane) throw new Error('no details are open');
  return pane;
};

let screen: Screen | undefined;
afterEach(() => {
  screen?.close();
  screen = undefined;
});
/** Name of the marked member. */
const marked = () => screen!.lines()[screen!.reversed()[0]!]!.trim().split(/ {2,}/)[0];

describe('the details', () => {
  it('tab goes through the parts, each with its own marked line', async () => {
    const session = opened(3);
    screen = await openScreen({ session });
    await screen.press('\x1b[B', '\t');
    session.getState().structReceived(fakeAnswer('a'));
    await screen.press('\x1b[B', '\x1b[B');
    expect(screen.text()).toContain('[Structure]');
    expect(marked()).toBe('→ mm');
    await screen.press('\t');
    expect(screen.text()).toContain('[History]');
    await screen.press('\t');
    expect(screen.text()).toContain('[Columns]');
    expect(marked()).toBe('comm');
    await screen.press('\x1b[Z', '\x1b[Z');
    expect(marked()).toBe('→ mm');
  });

  it.each<[readonly string[] | undefined, RegExp]>([
    [undefined, /^ task PID 42 {2}COMM sleep /],
    [['comm', 'pid'], /^ task sleep 42 {2}RSS 4096 {2}\[Columns\]/],
    // A column that is empty, or not read yet.
    [['cpu', 'cmdline', 'pid'], /^ task 42 {2}COMM sleep {2}RSS 4096 /],
    [['cpu'], /^ task PID 42 {2}COMM sleep /],
  ])('are called by %j', async (label, title) => {
    const session = fakeSession({ templates: [{ ...TASK, ...(label && { label }) }] });
    session.getState().received(view(0, { cpu: '' }));
    session.getState().openDetail();
    screen = await openScreen({ session });
    expect(screen.lines().find((line) => line.startsWith(' task'))).toMatch(title);
  });

  it.each(['80x24', '200x50'])('structure and history look like this at %s', async (size) => {
    const [columns, rows] = size.split('x').map(Number) as [number, number];
    const session = opened(40);
    screen = await openScreen({ session, columns, rows });
    session.getState().turnPart(1);
    session.getState().structReceived(fakeAnswer('a', { others: [{ path: 'parent', type: 'struct task_struct' }] }));
    const next = fakeAnswer('a', {
      text: TASK_TEXT.replace('1048576', '1048577'),
      others: [{ path: 'parent', type: 'struct task_struct' }],
    });
    session.getState().structReceived(next);
    await screen.press('/', ...'weight', '\r');
    expectGolden(`ui-detail-structure-${size}`, screen.text());
    await screen.press('\t');
    expectGolden(`ui-detail-history-${size}`, screen.text());
  });

  it('marks what another refresh changed, and only that', async () => {
    const session = opened(1);
    session.getState().received(view(1, { cpu: '0' }));
    screen = await openScreen({ session });
    expect(screen.lines().filter((line) => /^ \w+ +\*/.test(line))).toEqual([expect.stringMatching(/^ rss +\*4097/)]);
    // The same refresh, only sorted anew.
    session.getState().received(view(1, { cpu: '0' }));
    await screen.settle();
    expect(screen.text()).toMatch(/rss +\*4097/);
    session.getState().received(view(2, { cpu: '0', rss: '4097' }));
    await screen.settle();
    expect(screen.text()).not.toMatch(/^ \w+ +\*/m);
  });

  it('the structure is asked for while it is looked at, and only then', () => {
    const session = opened();
    const asked = () => questionOf(session.getState()).struct;
    expect(asked()).toBeUndefined();
    session.getState().turnPart(1);
    expect(asked()).toEqual({ template: 'task', key: 'a', path: '' });
    session.getState().openFind();
    expect(asked()).toEqual({ template: 'task', key: 'a', path: '' });
    session.getState().back();
    session.getState().received(new FakeView('task', COLUMNS, []));
    expect(paneOf(session).gone).toBe(true);
    expect(asked()).toBeUndefined();
    expect(structQuestion({ ...paneOf(session), gone: false, part: 'history' }, 'task')).toBeUndefined();
    session.getState().closeAll();
    expect(asked()).toBeUndefined();
  });

  it('folds and unfolds; the marked line stays the marked one when lines come before it', async () => {
    const session = opened();
    session.getState().turnPart(1);
    session.getState().structReceived(fakeAnswer('a'));
    screen = await openScreen({ session });
    await screen.press('\x1b[B');
    expect(marked()).toBe('▸ se');
    await screen.press('z', '\x1b[B');
    expect(marked()).toBe('▸ load');
    await screen.press('\x1b[C', '\x1b[B');
    expect(marked()).toBe('weight');
    session
      .getState()
      .structReceived(fakeAnswer('a', { text: TASK_TEXT.replace('.__state', '.first = (int)1,\n .__state') }));
    await screen.settle();
    expect(marked()).toBe('weight');
    // To the line that it is in, which then folds.
    await screen.press('\x1b[D');
    expect(marked()).toBe('▾ load');
    await screen.press('\x1b[D', '\x1b[D');
    expect(marked()).toBe('▾ se');
    await screen.press('\r');
    expect(screen.text()).not.toContain('load');
  });

  it('zeros are there when asked for', async () => {
    const session = opened();
    session.getState().turnPart(1);
    session.getState().structReceived(fakeAnswer('a'));
    screen = await openScreen({ session });
    expect(screen.text()).not.toContain('exit_code');
    await screen.press('0');
    expect(screen.text()).toMatch(/exit_code +0 /);
  });

  it('looks into a pointer; Esc and Backspace come back to the same line', async () => {
    for (const key of ['\x1b', '\x7f']) {
      const session = opened();
      session.getState().turnPart(1);
      session.getState().structReceived(fakeAnswer('a'));
      screen = await openScreen({ session });
      await screen.press('\x1b[B', '\x1b[B', '\r');
      expect(questionOf(session.getState()).struct?.path).toBe('task->mm');
      // What was on its way is about another struct.
      session.getState().structReceived(fakeAnswer('a'));
      expect(paneOf(session).structure.answer).toBeNull();
      const text = '(struct mm_struct){\n .total_vm = (long unsigned int)77,\n}\n';
      session.getState().structReceived(fakeAnswer('a', { path: 'task->mm', type: 'struct mm_struct', text }));
      await screen.settle();
      expect(screen.text()).toContain('task->mm  struct mm_struct');
      await screen.press('a');
      expect(screen.calls).toEqual(['column task->mm->total_vm']);
      await screen.press(key);
      session.getState().structReceived(fakeAnswer('a'));
      await screen.settle();
      expect(marked()).toBe('→ mm');
      screen.close();
    }
    screen = undefined;
  });

  it('finds in every part, goes round, and says what is wrong with a pattern', async () => {
    const session = opened();
    session.getState().turnPart(1);
    session.getState().structReceived(fakeAnswer('a'));
    screen = await openScreen({ session });
    await screen.press('/', ...'^(utime|inv_weight)', '\r');
    expect(marked()).toBe('inv_weight');
    await screen.press('n');
    expect(marked()).toBe('utime');
    await screen.press('n');
    expect(marked()).toBe('inv_weight');
    await screen.press('N');
    expect(marked()).toBe('utime');
    await screen.press('/', ...'a(', '\r');
    expect(screen.text()).toContain("error: search: unterminated group in 'a('");
    await screen.press('\x1b', '/', ...'nosuch', '\r');
    expect(screen.text()).toContain('nothing here matches nosuch');
    await screen.press('\t', '\t', '/', ...'rss', '\r');
    expect(marked()).toBe('rss');
  });

  it('a shows the marked column in the table', async () => {
    const session = fakeSession({ columns: ['pid'] });
    session.getState().received(view(0));
    session.getState().openDetail();
    screen = await openScreen({ session });
    await screen.press('G', 'a');
    expect(session.getState().columns).toEqual(['pid', 'rss']);
    expect(screen.text()).toContain("shown now: --columns '+rss'");
  });

  it('says why there is no structure', async () => {
    const session = opened();
    session.getState().turnPart(1);
    screen = await openScreen({ session });
    expect(screen.text()).toContain('the kernel is asked for it');
    const error = 'this kernel cannot print its structs: bpf_seq_printf_btf is missing (Linux 5.10)';
    session.getState().structReceived(fakeAnswer('a', { lines: [], root: '', type: '', error }));
    await screen.settle();
    expect(screen.text().replace(/\s+/g, ' ')).toContain(error);
  });

  it('says at once that a recording has no structure, also of a row that is gone', async () => {
    const recorded = (step: number) =>
      Object.assign(view(step), { position: { index: step, count: 3, users: new Map(), skipped: 0 } });
    const session = fakeSession();
    session.getState().received(recorded(0));
    session.getState().openDetail();
    session.getState().turnPart(1);
    screen = await openScreen({ session });
    const why = 'structures are those of a running kernel; a recording has its columns';
    expect(screen.text()).toContain(why);
    session.getState().received(Object.assign(recorded(1), { rowOf: () => -1 }));
    await screen.settle();
    expect(paneOf(session).gone).toBe(true);
    expect(screen.text()).toContain(why);
  });

  it('remembers so many refreshes, the least and the greatest value of all', () => {
    const session = opened(SAMPLES + 30);
    const { values, least, most } = paneOf(session).history.get('rss')!;
    expect(values).toHaveLength(SAMPLES);
    expect(values.at(-1)).toBe(4096 + SAMPLES + 29);
    expect([least?.value, most?.value]).toEqual([4096, 4096 + SAMPLES + 29]);
    expect([...paneOf(session).history.keys()]).toEqual(['pid', 'cpu', 'rss']);
  });

  it('draws in ASCII where nothing else is there', async () => {
    const session = opened(30);
    screen = await openScreen({ session, env: { TERM: 'xterm', LANG: 'C' } });
    session.getState().turnPart(1);
    session.getState().structReceived(fakeAnswer('a'));
    await screen.press('\x1b[B', 'z');
    expect(screen.text()).toMatch(/^[\x20-\x7e\n]*$/);
    expect(marked()).toBe('- se');
    await screen.press('\t');
    expect(screen.text()).toMatch(/^[\x20-\x7e\n]*$/);
    expect(screen.text()).toMatch(/rss .*[.:\-=+*#]/);
  });

  it('fits every size', async () => {
    const session = opened(10);
    session.getState().turnPart(1);
    session.getState().structReceived(fakeAnswer('a'));
    screen = await openScreen({ session, env: UTF8 });
    for (const [cols, rows] of [
      [1, 1],
      [3, 2],
      [10, 5],
      [25, 9],
      [400, 3],
    ] as const) {
      await screen.resize(cols, rows);
      for (let part = 0; part < 3; part++) {
        session.getState().turnPart(1);
        await screen.settle();
        expect(screen.lines()).toHaveLength(rows);
      }
    }
  });
});
