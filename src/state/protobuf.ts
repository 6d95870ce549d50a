/** Protocol Buffers' wire format, as far as records are written in it: into memory that grows and is used again. */

/** Wire types, in a field's tag. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** Whether an int64 holds it. */
export const fitsInt64 = (value: bigint) => value >= MIN_INT64 && value <= MAX_INT64;

export class ProtobufBytes {
  #bytes: Buffer;
  /** Where the next byte goes. */
  #at = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  get length(): number {
    return this.#at;
  }
  /** What was written; valid until the next clear(). */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
  clear(): void {
    this.#at = 0;
  }

  #room(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + count));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  /** An unsigned number below 2^53. */
  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#bytes[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A field of a whole number that is not negative. */
  uint(field: number, value: number): void {
    this.#room(20);
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
  }

  /** A field of an int64; negative ones take ten bytes. */
  int64(field: number, value: number | bigint): void {
    this.#room(20);
    this.#varint(field * 8 + VARINT);
    if (typeof value === 'number' && value >= 0) {
      this.#varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.#bytes[this.#at++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  fixed64(field: number, value: bigint): void {
    this.#room(16);
    this.#varint(field * 8 + FIXED64);
    this.#at = this.#bytes.writeBigUInt64LE(value, this.#at);
  }

  double(field: number, value: number): void {
    this.#room(16);
    this.#varint(field * 8 + FIXED64);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  text(field: number, value: string): void {
    // UTF-8 has at most three bytes for each unit of UTF-16; most texts have one.
    this.#room(value.length * 3 + 20);
    this.#varint(field * 8 + BYTES);
    if (value.length < 128) {
      const begin = this.#at + 1;
      const length = this.#bytes.write(value, begin, 'utf8');
      if (length < 128) {
        this.#bytes[this.#at] = length;
        this.#at = begin + length;
        return;
      }
    }
    this.#varint(Buffer.byteLength(value));
    this.#at += this.#bytes.write(value, this.#at, 'utf8');
  }

  /** Begins a message within this one. @returns what end() wants */
  begin(field: number): number {
    this.#room(20);
    this.#varint(field * 8 + BYTES);
    // The length comes before it; one byte is enough for most.
    return this.#at++;
  }
  end(begun: number): void {
    const length = this.#at - begun - 1;
    if (length < 128) {
      this.#bytes[begun] = length;
      return;
    }
    this.#room(8);
    const more = length < 1 << 14 ? 1 : length < 1 << 21 ? 2 : length < 1 << 28 ? 3 : 4;
    this.#bytes.copyWithin(begun + 1 + more, begun + 1, this.#at);
    const end = this.#at + more;
    this.#at = begun;
    this.#varint(length);
    this.#at = end;
  }
}
