/** A column for a member path that someone points at: the one that shows it already, or a new one. */
import type { Btf } from '../bpf/btf.ts';
import { withColumns } from './adhoc.ts';
import { columnOf, type Template } from './template.ts';

export interface PathColumn {
  /** With the column. */
  readonly template: Template;
  readonly column: string;
  /** As --columns takes it: `total_vm=task->mm->total_vm`, or the name alone of a column that was there. */
  readonly item: string;
}

/** @throws UsageError where that is no single value */
export function columnOfPath(
  template: Template,
  path: string,
  btf: () => Btf,
  find: (name: string) => Template | undefined,
): PathColumn {
  const known = template.columns.find(({ from }) => from === path);
  if (known) return { template, column: known.name, item: known.name };
  const column = freeName(template, path);
  const item = `${column}=${path}`;
  return { template: withColumns(template, item, btf, find).template, column, item };
}

/** Names of the one number in refcount_t, atomic_t, kuid_t and their like: what holds them tells more. */
const WRAPPED: readonly string[] = ['counter', 'refs', 'refcount', 'val'];

/** Of the last member, with those before it where another column has that name. */
function freeName(template: Template, path: string): string {
  const words = path
    .toLowerCase()
    .split(/\W+/)
    .map((word) => word.replace(/^[^a-z0-9]+/, ''))
    .filter((word) => word !== '');
  while (words.length > 2 && WRAPPED.includes(words.at(-1)!)) words.pop();
  const taken = (name: string) => !/^[a-z]/.test(name) || columnOf(template, name) !== undefined;
  for (let first = words.length - 1; first >= 0; first--) {
    const name = words.slice(first).join('_');
    if (!taken(name)) return name;
  }
  let n = 2;
  while (taken(`member${n}`)) n++;
  return `member${n}`;
}
