/**
 * How things look, as data: a theme gives each role a style in words. Nothing is told by colour alone: reverse, bold and
 * underline, a word or a sign say it too. NO_COLOR (no-color.org) leaves the attributes; TERM=dumb leaves signs.
 */
import { DEFAULT_THEME, THEMES, type ThemeWords } from './themes.ts';

export type Role = keyof typeof PLAIN;

/** What is left where there are no colours. */
export const PLAIN = {
  plain: '',
  title: 'bold',
  header: 'bold underline',
  sorted: 'bold reverse',
  selected: 'reverse',
  caret: 'reverse',
  key: 'bold',
  label: 'bold',
  /** A value that is another than at the last refresh; a row that is new; one that has vanished. */
  changed: 'bold',
  fresh: 'bold',
  gone: 'faint',
  /** From cool to hot. */
  heat1: '',
  heat2: '',
  heat3: 'bold',
  heat4: 'bold reverse',
  /** A row that was chosen for something, the cursor aside. */
  marked: 'bold',
  /** What is not to be had here. */
  dim: 'faint',
  /** Where one is: the way back, part by part. */
  crumb: '',
  /** Lines of a tree. */
  branch: 'faint',
  graph: '',
  word: '',
  help: '',
  link: '',
  kernel: '',
  user: '',
  paused: 'reverse',
  notice: 'bold',
  error: 'bold',
} satisfies Record<string, string>;

export const ROLES = Object.keys(PLAIN) as readonly Role[];

/** SGR parameters that begin and end something. */
type Attribute = readonly [on: string, off: number];

const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  bold: ['1', 22],
  faint: ['2', 22],
  italic: ['3', 23],
  underline: ['4', 24],
  reverse: ['7', 27],
};

/** Of the terminal's own palette; each also with `bright-` before it. */
const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;

export const STYLE_WORDS: readonly string[] = [
  ...Object.keys(ATTRIBUTES),
  ...COLOURS,
  ...COLOURS.map((colour) => `bright-${colour}`),
  'on',
];

/** How many colours a terminal shows. */
type Depth = 'none' | '16' | '256' | 'rgb';

/** Which word of a style is wrong, and where it stands. */
export class StyleError extends Error {
  readonly word: string;
  readonly at: number;
  constructor(word: string, at: number) {
    super(`"${word}" is no part of a style`);
    this.word = word;
    this.at = at;
  }
}

/**
 * `bold red`, `black on bright-yellow`, `green 46 #12ef34`: of several colours the last one that the terminal can show.
 * @throws StyleError
 */
export function parseStyle(text: string, depth: Depth): Attribute[] {
  const found: Attribute[] = [];
  let foreground: Attribute | undefined;
  let background: Attribute | undefined;
  let behind = false;
  for (const { 0: word, index } of text.matchAll(/\S+/g)) {
    const attribute = Object.hasOwn(ATTRIBUTES, word) ? ATTRIBUTES[word] : undefined;
    if (attribute) {
      found.push(attribute);
      behind = false;
      continue;
    }
    if (word === 'on') {
      behind = true;
      continue;
    }
    const colour = parseColour(word, behind);
    if (!colour) throw new StyleError(word, index);
    if (!shows(depth, colour.needs)) continue;
    if (behind) background = [colour.code, 49];
    else foreground = [colour.code, 39];
  }
  return [...found, ...(foreground ? [foreground] : []), ...(background ? [background] : [])];
}

function parseColour(word: string, behind: boolean): { readonly code: string; readonly needs: Depth } | undefined {
  const base = behind ? 40 : 30;
  const named = (COLOURS as readonly string[]).indexOf(word.replace(/^bright-/, ''));
  if (named >= 0) return { code: String(base + named + (word.startsWith('bright-') ? 60 : 0)), needs: '16' };
  if (/^\d{1,3}$/.test(word) && Number(word) < 256) return { code: `${base + 8};5;${Number(word)}`, needs: '256' };
  if (!/^#[0-9a-f]{6}$/i.test(word)) return undefined;
  const parts = [1, 3, 5].map((at) => Number.parseInt(word.slice(at, at + 2), 16));
  return { code: `${base + 8};2;${parts.join(';')}`, needs: 'rgb' };
}

function shows(depth: Depth, needed: Depth): boolean {
  const depths: readonly Depth[] = ['none', '16', '256', 'rgb'];
  return depths.indexOf(depth) >= depths.indexOf(needed);
}

function depthOf({ TERM: term = '', COLORTERM: colour = '', NO_COLOR: none = '' }: Environment): Depth {
  if (none !== '') return 'none';
  if (/^(truecolor|24bit)$/.test(colour)) return 'rgb';
  return /256color/.test(term) || colour !== '' ? '256' : '16';
}

/** Signs, all one cell wide. */
export interface Signs {
  readonly descending: string;
  readonly ascending: string;
  readonly moreLeft: string;
  readonly moreRight: string;
  /** Between a table and what was entered from it. */
  readonly step: string;
}

const UNICODE: Signs = { descending: '▼', ascending: '▲', moreLeft: '«', moreRight: '»', step: '›' };
const ASCII: Signs = { descending: 'v', ascending: '^', moreLeft: '<', moreRight: '>', step: '>' };

export interface Theme {
  readonly styles: Readonly<Record<Role, readonly Attribute[]>>;
  /** Nothing but ASCII is written. */
  readonly ascii: boolean;
  readonly signs: Signs;
  /** No attribute can mark a line or the caret: a sign does. */
  readonly marks: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface Looks {
  /** Only ASCII is written; where absent the locale decides. */
  readonly ascii?: boolean | undefined;
  /** Signs beside what attributes mark; where absent the terminal decides. */
  readonly marks?: boolean | undefined;
  /** The user's, by name; one with the name of a built-in theme takes its place. */
  readonly themes?: Readonly<Record<string, ThemeWords>> | undefined;
}

/** The themes as a terminal can show them. */
export interface Themes {
  readonly names: readonly string[];
  /** The default one where there is none of that name. */
  of(name: string): Theme;
}

/** @param env of the terminal */
export function themesOf(env: Environment, looks: Looks = {}): Themes {
  const dumb = env['TERM'] === 'dumb';
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const ascii = looks.ascii ?? (dumb || !/utf-?8/i.test(locale));
  const depth = depthOf(env);
  const all = new Map(Object.entries<ThemeWords>({ ...THEMES, ...looks.themes }));
  const made = new Map<string, Theme>();

  function make(words: ThemeWords): Theme {
    const styles = {} as Record<Role, readonly Attribute[]>;
    for (const role of ROLES) styles[role] = dumb ? [] : parseStyle(words[role] ?? PLAIN[role], depth);
    return {
      styles,
      ascii,
      signs: ascii ? ASCII : UNICODE,
      marks: looks.marks ?? dumb,
    };
  }

  return {
    names: [...all.keys()],
    of(name) {
      const known = all.has(name) ? name : DEFAULT_THEME;
      const theme = made.get(known) ?? make(all.get(known)!);
      made.set(known, theme);
      return theme;
    },
  };
}

/** The default theme. */
export function themeOf(env: Environment, ascii?: boolean): Theme {
  return themesOf(env, { ascii }).of(DEFAULT_THEME);
}

/** Text in the style of a role; the text must be safe already. */
export function paint(theme: Theme, role: Role, text: string): string {
  const attributes: readonly Attribute[] = theme.styles[role];
  if (attributes.length === 0 || text === '') return text;
  const on = attributes.map(([code]) => `\x1b[${code}m`).join('');
  const off = attributes.map(([, code]) => `\x1b[${code}m`).join('');
  return on + text + off;
}
