/**
 * Snapshots as Apache Parquet: typed columns, those that name a row always among them, the time of its refresh first.
 * The footer's key-value metadata has the header of every format under `itertop`, which types the kernel has under
 * `itertop.btf` where it is known, and under `itertop.batches` arrays with an entry a refresh: when it began (ms since the
 * epoch), how long it took (ms), rows, visited, emitted, duplicates (keys that were seen again).
 */
import zlib from 'node:zlib';
import type { SchemaElement } from 'hyparquet';
import type { ParquetWriter as Writer } from 'hyparquet-writer';
import { btfId } from '../bpf/btf-id.ts';
import { BUNDLED, load } from '../bpf/bundle.ts';
import type { Kind, Rows } from '../templates/table.ts';
import { identityOf } from '../templates/template.ts';
import { GroupTable } from './groups.ts';
import { type Header, headerOf, OF_ONE, type Snapshot, type SnapshotWriter, safeJson, timeColumn } from './snapshot.ts';

/** Larger than all that is needed before. */
const { ByteWriter, ParquetWriter } = BUNDLED
  ? await load<typeof import('./parquet-library.ts')>('parquet-library')
  : await import('./parquet-library.ts');

/** Rows of several refreshes are gathered into a row group of about so many. */
const ROW_GROUP = 1 << 16;

/** Converted types say the same to older readers. */
const TYPES: Readonly<Record<Exclude<Kind, 'texts'>, Omit<SchemaElement, 'name'>>> = {
  i64: { type: 'INT64' },
  // hyparquet-writer 0.17 writes the logical type's bit width as an i32, where Thrift has a byte.
  u64: { type: 'INT64', converted_type: 'UINT_64' },
  double: { type: 'DOUBLE' },
  flag: { type: 'BOOLEAN' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
};

const TIME: Omit<SchemaElement, 'name'> = {
  type: 'INT64',
  converted_type: 'TIMESTAMP_MICROS',
  logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  repetition_type: 'REQUIRED',
};

function schemaOf(table: Rows, columns: readonly string[]): SchemaElement[] {
  const fields = columns.flatMap((name): SchemaElement[] => {
    const kind = table.kind(name);
    if (kind !== 'texts') return [{ name, ...TYPES[kind], repetition_type: 'OPTIONAL' }];
    return [
      { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', ...TYPES.text, repetition_type: 'REQUIRED' },
    ];
  });
  return [{ name: 'itertop', num_children: columns.length + 1 }, { name: timeColumn(columns), ...TIME }, ...fields];
}

interface WrittenColumn {
  readonly name: string;
  readonly kind: Kind;
}

/** What a file has of each row, beside its time: what names it, and what is shown. */
export function writtenColumns({ table, columns }: Pick<Snapshot, 'table' | 'columns'>): readonly WrittenColumn[] {
  const identity = table instanceof GroupTable ? [] : identityOf(table.template);
  return [...new Set([...identity, ...columns])].map((name) => ({ name, kind: table.kind(name) }));
}

/** A value of the column as the writer takes it: 64-bit integers as bigint; null where absent. */
function parquetValue(table: Rows, row: number, name: string, kind: Kind): unknown {
  if (kind === 'texts') return table.texts(row, name);
  const value = table.value(row, name);
  if (kind === 'i64' || kind === 'u64') {
    const whole = typeof value === 'number' ? BigInt(Math.round(value)) : value;
    // A signed member in hexadecimal: its 64 bits.
    return kind === 'u64' && typeof whole === 'bigint' ? BigInt.asUintN(64, whole) : whole;
  }
  return kind === 'double' && typeof value === 'bigint' ? Number(value) : value;
}

/** zstd where this Node has it (22.15), else snappy: every reader knows both. */
const ZSTD: { codec: 'ZSTD'; compressors: { ZSTD(input: Uint8Array): Uint8Array } } | undefined =
  zlib.zstdCompressSync && {
    codec: 'ZSTD',
    compressors: { ZSTD: (input) => zlib.zstdCompressSync(input) },
  };

export class ParquetSnapshots implements SnapshotWriter<Uint8Array> {
  readonly #bytes = new ByteWriter();
  #writer: Writer | null = null;
  #header: Header = {};
  /** '' where it is not known. */
  #btf = '';
  #columns: readonly (WrittenColumn & { data: unknown[] })[] = [];
  #time = '';
  #times: bigint[] = [];
  readonly #batches = {
    begin: [] as number[],
    took: [] as number[],
    rows: [] as number[],
    visited: [] as number[],
    emitted: [] as number[],
    duplicates: [] as number[],
  };

  *snapshot(snapshot: Snapshot): Generator<Uint8Array> {
    const { table, order, stats } = snapshot;
    if (!this.#writer) this.#begin(snapshot);
    for (const { name, kind, data } of this.#columns)
      for (const row of order) data.push(parquetValue(table, row, name, kind));
    const time = BigInt(Math.round(stats.begin * 1000));
    for (let i = 0; i < order.length; i++) this.#times.push(time);
    this.#batches.begin.push(Math.round(stats.begin));
    this.#batches.took.push(Math.round(stats.end - stats.begin));
    this.#batches.rows.push(order.length);
    for (const name of ['visited', 'emitted'] as const) this.#batches[name].push(stats[name]);
    this.#batches.duplicates.push(stats.doubles);
    if (this.#times.length >= ROW_GROUP) this.#group();
    yield this.#taken();
  }

  /** Without a snapshot there is no file: nothing. */
  end(): Uint8Array {
    if (!this.#writer) return new Uint8Array();
    this.#group();
    const known = {
      itertop: safeJson(this.#header),
      'itertop.batches': safeJson(this.#batches),
      ...(this.#btf ? { 'itertop.btf': this.#btf } : {}),
    };
    this.#writer.kvMetadata = Object.entries(known).map(([key, value]) => ({ key, value }));
    this.#writer.finish();
    return this.#taken();
  }

  #begin(snapshot: Snapshot): void {
    const { table, host } = snapshot;
    this.#btf = (host ? host.btf : btfId()) ?? '';
    this.#columns = writtenColumns(snapshot).map((column) => ({ ...column, data: [] }));
    const names = this.#columns.map(({ name }) => name);
    this.#time = timeColumn(names);
    const header = headerOf({ ...snapshot, columns: names });
    this.#header = Object.fromEntries(Object.entries(header).filter(([name]) => !OF_ONE.has(name)));
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: schemaOf(table, names),
      createdBy: 'itertop',
      ...ZSTD,
    });
  }

  #group(): void {
    if (this.#times.length === 0) return;
    const columnData = [{ name: this.#time, data: this.#times }, ...this.#columns];
    this.#writer!.write({
      columnData: columnData.map(({ name, data }) => ({ name, data })),
      rowGroupSize: ROW_GROUP * 4,
    });
    this.#times = [];
    for (const column of this.#columns) column.data = [];
  }

  /** What was encoded since; the writer's memory is used again. */
  #taken(): Uint8Array {
    const bytes = this.#bytes.getBytes();
    this.#bytes.index = 0;
    return bytes;
  }
}
