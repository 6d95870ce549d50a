/** Maps with BTF of their own, and what bpftool says of their elements. */
import { BtfWriter } from '../bpf/btf-writer.ts';
import { btf, type MapMaking } from './bpf.ts';
import { output } from './kernel.ts';

/** struct flow { u32 saddr; __be16 port; char dir; enum proto } -> struct stats, in which there is one of everything. */
export function flowTypes(): NonNullable<MapMaking['btf']> {
  const w = new BtfWriter();
  const u8 = w.int('unsigned char', 1);
  const u16 = w.int('unsigned short', 2);
  const u32 = w.int('unsigned int', 4);
  const u64 = w.int('unsigned long long', 8);
  const int = w.int('int', 4, { signed: true });
  const char = w.int('char', 1, { signed: true });
  const bool = w.int('_Bool', 1, { bool: true });
  const be16 = w.typedef('__be16', u16);
  const proto = w.enum('proto', { PROTO_TCP: 6, PROTO_UDP: 17 });
  const key = w.struct('flow', FLOW.key, [
    { name: 'saddr', type: u32, at: 0 },
    { name: 'port', type: be16, at: 32 },
    { name: 'dir', type: char, at: 48 },
    { name: 'proto', type: proto, at: 64 },
  ]);
  const lock = w.struct('bpf_dynptr', 4, [{ name: 'opaque', type: u32, at: 0 }]);
  const time = w.struct('', 16, [
    { name: 'first', type: u64, at: 0 },
    { name: 'last', type: u64, at: 64 },
  ]);
  const value = w.struct('stats', FLOW.value, [
    { name: 'packets', type: u64, at: 0 },
    { name: 'delta', type: int, at: 64 },
    { name: 'low', type: u32, at: 96, bits: 3 },
    { name: 'high', type: int, at: 99, bits: 20 },
    { name: 'comm', type: w.array(char, 16), at: 128 },
    { name: 'time', type: time, at: 256 },
    { name: 'owner', type: w.pointer(0), at: 384 },
    { name: 'mac', type: w.array(u8, 6), at: 448 },
    { name: 'seen', type: bool, at: 496 },
    { name: 'hits', type: w.array(u16, 3), at: 512 },
    { name: 'key', type: u16, at: 560 },
    { name: 'packed', type: w.struct('odd', 8, [{ name: 'n', type: u32, at: 8 }]), at: 576 },
    { name: 'guard', type: lock, at: 640 },
    { name: 'rest', type: w.array(u64, 20), at: 704 },
  ]);
  return { fd: btf(w.bytes()), key, value };
}

export const FLOW = { key: 12, value: 248 } as const;

export function flowKey(n: number): Buffer {
  const key = Buffer.alloc(FLOW.key);
  key.writeUInt32LE(n, 0);
  key.writeUInt16BE(n % 65536, 4);
  key.writeUInt32LE(n % 2 ? 6 : 17, 8);
  return key;
}

export interface Flow {
  readonly packets: bigint;
  readonly comm?: string;
}

export function flowValue({ packets, comm = 'node' }: Flow): Buffer {
  const value = Buffer.alloc(FLOW.value);
  value.writeBigUInt64LE(packets, 0);
  value.writeInt32LE(-7, 8);
  // 5 in the first three bits, -3 in the next twenty.
  value.writeUInt32LE((5 | ((-3 & 0xfffff) << 3)) >>> 0, 12);
  value.write(comm, 16, 16);
  value.writeBigUInt64LE(11n, 32);
  value.writeBigUInt64LE(12n, 40);
  value.writeBigUInt64LE(0xffff888800000000n, 48);
  value.set([1, 2, 3, 4, 5, 6, 1], 56);
  for (const [i, n] of [7, 8, 9, 10].entries()) value.writeUInt16LE(n, 64 + i * 2);
  value.writeUInt32LE(77777, 73);
  value.writeUInt32LE(0xdead, 80);
  value.writeUInt8(0xab, 88);
  return value;
}

export interface Dumped {
  readonly key: readonly string[];
  readonly value?: readonly string[];
  readonly values?: readonly { readonly cpu: number; readonly value: readonly string[] }[];
}

/** Hexadecimal, as a cell shows bytes. */
export const hex = (bytes: readonly string[]) => bytes.map((b) => b.slice(2)).join('');

export function bpftoolDump(id: number): Dumped[] {
  return JSON.parse(output('bpftool', '-j', 'map', 'dump', 'id', String(id)));
}
