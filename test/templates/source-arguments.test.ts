/** Arguments of source functions, and members that the verifier takes for something else: told by BTF, in our words. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { findTarget } from '../../src/bpf/targets.ts';
import { resolveSource } from '../../src/templates/source.ts';
import type { Cast } from '../../src/templates/template.ts';
import { collect, collector, describeKernel, kernelHas, rowsOf } from '../support/kernel.ts';

const btf = Btf.vmlinux();
const scope = (target: string, casts: Record<string, Cast> = {}) => ({ btf, target: findTarget(btf, target), casts });

describe('arguments of source functions', () => {
  it.each([
    ['task', 'kernfs_path(task->mm)', 'task->mm is struct mm_struct *, not struct kernfs_node *'],
    ['task', 'kernfs_path(task->comm)', 'task->comm is char[16], not struct kernfs_node *'],
    ['task', 'pid_ns(task->mm)', 'task->mm is struct mm_struct *, not struct pid *'],
    ['task', 'sum(task->pid, task->mm)', 'sum() adds whole numbers; task->mm is struct mm_struct *'],
    ['task', 'sum(task->comm)', 'sum() adds whole numbers; task->comm is char[16]'],
    ['tcp', 'sum(sk_common->skc_dport)', 'sum() adds whole numbers; sk_common->skc_dport is __be16'],
    ['task_file', 'sum(task->pid, file->f_flags)', 'all have to start from task'],
    ['task', 'inet(task->mm, task->pid, task->pid)', 'task->mm is struct mm_struct *, not the number of a family'],
    ['task', 'inet(task->pid, task->start_time, task->pid)', 'task->start_time is u64, not 4 bytes'],
    ['task', 'inet(task->pid, task->tgid, task->pid)', 'task->pid is pid_t, not 16 bytes'],
    ['task', 'inet(task->pid, task->mm->flags, task->comm)', 'not 4 bytes'],
    ['task', 'inet(task->pid, task->real_parent->pid, task->comm)', 'has to lie behind the same pointers as task->pid'],
    ['task', 'inet6(task->pid)', 'task->pid is pid_t, not 16 bytes'],
    ['task', 'd_path(task->fs)', 'task->fs is struct fs_struct *, not struct path'],
    ['task', 'vfs_path(task->comm)', 'task->comm is char[16], not struct path'],
    ['task', 'str(task->pid)', 'task->pid is pid_t, not char * or char []'],
    ['task', 'deref(task->pid)', 'task->pid is pid_t, not a pointer to a number'],
    ['unix', 'sun_path(unix_sk->sk)', 'not struct unix_address *'],
    ['unix', 'queue_bytes(unix_sk->addr, 3)', 'not struct sk_buff_head'],
    ['task_file', 'cmdline(file)', 'file is struct file, not the struct task_struct of bpf_iter__task_file'],
    [
      'task_file',
      'special_mapping(task)',
      'task is struct task_struct, not the struct vm_area_struct of bpf_iter__task_file',
    ],
    ['task', 'percpu_sum(task->pid)', 'percpu_sum(task->pid): pid is no pointer'],
    ['task', 'each(task->mm, task->pid, 8)', 'task->mm is struct mm_struct *, no array of pointers or numbers'],
    ['bpf_prog', 'each(prog->aux->used_maps, prog->aux, 8)', 'prog->aux is no number of 4 bytes or fewer'],
    ['bpf_prog', 'each(prog->aux->used_maps, prog->len, 0)', 'how many at most is 1 to 1024, not 0'],
    ['bpf_prog', 'each(prog->aux->used_maps, prog->len, 8, ids)', 'ids'],
    ['bpf_prog', 'each(prog->aux->used_maps, prog->len, 8, btf->id)', 'btf->id has to be a value in struct bpf_map'],
    ['task', 'each(task->comm, task->pid, 8, id)', 'task->comm does not point to structs that have a member id'],
  ])('%s: %s', (target, source, message) => {
    expect(() => resolveSource(scope(target), source)).toThrow(message);
  });

  it('a cast is no object of the target', () => {
    const casts = { leader: { of: 'task->group_leader' } };
    expect(() => resolveSource(scope('task', casts), 'cmdline(leader)')).toThrow(
      'leader is a cast, not the struct task_struct of bpf_iter__task',
    );
  });
});

describeKernel('members of unions', () => {
  it('a number that shares its place with a pointer is read as the number that it is', () => {
    using from = collector({
      name: 'shared',
      help: '',
      target: 'task_file',
      key: ['pid', 'fd'],
      show: ['pid'],
      sort: 'pid',
      columns: [
        { name: 'pid', from: 'task->pid', help: '' },
        { name: 'fd', from: 'fd', help: '' },
        // union { struct pipe_inode_info *i_pipe; ... unsigned i_dir_seq; }
        { name: 'pipe', from: 'file->f_inode->i_pipe', as: 'hex', help: '' },
        { name: 'seq', from: 'file->f_inode->i_dir_seq', help: '' },
      ],
    });
    const at = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-fifo-')), 'fifo');
    execFileSync('mkfifo', [at]);
    const opened = fs.openSync(at, 'r+');
    try {
      const { table, absent } = collect(from, { where: `pid == ${process.pid} && fd == ${opened}` });
      expect([...absent]).toEqual([]);
      const [row] = rowsOf(table);
      const pipe = BigInt(row.value('pipe') as bigint);
      expect(pipe).toBeGreaterThan(0n);
      expect(BigInt(row.number('seq'))).toBe(pipe & 0xffffffffn);
    } finally {
      fs.closeSync(opened);
      fs.rmSync(path.dirname(at), { recursive: true });
    }
  });

  it.skipIf(!kernelHas('sock_common', 'skc_listener'))(
    'a pointer that the verifier takes for a number is not followed',
    () => {
      expect(() => resolveSource(scope('tcp'), 'sk_common->skc_listener->sk_protocol')).toThrow(
        /^the verifier takes pointer 1 of skc_listener->sk_protocol for no pointer, which it shares its place with; a cast with "as: sock" sees it/,
      );
    },
  );
});

describeKernel('records on the stack', () => {
  it('bytes of any length are copied to where their largest piece may lie', () => {
    using from = collector({
      name: 'bytes',
      help: '',
      target: 'unix',
      key: ['sk'],
      show: ['sk'],
      sort: 'sk',
      columns: [
        { name: 'sk', from: 'unix_sk', as: 'hex', help: '' },
        { name: 'family', from: 'unix_sk->addr->name[0].sun_family', help: '' },
        // 108 bytes: pieces of 8, and one of 4.
        { name: 'path', from: 'unix_sk->addr->name[0].sun_path', as: 'text', help: '' },
      ],
    });
    const { absent } = collect(from);
    expect([...absent]).toEqual([]);
  });

  it('contradicting conditions on what is summed up in a loop do not make the verifier walk every round', () => {
    using from = collector({
      name: 'sums',
      help: '',
      target: 'bpf_prog',
      key: ['id'],
      show: ['id'],
      sort: 'id',
      columns: [
        { name: 'id', from: 'prog->aux->id', help: '' },
        { name: 'runs', from: 'percpu_sum(prog->stats, cnt)', help: '' },
      ],
    });
    const { table, absent } = collect(from, { where: 'runs >= 5 && runs < 0' });
    expect([...absent]).toEqual([]);
    expect(table.rows).toBe(0);
  });
});
