/**
 * Conditions as bytecode: evaluated over the fields of the record that is being built, so that a refused object never
 * leaves the kernel. First a condition is brought into the form that code is made of (its numbers as ranges of whole
 * ones, what is always or never so taken out: the verifier takes no unreachable code), then the code is emitted.
 */
import { type Assembler, R1, R2, type Reg, type Size } from '../bpf/asm.ts';
import { AF_INET, AF_INET6 } from '../bpf/family.ts';
import { LITTLE } from '../bpf/host.ts';
import type { RecordPlace } from './emit.ts';
import { IntegerCode, isSigned, mayLack, type Quotient } from './integer.ts';
import { type Field, INET_ADDRESS } from './record.ts';
import type { Column } from './template.ts';
import type { Leaf, Network, Num, Where } from './where.ts';

/** A column as the program has it once the record's fields are there: a field, or computed from fields. */
export type KernelColumn =
  | { readonly column: Column; readonly field: Field }
  | ({ readonly column: Column } & Quotient);

export interface KernelScope {
  /** undefined for what the program does not have, or has only a part of (a total over threads). */
  readonly find: (column: string) => KernelColumn | undefined;
  readonly fieldOf: (column: string) => Field;
}

/** Inclusive. */
type IntegerRange = readonly [low: bigint, high: bigint];

type KernelLeaf =
  | { readonly kind: 'present'; readonly of: KernelColumn }
  /** Apart, in order, neither none nor all that the column can hold. */
  | { readonly kind: 'ranges'; readonly of: KernelColumn; readonly ranges: readonly IntegerRange[] }
  | { readonly kind: 'bytes'; readonly field: Field; readonly values: readonly Buffer[] }
  | { readonly kind: 'net'; readonly field: Field; readonly networks: readonly Network[] };
type Node =
  | { readonly kind: 'and' | 'or'; readonly left: Node; readonly right: Node }
  | { readonly kind: 'not'; readonly of: Node }
  | KernelLeaf;
/** A condition that the program can evaluate. */
export type KernelWhere = Node | boolean;

/** undefined where it has to wait until after reading. */
export function kernelWhere(where: Where, scope: KernelScope): KernelWhere | undefined {
  switch (where.kind) {
    case 'and':
    case 'or': {
      const left = kernelWhere(where.left, scope);
      const right = kernelWhere(where.right, scope);
      if (left === undefined || right === undefined) return undefined;
      const decides = where.kind === 'or';
      if (typeof left === 'boolean') return left === decides ? left : right;
      if (typeof right === 'boolean') return right === decides ? right : left;
      return { kind: where.kind, left, right };
    }
    case 'not': {
      const of = kernelWhere(where.of, scope);
      return typeof of === 'boolean' ? !of : of && { kind: 'not', of };
    }
    case 'match':
      return undefined;
    default: {
      const known = scope.find(where.column);
      return known && kernelLeaf(where, known, scope);
    }
  }
}

function kernelLeaf(
  leaf: Exclude<Leaf, { kind: 'match' }> | { readonly kind: 'present'; readonly column: string },
  of: KernelColumn,
  scope: KernelScope,
): KernelWhere | undefined {
  const { column } = of;
  const field = 'field' in of ? of.field : undefined;
  // What is compared as something that only the reader knows.
  if (column.as === 'age' || column.as === 'time' || column.as === 'jiffies' || column.fallback) return undefined;
  if (field?.type === 'text') return undefined;
  if (leaf.kind === 'present') return lacking(of, scope) ? { kind: 'present', of } : true;
  if (leaf.kind === 'net') return field?.type === 'inet' ? { kind: 'net', field, networks: leaf.networks } : undefined;
  if (leaf.kind === 'text') {
    if (field?.type !== 'chars') return undefined;
    if (column.as !== 'hexbytes' && !leaf.values.every(plainText)) return undefined;
    const values = leaf.values
      .map((text) => (column.as === 'hexbytes' ? Buffer.from(text, 'hex') : Buffer.from(text, 'utf8')))
      .filter((bytes) => (column.as === 'hexbytes' ? bytes.length === field.size : bytes.length <= field.size))
      .map((bytes) => (bytes.length < field.size ? Buffer.concat([bytes, Buffer.alloc(1)]) : bytes));
    return values.length > 0 && { kind: 'bytes', field, values };
  }
  if (field?.type === 'chars' || field?.type === 'inet') return undefined;
  const [least, most] = domain(of);
  const ranges = integerRanges(leaf, 'per' in of ? of.per : 1, least, most);
  if (ranges.length === 0) return false;
  if (ranges.length === 1 && ranges[0][0] === least && ranges[0][1] === most)
    return kernelLeaf({ kind: 'present', column: column.name }, of, scope);
  return { kind: 'ranges', of, ranges };
}

/** Texts that decode and encode to the same bytes; a backslash may stand for a byte that is no UTF-8. */
function plainText(text: string): boolean {
  return text !== '' && !/[\\\0]/.test(text) && text.isWellFormed();
}

