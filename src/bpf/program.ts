/** Iterator programs: BPF_PROG_TYPE_TRACING attached as BPF_TRACE_ITER to the BTF function `bpf_iter_<target>`. */
import os from 'node:os';
import { mayLoad } from './support.ts';
import { Attr, BpfError, errnoName, generalMeaning, OwnedFd, tryBpf } from './syscall.ts';

const BPF_PROG_TYPE_TRACING = 26;
export const BPF_TRACE_ITER = 28;
const BPF_F_SLEEPABLE = 1 << 4;
/** One line per instruction, or only the closing statistics (kernel/bpf/verifier.c). */
const LOG_INSTRUCTIONS = 1;
const LOG_STATS = 4;
/** The verifier's log of a program of some hundred instructions is well below this; past it the call says ENOSPC. */
const LOG_BYTES = 1 << 24;
const EAGAIN = os.constants.errno.EAGAIN;
const LOAD_ATTEMPTS = 100;

export interface ProgramOptions {
  /** Encoded instructions, 8 bytes a slot, map descriptors filled in. */
  readonly code: Uint8Array;
  /** BTF id of FUNC `bpf_iter_<target>`. */
  readonly attachBtfId: number;
  /** At most 15 characters; what bpftool shows. */
  readonly name: string;
  /** Helpers that may sleep (bpf_copy_from_user_task: Linux 5.18). */
  readonly sleepable?: boolean;
  /** Helpers that read kernel memory are only for GPL-compatible programs. */
  readonly license?: string;
  /** Ask for the verifier's statistics (`log`) although nothing failed. */
  readonly stats?: boolean;
  /** What `log` is to hold although nothing failed: a bit set of 2 instructions and states, 4 statistics. */
  readonly logLevel?: number;
}

export class Program extends OwnedFd {
  /** The verifier's words where asked for, else ''. */
  readonly log: string;
  constructor(fd: number, log: string) {
    super(fd);
    this.log = log;
  }
}

/** @throws BpfError that carries the verifier's log where the verifier refused */
export function loadProgram(options: ProgramOptions): Program {
  const first = tryLoad(options, options.logLevel ?? (options.stats ? LOG_STATS : 0));
  if (first.value >= 0) return new Program(first.value, first.log);
  const code = errnoName(-first.value);
  if (code === 'EPERM' || code === 'ENOSYS' || code === 'EMFILE' || code === 'ENFILE') {
    throw new BpfError('BPF_PROG_LOAD', -first.value, code === 'EPERM' ? notPermitted() : generalMeaning(code));
  }
  // Loaded without a log first, as a log costs more than the load; the second try is there to explain.
  const second = tryLoad(options, LOG_INSTRUCTIONS);
  if (second.value >= 0) return new Program(second.value, '');
  const log = second.log;
  const words = log ? `the verifier refused ${options.name}:\n${trimLog(log)}` : loadMeaning(errnoName(-second.value));
  throw new BpfError('BPF_PROG_LOAD', -second.value, words, log);
}

/** With the capabilities that loading takes it is the kernel that does not want such a program. */
function notPermitted(): string {
  if (!mayLoad()) return generalMeaning('EPERM');
  return 'this kernel refuses programs of this kind; the capabilities are there, so a policy of the kernel forbids it (lockdown, a security module, the seccomp filter of a container)';
}

function loadMeaning(code: string): string {
  if (code === 'EINVAL')
    return 'this kernel has no BPF iterators of this kind, or not as a program of this type (Linux 5.8 or later with BTF is needed)';
  return generalMeaning(code);
}

/** The verifier gives up with EAGAIN when a signal is pending (SIGCHLD, SIGWINCH): once that is handled it goes through. */
function load(attr: Attr): number {
  for (let attempt = 1; ; attempt++) {
    const value = tryBpf('BPF_PROG_LOAD', attr);
    if (value !== -EAGAIN || attempt === LOAD_ATTEMPTS) return value;
  }
}

function tryLoad(options: ProgramOptions, logLevel: number): { value: number; log: string } {
  const attr = new Attr(128)
    .u32(0, BPF_PROG_TYPE_TRACING)
    .u32(4, options.code.length / 8)
    .pointer(8, options.code)
    .pointer(16, Buffer.from(`${options.license ?? 'GPL'}\0`))
    .u32(44, options.sleepable ? BPF_F_SLEEPABLE : 0)
    .objectName(48, options.name)
    .u32(68, BPF_TRACE_ITER)
    .u32(108, options.attachBtfId);
  if (logLevel === 0) return { value: load(attr), log: '' };
  const log = Buffer.alloc(logLevel === LOG_STATS ? 4096 : LOG_BYTES);
  attr.u32(24, logLevel).u32(28, log.length).pointer(32, log);
  const value = load(attr);
  const end = log.indexOf(0);
  return { value, log: log.toString('latin1', 0, end < 0 ? log.length : end).trim() };
}

/**
 * What matters of a verifier's log: the last instructions before the complaint, and the complaint; not the closing
 * statistics nor the state dumps of what went well.
 */
export function trimLog(log: string, lines = 6): string {
  const useful = log
    .split('\n')
    .filter(
      (line) =>
        line.trim() !== '' &&
        !/^(processed \d+ insns|verification time|stack depth|mark_precise|from \d+ to)/.test(line),
    );
  return useful
    .slice(-lines)
    .map((line) => `  ${line.replace(/\s+; R.*$/, '').trimEnd()}`)
    .join('\n');
}
