/**
 * Records (the bytes that a program wrote for one object) become a batch: columns over the bytes as they were read.
 *
 * A record is a multiple of 8 bytes:
 *   u16 length in 8-byte units · u16 flags · fields at their offsets · texts, each padded to 8 bytes
 * The last record is the footer that the program writes at its final call with a NULL object (not every target has one).
 */
import { AF_INET, AF_INET6 } from '../bpf/family.ts';
import { LITTLE } from '../bpf/host.ts';
import { bytesOf, dataOf, sharedMemory, unitsOf, withRoom, wordsOf } from '../bpf/shared-memory.ts';
import { BadRecordError } from './errors.ts';
import { decodeText } from './text.ts';

export type FieldType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'u64' | 'i64' | 'chars' | 'inet' | 'text';

export interface Field {
  readonly column: string;
  /** Bytes from the start of the record. */
  readonly offset: number;
  readonly size: number;
  readonly type: FieldType;
  /** Bit of the record's flags without which the value is absent; 0 where it is always there. */
  readonly flag: number;
  /** A text may be cut at this many bytes; `fullLength` tells. 0 for other types. */
  readonly limit: number;
}

export interface RecordLayout {
  /** Bytes of the part before the texts. */
  readonly fixed: number;
  readonly fields: readonly Field[];
  /** The key's fields stand together: compared and hashed as bytes; both multiples of 4. */
  readonly keyOffset: number;
  readonly keySize: number;
  /** Grouped: the column by which members find their group, and the columns summed over it. */
  readonly group: { readonly by: string; readonly totals: readonly string[] } | null;
}

/** Flags 14 and 15 are the format's own, below them one per cast. */
export const FLAG_FOOTER = 1 << 15;
/** A member of a group that is not its representative: only the first fields were written. */
export const FLAG_MEMBER = 1 << 14;
export const MAX_FLAGS = 14;

/** Footer: header 8, visited u64, session_id u64, jiffies64 u64, monotonic ns u64, boot time ns u64. */
export const FOOTER_SIZE = 48;
export interface Footer {
  /** Objects for which the program ran. */
  visited: number;
  sessionId: number;
  jiffies: number;
  monotonicNs: number;
  bootNs: number;
}

/** A text's field: u16 stored length, u16 offset of its bytes in the record, u32 length in the kernel. */
export const TEXT_FIELD_SIZE = 8;
/** inet's field: u32 address family, 4 bytes of nothing, then 16 bytes of which IPv4 uses the first 4. */
export const INET_FIELD_SIZE = 24;
/** Bytes of a field in the record's fixed part; chars have each their own. */
export const FIELD_SIZES: Readonly<Record<Exclude<FieldType, 'chars'>, number>> = {
  ...{ u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, u64: 8, i64: 8 },
  inet: INET_FIELD_SIZE,
  text: TEXT_FIELD_SIZE,
};
export const INET_ADDRESS = 8;
const TWO_32 = 4294967296;

/** Bytes shared between the worker that reads and the thread that paints. Grows, never shrinks. */
export interface BatchBuffers {
  bytes: SharedArrayBuffer;
  offsets: SharedArrayBuffer;
  totals: SharedArrayBuffer[];
}

export function newBuffers(bytes = 1 << 20): BatchBuffers {
  return { bytes: sharedMemory(bytes), offsets: sharedMemory(1 << 14), totals: [] };
}

/** What was made over these buffers, of this thread. */
const spares = new WeakMap<BatchBuffers, SharedArrayBuffer[]>();

/** Reads a batch's columns; cheap to make, decodes nothing before it is asked. */
export class Batch {
  readonly layout: RecordLayout;
  readonly buffers: BatchBuffers;
  rows = 0;
  footer: Footer | null = null;
  #fields = new Map<string, Field>();
  #totals = new Map<string, Float64Array>();
  #numbers = new Map<string, Float64Array>();
  #spares = 0;
  /** The last one decoded. */
  #chars = { start: 0, size: 0, text: '' };
  #view: DataView;
  #bytes: Buffer;
  #words: Uint32Array;
  #offsets: Uint32Array;

