/**
 * BPF instructions: an assembler with labels, and the 8-byte encoding of Linux (include/uapi/linux/bpf.h,
 * Documentation/bpf/standardization/instruction-set.rst).
 *
 * Positions and jump distances are counted in slots of 8 bytes; a 64-bit load takes two slots, anything else one.
 */
import { endianness as hostEndianness } from 'node:os';
import { HELPERS, type HelperName } from './helpers.ts';
import { didYouMean, nearest } from './nearest.ts';

export type Reg = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** What a helper or the program returns. */
export const R0: Reg = 0;
/** R1 to R5 pass arguments and are lost in a call; R1 holds the context at the start. */
export const R1: Reg = 1;
export const R2: Reg = 2;
export const R3: Reg = 3;
export const R4: Reg = 4;
export const R5: Reg = 5;
/** R6 to R9 survive calls. */
export const R6: Reg = 6;
export const R7: Reg = 7;
export const R8: Reg = 8;
export const R9: Reg = 9;
/** The frame pointer, read-only; the stack is the 512 bytes below it. */
export const R10: Reg = 10;

/** Width of a memory access in bytes. */
export type Size = 1 | 2 | 4 | 8;
export type AluOp = 'add' | 'sub' | 'mul' | 'div' | 'or' | 'and' | 'lsh' | 'rsh' | 'mod' | 'xor' | 'arsh';
/** A plain comparison is unsigned, one with an `s` in front is signed; `set` is true when a common bit is set. */
export type JumpOp = 'eq' | 'gt' | 'ge' | 'set' | 'ne' | 'sgt' | 'sge' | 'lt' | 'le' | 'slt' | 'sle';

/** One instruction, with its encoded fields and what was meant by them. */
export interface Instruction {
  /** The opcode byte. */
  readonly code: number;
  /** 0 to 10 in what is assembled here; 11 occurs in what the verifier rewrote. */
  readonly dst: number;
  /** A register, or one of {@link PSEUDO}. */
  readonly src: number;
  /** s16: byte offset of a memory access, or distance of a jump in slots. */
  readonly off: number;
  /** s32; of a 64-bit load the low half. */
  readonly imm: number;
  /**
   * The whole value of a 64-bit load (both slots), as unsigned 64 bits. The low half of a map reference is the map's
   * file descriptor, 0 until it is known; the high half of a map value reference is the byte offset in the value.
   */
  readonly imm64?: bigint;
  /** The label that the instruction jumps to, calls or takes the address of. */
  readonly label?: string;
  /** The map that a 64-bit load refers to, by name. */
  readonly map?: string;
  /** What the instruction serves, say a column. */
  readonly tag?: string;
  readonly note?: string;
}

export interface Assembly {
  /** With jumps resolved; file descriptors of maps come in when encoding. */
  readonly instructions: readonly Instruction[];
  /** The slot of each label. */
  readonly labels: ReadonlyMap<string, number>;
  /** Length in slots. */
  readonly slots: number;
  /** Names of the maps used, in order of first use. */
  readonly maps: readonly string[];
  /** The program's bytes in the byte order of this machine. Throws AsmError when the descriptor of a map is missing. */
  encode(mapFds?: Readonly<Record<string, number>>): Uint8Array;
}

export class AsmError extends Error {
  override readonly name = 'AsmError';
}

