/** Conditions of related tables: `$name` in them stands for a row's value of that column. */
import { hexText } from './format.ts';
import type { Value } from './table.ts';
import type { Format, Related } from './template.ts';

/** A quoted text, or a column that stands by itself. */
const PART = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\$([a-z][a-z0-9_]*)/g;
const INSIDE = /\$([a-z][a-z0-9_]*)/g;

/** Columns of the row that a related table is found by. */
export function relatedColumns({ filters = {}, where = '', needs = [] }: Omit<Related, 'word' | 'template'>): string[] {
  return [...new Set([...needs, ...Object.values(filters), ...[...where.matchAll(INSIDE)].map((match) => match[1]!)])];
}

/** A value, or its text as a condition takes it. */
export type RowValue = string | { readonly format: Format; readonly value: NonNullable<Value> };

/**
 * The condition for one row: numbers exactly, texts in quotes. Within quotes, where a regular expression may be, a text
 * is written so that it means just itself.
 */
export function whereOfRow(where: string, rowValue: (column: string) => RowValue): string {
  return where.replace(PART, (part, alone: string | undefined) => {
    if (alone !== undefined) return literal(rowValue(alone));
    const quote = part[0]!;
    return part.replace(INSIDE, (_, name: string) => {
      const value = rowValue(name);
      return pattern(String(typeof value === 'string' ? value : value.value), quote);
    });
  });
}

function literal(of: RowValue): string {
  if (typeof of === 'string') return of;
  const { format, value } = of;
  if (format === 'inet') return String(value);
  if (typeof value === 'string') return `"${value.replace(/[\\"]/g, '\\$&')}"`;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return format === 'hex' ? hexText(value) : String(value);
}

/** As where.ts reads it: there a backslash protects the quote and itself, and stays before anything else. */
function pattern(text: string, quote: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll(quote, `\\${quote}`);
}