  constructor(layout: RecordLayout, buffers: BatchBuffers, rows = 0, footer: Footer | null = null) {
    this.layout = layout;
    this.buffers = buffers;
    for (const f of layout.fields) this.#fields.set(f.column, f);
    this.#view = dataOf(buffers.bytes);
    this.#bytes = bytesOf(buffers.bytes);
    this.#words = wordsOf(buffers.bytes);
    this.#offsets = wordsOf(buffers.offsets);
    this.rows = rows;
    this.footer = footer;
    layout.group?.totals.forEach((name, i) => {
      if (buffers.totals[i]) this.#totals.set(name, new Float64Array(buffers.totals[i]));
    });
  }

  /** Finds the records in the first `used` bytes of the buffers. @throws BadRecordError for bytes that no record starts with */
  static index(layout: RecordLayout, buffers: BatchBuffers, used: number): Batch {
    const units = unitsOf(buffers.bytes);
    let offsets = wordsOf(buffers.offsets);
    let rows = 0;
    let members = 0;
    // Several walks, one in each network namespace, have a footer each.
    const footers: number[] = [];
    const carried = layout.group ? [layout.group.by, ...layout.group.totals] : [];
    const shortest = layout.fields.reduce(
      (end, f) => (carried.includes(f.column) ? Math.max(end, f.offset + f.size) : end),
      0,
    );
    for (let at = 0; at < used; ) {
      const length = units[at >> 1] * 8;
      const flags = units[(at >> 1) + 1];
      const least = flags & FLAG_FOOTER ? FOOTER_SIZE : flags & FLAG_MEMBER ? shortest : layout.fixed;
      if (length === 0 || length < least || at + length > used) throw new BadRecordError(at, length, used);
      if (flags & FLAG_FOOTER) footers.push(at);
      else if (flags & FLAG_MEMBER) members++;
      else {
        if (rows === offsets.length) {
          buffers.offsets = withRoom(buffers.offsets, rows * 4 + 1, rows * 4);
          offsets = wordsOf(buffers.offsets);
        }
        offsets[rows++] = at;
      }
      at += length;
    }
    const totals = layout.group?.totals ?? [];
    if (totals.length > 0) {
      for (let i = 0; i < totals.length; i++) {
        if ((buffers.totals[i]?.byteLength ?? 0) < rows * 8)
          buffers.totals[i] = new SharedArrayBuffer(offsets.length * 8);
      }
    }
    const batch = new Batch(layout, buffers, rows);
    if (footers.length > 0) {
      const all = footers.map((at) => batch.#readFooter(at));
      batch.footer = { ...all.at(-1)!, visited: all.reduce((sum, f) => sum + f.visited, 0) };
    }
    if (layout.group) batch.#sumGroups(layout.group.by, totals, used, members);
    return batch;
  }

  #readFooter(at: number): Footer {
    return {
      visited: this.#u64(at + 8),
      sessionId: this.#u64(at + 16),
      jiffies: this.#u64(at + 24),
      monotonicNs: this.#u64(at + 32),
      bootNs: this.#u64(at + 40),
    };
  }