export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;
/** Set in the opcode when the operand is a register, clear when it is the immediate. */
export const SRC_REG = 0x08;
/** The mode bits of an opcode that reads or writes memory. */
export const MODE = { IMM: 0x00, ABS: 0x20, IND: 0x40, MEM: 0x60, MEMSX: 0x80, ATOMIC: 0xc0 } as const;
export const SIZE_CODE = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 } as const satisfies Record<Size, number>;
export const ALU_CODE = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const satisfies Record<AluOp | 'neg' | 'mov' | 'end', number>;
export const JUMP_CODE = {
  always: 0x00,
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  call: 0x80,
  exit: 0x90,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
} as const satisfies Record<JumpOp | 'always' | 'call' | 'exit', number>;
/** Meanings of the source register field of a 64-bit load (MAP_FD to MAP_IDX_VALUE) and of a call (CALL, KFUNC). */
export const PSEUDO = {
  MAP_FD: 1,
  MAP_VALUE: 2,
  BTF_ID: 3,
  FUNC: 4,
  MAP_IDX: 5,
  MAP_IDX_VALUE: 6,
  CALL: 1,
  KFUNC: 2,
} as const;
/** The only opcode that takes two slots. */
export const LOAD_IMM64 = CLASS.LD | MODE.IMM | SIZE_CODE[8];
export const CALL = CLASS.JMP | JUMP_CODE.call;
export const EXIT = CLASS.JMP | JUMP_CODE.exit;

/** Length of an instruction in slots. */
export function slotsOf(instruction: Instruction): 1 | 2 {
  return instruction.code === LOAD_IMM64 ? 2 : 1;
}

type Fields = Partial<Omit<Instruction, 'tag' | 'note'>> & Pick<Instruction, 'code'>;

/** Collects instructions; every emitter returns the assembler and throws AsmError for an operand it cannot encode. */
export class Assembler {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();
  /** The last number that fresh() gave out for a prefix. */
  readonly #issued = new Map<string, number>();
  #slots = 0;
  #tag: string | undefined;
  #note: string | undefined;

  mov(dst: Reg, src: Reg): this {
    return this.#alu('mov', CLASS.ALU64, 'mov', dst, src);
  }
  movImm(dst: Reg, imm: number): this {
    return this.#aluImm('movImm', CLASS.ALU64, 'mov', dst, imm);
  }
  /** Copies the low half and clears the high one. */
  mov32(dst: Reg, src: Reg): this {
    return this.#alu('mov32', CLASS.ALU, 'mov', dst, src);
  }
  mov32Imm(dst: Reg, imm: number): this {
    return this.#aluImm('mov32Imm', CLASS.ALU, 'mov', dst, imm);
  }

  alu(op: AluOp, dst: Reg, src: Reg): this {
    return this.#alu('alu', CLASS.ALU64, op, dst, src);
  }
  aluImm(op: AluOp, dst: Reg, imm: number): this {
    return this.#aluImm('aluImm', CLASS.ALU64, op, dst, imm);
  }
  alu32(op: AluOp, dst: Reg, src: Reg): this {
    return this.#alu('alu32', CLASS.ALU, op, dst, src);
  }
  alu32Imm(op: AluOp, dst: Reg, imm: number): this {
    return this.#aluImm('alu32Imm', CLASS.ALU, op, dst, imm);
  }
  neg(dst: Reg): this {
    return this.#emit('neg', { code: CLASS.ALU64 | ALU_CODE.neg, dst });
  }

  /** Converts the low bits from this machine's byte order to big-endian (or back) and clears the rest. */
  toBe(dst: Reg, bits: 16 | 32 | 64): this {
    return this.#emit('toBe', { code: CLASS.ALU | ALU_CODE.end | SRC_REG, dst, imm: bits });
  }
  /** Converts the low bits from this machine's byte order to little-endian (or back) and clears the rest. */
  toLe(dst: Reg, bits: 16 | 32 | 64): this {
    return this.#emit('toLe', { code: CLASS.ALU | ALU_CODE.end, dst, imm: bits });
  }

