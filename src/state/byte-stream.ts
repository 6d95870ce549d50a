/** Bytes written and read one after another, with their bounds checked: a recording may come from anywhere. */
import { LITTLE } from '../bpf/host.ts';

/** What makes a recording, or a part of one, unreadable. */
export class BadRecordingError extends Error {
  override readonly name = 'BadRecordingError';
}

export class ByteWriter {
  #bytes = new Uint8Array(1 << 10);
  length = 0;

  /** What was written; valid until something further is. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  #room(bytes: number): void {
    if (this.length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + bytes));
    grown.set(this.written);
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  /** A whole number below 2^53, seven bits a byte. */
  varint(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
  }

  bytes(from: Uint8Array): void {
    this.#room(from.length);
    this.#bytes.set(from, this.length);
    this.length += from.length;
  }

  double(value: number): void {
    this.bytes(new Uint8Array(new Float64Array([value]).buffer));
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.varint(bytes.length);
    this.bytes(bytes);
  }
}

/** Every method throws BadRecordingError where the bytes end too early. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes that were not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  #take(bytes: number): number {
    if (!(bytes >= 0 && bytes <= this.#bytes.length - this.#at)) throw new BadRecordingError('it ends too early');
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let n = 0; n < 8; n++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new BadRecordingError('a number is too long');
  }

  /** The next 16 bits, in this machine's order, without going on. */
  peek16(): number {
    const at = this.#take(2);
    this.#at = at;
    return LITTLE ? this.#bytes[at]! | (this.#bytes[at + 1]! << 8) : (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** A stream that its length stands before. */
  part(): ByteReader {
    return new ByteReader(this.bytes(this.varint()));
  }

  double(): number {
    const { buffer, byteOffset } = this.bytes(8);
    return new DataView(buffer, byteOffset).getFloat64(0, LITTLE);
  }

  text(): string {
    return Buffer.from(this.bytes(this.varint())).toString();
  }
}
