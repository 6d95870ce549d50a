/** A batch with its joins and derived columns: every column of a template, row by row, as number, text or value. */
import type { PinKind } from '../bpf/pins.ts';
import { isConstant, parseDerive, parseJoin } from './columns.ts';
import { type Argument, type Clock, type Interval, inetText, NUMERIC, type RowReader, TEXT } from './derive.ts';
import { type FormatContext, formatNumber, hexText } from './format.ts';
import type { Batch, FieldType } from './record.ts';
import { allTemplates } from './registry.ts';
import { type Column, columnOf, type Format, type Template, TemplateError } from './template.ts';
import { decodeText, sanitize } from './text.ts';

export interface JoinedBatch {
  readonly template: Template;
  readonly batch: Batch;
  /** Per row of the base batch the first matching row of `batch`, or -1, and how many match. */
  readonly rows: Int32Array;
  readonly counts: Int32Array;
  /** Per row of `batch` the next one that matches the same, or -1; empty where no column lists them. */
  readonly next: Int32Array;
  /** Of `batch`, where that is not the base batch itself, whose columns are meant then. */
  readonly derived: ReadonlyMap<string, Float64Array>;
  readonly joins: ReadonlyMap<string, JoinedBatch>;
}

/** A join's column: the table that it is a column of, in which rows are found by `join`. */
interface Taken {
  readonly join: JoinedBatch;
  readonly table: Table;
  readonly column: string;
  readonly list: boolean;
}

/** A value as it is exported: exact integers, fractions, text; null where absent. */
export type Value = number | bigint | string | boolean | null;
/** The same where lists are written as such. */
export type Listed = Value | readonly Listed[];

/** Texts that a list shows; it says how many more there are. */
const MAX_LISTED = 8;
const TEXTS: ReadonlySet<Format> = new Set(['text', 'path', 'inet', 'hexbytes'] as const);
/** How long an unbounded text may be that is cut: the row says so with this mark. */
const CUT = '…';

/**
 * What the values of a column are, the same on every refresh: exact integers of 64 bits with or without a sign, fractions,
 * text, or lists of texts where a row has several.
 */
export type Kind = 'i64' | 'u64' | 'double' | 'flag' | 'text' | 'texts';

/** What is sorted, shown and exported: rows of a table, or groups of them. */
export interface Rows {
  readonly template: Template;
  readonly rows: number;
  formatOf(column: string): Format;
  /** Whether the column sorts and reads as text rather than as a number. */
  isText(column: string): boolean;
  /** NaN where there is none. */
  number(row: number, column: string): number;
  /** What a cell shows: one printable line, '' where there is no value. */
  cell(row: number, column: string): string;
  /** The value for an export, in the unit of unitOf(). */
  value(row: number, column: string): Value;
  kind(column: string): Kind;
  /** Of a column of the kind `texts` all there are, each once; null where there is none. */
  texts(row: number, column: string): readonly string[] | null;
}

/** Rows that are found again in a later refresh. */
export interface KeyedRows extends Rows {
  /** Names what a row is of, for as long as that lives. */
  key(row: number): string;
  readonly context: FormatContext;
}

/** Rows that conditions are evaluated on, that are searched, put into groups and hung under one another. */
export interface TableRows extends KeyedRows {
  /** Of an address or an array of bytes; null where absent. */
  bytes(row: number, column: string): Buffer | null;
  /** A text as the kernel has it, not made safe for a terminal; '' where absent or no text. */
  text(row: number, column: string): string;
  /** The number as the kernel has it, a bigint of 64 bits; null where it is computed, or absent. */
  exact(row: number, column: string): number | bigint | null;
  /** The row of a key, or -1. */
  rowOfKey(key: string): number;
  /** Of rows of several hosts: which of them a row is from. */
  hostOf?(row: number): number;
}

export class Table implements TableRows, RowReader {
  readonly template: Template;
  readonly batch: Batch;
  readonly joins: ReadonlyMap<string, JoinedBatch>;
  readonly derived: ReadonlyMap<string, Float64Array>;
  readonly context: FormatContext;
  #columns: Map<string, Column>;
  /** null where the join was not read. */
  #joinOf = new Map<string, Taken | null>();
  #textOf = new Map<string, { run: (typeof TEXT)[string]['run']; args: readonly string[] }>();

