/**
 * The vocabulary of iterator programs, on top of the assembler.
 *
 * Each function gives a {@link Fragment}: a piece of a program that emits itself into an {@link IterAssembler}. A list
 * of fragments is a program ({@link assembleIter}). The assembler's own instructions and labels are fragments as well:
 *
 * ```ts
 * const code = assembleIter('task', [
 *   iterPrologueWithMeta(R6, R8),
 *   iterLoadCtxPtr(R6, R7, 'task'),
 *   iterCheckNull(R7, 'end'),
 *   taskLoadPid(R7, R9),
 *   (asm) => asm.jumpIfImm('ne', R9, 1, 'end'),
 *   seqPrintfSimple(R8, 'found %d\n', [R9]),
 *   (asm) => asm.label('end'),
 *   iterReturnContinue(),
 * ]);
 * ```
 *
 * Offsets come from the BTF of the running kernel when the program is built, ids of helpers from the kernel's ABI.
 * Each function says which registers it clobbers. A call of a helper clobbers R0 to R5; R6 to R9 survive it, so what
 * has to last belongs there. By custom R6 holds the context, R7 the object, R8 the meta pointer.
 */
import {
  AsmError,
  Assembler,
  type Assembly,
  R0,
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  R8,
  R10,
  type Reg,
  type Size,
} from './asm.ts';
import { Btf, BtfError } from './btf.ts';
import { type ResolvedPath, resolvePath } from './btf-path.ts';
import { LITTLE } from './host.ts';
import type { MapOptions } from './map.ts';
import { findTarget, type Target } from './targets.ts';

/** What is iterated over: the kernel's name of a bpf_iter target. Kernels differ; {@link targetNames} lists them. */
export type IterType =
  | 'task'
  | 'task_file'
  | 'task_vma'
  | 'bpf_map'
  | 'bpf_map_elem'
  | 'bpf_prog'
  | 'bpf_link'
  | 'tcp'
  | 'udp'
  | 'unix'
  | 'netlink'
  | 'cgroup'
  | 'ksym'
  | 'ipv6_route'
  | 'sockmap'
  | 'bpf_sk_storage_map'
  | 'kmem_cache'
  | 'dmabuf'
  | (string & {});

/** A piece of a program. It may be run more than once for one program, so it should do nothing but emit. */
export type Fragment = (asm: IterAssembler) => void;

/** A program for one iterator type, assembled. */
export interface IterCode extends Assembly {
  readonly iterType: IterType;
  /** BTF id of the function bpf_iter_<type> that it attaches to. */
  readonly attachBtfId: number;
  /** Whether it can end its walk ({@link iterReturnStop}): then it refers to the map {@link STOP_MAP}. */
  readonly stops: boolean;
}

/** The stack is 512 bytes (MAX_BPF_STACK, include/linux/filter.h). */
const STACK_BYTES = 512;

/** An assembler that knows what it is for: the iterator type and the kernel's types. */
export class IterAssembler extends Assembler {
  readonly iterType: IterType;
  readonly btf: Btf;
  readonly target: Target;
  /** Where the prologue put the context. */
  ctxReg: Reg | undefined;
  /** Whether a fragment so far ends the walk. */
  stops = false;
  #lowestBuffer = 0;
  #scratchBytes = 0;

  /** @throws BtfError where this kernel has no such iterator */
  constructor(iterType: IterType, btf: Btf) {
    super();
    this.iterType = iterType;
    this.btf = btf;
    this.target = findTarget(btf, iterType);
  }

  /**
   * Room at the far end of the stack, overwritten by the next fragment that asks for some.
   * @returns its offset from R10
   * @throws AsmError where it would reach into a buffer of the program's
   */
  scratch(bytes: number, what: string): number {
    this.#scratchBytes = Math.max(this.#scratchBytes, Math.ceil(bytes / 8) * 8);
    this.#checkStack(what);
    return -STACK_BYTES;
  }

  /** Notes that the program uses the stack from this offset up. @throws AsmError */
  buffer(offset: number): void {
    if (!Number.isInteger(offset) || offset >= 0 || offset < -STACK_BYTES)
      throw new AsmError(
        `allocStackBuffer: ${offset} is not on the stack, which is the ${STACK_BYTES} bytes below R10`,
      );
    this.#lowestBuffer = Math.min(this.#lowestBuffer, offset);
    this.#checkStack('allocStackBuffer');
  }

