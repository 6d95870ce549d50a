/**
 * Functions of derived columns: from columns of numbers to a column of numbers, or from one row to a text.
 * NaN stands for "no value"; every function passes it on unless it says otherwise.
 */
import { AF_INET, AF_INET6 } from '../bpf/family.ts';
import type { PinKind } from '../bpf/pins.ts';
import { containerOf } from './container.ts';
import { runsName, whichName } from './growth.ts';
import { INET_ADDRESS } from './record.ts';
import { MAX_SLABS } from './source.ts';
import { TCP_LISTEN, TCP_NEW_SYN_RECV, TCP_TIME_WAIT } from './tcp-states.ts';
import type { Format } from './template.ts';

/** What functions over time need beside their columns. */
export interface Interval {
  /** Seconds between this batch and the one before; 0 where there is none. */
  readonly seconds: number;
  /** Per row of this batch the row of the same object in the batch before, or -1. */
  readonly before: Int32Array;
  /** A column of the batch before, by name; null where it was not read then. */
  readonly previous: (column: string) => Float64Array | null;
}

export interface Clock {
  /** jiffies64 at the end of the walk; 0 where the target does not tell. */
  readonly jiffies: number;
  /** Jiffies a second (CONFIG_HZ), 0 where it is not known yet. */
  readonly hz: number;
}

export type Argument = Float64Array | number;
type Numeric = (
  args: readonly Argument[],
  names: readonly string[],
  out: Float64Array,
  interval: Interval,
  clock: Clock,
) => void;

const at = (arg: Argument, row: number) => (typeof arg === 'number' ? arg : arg[row]);

/** What is known of a function beside its code. */
interface Described {
  readonly args: number;
  /** What it gives, for those that are of use in every table; the others serve one built-in table. */
  readonly help?: string;
  /** How that is shown where the column does not say; as its first argument where absent. */
  readonly as?: Format;
  /** Compares with the refresh before. */
  readonly overTime?: true;
  /** Takes that many columns or more. */
  readonly more?: true;
}

/** Change of a counter a second; a counter that went back belongs to something new and gives no rate. */
function ratesInto(
  args: readonly Argument[],
  names: readonly string[],
  out: Float64Array,
  interval: Interval,
  scale: number,
  falls = false,
): void {
  out.fill(args.length > 0 && interval.seconds > 0 ? 0 : Number.NaN);
  if (interval.seconds <= 0) return;
  for (let a = 0; a < args.length; a++) {
    const now = args[a];
    const then = interval.previous(names[a]);
    for (let row = 0; row < out.length; row++) {
      const before = interval.before[row];
      const change = then && before >= 0 ? at(now, row) - then[before] : Number.NaN;
      out[row] += falls || change >= 0 ? (change * scale) / interval.seconds : Number.NaN;
    }
  }
}

const constants = new Map<number, Float64Array>();

/** A column that holds one number everywhere, made once. */
function constant(value: number, rows: number): Float64Array {
  const known = constants.get(value);
  if (known && known.length >= rows) return known;
  const made = new Float64Array(Math.max(rows, 1024)).fill(value);
  constants.set(value, made);
  return made;
}

const each =
  (f: (...values: number[]) => number): Numeric =>
  (args, _names, out) => {
    const columns = args.map((arg) => (typeof arg === 'number' ? constant(arg, out.length) : arg));
    const [a, b, c, d] = columns;
    // A loop for each number of arguments: handing them over as a list costs ten times as much.
    switch (columns.length) {
      case 1:
        for (let row = 0; row < out.length; row++) out[row] = f(a[row]);
        return;
      case 2:
        for (let row = 0; row < out.length; row++) out[row] = f(a[row], b[row]);
        return;
      case 3:
        for (let row = 0; row < out.length; row++) out[row] = f(a[row], b[row], c[row]);
        return;
      case 4:
        for (let row = 0; row < out.length; row++) out[row] = f(a[row], b[row], c[row], d[row]);
        return;
      default: {
        const values = new Array<number>(columns.length);
        for (let row = 0; row < out.length; row++) {
          for (let i = 0; i < columns.length; i++) values[i] = columns[i][row];
          out[row] = f(...values);
        }
      }
    }
  };

function shares([values]: readonly Argument[], _names: readonly string[], out: Float64Array): void {
  let sum = 0;
  for (let row = 0; row < out.length; row++) {
    const value = at(values, row);
    if (!Number.isNaN(value)) sum += value;
  }
  for (let row = 0; row < out.length; row++) out[row] = sum > 0 ? (at(values, row) / sum) * 100 : Number.NaN;
}

