/**
 * BPF iterators for Node.js: read tasks, sockets, open files and other objects of the Linux kernel, with programs that
 * are put together here, from the types of the running kernel.
 *
 * Needs Linux 5.8 with BTF, and root or CAP_BPF and CAP_PERFMON.
 *
 * Three layers, each usable by itself: programs in the iterator vocabulary ({@link assembleIter}) and iterators in few
 * words ({@link loadIteratorProgram}, {@link createIterator}); the assembler and the kernel's types ({@link Assembler},
 * {@link Btf}); and bpf(2) ({@link loadProgram}, {@link Link}, {@link IteratorFd}, {@link BpfMap}).
 *
 * @packageDocumentation
 */

export {
  type AluOp,
  AsmError,
  Assembler,
  type Assembly,
  encode,
  type Instruction,
  type JumpOp,
  PSEUDO,
  R0,
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  R8,
  R9,
  R10,
  type Reg,
  type Size,
} from './asm.ts';
export { Btf, BtfError, type BtfKind, type BtfMember, type BtfParam } from './btf.ts';
export { type ResolvedPath, resolvePath } from './btf-path.ts';
export { type DisassembleOptions, decode, disassemble } from './disasm.ts';
export { HELPERS, type HelperName } from './helpers.ts';
export { seqBufferBytes } from './host.ts';
export {
  BpfIterator,
  closeIterator,
  createIterator,
  IteratorProgram,
  type LoadIteratorOptions,
  loadIteratorProgram,
  type ReadIteratorOptions,
  withIterator,
} from './iter.ts';
export {
  allocStackBuffer,
  assembleIter,
  type BtfFormat,
  type BuildIterOptions,
  buildIterProgram,
  type Fragment,
  IterAssembler,
  type IterCode,
  type IterInfo,
  type IterType,
  iterCheckNull,
  iterCheckNullAndExit,
  iterContextOffset,
  iterLoadCtxPtr,
  iterLoadMetaField,
  iterPrologue,
  iterPrologueWithMeta,
  iterReturn,
  iterReturnContinue,
  iterReturnStop,
  iterSectionName,
  loadMember,
  makeIterInfo,
  memberAddress,
  minimalTaskIterator,
  probeReadKernel,
  probeReadKernelStr,
  STOP_MAP,
  seqPrintfBtf,
  seqPrintfSimple,
  seqWrite,
  taskLoadPid,
  taskLoadTgid,
  taskNullCheckTemplate,
} from './iter-dsl.ts';
export { IteratorFd, type ReadOptions, type ReadResult, type ReadTarget } from './iterator.ts';
export { Link, type LinkInfo } from './link.ts';
export { BpfMap, type MapOptions } from './map.ts';
export { loadProgram, Program, type ProgramOptions } from './program.ts';
export { describeMissing, type Missing, missing, type System } from './support.ts';
export { BpfError, type Command, OwnedFd } from './syscall.ts';
export { type ContextMember, findTarget, type Target, targetNames } from './targets.ts';
