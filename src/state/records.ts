/** Records of a walk beside those of another, and by what an object is known again. */
import { LITTLE } from '../bpf/host.ts';
import { FLAG_FOOTER, FLAG_MEMBER, type RecordLayout } from '../templates/record.ts';
import { BadRecordingError } from './byte-stream.ts';

/** So far ahead a predecessor is looked for before every record is indexed: a few objects have gone. */
const NEAR = 4;

/** More than any walk has: a small frame could ask for any number of copies. */
const MAX_WORDS = 1 << 28;

/** Records of a walk, and where each begins, in 32-bit words. */
export class Records {
  words = new Uint32Array(1 << 12);
  starts = new Uint32Array(1 << 8);
  /** Of words. */
  used = 0;
  count = 0;
  readonly #most: number;

  /** @param most words */
  constructor(most = MAX_WORDS) {
    this.#most = most;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.words.buffer, 0, this.used * 4);
  }

  /** Length of a record in words. */
  lengthOf(record: number): number {
    return (record + 1 < this.count ? this.starts[record + 1]! : this.used) - this.starts[record]!;
  }

  clear(): void {
    this.used = 0;
    this.count = 0;
  }

  /** Makes room for a further record and notes where it begins. @returns its first word @throws BadRecordingError */
  add(words: number): number {
    if (this.used + words > this.#most)
      throw new BadRecordingError(`its records take more than ${this.#most / 2 ** 18} MiB`);
    if (this.used + words > this.words.length) {
      const grown = new Uint32Array(Math.max(this.words.length * 2, this.used + words));
      grown.set(this.words.subarray(0, this.used));
      this.words = grown;
    }
    if (this.count === this.starts.length) {
      const grown = new Uint32Array(this.starts.length * 2);
      grown.set(this.starts);
      this.starts = grown;
    }
    const start = this.used;
    this.starts[this.count++] = start;
    this.used += words;
    return start;
  }

  /** Takes over what was read. @throws BadRecordingError for bytes that are no records */
  fill(bytes: Uint8Array): void {
    this.clear();
    if (bytes.length % 8 !== 0) throw new BadRecordingError('its records are cut');
    if (bytes.length / 4 > this.words.length) this.words = new Uint32Array(bytes.length / 4 + (bytes.length >> 4));
    new Uint8Array(this.words.buffer).set(bytes);
    const units = new Uint16Array(this.words.buffer);
    for (let at = 0; at < bytes.length / 4; ) {
      const length = units[at * 2]! * 2;
      if (length === 0 || at + length > bytes.length / 4) throw new BadRecordingError('its records are cut');
      this.add(length);
      at += length;
    }
  }
}

/** The words of a record by which it is known again: of the key, of a member the group's. */
export class Identities {
  readonly #key: readonly [number, number];
  readonly #member: readonly [number, number];
  #slots = new Int32Array(1 << 8);
  #indexed: Records | null = null;

  constructor(layout: RecordLayout) {
    this.#key = [layout.keyOffset >> 2, (layout.keyOffset + layout.keySize) >> 2];
    const by = layout.fields.find((f) => f.column === layout.group?.by);
    this.#member = by ? [by.offset >> 2, (by.offset + Math.max(4, by.size)) >> 2] : [1, 1];
  }

  start(): void {
    this.#indexed = null;
  }

  same(a: Records, i: number, b: Records, j: number): boolean {
    const x = a.starts[i]!;
    const y = b.starts[j]!;
    const kind = kindOf(a.words[x]!);
    if (kind !== kindOf(b.words[y]!) || a.lengthOf(i) !== b.lengthOf(j)) return false;
    if (kind === FLAG_FOOTER) return true;
    const [from, to] = kind === FLAG_MEMBER ? this.#member : this.#key;
    for (let w = from; w < to; w++) if (a.words[x + w] !== b.words[y + w]) return false;
    return true;
  }

  #hash(records: Records, i: number): number {
    const start = records.starts[i]!;
    const kind = kindOf(records.words[start]!);
    const [from, to] = kind === FLAG_FOOTER ? [0, 0] : kind === FLAG_MEMBER ? this.#member : this.#key;
    let h = kind;
    for (let w = from; w < to; w++) h = Math.imul(h ^ records.words[start + w]!, 0x9e3779b1) ^ (h >>> 15);
    return (h ^ (h >>> 16)) >>> 0;
  }

  /** The record of `before` that is the same object, or -1. */
  find(before: Records, now: Records, i: number): number {
    if (this.#indexed !== before) this.#index(before);
    const mask = this.#slots.length - 1;
    for (let slot = this.#hash(now, i) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const at = this.#slots[slot]! - 1;
      if (this.same(now, i, before, at)) return at;
    }
    return -1;
  }

  /** The same near `next`, where it mostly is, or wherever it is. */
  near(before: Records, next: number, now: Records, i: number): number {
    const end = Math.min(before.count, next + NEAR);
    for (let at = next; at < end; at++) if (this.same(now, i, before, at)) return at;
    return before.count === 0 ? -1 : this.find(before, now, i);
  }

  #index(before: Records): void {
    let size = this.#slots.length;
    while (size < before.count * 2) size *= 2;
    if (size !== this.#slots.length) this.#slots = new Int32Array(size);
    else this.#slots.fill(0);
    // Of several with one key the first is found: those behind it follow one another.
    for (let i = 0; i < before.count; i++) {
      let slot = this.#hash(before, i) & (size - 1);
      while (this.#slots[slot] !== 0 && !this.same(before, i, before, this.#slots[slot]! - 1))
        slot = (slot + 1) & (size - 1);
      if (this.#slots[slot] === 0) this.#slots[slot] = i + 1;
    }
    this.#indexed = before;
  }
}

/** Length and flags share the first word of a record. */
export function kindOf(head: number): number {
  const flags = LITTLE ? head >>> 16 : head & 0xffff;
  return flags & FLAG_FOOTER ? FLAG_FOOTER : flags & FLAG_MEMBER;
}
/** Words of the record that has this first one. */
export const lengthOf = (head: number): number => (LITTLE ? head & 0xffff : head >>> 16) * 2;

/** Small numbers of either sign as small numbers: 0, -1, 1, -2 are 0, 1, 2, 3. */
export const zigzag = (n: number) => ((n << 1) ^ (n >> 31)) >>> 0;
export const unzigzag = (n: number) => (n >>> 1) ^ -(n & 1);
