/**
 * Bytes back to instructions, and instructions to text: one line each, in the words of the kernel's own disassembler
 * (print_bpf_insn in kernel/bpf/disasm.c, 6.18), which verifier logs and `bpftool prog dump xlated opcodes` show.
 */
import { endianness as hostEndianness } from 'node:os';
import {
  ALU_CODE,
  AsmError,
  CALL,
  CLASS,
  EXIT,
  type Instruction,
  JUMP_CODE,
  LOAD_IMM64,
  lowHalf,
  MODE,
  PSEUDO,
  SIZE_CODE,
  SRC_REG,
  slotsOf,
} from './asm.ts';
import { HELPERS } from './helpers.ts';

/**
 * The instructions in these bytes: a program as loaded, or as the kernel gives it back (xlated). Unknown opcodes are
 * kept; AsmError when the bytes cannot be cut into instructions or name a register that does not exist.
 */
export function decode(bytes: Uint8Array, endianness: 'LE' | 'BE' = hostEndianness()): Instruction[] {
  if (bytes.length % 8 !== 0) {
    throw new AsmError(`${bytes.length} bytes are no program: every instruction has 8 bytes (a 64-bit load 16)`);
  }
  const little = endianness === 'LE';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const instructions: Instruction[] = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const code = bytes[at];
    const high = bytes[at + 1] >> 4;
    const low = bytes[at + 1] & 15;
    const [dst, src] = little ? [low, high] : [high, low];
    // The verifier's rewrites use r11 as scratch register.
    const worst = Math.max(dst, src);
    if (worst > 11) throw new AsmError(`slot ${at / 8}: there is no register r${worst}, only r0 to r11`);
    const off = view.getInt16(at + 2, little);
    const imm = view.getInt32(at + 4, little);
    if (code !== LOAD_IMM64) {
      instructions.push({ code, dst, src, off, imm });
      continue;
    }
    at += 8;
    if (at === bytes.length) throw new AsmError(`slot ${at / 8 - 1}: the second half of a 64-bit load is missing`);
    if (view.getUint32(at, little) !== 0) {
      throw new AsmError(`slot ${at / 8}: the second half of a 64-bit load may hold nothing but an immediate`);
    }
    const imm64 = (BigInt(view.getUint32(at + 4, little)) << 32n) | BigInt(imm >>> 0);
    instructions.push({ code, dst, src, off, imm, imm64 });
  }
  return instructions;
}

export interface DisassembleOptions {
  /** Where given, the label that a jump, call or function reference leads to follows it: `goto pc+5 <done>`. */
  readonly labels?: ReadonlyMap<string, number>;
  /** Name of the helper that a call's immediate means; without it, and where it knows none, {@link HELPERS} decides. */
  readonly helperName?: (id: number) => string | undefined;
  /** Name of the kernel function that a call's immediate means: a BTF id, in a program given back by the kernel an address. */
  readonly functionName?: (imm: number) => string | undefined;
  /**
   * What to call a map that has no name in the instruction, given the immediate: in a program to be loaded that is a
   * file descriptor (`fd:5`, the default), in one that the kernel gives back it is the map's id.
   */
  readonly mapName?: (imm: number) => string | undefined;
}

/** One line for each instruction. Distances are in slots, counted from the following one. */
export function disassemble(instructions: readonly Instruction[], options: DisassembleOptions = {}): string[] {
  let slot = 0;
  return instructions.map((instruction) => {
    const label = options.labels && labelOf(instruction, slot, options.labels);
    slot += slotsOf(instruction);
    const text = `(${instruction.code.toString(16).padStart(2, '0')}) ${textOf(instruction, options)}`;
    return label === undefined ? text : `${text} <${label}>`;
  });
}

const ALU_TEXT: Readonly<Record<number, string>> = {
  [ALU_CODE.add]: '+=',
  [ALU_CODE.sub]: '-=',
  [ALU_CODE.mul]: '*=',
  [ALU_CODE.div]: '/=',
  [ALU_CODE.or]: '|=',
  [ALU_CODE.and]: '&=',
  [ALU_CODE.lsh]: '<<=',
  [ALU_CODE.rsh]: '>>=',
  [ALU_CODE.mod]: '%=',
  [ALU_CODE.xor]: '^=',
  [ALU_CODE.mov]: '=',
  [ALU_CODE.arsh]: 's>>=',
};

