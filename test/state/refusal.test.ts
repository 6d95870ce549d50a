import { expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { Reader } from '../../src/state/reader.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { type Column, type Template, TemplateError } from '../../src/templates/template.ts';
import { collect, collector, describeKernel, Row, readOnce, rowsOf } from '../support/kernel.ts';
import { heldObjects } from '../support/objects.ts';

const pidOnly = { filters: { pid: [[process.pid, process.pid]] as const } };
const withColumns = (...columns: Column[]): Template => ({
  ...task,
  columns: [...task.columns, ...columns],
});
/** Which pointers are good enough for bpf_d_path only the verifier knows. */
const PATH: Column = { name: 'bad', help: 'x', from: 'd_path(untrusted->fs->pwd)' };

describeKernel('what this kernel does not give', () => {
  test('a member that does not exist: the column is absent, says the nearest names, and the rest is there', () => {
    const template = withColumns({ name: 'bad', help: 'x', from: 'task->tgidd' });
    const { table, absent } = readOnce(template, { ...pidOnly, columns: ['pid', 'bad', 'comm'] });
    expect(absent.get('bad')).toMatch(/struct task_struct has no member "?tgidd"?.*did you mean tgid/);
    const row = new Row(table, 0);
    expect([row.number('pid'), row.value('bad'), row.cell('bad')]).toEqual([process.pid, null, '']);
    expect(row.number('bad')).toBeNaN();
    expect(row.text('comm')).not.toBe('');
  });

  test.each([
    ['no struct behind it', 'task->pid->x'],
    ['an object that the target does not have', 'file->f_pos'],
    ['a whole struct', 'task->se'],
    ['an unknown function', 'd_pat(task->fs->pwd)'],
    ['d_path of something else', 'd_path(task->fs)'],
    ['sum of a text', 'sum(task->comm)'],
    ['nothing', 'task'],
    ['no path at all', 'task->'],
  ])('%s: %s', (_, from) => {
    const template = withColumns({ name: 'bad', help: 'x', from });
    const { table, absent } = readOnce(template, { ...pidOnly, columns: ['pid', 'bad'] });
    expect(table.rows).toBe(1);
    if (from !== 'task') expect(absent.get('bad')).toMatch(/.{10}/);
  });

  test('alternatives are tried in order; the reason is the first one', () => {
    const template = withColumns(
      { name: 'renamed', help: 'x', from: ['task->no_such', 'task->tgid'] },
      { name: 'neither', help: 'x', from: ['task->no_such', 'task->nor_this'] },
    );
    const { table, absent } = readOnce(template, { ...pidOnly, columns: ['renamed', 'neither'] });
    expect(new Row(table, 0).number('renamed')).toBe(process.pid);
    expect(absent.get('neither')).toMatch(/no_such/);
  });

  test('columns that are derived from an absent one have no value', () => {
    const template = withColumns(
      { name: 'bad', help: 'x', from: 'task->no_such' },
      { name: 'derived', help: 'x', derive: 'sub(bad, 1)' },
      { name: 'per_second', help: 'x', derive: 'rate(bad)' },
    );
    const from = collector(template);
    const ask = { ...pidOnly, columns: ['pid', 'derived', 'per_second'] };
    collect(from, ask);
    const row = new Row(collect(from, ask).table, 0);
    expect([row.value('derived'), row.value('per_second')]).toEqual([null, null]);
    from.close();
  });

  test.each([PATH])('a source that the verifier refuses ($from): absent with its words, the rest works', (bad) => {
    const template: Template = { ...withColumns(bad), casts: { untrusted: { of: 'task', as: 'task_struct' } } };
    const from = collector(template);
    try {
      for (let i = 0; i < 3; i++) {
        const { table, absent } = collect(from, { ...pidOnly, columns: ['pid', 'bad', 'comm', 'exe'] });
        const row = new Row(table, 0);
        expect([row.number('pid'), row.text('exe')]).toEqual([process.pid, process.execPath]);
        expect(absent.get('bad')).toMatch(/this kernel's verifier refuses it: \S/);
      }
      expect(heldObjects().filter((o) => o.kind === 'prog').length).toBe(1);
    } finally {
      from.close();
    }
  });

  test('in the key there is no table without it', () => {
    const template: Template = {
      ...withColumns({ name: 'bad', help: 'x', from: 'task->no_such' }),
      key: ['tid', 'bad'],
    };
    expect(() => readOnce(template, { columns: ['pid'] })).toThrow(TemplateError);
    expect(() => readOnce(template, { columns: ['pid'] })).toThrow(
      /^template task, column bad: .*no_such.*; it is part of the key, so the table cannot be shown$/,
    );
  });

  test('bits of a pointer, which the verifier lets nobody take: said before it is asked', () => {
    const reader = new Reader({ ...task, only: [{ source: 'task->mm', mask: 1, equals: 1 }] }, Btf.vmlinux());
    expect(() => reader.configure({ columns: ['pid'] })).toThrow(
      'template task: (only): task->mm is a pointer, of which only all can be compared: mask -1',
    );
    expect(heldObjects()).toEqual([]);
    reader.close();
  });

  test('a cast that the verifier refuses takes its columns with it, and nothing else', () => {
    const template: Template = {
      ...task,
      casts: { tp: { call: 'skc_to_tcp_sock', of: 'task', type: 'tcp_sock' } },
      columns: [
        ...task.columns,
        { name: 'cwnd', help: 'x', from: 'tp->snd_cwnd' },
        { name: 'mss', help: 'x', from: 'tp->advmss' },
      ],
    };
    const { table, absent } = readOnce(template, { ...pidOnly, columns: ['pid', 'cwnd', 'comm', 'mss'] });
    for (const column of ['cwnd', 'mss']) expect(absent.get(column)).toMatch(/this kernel's verifier refuses it: \S/);
    expect(absent.size).toBe(2);
    expect(new Row(table, 0).number('pid')).toBe(process.pid);
  });

  test('on an error the program that was there goes on', () => {
    const reader = new Reader(task, Btf.vmlinux());
    reader.configure({ columns: ['pid'] });
    expect(() => reader.configure({ columns: ['pid', 'nothing_like_it'] })).toThrow(TemplateError);
    expect(reader.read().batch.rows).toBeGreaterThan(5);
    reader.close();
  });

  test('an unknown target, an unknown column, a derive that is wrong', () => {
    expect(() => readOnce({ ...task, target: 'tasks' }, { columns: ['pid'] })).toThrow(
      /^template task: this kernel has no iterator for tasks .*; it has task/,
    );
    expect(() => readOnce(task, { columns: ['pidd'] })).toThrow(TemplateError);
    for (const [derive, words] of [
      ['nothing(pid)', /derive: there is no function nothing\(\)/],
      ['sub(pid)', /derive: sub\(\) takes 2 columns, not 1/],
      ['sub pid', /derive "sub pid" is not of the form function\(column, \.\.\.\)/],
      ['sub(bad, pid)', /is derived from itself: bad -> bad/],
      ['sub(pid, none)', /there is no column "none"/],
    ] as const)
      expect(() => readOnce(withColumns({ name: 'bad', help: 'x', derive }), { columns: ['bad'] })).toThrow(words);
  });

  test('too many long texts are refused with their names', () => {
    const texts = Array.from(
      { length: 9 },
      (_, i): Column => ({ name: `text${i}`, help: 'x', from: 'd_path(task->fs->pwd)', as: 'path' }),
    );
    expect(() => readOnce(withColumns(...texts), { columns: texts.map((t) => t.name) })).toThrow(
      /the columns asked for need up to \d+ bytes a record, the kernel takes 32760; ask for fewer of text0, text1/,
    );
    const some = readOnce(withColumns(...texts), { ...pidOnly, columns: texts.slice(0, 7).map((t) => t.name) });
    expect(rowsOf(some.table)[0].text('text6')).toBe(process.cwd());
  });
});
