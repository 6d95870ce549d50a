/** The form of what a recording begins with: it may come from anywhere, so all of it is looked at before it is used. */
import type { EnumNames } from '../templates/enum-names.ts';
import { type Check, check, describe, flag, isMap, list, mapOf, object, oneOf, whole } from '../templates/form.ts';
import { FIELD_SIZES, type Field, type FieldType, type RecordLayout } from '../templates/record.ts';
import { columnOf, FILTER_NAMES, type MapOf, type Template, WALK_ORDERS } from '../templates/template.ts';
import { sanitize } from '../templates/text.ts';
import { checkForm } from '../templates/validate.ts';
import { BadRecordingError } from './byte-stream.ts';
import type { RecordedQuestion, RecordedWalk, Segment } from './segment.ts';
import { BASE_WALK } from './source.ts';

/** A check for each member that a type has: one that is added to the type has to be added here. */
type Members<T> = Readonly<Record<keyof T, Check>>;

/** Bytes of a field; of characters any number. */
const SIZES: Readonly<Record<FieldType, number>> = { ...FIELD_SIZES, chars: 0 };

const string = check({ type: 'string' }, (value, path, report) => {
  if (typeof value !== 'string') report(path, `a text is expected here, not ${describe(value)}`);
});
const number = (low: number, high: number) =>
  check({ type: 'number', minimum: low, maximum: high }, (value, path, report) => {
    if (typeof value !== 'number' || !(value >= low && value <= high))
      report(path, `a number from ${low} to ${high} is expected here, not ${describe(value)}`);
  });
const many = (of: Check, what: string) => list(of, what, { least: 0 });
const tuple = (...parts: readonly Check[]) =>
  check({ prefixItems: parts.map(({ schema }) => schema) }, (value, path, report) => {
    if (!Array.isArray(value) || value.length !== parts.length)
      report(path, `${parts.length} values are expected here`);
    else for (const [i, part] of parts.entries()) part(value[i], [...path, i], report);
  });
const optional = (of: Check) =>
  check({ anyOf: [{ type: 'null' }, of.schema] }, (value, path, report) => {
    if (value !== null) of(value, path, report);
  });

const UNSIGNED = whole(0, 2 ** 32 - 1);

const NAMESPACES = many(number(0, Number.MAX_SAFE_INTEGER), 'namespaces');

const MAP = object(
  'a map',
  {
    ...{ id: UNSIGNED, path: string, byName: flag, name: string, type: string },
    ...{ keySize: UNSIGNED, valueSize: UNSIGNED, cpus: whole(0, 1 << 16), closed: flag },
  } satisfies Members<MapOf>,
  ['id', 'name', 'type', 'keySize', 'valueSize', 'cpus'],
);

const LAYOUT = object(
  'a layout',
  {
    fixed: UNSIGNED,
    fields: many(
      object(
        'a field',
        {
          column: string,
          offset: UNSIGNED,
          size: UNSIGNED,
          type: oneOf('type', Object.keys(SIZES)),
          flag: whole(0, 0xffff),
          limit: UNSIGNED,
        } satisfies Members<Field>,
        ['column', 'offset', 'size', 'type', 'flag'],
      ),
      'fields',
    ),
    keyOffset: UNSIGNED,
    keySize: UNSIGNED,
    group: optional(object('a group', { by: string, totals: many(string, 'columns') }, ['by', 'totals'])),
  } satisfies Members<RecordLayout>,
  ['fixed', 'fields', 'keyOffset', 'keySize', 'group'],
);

const QUESTION = object(
  'a question',
  {
    columns: many(string, 'columns'),
    sort: string,
    filters: mapOf(oneOf('filter', FILTER_NAMES), many(tuple(UNSIGNED, UNSIGNED), 'ranges'), 'filters'),
    switches: mapOf(string, flag, 'switches'),
    ungroup: flag,
    where: string,
    netns: check({}, (value, path, report) =>
      Array.isArray(value) ? NAMESPACES(value, path, report) : oneOf('scope', ['self', 'all'])(value, path, report),
    ),
    order: oneOf('order', WALK_ORDERS),
    group: string,
    tree: flag,
    interval: number(1, 1e9),
  } satisfies Members<RecordedQuestion>,
  ['columns', 'sort', 'filters', 'switches', 'ungroup', 'where', 'netns', 'interval'],
);

