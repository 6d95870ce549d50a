/** Which columns of a template need which others. */
import { formatRanges } from './filters.ts';
import { columnOf, type FilterName, type JoinKey, type Range, type Template, TemplateError } from './template.ts';

export interface DerivedCall {
  readonly name: string;
  readonly args: readonly string[];
}

/** `rate(bytes_in)`: a function of derive.ts and the columns that it takes. */
export function parseDerive(template: Template, column: string, text: string): DerivedCall {
  const match = /^\s*(\w+)\s*\(\s*([\w\s,]*)\)\s*$/.exec(text);
  if (!match)
    throw new TemplateError(template.name, column, `derive "${text}" is not of the form function(column, ...)`);
  return {
    name: match[1],
    args: match[2]
      .split(',')
      .map((a) => a.trim())
      .filter((a) => a !== ''),
  };
}

/** An argument may be a whole number instead of a column. */
export function isConstant(arg: string): boolean {
  return /^\d+$/.test(arg);
}

/** `owner.pid` -> [owner, pid] */
export function parseJoin(template: Template, column: string, text: string): [string, string] {
  const match = /^(\w+)\.(\w+)$/.exec(text);
  if (!match || !Object.hasOwn(template.joins ?? {}, match[1])) {
    throw new TemplateError(
      template.name,
      column,
      `join "${text}" is not of the form ${Object.keys(template.joins ?? {}).join('|') || 'join'}.column`,
    );
  }
  return [match[1], match[2]];
}

export function joinColumns(key: JoinKey): readonly string[] {
  return typeof key === 'string' ? [key] : key;
}

/**
 * Columns of this template that one of a join needs: those compared, and of a join with the template itself also those
 * on the other side.
 */
export function joinNeeds(template: Template, column: string, text: string): string[] {
  const [join, taken] = parseJoin(template, column, text);
  const { template: other, on } = template.joins![join];
  const mine = joinColumns(on[0]);
  return other === template.name
    ? [...mine, ...joinColumns(on[1]), ...(taken === 'holders' ? [] : [taken])]
    : [...mine];
}

/** The columns, and those that they are derived from, each once. */
export function withDependencies(template: Template, names: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (name: string, from: readonly string[]) => {
    if (from.includes(name))
      throw new TemplateError(template.name, name, `is derived from itself: ${[...from, name].join(' -> ')}`);
    const column = columnOf(template, name);
    if (!column) throw new TemplateError(template.name, from.at(-1) ?? '', `there is no column "${name}"`);
    if (found.has(name)) return;
    if (column.derive)
      for (const arg of parseDerive(template, name, column.derive).args)
        if (!isConstant(arg)) add(arg, [...from, name]);
    if (column.fallback) add(column.fallback, [...from, name]);
    if (column.join) for (const needed of joinNeeds(template, name, column.join)) add(needed, [...from, name]);
    found.add(name);
  };
  for (const name of names) add(name, []);
  return [...found];
}

/** Columns that the kernel has to give for these to be shown: the key, and the group's where grouped. */
export function columnArgs(template: Template, names: readonly string[], grouped: boolean): string[] {
  const wanted = [...template.key, ...(grouped ? [template.group!.by] : []), ...names];
  return withDependencies(template, wanted).filter((name) => columnOf(template, name)!.from !== undefined);
}

export function conditionText(name: FilterName, ranges: readonly Range[]): string {
  return `${name} ${formatRanges(ranges)}`;
}
