/**
 * `--columns`: names of columns, and columns made on the spot.
 *
 *   pid,comm,nvcsw=task->nvcsw,exe=d_path(task->mm->exe_file->f_path),rss=sum(a->x, a->y):pages
 *
 * `name=source[:format]`, where the source is what a template has as `from`, a function of columns as in `derive`, or a
 * column of a join. A list that begins with `+` adds to what is shown.
 */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { didYouMean, nearest } from '../bpf/nearest.ts';
import { findTarget } from '../bpf/targets.ts';
import { deriveFunction } from './derive.ts';
import { derivedAs, fits, shownAs, widthOf } from './infer.ts';
import { resolveSource, type Scope } from './source.ts';
import { type Column, columnOf, FORMATS, type Format, type Template, TemplateError, UsageError } from './template.ts';
import { pointedAt } from './text.ts';
import { checkNames, offsetOf, plainMessage } from './validate.ts';

/** A wrong list of columns, with a caret under the place. */
export class ColumnsError extends UsageError {
  readonly position: number;
  constructor(text: string, position: number, problem: string) {
    super(`columns: ${problem}\n${pointedAt(text, position)}`);
    this.position = position;
  }
}

export interface AdHoc {
  /** The template itself where nothing was made. */
  readonly template: Template;
  /** To show, in order. */
  readonly columns: readonly string[];
}

interface Item {
  readonly text: string;
  /** Of its first character in the list. */
  readonly at: number;
}

/**
 * @param btf asked for only where a column has to be made
 * @throws UsageError (ColumnsError with the place)
 */
export function withColumns(
  template: Template,
  text: string,
  btf: () => Btf,
  find: (name: string) => Template | undefined,
): AdHoc {
  let made = template;
  const names: string[] = [];
  const items = split(text).map((item) => {
    const equals = item.text.indexOf('=');
    const name = (equals < 0 ? item.text : item.text.slice(0, equals)).trim();
    const source = equals < 0 ? null : { text: item.text.slice(equals + 1), at: item.at + equals + 1 };
    return { name, at: item.at, source };
  });
  const twice = items.find(({ name, source }, i) =>
    items.slice(0, i).some((other) => source && other.source && other.name === name),
  );
  if (twice) throw new ColumnsError(text, twice.at, `there are two columns "${twice.name}"; choose another name`);
  const begun = new Set<string>();
  /** After those that it is computed from, wherever they stand in the list. */
  function make({ name, at, source }: (typeof items)[number]): void {
    if (!source || begun.has(name)) return;
    begun.add(name);
    for (const word of source.text.match(/\w+/g) ?? [])
      for (const other of items) if (other.name === word && other.name !== name) make(other);
    made = add(made, name, source, text, at, btf(), find);
  }
  for (const item of items) make(item);
  for (const { name, at } of items) {
    if (!columnOf(made, name)) {
      const known = made.columns.map((c) => c.name);
      const near = nearest(name, known);
      throw new ColumnsError(
        text,
        at,
        `${made.name} has no column "${name}"${near.length > 0 ? didYouMean(near) : `; it has ${known.join(', ')}`}`,
      );
    }
    names.push(name);
  }
  if (names.length === 0) throw new UsageError('columns: at least one is needed');
  const added = text.trimStart().startsWith('+');
  return {
    template: made,
    columns: added ? [...template.show, ...names.filter((n) => !template.show.includes(n))] : names,
  };
}

