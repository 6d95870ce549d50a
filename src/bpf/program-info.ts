/** What the kernel says of a program that is loaded: its instructions after the verifier's rewriting, sizes, runs. */
import fs from 'node:fs';
import { LITTLE } from './host.ts';
import { Attr, bpf, type OwnedFd } from './syscall.ts';

export interface ProgramInfo {
  readonly id: number;
  /** Of the instructions, as bpftool shows it. */
  readonly tag: string;
  /** At most 15 characters. */
  readonly name: string;
  /** Instructions after rewriting; empty where the kernel does not show them. */
  readonly xlated: Uint8Array;
  readonly xlatedBytes: number;
  /** 0 where it was not compiled. */
  readonly jitedBytes: number;
  /** ns since boot. */
  readonly loadTime: number;
  /** Counted only while BPF_ENABLE_STATS or kernel.bpf_stats_enabled is on. */
  readonly runs: number;
  readonly runNs: number;
  /** Instructions that the verifier walked through; 0 before Linux 5.16, which does not say. */
  readonly verified: number;
}

/** sizeof(struct bpf_prog_info), Linux 5.16 to this day; older kernels fill in less. */
const INFO_BYTES = 232;

/** @throws BpfError */
export function programInfo(program: OwnedFd): ProgramInfo {
  const read = (xlated: Uint8Array) => {
    const info = new Attr(INFO_BYTES).u32(20, xlated.length);
    if (xlated.length > 0) info.pointer(32, xlated);
    bpf('BPF_OBJ_GET_INFO_BY_FD', new Attr(16).u32(0, program.fd).u32(4, INFO_BYTES).pointer(8, info.bytes));
    return new DataView(info.bytes.buffer, info.bytes.byteOffset, INFO_BYTES);
  };
  const u32 = (info: DataView, at: number) => info.getUint32(at, LITTLE);
  const u64 = (info: DataView, at: number) => Number(info.getBigUint64(at, LITTLE));
  const bytes = Buffer.alloc(u32(read(new Uint8Array()), 20));
  const info = read(bytes);
  const name = Buffer.from(info.buffer, info.byteOffset + 64, 16);
  return {
    id: u32(info, 4),
    tag: Buffer.from(info.buffer, info.byteOffset + 8, 8).toString('hex'),
    name: name.toString('latin1', 0, name.indexOf(0)),
    // The kernel sets the pointer to 0 where it refuses to show them.
    xlated: u64(info, 32) === 0 ? new Uint8Array() : bytes,
    xlatedBytes: u32(info, 20),
    jitedBytes: u32(info, 16),
    loadTime: u64(info, 40),
    runs: u64(info, 200),
    runNs: u64(info, 192),
    verified: u32(info, 216),
  };
}

/** The id of a map of ours. @throws BpfError */
export function mapId(map: OwnedFd): number {
  const info = Buffer.alloc(8);
  bpf('BPF_OBJ_GET_INFO_BY_FD', new Attr(16).u32(0, map.fd).u32(4, info.length).pointer(8, info));
  return new Uint32Array(info.buffer, info.byteOffset, 2)[1]!;
}

/** Of the kernel's helpers, which stay where they are: found once, as that takes a while. */
const names = new Map<number, string>();

/**
 * What calls in translated code lead to: their immediates are distances from __bpf_call_base. Those that the kernel does
 * not tell (kernel.kptr_restrict) are left out.
 */
export function calledNames(distances: ReadonlySet<number>): ReadonlyMap<number, string> {
  if ([...distances].every((distance) => names.has(distance))) return names;
  let symbols: string;
  try {
    symbols = fs.readFileSync('/proc/kallsyms', 'latin1');
  } catch {
    return names;
  }
  const base = BigInt(`0x${/^([0-9a-f]+) \w __bpf_call_base$/m.exec(symbols)?.[1] ?? '0'}`);
  if (base === 0n) return names;
  for (const distance of distances) {
    const address = (base + BigInt(distance)).toString(16).padStart(16, '0');
    const at = symbols.indexOf(`\n${address} `);
    const line = at < 0 ? '' : symbols.slice(at + 1, symbols.indexOf('\n', at + 1));
    const name = line.split(/[ \t]/)[2];
    if (name) names.set(distance, name);
  }
  return names;
}
