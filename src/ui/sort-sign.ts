/** How a column says that the rows go by it. */
import type { Sort } from '../state/sort.ts';
import type { Signs } from './theme.ts';

/** `▼`; `▼2` for the second of several columns; '' for a column that is not sorted by. */
export function signOf(sort: Sort, column: string, signs: Signs): string {
  const at = sort.findIndex((key) => key.column === column);
  if (at < 0) return '';
  const sign = sort[at]!.descending ? signs.descending : signs.ascending;
  return sort.length === 1 ? sign : `${sign}${at + 1}`;
}
