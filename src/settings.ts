/** The settings file: its form, what is wrong with one, and the templates as it wants them. */
import type { Btf } from './bpf/btf.ts';
import { didYouMean, nearest } from './bpf/nearest.ts';
import { checkGroup } from './state/grouping.ts';
import { parseInterval } from './state/interval.ts';
import { parseSort } from './state/sort.ts';
import { checkTree } from './state/tree.ts';
import { ColumnsError, withColumns } from './templates/adhoc.ts';
import {
  about,
  type Check,
  check,
  describe,
  flag,
  mapOf,
  name,
  object,
  oneOrMore,
  type Path,
  type Problem,
  text,
  whole,
} from './templates/form.ts';
import { type Template, UsageError, WALK_ORDERS, type WalkOrder } from './templates/template.ts';
import { parseYaml, TemplateFileError } from './templates/yaml.ts';
import { ACTION_HELP, keyProblems, type OwnKeys } from './ui/keymap.ts';
import { KEY_NAMES, type Key, keyNamed } from './ui/keys.ts';
import { PLAIN, parseStyle, ROLES, STYLE_WORDS, StyleError } from './ui/theme.ts';
import { THEMES, type ThemeWords } from './ui/themes.ts';

type OneOrMore<T> = T | readonly T[];

export interface TableSettings {
  /** As `--columns` takes them, columns made on the spot included. */
  readonly columns?: OneOrMore<string>;
  readonly sort?: string;
  /** A column. */
  readonly group?: string;
  readonly tree?: boolean;
  readonly order?: WalkOrder;
  readonly widths?: Readonly<Record<string, number>>;
}

/** As it is written. */
export interface Settings {
  readonly template?: string;
  /** Seconds, or as parseInterval reads it. */
  readonly interval?: number | string;
  readonly maxCost?: number | 'off';
  readonly theme?: string;
  readonly themes?: Readonly<Record<string, ThemeWords>>;
  readonly ascii?: boolean;
  readonly signs?: boolean;
  readonly marks?: boolean;
  readonly mouse?: boolean;
  readonly keys?: Readonly<Record<string, OneOrMore<string>>>;
  readonly tables?: Readonly<Record<string, TableSettings>>;
}

const interval: Check = check(
  { anyOf: [{ type: 'number', minimum: 0.1, maximum: 3600 }, { type: 'string' }] },
  (value, path, report) => {
    try {
      if (typeof value === 'number' || typeof value === 'string') parseInterval(String(value));
      else report(path, `seconds are expected here, not ${describe(value)}`);
    } catch (error) {
      report(path, (error as Error).message);
    }
  },
);

const maxCost: Check = check(
  { anyOf: [{ type: 'number', minimum: 1, maximum: 100 }, { const: 'off' }] },
  (value, path, report) => {
    if (value !== 'off' && !(typeof value === 'number' && value >= 1 && value <= 100))
      report(path, `a percentage from 1 to 100 or off is expected here, not ${describe(value)}`);
  },
);

const walkOrder: Check = check({ enum: WALK_ORDERS }, (value, path, report) => {
  if ((WALK_ORDERS as readonly unknown[]).includes(value)) return;
  const near = typeof value === 'string' ? nearest(value, WALK_ORDERS) : [];
  const help = near.length > 0 ? didYouMean(near) : `; there are ${WALK_ORDERS.join(', ')}`;
  report(path, `there is no order ${describe(value)}${help}`);
});

const style: Check = check({ type: 'string' }, (value, path, report) => {
  if (typeof value !== 'string')
    return report(path, `a style such as "bold red" is expected here, not ${describe(value)}`);
  try {
    parseStyle(value, 'rgb');
  } catch (error) {
    if (!(error instanceof StyleError)) throw error;
    const near = nearest(error.word, STYLE_WORDS);
    const help = near.length > 0 ? didYouMean(near) : `; there are ${STYLE_WORDS.join(', ')}, 0 to 255 and #rrggbb`;
    report(path, error.message + help, { offset: error.at });
  }
});

const key: Check = check(
  {
    anyOf: [
      { enum: KEY_NAMES },
      { type: 'string', minLength: 1, maxLength: 9 },
      { type: 'integer', minimum: 0, maximum: 9 },
    ],
  },
  (value, path, report) => {
    if (typeof value === 'number' && value >= 0 && value <= 9) return;
    if (typeof value === 'string' && keyNamed(value) !== undefined) return;
    const near = typeof value === 'string' ? nearest(value, [...KEY_NAMES, 'space']) : [];
    report(
      path,
      `there is no key ${describe(value)}${near.length > 0 ? didYouMean(near) : '; as in x, enter, f5, ctrl-s'}`,
    );
  },
);

/** A rule for each member of a type. */
type Members<T> = Readonly<Record<keyof T, Check>>;

/** Of an action. The published schema has it once. */
export const KEYS = oneOrMore(key, 'keys');
const sameKeys = check({ $ref: '#/$defs/keys' }, KEYS);

