import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { Reader } from '../../src/state/reader.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { compile, encodeGlobals, linkValue, shapeOf } from '../../src/templates/compile.ts';
import { explainPlan } from '../../src/templates/explain.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import type { Filters, Range, Template } from '../../src/templates/template.ts';
import { UsageError } from '../../src/templates/template.ts';
import { allColumns, describeKernel, kernelHas } from '../support/kernel.ts';
import { smallKernel } from '../support/small-kernel.ts';

const btf = Btf.vmlinux();
const task = findTemplate('task');
const tcp = findTemplate('tcp');
const MINE = BUILTIN.filter((t) => ['task', 'tcp', 'task_file', 'socket_owner'].includes(t.name));

describe('shapes: what needs another program', () => {
  const shape = (filters: Filters, template: Template = tcp, columns = ['state']) =>
    shapeOf(template, { columns, filters }, btf);
  const some = (n: number): Range[] => Array.from({ length: n }, (_, i) => [i, i]);
  test.each<[string, Filters, Filters, boolean]>([
    ['another value', { lport: [[80, 80]] }, { lport: [[443, 443]] }, true],
    ['a range instead of a value', { lport: [[80, 80]] }, { lport: [[1, 1024]] }, true],
    ['three and four values', { lport: some(3) }, { lport: some(4) }, true],
    ['one and two values', { lport: some(1) }, { lport: some(2) }, false],
    ['four and five values', { lport: some(4) }, { lport: some(5) }, false],
    ['33 and 64 values', { lport: some(33) }, { lport: some(64) }, true],
    ['none and an empty list', {}, { lport: [] }, true],
    ['another filter', { lport: some(1) }, { rport: some(1) }, false],
  ])('%s', (_, a, b, same) => {
    expect(shape(a) === shape(b)).toBe(same);
  });

  test('the order of columns is none, columns, threads and switches are', () => {
    expect(shape({}, tcp, ['state', 'rtt'])).toBe(shape({}, tcp, ['rtt', 'state']));
    expect(shape({}, tcp, ['state'])).not.toBe(shape({}, tcp, ['rtt']));
    const of = (more: object) => shapeOf(task, { columns: ['pid'], ...more }, btf);
    expect(of({ ungroup: true })).not.toBe(of({}));
    expect(of({ switches: { kthreads: false } })).not.toBe(of({}));
    expect(of({ switches: { kthreads: true } })).toBe(of({}));
  });

  test('one PID goes to the link where the template and the kernel take it', () => {
    const value = (template: Template, filters: Filters | undefined, of = btf) => linkValue(template, filters, of);
    expect(value(task, { pid: [[5, 5]] })).toBe(kernelHas('bpf_iter_link_info', 'task.pid') ? 5 : undefined);
    expect(value(task, { pid: [[5, 5]] }, smallKernel())).toBeUndefined();
    // Walks over the files of one process are right since Linux 6.7.
    const files = findTemplate('task_file');
    expect(value(files, { pid: [[5, 5]] })).toBe(btf.func('bpf_iter_task_new') ? 5 : undefined);
    expect(value(task, { pid: [[5, 6]] })).toBeUndefined();
    const two: Range[] = [
      [5, 5],
      [6, 6],
    ];
    expect(value(task, { pid: two })).toBeUndefined();
    expect(value(tcp, { pid: [[5, 5]] })).toBeUndefined();
    expect(value(task, undefined)).toBeUndefined();
  });
});

test('an unknown template names the nearest', () => {
  expect(() => findTemplate('tsk')).toThrow(UsageError);
  expect(() => findTemplate('tsk')).toThrow(/there is no template "tsk"; did you mean .*task/);
});

