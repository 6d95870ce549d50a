import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as asm from '../../src/bpf/asm.ts';
import {
  type AluOp,
  AsmError,
  Assembler,
  encode,
  type JumpOp,
  R0,
  R1,
  R2,
  R3,
  R6,
  R7,
  R10,
  type Reg,
  type Size,
} from '../../src/bpf/asm.ts';
import { decode, disassemble } from '../../src/bpf/disasm.ts';
import { HELPERS, type HelperName } from '../../src/bpf/helpers.ts';

const hex = (bytes: Uint8Array) =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/(.{16})(?=.)/g, '$1 ');

/** The label `end` is the instruction after the one under test. */
function one(emit: (a: Assembler) => void): asm.Instruction {
  const a = new Assembler();
  emit(a);
  return a.label('end').exit().assemble().instructions[0];
}

// opcode, registers (source in the high half), offset (2 bytes), immediate (4 bytes): little-endian.
const TABLE: [emit: (a: Assembler) => void, bytes: string, text: string][] = [
  [(a) => a.mov(R6, R1), 'bf16000000000000', '(bf) r6 = r1'],
  [(a) => a.movImm(R0, 0), 'b700000000000000', '(b7) r0 = 0'],
  [(a) => a.movImm(R2, -1), 'b7020000ffffffff', '(b7) r2 = -1'],
  [(a) => a.movImm(R2, 0x7fffffff), 'b7020000ffffff7f', '(b7) r2 = 2147483647'],
  [(a) => a.mov32(R3, R2), 'bc23000000000000', '(bc) w3 = w2'],
  [(a) => a.mov32Imm(R3, 7), 'b403000007000000', '(b4) w3 = 7'],
  [(a) => a.mov32Imm(R3, 0xffffffff), 'b4030000ffffffff', '(b4) w3 = -1'],

  [(a) => a.alu('add', R2, R3), '0f32000000000000', '(0f) r2 += r3'],
  [(a) => a.alu('sub', R2, R3), '1f32000000000000', '(1f) r2 -= r3'],
  [(a) => a.alu('mul', R2, R3), '2f32000000000000', '(2f) r2 *= r3'],
  [(a) => a.alu('div', R2, R3), '3f32000000000000', '(3f) r2 /= r3'],
  [(a) => a.alu('or', R2, R3), '4f32000000000000', '(4f) r2 |= r3'],
  [(a) => a.alu('and', R2, R3), '5f32000000000000', '(5f) r2 &= r3'],
  [(a) => a.alu('lsh', R2, R3), '6f32000000000000', '(6f) r2 <<= r3'],
  [(a) => a.alu('rsh', R2, R3), '7f32000000000000', '(7f) r2 >>= r3'],
  [(a) => a.alu('mod', R2, R3), '9f32000000000000', '(9f) r2 %= r3'],
  [(a) => a.alu('xor', R2, R3), 'af32000000000000', '(af) r2 ^= r3'],
  [(a) => a.alu('arsh', R2, R3), 'cf32000000000000', '(cf) r2 s>>= r3'],

  [(a) => a.aluImm('add', R2, -8), '07020000f8ffffff', '(07) r2 += -8'],
  [(a) => a.aluImm('sub', R2, 1), '1702000001000000', '(17) r2 -= 1'],
  [(a) => a.aluImm('mul', R2, 10), '270200000a000000', '(27) r2 *= 10'],
  [(a) => a.aluImm('div', R2, 1000), '37020000e8030000', '(37) r2 /= 1000'],
  [(a) => a.aluImm('or', R2, 1), '4702000001000000', '(47) r2 |= 1'],
  [(a) => a.aluImm('and', R2, 255), '57020000ff000000', '(57) r2 &= 255'],
  [(a) => a.aluImm('lsh', R2, 32), '6702000020000000', '(67) r2 <<= 32'],
  [(a) => a.aluImm('rsh', R2, 32), '7702000020000000', '(77) r2 >>= 32'],
  [(a) => a.aluImm('mod', R2, 7), '9702000007000000', '(97) r2 %= 7'],
  [(a) => a.aluImm('xor', R2, -1), 'a7020000ffffffff', '(a7) r2 ^= -1'],
  [(a) => a.aluImm('arsh', R2, 3), 'c702000003000000', '(c7) r2 s>>= 3'],

  [(a) => a.alu32('add', R2, R3), '0c32000000000000', '(0c) w2 += w3'],
  [(a) => a.alu32('arsh', R2, R3), 'cc32000000000000', '(cc) w2 s>>= w3'],
  [(a) => a.alu32Imm('and', R2, 0xffff0000), '540200000000ffff', '(54) w2 &= -65536'],
  [(a) => a.alu32Imm('rsh', R2, 16), '7402000010000000', '(74) w2 >>= 16'],
  [(a) => a.neg(R7), '8707000000000000', '(87) r7 = -r7'],

  [(a) => a.toBe(R2, 16), 'dc02000010000000', '(dc) r2 = be16 r2'],
  [(a) => a.toBe(R2, 64), 'dc02000040000000', '(dc) r2 = be64 r2'],
  [(a) => a.toLe(R2, 32), 'd402000020000000', '(d4) r2 = le32 r2'],

  [(a) => a.load(1, R2, R6, 0), '7162000000000000', '(71) r2 = *(u8 *)(r6 +0)'],
  [(a) => a.load(2, R2, R6, 12), '69620c0000000000', '(69) r2 = *(u16 *)(r6 +12)'],
  [(a) => a.load(4, R2, R10, -4), '61a2fcff00000000', '(61) r2 = *(u32 *)(r10 -4)'],
  [(a) => a.load(8, R7, R6, 2232), '7967b80800000000', '(79) r7 = *(u64 *)(r6 +2232)'],
  [(a) => a.load(8, R7, R6, 32767), '7967ff7f00000000', '(79) r7 = *(u64 *)(r6 +32767)'],
  [(a) => a.load(8, R7, R6, -32768), '7967008000000000', '(79) r7 = *(u64 *)(r6 -32768)'],
  [(a) => a.store(1, R10, -1, R2), '732affff00000000', '(73) *(u8 *)(r10 -1) = r2'],
  [(a) => a.store(2, R10, -2, R2), '6b2afeff00000000', '(6b) *(u16 *)(r10 -2) = r2'],
  [(a) => a.store(4, R10, -4, R2), '632afcff00000000', '(63) *(u32 *)(r10 -4) = r2'],
  [(a) => a.store(8, R10, -8, R2), '7b2af8ff00000000', '(7b) *(u64 *)(r10 -8) = r2'],
  [(a) => a.storeImm(1, R10, -1, 255), '720affffff000000', '(72) *(u8 *)(r10 -1) = 255'],
  [(a) => a.storeImm(2, R10, -2, 1), '6a0afeff01000000', '(6a) *(u16 *)(r10 -2) = 1'],
  [(a) => a.storeImm(4, R10, -4, 0xdeadbeef), '620afcffefbeadde', '(62) *(u32 *)(r10 -4) = -559038737'],
  [(a) => a.storeImm(8, R10, -8, -1), '7a0af8ffffffffff', '(7a) *(u64 *)(r10 -8) = -1'],

  [(a) => a.jump('end'), '0500000000000000', '(05) goto pc+0'],
  [(a) => a.jumpIf('eq', R2, R3, 'end'), '1d32000000000000', '(1d) if r2 == r3 goto pc+0'],
  [(a) => a.jumpIf('gt', R2, R3, 'end'), '2d32000000000000', '(2d) if r2 > r3 goto pc+0'],
  [(a) => a.jumpIf('ge', R2, R3, 'end'), '3d32000000000000', '(3d) if r2 >= r3 goto pc+0'],
  [(a) => a.jumpIf('set', R2, R3, 'end'), '4d32000000000000', '(4d) if r2 & r3 goto pc+0'],
  [(a) => a.jumpIf('ne', R2, R3, 'end'), '5d32000000000000', '(5d) if r2 != r3 goto pc+0'],
  [(a) => a.jumpIf('sgt', R2, R3, 'end'), '6d32000000000000', '(6d) if r2 s> r3 goto pc+0'],
  [(a) => a.jumpIf('sge', R2, R3, 'end'), '7d32000000000000', '(7d) if r2 s>= r3 goto pc+0'],
  [(a) => a.jumpIf('lt', R2, R3, 'end'), 'ad32000000000000', '(ad) if r2 < r3 goto pc+0'],
  [(a) => a.jumpIf('le', R2, R3, 'end'), 'bd32000000000000', '(bd) if r2 <= r3 goto pc+0'],
  [(a) => a.jumpIf('slt', R2, R3, 'end'), 'cd32000000000000', '(cd) if r2 s< r3 goto pc+0'],
  [(a) => a.jumpIf('sle', R2, R3, 'end'), 'dd32000000000000', '(dd) if r2 s<= r3 goto pc+0'],
  [(a) => a.jumpIfImm('eq', R7, 0, 'end'), '1507000000000000', '(15) if r7 == 0x0 goto pc+0'],
  [(a) => a.jumpIfImm('ne', R7, -1, 'end'), '55070000ffffffff', '(55) if r7 != 0xffffffff goto pc+0'],
  [(a) => a.jumpIfImm('set', R7, 16, 'end'), '4507000010000000', '(45) if r7 & 0x10 goto pc+0'],
  [(a) => a.jumpIf32('gt', R2, R3, 'end'), '2e32000000000000', '(2e) if w2 > w3 goto pc+0'],
  [(a) => a.jumpIf32Imm('slt', R2, -5, 'end'), 'c6020000fbffffff', '(c6) if w2 s< 0xfffffffb goto pc+0'],
  [(a) => a.jumpIf32Imm('eq', R2, 0xffffffff, 'end'), '16020000ffffffff', '(16) if w2 == 0xffffffff goto pc+0'],

  [(a) => a.call('seq_write'), '850000007f000000', '(85) call bpf_seq_write#127'],
  [(a) => a.callKfunc(12345), '8520000039300000', '(85) call kernel-function#12345'],
  [(a) => a.callLocal('end'), '8510000000000000', '(85) call pc+0'],
  [(a) => a.exit(), '9500000000000000', '(95) exit'],

  [(a) => a.loadImm64(R2, 0x1122334455667788n), '1802000088776655 0000000044332211', '(18) r2 = 0x1122334455667788'],
  [(a) => a.loadImm64(R2, -1n), '18020000ffffffff 00000000ffffffff', '(18) r2 = 0xffffffffffffffff'],
  [(a) => a.loadImm64(R2, 2n ** 64n - 1n), '18020000ffffffff 00000000ffffffff', '(18) r2 = 0xffffffffffffffff'],
  [(a) => a.loadImm64(R2, -(2n ** 63n)), '1802000000000000 0000000000000080', '(18) r2 = 0x8000000000000000'],
  [(a) => a.loadMapFd(R1, 'seen'), '1811000009000000 0000000000000000', '(18) r1 = map[seen]'],
  [(a) => a.loadMapValue(R1, 'seen'), '1821000009000000 0000000000000000', '(18) r1 = map[seen][0]+0'],
  [(a) => a.loadMapValue(R1, 'seen', 24), '1821000009000000 0000000018000000', '(18) r1 = map[seen][0]+24'],
  [(a) => a.loadBtfVar(R1, 77), '183100004d000000 0000000000000000', '(18) r1 = btf[77]'],
  [(a) => a.loadFunc(R2, 'end'), '1842000001000000 0000000000000000', '(18) r2 = subprog[+1]'],
];