const JUMP_TEXT: Readonly<Record<number, string>> = {
  [JUMP_CODE.eq]: '==',
  [JUMP_CODE.gt]: '>',
  [JUMP_CODE.ge]: '>=',
  [JUMP_CODE.set]: '&',
  [JUMP_CODE.ne]: '!=',
  [JUMP_CODE.sgt]: 's>',
  [JUMP_CODE.sge]: 's>=',
  [JUMP_CODE.lt]: '<',
  [JUMP_CODE.le]: '<=',
  [JUMP_CODE.slt]: 's<',
  [JUMP_CODE.sle]: 's<=',
};

const WIDTH: Readonly<Record<number, number>> = {
  [SIZE_CODE[1]]: 8,
  [SIZE_CODE[2]]: 16,
  [SIZE_CODE[4]]: 32,
  [SIZE_CODE[8]]: 64,
};

const HELPER_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(HELPERS).map(([name, id]) => [id, `bpf_${name}`]),
);

/** The immediate of an atomic operation: an ALU operation that may fetch the old value, or one of these. */
const ATOMIC = { FETCH: 0x01, XCHG: 0xe1, CMPXCHG: 0xf1, LOAD_ACQUIRE: 0x100, STORE_RELEASE: 0x110 };
const ATOMIC_FETCH_NAME: Readonly<Record<number, string>> = {
  [ALU_CODE.add]: 'add',
  [ALU_CODE.and]: 'and',
  [ALU_CODE.or]: 'or',
  [ALU_CODE.xor]: 'xor',
};
/** BPF_ST with this mode is a speculation barrier, which only the verifier inserts. */
const MODE_NOSPEC = 0xc0;
/** BPF_JCOND: may_goto, an open-coded bounded loop. */
const JUMP_MAY = 0xe0;

const operation = (code: number) => code & 0xf0;
const signed = (value: number) => (value < 0 ? `${value}` : `+${value}`);
const hex = (value: number) => `0x${(value >>> 0).toString(16)}`;

function textOf(instruction: Instruction, options: DisassembleOptions): string {
  const { code } = instruction;
  const text = () => {
    switch (code & 7) {
      case CLASS.ALU:
      case CLASS.ALU64:
        return aluText(instruction);
      case CLASS.JMP:
      case CLASS.JMP32:
        return code === CALL ? callText(instruction, options) : jumpText(instruction);
      case CLASS.LD:
        return code === LOAD_IMM64 ? loadImm64Text(instruction, options) : packetText(instruction);
      default:
        return memoryText(instruction);
    }
  };
  return text() ?? 'unknown instruction';
}

