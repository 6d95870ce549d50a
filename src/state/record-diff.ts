/**
 * Of recordings of before: the records of one walk as differences to those of the walk before (now: coded-diff.ts).
 *
 * Four streams, each preceded by its length:
 *   steps    n << 2 | kind: n records that are the same (0), that changed (1), that are new (2); a jump by zigzag n (3)
 *   masks    for each changed record a bit for each 32-bit word that differs: the number of a mask that came before, since
 *            the walk that stands by itself, or 0 and how many bytes of a further one follow
 *   values   for each of those words by how much, zigzag, as a varint: the first word of all records, then the second, so
 *            that a column's are beside one another
 *   fresh    new records as they are; where they say so in the segment (`near`), those without texts word by word by how
 *            much more than the record before them in the walk, if it is as long
 *
 * Where the segment does not say `byColumn`, masks are as long as the record, and values go record by record.
 */
import { BadRecordingError, type ByteReader } from './byte-stream.ts';
import { Records, unzigzag } from './records.ts';

const CHANGED = 1;
const NEW = 2;
const JUMP = 3;
/** Masks with a number; what further ones there are is written out. */
const MOST_MASKS = 1 << 12;

/** Whether a new record, one of so many words, is written by its difference to the one before it. */
function isNear(records: Records, i: number, length: number, fixed: number): boolean {
  return length === fixed && i > 0 && records.lengthOf(i - 1) === length;
}

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