describe('each instruction', () => {
  it.each(TABLE)('%s', (emit, bytes, text) => {
    const instruction = one(emit);
    expect(disassemble([instruction])).toEqual([text]);
    expect(hex(encode([instruction], { seen: 9 }, 'LE'))).toBe(bytes);
  });

  it('has its fields the other way round on a big-endian machine', () => {
    const instructions = [one((a) => a.load(8, R7, R6, 2232)), one((a) => a.loadImm64(R2, 0x1122334455667788n))];
    expect(hex(encode(instructions, {}, 'BE'))).toBe('797608b800000000 1820000055667788 0000000011223344');
  });

  it.each([
    [R7, R6, 32768, ['(bf) r7 = r6', '(07) r7 += 32768', '(79) r7 = *(u64 *)(r7 +0)']],
    [R7, R6, -32769, ['(bf) r7 = r6', '(07) r7 += -32769', '(79) r7 = *(u64 *)(r7 +0)']],
    [R7, R7, 2 ** 31 - 1, ['(bf) r7 = r7', '(07) r7 += 2147483647', '(79) r7 = *(u64 *)(r7 +0)']],
  ] as const)('r%i = what is beyond the reach of one, from r%i at %i', (dst, src, off, text) => {
    expect(disassemble(new Assembler().load(8, dst, src, off).assemble().instructions)).toEqual(text);
  });

  it('is encoded for this machine unless told otherwise', () => {
    const program = new Assembler().movImm(R0, 1).exit().assemble();
    expect(program.encode()).toEqual(encode(program.instructions, {}, endianness()));
  });

  it('gives the registers the numbers of their names', () => {
    for (let n = 0; n <= 10; n++) expect((asm as unknown as Record<string, Reg>)[`R${n}`]).toBe(n);
  });
});