const SEGMENT = object(
  'what a recording begins with',
  {
    host: string,
    kernel: string,
    btf: string,
    pageSize: number(1, 1 << 30),
    hz: number(0, 1e6),
    // Of their own form: checkForm().
    templates: list(
      check({}, () => {}),
      'templates',
    ),
    question: QUESTION,
    conditions: many(
      object(
        'a condition',
        {
          text: string,
          where: oneOf('place', ['link', 'kernel', 'user']),
          scope: flag,
          netns: object('of namespaces', { seen: number(0, 1e9), total: number(0, 1e9) }, ['seen', 'total']),
        },
        ['text', 'where'],
      ),
      'conditions',
    ),
    walks: list(
      object(
        'a walk',
        {
          key: string,
          template: string,
          layout: LAYOUT,
          absent: many(tuple(string, string), 'columns'),
          names: many(tuple(string, mapOf(string, string, 'names')), 'columns'),
          by: oneOf('way', ['kernel', 'user']),
          near: flag,
          byColumn: flag,
        } satisfies Members<RecordedWalk>,
        ['key', 'template', 'layout', 'absent', 'names'],
      ),
      'walks',
    ),
    chained: flag,
    coded: flag,
  } satisfies Members<Segment>,
  ['host', 'kernel', 'pageSize', 'hz', 'templates', 'question', 'conditions', 'walks'],
);

/** Throws BadRecordingError for what refreshes could not be read by. */
export function checkedSegment(value: unknown): Segment {
  SEGMENT(value, [], (path, message) => {
    throw new BadRecordingError(`its beginning, at ${sanitize(path.join('.')) || 'the top'}: ${message}`);
  });
  const segment = value as Segment;
  const templates = segment.templates.map(checkedTemplate);
  if (!segment.walks.some(({ key }) => key === BASE_WALK)) throw wrong('the list of its walks');
  for (const walk of segment.walks) checkWalk(walk, templates);
  const { columns, group } = segment.question;
  mustHave(templates[0]!, group === undefined ? columns : [...columns, group], 'its question');
  return { ...segment, templates, walks: segment.walks.map(withSafeNames) };
}

/** Names of enumerators are shown as they are. */
function withSafeNames(walk: RecordedWalk): RecordedWalk {
  const safe = (names: EnumNames) => Object.fromEntries(Object.entries(names).map(([n, name]) => [n, sanitize(name)]));
  return { ...walk, names: walk.names.map(([column, names]) => [column, safe(names)] as const) };
}

const wrong = (what: string) => new BadRecordingError(`${what} is not of the form that it has to be`);

/**
 * What a table is made by. Columns of its joins, and where its rows lead, are looked for when they are wanted. What was
 * typed or saved belongs to the session that recorded, and is left out.
 */
function checkedTemplate(value: unknown): Template {
  const { map, saved: _, ...rest } = isMap(value) ? value : {};
  const columns = Array.isArray(rest['columns']) ? rest['columns'].map(withoutTyped) : rest['columns'];
  const called = `its template ${describe(rest['name'])}`;
  const [problem] = checkForm({ ...rest, columns });
  if (problem) throw new BadRecordingError(`${called}: ${problem.message}`);
  if (map !== undefined)
    MAP(map, [], (path, message) => {
      throw new BadRecordingError(`${called}: its map, ${sanitize(path.join('.'))}: ${message}`);
    });
  const template = { ...rest, columns, ...(map === undefined ? {} : { map }) } as unknown as Template;
  const { key, show, sort, help, label = [], tree, group } = template;
  if (![key, show, sort, help].every((each) => each !== undefined))
    throw new BadRecordingError(`${called} needs help, key, show and sort`);
  for (const column of template.columns)
    if ([column.from, column.derive, column.join].filter((way) => way !== undefined).length !== 1)
      throw new BadRecordingError(`${called}: ${column.name} has to have one of from, derive and join`);
  const trees = tree ? [tree.id, tree.parent, tree.indent] : [];
  mustHave(template, [...key, ...show, ...label, ...trees, ...(group ? [group.by, group.member] : [])], called);
  return template;
}

function withoutTyped(column: unknown): unknown {
  if (!isMap(column)) return column;
  const { typed: _, ...rest } = column;
  return rest;
}

function mustHave(template: Template, names: readonly string[], whose: string): void {
  const missing = names.find((name) => columnOf(template, name) === undefined);
  if (missing !== undefined) throw new BadRecordingError(`${whose}: there is no column ${describe(missing)}`);
}

function checkWalk({ layout, template }: RecordedWalk, templates: readonly Template[]): void {
  if (!templates.some((t) => t.name === template)) throw wrong('the list of its walks');
  const { fixed, keyOffset, keySize, group, fields } = layout;
  const within = (offset: number, size: number) => offset >= 4 && offset + size <= fixed;
  const good = (f: Field) =>
    within(f.offset, f.size) &&
    (f.type === 'chars' || (SIZES[f.type] === f.size && f.offset % Math.min(8, f.size) === 0));
  const known = (column: string) => fields.some((f) => f.column === column);
  if (
    fixed % 8 !== 0 ||
    fixed > 1 << 16 ||
    !within(keyOffset, keySize) ||
    keyOffset % 4 !== 0 ||
    keySize % 4 !== 0 ||
    !fields.every(good) ||
    (group !== null && ![group.by, ...group.totals].every(known))
  )
    throw wrong(`the layout of ${template}`);
}
