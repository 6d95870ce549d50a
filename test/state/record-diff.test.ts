/** Recordings of before: their records are read as they were written. */
import { describe, expect, test } from 'vitest';
import { BadRecordingError, ByteReader, ByteWriter } from '../../src/state/byte-stream.ts';
import { DiffReader } from '../../src/state/record-diff.ts';

const FIXED = 24;

/** Records of three numbers, of which the first is the key, and as many bytes of text as there are. */
type Item = readonly [key: number, a: number, b: number, text: number];

function bytesOf(items: readonly Item[]): Uint8Array {
  return Buffer.concat(
    items.map(([key, a, b, text]) => {
      const length = FIXED + Math.ceil(text / 8) * 8;
      const bytes = Buffer.alloc(length);
      bytes.writeUInt16LE(length / 8, 0);
      bytes.writeUInt32LE(key, 8);
      bytes.writeUInt32LE(a, 16);
      bytes.writeUInt32LE(b, 20);
      bytes.fill(0x61, FIXED, FIXED + text);
      return bytes;
    }),
  );
}

describe('of a recording of before, records as differences', () => {
  test.each([
    ['a mask that was not written', [1], []],
    ['a change beyond its record', [0, 1, 1 << 6], [2]],
    ['a change far beyond its record', [0, 3, 0, 0, 1], [2]],
    ['a mask longer than its record', [0, 3, 1 << 4, 0, 0], [2]],
    ['a value too few', [0, 1, 1 << 4], []],
  ])('%s is refused', (_, masks, values) => {
    const reader = new DiffReader(FIXED / 4, true);
    const out = new ByteWriter();
    const write = (...parts: (readonly number[] | Uint8Array)[]) => {
      out.clear();
      for (const part of parts) {
        out.varint(part.length);
        out.bytes(Uint8Array.from(part));
      }
      return new ByteReader(Uint8Array.from(out.written));
    };
    reader.read(write([4 + 2], [], [], bytesOf([[1, 5, 6, 0]])), true);
    expect(() => reader.read(write([4 + 1], masks, values, []), false)).toThrow(BadRecordingError);
  });

  test('no more records are made of them than there may be', () => {
    const out = new ByteWriter();
    const walk = (rows: number) => {
      out.clear();
      for (const part of [
        [rows * 4 + 2],
        [],
        [],
        bytesOf(Array.from({ length: rows }, (_, i): Item => [i, 5, 6, 0])),
      ]) {
        out.varint(part.length);
        out.bytes(Uint8Array.from(part));
      }
      return new ByteReader(Uint8Array.from(out.written));
    };
    const reader = new DiffReader(0, true, (FIXED / 4) * 10);
    expect(reader.read(walk(10), true)).toHaveLength(FIXED * 10);
    expect(() => reader.read(walk(11), true)).toThrow(/take more than/);
  });

  test('that go record by record', () => {
    const reader = new DiffReader(FIXED / 4);
    const out = new ByteWriter();
    const parts = (...each: (readonly number[] | Uint8Array)[]) => {
      out.clear();
      for (const part of each) {
        out.varint(part.length);
        out.bytes(Uint8Array.from(part));
      }
      return new ByteReader(Uint8Array.from(out.written));
    };
    const before = bytesOf([
      [1, 5, 6, 0],
      [2, 7, 8, 0],
    ]);
    // The second of two new records is by how much it is more than the first.
    const near = [...before.subarray(0, FIXED), ...before.subarray(FIXED)];
    const less = new Uint32Array(Uint8Array.from(near).buffer);
    for (let w = 7; w < 12; w++) less[w]! -= less[w - 6]!;
    reader.read(parts([2 * 4 + 2], [], [], new Uint8Array(less.buffer)), true);
    const after = reader.read(parts([2 * 4 + 1], [1 << 4, (1 << 4) | (1 << 5)], [2, 4, 1], []), false);
    expect(Buffer.from(after)).toEqual(
      Buffer.from(
        bytesOf([
          [1, 6, 6, 0],
          [2, 9, 7, 0],
        ]),
      ),
    );
  });

  test('new ones are as they are', () => {
    const plain = bytesOf([
      [1, 5, 6, 0],
      [2, 5, 6, 0],
    ]);
    const out = new ByteWriter();
    for (const part of [[2 * 4 + 2], [], [], plain]) {
      out.varint(part.length);
      out.bytes(Uint8Array.from(part));
    }
    expect(Buffer.from(new DiffReader(0).read(new ByteReader(out.written), true))).toEqual(Buffer.from(plain));
  });
});