  #checkStack(what: string): void {
    if (this.#scratchBytes - this.#lowestBuffer <= STACK_BYTES) return;
    throw new AsmError(
      `${what}: the program's buffers (${-this.#lowestBuffer} bytes) and the room for arguments and formats ` +
        `(${this.#scratchBytes}) do not fit on the stack of ${STACK_BYTES} bytes; shorten one of them`,
    );
  }
}

/**
 * Runs the fragments one after another and resolves labels and offsets.
 * @throws BtfError for what this kernel does not have, AsmError for what cannot be encoded
 */
export function assembleIter(iterType: IterType, fragments: readonly Fragment[], btf: Btf = Btf.vmlinux()): IterCode {
  let asm = new IterAssembler(iterType, btf);
  for (const emit of fragments) emit(asm);
  const { stops } = asm;
  if (stops) {
    // Only now is it known that the walk can end, which every call has to check before anything else.
    asm = new IterAssembler(iterType, btf);
    asm.tagged('stop', () => leaveIfStopped(asm));
    for (const emit of fragments) emit(asm);
  }
  return { ...asm.assemble(), iterType, attachBtfId: asm.target.attachBtfId, stops };
}

// Prologue

/** Saves the context pointer: ctxReg = R1. Belongs at the start, while R1 still holds it. Clobbers nothing else. */
export function iterPrologue(ctxReg: Reg = R6): Fragment {
  return (asm) => {
    asm.ctxReg = ctxReg;
    asm.mov(ctxReg, R1);
  };
}

/** {@link iterPrologue}, and metaReg = ctx->meta (struct bpf_iter_meta *), which output goes through. */
export function iterPrologueWithMeta(ctxReg: Reg = R6, metaReg: Reg = R8): Fragment {
  return (asm) => {
    iterPrologue(ctxReg)(asm);
    iterLoadCtxPtr(ctxReg, metaReg, 'meta')(asm);
  };
}

// Context

/**
 * dst = a member of the context, say `task`. Objects and keys may be NULL (always at the last call), and the verifier
 * asks for a check before they are used. A number there (`uid` of tcp, `fd` of task_file) is loaded in its width.
 */
export function iterLoadCtxPtr(ctxReg: Reg, dst: Reg, field: string): Fragment {
  return (asm) => {
    const { offset, size } = contextPath(asm.btf, asm.iterType, field);
    asm.note(`ctx->${field}`).load(size as Size, dst, ctxReg, offset);
  };
}

/** dst = `seq` (struct seq_file *), `session_id` (u64, one a walk) or `seq_num` (u64, counts objects from 0). */
export function iterLoadMetaField(metaReg: Reg, dst: Reg, field: 'seq' | 'session_id' | 'seq_num'): Fragment {
  return (asm) => loadPath(asm, metaReg, dst, resolvePath(asm.btf, asm.btf.struct('bpf_iter_meta'), field));
}

/** Bytes from the context pointer to a member of struct bpf_iter__<type>. @throws BtfError, with the nearest names */
export function iterContextOffset(iterType: IterType, field: string, btf: Btf = Btf.vmlinux()): number {
  return contextPath(btf, iterType, field).offset;
}

function contextPath(btf: Btf, iterType: IterType, field: string): ResolvedPath {
  findTarget(btf, iterType);
  const path = resolvePath(btf, btf.struct(`bpf_iter__${iterType}`), field);
  if (path.loads.length > 0)
    throw new BtfError(`${field} leads out of the context of ${iterType}; load its pointer, then loadMember()`);
  return path;
}

// NULL

/** Jumps to the label when the register is 0. Clobbers nothing. */
export function iterCheckNull(reg: Reg, label: string): Fragment {
  return (asm) => asm.jumpIfImm('eq', reg, 0, label);
}

/** Returns 0 (go on) when the register is 0. Clobbers R0 only as it leaves. */
export function iterCheckNullAndExit(reg: Reg): Fragment {
  return (asm) => {
    const there = asm.fresh('not_null');
    asm.jumpIfImm('ne', reg, 0, there).movImm(R0, 0).exit().label(there);
  };
}

