/** The elements of a map through bpf(2), for maps that no iterator walks, or kernels that let none be loaded. */
import { Attr, BpfError, errnoName, type OwnedFd, tryBpf } from './syscall.ts';

/** Of keys and values together, a call. */
const BATCH_BYTES = 1 << 20;
const MAX_BATCH = 4096;
const MAX_INTERRUPTED = 1000;

export interface MapShape {
  readonly keySize: number;
  /** Bytes that a lookup gives: for per-CPU maps each CPU's value in 8-byte steps. */
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** `count` keys and as many values, behind one another. Their memory is used again for the next ones. */
export type Visit = (keys: Buffer, values: Buffer, count: number) => void;

/** BPF_MAP_LOOKUP_BATCH is for some kinds of maps, and there since Linux 5.6: what says so that it is not. */
const NO_BATCH = ['ENOTSUPP', 'EOPNOTSUPP', 'EINVAL', 'EINTR', 'EAGAIN'];

/**
 * Visits every element that is there all the while; others may be missed or come twice. @returns calls of bpf(2)
 * @throws BpfError where the map has no keys to walk
 */
export function walkMap(map: OwnedFd, shape: MapShape, visit: Visit): number {
  const calls = batches(map, shape, visit);
  return calls > 0 ? calls : oneByOne(map, shape, visit);
}

/** @returns 0 where nothing was visited as there are no batches of this map */
function batches(map: OwnedFd, { keySize, valueSize, maxEntries }: MapShape, visit: Visit): number {
  let most = Math.max(1, Math.min(maxEntries, MAX_BATCH, Math.floor(BATCH_BYTES / (keySize + valueSize))));
  let keys = Buffer.alloc(most * keySize);
  let values = Buffer.alloc(most * valueSize);
  // A key, or the number of a hash bucket.
  const token = Buffer.alloc(Math.max(keySize, 4));
  let interrupted = 0;
  for (let calls = 1, first = true; ; calls++) {
    const attr = new Attr(56).pointer(8, token).pointer(16, keys).pointer(24, values).u32(32, most).u32(36, map.fd);
    if (!first) attr.pointer(0, token);
    const value = tryBpf('BPF_MAP_LOOKUP_BATCH', attr);
    const code = value < 0 ? errnoName(-value) : '';
    const count = attr.u32At(32);
    if (code === 'ENOSPC') {
      // A bucket holds more than there is room for.
      most *= 2;
      keys = Buffer.alloc(most * keySize);
      values = Buffer.alloc(most * valueSize);
      continue;
    }
    if (first && NO_BATCH.includes(code)) return 0;
    // Before Linux 6.14 a key that others take away meanwhile ends the batch, not the walk.
    const goesOn = code === 'EINTR' && ++interrupted < MAX_INTERRUPTED;
    if (code !== '' && code !== 'ENOENT' && !goesOn)
      throw new BpfError('BPF_MAP_LOOKUP_BATCH', -value, lookupMeaning(code));
    if (count > 0) visit(keys, values, count);
    if (code === 'ENOENT') return calls;
    first = false;
  }
}

function oneByOne(map: OwnedFd, { keySize, valueSize, maxEntries }: MapShape, visit: Visit): number {
  const key = Buffer.alloc(keySize);
  const next = Buffer.alloc(keySize);
  const value = Buffer.alloc(valueSize);
  const begin = new Attr(32).u32(0, map.fd).pointer(16, next);
  const step = new Attr(32).u32(0, map.fd).pointer(8, key).pointer(16, next);
  const look = new Attr(32).u32(0, map.fd).pointer(8, next).pointer(16, value);
  // Where the last key is gone the walk begins anew: it ends although elements come and go faster than they are read.
  const most = maxEntries * 2 + 16;
  let calls = 0;
  for (let seen = 0; seen < most; seen++) {
    const found = tryBpf('BPF_MAP_GET_NEXT_KEY', seen === 0 ? begin : step);
    calls++;
    const code = found < 0 ? errnoName(-found) : '';
    if (code === 'ENOENT') break;
    if (code !== '')
      throw new BpfError(
        'BPF_MAP_GET_NEXT_KEY',
        -found,
        lookupMeaning(code) || 'a map of this type has no keys to walk',
      );
    const got = tryBpf('BPF_MAP_LOOKUP_ELEM', look);
    calls++;
    if (got === 0) visit(next, value, 1);
    else if (errnoName(-got) !== 'ENOENT')
      throw new BpfError(
        'BPF_MAP_LOOKUP_ELEM',
        -got,
        lookupMeaning(errnoName(-got)) || 'values of a map of this type cannot be read',
      );
    next.copy(key);
  }
  return calls;
}

function lookupMeaning(code: string): string {
  return code === 'EPERM' ? 'the map was made to be written only (BPF_F_WRONLY)' : '';
}
