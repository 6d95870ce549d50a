/** Maps that our own programs use: filter values, scratch space, sets. */
import { Attr, bpf, OwnedFd } from './syscall.ts';

/** enum bpf_map_type. */
const MAP_TYPES = { hash: 1, array: 2, percpu_array: 6 } as const;

export interface MapOptions {
  readonly type: keyof typeof MAP_TYPES;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly name: string;
}

export class BpfMap extends OwnedFd {
  readonly options: MapOptions;

  private constructor(fd: number, options: MapOptions) {
    super(fd);
    this.options = options;
  }

  /** @throws BpfError */
  static create(options: MapOptions): BpfMap {
    const attr = new Attr(48)
      .u32(0, MAP_TYPES[options.type])
      .u32(4, options.keySize)
      .u32(8, options.valueSize)
      .u32(12, options.maxEntries)
      .objectName(28, options.name);
    return new BpfMap(
      bpf('BPF_MAP_CREATE', attr, (code) => (code === 'EINVAL' ? 'this kernel does not have this kind of map' : '')),
      options,
    );
  }

  /** @throws BpfError */
  update(key: Uint8Array, value: Uint8Array): void {
    this.#sized(key, value);
    bpf('BPF_MAP_UPDATE_ELEM', new Attr(32).u32(0, this.fd).pointer(8, key).pointer(16, value));
  }

  /** Many elements in one call (Linux 5.6). Keys and values stand behind one another. @throws BpfError */
  updateBatch(keys: Uint8Array, values: Uint8Array): void {
    const count = keys.length / this.options.keySize;
    if (count === 0) return;
    bpf('BPF_MAP_UPDATE_BATCH', new Attr(56).pointer(16, keys).pointer(24, values).u32(32, count).u32(36, this.fd));
  }

  /** @throws BpfError (ENOENT where there is no such key) */
  delete(key: Uint8Array): void {
    bpf('BPF_MAP_DELETE_ELEM', new Attr(32).u32(0, this.fd).pointer(8, key));
  }

  /** @throws BpfError (ENOENT where there is no such key) */
  lookup(key: Uint8Array): Buffer {
    const value = Buffer.alloc(this.options.valueSize);
    this.#sized(key, value);
    bpf('BPF_MAP_LOOKUP_ELEM', new Attr(32).u32(0, this.fd).pointer(8, key).pointer(16, value));
    return value;
  }

  /** Reads the value at a key into `value`, which is as large as a value is. @throws BpfError */
  lookupInto(key: Uint8Array, value: Uint8Array): void {
    this.#sized(key, value);
    bpf('BPF_MAP_LOOKUP_ELEM', new Attr(32).u32(0, this.fd).pointer(8, key).pointer(16, value));
  }

  #sized(key: Uint8Array, value: Uint8Array): void {
    if (key.length !== this.options.keySize || value.length !== this.options.valueSize) {
      throw new RangeError(
        `map ${this.options.name} takes keys of ${this.options.keySize} and values of ${this.options.valueSize} bytes, not ${key.length} and ${value.length}`,
      );
    }
  }
}
