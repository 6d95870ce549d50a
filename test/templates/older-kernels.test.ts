/** What older kernels take another way for, tried on the running one. */
import fs from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { accessOf } from '../../src/bpf/btf-access.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { taskFile } from '../../src/templates/builtin/task-file.ts';
import { compile, refusalOf } from '../../src/templates/compile.ts';
import type { Template } from '../../src/templates/template.ts';
import { BtfWriter } from '../bpf/btf-writer.ts';
import { describeKernel, kernelHas, readOnce, rowsOf } from '../support/kernel.ts';
import { smallKernel } from '../support/small-kernel.ts';

const [byPath, byName] = task.columns.find((c) => c.name === 'exe')!.from as string[];

describe('a column that there are several ways to', () => {
  const compiled = (...refused: string[]) =>
    compile(
      task,
      { columns: ['exe'], refused: new Map(refused.map((way) => [refusalOf('exe', way), `no ${way}`])) },
      Btf.vmlinux(),
    );

  it('goes the next one where the kernel refuses the first, and says of the first why it is absent', () => {
    expect(compiled().ways.get('exe')).toBe(byPath);
    expect(compiled(byPath).ways.get('exe')).toBe(byName);
    expect([...compiled(byPath).absent]).toEqual([]);
    expect(compiled(byPath, byName).absent.get('exe')).toBe(`no ${byPath}`);
  });
});

test('a helper that the kernel does not have makes the column absent before anything is loaded', () => {
  const template: Template = {
    name: 'older',
    help: 'tasks',
    target: 'task',
    key: ['pid'],
    show: ['pid', 'exe'],
    sort: 'pid',
    columns: [
      { name: 'pid', from: 'task->pid', as: 'int', help: 'pid' },
      { name: 'line', from: 'cmdline(task)', as: 'text', help: 'command line' },
    ],
  };
  const { absent } = compile(template, { columns: ['line'] }, smallKernel(['copy_from_user_task']));
  expect(absent.get('line')).toMatch(/no helper bpf_copy_from_user_task|no member/);
});

test('the beginning of an element whose struct has a typedef is not loaded by itself', () => {
  const w = new BtfWriter();
  const long = w.int('long', 8, { signed: true });
  const counter = w.struct('', 16, [
    { name: 'counter', type: long, at: 0 },
    { name: 'other', type: long, at: 64 },
  ]);
  const named = w.struct('counter', 8, [{ name: 'n', type: long, at: 0 }]);
  const all = w.struct('all', 48, [
    { name: 'typedefs', type: w.array(w.typedef('counter_t', counter), 2), at: 0 },
    { name: 'structs', type: w.array(named, 2), at: 256 },
  ]);
  const btf = new Btf(w.bytes());
  const kinds = [0, 8, 16, 24, 32, 40].map((at) => accessOf(btf, all, at, 8).kind);
  expect(kinds).toEqual(['refused', 'number', 'refused', 'number', 'number', 'number']);
});

test('helpers on the way to a cast of a cast', () => {
  const btf = Btf.vmlinux();
  const enumerator = btf.enumerator.bind(btf);
  btf.enumerator = (name) => (name === 'BPF_FUNC_sock_from_file' ? undefined : enumerator(name));
  try {
    const { absent } = compile(taskFile, { columns: ['sk_type', 'lport', 'path'] }, btf);
    for (const column of ['sk_type', 'lport'])
      expect(absent.get(column)).toBe('this kernel has no helper bpf_sock_from_file()');
    expect(absent.has('path')).toBe(false);
  } finally {
    btf.enumerator = enumerator;
  }
});

describeKernel('the other ways give the same', () => {
  const own = (template: Template) =>
    rowsOf(readOnce(template, { ungroup: true }).table).find((row) => row.number('pid') === process.pid)!;
  const table = (columns: Template['columns']): Template => ({
    name: 'older',
    help: 'tasks',
    target: 'task',
    key: ['pid'],
    show: ['pid'],
    sort: 'pid',
    columns: [{ name: 'pid', from: 'task->pid', as: 'int', help: 'pid' }, ...columns],
  });

  test('paths, name by name', () => {
    const from = ['str(task->no_such_member)', byName];
    const row = own(table([{ name: 'exe', from, as: 'path', help: 'executable' }]));
    // What the root is mounted on goes on further up (Linux 7.2: a root below that of the initramfs).
    expect(row.text('exe').replace(/^\/…\/+/, '/')).toBe(fs.readlinkSync('/proc/self/exe'));
  });

  test('a text that the kernel does not have gives way to its fallback, without the brackets of one that is empty', () => {
    const line = {
      name: 'line',
      from: 'str(task->no_such_member)',
      as: 'text',
      fallback: 'comm',
      help: 'line',
    } as const;
    const comm = { name: 'comm', from: 'task->comm', as: 'text', help: 'name' } as const;
    const row = own(table([comm, line]));
    expect(row.text('comm')).not.toBe('');
    expect([row.text('line'), row.cell('line')]).toEqual([row.text('comm'), row.cell('comm')]);
  });

  it.skipIf(!kernelHas('ucounts', 'ucount[1].counter'))('sums that a helper reads', () => {
    const at = (n: number) => `task->cred->ucounts->ucount[${n}].counter`;
    const parts = [0, 1, 2, 3].map((n) => ({ name: `c${n}`, from: at(n), as: 'int', help: 'count' }) as const);
    const sum = { name: 'all', from: `sum(${[0, 1, 2, 3].map(at).join(', ')})`, as: 'int', help: 'sum' } as const;
    const rows = rowsOf(readOnce(table([...parts, sum]), { ungroup: true }).table);
    for (const row of rows)
      expect(row.number('all')).toBe(parts.reduce((total, { name }) => total + row.number(name), 0));
    expect(rows.length).toBeGreaterThan(0);
  });
});
