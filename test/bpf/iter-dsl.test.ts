import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AsmError, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, type Reg } from '../../src/bpf/asm.ts';
import { Btf, BtfError } from '../../src/bpf/btf.ts';
import { resolvePath } from '../../src/bpf/btf-path.ts';
import { disassemble } from '../../src/bpf/disasm.ts';
import * as dsl from '../../src/bpf/iter-dsl.ts';

const btf = Btf.vmlinux();
const offset = (struct: string, path: string) => resolvePath(btf, btf.struct(struct), path).offset;
const lines = (code: dsl.IterCode) => disassemble(code.instructions).map((line) => line.replace(/^\(..\) /, ''));
/** What one fragment comes to, in a task program. */
const emitted = (fragment: dsl.Fragment, type: dsl.IterType = 'task') =>
  lines(dsl.assembleIter(type, [fragment, (asm) => asm.label('end').exit()])).slice(0, -1);

const PID = offset('task_struct', 'pid');
const TGID = offset('task_struct', 'tgid');
const COMM = offset('task_struct', 'comm');
const PARENT = offset('task_struct', 'real_parent');

describe('each function of the vocabulary', () => {
  it.each<[string, dsl.Fragment, string[]]>([
    ['iterPrologue', dsl.iterPrologue(R6), ['r6 = r1']],
    ['iterPrologueWithMeta', dsl.iterPrologueWithMeta(R6, R8), ['r6 = r1', 'r8 = *(u64 *)(r6 +0)']],
    ['iterLoadCtxPtr', dsl.iterLoadCtxPtr(R6, R7, 'task'), ['r7 = *(u64 *)(r6 +8)']],
    ['iterLoadMetaField seq', dsl.iterLoadMetaField(R8, R1, 'seq'), ['r1 = *(u64 *)(r8 +0)']],
    ['iterLoadMetaField session_id', dsl.iterLoadMetaField(R8, R9, 'session_id'), ['r9 = *(u64 *)(r8 +8)']],
    ['iterLoadMetaField seq_num', dsl.iterLoadMetaField(R8, R9, 'seq_num'), ['r9 = *(u64 *)(r8 +16)']],
    ['iterCheckNull', dsl.iterCheckNull(R7, 'end'), ['if r7 == 0x0 goto pc+0']],
    ['iterCheckNullAndExit', dsl.iterCheckNullAndExit(R7), ['if r7 != 0x0 goto pc+2', 'r0 = 0', 'exit']],
    [
      'seqWrite',
      dsl.seqWrite(R8, R9, 4),
      ['r1 = r8', 'r2 = r9', 'r1 = *(u64 *)(r1 +0)', 'r3 = 4', 'call bpf_seq_write#127'],
    ],
    [
      'seqPrintfSimple without values',
      dsl.seqPrintfSimple(R8, 'hi\n'),
      [
        '*(u32 *)(r10 -512) = 682344',
        'r1 = r8',
        'r1 = *(u64 *)(r1 +0)',
        'r2 = r10',
        'r2 += -512',
        'r3 = 4',
        'r4 = 0',
        'r5 = 0',
        'call bpf_seq_printf#126',
      ],
    ],
    [
      'seqPrintfSimple with values',
      dsl.seqPrintfSimple(R8, '%d', [R9]),
      [
        '*(u64 *)(r10 -512) = r9',
        '*(u32 *)(r10 -504) = 25637',
        'r1 = r8',
        'r1 = *(u64 *)(r1 +0)',
        'r2 = r10',
        'r2 += -504',
        'r3 = 3',
        'r4 = r10',
        'r4 += -512',
        'r5 = 8',
        'call bpf_seq_printf#126',
      ],
    ],
    [
      'seqPrintfBtf',
      dsl.seqPrintfBtf(R8, R7, 'task_struct', { compact: true, zero: true }),
      [
        '*(u64 *)(r10 -512) = r7',
        `*(u32 *)(r10 -504) = ${btf.struct('task_struct')}`,
        '*(u32 *)(r10 -500) = 0',
        'r1 = r8',
        'r1 = *(u64 *)(r1 +0)',
        'r2 = r10',
        'r2 += -512',
        'r3 = 16',
        'r4 = 9',
        'call bpf_seq_printf_btf#150',
      ],
    ],
    ['allocStackBuffer', dsl.allocStackBuffer(R9, -32), ['r9 = r10', 'r9 += -32']],
    [
      'probeReadKernel',
      dsl.probeReadKernel(R9, 4, R7, 12),
      ['r1 = r9', 'r3 = r7', 'r3 += 12', 'r2 = 4', 'call bpf_probe_read_kernel#113'],
    ],
    [
      'probeReadKernelStr',
      dsl.probeReadKernelStr(R9, 16, R7),
      ['r1 = r9', 'r3 = r7', 'r2 = 16', 'call bpf_probe_read_kernel_str#115'],
    ],
    ['taskLoadPid', dsl.taskLoadPid(R7, R9), [`r9 = *(u32 *)(r7 +${PID})`]],
    ['taskLoadTgid', dsl.taskLoadTgid(R7, R9), [`r9 = *(u32 *)(r7 +${TGID})`]],
    [
      'loadMember through a pointer',
      dsl.loadMember(R7, R9, 'task_struct', 'real_parent->tgid'),
      [`r9 = *(u64 *)(r7 +${PARENT})`, `r9 = *(u32 *)(r9 +${TGID})`],
    ],
    ['memberAddress', dsl.memberAddress(R7, R2, 'task_struct', 'comm'), ['r2 = r7', `r2 += ${COMM}`]],
    [
      'memberAddress through a pointer',
      dsl.memberAddress(R7, R2, 'task_struct', 'real_parent->comm'),
      [`r2 = *(u64 *)(r7 +${PARENT})`, `r2 += ${COMM}`],
    ],
    ['iterReturnContinue', dsl.iterReturnContinue(), ['r0 = 0', 'exit']],
    ['iterReturn continue', dsl.iterReturn('continue'), ['r0 = 0', 'exit']],
  ])('%s', (_name, fragment, expected) => {
    expect(emitted(fragment)).toEqual(expected);
  });

  it('iterReturnStop notes session and object, and each call looks whether its walk has ended', () => {
    const count = offset('seq_file', 'count');
    const program = (what: dsl.Fragment) => dsl.assembleIter('task', [dsl.iterPrologue(R6), what]);
    const code = program(dsl.iterReturnStop());
    expect(lines(code)).toEqual([
      'r2 = *(u64 *)(r1 +0)',
      'r3 = *(u64 *)(r2 +8)',
      'r4 = r3',
      'r4 &= 63',
      'r4 *= 16',
      'r0 = map[stop][0]+8',
      'r0 += r4',
      'r4 = *(u64 *)(r0 +0)',
      'if r4 != r3 goto pc+12',
      'r4 = *(u64 *)(r0 +8)',
      'r5 = *(u64 *)(r2 +16)',
      'if r5 <= r4 goto pc+9',
      'r0 = map[stop][0]+0',
      '*(u64 *)(r0 +0) = r3',
      'r0 = 0',
      'r2 = *(u64 *)(r2 +0)',
      `r2 = *(u64 *)(r2 +${count})`,
      'if r2 == 0x0 goto pc+1',
      'r0 = 1',
      'exit',
      'r6 = r1',
      'r2 = *(u64 *)(r6 +0)',
      'r3 = *(u64 *)(r2 +8)',
      'r4 = r3',
      'r4 &= 63',
      'r4 *= 16',
      'r0 = map[stop][0]+8',
      'r0 += r4',
      'r4 = *(u64 *)(r2 +16)',
      '*(u64 *)(r0 +0) = r3',
      '*(u64 *)(r0 +8) = r4',
      'r0 = 0',
      'exit',
    ]);
    expect(code).toMatchObject({ stops: true, maps: ['stop'], iterType: 'task' });
    expect(lines(program(dsl.iterReturn('stop')))).toEqual(lines(code));
    expect(dsl.assembleIter('task', [dsl.iterReturnStop(R1)]).stops).toBe(true);
    expect(() => dsl.assembleIter('task', [dsl.iterReturnStop()])).toThrow(/begin with iterPrologue\(\) or name/);
  });

  it('a walk over cgroups, which cannot be resumed, is never interrupted', () => {
    const code = dsl.assembleIter('cgroup', [dsl.iterPrologue(), dsl.iterReturnStop()]);
    expect(lines(code)).not.toContain('r0 = 1');
  });

  it('iterContextOffset, from BTF and not from the tables in circulation', () => {
    expect(dsl.iterContextOffset('task', 'meta')).toBe(0);
    expect(dsl.iterContextOffset('task', 'task')).toBe(8);
    expect(dsl.iterContextOffset('task_file', 'task')).toBe(8);
    expect(dsl.iterContextOffset('task_file', 'fd')).toBe(16);
    expect(dsl.iterContextOffset('task_file', 'file')).toBe(24);
    expect(dsl.iterContextOffset('bpf_map_elem', 'map')).toBe(8);
    expect(dsl.iterContextOffset('bpf_map_elem', 'key')).toBe(16);
    expect(dsl.iterContextOffset('bpf_map_elem', 'value')).toBe(24);
    expect(dsl.iterContextOffset('tcp', 'sk_common')).toBe(8);
    expect(dsl.iterContextOffset('udp', 'udp_sk')).toBe(8);
    expect(() => dsl.iterContextOffset('task', 'tsk')).toThrow(/no member "tsk"; did you mean task\?/);
    expect(() => dsl.iterContextOffset('tasks', 'task')).toThrow(/no iterator for tasks.*it has task/);
    expect(() => dsl.iterContextOffset('task', 'task->pid')).toThrow(BtfError);
  });

  it('loads a number of the context in its width', () => {
    expect(emitted(dsl.iterLoadCtxPtr(R6, R9, 'fd'), 'task_file')).toEqual(['r9 = *(u32 *)(r6 +16)']);
  });

  it('extracts a bit-field', () => {
    const { bits } = resolvePath(btf, btf.struct('task_struct'), 'in_execve');
    const text = emitted(dsl.loadMember(R7, R9, 'task_struct', 'in_execve'));
    expect(text.slice(-2)).toEqual([`r9 <<= ${64 - bits}`, `r9 >>= ${64 - bits}`]);
    expect(() => emitted(dsl.memberAddress(R7, R9, 'task_struct', 'in_execve'))).toThrow(/which has no address/);
  });
});

