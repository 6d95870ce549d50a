/** Rows by a number, as for joins: open addressing over reused arrays. Zero and NaN are never found. */
export class NumberIndex {
  #keys = new Float64Array(1024);
  #first = new Int32Array(1024);
  #count = new Int32Array(1024);
  /** Per row the next one with the same number, or -1. */
  #next = new Int32Array(1024);

  build(values: Float64Array): void {
    let size = this.#keys.length;
    while (size < values.length * 2) size *= 2;
    if (size !== this.#keys.length) {
      this.#keys = new Float64Array(size);
      this.#first = new Int32Array(size);
      this.#count = new Int32Array(size);
      this.#next = new Int32Array(size);
    } else this.#keys.fill(0);
    // From the last row to the first, so that each chain of equals goes upwards.
    for (let row = values.length - 1; row >= 0; row--) {
      const value = values[row];
      this.#next[row] = -1;
      if (value === 0 || Number.isNaN(value)) continue;
      const slot = this.#slot(value);
      if (this.#keys[slot] === value) {
        this.#next[row] = this.#first[slot];
        this.#count[slot]++;
      } else {
        this.#keys[slot] = value;
        this.#count[slot] = 1;
      }
      this.#first[slot] = row;
    }
  }

  /** A handle for first() and count(), or -1. */
  find(value: number): number {
    if (value === 0 || Number.isNaN(value)) return -1;
    const slot = this.#slot(value);
    return this.#keys[slot] === value ? slot : -1;
  }

  first(slot: number): number {
    return this.#first[slot];
  }

  count(slot: number): number {
    return this.#count[slot];
  }

  /** Per row of what was built from the next row with the same number, or -1. Valid until the next build(). */
  chain(rows: number): Int32Array {
    return this.#next.subarray(0, rows);
  }

  /** Where the value is, or the free place where it belongs. */
  #slot(value: number): number {
    const mask = this.#keys.length - 1;
    let slot = hashOf(value) & mask;
    while (this.#keys[slot] !== 0 && this.#keys[slot] !== value) slot = (slot + 1) & mask;
    return slot;
  }
}

/** Of both halves of a whole number: hosts and addresses differ in the upper one alone. */
function hashOf(value: number): number {
  const mixed = Math.imul(value | 0, 0x9e3779b1) ^ Math.imul((value / 2 ** 32) | 0, 0x85ebca6b);
  const again = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
  return again ^ (again >>> 16);
}
