/**
 * Derived columns that are arithmetic over whole numbers: said once more as an expression that the program can compute,
 * so that conditions over them run in the kernel. The functions themselves are in derive.ts; these have to agree.
 */
import { type Assembler, R1, type Reg, type Size } from '../bpf/asm.ts';
import type { RecordPlace } from './emit.ts';
import type { Field } from './record.ts';
import { TCP_LISTEN, TCP_NEW_SYN_RECV, TCP_TIME_WAIT } from './tcp-states.ts';

/** A whole number of 64 bits with a sign. null is no value, and neither has what is computed from it. */
export type Integer =
  | number
  | null
  | { readonly column: string }
  | { readonly op: 'sub' | 'and'; readonly left: Integer; readonly right: Integer }
  /** As a signed number of 32 bits, and 0 where that is below 0: a distance between numbers that wrap. */
  | { readonly ahead: Integer }
  | { readonly when: Test; readonly then: Integer; readonly else: Integer };

/** What has no value passes no test. */
export type Test = { readonly of: Integer; readonly is: 'eq' | 'ne' | 'sgt'; readonly value: number } | readonly Test[];

/** The derived value is `value / per`; `per` is a power of two, so that the quotient is exact. */
export interface Quotient {
  readonly value: Integer;
  readonly per: number;
}

const sub = (left: Integer, right: Integer): Integer => ({ op: 'sub', left, right });
const and = (left: Integer, mask: Integer): Integer => ({ op: 'and', left, right: mask });
const is = (of: Integer, value: number): Test => ({ of, is: 'eq', value });
const not = (of: Integer, value: number): Test => ({ of, is: 'ne', value });
const above = (of: Integer, value: number): Test => ({ of, is: 'sgt', value });
const when = (test: Test, then: Integer, otherwise: Integer): Integer => ({ when: test, then, else: otherwise });

/** By name of the function in derive.ts. undefined where these arguments make no such expression. */
export const INTEGER: Readonly<Record<string, (...args: Integer[]) => Integer | Quotient | undefined>> = {
  sub,
  // a & 0 is 0 where a has a value.
  bit: (a, mask) => (typeof mask === 'number' && mask < 2 ** 32 ? when(not(and(a, mask), 0), 1, and(a, 0)) : undefined),
  access_mode: (mode) => and(mode, 3),
  below: (a, most) => (typeof most === 'number' ? when(above(sub(a, most), -1), null, a) : undefined),
  listening: (state, value) => when(is(state, TCP_LISTEN), value, null),
  positive_div: (a, per) =>
    typeof per === 'number' && per > 0 && Number.isInteger(Math.log2(per))
      ? { value: when(above(a, 0), a, null), per }
      : undefined,
  tcp_state: (state, substate) => when([is(state, TCP_TIME_WAIT), above(substate, 0)], substate, state),
  tcp_rxq: (state, next, copied, backlog) => when(is(state, TCP_LISTEN), backlog, { ahead: sub(next, copied) }),
  tcp_txq: (state, write, acknowledged, limit) =>
    when(is(state, TCP_LISTEN), limit, { ahead: sub(write, acknowledged) }),
  tcp_timer: (state, pending, keepalive) => {
    const [none, on, alive, timewait, persist] = [0, 1, 2, 3, 4];
    const others = when(is(pending, 3), persist, when(not(keepalive, 0), alive, none));
    const sending = [1, 5, 6].reduceRight<Integer>((rest, kind) => when(is(pending, kind), on, rest), others);
    return when(is(state, TCP_TIME_WAIT), timewait, when(is(state, TCP_NEW_SYN_RECV), on, sending));
  },
  task_state: (state, exit) => {
    const idle: Test = [is(and(state, 0x402), 0x402), is(exit, 0)];
    // The highest bit of both that counts, of seven.
    const highest = [1, 2, 3, 4, 5, 6, 7].reduce<Integer>((rest, n) => {
      const bit = 1 << (n - 1);
      return when(not(and(state, bit), 0), n, when(not(and(exit, bit), 0), n, rest));
    }, 0);
    return when(not(and(state, 0x9000), 0), 2, when(idle, 8, highest));
  },
};