/** include/linux/net.h, but for MIPS. */
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
/** include/uapi/linux/ipv6_route.h */
const RTF_GATEWAY = 0x2;
const RTF_EXPIRES = 0x400000;
/** Values of tcp_timer's column. */
const TIMER = { none: 0, on: 1, keepalive: 2, timewait: 3, persist: 4 } as const;

/** A difference of 32-bit sequence numbers or jiffies, which wrap. */
const wrapped = (a: number, b: number) => (a - b) | 0;

/** From 0 on, also of what is below 0. */
const modulo = (a: number, b: number) => a - Math.floor(a / b) * b;

const upTo64 = (bits: bigint) => (bits < 0n ? 0n : bits > 64n ? 64n : bits);

/** Of 64 bits the upper 32. */
const high = (value: number) => Math.floor(value / 2 ** 32);

export const NUMERIC: Readonly<
  Record<
    string,
    Described & {
      readonly run: Numeric;
      /** A column that this kernel lacks is one without values, not a reason for having none. */
      readonly some?: true;
      /** The same over whole numbers of which a double does not hold all bits. */
      readonly exactly?: (...values: bigint[]) => number;
    }
  >
> = {
  /** Change a second. */
  rate: {
    args: 1,
    help: 'change of a counter a second',
    as: 'rate',
    overTime: true,
    run: (args, names, out, interval) => ratesInto(args, names, out, interval, 1),
  },
  /** Change of two counters together a second. */
  rate2: {
    args: 2,
    help: 'change of two counters together a second',
    as: 'rate',
    overTime: true,
    run: (args, names, out, interval) => ratesInto(args, names, out, interval, 1),
  },
  /** Nanoseconds of CPU time a second as percent of one CPU. */
  cpu: {
    args: 1,
    help: 'change of a counter of ns a second, as percent of one CPU',
    as: 'percent',
    overTime: true,
    run: (args, names, out, interval) => ratesInto(args, names, out, interval, 1e-7),
  },
  /** Change since the refresh before, which may go down. */
  delta: {
    args: 1,
    help: 'change since the refresh before',
    overTime: true,
    run: ([now], [name], out, interval) => {
      const then = interval.seconds > 0 ? interval.previous(name) : null;
      for (let row = 0; row < out.length; row++) {
        const before = then ? interval.before[row] : -1;
        out[row] = before < 0 ? Number.NaN : at(now, row) - then![before];
      }
    },
  },
  sub: { args: 2, help: 'a - b', run: each((a, b) => a - b) },
  /** Change a second, which may go down. */
  change: {
    args: 1,
    help: 'change a second, which may go down',
    as: 'rate',
    overTime: true,
    run: (args, names, out, interval) => ratesInto(args, names, out, interval, 1, true),
  },
  /** c bits of a, from bit b on. */
  bits: {
    args: 3,
    help: 'c bits of a, from bit b on',
    run: each((a, b, c) => modulo(Math.floor(a / 2 ** b), 2 ** c)),
    exactly: (a, b, c) => Number(BigInt.asUintN(Number(upTo64(c)), a >> upTo64(b))),
  },
  power2: { args: 1, help: '2 to the power of a', run: each((a) => 2 ** a) },
  /** Of MAX_SLABS slabs at most the objects were counted: the others are taken to be like them, as /proc/slabinfo does. */
  free_objects: {
    args: 2,
    run: each((seen, partial) => (partial > MAX_SLABS ? Math.round((seen / MAX_SLABS) * partial) : seen)),
  },
  times: { args: 2, help: 'a * b', run: each((a, b) => a * b) },
  /** a as percent of its sum over all rows that were read; no value where that is 0. */
  share: { args: 1, help: 'a as percent of its sum over all rows', as: 'percent', run: shares },
  /** a as percent of b, no value where b is 0. */
  percent: {
    args: 2,
    help: 'a as percent of b',
    as: 'percent',
    run: each((a, b) => (b > 0 ? (a / b) * 100 : Number.NaN)),
  },
  /** a / b, no value where b is 0. */
  ratio: { args: 2, help: 'a / b', as: 'ratio', run: each((a, b) => (b !== 0 ? a / b : Number.NaN)) },
  /** a / b, no value where a is 0. */
  positive_div: { args: 2, help: 'a / b, empty where a is 0', run: each((a, b) => (a > 0 ? a / b : Number.NaN)) },
  /** a, no value where it is not below b. */
  below: { args: 2, help: 'a, empty where it is not below b', run: each((a, b) => (a < b ? a : Number.NaN)) },
  /** The greater of the two. */
  greater: { args: 2, help: 'the greater of a and b', run: each((a, b) => Math.max(a, b)) },
  /** b, no value where a is 0. */
  given: { args: 2, help: 'b, empty where a is 0', run: each((a, b) => (a !== 0 ? b + a * 0 : Number.NaN)) },
  /** The first of three that has a value. */
  either: {
    args: 3,
    help: 'the first of three that has a value',
    some: true,
    run: each((a, b, c) => (!Number.isNaN(a) ? a : !Number.isNaN(b) ? b : c)),
  },
  /** Whether a bit of the mask b is set. */
  bit: {
    args: 2,
    help: 'whether a bit of the mask b is set in a',
    as: 'flag',
    // JavaScript's & is of 32 bits: low halves and high ones.
    run: each((a, b) => (Number.isNaN(a) ? a : (a & b) !== 0 || (high(a) & high(b)) !== 0 ? 1 : 0)),
    exactly: (a, b) => ((a & b) !== 0n ? 1 : 0),
  },
  /** 0-8 for R S D T t X Z P I, as task_state_index() of fs/proc/array.c orders them. */
  task_state: { args: 2, run: each(taskState) },
  tcp_state: { args: 2, run: each((state, substate) => (state === TCP_TIME_WAIT && substate > 0 ? substate : state)) },
  tcp_rxq: {
    args: 4,
    run: each((state, nxt, copied, backlog) =>
      state === TCP_LISTEN ? backlog : Math.max(0, wrapped(nxt, copied)) + nxt * 0,
    ),
  },
  tcp_txq: {
    args: 4,
    run: each((state, write, una, limit) =>
      state === TCP_LISTEN ? limit : Math.max(0, wrapped(write, una)) + write * 0,
    ),
  },
  tcp_timer: { args: 3, run: each(tcpTimer) },
  /** Milliseconds until the timer of tcp_timer ends. */
  tcp_timer_in: {
    args: 6,
    run: (args, names, out, interval, clock) => {
      each((timer, retransmit, keepalive, timewait, syn, state) => {
        if (clock.hz === 0) return Number.NaN;
        const end =
          timer === TIMER.on && state === TCP_NEW_SYN_RECV
            ? syn
            : timer === TIMER.on || timer === TIMER.persist
              ? retransmit
              : timer === TIMER.keepalive
                ? keepalive
                : timer === TIMER.timewait
                  ? timewait
                  : Number.NaN;
        return Number.isNaN(end) ? end : Math.max(0, (wrapped(end, clock.jiffies) * 1000) / clock.hz);
      })(args, names, out, interval, clock);
    },
  },
  /** b, no value where the state a is not LISTEN. */
  listening: { args: 2, run: each((state, b) => (state === TCP_LISTEN ? b : Number.NaN)) },
  /** All bytes that wait: what the kernel counts for a stream, else the sum over the packets. */
  unix_bytes: { args: 3, run: each((type, stream, packets) => (type === SOCK_STREAM ? stream : packets)) },
  /** As unix_diag.c: connections that wait, bytes to read, or the bytes of the datagram that comes first. */
  unix_rxq: {
    args: 5,
    run: each((state, type, waiting, bytes, first) =>
      state === TCP_LISTEN ? waiting : type === SOCK_DGRAM ? first : bytes,
    ),
  },
  /** Memory of what was sent and not read; the kernel counts one from the start. For LISTEN the limit of the backlog. */
  unix_txq: { args: 3, run: each((state, memory, limit) => (state === TCP_LISTEN ? limit : memory - 1)) },
  /** As /proc/net/unix: __SO_ACCEPTCON. */
  unix_flags: { args: 1, run: each((state) => (state === TCP_LISTEN ? 0x10000 : 0)) },
  /** As /proc/net/ipv6_route, where RTF_GATEWAY comes from the next hop. */
  route_flags: {
    args: 2,
    some: true,
    run: each((flags, family) => (family > 0 ? (flags | RTF_GATEWAY) >>> 0 : flags)),
  },
  /** Milliseconds until a route goes away; no value where it stays. */
  route_expires: {
    args: 2,
    run: (args, names, out, interval, clock) => {
      each((flags, end) =>
        (flags & RTF_EXPIRES) !== 0 && clock.hz > 0
          ? Math.max(0, (wrapped(end, clock.jiffies) * 1000) / clock.hz)
          : Number.NaN,
      )(args, names, out, interval, clock);
    },
  },
  /** FMODE_READ | FMODE_WRITE of file->f_mode. */
  access_mode: { args: 1, run: each((mode) => (Number.isNaN(mode) ? mode : mode & 3)) },
};

