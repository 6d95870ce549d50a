import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AsmError, Assembler, encode, R0, R1, R2, R3, R4, R6, R7, R8, R10, slotsOf } from '../../src/bpf/asm.ts';
import { decode, disassemble } from '../../src/bpf/disasm.ts';
import { HELPERS } from '../../src/bpf/helpers.ts';
import { BpfMap } from '../../src/bpf/map.ts';
import { loadProgram, type Program } from '../../src/bpf/program.ts';
import type { BpfError } from '../../src/bpf/syscall.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const text = (hex: string) => disassemble(decode(bytes(hex), 'LE'));

describe('decode', () => {
  it('reads what lies anywhere in a buffer', () => {
    const whole = bytes('ff b700000001000000 9500000000000000');
    expect(disassemble(decode(whole.subarray(1), 'LE'))).toEqual(['(b7) r0 = 1', '(95) exit']);
    expect(decode(new Uint8Array())).toEqual([]);
  });

  it.each([
    ['b7000000', /^4 bytes are no program/],
    ['9500000000000000 1801000000000000', /^slot 1: the second half of a 64-bit load is missing/],
    ['1801000000000000 9500000000000000', /^slot 1: the second half of a 64-bit load may hold nothing but/],
    ['bf0c000000000000', /^slot 0: there is no register r12/],
    ['bff0000000000000', /^slot 0: there is no register r15/],
  ])('refuses %s', (hex, message) => {
    expect(() => decode(bytes(hex), 'LE')).toThrow(AsmError);
    expect(() => decode(bytes(hex), 'LE')).toThrow(message);
  });

  it('takes any bytes apart without loss, or says why not', () => {
    const slots = fc.array(fc.uint8Array({ minLength: 8, maxLength: 8 }), { maxLength: 8 });
    fc.assert(
      fc.property(slots, fc.constantFrom<('LE' | 'BE')[]>('LE', 'BE'), (parts, order) => {
        const program = Uint8Array.from(parts.flatMap((part) => [part[0], part[1] & 0xbb, ...part.subarray(2)]));
        try {
          const decoded = decode(program, order);
          expect(encode(decoded, {}, order)).toEqual(program);
          expect(disassemble(decoded).length).toBe(decoded.length);
        } catch (error) {
          expect(error).toBeInstanceOf(AsmError);
        }
      }),
      { seed: 20260726, numRuns: 1000 },
    );
  });
});

