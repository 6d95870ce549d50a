import { expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { Collector } from '../../src/state/collector.ts';
import { Reader } from '../../src/state/reader.ts';
import { userName } from '../../src/state/users.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { withDependencies } from '../../src/templates/columns.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import { columnOf, type Filters, type Template } from '../../src/templates/template.ts';
import { allColumns, collect, describeKernel, output, ownNetwork } from '../support/kernel.ts';
import { heldObjects, openDescriptors } from '../support/objects.ts';

/** A name of its own, so that bpftool's lists can be searched for what is left, whoever else runs on this machine. */
const mark = `lk${process.pid % 100_000}`;
const named = (template: Template): Template => ({ ...template, name: mark });

interface Listed {
  readonly name?: string;
  readonly prog_id?: number;
}
/** Loaded programs with our mark, and links to them. */
function loaded(): { programs: number; links: number } {
  const list = (what: string) => JSON.parse(output('bpftool', '-j', what, 'list')) as (Listed & { id: number })[];
  const programs = list('prog').filter((p) => p.name?.includes(mark));
  const ids = new Set(programs.map((p) => p.id));
  return { programs: programs.length, links: list('link').filter((l) => ids.has(l.prog_id ?? -1)).length };
}

/** What the first use opens for good (the mapped BTF) is not counted. */
function warmUp() {
  ownNetwork();
  for (const template of [task, tcp]) {
    using from = new Collector(template, Btf.vmlinux(), userName, pageSize());
    collect(from, { columns: ['pid'] });
  }
}

/** A template whose program the verifier refuses as a whole: nothing that it could leave out. */
const refused: Template = {
  ...named(task),
  // A pointer to user memory that is followed as if it were the kernel's: no type, no way.
  key: ['bad'],
  columns: [
    { name: 'bad', help: 'x', from: 'task->mm->owner->mm->arg_start' },
    { name: 'kept', help: 'x', from: 'task->pid' },
  ],
  show: ['bad'],
  sort: 'bad',
  only: [{ source: 'task->mm->owner->mm->owner->mm->owner->flags', mask: 1, equals: 1 }],
};

describeKernel('nothing is left behind', () => {
  test('1,000 refreshes with changing filters, columns and grouping', () => {
    warmUp();
    const before = openDescriptors();
    const template = named(task);
    // Joins have a program of their own.
    const joined = (name: string) => withDependencies(task, [name]).some((n) => columnOf(task, n)!.join);
    const columns = allColumns(task).filter((name) => !joined(name));
    {
      using from = new Collector(template, Btf.vmlinux(), userName, pageSize());
      const pid = process.pid;
      const filters: Filters[] = [
        {},
        { pid: [[pid, pid]] },
        { pid: [[1, pid]] },
        { pid: [[pid, pid]], user: [[0, 0]] },
        {
          pid: [
            [pid, pid],
            [1, 2],
            [3, 4],
          ],
        },
      ];
      let highest = 0;
      for (let i = 0; i < 1000; i++) {
        // Mostly another value, at times another shape.
        const shape = Math.floor(i / 10);
        collect(from, {
          columns: [columns[shape % columns.length], columns[(shape * 7) % columns.length]],
          filters: i % 10 === 0 ? filters[shape % filters.length] : { pid: [[pid, pid - (i % 2) + 1]] },
          ungroup: shape % 3 === 0,
        });
        if (i % 50 === 0) {
          const held = heldObjects();
          highest = Math.max(highest, held.length);
          expect(held.filter((o) => o.kind === 'prog').length).toBe(1);
          expect(held.filter((o) => o.kind === 'link').length).toBe(1);
        }
      }
      expect(highest).toBeLessThanOrEqual(4);
      expect(loaded()).toEqual({ programs: 1, links: 1 });
    }
    expect(heldObjects()).toEqual([]);
    expect(openDescriptors()).toEqual(before);
    expect(loaded()).toEqual({ programs: 0, links: 0 });
  });

  test('joins and their sets, 200 refreshes', () => {
    const before = openDescriptors();
    {
      using from = new Collector(tcp, Btf.vmlinux(), userName, pageSize());
      for (let i = 0; i < 200; i++) {
        collect(from, {
          columns: i % 2 ? ['state', 'pid', 'holders'] : ['state', 'local'],
          filters: i % 3 ? { pid: [[process.pid, process.pid + i]] } : {},
        });
      }
      expect(heldObjects().filter((o) => o.kind === 'prog').length).toBe(2);
    }
    expect(openDescriptors()).toEqual(before);
  });

  test('50 failed loads', () => {
    const before = openDescriptors();
    for (let i = 0; i < 50; i++) {
      using from = new Collector(refused, Btf.vmlinux(), userName, pageSize());
      expect(() => collect(from, { columns: ['kept'] })).toThrow();
    }
    expect(heldObjects()).toEqual([]);
    expect(openDescriptors()).toEqual(before);
    expect(loaded()).toEqual({ programs: 0, links: 0 });
  });

  test('an error within a refresh leaves what was there, and `using` closes it', () => {
    const before = openDescriptors();
    expect(() => {
      using from = new Collector(named(task), Btf.vmlinux(), userName, pageSize());
      collect(from, { columns: ['pid'] });
      expect(heldObjects().length).toBeGreaterThan(2);
      expect(() => collect(from, { columns: ['pid'], filters: { port: [[1, 1]] } })).toThrow(
        /cannot be filtered by port/,
      );
      // It goes on with the next question.
      expect(collect(from, { columns: ['pid'], filters: { pid: [[process.pid, process.pid]] } }).table.rows).toBe(1);
      throw new Error('on the way out');
    }).toThrow('on the way out');
    expect(openDescriptors()).toEqual(before);
  });

  test('no descriptor is left to open: the error says which limit, and nothing leaks', () => {
    const script = `
      import fs from 'node:fs';
      import { Reader } from ${JSON.stringify(new URL('../../src/state/reader.ts', import.meta.url).href)};
      import { Btf } from ${JSON.stringify(new URL('../../src/bpf/btf.ts', import.meta.url).href)};
      import { findTemplate } from ${JSON.stringify(new URL('../../src/templates/registry.ts', import.meta.url).href)};
      const reader = new Reader(findTemplate('task'), Btf.vmlinux());
      const options = { columns: ['pid', 'comm'] };
      reader.configure(options); reader.read(); reader.close();
      const files = [];
      try { for (;;) files.push(fs.openSync('/dev/null', 'r')); } catch {}
      const open = () => fs.readdirSync('/proc/self/fd').length;
      for (let free = 0; free < 5; free++) {
        if (free > 0) fs.closeSync(files.pop());
        try { reader.configure(options); reader.read(); console.log('read'); } catch (error) { console.log(error.name, error.code); }
        reader.close();
      }
      fs.closeSync(files.pop());
      console.log(open() - files.length);`;
    const said = output('prlimit', '--nofile=64:64', process.execPath, '--input-type=module', '-e', script)
      .trim()
      .split('\n');
    expect(said.slice(0, 3)).toEqual(['BpfError EMFILE', 'BpfError EMFILE', 'BpfError EMFILE']);
    expect(said).toContain('read');
  });

  test('closing twice, and using what was closed', () => {
    const from = new Collector(task, Btf.vmlinux(), userName, pageSize());
    collect(from, { columns: ['pid'] });
    from.close();
    from.close();
    expect(heldObjects()).toEqual([]);
    expect(collect(from, { columns: ['pid'] }).table.rows).toBeGreaterThan(5);
    from.close();
    const reader = new Reader(findTemplate('task'), Btf.vmlinux());
    expect(() => reader.plan).toThrow(/was not configured/);
    reader.close();
    reader[Symbol.dispose]();
    expect(heldObjects()).toEqual([]);
  });
});
