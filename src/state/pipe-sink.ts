/** A recording written to a pipe: its reader has each refresh at once, and one that reads slowly slows down what reads here. */
import type { Writable } from 'node:stream';
import { FileError } from './file-error.ts';
import type { FrameSink } from './recorder.ts';
import { encodeFrame, type FrameHead, fileHead, type WrittenFrame } from './recording-file.ts';

export class PipeSink implements FrameSink {
  readonly writer = { write: this.#write.bind(this) };
  readonly #out: Writable;
  #begun = false;
  /** Writes that the reader has not taken yet. */
  #waiting = 0;
  #error: NodeJS.ErrnoException | null = null;
  #wake = () => {};

  constructor(out: Writable) {
    this.#out = out;
    out.on('error', (error: NodeJS.ErrnoException) => this.#failed(error));
  }

  turn(): boolean {
    const begins = !this.#begun;
    if (begins) this.#put(fileHead());
    this.#begun = true;
    return begins;
  }

  #write(head: FrameHead, plain: Uint8Array, before?: Uint8Array): WrittenFrame {
    const { frame, crc } = encodeFrame(head, plain, before);
    this.#put(frame);
    return { bytes: frame.length, crc };
  }

  #put(bytes: Uint8Array): void {
    this.#waiting++;
    this.#out.write(bytes, (error) => {
      this.#waiting--;
      if (error) this.#failed(error);
      if (this.#waiting === 0) this.#wake();
    });
  }

  #failed(error: NodeJS.ErrnoException): void {
    this.#error ??= error;
    this.#wake();
  }

  async drained(signal: AbortSignal): Promise<boolean> {
    if (!this.#error && this.#waiting > 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const aborted = () => resolve();
      this.#wake = resolve;
      signal.addEventListener('abort', aborted);
      await promise;
      signal.removeEventListener('abort', aborted);
    }
    const error = this.#error;
    if (error && error.code !== 'EPIPE') throw new FileError('standard output', error);
    return !error && !this.#out.destroyed;
  }

  close(): void {}

  [Symbol.dispose](): void {}
}
