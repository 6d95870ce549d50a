/**
 * Rows as OTLP log records (opentelemetry/proto/logs/v1), written from columns into the bytes of requests. The SDK's own
 * encoder takes a value for an integer or a fraction by what it is and knows no integers beyond 2^53: a column would change
 * its type from row to row, and the start of a process would be rounded once the host is up for 104 days.
 */
import type { Kind, Rows } from '../templates/table.ts';
import { columnOf } from '../templates/template.ts';
import { attributeOf, commonOf, partsOf, wordsOf } from './otlp-names.ts';
import { fitsInt64, ProtobufBytes } from './protobuf.ts';
import type { Snapshot } from './snapshot.ts';

type Attribute = string | number | boolean;
export type Attributes = Readonly<Record<string, Attribute>>;

/** A request's body, and how many records it has. */
export interface Request {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** SeverityNumber, and its name. */
const SEVERITY: Readonly<Record<string, readonly [number, string]>> = {
  row: [9, 'INFO'],
  present: [5, 'DEBUG'],
  added: [10, 'INFO2'],
  removed: [10, 'INFO2'],
  changed: [9, 'INFO'],
};

/** A request is closed once it has so many bytes of records; a collector takes 20 MiB unless it is told otherwise. */
const REQUEST = 1 << 19;

interface Field {
  readonly name: string;
  readonly kind: Kind;
  /** The attribute's key as a field of KeyValue. */
  readonly key: Uint8Array;
  readonly words: ((word: string) => string) | null;
}

export class Records {
  readonly #out = new ProtobufBytes(2 * REQUEST);
  /** The resource and the scope as fields. */
  readonly #resource: Uint8Array;
  readonly #scope: Uint8Array;
  #fields: { readonly table: string; readonly columns: readonly string[]; readonly fields: readonly Field[] } | null =
    null;

  constructor(resource: Attributes, scope: { readonly name: string; readonly version: string }) {
    this.#resource = fieldsOf((out) => {
      const begun = out.begin(1);
      for (const [key, value] of Object.entries(resource)) attribute(out, 1, key, value);
      out.end(begun);
    });
    this.#scope = fieldsOf((out) => {
      const begun = out.begin(1);
      out.text(1, scope.name);
      out.text(2, scope.version);
      out.end(begun);
    });
  }

  /**
   * Requests with the rows of a snapshot.
   * @param shown columns of a record's line
   * @param change the column with what happened, where rows are differences
   */
  *requests(
    { table, order, columns, stats }: Snapshot,
    shown: readonly string[],
    change: string | null,
  ): Generator<Request> {
    const out = this.#out;
    const { name } = table.template;
    const fields = this.#fieldsOf(table, columns);
    const time = BigInt(Math.round(stats.begin * 1000)) * 1000n;
    const observed = BigInt(Date.now()) * 1_000_000n;
    const common = fieldsOf((bytes) => {
      for (const [key, value] of Object.entries(commonOf(table.template))) attribute(bytes, 6, key, value);
    });
    let count = 0;
    out.clear();
    for (const row of order) {
      const what = change === null ? 'row' : table.cell(row, change);
      const [severity, word] = SEVERITY[what] ?? SEVERITY['row'];
      const record = out.begin(2);
      out.fixed64(1, time);
      out.uint(2, severity);
      out.text(3, word);
      const body = out.begin(5);
      out.text(1, lineOf(table, row, shown));
      out.end(body);
      out.raw(common);
      for (const field of fields) this.#attribute(table, row, field);
      out.fixed64(11, observed);
      out.text(12, `itertop.${name}.${what}`);
      out.end(record);
      count++;
      if (out.length < REQUEST) continue;
      yield { bytes: this.#request(), count };
      count = 0;
      out.clear();
    }
    if (count > 0) yield { bytes: this.#request(), count };
  }

  #attribute(table: Rows, row: number, { name, kind, key, words }: Field): void {
    const out = this.#out;
    const several = kind === 'texts' ? table.texts(row, name) : null;
    const value = kind === 'texts' ? null : table.value(row, name);
    // Absent: without an attribute.
    if (value === null && several === null) return;
    const pair = out.begin(6);
    out.raw(key);
    const any = out.begin(2);
    if (several) {
      const array = out.begin(5);
      for (const text of several) {
        const item = out.begin(1);
        out.text(1, text);
        out.end(item);
      }
      out.end(array);
    } else if (kind === 'text') out.text(1, words ? words(String(value)) : String(value));
    else if (kind === 'flag') out.uint(2, value ? 1 : 0);
    else if (kind === 'double') out.double(4, Number(value));
    else if (typeof value === 'bigint' && !fitsInt64(value)) out.text(1, String(value));
    else out.int64(3, typeof value === 'bigint' ? value : Math.round(Number(value)));
    out.end(any);
    out.end(pair);
  }

  #request(): Uint8Array {
    return fieldsOf(
      (out) => {
        const logs = out.begin(1);
        out.raw(this.#resource);
        const scope = out.begin(2);
        out.raw(this.#scope);
        out.raw(this.#out.written);
        out.end(scope);
        out.end(logs);
      },
      this.#out.length + this.#resource.length + this.#scope.length + 64,
    );
  }

  /** Worked out once for as long as the columns stay. */
  #fieldsOf(table: Rows, columns: readonly string[]): readonly Field[] {
    const known = this.#fields;
    if (known?.table === table.template.name && known.columns.join() === columns.join()) return known.fields;
    const sent = columns.filter((name) => partsOf(columnOf(table.template, name)).length === 0);
    const fields = sent.map((name): Field => {
      const attributeName = attributeOf(table.template, name);
      return {
        ...{ name, kind: table.kind(name) },
        key: fieldsOf((out) => out.text(1, attributeName)),
        words: wordsOf(attributeName),
      };
    });
    this.#fields = { table: table.template.name, columns, fields };
    return fields;
  }
}

/** What the columns show, as name=value; values with spaces in quotes, those that are empty left out. */
function lineOf(table: Rows, row: number, columns: readonly string[]): string {
  let line = '';
  for (const name of columns) {
    const cell = table.cell(row, name);
    if (cell === '') continue;
    if (line !== '') line += ' ';
    line += `${name}=${/[\s"=]/.test(cell) ? JSON.stringify(cell) : cell}`;
  }
  return line;
}

function attribute(out: ProtobufBytes, field: number, key: string, value: Attribute): void {
  const pair = out.begin(field);
  out.text(1, key);
  const any = out.begin(2);
  if (typeof value === 'string') out.text(1, value);
  else if (typeof value === 'boolean') out.uint(2, value ? 1 : 0);
  else out.int64(3, value);
  out.end(any);
  out.end(pair);
}

function fieldsOf(write: (out: ProtobufBytes) => void, size = 256): Uint8Array {
  const out = new ProtobufBytes(size);
  write(out);
  return out.written;
}
