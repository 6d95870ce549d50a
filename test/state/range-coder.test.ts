/** Decisions and numbers in few bits: what is read is what was written, and what is no surprise takes nothing. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadRecordingError, ByteWriter } from '../../src/state/byte-stream.ts';
import { Decisions, Numbers, RangeDecoder, RangeEncoder } from '../../src/state/range-coder.ts';

type Step = { readonly number: number; readonly context: number } | { readonly yes: boolean; readonly context: number };

/** Streams, one after another, with what was learnt from those before. */
function written(streams: readonly (readonly Step[])[]): Uint8Array[] {
  const out = new ByteWriter();
  const [decisions, numbers] = [new Decisions(3, 200), new Numbers(3)];
  return streams.map((steps) => {
    out.clear();
    const coder = new RangeEncoder(out);
    for (const step of steps) {
      if ('yes' in step) coder.bit(decisions, step.context, step.yes);
      else coder.number(numbers, step.context, step.number);
    }
    coder.end();
    return Uint8Array.from(out.written);
  });
}

function readBack(streams: readonly Uint8Array[], like: readonly (readonly Step[])[]): Step[][] {
  const [decisions, numbers] = [new Decisions(3, 200), new Numbers(3)];
  return like.map((steps, i) => {
    const coder = new RangeDecoder(streams[i]!);
    return steps.map((step) =>
      'yes' in step
        ? { yes: coder.bit(decisions, step.context), context: step.context }
        : { number: coder.number(numbers, step.context), context: step.context },
    );
  });
}

describe('the range coder', () => {
  const context = fc.integer({ min: 0, max: 2 });
  const number = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(2 ** 31, 2 ** 32 - 1));
  const step = fc.oneof(
    fc.record({ number, context }),
    fc.record({ yes: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.boolean()), context }),
  );

  test('gives back what was written, stream after stream', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 300 }), { maxLength: 4 }), (streams) => {
        expect(readBack(written(streams), streams)).toEqual(streams);
      }),
      { numRuns: 200 },
    );
  });

  test('carries over any number of bytes', () => {
    // What was never seen after what was always so lies at the upper end of the range, again and again.
    const streams = [1, 3, 9, 27, 81].map((every) =>
      Array.from({ length: 5000 }, (_, i): Step => ({ yes: i % every === every - 1, context: 0 })),
    );
    expect(readBack(written(streams), streams)).toEqual(streams);
  });

  test('takes next to nothing for what is always so, and few bits for what is mostly alike', () => {
    const always = Array.from({ length: 4000 }, (): Step => ({ yes: false, context: 0 }));
    const alike = Array.from({ length: 1000 }, (_, i): Step => ({ number: 100 + (i % 4), context: 0 }));
    const [, second] = written([always, always]);
    expect(second!.length).toBeLessThan(8);
    const [, further] = written([alike, alike]);
    expect(further!.length).toBeLessThan(1000 / 2);
  });

  test('what ends too early is refused, and so is a number too long', () => {
    const steps = Array.from({ length: 100 }, (_, i): Step => ({ number: i * 7919, context: 0 }));
    const [bytes] = written([steps]);
    expect(() => readBack([bytes!.subarray(0, bytes!.length / 2)], [steps])).toThrow(BadRecordingError);
    expect(() => new RangeDecoder(new Uint8Array(4).fill(255)).number(new Numbers(1), 0)).toThrow(/too long/);
  });
});