describe('programs', () => {
  it('buildIterProgram: prologue, body, default action at its label', () => {
    const code = dsl.buildIterProgram({
      iterType: 'task',
      ctxReg: R6,
      metaReg: R8,
      body: [dsl.iterLoadCtxPtr(R6, R7, 'task'), dsl.iterCheckNull(R7, 'default'), dsl.taskLoadPid(R7, R9)],
      defaultAction: 'continue',
    });
    expect(lines(code)).toEqual([
      'r6 = r1',
      'r8 = *(u64 *)(r6 +0)',
      'r7 = *(u64 *)(r6 +8)',
      'if r7 == 0x0 goto pc+1',
      `r9 = *(u32 *)(r7 +${PID})`,
      'r0 = 0',
      'exit',
    ]);
    expect(dsl.buildIterProgram({ iterType: 'task', body: [], defaultAction: 'stop' }).stops).toBe(true);
  });

  it('minimalTaskIterator and taskNullCheckTemplate', () => {
    expect(lines(dsl.minimalTaskIterator())).toEqual(['r6 = r1', 'r0 = 0', 'exit']);
    expect(lines(dsl.taskNullCheckTemplate([dsl.taskLoadTgid(R7, R9)]))).toEqual([
      'r6 = r1',
      'r8 = *(u64 *)(r6 +0)',
      'r7 = *(u64 *)(r6 +8)',
      'if r7 != 0x0 goto pc+2',
      'r0 = 0',
      'exit',
      `r9 = *(u32 *)(r7 +${TGID})`,
      'r0 = 0',
      'exit',
    ]);
  });

  it('makeIterInfo and iterSectionName', () => {
    expect(dsl.iterSectionName('bpf_map')).toBe('iter/bpf_iter__bpf_map');
    expect(dsl.makeIterInfo('mine', dsl.minimalTaskIterator())).toEqual({
      name: 'mine',
      iterType: 'task',
      section: 'iter/bpf_iter__task',
      btfName: 'bpf_iter__task',
      attachBtfId: btf.func('bpf_iter_task'),
      context: { meta: 0, task: 8 },
      slots: 3,
      maps: [],
    });
  });

  it('mixes with labels of the assembler', () => {
    const code = dsl.assembleIter('task', [
      dsl.iterPrologue(),
      (asm) => asm.label('again').jumpIfImm('eq', R6, 0, 'again'),
      dsl.iterReturnContinue(),
    ]);
    expect(lines(code)).toEqual(['r6 = r1', 'if r6 == 0x0 goto pc-1', 'r0 = 0', 'exit']);
  });

  it.each<[string, dsl.Fragment, RegExp]>([
    ['a buffer beyond the stack', dsl.allocStackBuffer(R9, -520), /-520 is not on the stack/],
    ['a buffer above the stack', dsl.allocStackBuffer(R9, 8), /8 is not on the stack/],
    ['a format that does not fit', dsl.seqPrintfSimple(R8, 'x'.repeat(512)), /do not fit on the stack of 512 bytes/],
    [
      'a format that meets a buffer',
      (asm) => {
        dsl.seqPrintfSimple(R8, '%d')(asm);
        dsl.allocStackBuffer(R9, -508)(asm);
      },
      /buffers \(508 bytes\) and the room for arguments and formats \(8\)/,
    ],
    ['too many values', dsl.seqPrintfSimple(R8, '', Array(13).fill(R9)), /13 values, the kernel takes 12/],
  ])('refuses %s', (_name, fragment, message) => {
    expect(() => emitted(fragment)).toThrow(AsmError);
    expect(() => emitted(fragment)).toThrow(message);
  });

  it('says which member was meant', () => {
    expect(() => emitted(dsl.loadMember(R7, R9, 'task_struct', 'tgidd'))).toThrow(/did you mean tgid/);
    expect(() => emitted(dsl.loadMember(R7, R9, 'task_struct', 'comm'))).toThrow(/16 bytes.*use memberAddress/);
  });
});

