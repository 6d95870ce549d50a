/** The settings file: what it may hold, what is said of a wrong one, what it makes of tables, and saving into it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { intervalOf, maxCostOf, ownKeys, parseSettings, settledTemplates } from '../src/settings.ts';
import { configFolder, readSettingsFile, saveSettings, withChanges } from '../src/state/settings-file.ts';
import { task } from '../src/templates/builtin/task.ts';
import { findTemplate } from '../src/templates/registry.ts';
import { actionOf, keyOf, keyProblems, rebind } from '../src/ui/keymap.ts';

const ALL = `# mine
template: tcp
interval: 500ms
maxCost: off
theme: night
themes:
  night: { error: bold red on black, heat4: 'reverse 208 #ff8800' }
ascii: true
signs: false
marks: false
keys:
  quit: [Q, ctrl-c]
  pause: '%'
tables:
  task:
    columns: pid,comm,extra=rate(utime):rate
    sort: -rss,pid
    widths: { comm: 30 }
  tcp: { columns: [state, rxq], group: state }
`;

describe('a settings file', () => {
  it('with all that there is', async () => {
    const { settings, problems } = await parseSettings(ALL, 's.yaml');
    expect(problems).toEqual([]);
    expect(intervalOf(settings)).toBe(500);
    expect(maxCostOf(settings)).toBe(Number.POSITIVE_INFINITY);
    expect(ownKeys(settings)).toEqual({ quit: ['Q', 'ctrl-c'], pause: ['%'] });
    expect(settings).toMatchObject({ template: 'tcp', theme: 'night', ascii: true, signs: false, marks: false });
  });

  it.each(['', '\n', '# nothing\n\n  # here\n', '{}\n'])('%j is one, too', async (text) => {
    expect(await parseSettings(text, 's.yaml')).toMatchObject({ settings: {}, problems: [] });
  });

  it('may be JSON', async () => {
    const { settings } = await parseSettings('{ "interval": 2, "tables": { "task": { "sort": "pid" } } }', 's.json');
    expect(settings).toEqual({ interval: 2, tables: { task: { sort: 'pid' } } });
  });

  it.each([
    ['interval: 1\ntheem: dark', 's.yaml:2:1: no member "theem"; did you mean theme or themes?'],
    ['theme: drak', 's.yaml:1:8: there is no theme "drak"; did you mean dark?'],
    ['interval: 0.01', 's.yaml:1:11: interval: 0.01 is out of bounds; it must be 0.1 to 3600 seconds'],
    ['maxCost: 0', 's.yaml:1:10: a percentage from 1 to 100 or off is expected here, not the number 0'],
    ['ascii: yes please', 's.yaml:1:8: true or false is expected here, not "yes please"'],
    ['themes:\n  a:\n    erorr: red', 's.yaml:3:5: no member "erorr"; did you mean error?'],
    ['themes: { a: { error: bold  rde } }', 's.yaml:1:29: "rde" is no part of a style; did you mean red?'],
    ['keys:\n  quit: [ctrl-c, contrl-x]', 's.yaml:2:18: there is no key "contrl-x"; did you mean ctrl-x'],
    ['keys:\n  qiut: x', 's.yaml:2:3: no member "qiut"; did you mean quit?'],
    ['keys:\n  quit: [ctrl-c, v]', 's.yaml:2:18: v is taken by picker; give that another key (in the table)'],
    ['keys:\n  pause: s\n  sort: v\n', 's.yaml:3:9: v is taken by picker; give that another key (in the table)'],
    ['keys:\n  quit: Q', 's.yaml:2:9: quit needs a key that is no character: in '],
    ['keys: { back: backspace }', 's.yaml:1:15: '],
    ['tables:\n  task:\n    colums: pid', 's.yaml:3:5: no member "colums"; did you mean columns?'],
    ['tables: { task: { widths: { pid: 0 } } }', 's.yaml:1:34: a whole number from 1 to 500'],
    ['a: [', 's.yaml:1:5: '],
    ['a: &x 1', 's.yaml:1:7: anchors (&name) are not taken'],
    ['- 1', 's.yaml:1:1: a file of settings is expected here (a map), not a list'],
  ])('%j is refused at its place', async (text, message) => {
    const { settings, problems } = await parseSettings(text, 's.yaml');
    expect(problems[0]).toContain(message);
    expect(settings).toEqual({});
  });
});

describe('keys of one’s own', () => {
  afterEach(() => rebind({}));

  it('do it, and the usual ones do not any more', () => {
    rebind({ pause: ['%'], quit: ['Q', 'ctrl-c'] });
    expect([actionOf('%', 'table'), actionOf(' ', 'table')]).toEqual(['pause', undefined]);
    expect([actionOf('Q', 'table'), actionOf('q', 'table'), actionOf('ctrl-c', 'search')]).toEqual([
      'quit',
      undefined,
      'quit',
    ]);
    expect(keyOf('pause', 'table')).toBe('%');
  });

  it('may change places', () => {
    expect(keyProblems({ search: ['f'], filter: ['/'] })).toEqual([]);
    expect(keyProblems({ search: ['f'] })).toMatchObject([{ action: 'search', key: 'f' }]);
  });

  it('leave a way out of every pane', () => {
    expect(keyProblems({ quit: ['q'] })).toMatchObject([{ action: 'quit', key: undefined }]);
    expect(keyProblems({ quit: ['f10'] })).toEqual([]);
  });
});

describe('tables', () => {
  const never = () => null as never;
  const settled = async (text: string) =>
    settledTemplates([task], await parseSettings(text, 's.yaml'), never, findTemplate);

  it('show, sort and group as saved', async () => {
    const { templates, problems } = await settled(ALL);
    expect(problems).toEqual([]);
    expect(templates).toMatchObject([
      { name: 'task', show: ['pid', 'comm', 'extra'], sort: '-rss,pid', saved: { group: '', widths: { comm: 30 } } },
    ]);
    expect(templates[0]!.columns.at(-1)).toMatchObject({ derive: 'rate(utime)', typed: 'extra=rate(utime):rate' });
  });

  it('that cannot be are left as they are, and it is said where', async () => {
    const { templates, problems } = await settled('tables:\n  task:\n    columns: pid,xomm');
    expect(templates).toEqual([]);
    expect(problems).toEqual([
      expect.stringMatching(/^s\.yaml:3:18: table task: columns: task has no column "xomm"; did you mean comm/),
    ]);
    expect((await settled('tables: { task: { sort: nix } }')).problems[0]).toMatch(/^s\.yaml:1:25: table task: /);
  });
});

describe('saving', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-settings-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const change = [{ path: ['tables', 'task', 'columns'], value: ['pid', 'x=rate(utime):rate'] }];

  it('changes what it is about and keeps the rest, comments too', async () => {
    const before = `# at the top
theme: dark # because

tables:
  # sockets
  tcp: { sort: rxq }
  task:
    columns: [pid]   # few
    sort: pid
    group: comm
`;
    const after = await withChanges(
      before,
      [...change, { path: ['tables', 'task', 'group'], value: undefined }],
      false,
    );
    for (const kept of [
      '# at the top\ntheme: dark # because\n',
      '  # sockets\n  tcp: {sort: rxq}\n',
      '    sort: pid\n',
    ])
      expect(after).toContain(
        kept.replace('{sort: rxq}', after.includes('{ sort: rxq }') ? '{ sort: rxq }' : '{sort: rxq}'),
      );
    expect(after).toContain('columns: [pid, x=rate(utime):rate]');
    expect(after).not.toContain('group');
    const { settings, problems } = await parseSettings(after, 's.yaml');
    expect(problems).toEqual([]);
    expect(settings.tables).toEqual({ tcp: { sort: 'rxq' }, task: { columns: change[0]!.value, sort: 'pid' } });
  });

  it.each(['', 'tables:\n', 'tables:\n  task:\n', '# only this\n'])('goes into %j', async (before) => {
    const after = await withChanges(before, change, false);
    expect((await parseSettings(after, 's.yaml')).settings).toEqual({
      tables: { task: { columns: change[0]!.value } },
    });
  });

  it('makes the file where there is none, for its owner only, and is read again', async () => {
    const config = path.join(folder, 'a', 'itertop');
    const file = await saveSettings(change, undefined, config);
    expect(file).toBe(path.join(config, 'settings.yaml'));
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(config).mode & 0o777).toBe(0o700);
    const read = readSettingsFile(config)!;
    expect(read.text).toMatch(/^# Settings of itertop/);
    expect((await parseSettings(read.text, file)).problems).toEqual([]);
  });

  it('keeps JSON JSON', async () => {
    fs.writeFileSync(path.join(folder, 'settings.json'), '{"theme":"dark"}');
    const file = await saveSettings(change, readSettingsFile(folder), folder);
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toEqual({
      theme: 'dark',
      tables: { task: { columns: change[0]!.value } },
    });
  });

  it('writes what a link leads to, not over the link', async () => {
    fs.writeFileSync(path.join(folder, 'real.yaml'), 'theme: dark\n');
    fs.symlinkSync('real.yaml', path.join(folder, 'settings.yaml'));
    await saveSettings(change, readSettingsFile(folder), folder);
    expect(fs.lstatSync(path.join(folder, 'settings.yaml')).isSymbolicLink()).toBe(true);
    expect(fs.readFileSync(path.join(folder, 'real.yaml'), 'utf8')).toMatch(/^theme: dark\ntables:/);
  });

  it.skipIf(process.getuid?.() !== 0)('writes nothing of another user (needs root)', async () => {
    const config = path.join(folder, '.config', 'itertop');
    fs.chownSync(folder, 1, 1);
    await expect(saveSettings(change, undefined, config)).rejects.toThrow(/not saved: .* belongs to .*, not to root/);
    expect(fs.existsSync(config)).toBe(false);
    fs.chownSync(folder, 0, 0);
    fs.mkdirSync(config, { recursive: true });
    fs.writeFileSync(path.join(config, 'settings.yaml'), 'theme: dark\n');
    fs.chownSync(path.join(config, 'settings.yaml'), 1, 1);
    await expect(saveSettings(change, readSettingsFile(config), config)).rejects.toThrow(/settings\.yaml belongs to/);
    expect(fs.readFileSync(path.join(config, 'settings.yaml'), 'utf8')).toBe('theme: dark\n');
  });

  it.each([
    [{ XDG_CONFIG_HOME: '/c', HOME: '/h' }, '/c/itertop'],
    [{ XDG_CONFIG_HOME: 'c', HOME: '/h' }, '/h/.config/itertop'],
    [{ HOME: '/h' }, '/h/.config/itertop'],
  ])('%j: in %s', (env, expected) => {
    expect(configFolder(env)).toBe(expected);
  });
});