  /**
   * dst = the `size` bytes at src + off, zero-extended. What is farther away than the 16 bits of an instruction reach
   * takes three of them, the address in dst first: struct pglist_data alone has 170 KB.
   */
  load(size: Size, dst: Reg, src: Reg, off: number): this {
    if (!fitsSigned(off, 16)) return this.mov(dst, src).aluImm('add', dst, off).load(size, dst, dst, 0);
    return this.#emit('load', { code: CLASS.LDX | MODE.MEM | SIZE_CODE[size], dst, src, off });
  }
  /** The `size` bytes at dst + off = the low bytes of src. */
  store(size: Size, dst: Reg, off: number, src: Reg): this {
    return this.#emit('store', { code: CLASS.STX | MODE.MEM | SIZE_CODE[size], dst, src, off });
  }
  /** The `size` bytes at dst + off = imm; 8 bytes get its sign extension. */
  storeImm(size: Size, dst: Reg, off: number, imm: number): this {
    const code = CLASS.ST | MODE.MEM | SIZE_CODE[size];
    return this.#emit('storeImm', { code, dst, off, imm }, size === 8 ? 's32' : 'any32');
  }

  jump(label: string): this {
    return this.#emit('jump', { code: CLASS.JMP | JUMP_CODE.always, label });
  }
  jumpIf(op: JumpOp, dst: Reg, src: Reg, label: string): this {
    return this.#emit('jumpIf', { code: CLASS.JMP | JUMP_CODE[op] | SRC_REG, dst, src, label });
  }
  /** Compares with the sign extension of imm, also when the comparison is unsigned. */
  jumpIfImm(op: JumpOp, dst: Reg, imm: number, label: string): this {
    return this.#emit('jumpIfImm', { code: CLASS.JMP | JUMP_CODE[op], dst, imm, label });
  }
  /** Compares the low halves. */
  jumpIf32(op: JumpOp, dst: Reg, src: Reg, label: string): this {
    return this.#emit('jumpIf32', { code: CLASS.JMP32 | JUMP_CODE[op] | SRC_REG, dst, src, label });
  }
  jumpIf32Imm(op: JumpOp, dst: Reg, imm: number, label: string): this {
    return this.#emit('jumpIf32Imm', { code: CLASS.JMP32 | JUMP_CODE[op], dst, imm, label }, 'any32');
  }

  call(helper: HelperName): this {
    if (!Object.hasOwn(HELPERS, helper)) {
      throw this.#error('call', `no helper ${helper}${didYouMean(nearest(helper, Object.keys(HELPERS)))}`);
    }
    return this.#emit('call', { code: CALL, imm: HELPERS[helper] });
  }
  /** Calls the kernel function whose FUNC has this id in the vmlinux BTF. */
  callKfunc(btfId: number): this {
    return this.#emit('callKfunc', { code: CALL, src: PSEUDO.KFUNC, imm: this.#btfId('callKfunc', btfId) });
  }
  /** Calls the function that begins at the label, in this program. */
  callLocal(label: string): this {
    return this.#emit('callLocal', { code: CALL, src: PSEUDO.CALL, label });
  }

