/**
 * The records of one walk by what surprises in them, given those of the walk before. Records come in the kernel's order,
 * which hardly changes, so what precedes a record is mostly the next one of the walk before; only where it is not it is
 * looked for by its key. To the range coder go, for each record,
 *
 *   whether it is the next one of the walk before, unchanged: how often that one changed lately decides what it costs
 *   if not, whether it is that one, another (how far off), or a new one
 *   of one that changed which 32-bit words did, by the number of such a mask, and by how much each
 *   of a new one word by word by how much it is more than the last new one
 *
 * and texts, of new records and where they changed, to a stream of bytes as they are. What the contexts have learnt lasts
 * until the next walk that stands by itself.
 */
import { FLAG_FOOTER, FLAG_MEMBER, type RecordLayout } from '../templates/record.ts';
import { BadRecordingError, type ByteReader, type ByteWriter } from './byte-stream.ts';
import { Decisions, Numbers, type RangeDecoder, type RangeEncoder } from './range-coder.ts';
import { Identities, kindOf, lengthOf, Records, unzigzag, zigzag } from './records.ts';

/** Masks with a number, and words in all of them; what further ones there are is written out each time. */
const MOST_MASKS = 1 << 12;
const MASKED = 1 << 20;
/** Of so many the number decides what the next one is likely to be. */
const FREQUENT = 32;
/** Refreshes of which it is known whether a record changed, a bit for each; of a new one. */
const LATELY = 3;
const UNKNOWN = 1;
/** Objects, members of a group, footers: each has words of its own. */
const KINDS = 3;
/** A footer has no more. */
const LEAST_WORDS = 16;
/** Words of a record whose values are learnt apart, a power of two: a task with all columns has 70. Further ones share. */
const APART = 1 << 7;

/** Of Numbers that are none of a record's words. */
const [ROWS, JUMP, KIND] = [0, 1, 2];
const COUNTS = 3;

/** Records, and what is remembered of each. */
class Remembered extends Records {
  lately = new Uint8Array(1 << 8);
  masks = new Uint16Array(1 << 8);

  /** @param mask number of its last change; 0: none, or one without a number */
  remember(record: number, lately: number, mask: number): void {
    if (record >= this.lately.length) {
      const [before, masksBefore] = [this.lately, this.masks];
      this.lately = new Uint8Array(record * 2);
      this.masks = new Uint16Array(record * 2);
      this.lately.set(before);
      this.masks.set(masksBefore);
    }
    this.lately[record] = lately & ((1 << LATELY) - 1);
    this.masks[record] = mask;
  }
}

/** What is known of a walk's records. How many of the last decisions count was measured on processes each second. */
class Model {
  readonly same = new Decisions(1 << LATELY, 250);
  readonly other = new Decisions(1 << LATELY, 60);
  readonly changed = new Decisions(1 << LATELY, 60);
  readonly fresh = new Decisions(2, 30);
  readonly counts = new Numbers(COUNTS);
  readonly sameMask = new Decisions(MOST_MASKS + 1, 30);
  readonly masks = new Numbers(FREQUENT + 1);
  readonly inMask: Decisions;
  readonly inFresh: Decisions;
  readonly values = new Numbers(KINDS * APART);
  readonly freshValues = new Numbers(KINDS * APART);
  /** Words of a record without texts. */
  readonly words: number;
  readonly mostMasks: number;
  /** The last new record of each kind, without texts. */
  readonly last: readonly Uint32Array[];

  constructor(layout: RecordLayout) {
    this.words = Math.max(layout.fixed >> 2, LEAST_WORDS);
    this.mostMasks = Math.min(MOST_MASKS, Math.floor(MASKED / this.words));
    this.inMask = new Decisions(KINDS * this.words + 1, 60);
    this.inFresh = new Decisions(KINDS * this.words, 30);
    this.last = Array.from({ length: KINDS }, () => new Uint32Array(this.words));
  }

  kind(head: number): number {
    const kind = kindOf(head);
    return kind === FLAG_FOOTER ? 2 : kind === FLAG_MEMBER ? 1 : 0;
  }

  /** Of Numbers, for a word of a record of this kind. */
  value(kind: number, word: number): number {
    return kind * APART + (word & (APART - 1));
  }

  /** The context of whether texts changed. */
  get texts(): number {
    return KINDS * this.words;
  }
}

/** Writes walk after walk; its memory is used again. */
export class CodedWriter {
  readonly #layout: RecordLayout;
  readonly #identities: Identities;
  #model: Model;
  #before = new Remembered();
  #now = new Remembered();
  #numbers = new Map<string, number>();
  /** A bit for each word without texts, and one for these. */
  #mask: Buffer;

  constructor(layout: RecordLayout) {
    this.#layout = layout;
    this.#identities = new Identities(layout);
    this.#model = new Model(layout);
    this.#mask = Buffer.alloc((this.#model.words >> 3) + 1);
  }

