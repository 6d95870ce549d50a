/**
 * Memory that both threads see and that grows where it lies: address space is reserved at once, pages are taken when
 * they are written to. So nothing is copied and nothing is left behind as it grows with the number of objects.
 */

/** Address space, not memory; beyond it a larger piece is made and what is there is copied. */
const RESERVED = 1 << 28;

export function sharedMemory(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes, { maxByteLength: Math.max(RESERVED, bytes * 2) });
}

/**
 * All that the memory is now, as numbers and as bytes. Of a fixed length: a view that follows memory as it grows asks for
 * its length at each access, and decodes texts nine times slower.
 */
export const dataOf = (memory: SharedArrayBuffer) => new DataView(memory, 0, memory.byteLength);
export const bytesOf = (memory: SharedArrayBuffer) => Buffer.from(memory, 0, memory.byteLength);
export const unitsOf = (memory: SharedArrayBuffer) => new Uint16Array(memory, 0, memory.byteLength >> 1);
export const wordsOf = (memory: SharedArrayBuffer) => new Uint32Array(memory, 0, memory.byteLength >> 2);

/** At least `bytes` long, with the first `used` bytes as they are; the same memory where it can be. */
export function withRoom(memory: SharedArrayBuffer, bytes: number, used: number): SharedArrayBuffer {
  if (memory.byteLength >= bytes) return memory;
  // A little more than asked for: reads come in many small pieces.
  const size = Math.ceil(Math.max(bytes, memory.byteLength * 1.25) / 4096) * 4096;
  if (memory.growable && size <= memory.maxByteLength) {
    memory.grow(size);
    return memory;
  }
  const next = sharedMemory(size);
  new Uint8Array(next).set(new Uint8Array(memory, 0, used));
  return next;
}