  constructor(
    template: Template,
    batch: Batch,
    joins: ReadonlyMap<string, JoinedBatch>,
    derived: ReadonlyMap<string, Float64Array>,
    context: FormatContext,
  ) {
    this.template = template;
    this.batch = batch;
    this.joins = joins;
    this.derived = derived;
    this.context = context;
    this.#columns = new Map(template.columns.map((c) => [c.name, c]));
    const tables = new Map<JoinedBatch, Table>();
    for (const join of joins.values())
      tables.set(
        join,
        join.batch === batch ? this : new Table(join.template, join.batch, join.joins, join.derived, context),
      );
    for (const column of template.columns) {
      if (column.join) {
        const [name, taken] = parseJoin(template, column.name, column.join);
        const join = joins.get(name);
        const list = column.list ?? false;
        this.#joinOf.set(column.name, join ? { join, table: tables.get(join)!, column: taken, list } : null);
      } else if (column.derive) {
        const { name, args } = parseDerive(template, column.name, column.derive);
        const text = TEXT[name];
        if (text) this.#textOf.set(column.name, { run: text.run, args });
      }
    }
  }

  get rows(): number {
    return this.batch.rows;
  }

  key(row: number): string {
    return this.batch.key(row);
  }

  rowOfKey(key: string): number {
    return this.batch.rowOfKey(key);
  }

  get host(): string {
    return this.context.host ?? '';
  }

  number(row: number, column: string): number {
    const derived = this.derived.get(column);
    if (derived) return derived[row];
    const joined = this.#joinOf.get(column);
    if (joined !== undefined) return joined ? joinedNumber(row, joined) : Number.NaN;
    if (!this.batch.has(column)) return Number.NaN;
    const value = this.batch.number(row, column);
    return value === 0 && this.#columns.get(column)?.zeroIsNone ? Number.NaN : value;
  }

  bytes(row: number, column: string): Buffer | null {
    const joined = this.#joinOf.get(column);
    if (joined) {
      const other = joined.join.rows[row];
      return other < 0 ? null : joined.table.bytes(other, joined.column);
    }
    return this.batch.has(column) && this.batch.present(row, column) ? this.batch.bytes(row, column) : null;
  }

  pins(kind: PinKind, id: number): string {
    const { pins } = this.context;
    return pins?.paths.get(`${kind} ${id}`) ?? (pins?.refused ? '?' : '');
  }

  text(row: number, column: string): string {
    const derived = this.#textOf.get(column);
    if (derived) return derived.run(this, row, derived.args);
    const joined = this.#joinOf.get(column);
    if (joined !== undefined) return joined ? joinedText(row, joined) : '';
    const spec = this.#columns.get(column);
    // What this kernel does not have at all; in brackets it would say of each object that it has none.
    if (!this.batch.has(column)) return spec?.fallback ? this.text(row, spec.fallback) : '';
    if (!this.batch.present(row, column)) return '';
    const text = textOf(this.batch, row, column, spec);
    if (text === '' && spec?.fallback) {
      const other = this.text(row, spec.fallback);
      return other === '' ? '' : `[${other}]`;
    }
    return text;
  }

  formatOf(column: string): Format {
    return this.#columns.get(column)?.as ?? 'int';
  }

  isText(column: string): boolean {
    // A text with a number behind it (growth) sorts by that.
    return TEXTS.has(this.formatOf(column)) && !this.derived.has(column);
  }

  cell(row: number, column: string): string {
    const format = this.formatOf(column);
    if (format === 'text' || format === 'path') return sanitize(this.text(row, column));
    if (format === 'inet') {
      const bytes = this.bytes(row, column);
      return bytes ? inetText(bytes) : '';
    }
    if (format === 'hexbytes') return this.bytes(row, column)?.toString('hex') ?? '';
    const value = this.number(row, column);
    if (Number.isNaN(value)) return '';
    if (format === 'enum') {
      const names = this.#columns.get(column)?.names;
      const known = typeof names === 'string' ? this.context.names?.get(column) : names;
      return known?.[value] ?? String(value);
    }
    if (format === 'hex' || (format === 'int' && value > Number.MAX_SAFE_INTEGER)) {
      const exact = this.exact(row, column);
      if (exact !== null) return format === 'hex' ? hexText(exact) : exact.toString();
    }
    return formatNumber(format, value, this.context);
  }

