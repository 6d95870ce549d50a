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

/** A refresh that takes longer than these milliseconds, and has next to nothing of a CPU, stood still for most of it. */
const LONG = 1000;
const LITTLE = 0.02;

/**
 * What a refresh takes, in milliseconds. Time in which the process was stopped in the middle of one (Ctrl-Z, SIGSTOP, a
 * virtual machine that stood still) is not its cost, and is not waited for again.
 */
export class Stopwatch {
  readonly #began = performance.now();
  readonly #usage = process.cpuUsage();

  get ms(): number {
    return spentOf(performance.now() - this.#began, this.#usage);
  }
}

function spentOf(wall: number, since: NodeJS.CpuUsage): number {
  if (wall < LONG) return wall;
  const { user, system } = process.cpuUsage(since);
  const cpu = (user + system) / 1000;
  return cpu < wall * LITTLE ? cpu : wall;
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
