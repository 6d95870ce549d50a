import { expect, test } from 'vitest';
import { Btf, BtfError } from '../../src/bpf/btf.ts';
import { findTarget, targetNames } from '../../src/bpf/targets.ts';
import { describeKernel, output } from '../support/kernel.ts';

describeKernel('targets of this kernel', () => {
  test('each has a function and a context; those of Linux 5.10 are there', () => {
    const btf = Btf.vmlinux();
    const names = targetNames(btf);
    for (const name of [
      'task',
      'task_file',
      'bpf_map',
      'bpf_map_elem',
      'tcp',
      'udp',
      'netlink',
      'ipv6_route',
      'bpf_prog',
    ])
      expect(names).toContain(name);
    expect(names).toEqual([...names].sort());
    for (const name of names) {
      const target = findTarget(btf, name);
      expect(target.members[0].pointer).toBe(true);
      expect(target.members.map((m) => m.name)).not.toContain('meta');
    }
  });

  test('contexts have the members and offsets that the kernel gives them', () => {
    const btf = Btf.vmlinux();
    const of = (name: string) => findTarget(btf, name).members.map((m) => `${m.name} ${m.offset} ${m.pointer}`);
    expect(of('task')).toEqual(['task 8 true']);
    expect(of('task_file')).toEqual(['task 8 true', 'fd 16 false', 'file 24 true']);
    expect(of('tcp')).toEqual(['sk_common 8 true', 'uid 16 false']);
    expect(of('udp')).toEqual(['udp_sk 8 true', 'uid 16 false', 'bucket 24 false']);
    expect(of('bpf_map_elem')).toEqual(['map 8 true', 'key 16 true', 'value 24 true']);
  });

  test('the function is the one that bpftool finds', () => {
    const line = output(
      'sh',
      '-c',
      'bpftool btf dump file /sys/kernel/btf/vmlinux format raw | grep "FUNC \'bpf_iter_task_file\'"',
    );
    expect(findTarget(Btf.vmlinux(), 'task_file').attachBtfId).toBe(Number(/^\[(\d+)\]/.exec(line)![1]));
  });

  test('an unknown one names the nearest', () => {
    expect(() => findTarget(Btf.vmlinux(), 'task_fil')).toThrow(BtfError);
    expect(() => findTarget(Btf.vmlinux(), 'task_fil')).toThrow(
      /no iterator for task_fil \(.*bpf_iter_task_fil\); it has task_file/,
    );
  });
});
