/** What refreshing costs, and how refreshes are kept from taking more than their share of the time. */
import { UsageError } from '../templates/template.ts';

/** Percent of the interval that a refresh may take. */
export const MAX_COST = 50;

/**
 * No interval is stretched beyond these milliseconds: time that went by while the process was stopped (Ctrl-Z, a virtual
 * machine that stood still) was not spent.
 */
const LONGEST = 60_000;

export interface Cost {
  /** Percent of one CPU that this process, all its threads, took since the refresh before; NaN for the first one. */
  readonly cpu: number;
  /** Milliseconds from the start of this refresh to the start of the next. */
  readonly every: number;
}

/** `25`, `25%`: a percentage from 1 to 100; `off`: Infinity. Throws UsageError. */
export function parseMaxCost(text: string): number {
  const word = text.trim().replace(/\s*%$/, '');
  if (word === 'off') return Number.POSITIVE_INFINITY;
  const percent = Number(word);
  if (word === '' || !(percent >= 1 && percent <= 100)) {
    throw new UsageError(`--max-cost ${text}: it is a percentage from 1 to 100, or off`);
  }
  return percent;
}

/** The interval, or a longer one where a refresh that took `spent` milliseconds would have more than its share. */
export function stretched(interval: number, spent: number, maxCost: number | undefined): number {
  return maxCost === undefined ? interval : Math.max(interval, Math.min(LONGEST, Math.ceil((spent * 100) / maxCost)));
}

/** The processor time of this process from lap to lap. */
export class CpuMeter {
  #usage = process.cpuUsage();
  #since: number | undefined;

  /** Percent of one CPU since the last lap; NaN for the first. */
  lap(): number {
    const now = performance.now();
    const { user, system } = process.cpuUsage(this.#usage);
    const percent = this.#since === undefined ? Number.NaN : (user + system) / 10 / (now - this.#since);
    this.#usage = process.cpuUsage();
    this.#since = now;
    return percent;
  }
}