function taskState(state: number, exit: number): number {
  const TASK_REPORT = 0x7f;
  // TASK_RTLOCK_WAIT (Linux 5.15) and TASK_FROZEN (6.1), of which /proc says that they are D.
  const SHOWN_AS_D = 0x9000;
  if ((state & SHOWN_AS_D) !== 0) return 2;
  // TASK_UNINTERRUPTIBLE | TASK_NOLOAD: a kernel thread that waits for work.
  if ((state & 0x402) === 0x402 && exit === 0) return 8;
  const bits = (state | exit) & TASK_REPORT;
  // include/linux/sched.h: 1 S, 2 D, 4 T, 8 t, 0x10 X, 0x20 Z, 0x40 P; the highest one counts.
  return bits === 0 ? 0 : 32 - Math.clz32(bits);
}

function tcpTimer(state: number, pending: number, keepalive: number): number {
  if (state === TCP_TIME_WAIT) return TIMER.timewait;
  if (state === TCP_NEW_SYN_RECV) return TIMER.on;
  // icsk_pending of include/net/inet_connection_sock.h: retransmit 1, probe0 3, loss probe 5, reordering 6.
  if (pending === 1 || pending === 5 || pending === 6) return TIMER.on;
  if (pending === 3) return TIMER.persist;
  return keepalive > 0 ? TIMER.keepalive : TIMER.none;
}

