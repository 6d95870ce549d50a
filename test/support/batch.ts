/** Batches and tables made by hand: what a program would have written, byte by byte. */
import type { FormatContext } from '../../src/templates/format.ts';
import {
  Batch,
  FIELD_SIZES,
  type Field,
  type FieldType,
  FLAG_FOOTER,
  FLAG_MEMBER,
  FOOTER_SIZE,
  newBuffers,
  type RecordLayout,
} from '../../src/templates/record.ts';
import { Table } from '../../src/templates/table.ts';
import type { Column, Template } from '../../src/templates/template.ts';

export interface FieldSpec {
  readonly type: FieldType;
  /** Of chars. */
  readonly size?: number;
  readonly flag?: number;
}

export interface RecordSpec {
  readonly values: Readonly<Record<string, number | bigint | string | Uint8Array>>;
  readonly flags?: number;
  /** Texts that were cut, or not read: their length in the kernel. */
  readonly full?: Readonly<Record<string, number>>;
}

/** The key is the first field, which has to take a multiple of 4 bytes. */
export function layoutOf(
  fields: Readonly<Record<string, FieldSpec>>,
  group: RecordLayout['group'] = null,
): RecordLayout {
  let at = 8;
  const list = Object.entries(fields).map(([column, { type, size, flag = 0 }]): Field => {
    const bytes = type === 'chars' ? size! : FIELD_SIZES[type];
    const align = type === 'chars' ? 8 : Math.min(8, bytes);
    at = Math.ceil(at / align) * align;
    const field = { column, offset: at, size: bytes, type, flag, limit: type === 'text' ? 4096 : 0 };
    at += bytes;
    return field;
  });
  return { fixed: Math.ceil(at / 8) * 8, fields: list, keyOffset: 8, keySize: list[0].size, group };
}

export function recordBytes(layout: RecordLayout, { values, flags = 0, full = {} }: RecordSpec): Buffer {
  let record = Buffer.alloc(layout.fixed);
  for (const field of layout.fields) {
    const value = values[field.column];
    if (value === undefined) continue;
    const at = field.offset;
    if (field.type === 'text') {
      const bytes = Buffer.from(value as string);
      const padded = Buffer.alloc(Math.ceil(bytes.length / 8) * 8);
      bytes.copy(padded);
      record.writeUInt16LE(bytes.length, at);
      record.writeUInt16LE(record.length, at + 2);
      record.writeUInt32LE(full[field.column] ?? bytes.length, at + 4);
      record = Buffer.concat([record, padded]);
    } else if (field.type === 'chars' || field.type === 'inet') Buffer.from(value as Uint8Array).copy(record, at);
    else if (field.size === 8) {
      if (field.type === 'u64') record.writeBigUInt64LE(BigInt(value as number), at);
      else record.writeBigInt64LE(BigInt(value as number), at);
    } else if (field.type.startsWith('u')) record.writeUIntLE(Number(value), at, field.size);
    else record.writeIntLE(Number(value), at, field.size);
  }
  record.writeUInt16LE(record.length / 8, 0);
  record.writeUInt16LE(flags, 2);
  return record;
}

export function memberBytes(layout: RecordLayout, values: Readonly<Record<string, number | bigint>>): Buffer {
  const whole = recordBytes(layout, { values });
  const end = Math.max(...layout.fields.filter((f) => f.column in values).map((f) => f.offset + f.size));
  const member = whole.subarray(0, Math.ceil(end / 8) * 8);
  member.writeUInt16LE(member.length / 8, 0);
  member.writeUInt16LE(FLAG_MEMBER, 2);
  return member;
}

export function footerBytes(footer: {
  visited: number;
  sessionId: number;
  jiffies: number;
  monotonicNs: number;
  bootNs: number;
}): Buffer {
  const bytes = Buffer.alloc(FOOTER_SIZE);
  bytes.writeUInt16LE(FOOTER_SIZE / 8, 0);
  bytes.writeUInt16LE(FLAG_FOOTER, 2);
  [footer.visited, footer.sessionId, footer.jiffies, footer.monotonicNs, footer.bootNs].forEach((n, i) => {
    bytes.writeBigUInt64LE(BigInt(n), 8 + i * 8);
  });
  return bytes;
}

export function indexBytes(layout: RecordLayout, ...records: readonly Uint8Array[]): Batch {
  const bytes = Buffer.concat(records);
  const buffers = newBuffers(Math.max(1 << 16, bytes.length));
  Buffer.from(buffers.bytes).set(bytes);
  return Batch.index(layout, buffers, bytes.length);
}

export const CONTEXT: FormatContext = {
  bootMs: Date.UTC(2026, 0, 1),
  nowNs: 1e12,
  hz: 100,
  pageSize: 4096,
  userName: (uid) => (uid === 0 ? 'root' : undefined),
};

/** A table over hand-made rows: columns with their formats, and what each row has. */
export function tableOf(
  columns: Readonly<Record<string, FieldSpec & Omit<Partial<Column>, 'name'>>>,
  rows: readonly RecordSpec[],
  derived: Readonly<Record<string, readonly number[]>> = {},
): Table {
  const layout = layoutOf(columns);
  const [key] = Object.keys(columns);
  const template: Template = {
    name: 'made',
    help: 'made by hand',
    target: 'task',
    key: [key],
    show: Object.keys(columns),
    sort: key,
    columns: [
      ...Object.entries(columns).map(
        ([name, { type, size: _, flag: __, ...column }]): Column => ({
          help: name,
          from: `task->${name}`,
          as: type === 'chars' || type === 'text' ? 'text' : 'int',
          ...column,
          name,
        }),
      ),
      ...Object.keys(derived).map((name): Column => ({ name, help: name, derive: `sub(${key}, 0)`, as: 'rate' })),
    ],
  };
  const batch = indexBytes(layout, ...rows.map((row) => recordBytes(layout, row)));
  const arrays = new Map(Object.entries(derived).map(([name, values]) => [name, Float64Array.from(values)]));
  return new Table(template, batch, new Map(), arrays, CONTEXT);
}
