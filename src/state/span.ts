/** Spans of time and amounts of bytes, as people write them; and moments of a recording. */
import { UsageError } from '../templates/template.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, min: 60e3, h: 3600e3, d: 86_400e3 };
const BYTES: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `90s`, `1h30m`, `7d`; seconds without a unit. Milliseconds; undefined for what is no span. */
export function parseSpan(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|min|m|h|d))+$/.test(trimmed)) return undefined;
  const parts = trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|min|m|h|d)/g);
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit!]!, 0);
}

/** `200M`, `1.5G`, `4096`. undefined for what is no amount. */
function parseBytes(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)\s*([KMGT])?(?:i?B)?$/i.exec(text.trim());
  return parts ? Math.round(Number(parts[1]) * (BYTES[(parts[2] ?? '').toUpperCase()] ?? 1)) : undefined;
}

/** So much, and so long: of a recording that is kept, of rows until a file is closed. */
export interface Retention {
  readonly bytes: number;
  /** Milliseconds. */
  readonly age: number;
}

/** `200M`, `7d`, or both: `200M,7d`. @param option by which it is asked @throws UsageError */
export function parseRetention(text: string, option = 'retain'): Retention {
  let bytes = Number.POSITIVE_INFINITY;
  let age = Number.POSITIVE_INFINITY;
  for (const part of text.split(',')) {
    const size = /[kmgtb]$/i.test(part.trim()) && /[KMGTB]$/.test(part.trim()) ? parseBytes(part) : undefined;
    const span = size === undefined ? parseSpan(part) : undefined;
    if (size !== undefined && size >= 1 << 16) bytes = size;
    else if (span !== undefined && span >= 1000) age = span;
    else throw new UsageError(`--${option} ${text}: it is a size of 64K or more, an age, or both, as in 200M,7d`);
  }
  return { bytes, age };
}

/** What a recording has of time, ms since the epoch. */
export interface Extent {
  readonly begin: number;
  readonly end: number;
}

const DAY = 86_400_000;

/**
 * `14:03`, `14:03:22` (local time, of the day nearest to where we are), `+5m`, `-30s` (from there), `50%`, `start`, `end`,
 * or a date and time. Milliseconds since the epoch. @throws UsageError for what is none of these, or lies outside
 */
export function parseMoment(text: string, { begin, end }: Extent, now: number): number {
  const word = text.trim();
  const clamp = (ms: number) => Math.max(begin, Math.min(ms, end));
  if (word === 'start' || word === 'begin') return begin;
  if (word === 'end') return end;
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(word);
  if (percent) return clamp(begin + ((end - begin) * Number(percent[1])) / 100);
  const by = /^[+-]/.test(word) ? parseSpan(word.slice(1)) : undefined;
  if (by !== undefined) return clamp(now + (word.startsWith('-') ? -by : by));
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(word);
  let found = Number.NaN;
  if (clock && Number(clock[1]) < 24 && Number(clock[2]) < 60 && Number(clock[3] ?? 0) < 60) {
    const day = new Date(now);
    day.setHours(Number(clock[1]), Number(clock[2]), 0, Number(clock[3] ?? 0) * 1000);
    // To the minute: all of that minute is meant.
    const last = clock[3] === undefined ? 60_000 : 1000;
    const candidates = [0, -DAY, DAY].map((days) => day.getTime() + days);
    found = candidates.find((ms) => ms + last > begin && ms <= end) ?? candidates[0]!;
    if (found + last > begin && found <= end) return clamp(found);
  } else if (/^\d{4}-\d{2}-\d{2}/.test(word)) found = Date.parse(word.replace(' ', 'T'));
  if (Number.isNaN(found))
    throw new UsageError(`'${word}' is no time; write 14:03, 14:03:22, +5m, -30s, 50%, end, or 2026-11-26T14:03:22`);
  if (found < begin - 1000 || found > end + 1000) throw new UsageError(`${word} is outside of the recording`);
  return clamp(found);
}
