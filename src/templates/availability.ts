/** On which kernels a template's columns are: resolved against BTF, nothing loaded, so that any kernel's BTF will do. */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { findTarget } from '../bpf/targets.ts';
import { derivedReason } from './absent.ts';
import { joinColumns, joinNeeds, parseJoin } from './columns.ts';
import { lacksHelper } from './helper-needs.ts';
import { resolveFirst, type Scope } from './source.ts';
import { columnOf, type Template } from './template.ts';

/** Column -> why it is not there; '' where it is. */
export type Availability = ReadonlyMap<string, string>;

/** @param find the templates of joins @throws TemplateError for a template that is wrong on every kernel */
export function availability(template: Template, btf: Btf, find: (name: string) => Template): Availability {
  const found = new Map<string, string>();
  let scope: Scope;
  try {
    scope = { btf, target: findTarget(btf, template.target), casts: template.casts ?? {} };
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
    return new Map(template.columns.map((c) => [c.name, error.message]));
  }
  const joined = new Map<string, Availability>();

  function reasonOf(name: string): string {
    const known = found.get(name);
    if (known !== undefined) return known;
    const reason = missing(name);
    found.set(name, reason);
    return reason;
  }

  function missing(name: string): string {
    const column = columnOf(template, name)!;
    if (column.derive !== undefined) return derivedReason(template, name, column.derive, reasonOf);
    if (column.join !== undefined) {
      const [join, other] = parseJoin(template, name, column.join);
      const { template: whose, on } = template.joins![join];
      const mine = joinNeeds(template, name, column.join).map(reasonOf);
      if (whose === template.name) return mine.find((r) => r !== '') ?? '';
      const theirs = joined.get(whose) ?? availability(find(whose), btf, find);
      joined.set(whose, theirs);
      const needed = [...joinColumns(on[1]), ...(other === 'holders' ? [] : [other])];
      return [...mine, ...needed.map((n) => theirs.get(n) ?? '')].find((r) => r !== '') ?? '';
    }
    try {
      return lacksHelper(btf, template, resolveFirst(scope, column.from!));
    } catch (error) {
      if (error instanceof BtfError) return error.message;
      throw error;
    }
  }

  for (const column of template.columns) reasonOf(column.name);
  return found;
}

export interface CheckedOn {
  /** The kernel's name in the table: its release, or the file. */
  readonly label: string;
  readonly columns: Availability;
}

/** Whether every column of the key is there on every kernel: without it there is no table. */
export function worksOn(template: Template, checked: readonly CheckedOn[]): boolean {
  return checked.every(({ columns }) => template.key.every((name) => columns.get(name) === ''));
}

/** A table of columns and kernels, and below it why something is absent. */
export function availabilityText(template: Template, checked: readonly CheckedOn[]): string {
  const first = Math.max(6, ...template.columns.map((c) => c.name.length));
  const widths = checked.map(({ label }) => Math.max(6, label.length));
  const line = (name: string, cells: readonly string[]) =>
    `${name.padEnd(first)}  ${cells.map((cell, i) => cell.padEnd(widths[i])).join('  ')}`.trimEnd();
  const lines = [
    `${template.name}: ${template.help}`,
    line(
      'column',
      checked.map((c) => c.label),
    ),
  ];
  const reasons: string[] = [];
  for (const { name } of template.columns) {
    const mark = template.key.includes(name) ? 'no key' : 'absent';
    lines.push(
      line(
        name,
        checked.map(({ columns }) => (columns.get(name) === '' ? 'ok' : mark)),
      ),
    );
    // The same reason on several kernels is said once.
    const by = Map.groupBy(
      checked.filter(({ columns }) => columns.get(name) !== ''),
      ({ columns }) => columns.get(name)!,
    );
    for (const [reason, on] of by) reasons.push(`  ${name} on ${on.map((c) => c.label).join(', ')}: ${reason}`);
  }
  const works = worksOn(template, checked);
  return [...lines, ...reasons, ...(works ? [] : ['  without its key the table cannot be shown there']), ''].join('\n');
}
