/** BTF of kernels that there are not: an iterator over tasks with some members, older or newer than the running one. */
import { Btf } from '../../src/bpf/btf.ts';
import { BtfWriter } from '../bpf/btf-writer.ts';

/** @param absent members that this kernel lacks: of task_struct, or `target` for the iterator itself */
export function smallKernelBytes(absent: readonly string[] = []): Uint8Array {
  const w = new BtfWriter();
  const int = w.int('int', 4, { signed: true });
  const u32 = w.int('unsigned int', 4);
  const u64 = w.int('unsigned long', 8);
  const char = w.int('char', 1);
  const bool = w.int('_Bool', 1, { bool: true });
  const comm = w.array(char, 16);
  const pid = w.typedef('pid_t', int);
  const mode = w.enum('task_mode', { TASK_MODE_IDLE: 0, TASK_MODE_BUSY: 1 });
  const mm = w.pointer(w.struct('mm_struct', 8, [{ name: 'total_vm', type: u64, at: 0 }]));
  const members = [
    { name: 'pid', type: pid, at: 0 },
    { name: 'tgid', type: pid, at: 32 },
    { name: 'start_boottime', type: u64, at: 64 },
    { name: 'comm', type: comm, at: 128 },
    { name: 'mm', type: mm, at: 256 },
    { name: 'mode', type: mode, at: 320 },
    { name: 'icy', type: bool, at: 352 },
    { name: 'flags', type: u32, at: 384, bits: 1 },
  ].filter(({ name }) => !absent.includes(name));
  const task = w.pointer(w.struct('task_struct', 64, members));
  const meta = w.pointer(
    w.struct('bpf_iter_meta', 24, [
      { name: 'seq', type: u64, at: 0 },
      { name: 'session_id', type: u64, at: 64 },
      { name: 'seq_num', type: u64, at: 128 },
    ]),
  );
  const anonymous = (name: string, type: number) =>
    w.union('', 8, [
      { name, type, at: 0 },
      { type: u64, at: 0 },
    ]);
  const pair = [
    { type: anonymous('meta', meta), at: 0 },
    { type: anonymous('task', task), at: 64 },
  ];
  w.struct('bpf_iter__task', 16, pair);
  const helpers = ['seq_write', 'd_path', 'copy_from_user_task'].filter((name) => !absent.includes(name));
  w.enum('bpf_func_id', Object.fromEntries(helpers.map((name, i) => [`BPF_FUNC_${name}`, i])));
  if (!absent.includes('target')) w.func('bpf_iter_task', w.proto(int, []));
  return w.bytes();
}

export function smallKernel(absent: readonly string[] = []): Btf {
  return new Btf(smallKernelBytes(absent));
}
