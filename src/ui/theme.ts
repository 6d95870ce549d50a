/**
 * How things look, as data. Sixteen colours of the terminal's own palette; nothing is told by colour alone: reverse,
 * bold and underline, a word or a sign say it too. NO_COLOR (no-color.org) leaves the attributes; TERM=dumb leaves signs.
 */

/** SGR parameters that begin and end an attribute. */
const BOLD = [1, 22] as const;
const FAINT = [2, 22] as const;
const UNDERLINE = [4, 24] as const;
const REVERSE = [7, 27] as const;
const RED = [31, 39] as const;
const GREEN = [32, 39] as const;
const YELLOW = [33, 39] as const;
const MAGENTA = [35, 39] as const;
const CYAN = [36, 39] as const;

type Attribute = readonly [on: number, off: number];

const ATTRIBUTES = {
  plain: [],
  title: [BOLD],
  header: [BOLD, UNDERLINE],
  sorted: [BOLD, REVERSE],
  selected: [REVERSE],
  caret: [REVERSE],
  key: [BOLD],
  label: [BOLD],
  /** A value that is another than at the last refresh; a row that is new; one that has vanished. */
  changed: [BOLD],
  fresh: [BOLD],
  gone: [FAINT],
  /** From cool to hot. */
  heat1: [],
  heat2: [],
  heat3: [BOLD],
  heat4: [BOLD, REVERSE],
  /** A row that was chosen for something, the cursor aside. */
  marked: [BOLD],
  /** What is not to be had here. */
  dim: [FAINT],
  /** Where one is: the way back, part by part. */
  crumb: [],
  /** Lines of a tree. */
  branch: [FAINT],
  graph: [],
  word: [],
  help: [],
  link: [],
  kernel: [],
  user: [],
  paused: [REVERSE],
  notice: [BOLD],
  error: [BOLD],
} satisfies Record<string, readonly Attribute[]>;

export type Role = keyof typeof ATTRIBUTES;

/** Those that can be read on dark and on light backgrounds. */
const COLOURS: Partial<Record<Role, Attribute>> = {
  fresh: GREEN,
  heat1: CYAN,
  heat2: GREEN,
  heat3: YELLOW,
  heat4: RED,
  marked: MAGENTA,
  crumb: CYAN,
  graph: CYAN,
  link: GREEN,
  kernel: GREEN,
  user: MAGENTA,
  paused: MAGENTA,
  notice: MAGENTA,
  error: RED,
};

/** Signs, all one cell wide. */
export interface Signs {
  readonly descending: string;
  readonly ascending: string;
  readonly moreLeft: string;
  readonly moreRight: string;
}

const UNICODE: Signs = { descending: '▼', ascending: '▲', moreLeft: '«', moreRight: '»' };
const ASCII: Signs = { descending: 'v', ascending: '^', moreLeft: '<', moreRight: '>' };

export interface Theme {
  readonly styles: Readonly<Record<Role, readonly Attribute[]>>;
  /** Nothing but ASCII is written. */
  readonly ascii: boolean;
  readonly signs: Signs;
  /** No attribute can mark a line or the caret: a sign does. */
  readonly marks: boolean;
}

const none = Object.fromEntries(Object.keys(ATTRIBUTES).map((role) => [role, []])) as unknown as Theme['styles'];
const colourful = Object.fromEntries(
  Object.entries(ATTRIBUTES).map(([role, attributes]) => {
    const colour = COLOURS[role as Role];
    return [role, colour ? [...attributes, colour] : attributes];
  }),
) as unknown as Theme['styles'];

/** What the environment of the terminal asks for; `ascii` where the user has said so or not. */
export function themeOf(env: Readonly<Record<string, string | undefined>>, ascii?: boolean): Theme {
  const dumb = env['TERM'] === 'dumb';
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const plain = ascii ?? (dumb || !/utf-?8/i.test(locale));
  return {
    styles: dumb ? none : env['NO_COLOR'] ? ATTRIBUTES : colourful,
    ascii: plain,
    signs: plain ? ASCII : UNICODE,
    marks: dumb,
  };
}

/** Text in the style of a role; the text must be safe already. */
export function paint(theme: Theme, role: Role, text: string): string {
  const attributes: readonly Attribute[] = theme.styles[role];
  if (attributes.length === 0 || text === '') return text;
  const on = attributes.map(([code]) => `\x1b[${code}m`).join('');
  const off = attributes.map(([, code]) => `\x1b[${code}m`).join('');
  return on + text + off;
}
