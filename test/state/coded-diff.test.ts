/** Records by what surprises in them: what is read is what was written, neighbours take little, anything else is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadRecordingError, ByteReader, ByteWriter } from '../../src/state/byte-stream.ts';
import { CodedReader, CodedWriter } from '../../src/state/coded-diff.ts';
import { CodedTimes } from '../../src/state/coded-times.ts';
import { Player } from '../../src/state/player.ts';
import { RangeDecoder, RangeEncoder } from '../../src/state/range-coder.ts';
import { Recording } from '../../src/state/recording.ts';
import { FLAG_FOOTER, FLAG_MEMBER, type RecordLayout } from '../../src/templates/record.ts';
import { footerBytes, layoutOf, memberBytes, recordBytes } from '../support/batch.ts';
import { patience, SEED, times } from '../support/fuzz.ts';
import { cells, OPTIONS, TEMPLATE } from '../support/recorded.ts';

const LAYOUT = layoutOf(
  { id: { type: 'u32' }, kind: { type: 'i16' }, counter: { type: 'u64' }, text: { type: 'text' } },
  { by: 'id', totals: ['counter'] },
);

interface Item {
  readonly id: number;
  readonly kind: number;
  readonly counter: bigint;
  readonly text: string;
  readonly member: boolean;
}

function bytesOf(items: readonly Item[], footer = 0): Uint8Array {
  const records = items.map(({ member, id, counter, ...values }) =>
    member
      ? memberBytes(LAYOUT, { id, counter })
      : recordBytes(LAYOUT, { values: { id, counter, ...values }, flags: id % 3 }),
  );
  const clocks = { jiffies: footer, monotonicNs: footer * 1e9, bootNs: footer * 1e9 };
  const ending = footer > 0 ? [footerBytes({ visited: items.length, sessionId: footer, ...clocks })] : [];
  return Buffer.concat([...records, ...ending]);
}

interface Walk {
  readonly bytes: Uint8Array;
  readonly whole: boolean;
}

function through(layout: RecordLayout, walks: readonly Walk[]): { seen: string[]; sizes: number[] } {
  const writer = new CodedWriter(layout);
  const reader = new CodedReader(layout);
  const [coded, texts] = [new ByteWriter(), new ByteWriter()];
  const sizes: number[] = [];
  const seen = walks.map(({ bytes, whole }) => {
    coded.clear();
    texts.clear();
    const coder = new RangeEncoder(coded);
    writer.write(coder, texts, bytes, whole);
    coder.end();
    sizes.push(coded.length);
    const from = new ByteReader(Uint8Array.from(texts.written));
    const records = reader.read(new RangeDecoder(Uint8Array.from(coded.written)), from, whole);
    expect(from.done).toBe(true);
    return Buffer.from(records).toString('hex');
  });
  return { seen, sizes };
}

const hex = (walks: readonly Walk[]) => walks.map(({ bytes }) => Buffer.from(bytes).toString('hex'));

describe('records by what surprises in them', () => {
  const extremes = fc.constantFrom(
    0n,
    1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  );
  const item = fc.record({
    id: fc.oneof(fc.nat(12), fc.constantFrom(2 ** 31, 2 ** 32 - 1)),
    kind: fc.integer({ min: -32768, max: 32767 }),
    counter: fc.oneof(extremes, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    text: fc.constantFrom('', '', 'short', 'a text of some more bytes', 'a text of some more words'),
    member: fc.boolean(),
  });
  const walk = fc.tuple(fc.array(item, { maxLength: 15 }), fc.nat(3), fc.boolean());

  test('come back as they were: any order, 64 bits, texts, members and footers', { timeout: patience(30_000) }, () => {
    fc.assert(
      fc.property(fc.array(walk, { minLength: 1, maxLength: 6 }), (made) => {
        const walks = made.map(([items, footer, whole], i) => ({
          bytes: bytesOf(items, footer),
          whole: whole || i === 0,
        }));
        expect(through(LAYOUT, walks).seen).toEqual(hex(walks));
      }),
      { seed: SEED, numRuns: times(400) },
    );
  });

  test('more kinds of changes than have a number come back, too', () => {
    // 16 words beyond the key, each of which may change or not: more masks than are kept.
    const fields = Object.fromEntries(Array.from({ length: 18 }, (_, i) => [`f${i}`, { type: 'u32' as const }]));
    const layout = layoutOf(fields);
    const rows = (n: number) =>
      Buffer.concat(
        Array.from({ length: 1000 }, (_, id) => {
          const changed = (id * 7 + n * 1000) & 0xffff;
          const values = Object.fromEntries(
            Object.keys(fields).map((name, i) => [name, i === 0 ? id : i <= 16 && (changed >> (i - 1)) & 1 ? n : 0]),
          );
          return recordBytes(layout, { values });
        }),
      );
    const walks = Array.from({ length: 9 }, (_, n) => ({ bytes: rows(n), whole: n === 0 }));
    expect(through(layout, walks).seen).toEqual(hex(walks));
  });

  const rows = (count: number, of: (id: number) => Partial<Item>) =>
    bytesOf(
      Array.from({ length: count }, (_, id) => ({ id, kind: 3, counter: 0n, text: 'same', member: false, ...of(id) })),
    );

  test('what does not change takes next to nothing', () => {
    const bytes = rows(1000, () => ({}));
    const { sizes } = through(
      LAYOUT,
      [true, false, false, false].map((whole) => ({ bytes, whole })),
    );
    expect(sizes[3]).toBeLessThan(10);
  });

  test('what changes alike each time takes less than a byte', () => {
    const walks = Array.from({ length: 5 }, (_, n) => ({
      bytes: rows(1000, (id) => (id % 2 === 0 ? { counter: BigInt(n * 70 + id) } : {})),
      whole: n === 0,
    }));
    const { sizes } = through(LAYOUT, walks);
    expect(sizes[4]).toBeLessThan(500 / 4);
  });

  test('anything else is refused, not followed', { timeout: patience(30_000) }, () => {
    const anything = fc.record({
      coded: fc.uint8Array({ maxLength: 60 }),
      texts: fc.uint8Array({ maxLength: 40 }),
      whole: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anything, { minLength: 1, maxLength: 3 }), (walks) => {
        const reader = new CodedReader(LAYOUT, 1 << 16);
        const bytes = rows(10, () => ({ member: false }));
        const [coded, texts] = [new ByteWriter(), new ByteWriter()];
        const coder = new RangeEncoder(coded);
        new CodedWriter(LAYOUT).write(coder, texts, bytes, true);
        coder.end();
        reader.read(new RangeDecoder(coded.written), new ByteReader(texts.written), true);
        for (const each of walks) {
          try {
            const read = reader.read(new RangeDecoder(each.coded), new ByteReader(each.texts), each.whole);
            expect(read.length % 8).toBe(0);
          } catch (error) {
            expect(error).toBeInstanceOf(BadRecordingError);
            break;
          }
        }
      }),
      { seed: SEED, numRuns: times(2000) },
    );
  });

  describe('of the widest layout that is accepted', () => {
    const WIDE: RecordLayout = { ...layoutOf({ id: { type: 'u32' } }), fixed: 1 << 16 };
    const record = (flags: number, id: number, word: (w: number) => number) => {
      const words = Uint32Array.from({ length: WIDE.fixed / 4 }, (_, w) => (w < 3 ? 0 : word(w)));
      const bytes = Buffer.from(words.buffer);
      bytes.writeUInt16LE(WIDE.fixed / 8, 0);
      bytes.writeUInt16LE(flags, 2);
      bytes.writeUInt32LE(id, 8);
      return bytes;
    };

    test('come back, with more kinds of changes than have a number', { timeout: patience(30_000) }, () => {
      const walk = (n: number) => Buffer.concat(Array.from({ length: 70 }, (_, id) => record(0, id, change(n, id))));
      const change = (n: number, id: number) => (w: number) => (w % (id + 100) === 0 ? n * w : 0);
      const walks = [0, 1, 2].map((n) => ({ bytes: walk(n), whole: n === 0 }));
      const { seen } = through(WIDE, walks);
      expect(seen.every((bytes, i) => bytes === hex(walks)[i])).toBe(true);
    });

    test('take memory by what is learnt, not by how wide they are', { timeout: patience(60_000) }, () => {
      const walk = (n: number) =>
        Buffer.concat([0, FLAG_MEMBER, FLAG_FOOTER].map((flags) => record(flags, 1, (w) => n + w * 7919)));
      const [writer, reader] = [new CodedWriter(WIDE), new CodedReader(WIDE)];
      const before = process.memoryUsage();
      for (const n of [0, 1]) {
        const [coded, texts] = [new ByteWriter(), new ByteWriter()];
        const coder = new RangeEncoder(coded);
        writer.write(coder, texts, walk(n), n === 0);
        coder.end();
        reader.read(new RangeDecoder(coded.written), new ByteReader(texts.written), n === 0);
      }
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      // Where each word had contexts of its own: 4,800 MiB.
      expect((arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed) / 2 ** 20).toBeLessThan(200);
    });
  });

  test('no more are made than there may be', () => {
    const [coded, texts] = [new ByteWriter(), new ByteWriter()];
    const coder = new RangeEncoder(coded);
    const bytes = rows(11, () => ({}));
    new CodedWriter(LAYOUT).write(coder, texts, bytes, true);
    coder.end();
    const read = (most: number) =>
      new CodedReader(LAYOUT, most).read(new RangeDecoder(coded.written), new ByteReader(texts.written), true);
    expect(read(bytes.length / 4)).toHaveLength(bytes.length);
    expect(() => read(bytes.length / 4 - 1)).toThrow(/take more than/);
  });
});

test('times come back to the last bit, whole ones and others', () => {
  const any = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, -0, 1e-9, 2 ** 53, -(2 ** 40), Number.NaN));
  const walk = fc.record({ begin: any, end: any, ms: any, clockNs: any, reads: fc.nat() });
  fc.assert(
    fc.property(fc.array(walk, { maxLength: 6 }), (walks) => {
      const coded = new ByteWriter();
      const coder = new RangeEncoder(coded);
      const writer = new CodedTimes();
      for (const each of walks) writer.write(coder, each);
      coder.end();
      const decoder = new RangeDecoder(coded.written);
      const reader = new CodedTimes();
      for (const each of walks) expect(reader.read(decoder)).toEqual(each);
    }),
    { seed: SEED, numRuns: times(300) },
  );
});

test('a recording of before, by columns, shows what it showed', () => {
  // Made by the version before this form: record() of test/support/recorded.ts, 12 refreshes.
  const file = new URL('../golden/recording-by-column.itertop', import.meta.url).pathname;
  {
    using recording = new Recording(file);
    const segment = recording.segment(0);
    expect([segment.chained, segment.coded, segment.walks[0]!.byColumn]).toEqual([true, undefined, true]);
  }
  using player = new Player(file);
  for (const index of [0, 11, 3, 4, 7]) {
    player.move({ by: index - player.index });
    const [rows] = [cells(player.collect(TEMPLATE, OPTIONS))];
    expect(rows.map(([id]) => id).sort()).toEqual(Array.from({ length: 5 }, (_, i) => String(index + i)).sort());
  }
});