describe('labels', () => {
  it('resolve forward and backward, counting a 64-bit load as two slots', () => {
    const program = new Assembler()
      .jump('end') // 0
      .label('back')
      .loadImm64(R2, 1n) // 1, 2
      .jumpIfImm('ne', R2, 0, 'back') // 3
      .loadFunc(R2, 'callback') // 4, 5
      .loadFunc(R2, 'back') // 6, 7
      .callLocal('callback') // 8
      .label('end')
      .label('also_end')
      .exit() // 9
      .label('callback')
      .exit() // 10
      .assemble();
    expect(disassemble(program.instructions)).toEqual([
      '(05) goto pc+8',
      '(18) r2 = 0x1',
      '(55) if r2 != 0x0 goto pc-3',
      '(18) r2 = subprog[+5]',
      '(18) r2 = subprog[-6]',
      '(85) call pc+1',
      '(95) exit',
      '(95) exit',
    ]);
    expect(program.slots).toBe(11);
    expect(program.encode().length).toBe(88);
    expect(Object.fromEntries(program.labels)).toEqual({ back: 1, end: 9, also_end: 9, callback: 10 });
    expect(program.instructions[0].label).toBe('end');
  });

  it('are rejected when unknown, with the nearest names', () => {
    const a = new Assembler().label('next_task').movImm(R0, 0).label('done').jump('next_tsk').exit();
    expect(() => a.assemble()).toThrow(new AsmError('slot 1: no label next_tsk; did you mean next_task?'));
    expect(() => new Assembler().jump('away').exit().assemble()).toThrow('no label away; define it with label()');
  });

  it('are rejected when defined twice or with nothing behind them', () => {
    expect(() => new Assembler().exit().label('x').exit().label('x')).toThrow(/label x: already defined at slot 1/);
    expect(() => new Assembler().jump('x').exit().label('x').assemble()).toThrow(
      /label x is at the end of the program/,
    );
  });

  it('reach as far as 16 bits, and no farther', () => {
    const forward = (between: number) => {
      const a = new Assembler().jump('far');
      for (let i = 0; i < between; i++) a.movImm(R0, 0);
      return a.label('far').exit();
    };
    expect(forward(32767).assemble().instructions[0].off).toBe(32767);
    expect(() => forward(32768).assemble()).toThrow(/slot 0: label far is 32768 slots away/);
    const backward = (between: number) => {
      const a = new Assembler().label('far');
      for (let i = 0; i < between; i++) a.movImm(R0, 0);
      return a.jump('far').exit();
    };
    expect(backward(32767).assemble().instructions[32767].off).toBe(-32768);
    expect(() => backward(32768).assemble()).toThrow(AsmError);
    // Calls have the 32 bits of the immediate.
    const call = new Assembler().callLocal('far');
    for (let i = 0; i < 40000; i++) call.movImm(R0, 0);
    expect(call.label('far').exit().assemble().instructions[0].imm).toBe(40000);
  });

  it('can be made up', () => {
    const a = new Assembler().label('skip_2');
    expect([a.fresh('skip'), a.fresh('skip'), a.fresh()]).toEqual(['skip_1', 'skip_3', 'label_1']);
  });
});

