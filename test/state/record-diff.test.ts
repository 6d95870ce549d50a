/** Records as differences: what is read is what was written, and neighbours take little. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadRecordingError, ByteReader, ByteWriter } from '../../src/state/byte-stream.ts';
import { DiffReader, DiffWriter } from '../../src/state/record-diff.ts';
import type { RecordLayout } from '../../src/templates/record.ts';

const FIXED = 24;
const LAYOUT: RecordLayout = { fixed: FIXED, fields: [], keyOffset: 8, keySize: 8, group: null };

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

function through(walks: readonly Uint8Array[], wholes: readonly boolean[]): { seen: Uint8Array[]; sizes: number[] } {
  const writer = new DiffWriter(LAYOUT);
  const reader = new DiffReader(FIXED / 4, true);
  const sizes: number[] = [];
  const seen = walks.map((bytes, i) => {
    const out = new ByteWriter();
    writer.write(out, bytes, wholes[i]!);
    sizes.push(out.written.filter((byte) => byte !== 0).length);
    return Uint8Array.from(reader.read(new ByteReader(Uint8Array.from(out.written)), wholes[i]!));
  });
  return { seen, sizes };
}

describe('records as differences', () => {
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const item = fc.tuple(fc.integer({ min: 0, max: 12 }), word, word, fc.constantFrom(0, 0, 0, 5, 16));
  const walk = fc.tuple(fc.array(item, { maxLength: 12 }), fc.boolean());

  test('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(walk, { minLength: 1, maxLength: 5 }), (walks) => {
        const bytes = walks.map(([items]) => bytesOf(items));
        const { seen } = through(
          bytes,
          walks.map(([, whole], i) => whole || i === 0),
        );
        expect(seen.map((each) => Buffer.from(each).toString('hex'))).toEqual(
          bytes.map((each) => Buffer.from(each).toString('hex')),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('new ones beside others like them take two bytes that are not zero', () => {
    const many = (from: number) => Array.from({ length: 100 }, (_, i): Item => [from + i, 0x12345678, 0x9abcdef0, 0]);
    const { sizes } = through([bytesOf([]), bytesOf(many(1000))], [true, false]);
    expect(sizes[1]).toBeLessThan(100 * 2 + 30);
  });

  test('what changes alike costs two bytes: the number of the mask, and by how much', () => {
    const rows = (a: number) => bytesOf(Array.from({ length: 100 }, (_, i): Item => [i, a, i, i % 2 ? 16 : 0]));
    const { seen, sizes } = through([rows(0), rows(5), rows(9)], [true, false, false]);
    expect(Buffer.from(seen[2]!)).toEqual(Buffer.from(rows(9)));
    expect(sizes[1]).toBeLessThan(100 * 2 + 20);
    expect(sizes[2]).toBeLessThan(100 * 2 + 20);
  });

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

  test('no more records are made of differences than there may be', () => {
    const out = new ByteWriter();
    const writer = new DiffWriter(LAYOUT);
    const walk = (rows: number) => {
      out.clear();
      writer.write(out, bytesOf(Array.from({ length: rows }, (_, i): Item => [i, 5, 6, 0])), true);
      return new ByteReader(Uint8Array.from(out.written));
    };
    const reader = new DiffReader(FIXED / 4, true, (FIXED / 4) * 10);
    expect(reader.read(walk(10), true)).toHaveLength(FIXED * 10);
    expect(() => reader.read(walk(11), true)).toThrow(/take more than/);
  });

  test('of a recording of before, masks and values go record by record', () => {
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

  test('of a recording of before are as they are', () => {
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