describe('disassemble', () => {
  // Beyond what the assembler makes: compilers and the verifier do.
  it.each([
    ['3f32010000000000', '(3f) r2 s/= r3'],
    ['9402010007000000', '(94) w2 s%= 7'],
    ['bf32080000000000', '(bf) r2 = (s8)r3'],
    ['bc32100000000000', '(bc) w2 = (s16)w3'],
    ['bf32200000000000', '(bf) r2 = (s32)r3'],
    ['bf32ffff00000000', '(bf) r2 = &(void __percpu *)(r3)'],
    ['bf32010001000000', '(bf) r2 = addr_space_cast(r3, 0, 1)'],
    ['8402000000000000', '(84) w2 = -w2'],
    ['d702000020000000', '(d7) r2 = bswap32 r2'],
    ['8132fcff00000000', '(81) r2 = *(s32 *)(r3 -4)'],
    ['9132000000000000', '(91) r2 = *(s8 *)(r3 +0)'],
    ['db32080000000000', '(db) lock *(u64 *)(r2 +8) += r3'],
    ['c332000050000000', '(c3) lock *(u32 *)(r2 +0) &= r3'],
    ['db32000001000000', '(db) r3 = atomic64_fetch_add((u64 *)(r2 +0), r3)'],
    ['c3320000a1000000', '(c3) r3 = atomic_fetch_xor((u32 *)(r2 +0), r3)'],
    ['db320000e1000000', '(db) r3 = atomic64_xchg((u64 *)(r2 +0), r3)'],
    ['c3320000f1000000', '(c3) r0 = atomic_cmpxchg((u32 *)(r2 +0), r0, r3)'],
    ['db32000000010000', '(db) r2 = load_acquire((u64 *)(r3 +0))'],
    ['db32000010010000', '(db) store_release((u64 *)(r2 +0), r3)'],
    ['c200000000000000', '(c2) nospec'],
    ['0600000005000000', '(06) gotol pc+5'],
    ['e500050000000000', '(e5) may_goto pc+5'],
    ['28000000 0c000000', '(28) r0 = *(u16 *)skb[12]'],
    ['50200000 0e000000', '(50) r0 = *(u8 *)skb[r2 + 14]'],
    ['8500000040e20100', '(85) call unknown#123456'],
    ['8510050078563412', '(85) call pc+5'],
    ['1811000005000000 0000000000000000', '(18) r1 = map[fd:5]'],
    ['1821000005000000 0000000008000000', '(18) r1 = map[fd:5][0]+8'],
    ['1851000002000000 0000000000000000', '(18) r1 = map[idx:2]'],
    ['1861000002000000 0000000008000000', '(18) r1 = map[idx:2][0]+8'],
    ['bfb2000000000000', '(bf) r2 = r11'],
    ['9932000000000000', '(99) unknown instruction'],
    ['e702000000000000', '(e7) unknown instruction'],
    ['db32000002000000', '(db) unknown instruction'],
  ])('%s', (hex, line) => {
    expect(text(hex)).toEqual([line]);
  });

  it('names helpers, maps and labels as told', () => {
    const instructions = decode(
      bytes('1811000005000000 0000000000000000 8500000001000000 0500ffff00000000 9500000000000000'),
      'LE',
    );
    expect(
      disassemble(instructions, {
        labels: new Map([['again', 3]]),
        helperName: (id) => (id === 1 ? 'look' : undefined),
        mapName: (imm) => `id:${imm}`,
      }),
    ).toEqual(['(18) r1 = map[id:5]', '(85) call look#1', '(05) goto pc-1 <again>', '(95) exit']);
  });
});

/** One record of 16 bytes for each task that the filter lets through. */
function taskProgram(): Assembler {
  const a = new Assembler();
  return a
    .note('bpf_iter__task.task; NULL in the closing call')
    .load(8, R6, R1, 8)
    .load(8, R7, R1, 0)
    .jumpIfImm('eq', R6, 0, 'done')
    .note('bpf_iter_meta.seq')
    .load(8, R7, R7, 0)
    .tagged('filter', () => {
      a.loadMapValue(R8, 'globals', 8).load(4, R2, R8, 0).load(4, R3, R6, 1256);
      a.jumpIfImm('eq', R2, 0, 'unfiltered').jumpIf32('ne', R2, R3, 'done').label('unfiltered');
    })
    .tagged('pid', () => a.load(4, R2, R6, 1256).store(4, R10, -16, R2))
    .tagged('time', () => a.call('ktime_get_ns').aluImm('div', R0, 1000).store(8, R10, -8, R0).storeImm(4, R10, -12, 0))
    .mov(R1, R7)
    .mov(R2, R10)
    .aluImm('add', R2, -16)
    .movImm(R3, 16)
    .call('seq_write')
    .label('done')
    .movImm(R0, 0)
    .exit();
}

it('a whole program reads like test/golden/asm.txt', () => {
  const { instructions, labels } = taskProgram().assemble();
  const names = new Map([...labels].map(([name, slot]) => [slot, name]));
  const lines = disassemble(instructions, { labels });
  let slot = 0;
  let listing = '';
  for (const [i, instruction] of instructions.entries()) {
    const { tag, note } = instruction;
    if (names.has(slot)) listing += `${names.get(slot)}:\n`;
    const remarks = [tag && `[${tag}]`, note].filter(Boolean).join(' ');
    listing += `${`${String(slot).padStart(4)}: ${lines[i]}`.padEnd(56)}${remarks}`.trimEnd();
    listing += '\n';
    slot += slotsOf(instruction);
  }
  const golden = new URL('../golden/asm.txt', import.meta.url);
  if (process.env.UPDATE_GOLDEN) fs.writeFileSync(golden, listing);
  expect(listing).toBe(fs.readFileSync(golden, 'utf8'));
});

const bpftool = (...args: string[]) => execFileSync('bpftool', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
function whatIsMissing(): string | undefined {
  if (process.env.CI) return undefined;
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    bpftool('version');
  } catch {
    return 'needs bpftool';
  }
  return undefined;
}
const missing = whatIsMissing();