// Output. All that a call writes for one object is taken or, with the kernel's buffer full, dropped and asked for again.

/**
 * Writes `size` bytes at dataReg: bpf_seq_write (helper 127, Linux 5.8). Clobbers R0 to R5; R0 = 0, or -EOVERFLOW
 * when the buffer is full: the program then runs again for this object.
 */
export function seqWrite(metaReg: Reg, dataReg: Reg, size: number): Fragment {
  return (asm) => {
    pass(asm, [
      [R1, metaReg],
      [R2, dataReg],
    ]);
    iterLoadMetaField(R1, R1, 'seq')(asm);
    asm.movImm(R3, size).call('seq_write');
  };
}

/** MAX_BPRINTF_VARARGS (include/linux/bpf.h). */
const MAX_PRINTF_VALUES = 12;

/**
 * Writes formatted text: bpf_seq_printf (helper 126, Linux 5.8). Values are registers of 64 bits; %s wants the address
 * of a text in the kernel. The format knows %d %i %u %x with l and ll, %s, %p, %pI4, %pI6 and widths. Format and values
 * lie at the far end of the stack for the call. Clobbers R0 to R5; R0 = 0 or an error (-EINVAL: a format that the
 * kernel refuses, which is seen only as missing output).
 */
export function seqPrintfSimple(metaReg: Reg, format: string, values: readonly Reg[] = []): Fragment {
  return (asm) => {
    if (values.length > MAX_PRINTF_VALUES)
      throw new AsmError(
        `seqPrintfSimple: ${values.length} values, the kernel takes ${MAX_PRINTF_VALUES}; write in two parts`,
      );
    const text = Buffer.from(`${format}\0`);
    const words = Math.ceil(text.length / 4);
    const at = asm.scratch(values.length * 8 + words * 4, 'seqPrintfSimple');
    const formatAt = at + values.length * 8;
    for (const [i, value] of values.entries()) asm.store(8, R10, at + i * 8, value);
    const padded = Buffer.concat([text], words * 4);
    const view = new DataView(padded.buffer, padded.byteOffset, padded.length);
    for (let i = 0; i < words; i++) asm.storeImm(4, R10, formatAt + i * 4, view.getInt32(i * 4, LITTLE));
    pass(asm, [[R1, metaReg]]);
    iterLoadMetaField(R1, R1, 'seq')(asm);
    asm.note(JSON.stringify(format)).mov(R2, R10).aluImm('add', R2, formatAt).movImm(R3, text.length);
    if (values.length > 0) asm.mov(R4, R10).aluImm('add', R4, at);
    else asm.movImm(R4, 0);
    asm.movImm(R5, values.length * 8).call('seq_printf');
  };
}

/** How bpf_seq_printf_btf shows a type. */
export interface BtfFormat {
  /** On one line. */
  readonly compact?: boolean;
  /** Without the names of members. */
  readonly noName?: boolean;
  /** Addresses as they are, not hashed. */
  readonly rawPointers?: boolean;
  /** Members that are zero as well. */
  readonly zero?: boolean;
}

/**
 * Writes what ptrReg points to as text, all members by name: bpf_seq_printf_btf (helper 150, Linux 5.10). `struct` is
 * the name of a struct or union. What one object gives has to fit the kernel's buffer, seqBufferBytes() (a task_struct
 * has 11 KB). Clobbers R0 to R5.
 */
export function seqPrintfBtf(metaReg: Reg, ptrReg: Reg, struct: string, format: BtfFormat = {}): Fragment {
  return (asm) => {
    // struct btf_ptr { void *ptr; u32 type_id; u32 flags; }, and enum BTF_F_*: include/uapi/linux/bpf.h.
    const at = asm.scratch(16, 'seqPrintfBtf');
    const flags =
      (format.compact ? 1 : 0) | (format.noName ? 2 : 0) | (format.rawPointers ? 4 : 0) | (format.zero ? 8 : 0);
    asm
      .store(8, R10, at, ptrReg)
      .note(struct)
      .storeImm(4, R10, at + 8, asm.btf.struct(struct));
    asm.storeImm(4, R10, at + 12, 0);
    pass(asm, [[R1, metaReg]]);
    iterLoadMetaField(R1, R1, 'seq')(asm);
    asm.mov(R2, R10).aluImm('add', R2, at).movImm(R3, 16).movImm(R4, flags).call('seq_printf_btf');
  };
}