/** What text functions read of their row. */
export interface RowReader {
  /** NaN where absent. */
  number(row: number, column: string): number;
  /** '' where absent. */
  text(row: number, column: string): string;
  /** null where absent. */
  bytes(row: number, column: string): Buffer | null;
  /** Where the program, map or link with this id is pinned. */
  pins(kind: PinKind, id: number): string;
  /** Where the row is from; absent where there is one host only. */
  readonly host?: string;
}
type Text = (reader: RowReader, row: number, args: readonly string[]) => string;

/** An address as ss writes it; '' for what is no internet address. */
export function inetText(bytes: Buffer): string {
  const family = new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0];
  const a = INET_ADDRESS;
  if (family === AF_INET) return `${bytes[a]}.${bytes[a + 1]}.${bytes[a + 2]}.${bytes[a + 3]}`;
  if (family !== AF_INET6) return '';
  const mapped = bytes[a + 10] === 0xff && bytes[a + 11] === 0xff && isZero(bytes, a, a + 10);
  if (mapped) return `::ffff:${bytes[a + 12]}.${bytes[a + 13]}.${bytes[a + 14]}.${bytes[a + 15]}`;
  // RFC 5952: the longest run of at least two zero groups is left out.
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[a + i * 2] << 8) | bytes[a + i * 2 + 1]);
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    if (end > i) i = end;
  }
  const hex = (list: number[]) => list.map((g) => g.toString(16)).join(':');
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** 127.0.0.1:80, [::1]:80, port 0 as *; '' where there is no address. */
function endpoint(reader: RowReader, row: number, address: string, port: string): string {
  const bytes = reader.bytes(row, address);
  if (!bytes) return '';
  const text = inetText(bytes);
  if (text === '') return '';
  const number = reader.number(row, port);
  return `${text.includes(':') ? `[${text}]` : text}:${number === 0 ? '*' : number}`;
}

