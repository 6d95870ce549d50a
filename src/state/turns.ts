/** Memory that readings take turns in: what is on the screen stays as it is, however many that follow fail. */
import { type BatchBuffers, newBuffers } from '../templates/record.ts';

/** One is painted, one is the base of the rates, one is being written. */
export const BUFFERS = 3;
const KEPT = 2;

export class Turns {
  readonly #most: number;
  readonly #bytes: number | undefined;
  /** The newest last. */
  readonly #kept: BatchBuffers[] = [];
  /** Those that may be written to, the one of the last reading last. */
  readonly #free: BatchBuffers[] = [];

  /**
   * @param most how many there are; each beyond BUFFERS lets one more reading be valid that is not kept
   * @param bytes that each begins with
   */
  constructor(most = BUFFERS, bytes?: number) {
    this.#most = most;
    this.#bytes = bytes;
  }

  /** For a reading: those that were written to longest ago, of all but the two kept last. */
  next(): BatchBuffers {
    const all = this.#kept.length + this.#free.length;
    const buffers = all < this.#most ? newBuffers(this.#bytes) : this.#free.shift()!;
    this.#free.push(buffers);
    return buffers;
  }

  /** The last reading stays valid until two further ones were kept, and another one begins. */
  keep(): void {
    this.#kept.push(this.#free.pop()!);
    if (this.#kept.length > KEPT) this.#free.push(this.#kept.shift()!);
  }
}
