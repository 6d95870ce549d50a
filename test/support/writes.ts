/**
 * What a program writes to and calls, on every way through it: an abstract run over its instructions that knows of a
 * register only whether it points to the program's own stack, into a map, or to anything else. The verifier says the
 * same of each program that it loads; this does not take its word for it.
 */
import {
  ALU_CODE,
  CALL,
  CLASS,
  EXIT,
  type Instruction,
  JUMP_CODE,
  LOAD_IMM64,
  MODE,
  PSEUDO,
  SIZE_CODE,
  SRC_REG,
  slotsOf,
} from '../../src/bpf/asm.ts';
import { HELPERS } from '../../src/bpf/helpers.ts';

/** `stack` with its offset from the frame pointer, NaN where that is not known; `map`: into a value of one. */
type Value = { readonly to: 'stack'; readonly at: number } | { readonly to: 'map' | 'map fd' | 'other' };

const OTHER: Value = { to: 'other' };
const SOMEWHERE: Value = { to: 'stack', at: Number.NaN };

interface State {
  readonly regs: readonly Value[];
  /** Pointers on the stack, by their offset. */
  readonly spilled: ReadonlyMap<number, Value>;
}

export interface Rules {
  /** Helpers that may be called; the registers in which they take memory that they write to. */
  readonly helpers: Readonly<Record<string, readonly number[]>>;
  /** The same of functions of the kernel. */
  readonly functions: Readonly<Record<string, readonly number[]>>;
  functionName(btfId: number): string;
}

const NAMES = new Map<number, string>(Object.entries(HELPERS).map(([name, id]) => [id, name]));
const MEMORY = 0xe0;
const SIZES = new Map<number, number>(Object.entries(SIZE_CODE).map(([size, code]) => [code, Number(size)]));

/** What the program does that it may not: `slot 12: ...`. */
export function violations(program: readonly Instruction[], rules: Rules): string[] {
  const slots: number[] = [];
  const indexOf = new Map<number, number>();
  let slot = 0;
  for (const [index, instruction] of program.entries()) {
    slots.push(slot);
    indexOf.set(slot, index);
    slot += slotsOf(instruction);
  }
  const wrong = new Set<string>();
  const states: (State | undefined)[] = [];
  const start: Value[] = Array(11).fill(OTHER);
  start[10] = { to: 'stack', at: 0 };
  const waiting: [index: number, state: State][] = [[0, { regs: start, spilled: new Map() }]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [index, came] = next;
    const instruction = program[index];
    if (!instruction) throw new Error('the program does not end');
    const known = states[index];
    const state = known ? joined(known, came) : came;
    if (known && same(known, state)) continue;
    states[index] = state;
    const say = (what: string) => wrong.add(`slot ${slots[index]}: ${what}`);
    const after = step(instruction, state, rules, say);
    for (const to of following(instruction, slots[index]!)) {
      const at = indexOf.get(to);
      if (at === undefined) say(`a jump to slot ${to}, where no instruction begins`);
      else waiting.push([at, after]);
    }
  }
  return [...wrong];
}

function following(instruction: Instruction, slot: number): number[] {
  const { code, off } = instruction;
  const kind = code & 7;
  const through = slot + slotsOf(instruction);
  if (code === EXIT) return [];
  if ((kind !== CLASS.JMP && kind !== CLASS.JMP32) || code === CALL) return [through];
  if ((code & 0xf0) === JUMP_CODE.always) return [through + (kind === CLASS.JMP32 ? instruction.imm : off)];
  return [through, through + off];
}

const own = (value: Value) => value.to === 'stack' || value.to === 'map';