/** At the commas that are in no parentheses; empty items and a leading `+` are left out. What is before a `=` is a name. */
function split(text: string): Item[] {
  const items: Item[] = [];
  let depth = 0;
  let start = 0;
  let named = false;
  for (let at = 0; at <= text.length; at++) {
    const c = text[at];
    if (c === '=' && !named) {
      const [, before, name] = /^(\s*\+?\s*)(.*?)\s*$/s.exec(text.slice(start, at))!;
      if (!/^[a-z][a-z0-9_]*$/.test(name))
        throw new ColumnsError(
          text,
          start + before.length,
          `"${name}" is no name of a column: small letters, digits and _`,
        );
      named = true;
    } else if (c === '(' || c === '[') depth++;
    else if (c === ')' || c === ']') {
      if (--depth < 0) throw new ColumnsError(text, at, `this ${c} was never opened`);
    } else if (c === undefined || (c === ',' && depth === 0)) {
      const [, before, inner] = /^(\s*\+?\s*)(.*?)\s*$/s.exec(text.slice(start, at))!;
      if (inner !== '') items.push({ text: inner, at: start + before.length });
      start = at + 1;
      named = false;
    }
  }
  if (depth > 0) throw new ColumnsError(text, text.length, 'a closing parenthesis is expected here');
  return items;
}

/** The template with one more column, or with another one under its name. */
function add(
  template: Template,
  name: string,
  source: Item,
  whole: string,
  nameAt: number,
  btf: Btf,
  find: (name: string) => Template | undefined,
): Template {
  const fail = (at: number, problem: string): never => {
    throw new ColumnsError(whole, at, problem);
  };
  const fixed = [...template.key, ...(template.group ? [template.group.by, template.group.member] : [])];
  if (fixed.includes(name)) fail(nameAt, `${name} is part of what names a row; choose another name`);

  const colon = source.text.lastIndexOf(':');
  const [, before, from] = /^(\s*)(.*?)\s*$/s.exec(colon < 0 ? source.text : source.text.slice(0, colon))!;
  const at = source.at + before.length;
  if (from === '') fail(source.at, `${name} needs a source: ${name}=task->pid`);
  let as: Format | undefined;
  const format = colon < 0 ? '' : source.text.slice(colon + 1).trim();
  const formatAt = source.at + colon + 1 + /^\s*/.exec(source.text.slice(colon + 1))![0].length;
  if (colon >= 0) {
    as = FORMATS.find((f) => f === format);
    if (as === undefined) {
      const near = nearest(format, FORMATS);
      fail(
        formatAt,
        `there is no format "${format}"${near.length > 0 ? didYouMean(near) : `; there are ${FORMATS.join(', ')}`}`,
      );
    }
  }

  const call = /^(\w+)\s*\(/.exec(from)?.[1];
  const join = /^(\w+)\.(\w+)$/.exec(from);
  let column: Column;
  if (call !== undefined && deriveFunction(call)) {
    const made = { name, derive: from, help: from };
    column = { ...made, as: as ?? attempt(at, () => derivedAs(template, name, from)) };
  } else if (join && Object.hasOwn(template.joins ?? {}, join[1])) {
    const other = find(template.joins![join[1]].template);
    const shown = other && columnOf(other, join[2]);
    column = {
      name,
      join: from,
      help: from,
      as: as ?? shown?.as ?? 'int',
      ...(shown?.names === undefined ? {} : { names: shown.names }),
    };
  } else {
    try {
      const scope: Scope = { btf, target: findTarget(btf, template.target), casts: template.casts ?? {} };
      const resolved = resolveSource(scope, from);
      if (as !== undefined && !fits(as, resolved)) fail(formatAt, `${from} is not shown as ${as}`);
      const shown = shownAs(btf, resolved);
      if (as === 'enum' && shown.names === undefined) fail(formatAt, `${from} is no enum in this kernel's BTF`);
      column = { name, from, help: from, ...(as === undefined || as === shown.as ? shown : { as }) };
    } catch (error) {
      if (error instanceof BtfError) fail(at + (offsetOf(from, error) ?? 0), plainMessage(error));
      throw error;
    }
  }
  column = { ...column, width: widthOf(column.as ?? 'int'), typed: `${name}=${source.text.trim()}` };
  const rest = template.columns.filter((c) => c.name !== name);
  const next: Template = { ...template, columns: [...rest, column] };
  const [problem] = checkNames(next, find);
  if (problem) fail(at, problem.message);
  return next;

  function attempt<T>(place: number, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (error instanceof TemplateError) fail(place, error.problem);
      throw error;
    }
  }
}
