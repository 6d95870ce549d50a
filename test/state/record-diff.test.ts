/** Records as differences: what is read is what was written, and neighbours take little. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../src/state/byte-stream.ts';
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
  const reader = new DiffReader(FIXED / 4);
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
