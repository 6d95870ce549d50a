import { expect, test } from 'vitest';
import { Assembler, R0, R1, R2, R3, R6, R10 } from '../../src/bpf/asm.ts';
import { Btf } from '../../src/bpf/btf.ts';
import { resolvePath } from '../../src/bpf/btf-path.ts';
import { seqBufferBytes } from '../../src/bpf/host.ts';
import { IteratorFd } from '../../src/bpf/iterator.ts';
import { Link } from '../../src/bpf/link.ts';
import { BpfMap } from '../../src/bpf/map.ts';
import { loadProgram, type Program } from '../../src/bpf/program.ts';
import { BpfError } from '../../src/bpf/syscall.ts';
import { findTarget } from '../../src/bpf/targets.ts';
import { describeKernel } from '../support/kernel.ts';

const btf = () => Btf.vmlinux();

/** A program for a target from what `write` assembles; R6 holds the context, it leaves with what R0 says at `out`. */
function program(target: string, write: (asm: Assembler) => void, maps: Record<string, number> = {}): Program {
  const asm = new Assembler();
  asm.mov(R6, R1);
  write(asm);
  return loadProgram({
    code: asm.assemble().encode(maps),
    attachBtfId: findTarget(btf(), target).attachBtfId,
    name: 'itertop_test',
  });
}

const writesTgid = (asm: Assembler) => {
  const [task] = findTarget(btf(), 'task').members;
  asm.load(8, R2, R6, task.offset).jumpIfImm('eq', R2, 0, 'out');
  asm.load(4, R3, R2, resolvePath(btf(), btf().struct('task_struct'), 'pid').offset).store(8, R10, -8, R3);
  asm.load(8, R1, R6, 0).load(8, R1, R1, resolvePath(btf(), btf().struct('bpf_iter_meta'), 'seq').offset);
  asm.mov(R2, R10).aluImm('add', R2, -8).movImm(R3, 8).call('seq_write');
  asm.label('out').movImm(R0, 0).exit();
};

function readWith(p: Program, options: Parameters<IteratorFd['readAll']>[1] = {}, bytes = 64) {
  using link = Link.create(p);
  using iterator = IteratorFd.create(link);
  const into = { bytes: new SharedArrayBuffer(bytes) };
  const result = iterator.readAll(into, options);
  return { ...result, bytes: Buffer.from(into.bytes).subarray(0, result.used), size: into.bytes.byteLength };
}

function failure(run: () => unknown): BpfError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(BpfError);
    return error as BpfError;
  }
  throw new Error('it did not fail');
}

