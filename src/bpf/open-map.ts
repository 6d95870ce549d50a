/** Maps that others made, opened to be read: what they are, how their keys and values are built. */
import fs from 'node:fs';
import os from 'node:os';
import { Btf } from './btf.ts';
import { Attr, BPF_F_RDONLY, BpfError, bpf, OwnedFd, tryBpf } from './syscall.ts';

/** struct bpf_map_info, as far as it is of use here. */
export interface MapInfo {
  /** enum bpf_map_type. */
  readonly type: number;
  readonly id: number;
  readonly keySize: number;
  /** Bytes of a value, on each CPU for per-CPU maps. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** At most 15 characters. */
  readonly name: string;
  /** BTF that describes keys and values, and their types in it; 0 where there is none. */
  readonly btfId: number;
  readonly keyType: number;
  readonly valueType: number;
}

/** sizeof(struct bpf_map_info) up to map_extra; older kernels fill in less. */
const INFO_BYTES = 88;
/** struct bpf_btf_info: btf 0, btf_size 8, id 12, name 16, name_len 24, kernel_btf 28. */
const BTF_INFO_BYTES = 32;
/** The same up to id, all that there was before Linux 5.11. */
const OLD_INFO_BYTES = 16;
const { E2BIG } = os.constants.errno;

const openMeaning = (code: string) =>
  code === 'EPERM' ? 'maps are opened by their id only with CAP_SYS_ADMIN (or root); a pinned one by its path' : '';

export class OpenMap extends OwnedFd {
  /** For reading only. @throws BpfError: ENOENT where there is no such map, EPERM without CAP_SYS_ADMIN */
  static byId(id: number): OpenMap {
    return new OpenMap(bpf('BPF_MAP_GET_FD_BY_ID', new Attr(12).u32(0, id).u32(8, BPF_F_RDONLY), openMeaning));
  }

  /** A map that is pinned in a bpf file system. For reading only. @throws BpfError */
  static byPath(path: string): OpenMap {
    const attr = new Attr(16).pointer(0, Buffer.from(`${path}\0`)).u32(12, BPF_F_RDONLY);
    const map = new OpenMap(
      bpf('BPF_OBJ_GET', attr, (code) =>
        code === 'ENOENT'
          ? `nothing is at ${path}`
          : code === 'EINVAL'
            ? `${path} is no map`
            : `${path} cannot be opened`,
      ),
    );
    // Programs and links are pinned, too, and their infos look alike.
    const what = fs.readlinkSync(`/proc/self/fd/${map.fd}`);
    if (/\bbpf-map\b/.test(what)) return map;
    map.close();
    throw new BpfError('BPF_OBJ_GET', 22, `${path} is no map (${what})`);
  }

  /** Ids of all maps, ascending. @throws BpfError */
  static ids(): number[] {
    const ids: number[] = [];
    const attr = new Attr(12);
    for (;;) {
      const last = attr.u32(0, ids.at(-1) ?? 0);
      const value = tryBpf('BPF_MAP_GET_NEXT_ID', last);
      if (value === -2) return ids;
      if (value < 0) throw new BpfError('BPF_MAP_GET_NEXT_ID', -value, openMeaning('EPERM'));
      ids.push(attr.u32At(4));
    }
  }

  /** @throws BpfError */
  info(): MapInfo {
    const info = Buffer.alloc(INFO_BYTES);
    bpf('BPF_OBJ_GET_INFO_BY_FD', new Attr(16).u32(0, this.fd).u32(4, info.length).pointer(8, info));
    const words = new Uint32Array(info.buffer, info.byteOffset, INFO_BYTES / 4);
    const name = info.subarray(24, 40);
    return {
      type: words[0],
      id: words[1],
      keySize: words[2],
      valueSize: words[3],
      maxEntries: words[4],
      name: name.toString('latin1', 0, name.indexOf(0)),
      btfId: words[16],
      keyType: words[17],
      valueType: words[18],
    };
  }
}

/** BTF by its id; that of a module stands on vmlinux'. @throws BpfError, BtfError */
export function loadedBtf(id: number): Btf {
  using fd = new OwnedFd(bpf('BPF_BTF_GET_FD_BY_ID', new Attr(12).u32(0, id), openMeaning));
  const read = (bytes: Buffer) => {
    const name = Buffer.alloc(64);
    const info = new Attr(BTF_INFO_BYTES).pointer(0, bytes).u32(8, bytes.length).pointer(16, name).u32(24, name.length);
    const attr = new Attr(16).u32(0, fd.fd).u32(4, BTF_INFO_BYTES).pointer(8, info.bytes);
    // Before Linux 5.11 BTF has no name that could be asked for, and is never the kernel's own.
    if (tryBpf('BPF_OBJ_GET_INFO_BY_FD', attr) === -E2BIG) bpf('BPF_OBJ_GET_INFO_BY_FD', attr.u32(4, OLD_INFO_BYTES));
    const words = new Uint32Array(info.bytes.buffer, info.bytes.byteOffset, BTF_INFO_BYTES / 4);
    return { size: words[2], kernel: words[7] !== 0, name: name.toString('latin1', 0, name.indexOf(0)) };
  };
  const { size, kernel, name } = read(Buffer.alloc(4));
  if (kernel && name === 'vmlinux') return Btf.vmlinux();
  const bytes = Buffer.alloc(size);
  read(bytes);
  return new Btf(bytes, kernel ? Btf.vmlinux() : undefined);
}
