/** What a template has to be, as rules over plain data: each problem says where it is and how to mend it. */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { didYouMean, nearest } from '../bpf/nearest.ts';
import { findTarget, targetNames } from '../bpf/targets.ts';
import { isConstant, joinColumns, parseDerive, parseJoin, withDependencies } from './columns.ts';
import { DERIVE_NAMES, deriveFunction, deriveSignature, NUMERIC } from './derive.ts';
import {
  type Check,
  check,
  describe,
  flag,
  list,
  mapOf,
  name,
  object,
  oneOf,
  oneOrMore,
  type Path,
  type Problem,
  type Report,
  text,
  whole,
} from './form.ts';
import { isHost } from './host-column.ts';
import { contentOf, fits } from './infer.ts';
import { shownTemplates } from './registry.ts';
import { type RowValue, relatedColumns, whereOfRow } from './related.ts';
import { fieldShape, resolveFirst, resolveSource, type Scope } from './source.ts';
import {
  AREAS,
  CAST_CALLS,
  type Cast,
  type Column,
  columnOf,
  FILTER_NAMES,
  type FilterRule,
  FORMATS,
  type Format,
  type Join,
  type Related,
  type Switch,
  type Template,
  TemplateError,
  UsageError,
  ungroupedWord,
  WALK_ORDERS,
} from './template.ts';
import { parseWhere, WhereError, type WhereOptions } from './where.ts';

type MustBeColumn = (column: string, path: Path, of?: readonly string[], whose?: string) => boolean;

/** Of one template; the first mistakes explain the others. */
const MAX_PROBLEMS = 20;
/** Words that the command line takes for commands. */
const RESERVED: readonly string[] = ['dump', 'record', 'replay', 'templates', 'doctor', 'help', 'check'];

const TEXTS: readonly (Format | undefined)[] = ['text', 'path', 'inet', 'hexbytes'];
const isText = ({ as }: Column) => TEXTS.includes(as);

/** A text that may be empty: an enumerator that is shown as nothing. */
const label = check({ type: 'string' }, (value, path, report) => {
  if (value !== '') text('a name')(value, path, report);
});

/** A number as the name of a member. */
const number = check({ pattern: '^-?\\d{1,19}$' }, (value, path, report) => {
  if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value))
    report(path, `a number is expected, not ${describe(value)}`);
});

/** One rule for texts, another one for all else. */
const either = (texts: Check, others: Check): Check =>
  check({ anyOf: [texts.schema, others.schema] }, (value, path, report) =>
    (typeof value === 'string' ? texts : others)(value, path, report),
  );

/** A check for each member that a type has: one that is added to the type has to be added here. */
type Members<T> = Readonly<Record<keyof T, Check>>;

const COLUMN = object(
  'a column',
  {
    name,
    help: text('a line of help'),
    title: text('a heading'),
    from: oneOrMore(text('a source such as task->pid'), 'sources'),
    derive: text('a function of columns such as rate(bytes)'),
    fallback: name,
    join: text('a column of a join such as owner.pid'),
    list: flag,
    as: oneOf('format', FORMATS),
    names: either(text('the name of an enum'), mapOf(number, label, 'numbers to names')),
    needs: oneOf('statistics', ['run_stats']),
    zeroIsNone: flag,
    total: flag,
    adds: flag,
    groupBase: text('a source'),
    width: whole(1, 1000),
    minor: flag,
  } satisfies Members<Omit<Column, 'typed'>>,
  ['name'],
);

const SAFE = whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
/** A mask or value that an instruction holds. */
const IMMEDIATE = whole(-(2 ** 31), 2 ** 31 - 1);