describeKernel('reading iterators', () => {
  test('an iterator is read to its end; each walk is a new one', () => {
    using p = program('task', writesTgid);
    const first = readWith(p);
    const tids = Array.from({ length: first.used / 8 }, (_, i) => Number(first.bytes.readBigUInt64LE(i * 8)));
    expect(tids).toContain(process.pid);
    expect(first.stopped).toBe(false);
    expect(first.used % 8).toBe(0);
    using link = Link.create(p);
    using iterator = IteratorFd.create(link);
    const into = { bytes: new SharedArrayBuffer(4096) };
    expect(iterator.readAll(into).used).toBeGreaterThan(0);
    expect(iterator.readAll(into).used).toBe(0);
  });

  test.each([1, 7, 100, 32768, 65536])('%d bytes a read: nothing lost, the target grows as it must', (readSize) => {
    using p = program('task', writesTgid);
    const { bytes, size, reads, used } = readWith(p, { readSize }, 16);
    const tids = Array.from({ length: used / 8 }, (_, i) => Number(bytes.readBigUInt64LE(i * 8)));
    expect(new Set(tids).size).toBe(tids.length);
    expect(tids).toContain(process.pid);
    expect(size).toBeGreaterThanOrEqual(used);
    expect(reads).toBeGreaterThanOrEqual(Math.ceil(used / Math.min(readSize, seqBufferBytes())));
  });

  test('maxBytes ends the walk early', () => {
    using p = program('task', writesTgid);
    const { used, stopped } = readWith(p, { readSize: 8, maxBytes: 24 });
    expect([used, stopped]).toEqual([24, true]);
  });

  test('a program that returns 1 for ever is an error that says so', () => {
    using p = program('task', (asm) => asm.movImm(R0, 1).exit());
    const error = failure(() => readWith(p));
    expect([error.command, error.code]).toEqual(['read', 'EAGAIN']);
    expect(error.message).toMatch(/keeps returning 1 for an object/);
  });

  test('a program that says by itself that it stopped ends the reading without an error', () => {
    using map = BpfMap.create({ type: 'array', keySize: 4, valueSize: 8, maxEntries: 1, name: 'itertop_stop' });
    const [task] = findTarget(btf(), 'task').members;
    using p = program(
      'task',
      (asm) => {
        asm.load(8, R2, R6, task.offset).jumpIfImm('eq', R2, 0, 'out');
        // Two objects go by, then it stops and says so.
        asm.load(8, R3, R6, 0).load(8, R3, R3, resolvePath(btf(), btf().struct('bpf_iter_meta'), 'seq_num').offset);
        asm.jumpIfImm('lt', R3, 2, 'write');
        asm.loadMapValue(R1, 'stop', 0).storeImm(8, R1, 0, 1).movImm(R0, 1).exit();
        asm.label('write');
        asm
          .storeImm(8, R10, -8, 7)
          .load(8, R1, R6, 0)
          .load(8, R1, R1, resolvePath(btf(), btf().struct('bpf_iter_meta'), 'seq').offset);
        asm.mov(R2, R10).aluImm('add', R2, -8).movImm(R3, 8).call('seq_write');
        asm.label('out').movImm(R0, 0).exit();
      },
      { stop: map.fd },
    );
    const { used, stopped } = readWith(p, { stopped: () => map.lookup(Buffer.alloc(4)).readBigUInt64LE() === 1n });
    expect([used, stopped]).toEqual([16, true]);
  });

  test('a program that lets nothing pass reads nothing, and is no error', () => {
    using p = program('task', (asm) => asm.movImm(R0, 0).exit());
    expect(readWith(p)).toMatchObject({ used: 0, stopped: false, reads: 1 });
  });

  test('an object that needs more than the buffer is E2BIG, with what to do', () => {
    using map = BpfMap.create({
      type: 'array',
      keySize: 4,
      valueSize: seqBufferBytes() + 8,
      maxEntries: 1,
      name: 'itertop_big',
    });
    const [task] = findTarget(btf(), 'task').members;
    const seq = resolvePath(btf(), btf().struct('bpf_iter_meta'), 'seq').offset;
    using p = program(
      'task',
      (asm) => {
        asm.load(8, R2, R6, task.offset).jumpIfImm('eq', R2, 0, 'out');
        asm.load(8, R1, R6, 0).load(8, R1, R1, seq);
        asm
          .loadMapValue(R2, 'big', 0)
          .movImm(R3, seqBufferBytes() + 8)
          .call('seq_write');
        asm.label('out').movImm(R0, 0).exit();
      },
      { big: map.fd },
    );
    const error = failure(() => readWith(p));
    expect([error.command, error.code]).toEqual(['read', 'E2BIG']);
    expect(error.message).toContain(
      `larger than the kernel's buffer (${seqBufferBytes()} bytes); show fewer text columns`,
    );
  });

  test('a record a little smaller than the buffer passes', () => {
    using map = BpfMap.create({
      type: 'array',
      keySize: 4,
      valueSize: seqBufferBytes() - 8,
      maxEntries: 1,
      name: 'itertop_full',
    });
    const [task] = findTarget(btf(), 'task').members;
    const seq = resolvePath(btf(), btf().struct('bpf_iter_meta'), 'seq').offset;
    using p = program(
      'task',
      (asm) => {
        asm.load(8, R2, R6, task.offset).jumpIfImm('eq', R2, 0, 'out');
        asm
          .load(8, R3, R6, 0)
          .load(8, R3, R3, resolvePath(btf(), btf().struct('bpf_iter_meta'), 'seq_num').offset)
          .jumpIfImm('ge', R3, 3, 'out');
        asm.load(8, R1, R6, 0).load(8, R1, R1, seq);
        asm
          .loadMapValue(R2, 'full', 0)
          .movImm(R3, seqBufferBytes() - 8)
          .call('seq_write');
        asm.label('out').movImm(R0, 0).exit();
      },
      { full: map.fd },
    );
    expect(readWith(p).used).toBe(3 * (seqBufferBytes() - 8));
  });
});