/** include/uapi/linux/magic.h */
const ANON_INODE_FS_MAGIC = 0x09041934;
const KINDS: Readonly<Record<number, string>> = {
  1: 'fifo',
  2: 'char',
  4: 'directory',
  6: 'block',
  8: 'regular',
  10: 'symlink',
  12: 'socket',
};
const PIPEFS_MAGIC = 0x50495045;
/** include/linux/socket.h */
const FAMILIES: Readonly<Record<number, string>> = {
  1: 'unix',
  15: 'key',
  16: 'netlink',
  17: 'packet',
  29: 'can',
  31: 'bluetooth',
  38: 'alg',
  40: 'vsock',
  44: 'xdp',
};
/** Numbers of IANA, and beyond 255 of include/uapi/linux/in.h. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  58: 'icmp',
  115: 'l2tp',
  132: 'sctp',
  136: 'udplite',
  256: 'smc',
  262: 'mptcp',
};

function fileType(
  mode: number,
  magic: number,
  path: string,
  family: number,
  protocol: number,
  socketType: number,
): string {
  // Where bpf_d_path() is refused (before Linux 5.12) its path is the entry's name behind a slash.
  if (magic === ANON_INODE_FS_MAGIC) return /^(?:anon_inode:|.*\/)\[?([^\]]+)\]?$/.exec(path)?.[1] ?? 'anon_inode';
  const kind = (mode >> 12) & 15;
  if (kind === 12 && !Number.isNaN(family)) {
    if (family === AF_INET || family === AF_INET6) {
      const name = socketType === SOCK_RAW ? 'raw' : (PROTOCOLS[protocol] ?? `inet/${protocol}`);
      return family === AF_INET6 ? `${name}6` : name;
    }
    return FAMILIES[family] ?? `socket/${family}`;
  }
  if (kind === 1 && magic === PIPEFS_MAGIC) return 'pipe';
  return KINDS[kind] ?? 'unknown';
}

/** include/linux/mm.h and show_smap_vma_flags() of fs/proc/task_mmu.c: the lower 32 bits; bit 11 has changed its meaning. */
const VMA_FLAGS = [
  ...['rd', 'wr', 'ex', 'sh', 'mr', 'mw', 'me', 'ms', 'gd', 'um', 'pf', '', 'uw', 'lo', 'io', 'sr', 'rr', 'dc', 'de'],
  ...['lf', 'ac', 'nr', 'ht', 'sf', 'ar', 'wf', 'dd', 'sd', 'mm', 'hg', 'nh', 'mg'],
];

/** Whether a bit is set in a number of up to 53 bits. */
const hasBit = (value: number, bit: number) => Math.floor(value / 2 ** bit) % 2 === 1;

/** rw-p, as /proc/PID/maps. */
function vmaPermissions(flags: number): string {
  const letter = (bit: number, set: string, clear: string) => (hasBit(flags, bit) ? set : clear);
  return letter(0, 'r', '-') + letter(1, 'w', '-') + letter(2, 'x', '-') + letter(3, 's', 'p');
}

/** get_vma_name() of fs/proc/task_mmu.c: what /proc/PID/maps writes at the end of the line. */
function vmaName(reader: RowReader, row: number, args: readonly string[]): string {
  const [file, special, anon, hasFile, start, end, heapStart, heapEnd, stack] = args;
  const given = reader.text(row, anon);
  if (reader.number(row, hasFile) > 0) return given === '' ? reader.text(row, file) : `[anon_shmem:${given}]`;
  const name = reader.text(row, special);
  if (name !== '') return name;
  const from = reader.number(row, start);
  const to = reader.number(row, end);
  if (from < reader.number(row, heapEnd) && to > reader.number(row, heapStart)) return '[heap]';
  const at = reader.number(row, stack);
  if (from <= at && to >= at) return '[stack]';
  return given === '' ? '' : `[anon:${given}]`;
}

/** What a BPF link is attached to: the text or number that its kind has, else what its program was loaded for. */
function linkTarget(reader: RowReader, row: number, args: readonly string[]): string {
  const [iterator, tracepoint, cgroup, xdp, tcx, ops, kprobes, uprobes, netns, hook, loadedFor] = args;
  for (const column of [iterator, tracepoint, cgroup, xdp, tcx, ops]) {
    const text = reader.text(row, column);
    if (text !== '') return text;
  }
  for (const [column, before, after] of [
    [kprobes, '', ' functions'],
    [uprobes, '', ' places'],
    [netns, 'net:[', ']'],
    [hook, 'hook ', ''],
  ]) {
    const number = reader.number(row, column);
    if (!Number.isNaN(number)) return before + number + after;
  }
  return reader.text(row, loadedFor);
}