export const TEMPLATE = object(
  'a template',
  {
    name,
    help: text('a line of help'),
    target: name,
    key: list(name, 'columns', { most: 16 }),
    show: list(name, 'columns'),
    sort: text('a column to sort by'),
    columns: list(COLUMN, 'columns'),
    casts: mapOf(
      check({ pattern: '^[a-z_]\\w*$' }, (label, path, report) =>
        typeof label === 'string' && /^[a-z_]\w*$/.test(label) ? undefined : report(path, 'a name is expected here'),
      ),
      object(
        'a cast',
        {
          call: oneOf('helper', CAST_CALLS),
          of: text('an object or the path of a pointer'),
          type: text('the name of a struct'),
          as: text('the name of a struct'),
          when: object(
            'a condition of a cast',
            {
              source: text('a source'),
              is: list(either(text('an enumerator'), SAFE), 'values'),
            },
            ['source', 'is'],
          ),
        } satisfies Members<Cast>,
        ['of'],
      ),
      'casts',
    ),
    joins: mapOf(
      name,
      object(
        'a join',
        {
          template: name,
          on: list(oneOrMore(name, 'columns'), 'columns or lists of columns', { least: 2, most: 2 }),
        } satisfies Members<Join>,
        ['template', 'on'],
      ),
      'joins',
    ),
    filters: mapOf(
      oneOf('filter', FILTER_NAMES),
      object('a filter', {
        any: list(text('a source'), 'sources', { most: 8 }),
        link: oneOf('link filter', ['pid']),
        through: object('a filter through a join', { join: name, source: text('a source') }, ['join', 'source']),
      } satisfies Members<FilterRule>),
      'filters',
    ),
    switches: list(
      object(
        'a switch',
        {
          name,
          help: text('a line of help'),
          on: flag,
          hides: object('what a switch hides', { source: text('a source'), mask: IMMEDIATE }, ['source', 'mask']),
        } satisfies Members<Switch>,
        ['name', 'help', 'on', 'hides'],
      ),
      'switches',
      { least: 0, most: 16 },
    ),
    only: list(
      object('a condition', { source: text('a source'), mask: IMMEDIATE, equals: IMMEDIATE, except: flag }, [
        'source',
        'mask',
        'equals',
      ]),
      'conditions',
      { least: 0, most: 16 },
    ),
    tree: object('a tree', { id: name, parent: name, indent: name }, ['id', 'parent', 'indent']),
    group: object('a group', { by: name, member: name, ungroup: text('a name') }, ['by', 'member', 'ungroup']),
    internal: flag,
    order: oneOf('order', WALK_ORDERS),
    repeatsLast: flag,
    gather: flag,
    netns: flag,
    elements: name,
    area: oneOf('area', AREAS),
    aliases: list(name, 'words', { most: 8 }),
    finds: list(name, 'filters or columns', { most: 8 }),
    label: list(name, 'columns', { most: 4 }),
    related: list(
      object(
        'a related table',
        {
          word: text('a word such as files'),
          template: name,
          filters: mapOf(oneOf('filter', FILTER_NAMES), name, 'filters to columns'),
          where: text('a condition such as inode == $inode'),
          needs: list(name, 'columns', { most: 4 }),
          show: list(name, 'columns'),
          ungroup: flag,
        } satisfies Members<Related>,
        ['word', 'template'],
      ),
      'related tables',
      { least: 0, most: 9 },
    ),
    // A map is chosen when it is looked at.
  } satisfies Members<Omit<Template, 'map' | 'saved'>>,
  ['name', 'target', 'columns'],
);

/** Whether it has the form of a template, members with a default aside: key, show, sort, and a column's help and format. */
export function checkForm(value: unknown): Problem[] {
  const problems: Problem[] = [];
  TEMPLATE(value, [], (path, message, more) => {
    if (problems.length < MAX_PROBLEMS) problems.push({ path, message, ...more });
  });
  return problems;
}

/**
 * Whether what it names is there: columns, functions, joins.
 * @param find another template by its name
 */
