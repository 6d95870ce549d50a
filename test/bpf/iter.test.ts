import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as bpf from '../../src/bpf/index.ts';
import { R0, R1, R2, R6, R7, R8, R9, R10 } from '../../src/bpf/index.ts';
import { describeKernel, output } from '../support/kernel.ts';
import { heldObjects, openDescriptors } from '../support/objects.ts';

/** Thread ids of all tasks, u32 each, in the kernel's order; `per` may add to each task's code. */
const pids = (...per: bpf.Fragment[]) =>
  bpf.taskNullCheckTemplate([
    bpf.allocStackBuffer(R9, -8),
    bpf.taskLoadPid(R7, R1),
    (asm) => asm.store(4, R9, 0, R1),
    bpf.seqWrite(R8, R9, 4),
    ...per,
  ]);

/** Ends the walk at a thread id, which the caller may change: map `at` holds it. */
const stopAt = bpf.taskNullCheckTemplate([
  bpf.allocStackBuffer(R9, -8),
  bpf.taskLoadPid(R7, R1),
  (asm) => asm.store(4, R9, 0, R1),
  bpf.seqWrite(R8, R9, 4),
  (asm) => asm.loadMapValue(R1, 'at').load(4, R1, R1, 0).load(4, R2, R10, -8).jumpIf('ne', R1, R2, 'on'),
  bpf.iterReturnStop(),
  (asm) => asm.label('on'),
]);

const u32s = (bytes: Buffer) => Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(i * 4));
const u32 = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);

/** Loads stopAt and says how to read up to a thread id. */
function stopper() {
  const at = bpf.BpfMap.create({ type: 'array', keySize: 4, valueSize: 8, maxEntries: 1, name: 'at' });
  const program = bpf.loadIteratorProgram(stopAt, 'task', { maps: { at } });
  return {
    program,
    until: (pid: number) => at.update(u32(0), new Uint8Array(BigUint64Array.of(BigInt(pid)).buffer)),
    [Symbol.dispose]() {
      program.close();
      at.close();
    },
  };
}

