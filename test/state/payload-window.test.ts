/** What differences are compressed with: both sides have the same bytes, whatever came before. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PayloadWindow } from '../../src/state/payload-window.ts';
import { Recording } from '../../src/state/recording.ts';
import { canFollow, decodePayload, encodeFrame, HEAD } from '../../src/state/recording-file.ts';

const WINDOW = 1 << 16;

test('it is the end of all that was added', () => {
  const lengths = fc.array(fc.oneof(fc.nat(100), fc.nat(3 * WINDOW), fc.constantFrom(0, WINDOW, 2 * WINDOW)));
  fc.assert(
    fc.property(lengths, (parts) => {
      const window = new PayloadWindow();
      let all = Buffer.alloc(0);
      for (const [i, length] of parts.entries()) {
        const part = Buffer.alloc(length, i + 1);
        window.add(part);
        all = Buffer.concat([all, part]);
        expect(Buffer.compare(window.bytes, all.subarray(Math.max(0, all.length - WINDOW)))).toBe(0);
      }
      window.clear();
      expect(window.bytes.length).toBe(0);
    }),
    { numRuns: 50 },
  );
});

describe('a frame', () => {
  const head = { kind: 3, turn: 1, time: 0, rows: 0 };
  const before = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * 31 + (i >> 3)) % 251));
  const plain = Buffer.concat([before.subarray(1000, 4000), Buffer.from('and what is new')]);

  test('takes little where it says again what came before it', () => {
    expect(canFollow()).toBe(true);
    const { frame, crc } = encodeFrame(head, plain, before);
    expect(frame.length).toBeLessThan(HEAD + 100);
    expect(Buffer.from(decodePayload(frame.subarray(HEAD), crc, before))).toEqual(plain);
    expect(() => decodePayload(frame.subarray(HEAD), crc)).toThrow('it is damaged');
  });

  test('may follow what looks like a dictionary of Zstandard: names are chosen by whoever runs them', () => {
    const window = new PayloadWindow();
    window.add(Buffer.alloc(3 * WINDOW, Buffer.from([0x37, 0xa4, 0x30, 0xec])));
    for (let i = 0; i < 4; i++) {
      const { frame, crc } = encodeFrame(head, plain, window.bytes);
      expect(Buffer.from(decodePayload(frame.subarray(HEAD), crc, window.bytes))).toEqual(plain);
      window.add(Buffer.from([0x37, 0xa4, 0x30, 0xec].slice(i, i + 1)));
    }
  });

  test('that was compressed by itself is read with anything before it', () => {
    const { frame, crc } = encodeFrame(head, plain);
    expect(Buffer.from(decodePayload(frame.subarray(HEAD), crc, before))).toEqual(plain);
    expect(Buffer.from(decodePayload(frame.subarray(HEAD), crc, new Uint8Array()))).toEqual(plain);
  });
});

describe('a recording of before', () => {
  // Made by the format's first version: no `near`, no `byColumn`, not chained.
  const file = new URL('../recordings/first-version.itertop', import.meta.url).pathname;

  test('opens at any refresh, in any order', () => {
    using recording = new Recording(file);
    expect(recording.segment(0).chained).toBe(undefined);
    const bytesAt = (index: number) =>
      [...recording.read(index).walks.values()].map(({ bytes }) => Buffer.from(bytes).toString('latin1'));
    const forth = Array.from({ length: recording.count }, (_, index) => bytesAt(index));
    for (const index of [recording.count - 1, 0, 5, 3, 40]) expect(bytesAt(index)).toEqual(forth[index]);
    expect(new Set(forth.map((walks) => walks.join())).size).toBeGreaterThan(10);
  });
});
