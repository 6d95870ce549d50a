/** Facts of this host that neither BTF nor Node tells. */
import fs from 'node:fs';
import os from 'node:os';
import { koffi } from './native.ts';

/** Whether numbers in this machine's memory begin with their lowest byte. */
export const LITTLE = os.endianness() === 'LE';

/** The kernel's BTF. */
export const VMLINUX_BTF = '/sys/kernel/btf/vmlinux';

/**
 * Numbers of the CPUs or nodes that there may ever be, upwards, online or not: per-CPU maps have a value for each of
 * them. Of a list such as `0-3,8` (/sys/devices/system/cpu/possible, .../node/possible).
 */
export function possible(what: 'cpu' | 'node'): readonly number[] {
  try {
    const list = fs.readFileSync(`/sys/devices/system/${what}/possible`, 'latin1').trim();
    return list.split(',').flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
  } catch {
    return what === 'cpu' ? os.cpus().map((_, i) => i) : [0];
  }
}

/** One more than the highest of those numbers: so many places have arrays in the kernel that they are indices of. */
export function idLimit(what: 'cpu' | 'node'): number {
  return 1 + possible(what).at(-1)!;
}

/** Of the auxiliary vector (include/uapi/linux/auxvec.h). */
const AT_PAGESZ = 6n;
let size = 0;

/** Bytes of a memory page. */
export function pageSize(): number {
  if (size === 0) size = auxiliaryPageSize() ?? Number(koffi().load(null).func('int getpagesize()')());
  return size;
}

/** Bytes of an iterator's buffer, PAGE_SIZE << 3 (kernel/bpf/bpf_iter.c): a read(2) gives at most so many, a record has fewer. */
export function seqBufferBytes(): number {
  return pageSize() << 3;
}

/** undefined where it may not be read: a file with capabilities, run, is none of its user's to look into. */
function auxiliaryPageSize(): number | undefined {
  try {
    const { buffer, byteOffset, byteLength } = fs.readFileSync('/proc/self/auxv');
    const words = new BigUint64Array(buffer.slice(byteOffset, byteOffset + byteLength));
    return Number(words[1 + words.findIndex((word, i) => i % 2 === 0 && word === AT_PAGESZ)]);
  } catch {
    return undefined;
  }
}

/** Whether capabilities here are those of the host: PROC_USER_INIT_INO of include/linux/proc_ns.h. */
export function inInitialUserNamespace(): boolean {
  try {
    return fs.readlinkSync('/proc/self/ns/user') === 'user:[4026531837]';
  } catch {
    return true;
  }
}

/** Whether processes have the same numbers here as in the kernel: PROC_PID_INIT_INO of include/linux/proc_ns.h. */
export function inInitialPidNamespace(): boolean {
  try {
    return fs.readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]';
  } catch {
    return false;
  }
}