function step(i: Instruction, state: State, rules: Rules, say: (what: string) => void): State {
  const regs = [...state.regs];
  const spilled = new Map(state.spilled);
  const kind = i.code & 7;
  const size = SIZES.get(i.code & 0x18)!;
  const forget = (base: Value, off: number, bytes: number) => {
    if (base.to !== 'stack') return;
    for (const at of spilled.keys())
      if (Number.isNaN(base.at) || (at < base.at + off + bytes && at + 8 > base.at + off)) spilled.delete(at);
  };
  const write = (what: string) => {
    const base = regs[i.dst]!;
    if (!own(base)) say(`${what} r${i.dst}, which is neither the stack nor a map`);
    forget(base, i.off, size);
    return base;
  };
  if (kind === CLASS.LDX) {
    const base = regs[i.src]!;
    const held = base.to === 'stack' && size === 8 ? spilled.get(base.at + i.off) : undefined;
    regs[i.dst] = held ?? OTHER;
  } else if (i.code === LOAD_IMM64) {
    regs[i.dst] = { to: i.src === PSEUDO.MAP_FD ? 'map fd' : i.src === PSEUDO.MAP_VALUE ? 'map' : 'other' };
    if (i.src === PSEUDO.FUNC) say('a function of its own, which is not looked into');
  } else if (kind === CLASS.LD) {
    say(`opcode ${i.code}`);
  } else if (kind === CLASS.ST) {
    write('a store to');
  } else if (kind === CLASS.STX && (i.code & MEMORY) === MODE.ATOMIC) {
    write('an atomic operation on');
    regs[i.src] = OTHER;
    regs[0] = OTHER;
  } else if (kind === CLASS.STX) {
    const base = write('a store to');
    if (base.to === 'stack' && size === 8 && own(regs[i.src]!)) spilled.set(base.at + i.off, regs[i.src]!);
  } else if (kind === CLASS.ALU64 || kind === CLASS.ALU) {
    regs[i.dst] = kind === CLASS.ALU ? OTHER : calculated(i, regs[i.dst]!, regs[i.src]!);
  } else if (i.code === CALL) {
    call(i, regs, rules, say);
    // What it writes to may lie anywhere on the stack; what this program keeps there are no pointers it writes through.
    for (const reg of [1, 2, 3, 4, 5]) if (regs[reg]!.to === 'stack') spilled.clear();
    regs[0] = returned(i);
    for (const reg of [1, 2, 3, 4, 5]) regs[reg] = OTHER;
  }
  return { regs, spilled };
}

function calculated({ code, src, imm }: Instruction, dst: Value, other: Value): Value {
  const operation = code & 0xf0;
  const register = (code & SRC_REG) !== 0;
  if (operation === ALU_CODE.mov) return register ? other : OTHER;
  if (operation !== ALU_CODE.add && operation !== ALU_CODE.sub) return OTHER;
  if (own(dst)) {
    if (dst.to !== 'stack') return dst;
    return register ? SOMEWHERE : { to: 'stack', at: dst.at + (operation === ALU_CODE.add ? imm : -imm) };
  }
  if (register && operation === ALU_CODE.add && own(other) && src !== undefined)
    return other.to === 'stack' ? SOMEWHERE : other;
  return OTHER;
}

const returned = (i: Instruction): Value =>
  i.src === 0 && NAMES.get(i.imm)?.startsWith('map_lookup') ? { to: 'map' } : OTHER;

function call(i: Instruction, regs: readonly Value[], rules: Rules, say: (what: string) => void) {
  if (i.src === PSEUDO.CALL) return say('a call of its own, which is not looked into');
  const helper = i.src === 0;
  const name = helper ? (NAMES.get(i.imm) ?? `helper ${i.imm}`) : rules.functionName(i.imm);
  const writes = (helper ? rules.helpers : rules.functions)[name];
  if (!writes) return say(`a call of ${name}`);
  for (const reg of writes)
    if (!own(regs[reg]!)) say(`${name} writes to r${reg}, which is neither the stack nor a map`);
}

function joined(a: State, b: State): State {
  const meet = (x: Value | undefined, y: Value | undefined): Value => {
    if (!x || !y || x.to !== y.to) return OTHER;
    return x.to === 'stack' && y.to === 'stack' && !Object.is(x.at, y.at) ? SOMEWHERE : x;
  };
  const spilled = new Map<number, Value>();
  for (const [at, value] of a.spilled) {
    const both = meet(value, b.spilled.get(at));
    if (own(both)) spilled.set(at, both);
  }
  return { regs: a.regs.map((value, reg) => meet(value, b.regs[reg])), spilled };
}

function same(a: State, b: State): boolean {
  const equal = (x: Value | undefined, y: Value | undefined) =>
    x?.to === y?.to && (x?.to !== 'stack' || y?.to !== 'stack' || Object.is(x.at, y.at));
  return (
    a.regs.every((value, reg) => equal(value, b.regs[reg])) &&
    a.spilled.size === b.spilled.size &&
    [...a.spilled].every(([at, value]) => equal(value, b.spilled.get(at)))
  );
}