// Memory

/**
 * dst = R10 + offset: a buffer on the stack that begins at `offset` (-512 to -1) and ends at the next one above.
 * Clobbers nothing else.
 */
export function allocStackBuffer(dst: Reg, offset: number): Fragment {
  return (asm) => {
    asm.buffer(offset);
    asm.mov(dst, R10).aluImm('add', dst, offset);
  };
}

/**
 * Copies `size` bytes of kernel memory at srcReg + offset to dstReg: bpf_probe_read_kernel (helper 113, Linux 5.5).
 * What cannot be read is zero. Needs a GPL-compatible license. Clobbers R0 to R5; R0 = 0 or -EFAULT.
 */
export function probeReadKernel(dstReg: Reg, size: number, srcReg: Reg, offset = 0): Fragment {
  return (asm) => probeRead(asm, 'probe_read_kernel', dstReg, size, srcReg, offset);
}

/**
 * Copies a text that ends in NUL from kernel memory at srcReg + offset to dstReg, at most `size` bytes with the NUL:
 * bpf_probe_read_kernel_str (helper 115, Linux 5.5). Needs a GPL-compatible license. The buffer behind the NUL keeps
 * what it had, and the verifier wants it initialized before it is written out whole. Clobbers R0 to R5; R0 = the
 * length with the NUL, or -EFAULT.
 */
export function probeReadKernelStr(dstReg: Reg, size: number, srcReg: Reg, offset = 0): Fragment {
  return (asm) => probeRead(asm, 'probe_read_kernel_str', dstReg, size, srcReg, offset);
}

function probeRead(
  asm: IterAssembler,
  helper: 'probe_read_kernel' | 'probe_read_kernel_str',
  dstReg: Reg,
  size: number,
  srcReg: Reg,
  offset: number,
): void {
  pass(asm, [
    [R1, dstReg],
    [R3, srcReg],
  ]);
  if (offset !== 0) asm.aluImm('add', R3, offset);
  asm.movImm(R2, size).call(helper);
}

/**
 * dst = the number (unsigned) or pointer at a member path such as `real_parent->tgid`, seen from a pointer to `struct`.
 * Plain loads, which the kernel lets fail: a NULL on the way gives 0. Clobbers nothing but dst.
 * @throws BtfError, with the nearest names, where this kernel has no such member
 */
export function loadMember(ptrReg: Reg, dst: Reg, struct: string, path: string): Fragment {
  return (asm) => loadPath(asm, ptrReg, dst, resolvePath(asm.btf, asm.btf.struct(struct), path));
}

/** dst = the address of a member, say of an array of characters for %s. Clobbers nothing but dst. @throws BtfError */
export function memberAddress(ptrReg: Reg, dst: Reg, struct: string, path: string): Fragment {
  return (asm) => {
    const { loads, offset, bits, text } = resolvePath(asm.btf, asm.btf.struct(struct), path);
    if (bits > 0) throw new BtfError(`${text} is a bit-field, which has no address; use loadMember()`);
    asm.note(`&${text}`);
    if (loads.length === 0) asm.mov(dst, ptrReg);
    else follow(asm, ptrReg, dst, loads);
    asm.aluImm('add', dst, offset);
  };
}

function loadPath(asm: IterAssembler, ptrReg: Reg, dst: Reg, path: ResolvedPath): void {
  const { size, text, bits, bitOffset } = path;
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8)
    throw new BtfError(`${text} has ${size} bytes, which no register holds; use memberAddress()`);
  asm.note(text);
  const from = follow(asm, ptrReg, dst, path.loads);
  asm.load(size, dst, from, path.offset);
  if (bits === 0) return;
  if (bitOffset > 0) asm.aluImm('rsh', dst, bitOffset);
  asm.aluImm('lsh', dst, 64 - bits).aluImm('rsh', dst, 64 - bits);
}

/** @returns the register with the last pointer */
function follow(asm: IterAssembler, ptrReg: Reg, dst: Reg, loads: readonly number[]): Reg {
  let from = ptrReg;
  for (const offset of loads) {
    asm.load(8, dst, from, offset);
    from = dst;
  }
  return from;
}

