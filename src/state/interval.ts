/** The time between the starts of two refreshes. */
import { UsageError } from '../templates/template.ts';

export const MIN_INTERVAL = 100;
export const MAX_INTERVAL = 3_600_000;

const STEPS = [100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000 };

/** `0.5`, `2s`, `500ms`, `1m`; seconds without a unit. Milliseconds; throws UsageError. @param name for messages */
export function parseInterval(text: string, name = 'interval'): number {
  const parts = /^(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)$/.exec(text.trim());
  const unit = UNITS[parts?.[2] || 's'];
  if (!parts || unit === undefined) {
    throw new UsageError(`${name}: '${text.trim()}' is not a time; write seconds as in 0.5 or 2, or 500ms, 1m`);
  }
  const ms = Math.round(Number(parts[1]) * unit);
  if (ms < MIN_INTERVAL || ms > MAX_INTERVAL) {
    throw new UsageError(`${name}: ${text.trim()} is out of bounds; it must be 0.1 to 3600 seconds`);
  }
  return ms;
}

/** Seconds, as parseInterval reads them. */
export function formatInterval(ms: number): string {
  return String(ms / 1000);
}

/** The next longer (1) or shorter (-1) of the usual intervals; the same where there is none. */
export function stepInterval(ms: number, direction: 1 | -1): number {
  const next = direction > 0 ? STEPS.find((step) => step > ms) : STEPS.findLast((step) => step < ms);
  return next ?? ms;
}