describeKernel('iterators', () => {
  let before: string[];
  beforeEach(() => {
    before = openDescriptors();
  });
  afterEach(() => {
    expect(openDescriptors()).toEqual(before);
  });

  it('read all objects', () => {
    using program = bpf.loadIteratorProgram(pids(), 'task');
    using iterator = bpf.createIterator(program);
    const seen = u32s(iterator.read());
    expect(seen).toContain(process.pid);
    for (const tid of fs.readdirSync('/proc/self/task').map(Number)) expect(seen).toContain(tid);
    expect(iterator.stopped).toBe(false);
    expect(iterator.read().length).toBe(0);
  });

  it('carry program, descriptors and type', () => {
    using program = bpf.loadIteratorProgram(bpf.minimalTaskIterator(), 'task', { name: 'carries' });
    using iterator = bpf.createIterator(program);
    expect(iterator.program).toBe(program);
    expect(iterator.iterType).toBe('task');
    const held = heldObjects();
    expect(held).toContainEqual(expect.objectContaining({ fd: program.fd, kind: 'prog' }));
    expect(held).toContainEqual(expect.objectContaining({ fd: iterator.linkFd, kind: 'link' }));
    expect(fs.fstatSync(iterator.iterFd).isFile()).toBe(true);
    expect(iterator.read().length).toBe(0);
  });

  it('load with name, license and log level', () => {
    using program = bpf.loadIteratorProgram(pids(), 'task', {
      name: 'my_iterator',
      license: 'Dual MIT/GPL',
      logLevel: 2,
    });
    expect(program.log).toMatch(/call bpf_seq_write#127/);
    const { id } = heldObjects().find((o) => o.fd === program.fd)!;
    expect(JSON.parse(output('bpftool', '-j', 'prog', 'show', 'id', String(id)))).toMatchObject({
      name: 'my_iterator',
      type: 'tracing',
      gpl_compatible: true,
    });
    using quiet = bpf.loadIteratorProgram(bpf.minimalTaskIterator(), 'task', { license: 'MIT' });
    expect(quiet.log).toBe('');
  });

  it('take encoded instructions as well', () => {
    using program = bpf.loadIteratorProgram(pids().encode(), 'task');
    using iterator = bpf.createIterator(program);
    expect(u32s(iterator.read())).toContain(process.pid);
  });

  it('let the kernel choose the task', () => {
    using program = bpf.loadIteratorProgram(pids(), 'task');
    expect(bpf.withIterator(program, { tid: process.pid }, (i) => u32s(i.read()))).toEqual([process.pid]);
  });

  it('end where maxBytes is reached', () => {
    using program = bpf.loadIteratorProgram(pids(), 'task');
    bpf.withIterator(program, (iterator) => {
      expect(iterator.read({ maxBytes: 8, readSize: 4 }).length).toBe(8);
      expect(iterator.stopped).toBe(true);
    });
  });

  it('give a sleepable program its helpers', () => {
    const code = bpf.taskNullCheckTemplate([(asm) => asm.storeImm(4, R10, -4, 7), ...write4(-4)]);
    using program = bpf.loadIteratorProgram(code, 'task', { sleepable: true });
    using iterator = bpf.createIterator(program, { tid: process.pid });
    expect(u32s(iterator.read())).toEqual([7]);
  });

  describe('close what they opened', () => {
    it('by closeIterator, more than once', () => {
      using program = bpf.loadIteratorProgram(pids(), 'task');
      const iterator = bpf.createIterator(program);
      bpf.closeIterator(iterator);
      bpf.closeIterator(iterator);
      expect(iterator.closed).toBe(true);
      expect(() => iterator.read()).toThrow(/IteratorFd is closed/);
      expect(() => iterator.linkFd).toThrow(/Link is closed/);
    });

    it('when withIterator returns, throws, or its promise is settled', async () => {
      using program = bpf.loadIteratorProgram(pids(), 'task');
      const open = openDescriptors();
      expect(bpf.withIterator(program, () => 5)).toBe(5);
      expect(() =>
        bpf.withIterator(program, () => {
          throw new Error('in between');
        }),
      ).toThrow('in between');
      expect(openDescriptors()).toEqual(open);
      const later = bpf.withIterator(program, async (iterator) => {
        await new Promise(setImmediate);
        return u32s(iterator.read()).length;
      });
      expect(openDescriptors().length).toBe(open.length + 2);
      expect(await later).toBeGreaterThan(0);
      await expect(bpf.withIterator(program, () => Promise.reject(new Error('later')))).rejects.toThrow('later');
      expect(openDescriptors()).toEqual(open);
    });

    it('when a program is refused, in any way', () => {
      const unchecked = bpf.assembleIter('task', [
        bpf.iterPrologueWithMeta(),
        bpf.iterLoadCtxPtr(R6, R7, 'task'),
        bpf.taskLoadPid(R7, R9),
        bpf.iterReturnStop(),
      ]);
      expect(() => bpf.loadIteratorProgram(unchecked, 'task')).toThrow(/the verifier refused iter_task/);
      expect(() => bpf.loadIteratorProgram(stopAt, 'task')).toThrow(/no file descriptor given for map at/);
      expect(() => bpf.loadIteratorProgram(pids(), 'tcp')).toThrow(/built for task iterators, not for tcp/);
      expect(() => bpf.loadIteratorProgram(new Uint8Array(), 'taskk')).toThrow(/no iterator for taskk.*it has task/);
      const license = bpf.taskNullCheckTemplate([bpf.allocStackBuffer(R9, -8), bpf.probeReadKernel(R9, 8, R7)]);
      expect(() => bpf.loadIteratorProgram(license, 'task', { license: 'MIT' })).toThrow(/GPL/);
    });

    it('when the link is refused', () => {
      using program = bpf.loadIteratorProgram(
        bpf.assembleIter('cgroup', [bpf.iterPrologue(), bpf.iterReturnContinue()]),
        'cgroup',
      );
      expect(() => bpf.createIterator(program)).toThrow(/a cgroup needs an order/);
      expect(() => bpf.withIterator(program, () => 0)).toThrow(bpf.BpfError);
    });
  });

  describe('are files', () => {
    it('that /proc/self/fd opens, each time for a walk of its own', () => {
      using program = bpf.loadIteratorProgram(pids(), 'task');
      using iterator = bpf.createIterator(program);
      const path = `/proc/self/fd/${iterator.iterFd}`;
      for (let i = 0; i < 2; i++) expect(u32s(fs.readFileSync(path))).toContain(process.pid);
      expect(u32s(iterator.read())).toContain(process.pid);
      expect(output('cat', `/proc/${process.pid}/fd/${iterator.iterFd}`).length).toBeGreaterThan(0);
    });

    it('that outlive link and program', () => {
      const program = bpf.loadIteratorProgram(pids(), 'task');
      using iterator = bpf.createIterator(program);
      program.close();
      expect(u32s(iterator.read())).toContain(process.pid);
    });

    it('that leave nothing mounted or pinned', () => {
      const mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8');
      using program = bpf.loadIteratorProgram(pids(), 'task');
      using _iterator = bpf.createIterator(program);
      expect(fs.readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
    });

    it('without the right to mount, still read by their descriptor', () => {
      const script = `
        import fs from 'node:fs';
        import * as bpf from '${new URL('../../src/bpf/index.ts', import.meta.url)}';
        using program = bpf.loadIteratorProgram(bpf.taskNullCheckTemplate([bpf.seqPrintfSimple(bpf.R8, 'x')]), 'task');
        using iterator = bpf.createIterator(program);
        let code = '';
        try { fs.readFileSync('/proc/self/fd/' + iterator.iterFd) } catch (error) { code = error.code }
        console.log(code, iterator.text().length > 0);`;
      const caps = '-all,+bpf,+perfmon,+dac_override';
      const node = [process.execPath, '--input-type=module', '-e', script];
      expect(output('setpriv', '--bounding-set', caps, '--inh-caps', '-all', ...node)).toBe('ENXIO true\n');
    });
  });

  describe('stop', () => {
    /** Sleeping processes, spread over the walk by when they were started. */
    async function sleepers(n: number) {
      const children = Array.from({ length: n }, () => spawn('sleep', ['60'], { stdio: 'ignore' }));
      await Promise.all(children.map((c) => new Promise((resolve) => c.once('spawn', resolve))));
      return {
        pids: children.map((c) => c.pid!),
        [Symbol.dispose]() {
          for (const c of children) c.kill('SIGKILL');
        },
      };
    }

    it('behind the matching object, wherever it is and however small the reads are', async () => {
      // The last one is not stopped at: behind the last object of all there is no other to stop at.
      using some = await sleepers(4);
      using s = stopper();
      const everything = () => {
        s.until(0xffffffff);
        return bpf.withIterator(s.program, (i) => u32s(i.read()));
      };
      const all = everything();
      for (const pid of [all[0], all[1], process.pid, ...some.pids.slice(0, -1)]) {
        for (const readSize of [undefined, 1, 3, 4, 7, 4096]) {
          s.until(pid);
          using iterator = bpf.createIterator(s.program);
          const seen = u32s(iterator.read(readSize === undefined ? {} : { readSize }));
          expect(seen.at(-1)).toBe(pid);
          expect(seen.filter((p) => p === pid).length).toBe(1);
          // Nothing that lives on both sides of the walk is missing before it.
          const now = new Set(everything());
          const expected = all.slice(0, all.indexOf(pid) + 1).filter((p) => now.has(p));
          expect(seen).toEqual(expect.arrayContaining(expected));
          expect(iterator.stopped).toBe(true);
          expect(iterator.read().length).toBe(0);
        }
      }
    });

    it('cleanly for readers that know nothing of it', async () => {
      using some = await sleepers(1);
      using s = stopper();
      s.until(some.pids[0]);
      using iterator = bpf.createIterator(s.program);
      const path = `/proc/self/fd/${iterator.iterFd}`;
      for (let i = 0; i < 3; i++) expect(u32s(fs.readFileSync(path)).at(-1)).toBe(some.pids[0]);
      const bytes = Buffer.alloc(1 << 16);
      for (const size of [1, 4, 6, 4096]) {
        const fd = fs.openSync(path, 'r');
        let used = 0;
        for (let n = -1; n !== 0; used += n) n = fs.readSync(fd, bytes, used, size, null);
        expect(fs.readSync(fd, bytes, used, size, null)).toBe(0);
        fs.closeSync(fd);
        expect(u32s(bytes.subarray(0, used)).at(-1)).toBe(some.pids[0]);
      }
    });

    it('only the walk in which it was said', async () => {
      using some = await sleepers(2);
      using s = stopper();
      s.until(some.pids[0]);
      using first = bpf.createIterator(s.program);
      const head = Buffer.alloc(4);
      expect(fs.readSync(first.iterFd, head, 0, 4, null)).toBe(4);
      // Others begin and end while the first is under way.
      for (let i = 0; i < 3; i++)
        expect(bpf.withIterator(s.program, (it) => u32s(it.read()).at(-1))).toBe(some.pids[0]);
      s.until(some.pids[1]);
      expect(bpf.withIterator(s.program, (it) => u32s(it.read()).at(-1))).toBe(some.pids[1]);
      s.until(some.pids[0]);
      expect(u32s(first.read()).at(-1)).toBe(some.pids[0]);
      s.until(0xffffffff);
      const whole = bpf.withIterator(s.program, (it) => ({ seen: u32s(it.read()), stopped: it.stopped }));
      expect(whole.seen).toEqual(expect.arrayContaining([process.pid, ...some.pids]));
      expect(whole.stopped).toBe(false);
    });

    it('keeps the object although the buffer was full at it', async () => {
      // 20,000 bytes a task: every second one does not fit and is asked for again.
      const size = 20_000;
      const big = bpf.BpfMap.create({ type: 'array', keySize: 4, valueSize: size, maxEntries: 1, name: 'big' });
      const code = (pid: number) =>
        bpf.taskNullCheckTemplate([
          (asm) => asm.loadMapValue(R9, 'big'),
          bpf.taskLoadPid(R7, R1),
          (asm) => asm.store(4, R9, 0, R1),
          bpf.seqWrite(R8, R9, size),
          bpf.taskLoadPid(R7, R1),
          (asm) => asm.jumpIfImm('ne', R1, pid, 'on'),
          bpf.iterReturnStop(),
          (asm) => asm.label('on'),
        ]);
      const order = u32s(withProgram(pids(), (i) => i.read()));
      for (const pid of order.slice(0, 4)) {
        using program = bpf.loadIteratorProgram(code(pid), 'task', { maps: { big } });
        using iterator = bpf.createIterator(program);
        const bytes = iterator.read();
        expect(bytes.readUInt32LE(bytes.length - size)).toBe(pid);
        expect(bytes.length).toBe((order.indexOf(pid) + 1) * size);
      }
      big.close();
    });

    it('ends the walk, not only the output', () => {
      // Calls are counted on entry, before the check whether the walk has ended has its say.
      using s = stopper();
      s.until(1);
      const stats = (on: number) => fs.writeFileSync('/proc/sys/kernel/bpf_stats_enabled', String(on));
      const was = Number(fs.readFileSync('/proc/sys/kernel/bpf_stats_enabled', 'latin1'));
      stats(1);
      try {
        const order = u32s(bpf.withIterator(s.program, (i) => i.read()));
        const { id } = heldObjects().find((o) => o.fd === s.program.fd)!;
        const runs = () => JSON.parse(output('bpftool', '-j', 'prog', 'show', 'id', String(id))).run_cnt as number;
        const first = runs();
        s.until(order[1]);
        expect(u32s(bpf.withIterator(s.program, (i) => i.read()))).toEqual(order.slice(0, 2));
        // Two objects, and the third at which it leaves.
        expect(runs() - first).toBe(3);
      } finally {
        stats(was);
      }
    });
  });

  it('say which objects they met by bpf_seq_printf', () => {
    const comm = withProgram(
      bpf.taskNullCheckTemplate([
        bpf.taskLoadPid(R7, R1),
        bpf.taskLoadTgid(R7, R2),
        bpf.memberAddress(R7, R9, 'task_struct', 'comm'),
        bpf.seqPrintfSimple(R8, '%d %5d "%s"\n', [R1, R2, R9]),
      ]),
      (i) => i.text(),
      { tid: process.pid },
    );
    const name = fs.readFileSync('/proc/self/comm', 'utf8').trim();
    expect(comm).toBe(`${process.pid} ${String(process.pid).padStart(5)} "${name}"\n`);
  });

  it('copy with probe_read helpers', () => {
    const code = bpf.taskNullCheckTemplate([
      (asm) => asm.storeImm(8, R10, -16, 0).storeImm(8, R10, -8, 0),
      bpf.allocStackBuffer(R9, -16),
      bpf.memberAddress(R7, R1, 'task_struct', 'comm'),
      bpf.probeReadKernelStr(R9, 16, R1),
      bpf.seqWrite(R8, R9, 16),
      (asm) => asm.mov(R1, R7).movImm(R0, 0),
      bpf.loadMember(R7, R1, 'task_struct', 'real_parent->tgid'),
      (asm) => asm.store(8, R9, 0, R1),
      bpf.seqWrite(R8, R9, 8),
    ]);
    const bytes = withProgram(code, (i) => i.read(), { tid: process.pid });
    expect(bytes.toString('utf8', 0, 16).replace(/\0+$/, '')).toBe(fs.readFileSync('/proc/self/comm', 'utf8').trim());
    expect(bytes.readUInt32LE(16)).toBe(process.ppid);
  });

  it('work in a worker thread', async () => {
    const script = `
      import { parentPort } from 'node:worker_threads';
      import * as bpf from '${new URL('../../src/bpf/index.ts', import.meta.url)}';
      using program = bpf.loadIteratorProgram(bpf.taskNullCheckTemplate([bpf.seqPrintfSimple(bpf.R8, 'x')]), 'task');
      using iterator = bpf.createIterator(program);
      parentPort.postMessage(iterator.text().length);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    const length = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
    expect(length).toBeGreaterThan(0);
    before = openDescriptors();
  });
});

function write4(at: number): bpf.Fragment[] {
  return [bpf.allocStackBuffer(R9, at), bpf.seqWrite(R8, R9, 4)];
}

function withProgram<T>(code: bpf.IterCode, use: (iterator: bpf.BpfIterator) => T, info?: bpf.LinkInfo): T {
  using program = bpf.loadIteratorProgram(code, code.iterType);
  return info ? bpf.withIterator(program, info, use) : bpf.withIterator(program, use);
}
