/**
 * The records of one walk as differences to those of the walk before: most objects are the same a second later, and of
 * the others a few counters have moved on.
 *
 * Records come in the kernel's order, which hardly changes, so what precedes a record is mostly the next one of the walk
 * before; only where it is not it is looked for by its key. Four streams, each preceded by its length:
 *   steps    n << 2 | kind: n records that are the same (0), that changed (1), that are new (2); a jump by zigzag n (3)
 *   masks    for each changed record a bit for each 32-bit word that differs: the number of a mask that came before, since
 *            the walk that stands by itself, or 0 and how many bytes of a further one follow
 *   values   for each of those words by how much, zigzag, as a varint: the first word of all records, then the second, so
 *            that a column's are beside one another
 *   fresh    new records as they are; where they say so in the segment (`near`), those without texts word by word by how
 *            much more than the record before them in the walk, if it is as long: the descriptors of a new process
 *            differ in little
 *
 * Where the segment does not say `byColumn`, masks are as long as the record, and values go record by record.
 */
import { FLAG_FOOTER, FLAG_MEMBER, type RecordLayout } from '../templates/record.ts';
import { BadRecordingError, type ByteReader, ByteWriter } from './byte-stream.ts';

const SAME = 0;
const CHANGED = 1;
const NEW = 2;
const JUMP = 3;
/** So far ahead a predecessor is looked for before every record is indexed: a few objects have gone. */
const NEAR = 4;

/** Masks with a number; what further ones there are is written out. */
const MOST_MASKS = 1 << 12;

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
class Identities {
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
function kindOf(head: number): number {
  const flags = LITTLE ? head >>> 16 : head & 0xffff;
  return flags & FLAG_FOOTER ? FLAG_FOOTER : flags & FLAG_MEMBER;
}
const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Writes walk after walk; its memory is used again. */
export class DiffWriter {
  readonly #identities: Identities;
  #before = new Records();
  #now = new Records();
  readonly #steps = new ByteWriter();
  readonly #masks = new ByteWriter();
  readonly #values = new ByteWriter();
  readonly #fresh = new ByteWriter();
  #kind = -1;
  #run = 0;
  /** Words of a record without texts. */
  readonly #fixed: number;
  #scratch = new Uint32Array(1 << 6);
  #mask: Buffer = Buffer.alloc(1 << 6);
  #numbers = new Map<string, number>();
  /** Records that changed: where each was, where it is, and how long. */
  #changed: [from: number, to: number, length: number][] = [];

  constructor(layout: RecordLayout) {
    this.#identities = new Identities(layout);
    this.#fixed = layout.fixed >> 2;
  }

