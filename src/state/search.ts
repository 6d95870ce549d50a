/** What the search line means: a regular expression, `!` before it for the rows that do not match. */
import { UsageError } from '../templates/template.ts';
import type { Search } from './question.ts';

/** null for an empty text. Throws UsageError where it is no regular expression. */
export function parseSearch(text: string): Search | null {
  const invert = text.startsWith('!');
  const pattern = invert ? text.slice(1) : text;
  if (pattern === '') return null;
  const search = { pattern, invert };
  searchRegExp(search);
  return search;
}

/** The text that parseSearch reads back. */
export function formatSearch(search: Search | null): string {
  return search ? (search.invert ? '!' : '') + search.pattern : '';
}

/** Case counts only where the pattern has a capital letter (outside escapes such as \S). Throws UsageError. */
export function searchRegExp(search: Search): RegExp {
  const capital = /\p{Lu}/u.test(search.pattern.replace(/\\./gs, ''));
  try {
    return new RegExp(search.pattern, capital ? '' : 'i');
  } catch (error) {
    // V8 says `Invalid regular expression: /a(/i: Unterminated group`.
    const reason = String((error as Error).message)
      .split(': ')
      .at(-1)!
      .toLowerCase();
    throw new UsageError(`search: ${reason} in '${search.pattern}'; \\ makes a character plain`);
  }
}