describe('operands that do not fit', () => {
  const bad: [emit: (a: Assembler) => void, message: RegExp][] = [
    [(a) => a.movImm(R0, 2 ** 31), /^slot 0: movImm mov: immediate 2147483648 does not fit in 32 bits .* loadImm64/],
    [(a) => a.aluImm('add', R0, 0xffffffff), /aluImm add: immediate 4294967295/],
    [(a) => a.aluImm('add', R0, 1.5), /immediate 1.5/],
    [(a) => a.aluImm('add', R0, Number.NaN), /immediate NaN/],
    [(a) => a.alu32Imm('or', R0, 2 ** 32), /alu32Imm or: immediate 4294967296 .* to 4294967295/],
    [(a) => a.storeImm(8, R10, -8, 0xffffffff), /storeImm: immediate/],
    [(a) => a.jumpIfImm('eq', R0, 2 ** 31, 'x'), /jumpIfImm: immediate/],
    [(a) => a.jumpIf32Imm('eq', R0, -(2 ** 31) - 1, 'x'), /jumpIf32Imm: immediate/],
    [(a) => a.load(8, R0, R1, 2 ** 31), /aluImm add: immediate 2147483648 does not fit in 32 bits/],
    [(a) => a.store(8, R0, -32769, R1), /store: offset -32769/],
    [(a) => a.mov(11 as Reg, R0), /mov mov: there is no register r11/],
    [(a) => a.mov(R0, -1 as Reg), /there is no register r-1/],
    [(a) => a.loadImm64(R0, 2n ** 64n), /loadImm64: 18446744073709551616 does not fit in 64 bits/],
    [(a) => a.loadImm64(R0, -(2n ** 63n) - 1n), /does not fit in 64 bits/],
    [(a) => a.loadMapValue(R0, 'globals', -1), /loadMapValue: -1 is not a byte offset in the value of map globals/],
    [(a) => a.loadBtfVar(R0, -1), /loadBtfVar: -1 is not a BTF id/],
    [(a) => a.callKfunc(2 ** 40), /callKfunc: 1099511627776 is not a BTF id/],
    [(a) => a.call('seq_wirte' as HelperName), /call: no helper seq_wirte; did you mean seq_write/],
    [(a) => a.exit().tagged('rss', () => a.movImm(R0, 2 ** 40)), /^slot 1 \(for rss\): movImm/],
  ];
  it.each(bad)('%s', (emit, message) => {
    const emitting = () => emit(new Assembler());
    expect(emitting).toThrow(AsmError);
    expect(emitting).toThrow(message);
  });
});