export function checkNames(template: Template, find: (name: string) => Template | undefined): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (path, message, more) => problems.push({ path, message, ...more });
  const names = template.columns.map((c) => c.name);
  const mustBeColumn = (column: string, path: Path, of: readonly string[] = names, whose = template.name) => {
    if (of.includes(column)) return true;
    const near = nearest(column, of);
    report(
      path,
      `${whose} has no column "${column}"${near.length > 0 ? didYouMean(near) : `; it has ${of.join(', ')}`}`,
    );
    return false;
  };

  if (RESERVED.includes(template.name)) report(['name'], `"${template.name}" is a command; choose another name`);
  for (const [i, column] of template.columns.entries()) {
    const at = ['columns', i] as const;
    if (names.indexOf(column.name) !== i) report([...at, 'name'], `there are two columns "${column.name}"`);
    checkColumn(template, column, at, find, mustBeColumn, report);
  }
  for (const [i, column] of template.show.entries()) mustBeColumn(column, ['show', i]);
  for (const [i, column] of template.key.entries())
    if (template.key.indexOf(column) !== i) report(['key', i], `${column} is there twice`);
    else if (mustBeColumn(column, ['key', i]) && !isRead(columnOf(template, column)!))
      report(['key', i], `${column} is not read from the kernel ("from"), so it cannot be part of the key`);
  for (const part of template.sort.split(',')) mustBeColumn(part.trim().replace(/^-/, ''), ['sort']);
  for (const [part, column] of Object.entries(template.tree ?? {})) {
    if (mustBeColumn(column, ['tree', part]) && part !== 'indent' && isText(columnOf(template, column)!))
      report(['tree', part], `${column} is no number, by which rows and their parents are matched`);
  }
  if (template.group) {
    for (const member of ['by', 'member'] as const) {
      const column = template.group[member];
      if (mustBeColumn(column, ['group', member]) && columnOf(template, column)!.from === undefined)
        report(['group', member], `${column} is not read from the kernel ("from")`);
    }
  }
  for (const [join, { template: other, on }] of Object.entries(template.joins ?? {})) {
    const [mine, theirs] = on.map(joinColumns);
    if (mine.length !== theirs.length)
      report(
        ['joins', join, 'on'],
        `compares ${mine.length} columns with ${theirs.length}; as many are needed on both sides`,
      );
    const place = (side: 0 | 1, i: number): Path => [
      'joins',
      join,
      'on',
      side,
      ...(typeof on[side] === 'string' ? [] : [i]),
    ];
    for (const [i, column] of mine.entries()) mustBeColumn(column, place(0, i));
    const joined = other === template.name ? template : find(other);
    if (!joined) report(['joins', join, 'template'], `there is no template "${other}"`);
    const of = joined?.columns.map((c) => c.name) ?? theirs;
    for (const [i, column] of theirs.entries()) mustBeColumn(column, place(1, i), of, other);
  }
  for (const [filter, { any, through, link }] of Object.entries(template.filters ?? {})) {
    if (any === undefined && through === undefined)
      report(
        ['filters', filter],
        `a filter needs "any" or "through"${link ? ': before Linux 6.1 no link takes a PID' : ''}`,
      );
    if (through && !Object.hasOwn(template.joins ?? {}, through.join))
      report(['filters', filter, 'through', 'join'], `there is no join "${through.join}"`);
  }
  for (const [i, column] of (template.label ?? []).entries()) mustBeColumn(column, ['label', i]);
  for (const [i, found] of (template.finds ?? []).entries())
    if (!Object.hasOwn(template.filters ?? {}, found)) mustBeColumn(found, ['finds', i]);
  for (const [i, related] of (template.related ?? []).entries())
    checkRelated(template, related, ['related', i], find, mustBeColumn, report);
  const known: string[] = [];
  const casts = Object.keys(template.casts ?? {});
  for (const [cast, { of, call, type }] of Object.entries(template.casts ?? {})) {
    const start = /^\s*(\w+)/.exec(of)?.[1] ?? '';
    if (casts.includes(start) && !known.includes(start))
      report(['casts', cast, 'of'], `a cast starts from an object or from a cast above it, which "${start}" is not`);
    if (call && !type) report(['casts', cast], 'a cast by "call" needs "type", the struct that the helper gives');
    known.push(cast);
  }
  return problems;
}

function checkColumn(
  template: Template,
  column: Column,
  at: Path,
  find: (name: string) => Template | undefined,
  mustBeColumn: MustBeColumn,
  report: Report,
): void {
  const ways = (['from', 'derive', 'join'] as const).filter((way) => column[way] !== undefined);
  if (ways.length !== 1) {
    const has = ways.length === 0 ? 'none of them' : ways.join(' and ');
    report(at, `a column has one of "from", "derive" and "join"; ${column.name} has ${has}`);
    return;
  }
  const attempt = (path: Path, action: () => void) => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      report(path, error.problem);
    }
  };
  if (column.as === 'enum' && column.names === undefined && column.from === undefined)
    report([...at, 'as'], 'an enum needs "names": numbers to names, or the name of an enum of the kernel');
  if (
    column.fallback !== undefined &&
    mustBeColumn(column.fallback, [...at, 'fallback']) &&
    contentOf(column.as ?? 'int') !== 'text'
  )
    report([...at, 'fallback'], `a fallback is for columns of text, ${column.name} is ${column.as ?? 'int'}`);
  if (column.total && !template.group && !template.map)
    report([...at, 'total'], 'a total is over a group, and this template has no "group"');
  if (column.groupBase && !column.total) report([...at, 'groupBase'], '"groupBase" goes with "total"');
  if (column.list && (column.join === undefined || contentOf(column.as ?? 'int') !== 'text'))
    report([...at, 'list'], '"list" goes with "join", for columns of text');
  if (column.derive !== undefined) {
    const path = [...at, 'derive'];
    attempt(path, () => checkDerive(template, column, path, mustBeColumn, report));
  }
  if (column.join !== undefined) {
    const path = [...at, 'join'];
    attempt(path, () => {
      const [join, name] = parseJoin(template, column.name, column.join!);
      const other = template.joins![join].template;
      const joined = other === template.name ? template : find(other);
      if (joined && name !== 'holders')
        mustBeColumn(
          name,
          path,
          joined.columns.map((c) => c.name),
          other,
        );
    });
  }
}

