/** A snapshot: the rows of one refresh (or of several) as CSV, JSON, NDJSON or a plain table, with what one needs to read it. */
import os from 'node:os';
import { conditionText } from '../templates/columns.ts';
import { counted } from '../templates/counted.ts';
import { alignOf, unitOf } from '../templates/format.ts';
import type { Listed, Rows } from '../templates/table.ts';
import { columnOf, type FilterName, type Filters, titleOf } from '../templates/template.ts';
import { fit, sanitize, textWidth } from '../templates/text.ts';
import type { Grouped } from './grouping.ts';
import { absentOf } from './shortfall.ts';
import { branchOf, foundOf, TREE_ASCII, TREE_SIGNS, type TreeRows, treeText } from './tree.ts';
import type { RefreshStats } from './view.ts';

export const TEXT_FORMATS = ['csv', 'json', 'ndjson', 'table'] as const;
export type TextFormat = (typeof TEXT_FORMATS)[number];
export const SNAPSHOT_FORMATS = [...TEXT_FORMATS, 'parquet', 'openmetrics'] as const;
export type SnapshotFormat = (typeof SNAPSHOT_FORMATS)[number];

/** One refresh to be written. */
export interface Snapshot {
  readonly table: Rows;
  /** Where the rows are groups of rows. */
  readonly grouped?: Grouped | undefined;
  /** Where the rows are a tree: a plain table draws its lines. */
  readonly tree?: TreeRows | null | undefined;
  readonly ascii?: boolean;
  /** Goes on where the one before ended: without a header, and nothing at all where there are no rows. */
  readonly continued?: boolean;
  /** Rows of the table, in order. */
  readonly order: Uint32Array;
  readonly columns: readonly string[];
  readonly stats: RefreshStats;
  readonly filters: Filters;
  /** The condition as typed; '' for none. */
  readonly where: string;
  /** The search as typed; '' where all rows are written. */
  readonly search: string;
  /** Where it is from, the release of its kernel and which types that has, where it is known; this one where absent. */
  readonly host?: { readonly host: string; readonly kernel: string; readonly btf?: string | undefined };
  /** Of several hosts those that no rows are from, and why. */
  readonly missing?: Readonly<Record<string, string>> | undefined;
  /** Column -> why it is not there. */
  readonly absent?: ReadonlyMap<string, string>;
  /** Refreshes of the recording before this one that are damaged. */
  readonly skipped?: number;
}

/** A writer gives pieces for each snapshot; `end` gives what closes the file. Bytes are valid until the next piece. */
export interface SnapshotWriter<Piece extends string | Uint8Array = string | Uint8Array> {
  snapshot(snapshot: Snapshot): Generator<Piece>;
  end(): Piece;
}

/** Rows are handed on in pieces of about this many characters. */
const PIECE = 1 << 16;

export interface Header {
  readonly [name: string]: unknown;
}

/** What a header says of one refresh, not of all in a file. */
export const OF_ONE: ReadonlySet<string> = new Set([
  ...['missing', 'skipped', 'time', 'end', 'grouped', 'rows', 'visited', 'emitted', 'duplicates'],
]);

export function headerOf(snapshot: Snapshot): Header {
  const { table, stats } = snapshot;
  const absent = absentOf(snapshot);
  const units: Record<string, string> = {};
  for (const name of snapshot.columns) {
    const unit = unitOf(table.formatOf(name));
    if (unit) units[name] = unit;
  }
  return {
    tool: 'itertop',
    host: snapshot.host?.host ?? os.hostname(),
    kernel: snapshot.host?.kernel ?? os.release(),
    ...(snapshot.missing && Object.keys(snapshot.missing).length > 0 ? { missing: snapshot.missing } : {}),
    ...(snapshot.skipped ? { skipped: snapshot.skipped } : {}),
    time: new Date(stats.begin).toISOString(),
    end: new Date(stats.end).toISOString(),
    template: table.template.name,
    ...(table.template.map ? { map: table.template.map } : {}),
    filters: Object.entries(snapshot.filters)
      .filter(([, ranges]) => ranges.length > 0)
      .map(([name, ranges]) => conditionText(name as FilterName, ranges)),
    where: snapshot.where,
    search: snapshot.search,
    ...(snapshot.grouped ? { group: snapshot.grouped.by, grouped: snapshot.grouped.of } : {}),
    rows: snapshot.order.length,
    visited: stats.visited,
    emitted: stats.emitted,
    duplicates: stats.doubles,
    ...(stats.netns ? { netns: stats.netns } : {}),
    columns: snapshot.columns,
    ...(Object.keys(absent).length > 0 ? { absent } : {}),
    units,
  };
}

/** Format controls and C1 controls are legal in JSON and could still act on a terminal that shows it. */
const UNSAFE_IN_JSON = /[\x7f-\x9f\u2028\u2029\p{Cf}]/gu;

/** JSON.stringify with only characters that do nothing. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE_IN_JSON, (c) =>
    c
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** JSON text of a value; 64-bit integers keep all their digits. */
export function json(value: Listed): string {
  if (isList(value)) return `[${value.map(json).join(',')}]`;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  return safeJson(value);
}

const isList = (value: Listed): value is readonly Listed[] => Array.isArray(value);

/** RFC 4180, with controls shown as escapes so that a row stays a line. */
export function csv(value: Listed): string {
  if (value === null) return '';
  const text = typeof value === 'string' ? sanitize(value) : String(value);
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}

