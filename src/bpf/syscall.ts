/**
 * bpf(2) through koffi, its errors, and descriptors that are closed exactly once.
 * Layouts of `union bpf_attr` are UAPI (include/uapi/linux/bpf.h): they only ever grow at their end.
 */
import fs from 'node:fs';
import os from 'node:os';
import { note } from './held.ts';
import { LITTLE } from './host.ts';
import { chargesMemlock, raiseMemlock } from './memlock.ts';
import { koffi } from './native.ts';
import { mayLoad } from './support.ts';

const SYS_BPF: Partial<Record<NodeJS.Architecture, number>> = {
  x64: 321,
  arm64: 280,
  riscv64: 280,
  loong64: 280,
  s390x: 351,
  ppc64: 361,
};

export const COMMANDS = {
  BPF_MAP_CREATE: 0,
  BPF_MAP_LOOKUP_ELEM: 1,
  BPF_MAP_UPDATE_ELEM: 2,
  BPF_MAP_DELETE_ELEM: 3,
  BPF_MAP_GET_NEXT_KEY: 4,
  BPF_PROG_LOAD: 5,
  BPF_OBJ_PIN: 6,
  BPF_OBJ_GET: 7,
  BPF_PROG_GET_NEXT_ID: 11,
  BPF_MAP_GET_NEXT_ID: 12,
  BPF_MAP_GET_FD_BY_ID: 14,
  BPF_OBJ_GET_INFO_BY_FD: 15,
  BPF_BTF_LOAD: 18,
  BPF_BTF_GET_FD_BY_ID: 19,
  BPF_MAP_LOOKUP_BATCH: 24,
  BPF_MAP_UPDATE_BATCH: 26,
  BPF_LINK_CREATE: 28,
  BPF_LINK_UPDATE: 29,
  BPF_ENABLE_STATS: 32,
  BPF_ITER_CREATE: 33,
} as const;
export type Command = keyof typeof COMMANDS;

/** A refused bpf(2) call or a failed read of an iterator. `message` says what was tried and what the error means there. */
export class BpfError extends Error {
  override readonly name = 'BpfError';
  /** The bpf(2) command, or `read`. */
  readonly command: string;
  readonly errno: number;
  /** E..., as errno(3) spells it. */
  readonly code: string;
  /** The verifier's whole log; '' where there is none. */
  readonly log: string;
  constructor(command: string, errno: number, meaning: string, log = '') {
    super(`${command}: ${errnoName(errno)} (${errno})${meaning ? `: ${meaning}` : ''}`);
    this.command = command;
    this.errno = errno;
    this.code = errnoName(errno);
    this.log = log;
  }
}

/** Second names of EAGAIN, EOPNOTSUPP and EDEADLK, which the kernel does not use. */
const ALIASES = ['EWOULDBLOCK', 'ENOTSUP', 'EDEADLOCK'];
const NAMES = new Map(
  Object.entries(os.constants.errno)
    .filter(([name]) => !ALIASES.includes(name))
    .map(([name, value]) => [value, name]),
);

export function errnoName(errno: number): string {
  // 524 is the kernel's own ENOTSUPP (include/linux/errno.h); it does reach user space through bpf(2).
  return NAMES.get(errno) ?? (errno === 524 ? 'ENOTSUPP' : `errno ${errno}`);
}

type Syscall = (nr: number, command: number, attr: Uint8Array, size: number) => number | bigint;
let syscall: Syscall | undefined;

/** libc's syscall(3). One fixed prototype: a variadic one takes twice as long per call. */
function libcSyscall(): Syscall {
  if (!syscall) {
    // null is this very process, so whichever libc Node itself runs on.
    syscall = koffi()
      .load(null)
      .func('long syscall(long nr, int cmd, void *attr, unsigned int size)') as unknown as Syscall;
  }
  return syscall;
}

/** For maps and pins that are opened to be read only (include/uapi/linux/bpf.h); no name of an enumerator before Linux 5.13. */
export const BPF_F_RDONLY = 1 << 3;

