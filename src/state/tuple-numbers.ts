/** Numbers for combinations of values, so that joins on several columns, or on addresses, are joins on a number. */
import type { Batch } from '../templates/record.ts';

export class TupleNumbers {
  #slots = new Uint32Array(1024);
  #words: Uint32Array = new Uint32Array(0);
  #stride = 0;

  /** Numbers the combinations that a batch has: from 1 on, equal ones alike, 0 for a row that lacks a value. */
  build(batch: Batch, columns: readonly string[]): Float64Array {
    const { words, stride, given } = batch.tuples(columns);
    this.#words = words;
    this.#stride = stride;
    let size = this.#slots.length;
    while (size < batch.rows * 2) size *= 2;
    if (size !== this.#slots.length) this.#slots = new Uint32Array(size);
    else this.#slots.fill(0);
    const numbers = batch.column().fill(0);
    for (let row = 0; row < batch.rows; row++) {
      if (given[row] === 0) continue;
      const slot = this.#slot(words, row);
      if (this.#slots[slot] === 0) this.#slots[slot] = row + 1;
      numbers[row] = this.#slots[slot];
    }
    return numbers;
  }

  /** The numbers of the same combinations in another batch, or in other columns; 0 for those that were not numbered. */
  find(batch: Batch, columns: readonly string[]): Float64Array {
    const { words, stride, given } = batch.tuples(columns);
    const numbers = batch.column().fill(0);
    // An address is compared with an address.
    if (stride !== this.#stride) return numbers;
    for (let row = 0; row < batch.rows; row++) if (given[row] !== 0) numbers[row] = this.#slots[this.#slot(words, row)];
    return numbers;
  }

  /** Where the combination is, or the free place where it belongs. */
  #slot(words: Uint32Array, row: number): number {
    const stride = this.#stride;
    const mask = this.#slots.length - 1;
    const start = row * stride;
    let hash = 0;
    for (let w = 0; w < stride; w++) hash = Math.imul(hash ^ words[start + w], 0x9e3779b1) ^ (hash >>> 15);
    let slot = (hash ^ (hash >>> 16)) & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const other = (this.#slots[slot] - 1) * stride;
      let w = 0;
      while (w < stride && this.#words[other + w] === words[start + w]) w++;
      if (w === stride) break;
    }
    return slot;
  }
}
