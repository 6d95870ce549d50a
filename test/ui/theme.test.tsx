/** Themes: what they are made of, what a terminal gets of them, and changing them while running. */
import { afterEach, describe, expect, it } from 'vitest';
import { PLAIN, paint, parseStyle, ROLES, type Role, StyleError, themesOf } from '../../src/ui/theme.ts';
import { THEMES } from '../../src/ui/themes.ts';
import { taskView } from './fake-view.ts';
import { openScreen, type Screen, UTF8 } from './screen.tsx';

const NAMES = Object.keys(THEMES) as (keyof typeof THEMES)[];
const codes = (text: string, depth: Parameters<typeof parseStyle>[1] = 'rgb') =>
  parseStyle(text, depth).map(([on]) => on);

describe('a style in words', () => {
  it.each([
    ['', []],
    ['bold  underline', ['1', '4']],
    ['bright-red', ['91']],
    ['black on bright-yellow', ['30', '103']],
    ['on blue bold', ['1', '44']],
    ['green 46 #12EF34', ['38;2;18;239;52']],
    ['reverse on #000000', ['7', '48;2;0;0;0']],
  ])('%j', (text, expected) => {
    expect(codes(text)).toEqual(expected);
  });

  it.each([
    ['none', []],
    ['16', ['32']],
    ['256', ['38;5;46']],
    ['rgb', ['38;2;18;239;52']],
  ] as const)('the last colour that a terminal with %s can show', (depth, expected) => {
    expect(codes('green 46 #12ef34', depth)).toEqual(expected);
  });

  it.each([
    ['bold rde', 'rde', 5],
    ['256', '256', 0],
    ['#12ef3', '#12ef3', 0],
    ['bright-', 'bright-', 0],
    ['constructor', 'constructor', 0],
  ])('%j is refused at its word', (text, word, at) => {
    const problem = (() => {
      try {
        return parseStyle(text, 'rgb');
      } catch (error) {
        return error as StyleError;
      }
    })();
    expect(problem).toBeInstanceOf(StyleError);
    expect(problem).toMatchObject({ word, at });
  });
});

describe.each(NAMES)('the theme %s', (name) => {
  it('names only roles, in styles that can be read', () => {
    for (const [role, style] of Object.entries(THEMES[name])) {
      expect(ROLES).toContain(role);
      expect(() => parseStyle(style, 'rgb')).not.toThrow();
    }
  });

  it('tells nothing by colour alone: without colours these still stand out', () => {
    const theme = themesOf({ ...UTF8, NO_COLOR: '1' }).of(name);
    const alone: readonly Role[] = ['selected', 'caret', 'sorted', 'changed', 'gone', 'fresh', 'marked', 'heat4'];
    for (const role of alone) expect(theme.styles[role], role).not.toEqual([]);
    expect(theme.styles.selected).not.toEqual(theme.styles.changed);
    expect(theme.styles.gone).not.toEqual(theme.styles.fresh);
  });

  it('is plain on a dumb terminal, and has no colour with NO_COLOR', () => {
    const dumb = themesOf({ TERM: 'dumb' }).of(name);
    expect(dumb.marks).toBe(true);
    const colourless = themesOf({ ...UTF8, NO_COLOR: '1', COLORTERM: 'truecolor' }).of(name);
    for (const role of ROLES) {
      expect(paint(dumb, role, 'x')).toBe('x');
      expect(paint(colourless, role, 'x')).not.toMatch(/\x1b\[(3[0-8]|4[0-8]|9\d|10\d)/);
    }
  });
});

it('a theme of the user takes what it does not name from the plain one', () => {
  const themes = themesOf(UTF8, { themes: { mine: { error: 'bold white on red' } } });
  expect(themes.names).toEqual([...NAMES, 'mine']);
  expect(paint(themes.of('mine'), 'error', 'x')).toBe('\x1b[1m\x1b[37m\x1b[41mx\x1b[22m\x1b[39m\x1b[49m');
  expect(themes.of('mine').styles.title).toEqual(parseStyle(PLAIN.title, '16'));
  expect(themes.of('no such')).toBe(themes.of('default'));
});

describe('while running', () => {
  let screen: Screen;
  afterEach(() => screen.close());

  it('Ctrl-T goes through all of them and comes back, and the rows stay', async () => {
    screen = await openScreen();
    screen.session.getState().received(taskView(40));
    await screen.press('jj');
    const rows = screen.lines().slice(2);
    const marked = screen.reversed();
    for (const name of [...NAMES.slice(1), NAMES[0]!]) {
      screen.stdout.written = '';
      await screen.press('\x14');
      expect(screen.session.getState().theme).toBe(name);
      expect(screen.lines()[1]).toContain(`theme: ${name}`);
      expect(screen.lines().slice(2)).toEqual(rows);
      expect(screen.reversed()).toEqual(marked);
    }
    await screen.press('\x14');
    expect(screen.stdout.written).toContain('\x1b[96m');
  });

  it('changes while something is typed, too', async () => {
    screen = await openScreen();
    await screen.press('/', 'abc', '\x14');
    expect(screen.text()).toContain('/ abc');
    expect(screen.session.getState().theme).toBe('dark');
  });
});