describe('maps', () => {
  const program = new Assembler()
    .loadMapValue(R1, 'globals', 8)
    .loadMapFd(R2, 'seen')
    .loadMapFd(R3, 'globals')
    .exit()
    .assemble();

  it('are listed once, in order of first use', () => {
    expect(program.maps).toEqual(['globals', 'seen']);
  });

  it('get their file descriptors when encoding', () => {
    const [value, seen, globals] = decode(program.encode({ globals: 5, seen: 6 }));
    expect([value.imm64, seen.imm, globals.imm]).toEqual([(8n << 32n) | 5n, 6, 5]);
  });

  it('must have one', () => {
    expect(() => program.encode({ globals: 5 })).toThrow(
      new AsmError('slot 2: no file descriptor given for map seen; create the map before encoding'),
    );
    expect(() => new Assembler().loadMapFd(R1, 'toString').assemble().encode({})).toThrow(AsmError);
  });
});

describe('annotations', () => {
  it('tag what is emitted inside, the innermost winning', () => {
    const a = new Assembler();
    a.tagged('outer', () => {
      a.movImm(R0, 0)
        .tagged('inner', () => a.movImm(R0, 1))
        .movImm(R0, 2);
    });
    expect(() =>
      a.tagged('broken', () => {
        throw new Error('x');
      }),
    ).toThrow('x');
    const { instructions } = a.exit().assemble();
    expect(instructions.map(({ tag }) => tag)).toEqual(['outer', 'inner', 'outer', undefined]);
  });

  it('note the next instruction only', () => {
    const { instructions } = new Assembler().note('a').note('b').movImm(R0, 0).exit().assemble();
    expect(instructions.map(({ note }) => note)).toEqual(['a; b', undefined]);
  });
});