  /** @param whole without a look at the walk before */
  write(out: ByteWriter, bytes: Uint8Array, whole: boolean): void {
    [this.#before, this.#now] = [this.#now, this.#before];
    const before = this.#before;
    const now = this.#now;
    now.fill(bytes);
    if (whole) {
      before.clear();
      this.#numbers.clear();
    }
    this.#changed = [];
    for (const stream of this.#streams()) stream.clear();
    this.#identities.start();
    let next = 0;
    for (let i = 0; i < now.count; i++) {
      const found = this.#predecessor(before, next, now, i);
      if (found < 0) {
        this.#step(NEW);
        this.#new(now, i);
        continue;
      }
      if (found !== next) {
        this.#flush();
        const by = found - next;
        this.#steps.varint(zigzag(by) * 4 + JUMP);
      }
      this.#step(this.#difference(before, found, now, i) ? CHANGED : SAME);
      next = found + 1;
    }
    this.#flush();
    this.#writeValues(before.words, now.words);
    for (const stream of this.#streams()) {
      out.varint(stream.length);
      out.bytes(stream.written);
    }
  }

  #streams(): readonly ByteWriter[] {
    return [this.#steps, this.#masks, this.#values, this.#fresh];
  }

  #new(now: Records, i: number): void {
    const start = now.starts[i]!;
    const length = now.lengthOf(i);
    if (!isNear(now, i, length, this.#fixed)) {
      this.#fresh.bytes(now.bytes.subarray(start * 4, (start + length) * 4));
      return;
    }
    if (this.#scratch.length < length) this.#scratch = new Uint32Array(length);
    const less = this.#scratch.subarray(0, length);
    // The first word tells the length.
    less[0] = now.words[start]!;
    for (let w = 1; w < length; w++) less[w] = now.words[start + w]! - now.words[start + w - length]!;
    this.#fresh.bytes(new Uint8Array(less.buffer, 0, length * 4));
  }

  #predecessor(before: Records, next: number, now: Records, i: number): number {
    const end = Math.min(before.count, next + NEAR);
    for (let at = next; at < end; at++) if (this.#identities.same(now, i, before, at)) return at;
    return before.count === 0 ? -1 : this.#identities.find(before, now, i);
  }

  /** Writes by what they differ, if they do. They have the same length. */
  #difference(before: Records, from: number, now: Records, to: number): boolean {
    const a = before.words;
    const b = now.words;
    const x = before.starts[from]!;
    const y = now.starts[to]!;
    const length = now.lengthOf(to);
    let w = 0;
    while (w < length && a[x + w] === b[y + w]) w++;
    if (w === length) return false;
    if (this.#mask.length < (length + 7) >> 3) this.#mask = Buffer.alloc(length);
    const mask = this.#mask.fill(0, 0, (length + 7) >> 3);
    let last = 0;
    for (; w < length; w++) {
      if (a[x + w] === b[y + w]) continue;
      last = w >> 3;
      mask[last]! |= 1 << (w & 7);
    }
    this.#writeMask(mask.subarray(0, last + 1));
    this.#changed.push([x, y, length]);
    return true;
  }

  #writeMask(mask: Buffer): void {
    const text = mask.toString('latin1');
    const number = this.#numbers.get(text);
    this.#masks.varint(number ?? 0);
    if (number !== undefined) return;
    this.#masks.varint(mask.length);
    this.#masks.bytes(mask);
    if (this.#numbers.size < MOST_MASKS) this.#numbers.set(text, this.#numbers.size + 1);
  }

  #writeValues(a: Uint32Array, b: Uint32Array): void {
    let left = this.#changed;
    for (let w = 0; left.length > 0; w++) {
      // One long record does not make the others long.
      if (w % 8 === 0) left = left.filter(([, , length]) => length > w);
      for (const [x, y, length] of left)
        if (w < length && a[x + w] !== b[y + w]) this.#values.varint(zigzag((b[y + w]! - a[x + w]!) | 0));
    }
  }

  #step(kind: number): void {
    if (kind !== this.#kind) this.#flush();
    this.#kind = kind;
    this.#run++;
  }

  #flush(): void {
    if (this.#run > 0) this.#steps.varint(this.#run * 4 + this.#kind);
    this.#run = 0;
    this.#kind = -1;
  }
}

/** Whether a new record, one of so many words, is written by its difference to the one before it. */
function isNear(records: Records, i: number, length: number, fixed: number): boolean {
  return length === fixed && i > 0 && records.lengthOf(i - 1) === length;
}

/** Reads what DiffWriter wrote, in the same order. */
export class DiffReader {
  #before: Records;
  #now: Records;
  readonly #near: number;
  readonly #byColumn: boolean;
  #known: Uint8Array[] = [];

  /**
   * @param near words of a record without texts, where new ones of them differ from the one before; 0: they do not
   * @param byColumn whether masks have numbers, and values go column by column
   * @param most words that the records of a walk may have
   */
  constructor(near: number, byColumn = false, most?: number) {
    this.#before = new Records(most);
    this.#now = new Records(most);
    this.#near = near;
    this.#byColumn = byColumn;
  }

  /** @returns the records; valid until the next call @throws BadRecordingError */
  read(from: ByteReader, whole: boolean): Uint8Array {
    [this.#before, this.#now] = [this.#now, this.#before];
    const before = this.#before;
    const now = this.#now;
    now.clear();
    if (whole) {
      before.clear();
      this.#known = [];
    }
    const changed: Changed[] = [];
    /** Records that differ from the one before them, which may have changed. */
    const nearby: [start: number, length: number][] = [];
    const [steps, masks, values, fresh] = [from.part(), from.part(), from.part(), from.part()];
    let next = 0;
    while (!steps.done) {
      const step = steps.varint();
      const kind = step % 4;
      const count = Math.floor(step / 4);
      if (kind === JUMP) {
        next += unzigzag(count);
        continue;
      }
      if (kind === NEW) {
        for (let n = 0; n < count; n++) {
          const start = now.used;
          const length = fresh.peek16() * 2;
          if (length === 0) throw new BadRecordingError('a new record has no length');
          const bytes = fresh.bytes(length * 4);
          now.add(length);
          new Uint8Array(now.words.buffer, start * 4).set(bytes);
          if (isNear(now, now.count - 1, length, this.#near)) nearby.push([start, length]);
        }
        continue;
      }
      if (next < 0 || count > before.count - next) throw new BadRecordingError('a record has no predecessor');
      for (let n = 0; n < count; n++) {
        const from = before.starts[next]!;
        const length = before.lengthOf(next);
        const to = now.add(length);
        now.words.set(before.words.subarray(from, from + length), to);
        if (kind === CHANGED && this.#byColumn) changed.push({ at: to, mask: this.#mask(masks, length) });
        else if (kind === CHANGED) change(now.words, to, length, masks, values);
        next++;
      }
    }
    changeColumns(now.words, changed, values);
    for (const [start, length] of nearby)
      for (let w = start + 1; w < start + length; w++) now.words[w]! += now.words[w - length]!;
    return now.bytes;
  }

  /** The next mask, of a record of so many words. */
  #mask(masks: ByteReader, length: number): Uint8Array {
    const number = masks.varint();
    const mask = number === 0 ? masks.bytes(masks.varint()) : this.#known[number - 1];
    if (!mask) throw new BadRecordingError('there is no mask of that number');
    if (number === 0 && this.#known.length < MOST_MASKS) this.#known.push(new Uint8Array(mask));
    if (mask.length > (length + 7) >> 3 || (mask[length >> 3] ?? 0) >> (length & 7) !== 0)
      throw new BadRecordingError('a change lies beyond its record');
    return mask;
  }
}

/** A record, by its first word, and the words of it that differ. */
interface Changed {
  readonly at: number;
  readonly mask: Uint8Array;
}

function changeColumns(words: Uint32Array, changed: readonly Changed[], values: ByteReader): void {
  let left = changed;
  for (let byte = 0; left.length > 0; byte++) {
    left = left.filter(({ mask }) => mask.length > byte);
    for (let bit = 0; bit < 8; bit++)
      for (const { at, mask } of left)
        if (mask[byte]! & (1 << bit)) words[at + byte * 8 + bit]! += unzigzag(values.varint());
  }
}

function change(words: Uint32Array, at: number, length: number, masks: ByteReader, values: ByteReader): void {
  for (let w = 0; w < length; w += 8) {
    const mask = masks.byte();
    for (let bit = 0; mask >> bit !== 0; bit++) {
      if (((mask >> bit) & 1) === 0) continue;
      if (w + bit >= length) throw new BadRecordingError('a change lies beyond its record');
      words[at + w + bit]! += unzigzag(values.varint());
    }
  }
}

/** Small numbers of either sign as small numbers: 0, -1, 1, -2 are 0, 1, 2, 3. */
const zigzag = (n: number) => ((n << 1) ^ (n >> 31)) >>> 0;
const unzigzag = (n: number) => (n >>> 1) ^ -(n & 1);