describe('arguments', () => {
  /** What registers hold after moves, immediates and loads: enough to follow seqWrite() and probeReadKernel(). */
  function run(text: readonly string[]): Map<string, string> {
    const held = new Map<string, string>();
    const value = (reg: string) => held.get(reg) ?? reg;
    for (const line of text) {
      const [, dst, from] = /^(r\d+) = (.*)$/.exec(line) ?? [];
      if (dst === undefined) break;
      const load = /^\*\(u64 \*\)\((r\d+) \+0\)$/.exec(from);
      held.set(dst, load ? `[${value(load[1])}]` : value(from));
    }
    return held;
  }
  const reg = fc.constantFrom<Reg[]>(R0, R1, R2, R3, R4, R5, R6, R7, R8, R9);

  it('arrive whichever registers they come from', () => {
    fc.assert(
      fc.property(reg, reg, (a, b) => {
        const write = run(emitted(dsl.seqWrite(a, b, 77)));
        expect([write.get('r1'), write.get('r2') ?? 'r2', write.get('r3')]).toEqual([`[r${a}]`, `r${b}`, '77']);
        const probe = run(emitted(dsl.probeReadKernel(a, 77, b)));
        expect([probe.get('r1') ?? 'r1', probe.get('r2'), probe.get('r3') ?? 'r3']).toEqual([`r${a}`, '77', `r${b}`]);
      }),
    );
  });
});
