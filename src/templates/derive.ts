/**
 * Functions of derived columns: from columns of numbers to a column of numbers, or from one row to a text.
 * NaN stands for "no value"; every function passes it on unless it says otherwise.
 */
import { INET_ADDRESS } from './record.ts';

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

/** Change of a counter a second; a counter that went back belongs to something new and gives no rate. */
function ratesInto(
  args: readonly Argument[],
  names: readonly string[],
  out: Float64Array,
  interval: Interval,
  scale: number,
): void {
  out.fill(args.length > 0 && interval.seconds > 0 ? 0 : Number.NaN);
  if (interval.seconds <= 0) return;
  for (let a = 0; a < args.length; a++) {
    const now = args[a];
    const then = interval.previous(names[a]);
    for (let row = 0; row < out.length; row++) {
      const before = interval.before[row];
      const change = then && before >= 0 ? at(now, row) - then[before] : Number.NaN;
      out[row] += change >= 0 ? (change * scale) / interval.seconds : Number.NaN;
    }
  }
}

const each =
  (f: (...values: number[]) => number): Numeric =>
  (args, _names, out) => {
    const values = new Array<number>(args.length);
    for (let row = 0; row < out.length; row++) {
      for (let a = 0; a < args.length; a++) values[a] = at(args[a], row);
      out[row] = f(...values);
    }
  };

const TCP_TIME_WAIT = 6;
const TCP_LISTEN = 10;
const TCP_NEW_SYN_RECV = 12;
/** Values of tcp_timer's column. */
const TIMER = { none: 0, on: 1, keepalive: 2, timewait: 3, persist: 4 } as const;

/** A difference of 32-bit sequence numbers or jiffies, which wrap. */
const wrapped = (a: number, b: number) => (a - b) | 0;

export const NUMERIC: Readonly<Record<string, { readonly args: number; readonly run: Numeric }>> = {
  /** Change a second. */
  rate: { args: 1, run: (args, names, out, interval) => ratesInto(args, names, out, interval, 1) },
  /** Change of two counters together a second. */
  rate2: { args: 2, run: (args, names, out, interval) => ratesInto(args, names, out, interval, 1) },
  /** Nanoseconds of CPU time a second as percent of one CPU. */
  cpu: { args: 1, run: (args, names, out, interval) => ratesInto(args, names, out, interval, 1e-7) },
  sub: { args: 2, run: each((a, b) => a - b) },
  /** a / b, no value where a is 0. */
  positive_div: { args: 2, run: each((a, b) => (a > 0 ? a / b : Number.NaN)) },
  /** a, no value where it is not below b. */
  below: { args: 2, run: each((a, b) => (a < b ? a : Number.NaN)) },
  /** Whether a bit of the mask b is set. */
  bit: { args: 2, run: each((a, b) => (Number.isNaN(a) ? a : (a & b) !== 0 ? 1 : 0)) },
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
  /** FMODE_READ | FMODE_WRITE of file->f_mode. */
  access_mode: { args: 1, run: each((mode) => mode & 3) },
};

function taskState(state: number, exit: number): number {
  const TASK_REPORT = 0x7f;
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
}
type Text = (reader: RowReader, row: number, args: readonly string[]) => string;

/** An address as ss writes it; '' for what is no internet address. */
export function inetText(bytes: Buffer): string {
  const family = new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0];
  const a = INET_ADDRESS;
  if (family === 2) return `${bytes[a]}.${bytes[a + 1]}.${bytes[a + 2]}.${bytes[a + 3]}`;
  if (family !== 10) return '';
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
/** include/uapi/linux/in.h */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmp',
  132: 'sctp',
  136: 'udplite',
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
  if (magic === ANON_INODE_FS_MAGIC) return /^anon_inode:\[?([^\]]+)\]?$/.exec(path)?.[1] ?? 'anon_inode';
  const kind = (mode >> 12) & 15;
  if (kind === 12 && !Number.isNaN(family)) {
    if (family === 2 || family === 10) {
      const name = socketType === 3 ? 'raw' : (PROTOCOLS[protocol] ?? `inet/${protocol}`);
      return family === 10 ? `${name}6` : name;
    }
    return FAMILIES[family] ?? `socket/${family}`;
  }
  if (kind === 1 && magic === PIPEFS_MAGIC) return 'pipe';
  return KINDS[kind] ?? 'unknown';
}

export const TEXT: Readonly<Record<string, { readonly args: number; readonly run: Text }>> = {
  endpoint: { args: 2, run: (reader, row, [address, port]) => endpoint(reader, row, address, port) },
  file_type: {
    args: 6,
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
    args: 5,
    run: (reader, row, [path, localAddress, localPort, remoteAddress, remotePort]) => {
      const local = endpoint(reader, row, localAddress, localPort);
      if (local === '') return reader.text(row, path);
      return reader.number(row, remotePort) === 0
        ? local
        : `${local} -> ${endpoint(reader, row, remoteAddress, remotePort)}`;
    },
  },
};