  /** Takes -2^63 to 2^64 - 1. */
  loadImm64(dst: Reg, value: bigint): this {
    if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value) {
      throw this.#error('loadImm64', `${value} does not fit in 64 bits`);
    }
    return this.#loadImm64('loadImm64', { dst, imm64: value });
  }
  /** Loads the map itself, as map helpers want it. */
  loadMapFd(dst: Reg, map: string): this {
    return this.#loadImm64('loadMapFd', { dst, src: PSEUDO.MAP_FD, map });
  }
  /** Loads the address of a byte in the first value of an array map: how global variables are reached. */
  loadMapValue(dst: Reg, map: string, offset = 0): this {
    if (!Number.isInteger(offset) || offset < 0 || offset > 0xffffffff) {
      throw this.#error('loadMapValue', `${offset} is not a byte offset in the value of map ${map}`);
    }
    return this.#loadImm64('loadMapValue', { dst, src: PSEUDO.MAP_VALUE, imm64: BigInt(offset) << 32n, map });
  }
  /** Loads the address of the kernel variable whose VAR has this id in the vmlinux BTF. */
  loadBtfVar(dst: Reg, btfId: number): this {
    const imm64 = BigInt(this.#btfId('loadBtfVar', btfId));
    return this.#loadImm64('loadBtfVar', { dst, src: PSEUDO.BTF_ID, imm64 });
  }
  /**
   * Loads the address of the function that begins at the label, as callback for helpers such as bpf_loop. The verifier
   * wants the program to come with BTF that describes its functions, the callback as a static one (func_info).
   */
  loadFunc(dst: Reg, label: string): this {
    return this.#loadImm64('loadFunc', { dst, src: PSEUDO.FUNC, label });
  }

  exit(): this {
    return this.#emit('exit', { code: EXIT });
  }

  /** Names the position of the next instruction. */
  label(name: string): this {
    const before = this.#labels.get(name);
    if (before !== undefined) {
      throw this.#error(`label ${name}`, `already defined at slot ${before}; fresh() makes unique names`);
    }
    this.#labels.set(name, this.#slots);
    return this;
  }
  /** Slots emitted so far. */
  get slots(): number {
    return this.#slots;
  }
  /** A label name that nothing has used so far. */
  fresh(prefix = 'label'): string {
    let n = this.#issued.get(prefix) ?? 0;
    let name: string;
    do name = `${prefix}_${++n}`;
    while (this.#labels.has(name));
    this.#issued.set(prefix, n);
    return name;
  }
  /** What is emitted inside carries the tag; of nested tags the innermost wins. */
  tagged(tag: string, emit: () => void): this {
    const outer = this.#tag;
    this.#tag = tag;
    try {
      emit();
    } finally {
      this.#tag = outer;
    }
    return this;
  }
  /** A note on the next instruction; several are joined. */
  note(text: string): this {
    this.#note = this.#note === undefined ? text : `${this.#note}; ${text}`;
    return this;
  }

  /**
   * Resolves the labels. Throws AsmError for an unknown label, for one with no instruction behind it, and for a jump
   * farther than the 16 bits of its distance. Whether the program makes sense is for the verifier to say.
   */
  assemble(): Assembly {
    const instructions: Instruction[] = [];
    let slot = 0;
    for (const instruction of this.#instructions) {
      instructions.push(instruction.label === undefined ? instruction : this.#resolve(instruction, slot));
      slot += slotsOf(instruction);
    }
    return {
      instructions,
      labels: new Map(this.#labels),
      slots: slot,
      maps: [...new Set(instructions.flatMap(({ map }) => map ?? []))],
      encode: (mapFds) => encode(instructions, mapFds),
    };
  }

  #resolve(instruction: Instruction, slot: number): Instruction {
    const label = instruction.label!;
    const target = this.#labels.get(label);
    if (target === undefined) {
      const hint = didYouMean(nearest(label, this.#labels.keys())) || '; define it with label()';
      throw new AsmError(`slot ${slot}: no label ${label}${hint}`);
    }
    if (target === this.#slots) {
      throw new AsmError(`slot ${slot}: label ${label} is at the end of the program, where no instruction follows`);
    }
    // Counted from the slot behind the instruction; behind the first one for a 64-bit load (kernel/bpf/verifier.c).
    const distance = target - slot - 1;
    if (instruction.code === LOAD_IMM64)
      return { ...instruction, imm: distance, imm64: BigInt.asUintN(32, BigInt(distance)) };
    if (instruction.code === CALL) return { ...instruction, imm: distance };
    if (!fitsSigned(distance, 16)) {
      throw new AsmError(
        `slot ${slot}: label ${label} is ${distance} slots away, farther than a jump reaches (-32768 to 32767); ` +
          'jump to a nearer label that jumps on',
      );
    }
    return { ...instruction, off: distance };
  }

  #alu(emitter: string, cls: number, op: keyof typeof ALU_CODE, dst: Reg, src: Reg): this {
    return this.#emit(`${emitter} ${op}`, { code: cls | ALU_CODE[op] | SRC_REG, dst, src });
  }
  #aluImm(emitter: string, cls: number, op: keyof typeof ALU_CODE, dst: Reg, imm: number): this {
    return this.#emit(`${emitter} ${op}`, { code: cls | ALU_CODE[op], dst, imm }, cls === CLASS.ALU ? 'any32' : 's32');
  }
  #loadImm64(emitter: string, fields: Omit<Fields, 'code'>): this {
    const imm64 = BigInt.asUintN(64, fields.imm64 ?? 0n);
    return this.#emit(emitter, { ...fields, code: LOAD_IMM64, imm: lowHalf(imm64), imm64 });
  }

  /** BTF ids begin at 1; 0 is void. */
  #btfId(emitter: string, id: number): number {
    if (!fitsSigned(id, 32) || id < 1) throw this.#error(emitter, `${id} is not a BTF id`);
    return id;
  }

  /** An `any32` immediate may be written signed or unsigned, because only its 32 bits count. */
  #emit(emitter: string, fields: Fields, range: 's32' | 'any32' = 's32'): this {
    const { dst = 0, src = 0, off = 0, imm = 0 } = fields;
    for (const register of [dst, src]) {
      if (!Number.isInteger(register) || register < 0 || register > 10) {
        throw this.#error(emitter, `there is no register r${register}, only r0 to r10`);
      }
    }
    if (!fitsSigned(off, 16)) {
      throw this.#error(emitter, `offset ${off} does not fit in 16 bits (-32768 to 32767); add to the register first`);
    }
    if (!fitsSigned(imm, 32) && !(range === 'any32' && imm >>> 0 === imm)) {
      const limits = range === 's32' ? '-2147483648 to 2147483647' : '-2147483648 to 4294967295';
      throw this.#error(emitter, `immediate ${imm} does not fit in 32 bits (${limits}); use loadImm64 and a register`);
    }
    const instruction: Instruction = {
      ...fields,
      dst,
      src,
      off,
      imm: imm | 0,
      ...(this.#tag !== undefined && { tag: this.#tag }),
      ...(this.#note !== undefined && { note: this.#note }),
    };
    this.#note = undefined;
    this.#instructions.push(instruction);
    this.#slots += slotsOf(instruction);
    return this;
  }

  #error(emitter: string, problem: string): AsmError {
    const tag = this.#tag === undefined ? '' : ` (for ${this.#tag})`;
    return new AsmError(`slot ${this.#slots}${tag}: ${emitter}: ${problem}`);
  }
}