// Tasks

/** dst = task->pid, the id of the thread. Clobbers nothing else. */
export function taskLoadPid(taskReg: Reg, dst: Reg): Fragment {
  return loadMember(taskReg, dst, 'task_struct', 'pid');
}

/** dst = task->tgid, the id of the process, which user space calls PID. Clobbers nothing else. */
export function taskLoadTgid(taskReg: Reg, dst: Reg): Fragment {
  return loadMember(taskReg, dst, 'task_struct', 'tgid');
}

// Return

/** Returns 0: what was written counts, and the next object comes. */
export function iterReturnContinue(): Fragment {
  return (asm) => asm.movImm(R0, 0).exit();
}

/**
 * Ends the walk behind this object; what was written for it counts. Readers see the end of the file.
 *
 * To return 1 is not enough: the kernel takes it for "try again", drops what the program wrote for the object and runs
 * it for the same one at each further read(2) (EAGAIN, for ever). So the program notes in a map that the walk has
 * ended, returns 0, and from then on leaves at once: with 1 where that only ends a read(2) that has something to hand
 * over, else with 0. A reader that looks at the map (BpfIterator.read()) stops there; for any other reader, cat say,
 * the rest is walked in silence. After a stop there is no last call with NULL.
 *
 * @param ctxReg where the context is; by default where the prologue put it
 * @throws AsmError where there is no prologue
 */
export function iterReturnStop(ctxReg?: Reg): Fragment {
  return (asm) => {
    const ctx = ctxReg ?? asm.ctxReg;
    if (ctx === undefined)
      throw new AsmError('iterReturnStop: it needs the context; begin with iterPrologue() or name the register');
    asm.stops = true;
    asm.tagged('stop', () => {
      iterLoadCtxPtr(ctx, R2, 'meta')(asm);
      stopSlot(asm);
      iterLoadMetaField(R2, R4, 'seq_num')(asm);
      asm.store(8, R0, 0, R3).store(8, R0, 8, R4);
      iterReturnContinue()(asm);
    });
  };
}

/** {@link iterReturnContinue} or {@link iterReturnStop}, by word. */
export function iterReturn(what: 'continue' | 'stop'): Fragment {
  return what === 'stop' ? iterReturnStop() : iterReturnContinue();
}

/** A walk's place among those that have ended; many walks of one program may be open at the same time. */
const STOP_SLOTS = 64;
const STOP_SLOT_BYTES = 16;
const STOP_SLOTS_AT = 8;

/**
 * What a program with {@link iterReturnStop} needs under the name `stop`; loadIteratorProgram() makes one. Its value:
 * u64 session id of the walk that was last cut short, then slots of { u64 session_id; u64 seq_num } that say behind
 * which object the walk of this session ends.
 */
export const STOP_MAP: MapOptions = {
  type: 'array',
  keySize: 4,
  valueSize: STOP_SLOTS_AT + STOP_SLOTS * STOP_SLOT_BYTES,
  maxEntries: 1,
  name: 'stop',
};

/** From meta in R2: R3 = session id, R0 = the walk's slot. */
function stopSlot(asm: IterAssembler): void {
  iterLoadMetaField(R2, R3, 'session_id')(asm);
  asm
    .mov(R4, R3)
    .aluImm('and', R4, STOP_SLOTS - 1)
    .aluImm('mul', R4, STOP_SLOT_BYTES)
    .loadMapValue(R0, STOP_MAP.name, STOP_SLOTS_AT)
    .alu('add', R0, R4);
}

/**
 * Leaves if the walk has ended. The object at which it did has to pass: with the buffer full the kernel runs the
 * program for it once more, under the same seq_num. Keeps R1.
 */
function leaveIfStopped(asm: IterAssembler): void {
  const [go, out] = [asm.fresh('go'), asm.fresh('out')];
  iterLoadCtxPtr(R1, R2, 'meta')(asm);
  stopSlot(asm);
  asm.load(8, R4, R0, 0).jumpIf('ne', R4, R3, go);
  asm.load(8, R4, R0, 8);
  iterLoadMetaField(R2, R5, 'seq_num')(asm);
  asm.jumpIf('le', R5, R4, go).loadMapValue(R0, STOP_MAP.name).store(8, R0, 0, R3).movImm(R0, 0);
  // A walk over cgroups cannot go on after a read(2) that ended early.
  if (asm.iterType !== 'cgroup') {
    // 1 with nothing to hand over would be EAGAIN.
    iterLoadMetaField(R2, R2, 'seq')(asm);
    loadMember(R2, R2, 'seq_file', 'count')(asm);
    asm.jumpIfImm('eq', R2, 0, out).movImm(R0, 1);
  }
  asm.label(out).exit().label(go);
}

