/** Cells with all the digits that there are. */
import type { Rows } from './table.ts';
import type { Format } from './template.ts';

/** What these show is exact already, or no amount. */
const SHOWN: ReadonlySet<Format> = new Set([
  ...(['text', 'path', 'inet', 'hexbytes', 'enum', 'flag', 'hex', 'octal', 'dev', 'uid'] as const),
]);

/** Of what is computed, no more digits than mean something. */
const FRACTION = 3;

/** As Rows.cell(), the number in the unit of exports. */
export function exactCell(table: Rows, row: number, column: string): string {
  if (SHOWN.has(table.formatOf(column))) return table.cell(row, column);
  const value = table.value(row, column);
  if (value === null) return '';
  return typeof value === 'number' ? String(Number(value.toFixed(FRACTION))) : String(value);
}
