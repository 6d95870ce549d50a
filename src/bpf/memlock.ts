/**
 * RLIMIT_MEMLOCK. Before Linux 5.11 the memory of programs and maps is charged to it (bpf_charge_memlock), 64 KiB is what
 * a shell has, and beyond it bpf(2) says EPERM.
 */
import os from 'node:os';
import { koffi } from './native.ts';

/** include/uapi/asm-generic/resource.h */
const RLIMIT_MEMLOCK = 8;
const INFINITY = 2n ** 64n - 1n;

/** Whether this kernel charges it. */
export function chargesMemlock(release = os.release()): boolean {
  const [, major, minor] = (/^(\d+)\.(\d+)/.exec(release) ?? []).map(Number);
  return major < 5 || (major === 5 && minor < 11);
}

/** Raises this process's limit as far as it may: away with CAP_SYS_RESOURCE. @returns whether that made it higher */
export function raiseMemlock(): boolean {
  const libc = koffi().load(null);
  const get = libc.func('int getrlimit(int resource, void *limit)') as (of: number, into: Uint8Array) => number;
  const set = libc.func('int setrlimit(int resource, const void *limit)') as (of: number, to: Uint8Array) => number;
  const limit = new BigUint64Array(2);
  const bytes = new Uint8Array(limit.buffer);
  if (get(RLIMIT_MEMLOCK, bytes) !== 0) return false;
  const [soft, hard] = limit;
  for (const to of [INFINITY, hard]) {
    if (to <= soft) continue;
    limit.set([to, to]);
    if (set(RLIMIT_MEMLOCK, bytes) === 0) return true;
  }
  return false;
}
