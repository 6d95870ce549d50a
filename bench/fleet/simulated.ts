/**
 * Hosts that do not exist: what was recorded of one, with pids, cookies, addresses and times of their own. Each has a
 * part of its objects, some larger, some smaller; in one of twenty a process grows. Short-lived objects are others each
 * time the recording comes round, the rest live on.
 */
import type { Kind, Rows, Value } from '../../src/templates/table.ts';
import type { Format, Template } from '../../src/templates/template.ts';
import type { Recorded, Refresh } from './recorded.ts';

/** A host in so many has a process that grows, by so much in an hour. */
const LEAKS_IN = 20;
const GROWTH: Readonly<Record<string, number>> = { rss: 8 << 20, virt: 8 << 20, fds: 12 };
const PIDS = new Set(['pid', 'tid', 'ppid', 'pgrp', 'sid', 'peer_pid']);
const NUMBERS = new Set(['inode', 'peer_inode', 'cookie', 'id', 'cgroup_id']);
/** Those of kernel threads and of init are the same on each. */
const LOW_PID = 300;
const MOST_PID = 4_194_304;
const AMOUNTS: ReadonlySet<Format> = new Set(['bytes', 'count', 'pages', 'byterate', 'rate', 'cputime']);

/** A well-mixed number below 2^32 (the finalizer of MurmurHash3). */
export function mixed(...of: readonly number[]): number {
  let h = 0x9747b28c;
  for (const n of of) {
    h = Math.imul(h ^ n, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return h >>> 0;
}

type Change = (value: Value, row: number) => Value;

export class SimulatedRows implements Rows {
  readonly template: Template;
  readonly #of: Recorded;
  readonly #at: ReadonlyMap<string, number>;
  readonly #changes: readonly (Change | null)[];
  readonly #hosts: number;
  #refresh: Refresh;
  #host = 0;
  #generation = 0;
  #hours = 0;
  #scale = 1;

  constructor(of: Recorded, hosts: number) {
    this.#of = of;
    this.#hosts = hosts;
    this.template = of.template;
    this.#at = new Map(of.columns.map((name, i) => [name, i]));
    this.#refresh = of.refreshes[0]!;
    this.#changes = of.columns.map((name, i) => this.#changeOf(name, of.formats[i]!));
  }

  /**
   * From now on the rows of that host, at the n-th refresh. @param hours since the first
   * @returns those that it has: at most `most`, as many as it is large
   */
  go(host: number, n: number, hours: number, most: number): Uint32Array {
    const { refreshes } = this.#of;
    this.#refresh = refreshes[n % refreshes.length]!;
    this.#generation = Math.floor(n / refreshes.length);
    this.#host = host;
    this.#hours = hours;
    const size = mixed(host, 1) / 2 ** 32;
    this.#scale = 0.5 + size;
    const { objects, rows } = this.#refresh;
    // Of its objects always the same.
    const share = Math.min(1, (most / rows) * (0.5 + size)) * 2 ** 32;
    return Uint32Array.from({ length: rows }, (_, row) => row).filter((row) => mixed(objects[row]!, host) < share);
  }

  /** Of what stays always 0: it is the same object each time. */
  #generationOf(row: number): number {
    return this.#of.stays[this.#refresh.objects[row]!] ? 0 : this.#generation;
  }

  #changeOf(name: string, format: Format): Change | null {
    if (PIDS.has(name)) return (value, row) => (value === null ? null : this.#pid(Number(value), row));
    if (NUMBERS.has(name))
      return (value, row) => moved(value, (mixed(this.#host, 2) >>> 8) + this.#generationOf(row) * 65_537);
    if (name === 'start_ns' || name === 'loaded_ns')
      return (value, row) => moved(value, (mixed(this.#host, 3) + this.#generationOf(row) * this.#of.span) * 1e6);
    // Addresses of kernel objects: aligned, in the direct map.
    if (format === 'hex' && this.template.key.includes(name))
      return (value, row) =>
        value === null ? null : BigInt(value) ^ (BigInt(mixed(this.#host, 4, this.#generationOf(row)) >>> 4) << 6n);
    if (name === 'local' || name === 'remote')
      return (value, row) => this.#endpoint(String(value), row, name === 'local');
    if (AMOUNTS.has(format) && !this.template.key.includes(name)) return this.#amount(name);
    return null;
  }

  #pid(pid: number, row: number): number {
    if (pid < LOW_PID) return pid;
    return LOW_PID + ((pid + mixed(this.#host, 5) + this.#generationOf(row) * 7919) % (MOST_PID - LOW_PID));
  }

  #amount(name: string): Change {
    const growth = GROWTH[name] ?? 0;
    return (value, row) => {
      if (value === null || typeof value === 'string') return value;
      const grown = growth > 0 && this.#leaks(row) ? growth * this.#hours : 0;
      if (typeof value === 'bigint') return BigInt(Math.round(Number(value) * this.#scale + grown));
      const scaled = Number(value) * this.#scale + grown;
      return Number.isInteger(value) ? Math.round(scaled) : scaled;
    };
  }

  #leaks(row: number): boolean {
    const object = this.#refresh.objects[row]!;
    return mixed(this.#host, 6) % LEAKS_IN === 0 && this.#of.stays[object]! && mixed(object, this.#host, 7) % 8 === 0;
  }

  /** A third of what is over the loopback stays there; the others are between hosts of the fleet, or with the world. */
  #endpoint(text: string, row: number, local: boolean): string {
    const colon = text.lastIndexOf(':');
    const port = text.slice(colon);
    if (port === ':*' || text.startsWith('0.0.0.0') || text.startsWith('[::]')) return text;
    const kind = mixed(this.#refresh.objects[row]!, this.#host, this.#generationOf(row), 8);
    if (kind % 3 === 0) return text;
    const of = kind >>> 4;
    const six = kind % 10 === 1;
    if (local || kind % 3 === 1) {
      const host = local ? this.#host : of % this.#hosts;
      return six
        ? `[2001:db8:0:${(host >> 8).toString(16)}::${(host & 255).toString(16)}]${port}`
        : `${addressOf(host)}${port}`;
    }
    return six
      ? `[2001:db8:${(of & 31) + 16}:${(of >>> 5) & 7}::${(of >>> 8) & 4095}]${port}`
      : `198.${18 + (of & 1)}.${(of >>> 1) & 63}.${(of >>> 7) & 255}${port}`;
  }

  get rows(): number {
    return this.#refresh.rows;
  }
  formatOf(column: string): Format {
    return this.#of.formats[this.#at.get(column)!]!;
  }
  isText(column: string): boolean {
    return this.kind(column) === 'text' || this.kind(column) === 'texts';
  }
  kind(column: string): Kind {
    return this.#of.kinds[this.#at.get(column)!]!;
  }
  value(row: number, column: string): Value {
    const at = this.#at.get(column)!;
    if (this.#of.kinds[at] === 'texts') return this.texts(row, column)?.join(', ') ?? null;
    const value = this.#refresh.values[at]![row]!;
    const change = this.#changes[at]!;
    return change ? change(value, row) : value;
  }
  number(row: number, column: string): number {
    const value = this.value(row, column);
    return value === null || typeof value === 'string' ? Number.NaN : Number(value);
  }
  cell(row: number, column: string): string {
    return String(this.value(row, column) ?? '');
  }
  /** Each is `PID/NAME`. */
  texts(row: number, column: string): readonly string[] | null {
    const texts = this.#refresh.lists[this.#at.get(column)!]![row]!;
    return texts ? texts.map((text) => text.replace(/^\d+/, (pid) => String(this.#pid(Number(pid), row)))) : null;
  }
}

function moved(value: Value, by: number): Value {
  if (value === null) return null;
  return typeof value === 'bigint' ? value + BigInt(Math.round(by)) : Number(value) + Math.round(by);
}

export const addressOf = (host: number) => `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`;
export const hostName = (host: number) => `node-${String(host).padStart(6, '0')}.example`;