/** Columns of which more than 32 bits count: of wider ones only whether they are some value, as arithmetic could overflow. */
export function wideColumns(value: Integer): string[] {
  if (value === null || typeof value === 'number') return [];
  if ('column' in value) return [value.column];
  if ('op' in value) return [...wideColumns(value.left), ...wideColumns(value.right)];
  if ('ahead' in value) return wideColumns(value.ahead);
  return [...widelyTested(value.when), ...wideColumns(value.then), ...wideColumns(value.else)];
}

function widelyTested(test: Test): string[] {
  if (!('is' in test)) return test.flatMap(widelyTested);
  const plain = test.of !== null && typeof test.of === 'object' && 'column' in test.of;
  return plain && (test.is === 'eq' || test.is === 'ne') ? [] : wideColumns(test.of);
}

/** Whether objects may lack it; `lacks` says so of a column. */
export function mayLack(value: Integer, lacks: (column: string) => boolean): boolean {
  if (value === null) return true;
  if (typeof value === 'number') return false;
  if ('column' in value) return lacks(value.column);
  if ('op' in value) return mayLack(value.left, lacks) || mayLack(value.right, lacks);
  if ('ahead' in value) return mayLack(value.ahead, lacks);
  return mayLack(value.then, lacks) || mayLack(value.else, lacks);
}

/** Computes integers over the fields of the record that is being built, in registers R1 to R5. */
export class IntegerCode {
  readonly #asm: Assembler;
  readonly #record: RecordPlace;
  readonly #fieldOf: (column: string) => Field;

  constructor(asm: Assembler, record: RecordPlace, fieldOf: (column: string) => Field) {
    this.#asm = asm;
    this.#record = record;
    this.#fieldOf = fieldOf;
  }

  /** Loads a field's number, sign-extended where it has a sign. Leaves to `none` where the object lacks it. */
  load(field: Field, none: string, to: Reg = R1): void {
    const asm = this.#asm;
    const { reg, offset } = this.#record;
    if (field.flag) this.present(field, none, to);
    asm.load(field.size as Size, to, reg, offset + field.offset);
    if (isSigned(field) && field.size < 8)
      asm.aluImm('lsh', to, 64 - field.size * 8).aluImm('arsh', to, 64 - field.size * 8);
  }

  /** Leaves to `none` where the object's cast is not there. */
  present(field: Field, none: string, scratch: Reg = R1): void {
    const there = this.#asm.fresh('there');
    this.#asm
      .note('its cast')
      .load(2, scratch, this.#record.reg, this.#record.offset + 2)
      .jumpIfImm('set', scratch, field.flag, there)
      .jump(none)
      .label(there);
  }

  /** @returns whether code after it is reached */
  compute(value: Integer, none: string, to: Reg = R1): boolean {
    const asm = this.#asm;
    if (value === null) {
      asm.jump(none);
      return false;
    }
    if (typeof value === 'number') {
      this.#constant(to, value);
      return true;
    }
    if ('column' in value) {
      this.load(this.#fieldOf(value.column), none, to);
      return true;
    }
    if ('op' in value) {
      const next = (to + 1) as Reg;
      if (!this.compute(value.left, none, to) || !this.compute(value.right, none, next)) return false;
      asm.alu(value.op, to, next);
      return true;
    }
    if ('ahead' in value) {
      if (!this.compute(value.ahead, none, to)) return false;
      const fine = asm.fresh('ahead');
      asm.aluImm('lsh', to, 32).aluImm('arsh', to, 32).jumpIfImm('sge', to, 0, fine).movImm(to, 0).label(fine);
      return true;
    }
    const [otherwise, end] = [asm.fresh('else'), asm.fresh('end')];
    this.#test(value.when, otherwise, to);
    const passes = this.compute(value.then, none, to);
    if (passes) asm.jump(end);
    asm.label(otherwise);
    const others = this.compute(value.else, none, to);
    if (passes) asm.label(end);
    return passes || others;
  }

  /** Falls through where it holds. */
  #test(test: Test, no: string, to: Reg): void {
    if (!('is' in test)) {
      for (const one of test) this.#test(one, no, to);
      return;
    }
    this.compute(test.of, no, to);
    const yes = this.#asm.fresh('yes');
    this.#asm.jumpIfImm(test.is, to, test.value, yes).jump(no).label(yes);
  }

  #constant(to: Reg, value: number): void {
    if (value === (value | 0)) this.#asm.movImm(to, value);
    else this.#asm.loadImm64(to, BigInt(value));
  }
}

export const isSigned = (field: Field) => field.type.startsWith('i') && field.type !== 'inet';
