/** What marks, moments and watches are of: one table's rows, one map's elements, or groups by one column. */
import type { SessionState } from './session.ts';

export type Scoped = Pick<SessionState, 'templates' | 'template' | 'groupBy'>;

/** Its name. Keys of rows mean something within it only. */
export function scopeOf({ templates, template, groupBy }: Scoped): string {
  const map = templates.get(template)?.map;
  return `${template}${map ? ` ${map.id}` : ''}${groupBy === '' ? '' : ` by ${groupBy}`}`;
}