  exact(row: number, column: string): number | bigint | null {
    if (this.derived.has(column)) return null;
    const joined = this.#joinOf.get(column);
    if (joined !== undefined) {
      const other = joined && joined.column !== 'holders' ? joined.join.rows[row] : -1;
      return joined && other >= 0 ? joined.table.exact(other, joined.column) : null;
    }
    return this.batch.has(column) ? this.batch.exact(row, column) : null;
  }

  value(row: number, column: string): Value {
    const format = this.formatOf(column);
    if (format === 'text' || format === 'path') return this.text(row, column) || null;
    if (format === 'inet' || format === 'hexbytes') return this.cell(row, column) || null;
    const value = this.number(row, column);
    if (Number.isNaN(value)) return null;
    if (format === 'flag') return value !== 0;
    if (format === 'enum') return this.cell(row, column) || null;
    if (format === 'pages') return value * this.context.pageSize;
    const exact = this.exact(row, column);
    return exact ?? value;
  }

  /** Of the template, whether or not a kernel or a recording has it; but for the sign of what they do not have. */
  kind(column: string): Kind {
    const spec = this.#columns.get(column);
    const format = this.formatOf(column);
    if (format === 'flag') return 'flag';
    if (format === 'enum' || TEXTS.has(format)) return spec?.list ? 'texts' : 'text';
    if (spec?.derive) return 'double';
    const joined = this.#joinOf.get(column);
    if (joined && joined.column !== 'holders') return joined.table.kind(joined.column);
    if (joined === null && isComputed(this.template, spec!)) return 'double';
    if (format === 'hex') return 'u64';
    // Totals are sums, whether or not a refresh has groups.
    const wide = !spec?.total && format !== 'pages' && this.batch.has(column) && this.batch.type(column) === 'u64';
    return wide ? 'u64' : 'i64';
  }

  texts(row: number, column: string): readonly string[] | null {
    const joined = this.#joinOf.get(column);
    if (!joined || joined.join.rows[row] < 0) return null;
    const found = joinedTexts(row, joined);
    return found.size > 0 ? [...found] : null;
  }
}

/** Of a join that was not read. */
function isComputed(template: Template, { name, join }: Column): boolean {
  const [through, taken] = parseJoin(template, name, join!);
  const other = allTemplates().find((t) => t.name === template.joins![through]!.template);
  return other !== undefined && columnOf(other, taken)?.derive !== undefined;
}

function joinedNumber(row: number, { join, table, column }: Taken): number {
  if (column === 'holders') return join.counts[row];
  const other = join.rows[row];
  return other < 0 ? Number.NaN : table.number(other, column);
}

function joinedTexts(row: number, { join, table, column }: Taken): Set<string> {
  const found = new Set<string>();
  for (let other = join.rows[row]; other >= 0; other = join.next[other] ?? -1) found.add(table.text(other, column));
  found.delete('');
  return found;
}

function joinedText(row: number, taken: Taken): string {
  const { join, table, column, list } = taken;
  const first = join.rows[row];
  if (first < 0) return '';
  if (!list || join.counts[row] === 1) return table.text(first, column);
  return listText([...joinedTexts(row, taken)]);
}

/** What a cell has of a list. */
export function listText(texts: readonly string[]): string {
  const more = texts.length - MAX_LISTED;
  return texts.slice(0, MAX_LISTED).join(', ') + (more > 0 ? `, +${more}` : '');
}

/** The text of a chars or text field. */
function textOf(batch: Batch, row: number, column: string, spec: Column | undefined): string {
  const type = batch.type(column);
  if (type === 'chars') return batch.chars(row, column);
  const bytes = batch.bytes(row, column);
  if (type === 'inet') return inetText(bytes);
  const sources = [spec?.from ?? []].flat();
  const [source = ''] = sources;
  const full = batch.fullLength(row, column);
  if (source.startsWith('kernfs_path')) return kernfsPath(bytes, full);
  // Of d_path() and vfs_path() the text tells which it was: only the latter's ends with a NUL.
  if (sources.some((s) => s.startsWith('vfs_path')) && (sources.length === 1 || bytes.at(-1) === 0))
    return bytes.length === 0 || (bytes.length === 1 && full > 1) ? '' : kernfsPath(bytes, full);
  if (source.startsWith('cmdline')) return commandLine(bytes, full);
  if (source.startsWith('sun_path')) return socketPath(bytes);
  if (bytes.length === 0 && full > 0)
    return `(${full === 0xffffffff ? 'longer than 4096 bytes' : `${full} bytes not readable`})`;
  return decodeText(bytes) + (full > bytes.length ? CUT : '');
}

