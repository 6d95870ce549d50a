/** The pane of columns over a table of known cells. */
import { afterEach, describe, expect, it } from 'vitest';
import { columnChoices } from '../../src/state/columns-pane.ts';
import { TASK, taskView } from './fake-view.ts';
import { fakeSession, openScreen, type Screen } from './screen.tsx';

let screen: Screen;
afterEach(() => screen.close());

async function show(columns = 160, absent = new Map<string, string>()) {
  const session = fakeSession({ columns: ['pid', 'user', 'rss', 'comm'] });
  screen = await openScreen({ columns, rows: 30, session });
  screen.session.getState().received(taskView(10));
  await screen.press('c');
  if (absent.size > 0) {
    session.getState().closeAll();
    session.getState().openColumns(absent);
    await screen.settle();
  }
  return session.getState;
}

/** The line of the list that is about a column. */
const lineOf = (name: string) => screen.lines().find((line) => new RegExp(`\\[[x ]\\] +${name} `).test(line)) ?? '';

describe('the pane of columns', () => {
  it('lists those shown in their order, then the others by name', async () => {
    const state = await show();
    expect(columnChoices(state(), '')).toEqual([
      ...['pid', 'user', 'rss', 'comm'],
      ...['cmdline', 'cpu', 'state', 'threads', 'time'],
    ]);
    expect(lineOf('user')).toContain('[x]');
    expect(lineOf('cpu')).toContain('[ ]');
    expect(lineOf('cpu')).toContain('what cpu means');
  });

  it('shows and hides; the mark stays on the column, and the last one cannot be hidden', async () => {
    const state = await show();
    await screen.press('j', ' ');
    expect(state().columns).toEqual(['pid', 'rss', 'comm']);
    await screen.press(' ');
    expect(state().columns).toEqual(['pid', 'rss', 'comm', 'user']);
    await screen.press('g', '\r', '\r', 'g', ' ', 'g', ' ', 'g', ' ');
    expect(state().columns).toEqual(['pid']);
    await screen.press('g', ' ');
    expect(state().columns).toEqual(['pid']);
    expect(screen.text()).toContain('pid is the only column that is shown');
  });

  it('moves a column, as far as there is room, and the mark with it', async () => {
    const state = await show();
    await screen.press('j', '>', '>', '>', '>');
    expect(state().columns).toEqual(['pid', 'rss', 'comm', 'user']);
    await screen.press('\x1b[D', '<', '<', '<');
    expect(state().columns).toEqual(['user', 'pid', 'rss', 'comm']);
    await screen.press('G', '<');
    expect(screen.text()).toContain('time is not shown: Space shows it');
  });

  it('resizes, the table beside it follows; 0 goes back to the cells', async () => {
    const state = await show();
    const heading = () => screen.lines()[2]!.slice(60);
    const before = heading().indexOf('USER');
    expect(screen.lines()[3]!.slice(60)).toMatch(/\d+ (root|www-data|postgres|alice)/);
    await screen.press('+', '+', '+');
    expect(heading().indexOf('USER')).toBe(before + 3);
    expect(lineOf('pid')).toMatch(/pid +10 /);
    // A number that is cut would be another number.
    for (let i = 0; i < 7; i++) await screen.press('-');
    expect(state().widths).toEqual({ pid: 3 });
    expect(screen.lines()[4]!.slice(60)).toMatch(/^ ### /);
    await screen.press('0');
    expect(state().widths).toEqual({});
    expect(heading().indexOf('USER')).toBe(before);
  });

  it('narrows the list to what is typed, in names, titles and meanings', async () => {
    const state = await show();
    await screen.press('/', 'CPU means');
    expect(lineOf('cpu')).not.toBe('');
    expect(lineOf('pid')).toBe('');
    await screen.press('\r', ' ');
    expect(state().columns).toContain('cpu');
    // Esc takes back one thing at a time.
    await screen.press('\x1b');
    expect(lineOf('pid')).not.toBe('');
    await screen.press('/', 'nothing has this', '\r');
    expect(screen.text()).toContain('no column has "nothing has this"');
    await screen.press(' ', '<', '+', '0', '\x1b', '\x1b');
    expect(state().panes).toEqual([]);
  });

  it('says why a column is not here', async () => {
    await show(80, new Map([['cpu', 'struct task_struct has no member "cpu"']]));
    expect(lineOf('cpu')).toContain('not here: struct task_struct has no member');
  });

  it('keeps order and widths when another table is looked at meanwhile', async () => {
    const state = await show();
    await screen.press('>', '+', '\x1b');
    const { columns, widths } = state();
    state().pick('tcp');
    expect(state().widths).toEqual({});
    state().pick('task');
    expect(state()).toMatchObject({ columns, widths });
    // A column that the template has no more has no width either.
    state().setTemplates([{ ...TASK, columns: TASK.columns.filter(({ name }) => name !== 'pid'), key: ['user'] }]);
    expect(state().widths).toEqual({});
  });
});

describe('saving the table as a template', () => {
  it('asks for a name, and before it replaces a file', async () => {
    const state = await show(80);
    await screen.press('s');
    expect(screen.text()).toContain('task_mine');
    await screen.press('\r');
    expect(screen.calls).toEqual(['template task_mine']);
    expect(screen.text()).toContain('saved as task_mine');
    expect(state().panes.at(-1)?.name).toBe('columns');
    await screen.press('s', '\x15', 'Wrong', '\r');
    expect(screen.text()).toContain('error: a name has small letters');
    await screen.press('\x15', 'there', '\r');
    expect(screen.text()).toContain('/t/there.yaml is there already. Overwrite it?');
    await screen.press('n');
    expect(state().panes.at(-1)?.name).toBe('saveas');
    await screen.press('\r', 'y');
    expect(screen.calls.at(-1)).toBe('template there overwrite');
    expect(state().panes.at(-1)?.name).toBe('columns');
  });
});