// Programs

export interface BuildIterOptions {
  readonly iterType: IterType;
  readonly ctxReg?: Reg;
  /** Gets the meta pointer. */
  readonly metaReg?: Reg;
  /** May jump to the label `default`, where the default action is; has to, if it ends in a return of its own. */
  readonly body: readonly Fragment[];
  readonly defaultAction?: 'continue' | 'stop';
  readonly btf?: Btf;
}

/** A whole program: prologue with meta, body, return. @throws BtfError, AsmError */
export function buildIterProgram(options: BuildIterOptions): IterCode {
  const { iterType, ctxReg = R6, metaReg = R8, body, defaultAction = 'continue', btf } = options;
  const fragments: Fragment[] = [
    iterPrologueWithMeta(ctxReg, metaReg),
    ...body,
    (asm) => asm.label('default'),
    iterReturn(defaultAction),
  ];
  return assembleIter(iterType, fragments, btf);
}

/** The smallest program that the kernel takes: walks over all tasks, writes nothing. @throws BtfError */
export function minimalTaskIterator(btf?: Btf): IterCode {
  return assembleIter('task', [iterPrologue(), iterReturnContinue()], btf);
}

/**
 * A task program around a body that runs for real tasks only, with the context in R6, the task in R7 and meta in R8.
 * @throws BtfError, AsmError
 */
export function taskNullCheckTemplate(body: readonly Fragment[] = [], btf?: Btf): IterCode {
  const fragments: Fragment[] = [
    iterPrologueWithMeta(R6, R8),
    iterLoadCtxPtr(R6, R7, 'task'),
    iterCheckNullAndExit(R7),
    ...body,
    iterReturnContinue(),
  ];
  return assembleIter('task', fragments, btf);
}

/** What one would want to know of a program without loading it. */
export interface IterInfo {
  /** Of the program; the kernel keeps the first 15 characters. */
  readonly name: string;
  readonly iterType: IterType;
  /** As libbpf names the ELF section. */
  readonly section: string;
  /** The context struct. */
  readonly btfName: string;
  readonly attachBtfId: number;
  /** Member of the context -> its offset in bytes. */
  readonly context: Readonly<Record<string, number>>;
  /** Length in slots of 8 bytes. */
  readonly slots: number;
  /** Maps that it refers to. */
  readonly maps: readonly string[];
}

/** Metadata of a program. @throws BtfError */
export function makeIterInfo(name: string, code: IterCode, btf: Btf = Btf.vmlinux()): IterInfo {
  const { iterType, attachBtfId, slots, maps } = code;
  const members = findTarget(btf, iterType).members.map((m): [string, number] => [m.name, m.offset]);
  return {
    name,
    iterType,
    section: iterSectionName(iterType),
    btfName: `bpf_iter__${iterType}`,
    attachBtfId,
    context: { meta: iterContextOffset(iterType, 'meta', btf), ...Object.fromEntries(members) },
    slots,
    maps,
  };
}

/** iter/bpf_iter__task for task. */
export function iterSectionName(iterType: IterType): string {
  return `iter/bpf_iter__${iterType}`;
}

/**
 * Moves registers into argument registers as if all at once: none is overwritten while another move still reads it.
 * May use R0, which the call that follows overwrites anyway.
 */
function pass(asm: Assembler, moves: readonly (readonly [to: Reg, from: Reg])[]): void {
  const left = moves.filter(([to, from]) => to !== from);
  while (left.length > 0) {
    const free = left.findIndex(([to]) => !left.some(([, from]) => from === to));
    if (free < 0) {
      // A ring: take one value out of it.
      const [to, from] = left[0];
      asm.mov(R0, from);
      left[0] = [to, R0];
    } else {
      const [[to, from]] = left.splice(free, 1);
      asm.mov(to, from);
    }
  }
}
