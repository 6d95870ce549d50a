/** Times of a walk, by how much they are more than those of the walk before: mostly whole numbers, of a unit of their own. */
import { Decisions, Numbers, type RangeDecoder, type RangeEncoder } from './range-coder.ts';
import { unzigzag, zigzag } from './records.ts';
import type { StoredWalk } from './refresh-reader.ts';

type Times = Omit<StoredWalk, 'bytes'>;

/** How many of its units a value has. */
const UNITS: Readonly<Record<keyof Times, number>> = { begin: 1, end: 1, ms: 1000, clockNs: 1, reads: 1 };
const NAMES = Object.keys(UNITS) as (keyof Times)[];
/** What two of them may differ by. */
const FAR = 2 ** 31;

/** Knows the times of the walk before. A walk that stands by itself has a new one. */
export class CodedTimes {
  readonly #whole = new Decisions(NAMES.length, 30);
  readonly #numbers = new Numbers(NAMES.length + 1);
  #before = new Map<keyof Times, number>();

  write(coder: RangeEncoder, times: Times): void {
    for (const [context, name] of NAMES.entries()) {
      const value = times[name];
      const units = Math.round(value * UNITS[name]);
      const expected = this.#expected(name);
      const by = units - expected;
      const whole = Object.is((expected + by) / UNITS[name], value) && Math.abs(by) < FAR;
      coder.bit(this.#whole, context, whole);
      if (whole) coder.number(this.#numbers, context, zigzag(by));
      else
        for (const word of new Uint32Array(new Float64Array([value]).buffer))
          coder.number(this.#numbers, NAMES.length, word);
      this.#before.set(name, units);
    }
  }

  /** @throws BadRecordingError */
  read(coder: RangeDecoder): Times {
    const times = { begin: 0, end: 0, ms: 0, clockNs: 0, reads: 0 };
    for (const [context, name] of NAMES.entries()) {
      if (coder.bit(this.#whole, context)) {
        const units = this.#expected(name) + unzigzag(coder.number(this.#numbers, context));
        times[name] = units / UNITS[name];
        this.#before.set(name, units);
        continue;
      }
      const words = Uint32Array.from([0, 1], () => coder.number(this.#numbers, NAMES.length));
      times[name] = new Float64Array(words.buffer)[0]!;
      this.#before.set(name, Math.round(times[name] * UNITS[name]));
    }
    return times;
  }

  /** In units. A walk ends soon after it began. */
  #expected(name: keyof Times): number {
    return this.#before.get(name === 'end' ? 'begin' : name) ?? 0;
  }
}