export const SETTINGS = object('a file of settings', {
  template: about('the table that is shown at first', name),
  interval: about('seconds between refreshes; also 500ms, 1m', interval),
  maxCost: about('percent of the interval that a refresh may take before the interval is stretched', maxCost),
  theme: about(`a theme: ${Object.keys(THEMES).join(', ')}, or one of your own`, text('the name of a theme')),
  themes: about(
    'themes of your own: a style for each role that is not to be as in the plain one',
    mapOf(
      text('a name'),
      object('a theme', Object.fromEntries(ROLES.map((role) => [role, about(`"${PLAIN[role]}" where absent`, style)]))),
      'themes',
    ),
  ),
  ascii: about('only ASCII is written', flag),
  signs: about('signs beside what attributes mark: the selected row, the caret', flag),
  marks: about('what a refresh changed is marked', flag),
  mouse: about('the wheel and clicks are taken; the terminal then selects text with Shift', flag),
  keys: about(
    'other keys for actions',
    object(
      'a choice of keys',
      Object.fromEntries([...ACTION_HELP].map(([action, help]) => [action, about(help, sameKeys)])),
    ),
  ),
  tables: about(
    'how tables look at first, by the name of their template',
    mapOf(
      name,
      object('a table', {
        columns: about(
          'columns in order, new ones as name=source:format; a text or a list',
          oneOrMore(text('columns such as pid,comm'), 'columns'),
        ),
        sort: about('columns to sort by, - before one for descending', text('a column')),
        group: about('a column whose values are one row each', name),
        tree: about('each row under its parent', flag),
        order: about('how the hierarchy of cgroups is walked', walkOrder),
        widths: about('cells of columns', mapOf(name, whole(1, 500), 'columns to cells')),
      } satisfies Members<TableSettings>),
      'tables',
    ),
  ),
} satisfies Members<Settings>);

export interface ReadSettings {
  readonly settings: Settings;
  /** `file:line:column: what is wrong`; the settings are empty then. */
  readonly problems: readonly string[];
  /** A problem with its place in the file. */
  at(problem: Problem): string;
}

export const NO_SETTINGS: ReadSettings = { settings: {}, problems: [], at: ({ message }) => message };

/** @param file its name, for messages */
export async function parseSettings(text: string, file: string): Promise<ReadSettings> {
  if (/^(\s|#.*$)*$/m.test(text) && text.replace(/#.*$/gm, '').trim() === '') return NO_SETTINGS;
  const { value, errors, locate } = await parseYaml(text, file, 'setting');
  const at = (problem: Problem) => new TemplateFileError(file, ...locate(problem), '', problem.message).message;
  if (errors.length > 0) return { settings: {}, problems: errors.map((error) => error.message), at };
  const found: Problem[] = [];
  SETTINGS(value, [], (path, message, more) => found.push({ path, message, ...more }));
  if (found.length === 0) found.push(...conflicts(value as Settings));
  return found.length > 0
    ? { settings: {}, problems: found.map(at), at }
    : { settings: value as Settings, problems: [], at };
}

/** What is wrong although each part has its form. */
function conflicts(settings: Settings): Problem[] {
  const found: Problem[] = [];
  const themes = [...Object.keys(THEMES), ...Object.keys(settings.themes ?? {})];
  if (settings.theme !== undefined && !themes.includes(settings.theme))
    found.push({ path: ['theme'], message: noTheme(settings.theme, themes) });
  for (const { action, key, problem } of keyProblems(ownKeys(settings))) {
    const written = settings.keys![action]!;
    const index = typeof written === 'object' ? written.findIndex((each) => keyNamed(String(each)) === key) : -1;
    const path: Path = index < 0 ? ['keys', action] : ['keys', action, index];
    found.push({ path, message: problem });
  }
  return found;
}

export function noTheme(theme: string, themes: readonly string[]): string {
  const near = nearest(theme, themes);
  return `there is no theme ${describe(theme)}${near.length > 0 ? didYouMean(near) : `; there are ${themes.join(', ')}`}`;
}

export function ownKeys({ keys = {} }: Settings): OwnKeys {
  const own = Object.entries(keys).map(([action, written]): [string, Key[]] => [
    action,
    [written].flat().map((each) => keyNamed(String(each))!),
  ]);
  return Object.fromEntries(own);
}

/** Milliseconds. */
export function intervalOf({ interval }: Settings): number | undefined {
  return interval === undefined ? undefined : parseInterval(String(interval));
}

export function maxCostOf({ maxCost }: Settings): number | undefined {
  return maxCost === 'off' ? Number.POSITIVE_INFINITY : maxCost;
}

/**
 * The templates that the settings have a table for, as it is there. A table that cannot be is left as it is; one whose
 * template is not among these is no problem.
 */
export function settledTemplates(
  templates: readonly Template[],
  { settings, at }: ReadSettings,
  btf: () => Btf,
  find: (name: string) => Template | undefined,
): { readonly templates: readonly Template[]; readonly problems: readonly string[] } {
  const settled: Template[] = [];
  const problems: string[] = [];
  for (const [table, wanted] of Object.entries(settings.tables ?? {})) {
    const template = templates.find((each) => each.name === table);
    // The columns of elements are those of one map.
    if (!template || template.map) continue;
    let member: keyof TableSettings = 'columns';
    try {
      const items = wanted.columns === undefined ? undefined : [wanted.columns].flat().join();
      const { template: made, columns } =
        items === undefined ? { template, columns: template.show } : withColumns(template, items, btf, find);
      member = 'sort';
      if (wanted.sort !== undefined) parseSort(made, wanted.sort);
      member = 'group';
      if (wanted.group !== undefined) checkGroup(made, wanted.group);
      member = 'tree';
      if (wanted.tree) checkTree(made);
      if (wanted.tree && wanted.group) throw new UsageError('rows are either grouped or a tree');
      member = 'order';
      if (wanted.order && !made.order) throw new UsageError(`${table} is walked in one order only`);
      settled.push({
        ...made,
        show: columns,
        sort: wanted.sort ?? made.sort,
        ...(wanted.order && { order: wanted.order }),
        saved: { group: wanted.group ?? '', tree: wanted.tree ?? false, widths: wanted.widths ?? {} },
      });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const offset = error instanceof ColumnsError && typeof wanted.columns === 'string' ? error.position : undefined;
      const [message = ''] = error.message.split('\n');
      problems.push(at({ path: ['tables', table, member], message: `table ${table}: ${message}`, offset }));
    }
  }
  return { templates: settled, problems };
}
