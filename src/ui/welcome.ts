/** The first line that explains: what is seen, and the keys that matter. */
import type { SessionState } from '../state/session.ts';
import { keyOf } from './keymap.ts';

/** Until the first key; '' where the line has something to say of its own. The table in so many words that 80 cells hold it. */
export function welcome({
  template,
  templates,
  filterTexts,
  where,
  search,
}: Pick<SessionState, 'template' | 'templates' | 'filterTexts' | 'where' | 'search'>): string {
  if (Object.keys(filterTexts).length > 0 || where !== '' || search) return '';
  const [keys, tables, quit] = (['help', 'picker', 'quit'] as const).map((action) => keyOf(action, 'table'));
  const [what] = templates.get(template)!.help.split(':', 1);
  return `${keys} lists keys, ${tables} tables, ${quit} quits.  ${template}: ${what}`;
}