/** Components from the node upwards, each with its NUL. `deep`: there were more above them. */
function kernfsPath(bytes: Buffer, deep: number): string {
  if (bytes.length === 0) return '/';
  const names = decodeText(bytes.subarray(0, bytes.length - 1)).split('\0');
  return `${deep === 0 ? '' : `/${CUT}`}/${names.reverse().join('/')}`;
}

/** As unix_seq_show() of net/unix/af_unix.c: a path without its NUL, or an abstract name with @ for each NUL. */
function socketPath(bytes: Buffer): string {
  const path = bytes.length > 0 && bytes[0] !== 0 ? bytes.subarray(0, bytes.length - 1) : bytes;
  return decodeText(path).replaceAll('\0', '@');
}

/** Arguments joined by spaces. More bytes than arguments had: a title written over them, up to its first NUL. */
function commandLine(bytes: Buffer, full: number): string {
  let end = bytes.length;
  if (bytes.length > full) {
    const nul = bytes.indexOf(0);
    if (nul >= 0) end = nul;
  }
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 0x20)) end--;
  return (
    decodeText(bytes.subarray(0, end)).replaceAll('\0', ' ') + (bytes.length < full && bytes.length > 0 ? CUT : '')
  );
}

/** Computes the numeric derived columns among `names`, in the order of their dependencies; valid as long as the batch is. */
export function derive(
  template: Template,
  names: readonly string[],
  batch: Batch,
  interval: Interval,
  clock: Clock,
): Map<string, Float64Array> {
  const numbers = (column: string) => (batch.has(column) ? batch.numbers(column) : null);
  const done = new Map<string, Float64Array>();
  for (const name of names) {
    const column = columnOf(template, name);
    if (!column?.derive) continue;
    const call = parseDerive(template, name, column.derive);
    const f = NUMERIC[call.name];
    const known = f ?? TEXT[call.name];
    if (!known) throw new TemplateError(template.name, name, `derive: there is no function ${call.name}()`);
    if (known.more ? call.args.length < known.args : known.args !== call.args.length)
      throw new TemplateError(
        template.name,
        name,
        `derive: ${call.name}() takes ${known.args} columns, not ${call.args.length}`,
      );
    if (!f) continue;
    const missing = new Float64Array(0);
    const args: Argument[] = call.args.map((arg) =>
      isConstant(arg) ? Number(arg) : (done.get(arg) ?? numbers(arg) ?? missing),
    );
    const out = batch.column();
    const given = f.some ? args.map((arg) => (arg === missing ? Number.NaN : arg)) : args;
    if (given.includes(missing)) out.fill(Number.NaN);
    else f.run(given, call.args, out, interval, clock);
    if (f.exactly) again(f.exactly, batch, call.args, given, out);
    done.set(name, out);
  }
  return done;
}

/** Fields whose numbers a double holds, sums of them included. */
const NARROW: ReadonlySet<FieldType> = new Set(['u8', 'i8', 'u16', 'i16', 'u32', 'i32'] as const);

/** Computes rows anew in which a number has more bits than a double holds, with all of them. */
function again(
  exactly: (...values: bigint[]) => number,
  batch: Batch,
  names: readonly string[],
  args: readonly Argument[],
  out: Float64Array,
): void {
  const numberOf = (arg: Argument, row: number) => (typeof arg === 'number' ? arg : arg[row]);
  const whole = (name: string, row: number, value: number): bigint => {
    if (isConstant(name)) return BigInt(name);
    return BigInt((batch.has(name) ? batch.exact(row, name) : null) ?? Math.trunc(value));
  };
  for (const [i, name] of names.entries()) {
    if (batch.has(name) && NARROW.has(batch.type(name))) continue;
    const arg = args[i];
    if (typeof arg === 'number' && !(Math.abs(arg) > Number.MAX_SAFE_INTEGER)) continue;
    for (let row = 0; row < out.length; row++) {
      // NaN is no more than anything.
      if (!(Math.abs(typeof arg === 'number' ? arg : arg[row]) > Number.MAX_SAFE_INTEGER)) continue;
      if (args.every((other) => Number.isFinite(numberOf(other, row))))
        out[row] = exactly(...names.map((other, j) => whole(other, row, numberOf(args[j], row))));
    }
  }
}
