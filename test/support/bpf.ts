/** BPF programs, maps and links of many kinds that a test holds itself, by bpf(2) alone. */
import { Assembler, R0, R1 } from '../../src/bpf/asm.ts';
import { Attr, bpf, OwnedFd } from '../../src/bpf/syscall.ts';

/** enum bpf_prog_type and enum bpf_attach_type: UAPI. */
export const PROG = {
  socket_filter: 1,
  xdp: 6,
  cgroup_skb: 8,
  sched_cls: 3,
  tracing: 26,
  sk_lookup: 30,
  netfilter: 32,
};
export const ATTACH = {
  cgroup_inet_egress: 1,
  trace_raw_tp: 23,
  trace_fentry: 24,
  sk_lookup: 36,
  xdp: 37,
  netfilter: 45,
  tcx_ingress: 46,
};

export interface Load {
  readonly type: number;
  readonly name: string;
  readonly attachType?: number;
  readonly attachBtfId?: number;
  /** What the program, which does nothing else, returns. */
  readonly returns?: number;
  /** Maps that it uses. */
  readonly maps?: readonly OwnedFd[];
}

/** The two instructions of such a program make its size: 16 bytes; each map adds two. */
export function load(options: Load): OwnedFd {
  const maps = Object.fromEntries((options.maps ?? []).map((map, n) => [`m${n}`, map.fd]));
  const asm = new Assembler();
  for (const name of Object.keys(maps)) asm.loadMapFd(R1, name);
  const code = asm
    .movImm(R0, options.returns ?? 0)
    .exit()
    .assemble()
    .encode(maps);
  const attr = new Attr(128)
    .u32(0, options.type)
    .u32(4, code.length / 8)
    .pointer(8, code)
    .pointer(16, Buffer.from('GPL\0'))
    .objectName(48, options.name)
    .u32(68, options.attachType ?? 0)
    .u32(108, options.attachBtfId ?? 0);
  return new OwnedFd(bpf('BPF_PROG_LOAD', attr));
}

/** `target`: a descriptor or the number of a device, as the kind of link takes it. `more`: u32 from byte 16 on. */
export function link(
  program: OwnedFd,
  target: number,
  attachType: number,
  more: readonly number[] = [],
  flags = 0,
): OwnedFd {
  const attr = new Attr(64).u32(0, program.fd).u32(4, target).u32(8, attachType).u32(12, flags);
  for (const [i, value] of more.entries()) attr.u32(16 + i * 4, value);
  return new OwnedFd(bpf('BPF_LINK_CREATE', attr));
}

export interface MapMaking {
  readonly type: number;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
  readonly inner?: OwnedFd;
  readonly numaNode?: number;
  readonly extra?: bigint;
  /** What describes it, as btf() gives it, and the types in that. */
  readonly btf?: { readonly fd: OwnedFd; readonly key: number; readonly value: number };
}

export const MAP = {
  hash: 1,
  array: 2,
  prog_array: 3,
  percpu_hash: 5,
  percpu_array: 6,
  stack_trace: 7,
  lru_hash: 9,
  lru_percpu_hash: 10,
  lpm_trie: 11,
  hash_of_maps: 13,
  devmap: 14,
  sockmap: 15,
  sockhash: 18,
  queue: 22,
  sk_storage: 24,
  devmap_hash: 25,
  ringbuf: 27,
  bloom_filter: 30,
};
export const BPF_F_NO_PREALLOC = 1;
export const BPF_F_NUMA_NODE = 4;

export function map(options: MapMaking): OwnedFd {
  const attr = new Attr(72)
    .u32(0, options.type)
    .u32(4, options.keySize)
    .u32(8, options.valueSize)
    .u32(12, options.maxEntries)
    .u32(16, options.flags ?? 0)
    .u32(20, options.inner?.fd ?? 0)
    .u32(24, options.numaNode ?? 0)
    .objectName(28, options.name)
    .u32(48, options.btf?.fd.fd ?? 0)
    .u32(52, options.btf?.key ?? 0)
    .u32(56, options.btf?.value ?? 0)
    .u64(64, options.extra ?? 0n);
  return new OwnedFd(bpf('BPF_MAP_CREATE', attr));
}

/** Loads BTF into the kernel. */
export function btf(bytes: Uint8Array): OwnedFd {
  return new OwnedFd(bpf('BPF_BTF_LOAD', new Attr(32).pointer(0, bytes).u32(16, bytes.length)));
}

export function put(map: OwnedFd, key: Uint8Array, value: Uint8Array): void {
  bpf('BPF_MAP_UPDATE_ELEM', new Attr(32).u32(0, map.fd).pointer(8, key).pointer(16, value));
}

export function remove(map: OwnedFd, key: Uint8Array): void {
  bpf('BPF_MAP_DELETE_ELEM', new Attr(32).u32(0, map.fd).pointer(8, key));
}