describe.skipIf(missing)(`the kernel says the same${missing ? ` (${missing})` : ''}`, () => {
  let btf = '';
  let attachBtfId = 0;
  let directory = '';

  beforeAll(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-disasm-'));
    btf = bpftool('btf', 'dump', 'file', '/sys/kernel/btf/vmlinux', 'format', 'raw');
    attachBtfId = Number(/^\[(\d+)\] FUNC 'bpf_iter_task' /m.exec(btf)?.[1]);
  });
  afterAll(() => fs.rmSync(directory, { recursive: true }));

  /** What the verifier's log shows at each slot that it came by; the program has to be refused to get one. */
  function verifierLog(code: Uint8Array): Map<number, string> {
    try {
      loadProgram({ code, attachBtfId, name: 'itertop_refused' }).close();
    } catch (error) {
      const { log } = error as BpfError;
      expect(log).toMatch(/should have been in/);
      const lines = log.matchAll(/^(\d+): (\([0-9a-f]{2}\) .*?)\s*(;.*)?$/gm);
      return new Map([...lines].map(([, slot, line]) => [Number(slot), line]));
    }
    throw new Error('the program was not refused');
  }

  /** bpftool's listing of what the verifier made of the program, and the bytes that it is a listing of. */
  function translated({ fd }: Program): { listing: string[]; code: Uint8Array } {
    const id = /^prog_id:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1];
    const file = path.join(directory, id);
    bpftool('prog', 'dump', 'xlated', 'id', id, 'file', file);
    const lines = bpftool('prog', 'dump', 'xlated', 'id', id).matchAll(/^ *\d+: (.*)$/gm);
    return { listing: [...lines].map(([, line]) => line), code: fs.readFileSync(file) };
  }

  /** Leaves numbers in r7 and r8 that the verifier knows nothing about, so that it can neither skip nor fold. */
  const unknown = (a: Assembler) => a.call('ktime_get_ns').mov(R7, R0).call('ktime_get_boot_ns').mov(R8, R0);

  function arithmetic(a: Assembler): void {
    unknown(a);
    for (const op of ['add', 'sub', 'mul', 'or', 'and', 'xor'] as const) {
      a.mov(R2, R7).alu(op, R2, R8).alu32(op, R2, R8).aluImm(op, R2, 5).alu32Imm(op, R2, -7);
    }
    for (const op of ['lsh', 'rsh', 'arsh', 'div', 'mod'] as const) {
      a.mov(R2, R7).aluImm(op, R2, 5).alu32Imm(op, R2, 7);
    }
    a.mov32(R3, R7).neg(R3).movImm(R4, -3).mov32Imm(R4, -3);
    for (const bits of [16, 32, 64] as const) a.toBe(R3, bits).toLe(R3, bits);
    a.loadImm64(R2, 0x1122334455667788n).loadImm64(R2, 5n);
  }
  function memory(a: Assembler): void {
    for (const size of [1, 2, 4, 8] as const) {
      a.storeImm(8, R10, -8, -1).store(size, R10, -8, R7).load(size, R2, R10, -8).storeImm(size, R10, -16, 17);
    }
  }
  function jumps(a: Assembler): void {
    for (const op of ['eq', 'gt', 'ge', 'set', 'ne', 'sgt', 'sge', 'lt', 'le', 'slt', 'sle'] as const) {
      const kinds: ((label: string) => void)[] = [
        (label) => a.jumpIf(op, R7, R8, label),
        (label) => a.jumpIfImm(op, R7, 1000, label),
        (label) => a.jumpIf32(op, R7, R8, label),
        (label) => a.jumpIf32Imm(op, R7, -9, label),
      ];
      for (const jump of kinds) {
        const label = a.fresh();
        unknown(a);
        jump(label);
        a.storeImm(8, R10, -8, 0).label(label);
      }
    }
    const [on, back] = [a.fresh(), a.fresh()];
    a.movImm(R6, 3).label(back).aluImm('sub', R6, 1).jumpIfImm('ne', R6, 0, back).jumpIfImm('eq', R7, 0, on);
    a.storeImm(8, R10, -8, 0).label(on);
  }

  it('in the log of the verifier, about the program as it is loaded', () => {
    const a = new Assembler().jump('start').label('start');
    arithmetic(a);
    a.mov(R2, R7)
      .alu('div', R2, R8)
      .alu32('mod', R2, R8)
      .aluImm('and', R8, 31)
      .alu('lsh', R2, R8)
      .alu32('arsh', R2, R8);
    memory(a);
    jumps(a);
    a.storeImm(8, R10, -8, 0).mov(R1, R10).aluImm('add', R1, -8).movImm(R2, 8).movImm(R3, 0).call('probe_read_kernel');
    a.callLocal('inner').movImm(R0, 2).exit().label('inner').movImm(R0, 1).exit();
    const program = a.assemble();
    const log = verifierLog(program.encode());
    const lines = disassemble(program.instructions);
    let slot = 0;
    for (const [i, instruction] of program.instructions.entries()) {
      expect(`${slot}: ${log.get(slot)}`).toBe(`${slot}: ${lines[i]}`);
      slot += slotsOf(instruction);
    }
  });

  it('in bpftool, about instructions that the verifier leaves alone', () => {
    const a = new Assembler();
    arithmetic(a);
    memory(a);
    jumps(a);
    const program = a.movImm(R0, 0).exit().assemble();
    using loaded = loadProgram({ code: program.encode(), attachBtfId, name: 'itertop_plain' });
    const { listing } = translated(loaded);
    expect(listing.map(withoutCallNumber)).toEqual(disassemble(program.instructions).map(withoutCallNumber));
  });

  it('in bpftool, about whatever the verifier made of a program', () => {
    const settings = { keySize: 4, valueSize: 16, maxEntries: 1 } as const;
    using globals = BpfMap.create({ ...settings, type: 'array', name: 'itertop_globals' });
    using seen = BpfMap.create({ ...settings, type: 'hash', name: 'itertop_seen' });
    const a = new Assembler().load(8, R6, R1, 8).jumpIfImm('eq', R6, 0, 'done').load(8, R6, R6, 0);
    a.loadMapValue(R8, 'globals', 8).load(8, R8, R8, 0).call('ktime_get_ns').alu('div', R0, R8).alu32('mod', R0, R8);
    a.storeImm(4, R10, -4, 0).mov(R2, R10).aluImm('add', R2, -4);
    a.mov(R7, R2)
      .loadMapFd(R1, 'globals')
      .call('map_lookup_elem')
      .mov(R2, R7)
      .loadMapFd(R1, 'seen')
      .call('map_lookup_elem');
    a.call('jiffies64').callLocal('callee');
    a.label('done').movImm(R0, 0).exit().label('callee').movImm(R0, 0).exit();
    const program = a.assemble();
    const code = program.encode({ globals: globals.fd, seen: seen.fd });
    using loaded = loadProgram({ code, attachBtfId, name: 'itertop_rewritten' });
    const { listing, code: rewritten } = translated(loaded);
    const lines = disassemble(decode(rewritten), { mapName: (id) => `id:${id}` });
    expect(lines.length).toBeGreaterThan(program.instructions.length);
    expect(lines.map(withoutCallName)).toEqual(listing.map(withoutCallName));
  });

  it('about the ids of the helpers', () => {
    const ids = [...btf.matchAll(/^\t'BPF_FUNC_(\w+)' val=(\d+)$/gm)].map(
      ([, name, id]) => [name, Number(id)] as const,
    );
    const known = new Map<string, number>(Object.entries(HELPERS));
    expect(ids.length).toBeGreaterThan(100);
    for (const [name, id] of ids) {
      if (name !== 'unspec') expect([name, known.get(name)]).toEqual([name, id]);
    }
  });
});

/** The kernel gives calls back with an address relative to another, which bpftool shows with the function's name. */
const withoutCallNumber = (line: string) => line.replace(/^(\(85\) call \w+)#.*/, '$1');
const withoutCallName = (line: string) =>
  line.replace(/^(\(85\) call) (?:\w+#|(pc[+-]\d+)#?)(.*)/, (_, call, pc, number) => `${call} ${pc ?? number}`);
