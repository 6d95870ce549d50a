/** Source functions, casts and conditions that templates are made of, on objects whose values are known. */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { findTarget } from '../../src/bpf/targets.ts';
import { resolveSource } from '../../src/templates/source.ts';
import type { Cast, Template } from '../../src/templates/template.ts';
import { describeKernel, readOnce, rowsOf } from '../support/kernel.ts';
import * as proc from '../support/proc.ts';

function ofTask(columns: Template['columns'], more: Partial<Template> = {}): Template {
  return {
    name: 'probe',
    help: 'made for a test',
    target: 'task',
    key: ['tid'],
    show: ['tid'],
    sort: 'tid',
    filters: { pid: { link: 'pid', any: ['task->tgid'] } },
    columns: [{ name: 'tid', from: 'task->pid', as: 'int', help: 'thread id' }, ...columns],
    ...more,
  };
}

const column = (name: string, from: string, as: Template['columns'][number]['as'] = 'int') => ({
  name,
  from,
  as,
  help: 'made for a test',
});

describeKernel('sources', () => {
  const mine = { pid: [[process.pid, process.pid] as const] };
  const self = (template: Template) => {
    const { table, absent } = readOnce(template, { filters: mine });
    const row = rowsOf(table).find((r) => r.number('tid') === process.pid)!;
    return { row, absent };
  };

  test('str() reads an array of characters as it reads what a pointer leads to', () => {
    const { row } = self(
      ofTask([
        column('array', 'str(task->comm)', 'text'),
        column('behind', 'str(task->group_leader->comm)', 'text'),
        column('pointer', 'str(task->mm->exe_file->f_inode->i_sb->s_type->name)', 'text'),
        column('chars', 'task->comm', 'text'),
      ]),
    );
    const comm = fs.readFileSync(`/proc/${process.pid}/comm`, 'utf8').trim();
    expect([row.text('array'), row.text('behind'), row.text('chars')]).toEqual([comm, comm, comm]);
    expect(fs.readFileSync('/proc/filesystems', 'utf8')).toMatch(new RegExp(`\\t${row.text('pointer')}\n`));
  });

  test('cmdline() is refused where the iterator holds the lock of the memory that it reads', () => {
    const btf = Btf.vmlinux();
    const scope = { btf, target: findTarget(btf, 'task_vma'), casts: {} };
    expect(() => resolveSource(scope, 'cmdline(task)')).toThrow(/task_vma holds the lock .* join/);
    expect(resolveSource({ ...scope, target: findTarget(btf, 'task_file') }, 'cmdline(task)').kind).toBe('cmdline');
  });

  test('deref() is the number behind a pointer, sum() leaves out what is behind a NULL', () => {
    const { row } = self(
      ofTask([
        column('number', 'deref(task->files->fdt->open_fds)', 'hex'),
        column('sum', 'sum(task->pid, task->group_leader->pid)'),
        column('count', 'task->files->fdt->max_fds'),
      ]),
    );
    // The first word of the bitmap of open descriptors: 0, 1 and 2 are.
    expect(row.number('number') % 8).toBe(7);
    expect(row.number('sum')).toBe(2 * process.pid);
    expect(row.number('count')).toBe(Number(proc.status(process.pid)['FDSize']));
  });

  test('casts: an object narrowed down, a cast that starts from a cast', () => {
    const casts: Readonly<Record<string, Cast>> = {
      user: { of: 'task', when: { source: 'user->mm', is: [0] } },
      memory: { of: 'task->mm' },
      exe: { of: 'memory->exe_file' },
    };
    const template = ofTask(
      [column('kernel_pid', 'user->pid'), column('pages', 'memory->total_vm'), column('inode', 'exe->f_inode->i_ino')],
      { casts },
    );
    const { row } = self(template);
    expect(row.value('kernel_pid')).toBe(null);
    expect(Number(row.value('inode'))).toBe(fs.statSync(`/proc/${process.pid}/exe`).ino);
    expect(row.number('pages')).toBeGreaterThan(1000);
    for (const other of rowsOf(readOnce(template).table)) {
      const kernel = other.number('kernel_pid') === other.number('tid');
      expect(kernel).toBe(Number.isNaN(other.number('pages')));
      if (kernel) expect(other.value('inode')).toBe(null);
    }
  });

  test('only: objects with a value, or with except all others; also a pointer', () => {
    const pointer = { source: 'task->mm', mask: -1, equals: 0 } as const;
    const tids = (only: Template['only']) =>
      rowsOf(readOnce(ofTask([], only ? { only } : {})).table).map((r) => r.number('tid'));
    const kernel = new Set(tids([pointer]));
    const user = new Set(tids([{ ...pointer, except: true }]));
    expect(user.has(process.pid)).toBe(true);
    expect(kernel.has(process.pid)).toBe(false);
    expect([...user].filter((tid) => kernel.has(tid))).toEqual([]);
    for (const tid of kernel) {
      let size: string | undefined;
      try {
        size = proc.status(tid)['VmSize'];
      } catch {
        continue; // It has ended.
      }
      expect(size).toBeUndefined();
    }
  });

  test('where the verifier would refuse a way that columns share, each of them is left out, and the rest is there', () => {
    // A member of a union is seen as the first one at its place.
    const template: Template = {
      name: 'probe',
      help: 'made for a test',
      target: 'ipv6_route',
      key: ['rt'],
      show: ['rt'],
      sort: 'rt',
      columns: [
        column('rt', 'rt', 'hex'),
        column('metric', 'rt->fib6_metric'),
        column('a', 'rt->nh->nh_grp->nh_entries[0].nh->nh_info->fib6_nh.nh_common.nhc_weight'),
        column('b', 'rt->nh->nh_grp->nh_entries[0].nh->nh_info->fib6_nh.nh_common.nhc_flags'),
      ],
    };
    const { table, absent } = readOnce(template);
    expect([...absent.keys()].sort()).toEqual(['a', 'b']);
    for (const reason of absent.values()) expect(reason).toContain('the verifier takes pointer 2 of nh->nh_grp');
    expect(table.batch.has('metric')).toBe(true);
  });

  test.each([
    ['str(task->pid)', /str\(task->pid\): task->pid is \w+, not char \* or char \[\]/],
    ['deref(task->pid)', /not a pointer to a number/],
    ['deref(task->mm)', /not a pointer to a number/],
    ['queue_bytes(task->comm, 1)', /not struct sk_buff_head/],
    ['queue_bytes(task->comm)', /it takes queue_bytes\(struct sk_buff_head, how many packets at most\)/],
    ['sun_path(task->mm)', /not struct unix_address \*/],
    ['special_mapping(tsak)', /has no object "tsak"; did you mean task/],
    ['inet6(task->pid)', /not 16 bytes/],
    ['derefs(task->mm)', /no source function derefs\(\); did you mean deref/],
  ])('%s is refused with what is wrong', (text, message) => {
    const btf = Btf.vmlinux();
    const scope = { btf, target: findTarget(btf, 'task'), casts: {} };
    expect(() => resolveSource(scope, text)).toThrow(message);
  });

  test.each(['0', '257', '1.5', 'many'])('queue_bytes() of %s packets is refused', (count) => {
    const btf = Btf.vmlinux();
    const scope = { btf, target: findTarget(btf, 'unix'), casts: {} };
    expect(() => resolveSource(scope, `queue_bytes(unix_sk->sk.sk_receive_queue, ${count})`)).toThrow(
      `the number of packets is 1 to 256, not ${count}`,
    );
  });
});
