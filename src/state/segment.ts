/** What the refreshes of a recording have in common: enough to show them without the kernel that they are of. */
import type { EnumNames } from '../templates/enum-names.ts';
import type { Field, FieldType, RecordLayout } from '../templates/record.ts';
import type { Filters, Template, WalkOrder } from '../templates/template.ts';
import { checkForm } from '../templates/validate.ts';
import { BadRecordingError } from './byte-stream.ts';
import type { NetScope } from './namespaces.ts';
import type { Condition } from './view.ts';

/** What was asked for while recording. */
export interface RecordedQuestion {
  /** Shown. */
  readonly columns: readonly string[];
  /** As in Template.sort. */
  readonly sort: string;
  readonly filters: Filters;
  readonly switches: Readonly<Record<string, boolean>>;
  readonly ungroup: boolean;
  readonly where: string;
  readonly netns: NetScope;
  readonly order?: WalkOrder;
  /** Milliseconds. */
  readonly interval: number;
}

export interface RecordedWalk {
  /** BASE_WALK, or of a walk for joins. */
  readonly key: string;
  readonly template: string;
  readonly layout: RecordLayout;
  /** Column -> why the kernel did not have it. */
  readonly absent: readonly (readonly [string, string])[];
  readonly names: readonly (readonly [string, EnumNames])[];
  readonly by?: 'kernel' | 'user';
}

export interface Segment {
  readonly host: string;
  /** uname -r */
  readonly kernel: string;
  readonly pageSize: number;
  /** Jiffies a second; 0 where not known. */
  readonly hz: number;
  /** That of the table first, then those joined. */
  readonly templates: readonly Template[];
  readonly question: RecordedQuestion;
  /** Evaluated before anything was recorded. */
  readonly conditions: readonly Condition[];
  readonly walks: readonly RecordedWalk[];
}

export function encodeSegment(segment: Segment): Uint8Array {
  return Buffer.from(JSON.stringify(segment));
}

/** @throws BadRecordingError for what could not be read by */
export function decodeSegment(bytes: Uint8Array): Segment {
  let segment: Segment;
  try {
    segment = JSON.parse(Buffer.from(bytes).toString()) as Segment;
  } catch (error) {
    throw new BadRecordingError(`it begins with what is no JSON: ${(error as Error).message}`);
  }
  const wrong = (what: string) => new BadRecordingError(`${what} is not of the form that it has to be`);
  const { templates, walks, question, conditions } = segment;
  if (![templates, walks, conditions, question?.columns].every(Array.isArray) || templates.length === 0)
    throw wrong('its beginning');
  if (typeof segment.host !== 'string' || typeof segment.kernel !== 'string') throw wrong('its host');
  if (!(segment.pageSize > 0) || !(segment.hz >= 0) || !(question.interval > 0)) throw wrong('its beginning');
  for (const { text, where } of conditions)
    if (typeof text !== 'string' || !['link', 'kernel', 'user'].includes(where)) throw wrong('a condition');
  for (const template of templates) {
    // A map is chosen when a table is made, so the form of templates does not have it.
    const { map: _, ...rest } = template;
    const [problem] = checkForm(rest);
    if (problem) throw new BadRecordingError(`its template ${template.name}: ${problem.message}`);
  }
  if (typeof question.sort !== 'string' || typeof question.where !== 'string') throw wrong('its question');
  for (const walk of walks) checkWalk(walk, templates, wrong);
  return segment;
}

const SIZES: Readonly<Record<Exclude<FieldType, 'chars'>, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  i64: 8,
  inet: 24,
  text: 8,
};

function checkWalk(
  walk: RecordedWalk,
  templates: readonly Template[],
  wrong: (what: string) => BadRecordingError,
): void {
  const { layout, key, template } = walk;
  if (typeof key !== 'string' || !templates.some((t) => t.name === template)) throw wrong('a walk');
  if (![layout?.fields, walk.absent, walk.names].every(Array.isArray)) throw wrong(`the layout of ${template}`);
  const { fixed, keyOffset, keySize, group, fields } = layout;
  const within = (offset: number, size: number) =>
    Number.isInteger(offset) && Number.isInteger(size) && offset >= 4 && size >= 0 && offset + size <= fixed;
  const good = (f: Field) =>
    within(f.offset, f.size) &&
    typeof f.column === 'string' &&
    (f.type === 'chars' ||
      (Object.hasOwn(SIZES, f.type) && SIZES[f.type] === f.size && f.offset % Math.min(8, f.size) === 0));
  const known = (column: string) => fields.some((f) => f.column === column);
  if (
    !Number.isInteger(fixed) ||
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