/** Any word may be an enumerator or a user: a kernel is not asked here. */
function anyNames(where: string): WhereOptions {
  return { user: () => 0, enumNames: () => ({ ...(where.match(/\w+/g) ?? []) }), pageSize: 4096 };
}

/** A value that such a column could have. */
function sampleOf(format: Format = 'int'): RowValue {
  if (format === 'dev') return '8:1';
  if (format === 'inet') return { format, value: '::1' };
  if (format === 'flag') return { format, value: true };
  if (format === 'hexbytes') return { format, value: '00' };
  return { format, value: contentOf(format) === 'text' ? 'x' : 1 };
}

function checkRelated(
  template: Template,
  related: Related,
  at: Path,
  find: (name: string) => Template | undefined,
  mustBeColumn: MustBeColumn,
  report: Report,
): void {
  const other = related.template === template.name ? template : find(related.template);
  const names = other?.columns.map((c) => c.name) ?? [];
  if (!other) {
    const near = nearest(related.template, [template.name, ...shownTemplates().map((each) => each.name)]);
    report([...at, 'template'], `there is no template "${related.template}"${near.length > 0 ? didYouMean(near) : ''}`);
  }
  for (const [filter, column] of Object.entries(related.filters ?? {})) {
    mustBeColumn(column, [...at, 'filters', filter]);
    if (other && !Object.hasOwn(other.filters ?? {}, filter))
      report([...at, 'filters', filter], `${other.name} has no filter "${filter}"`, { atKey: true });
  }
  if (other)
    for (const [i, column] of (related.show ?? []).entries())
      mustBeColumn(column, [...at, 'show', i], names, other.name);
  if (other && related.ungroup && !ungroupedWord(other))
    report([...at, 'ungroup'], `${other.name} has no groups to take apart`);
  for (const [i, column] of (related.needs ?? []).entries()) mustBeColumn(column, [...at, 'needs', i]);
  if (related.where === undefined) return;
  const path = [...at, 'where'];
  const own = relatedColumns({ where: related.where });
  if (!own.every((column) => mustBeColumn(column, path)) || !other) return;
  try {
    parseWhere(
      whereOfRow(related.where, (column) => sampleOf(columnOf(template, column)?.as)),
      other,
      anyNames(related.where),
    );
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    report(path, error instanceof WhereError ? error.problem : error.message);
  }
}

/** Or comes with what is read. */
const isRead = (column: Column) => column.from !== undefined || isHost(column);

function checkDerive(
  template: Template,
  column: Column,
  path: Path,
  mustBeColumn: (column: string, path: Path) => boolean,
  report: Report,
): void {
  const { name, args } = parseDerive(template, column.name, column.derive!);
  const known = deriveFunction(name);
  if (!known) {
    const near = nearest(name, DERIVE_NAMES);
    const names = (near.length > 0 ? near : DERIVE_NAMES).map(deriveSignature);
    report(
      path,
      `there is no function ${name}()${near.length > 0 ? didYouMean(names) : `; there are ${names.join(', ')}`}`,
    );
    return;
  }
  if (known.more ? args.length < known.args : known.args !== args.length) {
    report(
      path,
      `${deriveSignature(name)} takes ${known.args}${known.more ? ' or more' : ''} column${known.args === 1 && !known.more ? '' : 's'}, not ${args.length}`,
    );
    return;
  }
  const numeric = Object.hasOwn(NUMERIC, name);
  if (numeric && contentOf(column.as ?? 'int') !== 'number')
    report(path, `${deriveSignature(name)} gives a number, which is not shown as ${column.as}`);
  if (!numeric && column.as !== undefined && contentOf(column.as) !== 'text')
    report(path, `${deriveSignature(name)} gives a text, which is not shown as ${column.as}`);
  for (const arg of args) {
    if (isConstant(arg)) {
      if (known.overTime) report(path, `${deriveSignature(name)} takes a column, not the number ${arg}`);
      continue;
    }
    if (!mustBeColumn(arg, path)) return;
    const other = columnOf(template, arg)!;
    if (!numeric) continue;
    if (other.join) report(path, `${arg} comes from a join; numbers are only computed from this table's own columns`);
    else if (contentOf(other.as ?? 'int') !== 'number')
      report(path, `${arg} is ${other.as}, ${name}() computes with numbers`);
  }
  withDependencies(template, [column.name]);
}

