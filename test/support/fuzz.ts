/**
 * How long inputs of chance are tried: ITERTOP_FUZZ=20 tries twenty times as many as every run of the tests does,
 * ITERTOP_SEED=N begins elsewhere. A failure prints the seed and the smallest input that fails.
 */
import fc from 'fast-check';

export const FUZZ = Number(process.env['ITERTOP_FUZZ'] ?? 1);
export const SEED = Number(process.env['ITERTOP_SEED'] ?? 20240607);

/** So many inputs, as a number that is tried in each run of the tests. */
export const times = (each: number): number => Math.max(1, Math.round(each * FUZZ));

/** Milliseconds that a test may take, by those that it may take in each run of the tests. */
export const patience = (ms: number): number => ms * Math.max(1, FUZZ);

type Tried<T> = fc.RunDetails<[T]>;

/** Says how many inputs were tried, and fails with the smallest one that fails. */
function reporter<T>(what: string) {
  return (tried: Tried<T>) => {
    const failed = tried.failed ? `, failed after ${tried.numShrinks} steps of making it smaller` : ', none failed';
    console.log(`fuzz: ${what}: ${tried.numRuns} inputs${failed}`);
    if (tried.failed) throw new Error(fc.defaultReportMessage(tried), { cause: tried.errorInstance });
  };
}

/** Tries a property with `each` inputs in a usual run. */
export function fuzz<T>(what: string, each: number, inputs: fc.Arbitrary<T>, property: (input: T) => void): void {
  fc.assert(fc.property(inputs, property), { seed: SEED, numRuns: times(each), reporter: reporter<T>(what) });
}

/** The same of a property that takes its time. `shrinks` is how often a failing input is tried to be made smaller. */
export async function fuzzSlowly<T>(
  what: string,
  each: number,
  inputs: fc.Arbitrary<T>,
  property: (input: T) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(inputs, property), {
    seed: SEED,
    numRuns: times(each),
    asyncReporter: async (tried: Tried<T>) => reporter<T>(what)(tried),
  });
}
