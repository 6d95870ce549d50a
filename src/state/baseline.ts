/** A snapshot's file, read back so that later rows can be compared with it. */
import path from 'node:path';
import { readText, reason } from '../bpf/user-file.ts';
import { listText, type Value } from '../templates/table.ts';
import { type Template, UsageError } from '../templates/template.ts';

/** Of 100,000 rows with all their columns: four times that. */
const MAX_BYTES = 1 << 28;

export interface Baseline {
  /** Name of the file, without its folder. */
  readonly name: string;
  readonly columns: readonly string[];
  /** Values in the order of the columns. */
  readonly rows: readonly (readonly Value[])[];
}

/** Values of the key as one text; exact integers are the same text whatever their type. */
export function tupleOf(values: readonly Value[]): string {
  return values.map(String).join('\0');
}

interface Header {
  readonly template: string;
  /** Where its rows are groups. */
  readonly group?: string;
  readonly columns: readonly string[];
}
type Row = Readonly<Record<string, unknown>>;

/**
 * The last snapshot of a file that `itertop dump --format json` or `ndjson` wrote.
 * @param template of the rows, or of the groups that they are
 * @param groupBy a column; '' where they are no groups
 * @throws UsageError: what is wrong with the file, and which command writes one that fits
 */
export function readBaseline(file: string, template: Template, groupBy = ''): Baseline {
  const wrong = (problem: string) => {
    const keys = groupBy === '' ? `--columns '+${template.key.join()}'` : `--group ${groupBy}`;
    const command = `itertop dump ${template.name} ${keys} --format json -o FILE`;
    return new UsageError(`--baseline ${file}: ${problem}; ${command} writes one`);
  };
  let text: string;
  try {
    text = readText(file, MAX_BYTES, 'snapshot of a table');
  } catch (error) {
    throw new UsageError(`--baseline ${file}: ${reason(error)}`);
  }
  const found = snapshotOf(text);
  if (!found) throw wrong('it is no snapshot in JSON or NDJSON');
  const { header, rows } = found;
  if (header.template !== template.name) throw wrong(`its rows are of ${header.template}, not of ${template.name}`);
  if (header.group !== undefined && header.group !== groupBy)
    throw wrong(`its rows are groups by ${header.group}, which --group ${header.group} compares`);
  if (header.group === undefined && groupBy !== '') throw wrong(`its rows are no groups by ${groupBy}`);
  const { columns } = header;
  const missing = template.key.filter((name) => !columns.includes(name));
  if (missing.length > 0) throw wrong(`it lacks ${missing.join(' and ')}, by which rows are found again`);
  return {
    name: path.basename(file),
    columns,
    rows: rows.map((row) => columns.map((name) => scalarOf(row, name))),
  };
}

/** What stands in a row under a name that anybody may have written. */
function scalarOf(row: Row, name: string): Value {
  const value = Object.hasOwn(row, name) ? row[name] : null;
  // What a list is compared by is what its cell shows.
  if (Array.isArray(value)) return listText(value.filter((text) => typeof text === 'string')) || null;
  return ['string', 'number', 'bigint'].includes(typeof value) ? (value as Value) : null;
}

function snapshotOf(text: string): { header: Header; rows: readonly Row[] } | undefined {
  const whole = parsed(text);
  const last = Array.isArray(whole) ? whole.at(-1) : whole;
  if (isObject(last) && 'header' in last && 'rows' in last) {
    const { header, rows } = last;
    return isHeader(header) && Array.isArray(rows) && rows.every(isObject) ? { header, rows } : undefined;
  }
  let header: Header | undefined;
  let rows: Row[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const value = parsed(line);
    if (!isObject(value)) return undefined;
    if ('itertop' in value) {
      if (!isHeader(value['itertop'])) return undefined;
      header = value['itertop'];
      rows = [];
    } else rows.push(value);
  }
  return header && { header, rows };
}

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

function isHeader(value: unknown): value is Header {
  if (!isObject(value)) return false;
  const { template, columns } = value as Partial<Header>;
  return (
    typeof template === 'string' && Array.isArray(columns) && columns.every((name: unknown) => typeof name === 'string')
  );
}

/** undefined for what is no JSON; integers keep all their digits. */
function parsed(text: string): unknown {
  type Reviver = (this: unknown, key: string, value: unknown, context?: { readonly source?: string }) => unknown;
  const exact: Reviver = (_key, value, context) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context!.source!)
      : value;
  try {
    return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
  } catch {
    return undefined;
  }
}
