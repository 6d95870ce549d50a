/** Numbers as people read them, one function per Format. Exact values are in exports. */
import type { PinList } from '../bpf/pins.ts';
import type { Format } from './template.ts';

export interface FormatContext {
  /** Wall clock at boot, milliseconds since the epoch. */
  readonly bootMs: number;
  /** Boot time clock at the refresh, ns. */
  readonly nowNs: number;
  /** Jiffies a second, 0 where unknown. */
  readonly hz: number;
  readonly pageSize: number;
  readonly userName: (uid: number) => string | undefined;
  /** Names of columns whose template leaves them to the kernel's BTF, by column. */
  readonly names?: ReadonlyMap<string, Readonly<Record<number, string>>>;
  /** Where the rows are from, as the user named it; absent where there is one host only. */
  readonly host?: string;
  /** What is pinned in bpf file systems, where a column shows it. */
  readonly pins?: PinList;
}

const SUFFIXES = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** At most five characters: 0, 9999, 9.8K, 97.7K, 1023K. */
function scaled(value: number, step: number, plainBelow: number): string {
  const sign = value < 0 ? '-' : '';
  let n = Math.abs(value);
  if (n < plainBelow) return sign + (Number.isInteger(n) || n >= 100 ? Math.round(n) : n.toFixed(1));
  let power = 0;
  while (n >= step && power < SUFFIXES.length - 1) {
    n /= step;
    power++;
  }
  return `${sign}${n < 99.95 ? n.toFixed(1) : Math.round(n)}${SUFFIXES[power]}`;
}

/** 12us, 3.4ms, 1.2s, 3m05s, 2h07m, 5d03h */
export function duration(ns: number): string {
  const us = ns / 1e3;
  if (us < 1) return ns === 0 ? '0' : `${Math.round(ns)}ns`;
  if (us < 999.5) return `${us < 9.95 ? us.toFixed(1) : Math.round(us)}us`;
  const ms = us / 1e3;
  if (ms < 999.5) return `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)}ms`;
  const s = ms / 1e3;
  return s < 59.95 ? `${s < 9.95 ? s.toFixed(1) : Math.round(s)}s` : age(s);
}

/** 0x2001: digits alone could be a decimal number. */
export function hexText(value: number | bigint): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

const two = (n: number) => String(Math.floor(n)).padStart(2, '0');

function age(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h${two((seconds % 3600) / 60)}m`;
  return `${Math.floor(seconds / 86400)}d${two((seconds % 86400) / 3600)}h`;
}

/** 0:03.52, 59:59.99, 3:07:12 */
function cpuTime(ns: number): string {
  const hundredths = Math.floor(ns / 1e7);
  const s = Math.floor(hundredths / 100);
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}.${two(hundredths % 100)}`;
  return `${Math.floor(s / 3600)}:${two((s % 3600) / 60)}:${two(s % 60)}`;
}

/** 2026-11-26 14:40:24 in local time. */
export function localTime(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** `value` is not NaN. */
export function formatNumber(format: Format, value: number, context: FormatContext): string {
  switch (format) {
    case 'int':
      return String(value);
    case 'hex':
      return hexText(value);
    case 'octal':
      return value.toString(8);
    case 'count':
      return scaled(value, 1000, 100000);
    case 'ratio':
      return value.toFixed(2);
    case 'flag':
      return value === 0 ? '' : 'yes';
    case 'bytes':
    case 'byterate':
      return scaled(value, 1024, 1024);
    case 'pages':
      return scaled(value * context.pageSize, 1024, 1024);
    case 'percent':
      return value.toFixed(1);
    case 'rate':
      return value === 0 ? '0' : scaled(value, 1000, 10000);
    case 'ns':
      return duration(value);
    case 'us':
      return duration(value * 1e3);
    case 'ms':
      return duration(value * 1e6);
    case 's':
      return duration(value * 1e9);
    case 'jiffies':
      return context.hz > 0 ? duration((value * 1e9) / context.hz) : `${value}j`;
    case 'cputime':
      return cpuTime(value);
    case 'time':
      return localTime(context.bootMs + value / 1e6);
    case 'age':
      return age(Math.max(0, (context.nowNs - value) / 1e9));
    case 'uid':
      return context.userName(value) ?? String(value);
    case 'dev':
      return `${Math.floor(value / 0x100000)}:${value & 0xfffff}`;
    default:
      return String(value);
  }
}

/** The unit of raw values in exports; '' where there is none. */
export function unitOf(format: Format): string {
  switch (format) {
    case 'bytes':
      return 'bytes';
    case 'pages':
      return 'bytes';
    case 'byterate':
      return 'bytes/s';
    case 'rate':
      return '1/s';
    case 'percent':
      return '%';
    case 'ns':
    case 'cputime':
      return 'ns';
    case 'us':
    case 'ms':
    case 's':
    case 'jiffies':
      return format;
    case 'time':
    case 'age':
      return 'ns since boot';
    case 'dev':
      return 'dev_t';
    case 'uid':
      return 'uid';
    default:
      return '';
  }
}

/** Right for what is compared by size, left for what is read. */
export function alignOf(format: Format): 'left' | 'right' {
  return format === 'text' ||
    format === 'path' ||
    format === 'inet' ||
    format === 'hexbytes' ||
    format === 'enum' ||
    format === 'uid' ||
    format === 'flag'
    ? 'left'
    : 'right';
}
