/** The end of what a key frame and the differences after it held: the next difference is compressed with it. */

/** What Zstandard's own form of a dictionary begins with (RFC 8878, 5). */
const FORMATTED = [0x37, 0xa4, 0x30, 0xec];

/** Bytes; four times as many give 1% less, and take four times as long. */
const WINDOW = 1 << 16;

export class PayloadWindow {
  readonly #bytes = new Uint8Array(2 * WINDOW);
  #used = 0;

  /** Valid until something is added. */
  get bytes(): Uint8Array {
    const from = Math.max(0, this.#used - WINDOW);
    // Payloads are raw: whoever names a process so that they look like such a dictionary would have them refused.
    const formatted = FORMATTED.every((byte, i) => this.#bytes[from + i] === byte);
    return this.#bytes.subarray(formatted ? from + 1 : from, this.#used);
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