/**
 * What the BTF of a kernel says of its sources. A column that is not there is no defect unless it is part of the key:
 * `fatal` then.
 */
export function checkSources(template: Template, btf: Btf): (Problem & { readonly fatal: boolean })[] {
  const problems: (Problem & { fatal: boolean })[] = [];
  const report = (path: Path, message: string, fatal: boolean, offset?: number) =>
    problems.push({ path, message, fatal, offset });
  const attempt = (path: Path, fatal: boolean, text: string, action: () => void) => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof BtfError)) throw error;
      report(path, plainMessage(error), fatal, offsetOf(text, error));
    }
  };

  const scope: Scope[] = [];
  attempt(['target'], false, '', () =>
    scope.push({ btf, target: findTarget(btf, template.target), casts: template.casts ?? {} }),
  );
  if (scope.length === 0) {
    const near = nearest(template.target, targetNames(btf));
    return [
      {
        path: ['target'],
        fatal: false,
        message: `this kernel has no iterator for "${template.target}"${didYouMean(near)}`,
      },
    ];
  }
  for (const [name, { as, type }] of Object.entries(template.casts ?? {})) {
    const struct = type ?? as?.split('.')[0];
    if (struct !== undefined)
      attempt(['casts', name, type === undefined ? 'as' : 'type'], false, struct, () => btf.struct(struct));
  }
  for (const [i, column] of template.columns.entries()) {
    if (column.from === undefined) continue;
    const path: Path = ['columns', i, 'from', ...(typeof column.from === 'string' ? [] : [0])];
    attempt(path, template.key.includes(column.name), [column.from].flat()[0], () => {
      const source = resolveFirst(scope[0], column.from!);
      const inKey = template.key.indexOf(column.name);
      if (inKey >= 0 && fieldShape(source).type === 'text')
        report(['key', inKey], `${column.name} is a text of any length, which cannot be part of the key`, true);
      if (column.as !== undefined && !fits(column.as, source))
        report(['columns', i, 'as'], `${[column.from].flat()[0]} is not shown as ${column.as}`, true);
    });
    if (column.groupBase !== undefined)
      attempt(['columns', i, 'groupBase'], true, column.groupBase, () => resolveSource(scope[0], column.groupBase!));
  }
  for (const [filter, { any, through }] of Object.entries(template.filters ?? {})) {
    for (const [i, source] of (any ?? []).entries())
      attempt(['filters', filter, 'any', i], false, source, () => resolveSource(scope[0], source));
    if (through)
      attempt(['filters', filter, 'through', 'source'], false, through.source, () =>
        resolveSource(scope[0], through.source),
      );
  }
  for (const [i, { source }] of (template.only ?? []).entries())
    attempt(['only', i, 'source'], true, source, () => resolveSource(scope[0], source));
  for (const [i, { hides }] of (template.switches ?? []).entries())
    attempt(['switches', i, 'hides', 'source'], false, hides.source, () => resolveSource(scope[0], hides.source));
  return problems;
}

/** Without the place in the path, for where that is shown otherwise. */
export function plainMessage(error: BtfError): string {
  return error.message.replace(/ \(at character \d+ of "[^"]*"\)$/, '');
}

/** Where in a source's text the path is wrong: the error knows the place in the path that follows the object. */
export function offsetOf(text: string, error: BtfError): number | undefined {
  if (error.position === undefined) return undefined;
  const path = /of "([^"]*)"\)/.exec(error.message)?.[1];
  const start = path === undefined ? -1 : text.indexOf(path);
  return start < 0 ? undefined : start + error.position;
}
