import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { Assembler, R0 } from '../../src/bpf/asm.ts';
import { Btf } from '../../src/bpf/btf.ts';
import { IteratorFd } from '../../src/bpf/iterator.ts';
import { Link, linkTakesTask } from '../../src/bpf/link.ts';
import { BpfMap } from '../../src/bpf/map.ts';
import { loadProgram, type Program } from '../../src/bpf/program.ts';
import { BpfError } from '../../src/bpf/syscall.ts';
import { findTarget } from '../../src/bpf/targets.ts';
import { describeKernel, kernelHas, output } from '../support/kernel.ts';
import { idsOf } from '../support/objects.ts';

const program = (target: string) =>
  loadProgram({
    code: new Assembler().movImm(R0, 0).exit().assemble().encode({}),
    attachBtfId: findTarget(Btf.vmlinux(), target).attachBtfId,
    name: 'itertop_link',
  });
const shown = (id: number) => JSON.parse(output('bpftool', '-j', 'link', 'show', 'id', String(id)));

/** Without it a link takes what it knows of the parameters, or refuses them. */
const takesTask = linkTakesTask(Btf.vmlinux());

describeKernel('links', () => {
  test('bpftool sees target and parameters; the program may be closed first', () => {
    using p = program('task');
    using link = Link.create(p, takesTask ? { pid: process.pid } : undefined);
    const [id] = idsOf('link');
    p.close();
    expect(shown(id)).toMatchObject({ type: 'iter', target_name: 'task' });
    using iterator = IteratorFd.create(link);
    expect(iterator.readAll({ bytes: new SharedArrayBuffer(64) }).used).toBe(0);
  });

  test('the program is swapped under a kept link', () => {
    using first = program('task');
    using second = program('task');
    using link = Link.create(first);
    const [id] = idsOf('link');
    const [a, b] = idsOf('prog');
    expect(shown(id).prog_id).toBe(a);
    link.update(second);
    expect([idsOf('link')[0], shown(id).prog_id]).toEqual([id, b]);
  });

  test('a program for another target is refused, with the reason', () => {
    using tasks = program('task');
    using sockets = program('tcp');
    using link = Link.create(tasks);
    expect(() => link.update(sockets)).toThrow(BpfError);
    expect(() => link.update(sockets)).toThrow(/BPF_LINK_UPDATE: EINVAL .*the new program is for another target/);
  });

  test('a single thread, a map, a cgroup', () => {
    using tasks = program('task');
    Link.create(tasks, { tid: process.pid }).close();
    if (kernelHas('bpf_iter_link_info', 'cgroup')) {
      using groups = program('cgroup');
      Link.create(groups, { cgroup: { order: 'descendants_pre', id: 1n } }).close();
      expect(() => Link.create(groups)).toThrow(/EINVAL .*a cgroup needs an order/);
    }
    // Some sandboxes refuse programs for map elements to root, too.
    let elements: Program;
    try {
      elements = program('bpf_map_elem');
    } catch (error) {
      expect((error as BpfError).code).toBe('EPERM');
      return;
    }
    using map = BpfMap.create({ type: 'hash', keySize: 4, valueSize: 4, maxEntries: 4, name: 'itertop_elem' });
    Link.create(elements, { mapFd: map.fd }).close();
    expect(() => Link.create(elements)).toThrow(/EBADF .*the target needs a map/);
    elements.close();
  });

  test('a PID that does not exist gives nothing to read', ({ skip }) => {
    skip(!takesTask, 'links take no PID before Linux 6.1');
    using p = program('task');
    const child = spawn('true');
    using link = Link.create(p, { pid: 4_194_303 });
    using iterator = IteratorFd.create(link);
    expect(iterator.readAll({ bytes: new SharedArrayBuffer(64) }).used).toBe(0);
    child.kill();
  });

  test('closing twice is harmless, using a closed one is not possible', () => {
    using p = program('task');
    const link = Link.create(p);
    link.close();
    link.close();
    expect(() => link.fd).toThrow(/Link is closed/);
    expect(() => IteratorFd.create(link)).toThrow(/Link is closed/);
    expect(idsOf('link')).toEqual([]);
  });
});