export const TEXT: Readonly<Record<string, Described & { readonly run: Text; readonly some?: true }>> = {
  growth: {
    args: 1,
    more: true,
    help: 'which of these grew in the most samples in a row, and in how many',
    as: 'text',
    overTime: true,
    run: (reader, row, args) => {
      const samples = reader.number(row, runsName(args));
      return samples > 0 ? `${args[reader.number(row, whichName(args))]} +${samples}` : '';
    },
  },
  endpoint: {
    args: 2,
    help: 'address a and port b as one text',
    as: 'text',
    run: (reader, row, [address, port]) => endpoint(reader, row, address, port),
  },
  /** The first of three that is not empty. */
  either_text: {
    args: 3,
    run: (reader, row, [a, b, c]) => reader.text(row, a) || reader.text(row, b) || reader.text(row, c),
  },
  container: {
    args: 1,
    help: 'container that cgroup a belongs to: short id or name, empty for none',
    as: 'text',
    run: (reader, row, [cgroup]) => containerOf(reader.text(row, cgroup)),
  },
  /** Of the cgroup of a socket, else of its owner's. */
  socket_container: {
    args: 2,
    run: (reader, row, [cgroup, owner]) =>
      containerOf(reader.text(row, cgroup)) || containerOf(reader.text(row, owner)),
  },
  host: { args: 0, run: (reader) => reader.host ?? '' },
  /** 4711/nginx */
  process: {
    args: 2,
    run: (reader, row, [pid, command]) => `${reader.number(row, pid)}/${reader.text(row, command)}`,
  },
  prog_pins: { args: 1, run: (reader, row, [id]) => reader.pins('prog', reader.number(row, id)) },
  map_pins: { args: 1, run: (reader, row, [id]) => reader.pins('map', reader.number(row, id)) },
  link_pins: { args: 1, run: (reader, row, [id]) => reader.pins('link', reader.number(row, id)) },
  /** fe80::/64 */
  prefix: {
    args: 2,
    run: (reader, row, [address, length]) => {
      const text = reader.text(row, address);
      return text === '' ? '' : `${text}/${reader.number(row, length)}`;
    },
  },
  /** An address that is only there where its length is not 0. */
  set_address: {
    args: 2,
    run: (reader, row, [address, length]) => (reader.number(row, length) > 0 ? reader.text(row, address) : ''),
  },
  vma_permissions: { args: 1, run: (reader, row, [flags]) => vmaPermissions(reader.number(row, flags)) },
  /** rd wr mr mw me, as VmFlags of /proc/PID/smaps. */
  vma_flags: {
    args: 1,
    run: (reader, row, [flags]) =>
      VMA_FLAGS.filter((name, bit) => name && hasBit(reader.number(row, flags), bit)).join(' '),
  },
  vma_name: { args: 9, some: true, run: vmaName },
  link_target: { args: 11, some: true, run: linkTarget },
  file_type: {
    args: 6,
    some: true,
    run: (reader, row, [mode, magic, path, family, protocol, type]) =>
      fileType(
        reader.number(row, mode),
        reader.number(row, magic),
        reader.text(row, path),
        reader.number(row, family),
        reader.number(row, protocol),
        reader.number(row, type),
      ),
  },
  file_name: {
    args: 6,
    some: true,
    run: (reader, row, [path, localAddress, localPort, remoteAddress, remotePort, address]) => {
      const local = endpoint(reader, row, localAddress, localPort);
      if (local === '') return reader.text(row, address) || reader.text(row, path);
      return reader.number(row, remotePort) === 0
        ? local
        : `${local} -> ${endpoint(reader, row, remoteAddress, remotePort)}`;
    },
  },
};

type DeriveFunction = Described & { readonly some?: true };

/** undefined where there is no such function. */
export function deriveFunction(name: string): DeriveFunction | undefined {
  if (Object.hasOwn(NUMERIC, name)) return NUMERIC[name];
  return Object.hasOwn(TEXT, name) ? TEXT[name] : undefined;
}

/** Whether a column's `derive` compares with the refresh before, so that it has no value at the first one. */
export function isOverTime(derive: string | undefined): boolean {
  return deriveFunction(/^\s*(\w+)/.exec(derive ?? '')?.[1] ?? '')?.overTime ?? false;
}

/** Whether a derived column shows pins, which are in no record. */
export function showsPins(derive: string | undefined): boolean {
  return derive !== undefined && /^\s*(prog|map|link)_pins\b/.test(derive);
}

/** `rate(a)` */
export function deriveSignature(name: string): string {
  const args = Array.from({ length: deriveFunction(name)?.args ?? 0 }, (_, i) => String.fromCharCode(97 + i));
  return `${name}(${args.join(', ')}${deriveFunction(name)?.more ? ', ...' : ''})`;
}

/** The functions that are of use in every table, for messages and for the help of a new template. */
export const DERIVE_NAMES: readonly string[] = [...Object.entries(NUMERIC), ...Object.entries(TEXT)]
  .filter(([, f]) => f.help)
  .map(([name]) => name);