/** One `union bpf_attr`, written field by field at its byte offsets. Keeps what its pointers point to alive. */
export class Attr {
  readonly bytes: Buffer;
  #held: Uint8Array[] = [];
  constructor(size: number) {
    this.bytes = Buffer.alloc(size);
  }
  u32(offset: number, value: number): this {
    new DataView(this.bytes.buffer, this.bytes.byteOffset).setUint32(offset, value, LITTLE);
    return this;
  }
  /** What the kernel has written there. */
  u32At(offset: number): number {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset).getUint32(offset, LITTLE);
  }
  u64(offset: number, value: bigint): this {
    new DataView(this.bytes.buffer, this.bytes.byteOffset).setBigUint64(offset, value, LITTLE);
    return this;
  }
  pointer(offset: number, target: Uint8Array): this {
    this.#held.push(target);
    return this.u64(offset, koffi().address(target) as bigint);
  }
  /** An object name: at most 15 characters of [A-Za-z0-9_.], others become `_`. */
  objectName(offset: number, name: string): this {
    this.bytes.write(name.replace(/[^\w.]/g, '_').slice(0, 15), offset, 'latin1');
    return this;
  }
}

/** What takes memory that a limit may be for. */
const TAKES_MEMORY: readonly Command[] = ['BPF_MAP_CREATE', 'BPF_PROG_LOAD', 'BPF_BTF_LOAD'];

/** @returns the call's value, or -errno */
export function tryBpf(command: Command, attr: Attr): number {
  const value = call(command, attr);
  if (value !== -os.constants.errno.EPERM || !TAKES_MEMORY.includes(command) || !chargesMemlock()) return value;
  return mayLoad() && raiseMemlock() ? call(command, attr) : value;
}

function call(command: Command, attr: Attr): number {
  const nr = SYS_BPF[process.arch];
  if (process.platform !== 'linux' || nr === undefined) return -os.constants.errno.ENOSYS;
  const value = Number(libcSyscall()(nr, COMMANDS[command], attr.bytes, attr.bytes.length));
  // errno has to be the very next thing: any call into Node in between loses it.
  return value < 0 ? -koffi().errno() : value;
}

/** @throws BpfError with `meaning(code)` as its explanation */
export function bpf(command: Command, attr: Attr, meaning: (code: string) => string = generalMeaning): number {
  const value = tryBpf(command, attr);
  if (value < 0) throw new BpfError(command, -value, meaning(errnoName(-value)) || generalMeaning(errnoName(-value)));
  return value;
}

/** What an error means whatever was asked. */
export function generalMeaning(code: string): string {
  switch (code) {
    case 'EPERM':
      if (mayLoad() && chargesMemlock())
        return 'not permitted although the capabilities are there: before Linux 5.11 programs and maps count as locked memory, raise `ulimit -l`; or a policy of the kernel forbids it';
      return mayLoad()
        ? 'not permitted although the capabilities are there: a policy of the kernel forbids it (lockdown, a security module, the seccomp filter of a container)'
        : 'not permitted; CAP_BPF and CAP_PERFMON are needed (or root)';
    case 'ENOSYS':
      return 'this system has no bpf(2); Linux 5.8 or later is needed';
    case 'EMFILE':
    case 'ENFILE':
      return 'no file descriptor is left; raise `ulimit -n`';
    case 'ENOMEM':
      return 'the kernel has no memory for it';
    default:
      return '';
  }
}

/** A file descriptor with one owner. The kernel makes all bpf descriptors O_CLOEXEC. */
export class OwnedFd implements Disposable {
  #fd: number;
  constructor(fd: number) {
    this.#fd = fd;
    note(fd, true);
  }
  /** @throws Error once it is closed */
  get fd(): number {
    if (this.#fd < 0) throw new Error(`${this.constructor.name} is closed`);
    return this.#fd;
  }
  get closed(): boolean {
    return this.#fd < 0;
  }
  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    note(fd, false);
    fs.closeSync(fd);
  }
  [Symbol.dispose](): void {
    this.close();
  }
}
