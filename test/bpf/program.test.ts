import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { Assembler, R0, R1, R2 } from '../../src/bpf/asm.ts';
import { Btf } from '../../src/bpf/btf.ts';
import { loadProgram, trimLog } from '../../src/bpf/program.ts';
import { BpfError } from '../../src/bpf/syscall.ts';
import { findTarget } from '../../src/bpf/targets.ts';
import { describeKernel, eventually, output } from '../support/kernel.ts';
import { heldObjects, idsOf } from '../support/objects.ts';

const code = (write: (asm: Assembler) => void) => {
  const asm = new Assembler();
  write(asm);
  return asm.assemble().encode({});
};
const nothing = () => code((asm) => asm.movImm(R0, 0).exit());
const attach = () => findTarget(Btf.vmlinux(), 'task').attachBtfId;

function refused(write: (asm: Assembler) => void): BpfError {
  try {
    loadProgram({ code: code(write), attachBtfId: attach(), name: 'itertop_bad' }).close();
  } catch (error) {
    return error as BpfError;
  }
  throw new Error('it was loaded');
}

describeKernel('loading programs', () => {
  test('bpftool sees it under its name and type, and no longer after close()', () => {
    const program = loadProgram({ code: nothing(), attachBtfId: attach(), name: 'itertop_t-1!' });
    const [id] = idsOf('prog').slice(-1);
    const shown = JSON.parse(output('bpftool', '-j', 'prog', 'show', 'id', String(id)));
    expect([shown.type, shown.name, shown.gpl_compatible]).toEqual(['tracing', 'itertop_t_1_', true]);
    expect(program.log).toBe('');
    program.close();
    expect(program.closed).toBe(true);
    expect(() => program.fd).toThrow(/Program is closed/);
    program.close();
    expect(() => output('bpftool', '-j', 'prog', 'show', 'id', String(id))).toThrow();
  });

  test('statistics of the verifier on request', () => {
    using program = loadProgram({ code: nothing(), attachBtfId: attach(), name: 'itertop_stats', stats: true });
    expect(program.log).toMatch(/processed 2 insns/);
  });

  test('the verifier: what it says at the end is in the message, all that it says on the error', () => {
    const error = refused((asm) => asm.movImm(R2, 7).load(8, R0, R1, 512).exit());
    expect(error).toBeInstanceOf(BpfError);
    expect([error.command, error.code]).toEqual(['BPF_PROG_LOAD', 'EACCES']);
    expect(error.message).toMatch(/the verifier refused itertop_bad:\n/);
    expect(error.message).toMatch(/invalid bpf_context access off=512 size=8/);
    expect(error.message).not.toMatch(/processed \d+ insns/);
    expect(error.log).toMatch(/processed \d+ insns/);
    expect(error.log.length).toBeGreaterThan(error.message.length - 100);
    expect(heldObjects().filter((o) => o.kind === 'prog')).toEqual([]);
  });

  test('signals that come meanwhile do not make it fail', async () => {
    // The verifier ends with EAGAIN when one is pending: a child sends this process one after another.
    let signals = 0;
    const count = () => signals++;
    process.on('SIGWINCH', count);
    // Not for ever: where the verifier takes longer than the pause no load would come to its end.
    const script = 'n=0; while [ $((n += 1)) -lt 500 ] && kill -WINCH "$0"; do sleep 0.002; done';
    const sender = spawn('sh', ['-c', script, String(process.pid)]);
    // Long enough for a signal to find the verifier at work.
    const long = code((asm) => {
      asm.movImm(R0, 0);
      for (let i = 0; i < 800; i++) asm.aluImm('add', R0, 1).aluImm('and', R0, 0);
      asm.exit();
    });
    try {
      await eventually(() => expect(signals).toBeGreaterThan(10));
      for (let i = 0; i < 150; i++) loadProgram({ code: long, attachBtfId: attach(), name: 'itertop_signal' }).close();
    } finally {
      sender.kill('SIGKILL');
      process.off('SIGWINCH', count);
    }
  });

  test('a return value other than 0 and 1 is refused', () => {
    expect(refused((asm) => asm.movImm(R0, 2).exit()).message).toMatch(/should have been in (\[0, 1\]|\(0x0; 0x1\))/);
  });

  test('no program at all, and one for a function that is no iterator', () => {
    expect(() => loadProgram({ code: new Uint8Array(0), attachBtfId: attach(), name: 'itertop_none' })).toThrow(
      BpfError,
    );
    const btf = Btf.vmlinux();
    expect(() => loadProgram({ code: nothing(), attachBtfId: btf.func('vfs_read'), name: 'itertop_other' })).toThrow(
      BpfError,
    );
    expect(() => loadProgram({ code: nothing(), attachBtfId: 0, name: 'itertop_zero' })).toThrow(BpfError);
  });
});

test('a trimmed log keeps the last instructions and the complaint', () => {
  const log = [
    'func#0 @0',
    '0: R1=ctx() R10=fp0',
    '0: (bf) r6 = r1                       ; R1=ctx() R6_w=ctx()',
    'from 3 to 7: R0=0',
    '1: (79) r0 = *(u64 *)(r1 +512)',
    'invalid bpf_context access off=512 size=8',
    '',
    'processed 2 insns (limit 1000000) max_states_per_insn 0',
  ].join('\n');
  expect(trimLog(log, 3)).toBe(
    '  0: (bf) r6 = r1\n  1: (79) r0 = *(u64 *)(r1 +512)\n  invalid bpf_context access off=512 size=8',
  );
  expect(trimLog(log, 1)).toBe('  invalid bpf_context access off=512 size=8');
  expect(trimLog('')).toBe('');
});
