/** Answers of the query engine as text. */
import type { Options } from './options.ts';
import { csv, json } from './state/snapshot.ts';
import type { Listed } from './templates/table.ts';
import { fit, sanitize, textWidth } from './templates/text.ts';

export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Listed[])[];
}

export function textOf({ columns, rows }: Answer, format: NonNullable<Options['format']>): string {
  const object = (row: readonly Listed[]) => `{${columns.map((name, i) => `${json(name)}:${json(row[i])}`).join(',')}}`;
  switch (format) {
    case 'csv':
      return [columns.map(csv), ...rows.map((row) => row.map(csv))].map((cells) => `${cells.join(',')}\n`).join('');
    case 'ndjson':
      return rows.map((row) => `${object(row)}\n`).join('');
    case 'json':
      return `[${rows.map((row) => `\n${object(row)}`).join(',')}\n]\n`;
    default:
      return tableText({ columns, rows });
  }
}

export function tableText({ columns, rows }: Answer): string {
  const cells = rows.map((row) => row.map(cellOf));
  const heads = columns.map((name) => sanitize(name));
  const widths = heads.map((head, i) =>
    cells.reduce((width, row) => Math.max(width, textWidth(row[i])), textWidth(head)),
  );
  const right = heads.map((_, i) => rows.every((row) => typeof row[i] !== 'string'));
  const line = (texts: readonly string[]) =>
    `${texts
      .map((text, i) => fit(text, widths[i], right[i] ? 'right' : 'left'))
      .join('  ')
      .trimEnd()}\n`;
  return [line(heads), ...cells.map(line)].join('');
}

function cellOf(value: Listed): string {
  if (value === null) return '';
  return typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(2) : sanitize(String(value));
}