/** Whether objects may be without a value in the column. */
function lacking(of: KernelColumn, scope: KernelScope): boolean {
  if (!('field' in of)) return mayLack(of.value, (column) => scope.fieldOf(column).flag !== 0);
  const { type, flag } = of.field;
  return (
    flag !== 0 || type === 'inet' || (type === 'chars' ? of.column.as !== 'hexbytes' : of.column.zeroIsNone === true)
  );
}

/** The least and the largest number that a column can hold. */
function domain(of: KernelColumn): IntegerRange {
  if (!('field' in of)) return [-(1n << 63n), (1n << 63n) - 1n];
  const bits = BigInt(of.field.size * 8);
  return isSigned(of.field) ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

/** The whole numbers from `least` to `most` that, divided by `per`, fulfil a comparison: apart, in order. */
function integerRanges(
  leaf: Leaf & { kind: 'compare' | 'in' },
  per: number,
  least: bigint,
  most: bigint,
): IntegerRange[] {
  /** The nearest whole number in the domain, or one beyond it. */
  const whole = (value: Num, round: (value: number) => number) => {
    const times = typeof value === 'bigint' ? value * BigInt(per) : value * per;
    if (times < least) return least - 1n;
    if (times > most) return most + 1n;
    return typeof times === 'bigint' ? times : BigInt(round(times));
  };
  const from = (value: Num) => whole(value, Math.ceil);
  const to = (value: Num) => whole(value, Math.floor);
  const found: IntegerRange[] = [];
  if (leaf.kind === 'in') for (const { low, high } of leaf.ranges) found.push([from(low), to(high)]);
  else {
    const { relation, value } = leaf;
    if (relation === '==') found.push([from(value), to(value)]);
    if (relation === '<' || relation === '!=') found.push([least, from(value) - 1n]);
    if (relation === '<=') found.push([least, to(value)]);
    if (relation === '>' || relation === '!=') found.push([to(value) + 1n, most]);
    if (relation === '>=') found.push([from(value), most]);
  }
  const apart: [bigint, bigint][] = [];
  const inside = found.map(([low, high]) => [low < least ? least : low, high > most ? most : high] as const);
  for (const [low, high] of inside.filter(([low, high]) => low <= high).sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const last = apart.at(-1);
    if (!last || low > last[1] + 1n) apart.push([low, high]);
    else if (high > last[1]) last[1] = high;
  }
  return apart;
}

/** Falls through where the condition holds, jumps to `no` where it does not. Registers R1 to R5. */
export function emitWhere(
  asm: Assembler,
  where: KernelWhere,
  record: RecordPlace,
  fieldOf: (column: string) => Field,
  no: string,
): void {
  if (where === true) return;
  // What follows must look reachable.
  if (where === false) asm.movImm(R1, 0).jumpIfImm('eq', R1, 0, no);
  else {
    const yes = asm.fresh('holds');
    new WhereCode(asm, record, fieldOf).emit(where, yes, no);
    asm.label(yes);
  }
}

/** Every part jumps to `yes` or to `no`, and may jump to either. */
class WhereCode {
  readonly #asm: Assembler;
  readonly #record: RecordPlace;
  readonly #integers: IntegerCode;

  constructor(asm: Assembler, record: RecordPlace, fieldOf: (column: string) => Field) {
    this.#asm = asm;
    this.#record = record;
    this.#integers = new IntegerCode(asm, record, fieldOf);
  }

  emit(where: Node, yes: string, no: string): void {
    const asm = this.#asm;
    switch (where.kind) {
      case 'and':
      case 'or': {
        const next = asm.fresh(where.kind);
        if (where.kind === 'and') this.emit(where.left, next, no);
        else this.emit(where.left, yes, next);
        asm.label(next);
        this.emit(where.right, yes, no);
        break;
      }
      case 'not':
        this.emit(where.of, no, yes);
        break;
      case 'present':
        this.#present(where.of, yes, no);
        break;
      case 'ranges':
        this.#load(where.of, no);
        this.#ranges(where.ranges, domain(where.of), yes, no);
        break;
      default:
        if (where.field.flag) this.#integers.present(where.field, no);
        if (where.kind === 'bytes') for (const bytes of where.values) this.#bytes(bytes, this.#at(where.field), yes);
        else for (const network of where.networks) this.#network(network, this.#at(where.field), yes);
        asm.jump(no);
    }
  }

  #at(field: Field): number {
    return this.#record.offset + field.offset;
  }

  /** R1 = the column's number, times `per` where it is a quotient. */
  #load(of: KernelColumn, no: string): void {
    if (!('field' in of)) this.#integers.compute(of.value, no);
    else {
      this.#integers.load(of.field, no);
      if (of.column.zeroIsNone) this.#asm.jumpIfImm('eq', R1, 0, no);
    }
  }

  #present(of: KernelColumn, yes: string, no: string): void {
    const asm = this.#asm;
    const field = 'field' in of ? of.field : undefined;
    if (field?.type === 'inet' || field?.type === 'chars') {
      if (field.flag) this.#integers.present(field, no);
      if (field.type === 'inet') {
        asm.load(4, R1, this.#record.reg, this.#at(field));
        asm.jumpIfImm('eq', R1, AF_INET, yes).jumpIfImm('eq', R1, AF_INET6, yes).jump(no);
        return;
      }
      if (of.column.as !== 'hexbytes') asm.load(1, R1, this.#record.reg, this.#at(field)).jumpIfImm('eq', R1, 0, no);
    } else this.#load(of, no);
    asm.jump(yes);
  }

  /** Whether R1 is in one of the ranges: by halves, as there may be hundreds. */
  #ranges(ranges: readonly IntegerRange[], [least, most]: IntegerRange, yes: string, no: string): void {
    const asm = this.#asm;
    const signed = least < 0n;
    const jump = (op: 'eq' | 'lt' | 'le', value: bigint, to: string) => {
      const signedOp = op === 'eq' ? op : signed ? (`s${op}` as const) : op;
      if (value >= -0x80000000n && value <= 0x7fffffffn) asm.jumpIfImm(signedOp, R1, Number(value), to);
      else asm.loadImm64(R2, value).jumpIf(signedOp, R1, R2, to);
    };
    const FEW = 3;
    const among = (from: number, end: number): void => {
      if (end - from > FEW) {
        const middle = (from + end) >> 1;
        const below = asm.fresh('below');
        jump('lt', ranges[middle][0], below);
        among(middle, end);
        asm.label(below);
        among(from, middle);
        return;
      }
      for (const [low, high] of ranges.slice(from, end)) {
        if (low === high) jump('eq', low, yes);
        else {
          if (low > least) jump('lt', low, no);
          if (high === most) {
            asm.jump(yes);
            return;
          }
          jump('le', high, yes);
        }
      }
      asm.jump(no);
    };
    among(0, ranges.length);
  }

  /** In pieces that are aligned in the field. */
  #bytes(bytes: Buffer, at: number, yes: string): void {
    const asm = this.#asm;
    const other = asm.fresh('other');
    for (let done = 0; done < bytes.length; ) {
      const left = bytes.length - done;
      const aligned = (at + done) & -(at + done);
      const piece: Size =
        left >= 8 && aligned >= 8 ? 8 : left >= 4 && aligned >= 4 ? 4 : left >= 2 && aligned >= 2 ? 2 : 1;
      const wanted = word(bytes.subarray(done, done + piece));
      asm.load(piece, R1, this.#record.reg, at + done);
      // Not compared as it is: the verifier would then know the field's bytes, and walk through each further text again
      // for each that begins alike: a million instructions for a thousand texts.
      if (wanted <= 0x7fffffffn) asm.aluImm('xor', R1, Number(wanted));
      else asm.loadImm64(R2, wanted).alu('xor', R1, R2);
      asm.jumpIfImm('ne', R1, 0, other);
      done += piece;
    }
    asm.jump(yes).label(other);
  }

  /** Jumps to `yes` where the address is in the network; IPv4 networks also hold mapped addresses. */
  #network({ family, bytes, bits }: Network, at: number, yes: string): void {
    const asm = this.#asm;
    const reg: Reg = this.#record.reg;
    const other = asm.fresh('other_net');
    const start = at + INET_ADDRESS;
    const prefix = (from: number) => {
      for (let done = 0; done < bits; done += 32) {
        const width = Math.min(32, bits - done);
        const mask = width === 32 ? 0xffffffff : (0xffffffff << (32 - width)) >>> 0;
        const wanted = (Buffer.from(bytes.slice(done / 8, done / 8 + 4)).readUInt32BE() & mask) >>> 0;
        asm.load(4, R1, reg, from + done / 8).toBe(R1, 32);
        if (width < 32) asm.aluImm('rsh', R1, 32 - width);
        const leading = BigInt(wanted) >> BigInt(32 - width);
        if (leading <= 0x7fffffffn) asm.jumpIfImm('ne', R1, Number(leading), other);
        else asm.loadImm64(R2, leading).jumpIf('ne', R1, R2, other);
      }
      asm.jump(yes);
    };
    asm.load(4, R1, reg, at);
    if (family === 6) {
      asm.jumpIfImm('ne', R1, AF_INET6, other);
      prefix(start);
    } else {
      const six = asm.fresh('mapped');
      asm.jumpIfImm('ne', R1, AF_INET, six);
      prefix(start);
      asm.label(six).jumpIfImm('ne', R1, AF_INET6, other);
      asm.load(8, R1, reg, start).jumpIfImm('ne', R1, 0, other);
      asm.load(4, R1, reg, start + 8).toBe(R1, 32);
      asm.jumpIfImm('ne', R1, 0xffff, other);
      prefix(start + 12);
    }
    asm.label(other);
  }
}

/** Bytes as the number that a load of them gives. */
function word(bytes: Buffer): bigint {
  const order = LITTLE ? [...bytes].reverse() : [...bytes];
  return order.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