describeKernel('plans for this kernel', () => {
  const btf = () => Btf.vmlinux();

  test.each(MINE.map((t) => [t.name, t] as const))(
    '%s: nothing is absent, all columns load in one program',
    (_, template) => {
      const plan = compile(template, { columns: allColumns(template) }, btf());
      expect([...plan.absent]).toEqual([]);
      expect(plan.stack).toBeLessThanOrEqual(512);
      using reader = new Reader(template, btf());
      reader.configure({ columns: allColumns(template) });
      expect([...reader.plan.absent]).toEqual([]);
      expect(reader.read().batch.footer).not.toBeNull();
    },
  );

  test.each(MINE.map((t) => [t.name, t] as const))(
    '%s: fields do not overlap, are aligned, and the key stands together',
    (_, template) => {
      for (const ungroup of [false, true]) {
        const { layout } = compile(template, { columns: allColumns(template), ungroup }, btf());
        // Columns that show one member in different ways have one field.
        const from = (column: string) => JSON.stringify(template.columns.find((c) => c.name === column)!.from);
        const shared = new Map(layout.fields.map((f) => [f.offset, f]));
        for (const field of layout.fields) {
          const { column, ...place } = shared.get(field.offset)!;
          expect({ ...field, column: from(field.column) }).toEqual({ ...place, column: from(column) });
        }
        const sorted = [...shared.values()].sort((a, b) => a.offset - b.offset);
        expect(sorted[0].offset).toBeGreaterThanOrEqual(4);
        for (let i = 0; i < sorted.length; i++) {
          const { offset, size, type } = sorted[i];
          const align = type === 'chars' ? 1 : ['inet', 'text'].includes(type) ? 8 : size;
          expect(offset % align).toBe(0);
          expect(offset + size).toBeLessThanOrEqual(sorted[i + 1]?.offset ?? layout.fixed);
        }
        expect([layout.fixed % 8, layout.keyOffset % 4, layout.keySize % 4]).toEqual([0, 0, 0]);
        const key = layout.fields.filter((f) => template.key.includes(f.column));
        for (const f of key) {
          const inside = f.offset >= layout.keyOffset && f.offset + f.size <= layout.keyOffset + layout.keySize;
          // The group's own column may carry a part of the key.
          expect(inside || layout.group?.by === f.column).toBe(true);
        }
      }
    },
  );

  test.each(MINE.map((t) => [t.name, t] as const))(
    '%s: the plan in words names every column, condition and instruction',
    (_, template) => {
      const filters: Filters = template.filters?.pid
        ? {
            pid: [
              [1, 2],
              [5, 5],
            ],
          }
        : {};
      const plan = compile(template, { columns: allColumns(template), filters }, btf());
      const lines = explainPlan(plan).split('\n');
      expect(lines[0]).toMatch(
        new RegExp(
          `^template ${template.name} on iterator bpf_iter_${template.target} \\(BTF id \\d+\\)(, sleepable)?$`,
        ),
      );
      expect(lines[1]).toMatch(/^\d+ instruction slots, \d+ of 512 bytes of stack, maps: globals/);
      expect(lines[2]).toMatch(
        /^records of \d+ bytes( and their texts, built in map scratch \(per-CPU array, \d+ bytes\)|, built on the stack)$/,
      );
      const at = (heading: string) => lines.findIndex((l) => l.startsWith(heading));
      expect(lines.slice(at('conditions') + 1, at('record:') - 1)).toEqual([`  ${'pid 1-2,5'.padEnd(30)} kernel`]);
      const record = lines.slice(at('record:') + 1, at('program:') - 1);
      const fields = record.slice(1).map((l) => /^ +(\d+) +(\d+) (\w+) +(\w+)/.exec(l)!);
      expect(fields.map((m) => m[4]).sort()).toEqual([...plan.loaded].sort());
      expect(record.filter((l) => l.includes('(key')).length).toBeGreaterThan(0);
      const program = lines.slice(at('program:') + 1).filter((l) => /^ +\d+: /.test(l));
      expect(program.length).toBe(plan.assembly.instructions.length);
      for (const column of plan.loaded) expect(program.some((l) => l.includes(column))).toBe(true);
      expect(program.at(-1)).toMatch(/exit +\(footer\)/);
    },
  );

  test.each([
    ['task', 30],
    ['tcp', 30],
    ['task_file', 30],
  ] as const)('%s: any subset of columns loads within 512 bytes of stack', (name, runs) => {
    const template = findTemplate(name);
    const filters: Filters[] = [
      {},
      { pid: [[1, 5]] },
      {
        user: [
          [0, 0],
          [5, 9],
        ],
      },
      { pid: [[7, 7]], user: [[1, 2]] },
    ];
    const subset = fc.subarray(allColumns(template), { minLength: 1 });
    using reader = new Reader(template, btf());
    fc.assert(
      fc.property(subset, fc.constantFrom(...filters), fc.boolean(), (columns, asked, ungroup) => {
        const options = { columns, filters: asked, ungroup };
        reader.configure(options);
        expect(reader.plan.stack).toBeLessThanOrEqual(512);
        expect([...reader.plan.absent]).toEqual([]);
      }),
      { numRuns: runs, seed: 7 },
    );
  });

  test('one column at a time loads, each', () => {
    for (const template of MINE) {
      using reader = new Reader(template, btf());
      for (const column of allColumns(template)) {
        reader.configure({ columns: [column] });
        expect([template.name, column, [...reader.plan.absent]]).toEqual([template.name, column, []]);
      }
    }
  });

  test('globals: ranges in their slots, and one that nothing is in in the others', () => {
    const filters: Filters = {
      lport: [
        [80, 80],
        [443, 8443],
        [0, 65535],
      ],
    };
    const plan = compile(tcp, { columns: ['state'], filters }, btf());
    const { offset, slots } = plan.globals.ranges.lport!;
    expect(slots).toBe(4);
    const bytes = encodeGlobals(plan, filters);
    expect(bytes.length).toBe(plan.globals.size);
    const words = Array.from({ length: slots * 2 }, (_, i) => bytes.readUInt32LE(offset + i * 4));
    expect(words).toEqual([80, 80, 443, 8443, 0, 65535, 1, 0]);
    expect(() => encodeGlobals(plan, { lport: [...filters.lport!, ...filters.lport!] })).toThrow(RangeError);
  });

  test('a filter through a join has a map of its own', () => {
    const plan = compile(tcp, { columns: ['state'], filters: { pid: [[1, 1]] } }, btf());
    expect(plan.sets).toEqual([{ filter: 'pid', join: 'owner', map: 'set_pid' }]);
    expect(plan.assembly.maps).toContain('set_pid');
  });
});
