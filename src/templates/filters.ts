/** Text of a filter, as typed in the filter pane or on the command line, to ranges and back. */
import { type FilterName, type Range, UsageError } from './template.ts';

interface FilterKind {
  readonly help: string;
  readonly example: string;
  readonly min: number;
  readonly max: number;
}

const PORT = { example: '443 or 80,443,8000-8100', min: 0, max: 65_535 };

/** The bounds are the kernel's: PID_MAX_LIMIT (include/linux/threads.h), __be16 ports, kuid_t without INVALID_UID. */
export const FILTER_KINDS: Readonly<Record<FilterName, FilterKind>> = {
  pid: { help: 'process id', example: '1234 or 1,2,300-399', min: 1, max: 4_194_304 },
  port: { help: 'local or remote port', ...PORT },
  lport: { help: 'local port', ...PORT },
  rport: { help: 'remote port', ...PORT },
  user: { help: 'user name or uid', example: 'root or 0,1000-1999', min: 0, max: 4_294_967_294 },
};

/** As many as a filter has room for in the kernel program. */
export const MAX_RANGES = 64;

export interface ParseOptions {
  /** Uid of a user name; undefined where there is no such user. */
  readonly user?: (name: string) => number | undefined;
}

/** Values and inclusive ranges, apart by commas or spaces; [] for an empty text. Throws UsageError. */
export function parseRanges(name: FilterName, text: string, options: ParseOptions = {}): Range[] {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const items = trimmed.split(/\s*,\s*|\s+/);
  if (items.length > MAX_RANGES) {
    throw new UsageError(`${name}: ${items.length} values, but at most ${MAX_RANGES}; use ranges, as in 100-199`);
  }
  return items.map((item) => parseRange(name, item, options));
}

function parseRange(name: FilterName, item: string, options: ParseOptions): Range {
  const { min, max, example } = FILTER_KINDS[name];
  const digits = /^(\d+)(?:-(\d+))?$/.exec(item);
  if (!digits) {
    const uid = name === 'user' && item !== '' ? options.user?.(item) : undefined;
    if (uid !== undefined) return [uid, uid];
    if (item === '') throw new UsageError(`${name}: a value is missing between commas; write ${example}`);
    if (name === 'user')
      throw new UsageError(`user: there is no user '${item}' here; write a name or a uid: ${example}`);
    throw new UsageError(`${name}: '${item}' is not a number or range; write ${example}`);
  }
  const ends = [digits[1], digits[2] ?? digits[1]];
  const outside = ends.find((text) => Number(text) < min || Number(text) > max);
  if (outside !== undefined) throw new UsageError(`${name}: ${outside} is out of bounds; it must be ${min} to ${max}`);
  const [first, last] = ends.map(Number);
  if (first > last) throw new UsageError(`${name}: the range ${item} runs backwards; write ${last}-${first}`);
  return [first, last];
}

/** `80,443,8000-8100`; parseRanges reads it back. */
export function formatRanges(ranges: readonly Range[]): string {
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