function* pieces(lines: Iterable<string>): Generator<string> {
  let piece = '';
  for (const line of lines) {
    piece += line;
    if (piece.length >= PIECE) {
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}

/** What rows of several refreshes have their time as: no name that a column has (task and cgroup have a `time`). */
export function timeColumn(columns: readonly string[]): string {
  let name = 'timestamp';
  while (columns.includes(name)) name = `_${name}`;
  return name;
}

function* jsonRows(s: Snapshot, before: string, between: string, time: string | null): Generator<string> {
  const columns = s.columns.map((name) => ({ name, key: JSON.stringify(name), list: s.table.kind(name) === 'texts' }));
  let first = true;
  for (const row of s.order) {
    const fields = columns.map(
      ({ name, key, list }) => `${key}:${json(list ? s.table.texts(row, name) : s.table.value(row, name))}`,
    );
    if (time) fields.unshift(`"${timeColumn(s.columns)}":"${time}"`);
    yield `${first ? before : between}{${fields.join(',')}}`;
    first = false;
  }
}

/** @param several whether more than one snapshot follows: rows then carry their time, JSON becomes an array */
export function snapshotWriter(format: TextFormat, several: boolean): SnapshotWriter<string> {
  let written = 0;
  switch (format) {
    case 'csv':
      return {
        *snapshot(s) {
          const header = headerOf(s);
          if (written++ === 0) {
            for (const [name, value] of Object.entries(header)) {
              if (several && name !== 'time' && OF_ONE.has(name)) continue;
              yield `# ${name}: ${typeof value === 'string' ? sanitize(value) : safeJson(value)}\n`;
            }
            yield `${[...(several ? [timeColumn(s.columns)] : []), ...s.columns].join(',')}\n`;
          }
          yield* pieces(
            (function* () {
              for (const row of s.order) {
                const cells = s.columns.map((c) => csv(s.table.value(row, c)));
                if (several) cells.unshift(String(header['time']));
                yield `${cells.join(',')}\n`;
              }
            })(),
          );
        },
        end: () => '',
      };
    case 'ndjson':
      return {
        *snapshot(s) {
          const header = headerOf(s);
          written++;
          if (!s.continued) yield `${safeJson({ itertop: header })}\n`;
          yield* pieces(jsonRows(s, '', '\n', several ? String(header['time']) : null));
          if (s.order.length > 0) yield '\n';
        },
        end: () => '',
      };
    case 'json':
      return {
        *snapshot(s) {
          yield `${several ? (written === 0 ? '[\n' : ',\n') : ''}{"header":${safeJson(headerOf(s))},\n"rows":[`;
          written++;
          yield* pieces(jsonRows(s, '\n', ',\n', null));
          yield '\n]}';
        },
        end: () => (several ? (written === 0 ? '[]\n' : '\n]\n') : '\n'),
      };
    case 'table':
      return {
        *snapshot(s) {
          if (written++ > 0) yield '\n';
          yield* pieces(tableLines(s));
        },
        end: () => '',
      };
  }
}

/** A longer cell pads no other row: it takes what it needs, and those after it are in their places again where they can. */
const WIDEST = 60;

/** As `top -b`: a line about the refresh, headings, rows as wide as their widest cell. */
function* tableLines(s: Snapshot): Generator<string> {
  const { table, stats } = s;
  const columns = s.columns.map((name) => {
    const column = columnOf(table.template, name)!;
    // A number cannot carry lines before it unless it stands on the left.
    const align = name === s.tree?.column ? 'left' : alignOf(table.formatOf(name));
    return { name, title: titleOf(column), align };
  });
  const signs = s.ascii ? TREE_ASCII : TREE_SIGNS;
  const cellOf = (row: number, name: string) => table.cell(s.order[row], name);
  const drawn = (row: number, name: string) =>
    s.tree?.column === name
      ? branchOf(s.tree, row, signs) + treeText(s.tree, row, table.formatOf(name) === 'path', (at) => cellOf(at, name))
      : cellOf(row, name);
  const cells = Array.from(s.order, (_, row) => columns.map((c) => sanitize(drawn(row, c.name))));
  const widths = columns.map((c, i) =>
    cells.reduce((width, row) => Math.max(width, Math.min(WIDEST, textWidth(row[i]))), c.title.length),
  );
  const line = (texts: readonly string[]) => {
    let over = 0;
    const fitted = texts.map((text, i) => {
      const width = textWidth(text);
      const room = Math.max(width, widths[i] - over);
      over += room - widths[i];
      return fit(text, room, columns[i].align);
    });
    return `${fitted.join(' ').trimEnd()}\n`;
  };
  const filters = stats.conditions.map((c) => `${c.text} [${c.where}]`).join('  ');
  const { grouped } = s;
  const found = foundOf({ tree: s.tree ?? undefined, count: s.order.length });
  const rows = grouped
    ? `by ${grouped.by}: ${counted(s.order.length, 'group')} of ${counted(grouped.of, 'row')}`
    : counted(found, 'row');
  yield `itertop ${table.template.name}  ${rows}${stats.visited >= 0 ? ` of ${stats.visited} visited` : ''}  ${stats.totalMs.toFixed(1)} ms  ${sanitize(s.host?.kernel ?? os.release())}  ${new Date(stats.begin).toISOString()}${filters ? `  ${filters}` : ''}${stats.doubles > 0 ? `  ${stats.doubles} seen twice` : ''}\n`;
  yield line(columns.map((c) => c.title));
  for (const row of cells) yield line(row);
}
