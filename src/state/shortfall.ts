/** What rows that were read lack, in words: whoever reads them without a screen does not see it otherwise. */
import { columnOf, type Template } from '../templates/template.ts';
import type { Snapshot } from './snapshot.ts';

/** Shown columns that are not there, and why; not those in whose place something else stands. */
export function absentOf({ columns, absent, table: { template } }: Snapshot): Readonly<Record<string, string>> {
  const shown = columns.filter((name) => absent?.get(name) && columnOf(template, name)?.fallback === undefined);
  return Object.fromEntries(shown.map((name) => [name, absent!.get(name)!]));
}

/** A reason without the columns that it comes by: what is derived from them has it, too. */
function ofItself(why: string, template: Template): string {
  const [, column = '', rest = ''] = /^(\w+): (.*)$/s.exec(why) ?? [];
  return columnOf(template, column) ? ofItself(rest, template) : why;
}

/** One text for each cause of it. */
export function shortfallsOf(snapshot: Snapshot): ReadonlyMap<string, string> {
  const { stats, table } = snapshot;
  const { template } = table;
  const { name } = template;
  const found = new Map<string, string>();
  const { seen, total } = stats.netns ?? { seen: 1, total: 1 };
  if (seen < total) found.set('netns', `${name}: ${seen} of ${total} network namespaces were read (root sees all)`);
  const reasons = new Map<string, string[]>();
  for (const [column, said] of Object.entries(absentOf(snapshot))) {
    const why = ofItself(said, template);
    reasons.set(why, [...(reasons.get(why) ?? []), column]);
  }
  for (const [why, columns] of reasons) found.set(why, `${name}: without ${columns.join(', ')}: ${why}`);
  return found;
}
