/** The end of what a key frame and the differences after it held: the next difference is compressed with it. */

/** Bytes; four times as many give 1% less, and take four times as long. */
const WINDOW = 1 << 16;

export class PayloadWindow {
  readonly #bytes = new Uint8Array(2 * WINDOW);
  #used = 0;

  /** Valid until something is added. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(Math.max(0, this.#used - WINDOW), this.#used);
  }

  clear(): void {
    this.#used = 0;
  }

  add(plain: Uint8Array): void {
    const end = plain.subarray(Math.max(0, plain.length - WINDOW));
    if (this.#used + end.length > this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#used - WINDOW, this.#used);
      this.#used = WINDOW;
    }
    this.#bytes.set(end, this.#used);
    this.#used += end.length;
  }
}