describe('a program', () => {
  const register = fc.constantFrom<Reg>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  const size = fc.constantFrom<Size>(1, 2, 4, 8);
  const aluOp = fc.constantFrom<AluOp>('add', 'sub', 'mul', 'div', 'or', 'and', 'lsh', 'rsh', 'mod', 'xor', 'arsh');
  const jumpOp = fc.constantFrom<JumpOp>('eq', 'gt', 'ge', 'set', 'ne', 'sgt', 'sge', 'lt', 'le', 'slt', 'sle');
  const bits = fc.constantFrom<16 | 32 | 64>(16, 32, 64);
  const imm = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const off = fc.integer({ min: -32768, max: 32767 });
  const label = fc.constantFrom('start', 'end');
  const helper = fc.constantFrom(...(Object.keys(HELPERS) as HelperName[]));
  type Emit = (a: Assembler) => Assembler;
  const emit: fc.Arbitrary<Emit> = fc.oneof(
    fc.tuple(register, register).map(
      ([d, s]): Emit =>
        (a) =>
          a.mov(d, s).mov32(s, d).neg(d),
    ),
    fc.tuple(register, imm, u32).map(
      ([d, i, u]): Emit =>
        (a) =>
          a.movImm(d, i).mov32Imm(d, u),
    ),
    fc.tuple(aluOp, register, register).map(
      ([o, d, s]): Emit =>
        (a) =>
          a.alu(o, d, s).alu32(o, d, s),
    ),
    fc.tuple(aluOp, register, imm).map(
      ([o, d, i]): Emit =>
        (a) =>
          a.aluImm(o, d, i).alu32Imm(o, d, i),
    ),
    fc.tuple(register, bits).map(
      ([d, b]): Emit =>
        (a) =>
          a.toBe(d, b).toLe(d, b),
    ),
    fc.tuple(size, register, register, off).map(
      ([z, d, s, o]): Emit =>
        (a) =>
          a.load(z, d, s, o).store(z, d, o, s),
    ),
    fc.tuple(size, register, off, imm).map(
      ([z, d, o, i]): Emit =>
        (a) =>
          a.storeImm(z, d, o, i),
    ),
    fc.tuple(jumpOp, register, register, label).map(
      ([o, d, s, l]): Emit =>
        (a) =>
          a.jumpIf(o, d, s, l).jumpIf32(o, d, s, l),
    ),
    fc.tuple(jumpOp, register, imm, label).map(
      ([o, d, i, l]): Emit =>
        (a) =>
          a.jumpIfImm(o, d, i, l).jumpIf32Imm(o, d, i, l),
    ),
    fc.tuple(helper, fc.integer({ min: 1, max: 2 ** 31 - 1 }), label).map(
      ([h, i, l]): Emit =>
        (a) =>
          a.call(h).callKfunc(i).callLocal(l).jump(l),
    ),
    fc.tuple(register, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), label, u32).map(
      ([d, v, l, o]): Emit =>
        (a) =>
          a.loadImm64(d, v).loadFunc(d, l).loadMapFd(d, 'm').loadMapValue(d, 'm', o),
    ),
  );

  it.each(['LE', 'BE'] as const)('survives encoding and decoding (%s)', (order) => {
    fc.assert(
      fc.property(fc.array(emit, { maxLength: 30 }), (emits) => {
        const a = new Assembler().label('start');
        for (const e of emits) e(a);
        const program = a.label('end').exit().assemble();
        const bytes = encode(program.instructions, { m: 3 }, order);
        const decoded = decode(bytes, order);
        expect(encode(decoded, {}, order)).toEqual(bytes);
        expect(bytes.length).toBe(program.slots * 8);
        // What is known only here: names of labels and maps, and descriptors only there.
        const plain = ({ code, dst, src, off, imm }: asm.Instruction) => ({ code, dst, src, off, imm });
        const withFds = program.instructions.map((i) => (i.map === undefined ? i : { ...i, imm: 3 }));
        expect(decoded.map(plain)).toEqual(withFds.map(plain));
      }),
      { seed: 20260726, numRuns: 200 },
    );
  });
});
