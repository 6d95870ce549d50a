/** How hot a share or a rate is, in four steps; most are not. */
import type { Format } from '../templates/template.ts';
import type { Role } from './theme.ts';

const STEPS: readonly Role[] = ['plain', 'heat1', 'heat2', 'heat3', 'heat4'];

/** Percent from which on each step begins; a process on several CPUs has more than 100. */
const PERCENT = [5, 25, 50, 90];
/** What most of many rows have is the rule there (slabs are nearly full), and marks nothing. */
const NORM = 50;
const MANY = 8;
/** Of the largest in sight. */
const OF_LARGEST = [0.1, 0.3, 0.6];

/** The largest in sight has to be that much for rates to be hot: a table that idles stays cool. */
const WORTH: Partial<Record<Format, number>> = { rate: 100, byterate: 64 * 1024 };

export function isHeated(format: Format): boolean {
  return format === 'percent' || WORTH[format] !== undefined;
}

/** Roles of the numbers of a column in sight; NaN is plain. */
export function heatOf(format: Format, numbers: readonly number[]): Role[] {
  if (format === 'percent') {
    const high = numbers.filter((number) => number >= NORM).length;
    if (numbers.length >= MANY && high > numbers.length / 2) return numbers.map(() => 'plain');
    return numbers.map((number) => roleOf(number, PERCENT));
  }
  const largest = Math.max(0, ...numbers.filter((number) => !Number.isNaN(number)));
  if (largest < WORTH[format]!) return numbers.map(() => 'plain');
  return numbers.map((number) => roleOf(number / largest, OF_LARGEST));
}

function roleOf(value: number, steps: readonly number[]): Role {
  return STEPS[steps.filter((step) => value >= step).length]!;
}