  /** Adds what each member carries to its group's row. A member whose group has no row (it just ended) is left out. */
  #sumGroups(by: string, names: readonly string[], used: number, members: number): void {
    const arrays = names.map((n) => this.#totals.get(n)!);
    const fields = names.map((n) => this.#field(n));
    for (let row = 0; row < this.rows; row++) {
      for (let t = 0; t < arrays.length; t++) arrays[t][row] = this.#at(this.#offsets[row], fields[t]);
    }
    if (members === 0) return;
    const groupField = this.#field(by);
    const rowOf = new Map<number, number>();
    for (let row = 0; row < this.rows; row++) rowOf.set(this.#at(this.#offsets[row], groupField), row);
    const units = new Uint16Array(this.buffers.bytes, 0, this.buffers.bytes.byteLength >> 1);
    for (let at = 0; at < used; at += units[at >> 1] * 8) {
      if ((units[(at >> 1) + 1] & FLAG_MEMBER) === 0) continue;
      const row = rowOf.get(this.#at(at, groupField));
      if (row === undefined) continue;
      for (let t = 0; t < arrays.length; t++) arrays[t][row] += this.#at(at, fields[t]);
    }
  }

  #field(column: string): Field {
    const field = this.#fields.get(column);
    if (!field) throw new Error(`column ${column} is not in this batch`);
    return field;
  }

  has(column: string): boolean {
    return this.#fields.has(column);
  }

  type(column: string): FieldType {
    return this.#field(column).type;
  }

  #u64(at: number): number {
    // Offsets of records and fields are multiples of 8: two aligned words.
    return LITTLE
      ? this.#words[at >> 2] + this.#words[(at >> 2) + 1] * TWO_32
      : this.#words[(at >> 2) + 1] + this.#words[at >> 2] * TWO_32;
  }

  /** The number of a field in the record at `at`; above 2^53 rounded; NaN for what is no number. */
  #at(at: number, field: Field): number {
    const p = at + field.offset;
    switch (field.type) {
      case 'u64':
        return this.#u64(p);
      case 'u32':
        return this.#words[p >> 2];
      case 'i64':
        return Number(this.#view.getBigInt64(p, LITTLE));
      case 'i32':
        return this.#words[p >> 2] | 0;
      case 'u16':
        return this.#view.getUint16(p, LITTLE);
      case 'i16':
        return this.#view.getInt16(p, LITTLE);
      case 'u8':
        return this.#bytes[p];
      case 'i8':
        return this.#view.getInt8(p);
      default:
        return Number.NaN;
    }
  }

  /** Whether the object has the value at all (a TIME_WAIT socket has no round-trip time). */
  present(row: number, column: string): boolean {
    const field = this.#field(column);
    return field.flag === 0 || (this.#view.getUint16(this.#offsets[row] + 2, LITTLE) & field.flag) !== 0;
  }

  /** One number; NaN where absent. */
  number(row: number, column: string): number {
    const total = this.#totals.get(column);
    if (total) return total[row];
    return this.present(row, column) ? this.#at(this.#offsets[row], this.#field(column)) : Number.NaN;
  }

  /** A whole column of numbers, decoded once; NaN where absent. Valid until the batch's buffers are used again. */
  numbers(column: string): Float64Array {
    const total = this.#totals.get(column);
    if (total) return total.subarray(0, this.rows);
    const known = this.#numbers.get(column);
    if (known) return known;
    const out = this.column();
    this.#decode(out, this.#field(column));
    this.#numbers.set(column, out);
    return out;
  }

  /** The same, but exact also for addresses in the kernel: what is above 2^63 counts down from 2^64. For joins. */
  identities(column: string): Float64Array {
    const field = this.#field(column);
    if (field.type !== 'u64') return this.numbers(column);
    const out = this.column();
    this.#decode(out, { ...field, type: 'i64' });
    return out;
  }

  /** Memory for what is made of this batch, with whatever is in it; like the batch's own it is used again. */
  spare(bytes: number): SharedArrayBuffer {
    let made = spares.get(this.buffers);
    if (!made) {
      made = [];
      spares.set(this.buffers, made);
    }
    const at = this.#spares++;
    if ((made[at]?.byteLength ?? -1) < bytes) made[at] = new SharedArrayBuffer(Math.ceil((bytes * 1.25) / 8) * 8);
    return made[at];
  }

  /** So many integers, as spare(). */
  integers(count: number): Int32Array {
    return new Int32Array(this.spare(count * 4), 0, count);
  }

  /** A number for each row, as spare(). */
  column(): Float64Array {
    return new Float64Array(this.spare(this.rows * 8), 0, this.rows);
  }

  /**
   * Values of columns as words that are equal where the values are: `stride` of them for each row. Numbers as the 64 bits
   * of a double, addresses as IPv6 with IPv4 mapped into it. `given`: 0 for a row that lacks one, or has a number 0.
   */
  tuples(columns: readonly string[]): { words: Uint32Array; stride: number; given: Uint8Array } {
    const sizes = columns.map((column) => (this.type(column) === 'inet' ? 4 : 2));
    const stride = sizes.reduce((sum, size) => sum + size, 0);
    const words = new Uint32Array(this.spare(this.rows * stride * 4), 0, this.rows * stride).fill(0);
    const doubles = new Float64Array(words.buffer);
    const given = new Uint8Array(this.rows).fill(1);
    let start = 0;
    for (const [i, column] of columns.entries()) {
      if (sizes[i] === 4) this.#addresses(column, words, start, stride, given);
      else {
        const values = this.identities(column);
        for (let row = 0; row < this.rows; row++) {
          doubles[(row * stride + start) >> 1] = values[row];
          if (values[row] === 0 || Number.isNaN(values[row])) given[row] = 0;
        }
      }
      start += sizes[i];
    }
    return { words, stride, given };
  }

  #addresses(column: string, words: Uint32Array, start: number, stride: number, given: Uint8Array): void {
    const { offset } = this.#field(column);
    for (let row = 0; row < this.rows; row++) {
      const from = (this.#offsets[row] + offset) >> 2;
      const to = row * stride + start;
      const family = this.#words[from];
      const address = from + (INET_ADDRESS >> 2);
      if (family === AF_INET) {
        words[to + 2] = MAPPED;
        words[to + 3] = this.#words[address];
      } else if (family === AF_INET6) for (let w = 0; w < 4; w++) words[to + w] = this.#words[address + w];
      else given[row] = 0;
    }
  }

  /**
   * One loop for each width, over words: typed arrays of many kinds in one loop, or a call per value, cost ten times more.
   * Whether the value is there stands in the record's first word, which is never 0.
   */
  #decode(out: Float64Array, { offset, type, flag }: Field): void {
    const words = this.#words;
    const offsets = this.#offsets;
    const present = flag === 0 ? -1 : LITTLE ? flag << 16 : flag;
    const word = offset >> 2;
    const [high, low] = LITTLE ? [word + 1, word] : [word, word + 1];
    if (type === 'chars' || type === 'inet' || type === 'text') out.fill(Number.NaN);
    else if (type === 'u64') {
      for (let i = 0; i < out.length; i++) {
        const p = offsets[i] >> 2;
        out[i] = (words[p] & present) !== 0 ? words[p + high] * TWO_32 + words[p + low] : Number.NaN;
      }
    } else if (type === 'i64') {
      for (let i = 0; i < out.length; i++) {
        const p = offsets[i] >> 2;
        out[i] = (words[p] & present) !== 0 ? (words[p + high] | 0) * TWO_32 + words[p + low] : Number.NaN;
      }
    } else {
      // Up to the top of the word and down again, which also extends the sign.
      const bits = Number(type.slice(1));
      const below = LITTLE ? (offset & 3) * 8 : 32 - bits - (offset & 3) * 8;
      const up = 32 - bits - below;
      const down = 32 - bits;
      if (type[0] === 'i')
        for (let i = 0; i < out.length; i++) {
          const p = offsets[i] >> 2;
          out[i] = (words[p] & present) !== 0 ? (words[p + word] << up) >> down : Number.NaN;
        }
      else
        for (let i = 0; i < out.length; i++) {
          const p = offsets[i] >> 2;
          out[i] = (words[p] & present) !== 0 ? (words[p + word] << up) >>> down : Number.NaN;
        }
    }
  }

  /** The exact value of an integer column: bigint for 64 bits. null where absent. */
  exact(row: number, column: string): number | bigint | null {
    if (!this.present(row, column)) return null;
    const field = this.#field(column);
    const total = this.#totals.get(column);
    if (total) return total[row];
    const p = this.#offsets[row] + field.offset;
    if (field.type === 'u64') return this.#view.getBigUint64(p, LITTLE);
    if (field.type === 'i64') return this.#view.getBigInt64(p, LITTLE);
    return this.#at(this.#offsets[row], field);
  }

  /** The bytes of a chars, text or inet column, as stored; shares the batch's memory. */
  bytes(row: number, column: string): Buffer {
    const field = this.#field(column);
    const at = this.#offsets[row];
    if (field.type !== 'text') return this.#bytes.subarray(at + field.offset, at + field.offset + field.size);
    const length = this.#view.getUint16(at + field.offset, LITTLE);
    const start = at + this.#view.getUint16(at + field.offset + 2, LITTLE);
    return this.#bytes.subarray(start, start + length);
  }

  /** A chars column up to its NUL. Neighbours often have the same (threads, files of a process): then it is the same string. */
  chars(row: number, column: string): string {
    const { offset, size } = this.#field(column);
    const bytes = this.#bytes;
    const start = this.#offsets[row] + offset;
    const known = this.#chars;
    if (known.size === size) {
      let at = 0;
      while (at < size && bytes[start + at] === bytes[known.start + at] && bytes[start + at] !== 0) at++;
      if (at === size || (bytes[start + at] === 0 && bytes[known.start + at] === 0)) return known.text;
    }
    let end = start;
    while (end < start + size && bytes[end] !== 0) end++;
    const text = decodeText(bytes.subarray(start, end));
    this.#chars = { start, size, text };
    return text;
  }

  /** How many bytes a text column has in the kernel, of which `bytes` may hold fewer. */
  fullLength(row: number, column: string): number {
    return this.#view.getUint32(this.#offsets[row] + this.#field(column).offset + 4, LITTLE);
  }

  /** The key as text, comparable between batches of the same layout. */
  key(row: number): string {
    const start = this.#offsets[row] + this.layout.keyOffset;
    return this.#bytes.toString('latin1', start, start + this.layout.keySize);
  }

  /** The row whose key it is, or -1. */
  rowOfKey(key: string): number {
    const wanted = Buffer.from(key, 'latin1');
    if (wanted.length !== this.layout.keySize) return -1;
    for (let row = 0; row < this.rows; row++) {
      const start = this.#offsets[row] + this.layout.keyOffset;
      if (
        this.#bytes[start] === wanted[0] &&
        this.#bytes.compare(wanted, 0, wanted.length, start, start + wanted.length) === 0
      )
        return row;
    }
    return -1;
  }

  /** Of the key, 32 bits. */
  keyHash(row: number): number {
    const start = (this.#offsets[row] + this.layout.keyOffset) >> 2;
    return hashOf(this.#words, start, start + (this.layout.keySize >> 2));
  }

  /** Whether a row of another batch of the same layout has the key of `row`. */
  sameKey(row: number, other: Batch, otherRow: number): boolean {
    const mine = (this.#offsets[row] + this.layout.keyOffset) >> 2;
    const theirs = (other.#offsets[otherRow] + other.layout.keyOffset) >> 2;
    for (let w = (this.layout.keySize >> 2) - 1; w >= 0; w--)
      if (this.#words[mine + w] !== other.#words[theirs + w]) return false;
    return true;
  }
}

function hashOf(words: Uint32Array, start: number, end: number): number {
  let h = 0;
  for (let w = start; w < end; w++) h = Math.imul(h ^ words[w], 0x9e3779b1) ^ (h >>> 15);
  return h ^ (h >>> 16);
}

/** Of ::ffff:0:0/96 the third word. */
const MAPPED = LITTLE ? 0xffff0000 : 0xffff;

/** Rows by key: counts doubles, and finds an object again in the next batch. Its tables are reused. */
export class KeyIndex {
  #slots = new Uint32Array(1024);
  #batch: Batch | null = null;

  /** Indexes a batch. @returns how many rows carry a key that an earlier row has */
  build(batch: Batch): number {
    let size = this.#slots.length;
    while (size < batch.rows * 2) size *= 2;
    if (size !== this.#slots.length) this.#slots = new Uint32Array(size);
    else this.#slots.fill(0);
    this.#batch = batch;
    const slots = this.#slots;
    let doubles = 0;
    for (let row = 0; row < batch.rows; row++) {
      let slot = batch.keyHash(row) & (size - 1);
      for (; slots[slot] !== 0; slot = (slot + 1) & (size - 1)) {
        if (!batch.sameKey(row, batch, slots[slot] - 1)) continue;
        doubles++;
        break;
      }
      if (slots[slot] === 0) slots[slot] = row + 1;
    }
    return doubles;
  }

  /** The first row of the indexed batch with this key, as Batch.key() gives it, or -1. */
  rowOf(key: string): number {
    const batch = this.#batch;
    if (!batch || batch.rows === 0 || key.length !== batch.layout.keySize) return -1;
    const words = new Uint32Array(new Uint8Array(Buffer.from(key, 'latin1')).buffer);
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hashOf(words, 0, words.length) & mask; slots[slot] !== 0; slot = (slot + 1) & mask)
      if (batch.key(slots[slot] - 1) === key) return slots[slot] - 1;
    return -1;
  }

  /** The row of the indexed batch that has the key of `row` in `other`, or -1. */
  find(other: Batch, row: number): number {
    const batch = this.#batch;
    if (!batch || batch.rows === 0) return -1;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = other.keyHash(row) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (other.sameKey(row, batch, slots[slot] - 1)) return slots[slot] - 1;
    }
    return -1;
  }
}