function aluText({ code, dst, src, off, imm }: Instruction): string | undefined {
  const wide = (code & 7) === CLASS.ALU64;
  const bank = wide ? 'r' : 'w';
  const op = operation(code);
  const byRegister = (code & SRC_REG) !== 0;
  if (op === ALU_CODE.end) {
    const swap = wide ? 'bswap' : byRegister ? 'be' : 'le';
    return `r${dst} = ${swap}${imm} r${dst}`;
  }
  if (op === ALU_CODE.neg) return `${bank}${dst} = -${bank}${dst}`;
  const sign = ALU_TEXT[op];
  if (sign === undefined) return undefined;
  if (op === ALU_CODE.mov && byRegister && off !== 0) {
    // The offset of a register move says which move it is.
    if (off === 1) return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`;
    if (off === -1) return `r${dst} = &(void __percpu *)(r${src})`;
    return `${bank}${dst} = (s${off})${bank}${src}`;
  }
  // The offset of a division says that it is signed.
  const prefix = off === 1 && (op === ALU_CODE.div || op === ALU_CODE.mod) ? 's' : '';
  return `${bank}${dst} ${prefix}${sign} ${byRegister ? `${bank}${src}` : imm}`;
}

function memoryText({ code, dst, src, off, imm }: Instruction): string | undefined {
  const width = WIDTH[code & 0x18];
  const mode = code & 0xe0;
  const place = (register: number, type = 'u') => `(${type}${width} *)(r${register} ${signed(off)})`;
  switch (code & 7) {
    case CLASS.LDX:
      if (mode === MODE.MEM) return `r${dst} = *${place(src)}`;
      return mode === MODE.MEMSX && width < 64 ? `r${dst} = *${place(src, 's')}` : undefined;
    case CLASS.ST:
      if (mode === MODE.MEM) return `*${place(dst)} = ${imm}`;
      return mode === MODE_NOSPEC ? 'nospec' : undefined;
    default:
      if (mode === MODE.MEM) return `*${place(dst)} = r${src}`;
      return mode === MODE.ATOMIC ? atomicText() : undefined;
  }

  function atomicText(): string | undefined {
    const wide = width === 64 ? '64' : '';
    if (imm === ATOMIC.XCHG) return `r${src} = atomic${wide}_xchg(${place(dst)}, r${src})`;
    if (imm === ATOMIC.CMPXCHG) return `r0 = atomic${wide}_cmpxchg(${place(dst)}, r0, r${src})`;
    if (imm === ATOMIC.LOAD_ACQUIRE) return `r${dst} = load_acquire(${place(src)})`;
    if (imm === ATOMIC.STORE_RELEASE) return `store_release(${place(dst)}, r${src})`;
    const name = ATOMIC_FETCH_NAME[imm & ~ATOMIC.FETCH];
    if (name === undefined) return undefined;
    if (imm & ATOMIC.FETCH) return `r${src} = atomic${wide}_fetch_${name}(${place(dst)}, r${src})`;
    return `lock *${place(dst)} ${ALU_TEXT[imm]} r${src}`;
  }
}

function jumpText({ code, dst, src, off, imm }: Instruction): string | undefined {
  const wide = (code & 7) === CLASS.JMP;
  const op = operation(code);
  const byRegister = (code & SRC_REG) !== 0;
  if (code === EXIT) return 'exit';
  if (op === JUMP_CODE.always && !byRegister) return wide ? `goto pc${signed(off)}` : `gotol pc${signed(imm)}`;
  if (op === JUMP_MAY && wide && !byRegister) return `may_goto pc${signed(off)}`;
  const sign = JUMP_TEXT[op];
  if (sign === undefined) return undefined;
  const bank = wide ? 'r' : 'w';
  return `if ${bank}${dst} ${sign} ${byRegister ? `${bank}${src}` : hex(imm)} goto pc${signed(off)}`;
}

function callText(instruction: Instruction, { helperName, functionName }: DisassembleOptions): string {
  const { src, imm } = instruction;
  if (src === PSEUDO.CALL) return `call pc${signed(callDistance(instruction))}`;
  if (src === PSEUDO.KFUNC) return `call ${functionName?.(imm) ?? 'kernel-function'}#${imm}`;
  return `call ${helperName?.(imm) ?? HELPER_NAMES.get(imm) ?? 'unknown'}#${imm}`;
}

function loadImm64Text({ dst, src, imm64 = 0n, map }: Instruction, { mapName }: DisassembleOptions): string {
  const low = lowHalf(imm64);
  const offset = imm64 >> 32n;
  const value = () => {
    switch (src) {
      case PSEUDO.MAP_FD:
        return `map[${map ?? mapName?.(low) ?? `fd:${low}`}]`;
      case PSEUDO.MAP_VALUE:
        return `map[${map ?? mapName?.(low) ?? `fd:${low}`}][0]+${offset}`;
      case PSEUDO.MAP_IDX:
        return `map[idx:${low}]`;
      case PSEUDO.MAP_IDX_VALUE:
        return `map[idx:${low}][0]+${offset}`;
      case PSEUDO.BTF_ID:
        return `btf[${low}]`;
      case PSEUDO.FUNC:
        return `subprog[${signed(low)}]`;
      default:
        return `0x${imm64.toString(16)}`;
    }
  };
  return `r${dst} = ${value()}`;
}

/** Loads from a packet, in socket filters. */
function packetText({ code, src, imm }: Instruction): string | undefined {
  const width = WIDTH[code & 0x18];
  const mode = code & 0xe0;
  if (mode === MODE.ABS) return `r0 = *(u${width} *)skb[${imm}]`;
  return mode === MODE.IND ? `r0 = *(u${width} *)skb[r${src} + ${imm}]` : undefined;
}

/** In a program that the kernel gives back the immediate is an address, and the offset has the distance. */
function callDistance({ off, imm }: Instruction): number {
  return off === 0 ? imm : off;
}

function labelOf(instruction: Instruction, slot: number, labels: ReadonlyMap<string, number>): string | undefined {
  const distance = distanceOf(instruction);
  if (distance === undefined) return undefined;
  if (instruction.label !== undefined) return instruction.label;
  for (const [name, at] of labels) {
    if (at === slot + 1 + distance) return name;
  }
  return undefined;
}

/** How many slots behind the next one the instruction leads; nothing when it leads nowhere else. */
function distanceOf(instruction: Instruction): number | undefined {
  const { code, src, off, imm } = instruction;
  if (code === LOAD_IMM64) return src === PSEUDO.FUNC ? imm : undefined;
  if (code === CALL) return src === PSEUDO.CALL ? callDistance(instruction) : undefined;
  const cls = code & 7;
  if ((cls !== CLASS.JMP && cls !== CLASS.JMP32) || code === EXIT) return undefined;
  return cls === CLASS.JMP32 && operation(code) === JUMP_CODE.always ? imm : off;
}