/**
 * The bytes of instructions whose jumps are resolved. `mapFds` gives the file descriptor of each map that is referred
 * to by name; AsmError when one is missing.
 */
export function encode(
  instructions: readonly Instruction[],
  mapFds: Readonly<Record<string, number>> = {},
  endianness: 'LE' | 'BE' = hostEndianness(),
): Uint8Array {
  const little = endianness === 'LE';
  const bytes = new Uint8Array(8 * instructions.reduce((slots, instruction) => slots + slotsOf(instruction), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { code, dst, src, off, imm, imm64, map } of instructions) {
    bytes[at] = code;
    // Bit fields: the first of the two is in the low half of the byte on little-endian machines, in the high one on others.
    bytes[at + 1] = little ? (src << 4) | dst : (dst << 4) | src;
    view.setInt16(at + 2, off, little);
    let low = imm;
    if (map !== undefined) {
      const fd = Object.hasOwn(mapFds, map) ? mapFds[map] : undefined;
      if (fd === undefined) {
        throw new AsmError(`slot ${at / 8}: no file descriptor given for map ${map}; create the map before encoding`);
      }
      low = fd;
    }
    view.setInt32(at + 4, low, little);
    at += 8;
    if (code === LOAD_IMM64) {
      view.setUint32(at + 4, Number((imm64 ?? 0n) >> 32n), little);
      at += 8;
    }
  }
  return bytes;
}

/** The low 32 bits as a signed number, the way `imm` holds them. */
export function lowHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

function fitsSigned(value: number, bits: 16 | 32): boolean {
  const limit = 2 ** (bits - 1);
  return Number.isInteger(value) && value >= -limit && value < limit;
}
