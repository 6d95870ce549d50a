/** Answers of the query engine as text. */
import type { Options } from './options.ts';
import { csv, json } from './state/snapshot.ts';
import type { Listed } from './templates/table.ts';
import { fit, sanitize, textWidth } from './templates/text.ts';

export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Listed[])[];
}

/** @param room cells of a line of the terminal that a table is for */
export function textOf({ columns, rows }: Answer, format: NonNullable<Options['format']>, room?: number): string {
  const object = (row: readonly Listed[]) => `{${columns.map((name, i) => `${json(name)}:${json(row[i])}`).join(',')}}`;
  switch (format) {
    case 'csv':
      return [columns.map(csv), ...rows.map((row) => row.map(csv))].map((cells) => `${cells.join(',')}\n`).join('');
    case 'ndjson':
      return rows.map((row) => `${object(row)}\n`).join('');
    case 'json':
      return `[${rows.map((row) => `\n${object(row)}`).join(',')}\n]\n`;
    default:
      return tableText({ columns, rows }, room);
  }
}

const GAP = '  ';
/** Columns of texts are not wider, for texts that are longer; on a terminal not narrower where these are cut. */
const MOST_PADDED = 40;
const LEAST = 8;

/** @param room cells of a line: texts are cut to what fits into it; absent: all are whole */
export function tableText({ columns, rows }: Answer, room?: number): string {
  const cells = rows.map((row) => row.map(cellOf));
  const heads = columns.map((name) => sanitize(name));
  const right = heads.map((_, i) => rows.every((row) => typeof row[i] !== 'string'));
  const needed = heads.map((head, i) =>
    cells.reduce((width, row) => Math.max(width, textWidth(row[i]!)), textWidth(head)),
  );
  const within = (most: number) => needed.map((width, i) => (right[i] ? width : Math.min(width, most)));
  const total = (most: number) => within(most).reduce((sum, width) => sum + width + GAP.length, -GAP.length);
  let most = room ?? MOST_PADDED;
  if (room !== undefined) while (most > LEAST && total(most) > room) most--;
  const widths = within(most);
  const cell = (text: string, i: number) =>
    room === undefined && textWidth(text) > widths[i]! ? text : fit(text, widths[i]!, right[i] ? 'right' : 'left');
  const line = (texts: readonly string[]) => `${texts.map(cell).join(GAP).trimEnd()}\n`;
  return [line(heads), ...cells.map(line)].join('');
}

function cellOf(value: Listed): string {
  if (value === null) return '';
  return typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(2) : sanitize(String(value));
}
