/**
 * Forms of files that people write, as rules over plain data. Each rule checks a value, saying where it is wrong and how
 * to mend it, and is a JSON Schema at the same time.
 */
import { didYouMean, nearest } from '../bpf/nearest.ts';
import { sanitize } from './text.ts';

export type Path = readonly (string | number)[];

export interface Problem {
  /** Of the member that is wrong: ['columns', 2, 'from']. */
  readonly path: Path;
  /** Its name is, not its value. */
  readonly atKey?: boolean;
  /** Characters into its text. */
  readonly offset?: number | undefined;
  readonly message: string;
}

export type Report = (path: Path, message: string, more?: { atKey?: boolean; offset?: number | undefined }) => void;

/** Draft 2020-12. */
export type Schema = Readonly<Record<string, unknown>>;

type Run = (value: unknown, path: Path, report: Report) => void;
export interface Check extends Run {
  readonly schema: Schema;
}

export function check(schema: Schema, run: Run): Check {
  return Object.assign((value: unknown, path: Path, report: Report) => run(value, path, report), { schema });
}

/** The rule, with what its value is for. */
export function about(description: string, of: Check): Check {
  return check({ ...of.schema, description }, of);
}

const NAME = /^[a-z][a-z0-9_]*$/;
const NAME_LENGTH = 64;
const TEXT_LENGTH = 1000;
/** More than any struct of the kernel gives sense to, and few enough to be looked at. */
const MAX_ITEMS = 512;
/** Of one map with fixed names: beyond it every further name is wrong. */
const MAX_MEMBERS = 64;

/** What is read out in messages: of a file that is none of ours, and that not everybody may read, next to nothing. */
const SHORT = /^[\w ./-]{0,32}$/;

export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value !== 'string') return `the ${typeof value} ${value}`;
  return SHORT.test(value) ? `"${value}"` : 'a text';
}

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text = (what: string): Check =>
  check({ type: 'string', minLength: 1, maxLength: TEXT_LENGTH, description: what }, (value, path, report) => {
    if (typeof value !== 'string') report(path, `${what} is expected here, not ${describe(value)}`);
    else if (value.length > TEXT_LENGTH) report(path, `${value.length} characters, at most ${TEXT_LENGTH} are taken`);
    else if (value.trim() === '') report(path, `${what} is expected here, not an empty text`);
    else if (sanitize(value) !== value) report(path, `a character that no terminal should get: ${sanitize(value)}`);
  });

export const name: Check = check(
  { type: 'string', pattern: NAME.source, maxLength: NAME_LENGTH },
  (value, path, report) => {
    if (typeof value !== 'string' || !NAME.test(value))
      report(path, `a name is expected here (small letters, digits and _), not ${describe(value)}`);
    else if (value.length > NAME_LENGTH) report(path, `a name has at most ${NAME_LENGTH} characters`);
  },
);

export const oneOf = (what: string, names: readonly string[]): Check =>
  check({ enum: names }, (value, path, report) => {
    if (typeof value === 'string' && names.includes(value)) return;
    const near = typeof value === 'string' ? nearest(value, names) : [];
    const help = near.length > 0 ? didYouMean(near) : `; there are ${names.join(', ')}`;
    report(path, `there is no ${what} ${describe(value)}${help}`);
  });

export const flag: Check = check({ type: 'boolean' }, (value, path, report) => {
  if (typeof value !== 'boolean') report(path, `true or false is expected here, not ${describe(value)}`);
});

export const whole = (low: number, high: number): Check =>
  check({ type: 'integer', minimum: low, maximum: high }, (value, path, report) => {
    if (!Number.isInteger(value) || (value as number) < low || (value as number) > high)
      report(path, `a whole number from ${low} to ${high} is expected here, not ${describe(value)}`);
  });

export const list = (of: Check, what: string, { least = 1, most = MAX_ITEMS } = {}): Check =>
  check({ type: 'array', items: of.schema, minItems: least, maxItems: most }, (value, path, report) => {
    if (!Array.isArray(value)) report(path, `a list of ${what} is expected here, not ${describe(value)}`);
    else if (value.length < least) report(path, `${least} or more ${what} are needed here, not ${value.length}`);
    else if (value.length > most) report(path, `${value.length} ${what}, at most ${most} are taken`);
    else for (const [i, item] of value.entries()) of(item, [...path, i], report);
  });

export const oneOrMore = (of: Check, what: string): Check => {
  const several = list(of, what);
  return check({ anyOf: [of.schema, several.schema] }, (value, path, report) =>
    Array.isArray(value) ? several(value, path, report) : of(value, path, report),
  );
};

/** A map from names that `key` takes. */
export const mapOf = (key: Check, of: Check, what: string): Check =>
  check({ type: 'object', propertyNames: key.schema, additionalProperties: of.schema }, (value, path, report) => {
    if (!isMap(value)) return report(path, `a map of ${what} is expected here, not ${describe(value)}`);
    for (const [entry, item] of Object.entries(value)) {
      key(entry, [...path, entry], (at, message) => report(at, message, { atKey: true }));
      of(item, [...path, entry], report);
    }
  });

/** A map with these members and no others. */
export const object = (
  what: string,
  members: Readonly<Record<string, Check>>,
  required: readonly string[] = [],
): Check => {
  const properties = Object.fromEntries(Object.entries(members).map(([label, { schema }]) => [label, schema]));
  const schema = { type: 'object', properties, required, additionalProperties: false };
  return check(schema, (value, path, report) => {
    if (!isMap(value))
      return report(
        path,
        `${what} is expected here (a map), not ${typeof value === 'string' ? 'a text' : describe(value)}`,
      );
    for (const [label, item] of Object.entries(value)) {
      const member = Object.hasOwn(members, label) ? members[label] : undefined;
      if (member) member(item, [...path, label], report);
      else if (Object.keys(value).length > MAX_MEMBERS) {
        return report(path, `${Object.keys(value).length} members, which ${what} does not have`);
      } else {
        const near = nearest(label, Object.keys(members));
        const help = near.length > 0 ? didYouMean(near) : `; there are ${Object.keys(members).join(', ')}`;
        report([...path, label], `no member ${SHORT.test(label) ? `"${label}"` : 'of this name'}${help}`, {
          atKey: true,
        });
      }
    }
    for (const label of required) if (!Object.hasOwn(value, label)) report(path, `${what} needs "${label}"`);
  });
};