  /** @param whole without a look at the walk before */
  write(coder: RangeEncoder, texts: ByteWriter, bytes: Uint8Array, whole: boolean): void {
    [this.#before, this.#now] = [this.#now, this.#before];
    const before = this.#before;
    const now = this.#now;
    now.fill(bytes);
    if (whole) {
      before.clear();
      this.#numbers.clear();
      this.#model = new Model(this.#layout);
    }
    const model = this.#model;
    this.#identities.start();
    coder.number(model.counts, ROWS, zigzag((now.count - before.count) | 0));
    let next = 0;
    for (let i = 0; i < now.count; i++) {
      const found = this.#identities.near(before, next, now, i);
      const same = found >= 0 && isSame(before, found, now, i);
      if (next < before.count) {
        const lately = before.lately[next]!;
        coder.bit(model.same, lately, same && found === next);
        if (same && found === next) {
          now.remember(i, lately << 1, before.masks[next]!);
          next++;
          continue;
        }
        coder.bit(model.other, lately, found !== next);
        if (found !== next) coder.bit(model.fresh, 0, found < 0);
      } else coder.bit(model.fresh, 1, found < 0);
      if (found < 0) {
        this.#new(coder, texts, i);
        now.remember(i, UNKNOWN, 0);
        continue;
      }
      const lately = before.lately[found]!;
      if (found !== next) {
        coder.number(model.counts, JUMP, zigzag(found - next));
        coder.bit(model.changed, lately, !same);
      }
      const mask = before.masks[found]!;
      now.remember(i, (lately << 1) | (same ? 0 : 1), same ? mask : this.#difference(coder, texts, found, i, mask));
      next = found + 1;
    }
  }

  #new(coder: RangeEncoder, texts: ByteWriter, i: number): void {
    const model = this.#model;
    const { words, starts, bytes } = this.#now;
    const start = starts[i]!;
    const length = this.#now.lengthOf(i);
    const kind = model.kind(words[start]!);
    coder.number(model.counts, KIND, kind);
    const last = model.last[kind]!;
    const fixed = Math.min(length, model.words);
    const context = kind * model.words;
    for (let w = 0; w < fixed; w++) {
      const by = (words[start + w]! - last[w]!) | 0;
      coder.bit(model.inFresh, context + w, by !== 0);
      if (by === 0) continue;
      coder.number(model.freshValues, model.value(kind, w), zigzag(by));
      last[w] = words[start + w]!;
    }
    texts.bytes(bytes.subarray((start + fixed) * 4, (start + length) * 4));
  }

  /** They have the same length. @param last number of the mask before @returns that of the mask now */
  #difference(coder: RangeEncoder, texts: ByteWriter, from: number, to: number, last: number): number {
    const model = this.#model;
    const [a, b] = [this.#before.words, this.#now.words];
    const [x, y] = [this.#before.starts[from]!, this.#now.starts[to]!];
    const length = this.#now.lengthOf(to);
    const fixed = Math.min(length, model.words);
    const mask = this.#mask.fill(0);
    for (let w = 0; w < fixed; w++) if (a[x + w] !== b[y + w]) mask[w >> 3]! |= 1 << (w & 7);
    let text = false;
    for (let w = fixed; w < length && !text; w++) text = a[x + w] !== b[y + w];
    if (text) mask[model.words >> 3]! |= 1 << (model.words & 7);
    const name = mask.toString('latin1');
    let number = this.#numbers.get(name) ?? 0;
    if (last !== 0) coder.bit(model.sameMask, last, number === last);
    if (last === 0 || number !== last) coder.number(model.masks, Math.min(last, FREQUENT), number);
    const kind = model.kind(b[y]!);
    const context = kind * model.words;
    if (number === 0) {
      for (let w = 0; w < fixed; w++) coder.bit(model.inMask, context + w, a[x + w] !== b[y + w]);
      coder.bit(model.inMask, model.texts, text);
      if (this.#numbers.size < model.mostMasks) {
        number = this.#numbers.size + 1;
        this.#numbers.set(name, number);
      }
    }
    for (let w = 0; w < fixed; w++)
      if (a[x + w] !== b[y + w]) coder.number(model.values, model.value(kind, w), zigzag((b[y + w]! - a[x + w]!) | 0));
    if (text) texts.bytes(this.#now.bytes.subarray((y + fixed) * 4, (y + length) * 4));
    return number;
  }
}

/** Records are short: a view of each would take longer. */
function copy(a: Uint32Array, from: number, b: Uint32Array, to: number, length: number): void {
  for (let w = 0; w < length; w++) b[to + w] = a[from + w]!;
}

function isSame(before: Records, from: number, now: Records, to: number): boolean {
  const length = now.lengthOf(to);
  const [x, y] = [before.starts[from]!, now.starts[to]!];
  let w = 0;
  while (w < length && before.words[x + w] === now.words[y + w]) w++;
  return w === length;
}

/** Reads what CodedWriter wrote, in the same order. */
export class CodedReader {
  readonly #layout: RecordLayout;
  #model: Model;
  #before: Remembered;
  #now: Remembered;
  /** By number less one: the words without texts that differ; the last one of Model.words stands for the texts. */
  #masks: (readonly number[])[] = [];

  /** @param most words that the records of a walk may have */
  constructor(layout: RecordLayout, most?: number) {
    this.#layout = layout;
    this.#model = new Model(layout);
    this.#before = new Remembered(most);
    this.#now = new Remembered(most);
  }

  /** @returns the records; valid until the next call @throws BadRecordingError */
  read(coder: RangeDecoder, texts: ByteReader, whole: boolean): Uint8Array {
    [this.#before, this.#now] = [this.#now, this.#before];
    const before = this.#before;
    const now = this.#now;
    now.clear();
    if (whole) {
      before.clear();
      this.#masks = [];
      this.#model = new Model(this.#layout);
    }
    const model = this.#model;
    const count = before.count + unzigzag(coder.number(model.counts, ROWS));
    let next = 0;
    for (let i = 0; i < count; i++) {
      let found = next;
      let changed = true;
      if (next >= before.count) found = coder.bit(model.fresh, 1) ? -1 : this.#jump(coder, next);
      else if (coder.bit(model.same, before.lately[next]!)) changed = false;
      else if (coder.bit(model.other, before.lately[next]!))
        found = coder.bit(model.fresh, 0) ? -1 : this.#jump(coder, next);
      if (found < 0) {
        this.#new(coder, texts);
        now.remember(i, UNKNOWN, 0);
        continue;
      }
      const lately = before.lately[found]!;
      if (found !== next) changed = coder.bit(model.changed, lately);
      const from = before.starts[found]!;
      const length = before.lengthOf(found);
      const to = now.add(length);
      copy(before.words, from, now.words, to, length);
      const mask = before.masks[found]!;
      now.remember(i, (lately << 1) | (changed ? 1 : 0), changed ? this.#change(coder, texts, to, length, mask) : mask);
      next = found + 1;
    }
    return now.bytes;
  }

  #jump(coder: RangeDecoder, next: number): number {
    const found = next + unzigzag(coder.number(this.#model.counts, JUMP));
    if (found === next || found < 0 || found >= this.#before.count)
      throw new BadRecordingError('a record has no predecessor');
    return found;
  }

  #new(coder: RangeDecoder, texts: ByteReader): void {
    const model = this.#model;
    const kind = coder.number(model.counts, KIND);
    const last = model.last[kind];
    if (!last) throw new BadRecordingError('a new record is of no kind');
    const context = kind * model.words;
    const next = (w: number) => {
      if (coder.bit(model.inFresh, context + w))
        last[w]! += unzigzag(coder.number(model.freshValues, model.value(kind, w)));
    };
    next(0);
    const length = lengthOf(last[0]!);
    if (length === 0) throw new BadRecordingError('a new record has no length');
    const fixed = Math.min(length, model.words);
    for (let w = 1; w < fixed; w++) next(w);
    const start = this.#now.add(length);
    this.#now.words.set(last.subarray(0, fixed), start);
    this.#texts(texts, start, fixed, length);
  }

  /** @param last number of the mask before @returns that of the mask now */
  #change(coder: RangeDecoder, texts: ByteReader, at: number, length: number, last: number): number {
    const model = this.#model;
    const { words } = this.#now;
    const fixed = Math.min(length, model.words);
    const kind = model.kind(words[at]!);
    const context = kind * model.words;
    let number = last;
    if (last === 0 || !coder.bit(model.sameMask, last)) number = coder.number(model.masks, Math.min(last, FREQUENT));
    let mask = this.#masks[number - 1];
    if (number === 0) {
      const changed: number[] = [];
      for (let w = 0; w < fixed; w++) if (coder.bit(model.inMask, context + w)) changed.push(w);
      if (coder.bit(model.inMask, model.texts)) changed.push(model.words);
      if (this.#masks.length < model.mostMasks) number = this.#masks.push(changed);
      mask = changed;
    }
    if (!mask) throw new BadRecordingError('there is no mask of that number');
    for (const w of mask) {
      if (w === model.words) this.#texts(texts, at, fixed, length);
      else if (w >= fixed) throw new BadRecordingError('a change lies beyond its record');
      else words[at + w]! += unzigzag(coder.number(model.values, model.value(kind, w)));
    }
    if (lengthOf(words[at]!) !== length) throw new BadRecordingError('a record has another length than before');
    return number;
  }

  #texts(texts: ByteReader, start: number, fixed: number, length: number): void {
    if (length === fixed) return;
    new Uint8Array(this.#now.words.buffer, (start + fixed) * 4).set(texts.bytes((length - fixed) * 4));
  }
}
