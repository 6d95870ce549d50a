/** On which kernels columns are, and templates to start from. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { availability, availabilityText, worksOn } from '../../src/templates/availability.ts';
import { genericTargets } from '../../src/templates/generic.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import { starter } from '../../src/templates/starter.ts';
import type { Template } from '../../src/templates/template.ts';
import { parseTemplates } from '../../src/templates/user.ts';
import { describeKernel, readOnce } from '../support/kernel.ts';
import { run } from '../support/program.ts';
import { smallKernel, smallKernelBytes } from '../support/small-kernel.ts';

const MINE: Template = {
  name: 'mine',
  help: 'for the test',
  target: 'task',
  key: ['pid'],
  show: ['pid'],
  sort: 'pid',
  columns: [
    { name: 'pid', from: 'task->pid', as: 'int', help: '' },
    { name: 'vm', from: ['task->mm->all_vm', 'task->mm->total_vm'], as: 'pages', help: '' },
    { name: 'icy', from: 'task->icy', as: 'flag', help: '' },
    { name: 'new', from: 'task->brand_new', as: 'int', help: '' },
    { name: 'both', derive: 'sub(vm, new)', as: 'int', help: '' },
    { name: 'any', derive: 'either(vm, new, icy)', as: 'int', help: '' },
    { name: 'line', from: 'cmdline(task)', as: 'text', help: '' },
  ],
};

const NO_NEW = 'struct task_struct has no member "brand_new" (at character 1 of "brand_new")';

describe('availability', () => {
  it.each<[string, readonly string[], Record<string, string>]>([
    ['a kernel with most', ['cmdline'], { pid: '', vm: '', icy: '', new: NO_NEW, both: `new: ${NO_NEW}`, any: '' }],
    [
      'one without a member',
      ['icy', 'mm'],
      {
        vm: expect.stringContaining('"mm"') as unknown as string,
        icy: expect.stringContaining('no member "icy"') as unknown as string,
        any: expect.stringContaining('vm: ') as unknown as string,
      },
    ],
    [
      'one without the key',
      ['pid'],
      { pid: expect.stringContaining('no member "pid"; did you mean tgid?') as unknown as string },
    ],
    ['one without a helper', ['copy_from_user_task'], { line: expect.stringContaining('no') as unknown as string }],
    [
      'one without the iterator',
      ['target'],
      {
        pid: expect.stringContaining('no iterator for task') as unknown as string,
        both: expect.stringContaining('no iterator') as unknown as string,
      },
    ],
  ])('%s', (_, absent, expected) => {
    const found = Object.fromEntries(availability(MINE, smallKernel(absent), findTemplate));
    expect(found).toMatchObject(expected);
    expect(Object.keys(found)).toHaveLength(MINE.columns.length);
  });

  it('what is not resolved names the helper where it is that which is missing', () => {
    const exe: Template = {
      ...MINE,
      columns: [MINE.columns[0], { name: 'exe', from: 'd_path(task->comm)', help: '' }],
    };
    expect(availability(exe, smallKernel(), findTemplate).get('exe')).toContain('not struct path');
    const lost = availability(findTemplate('task_file'), Btf.vmlinux(), findTemplate);
    expect(lost.get('path')).toBe('');
  });

  it('the table names kernels, and each reason once', () => {
    const kernels = ['old', 'older', 'new'].map((label) => ({
      label,
      columns: availability(
        MINE,
        smallKernel(label === 'new' ? [] : ['icy', ...(label === 'older' ? ['pid'] : [])]),
        findTemplate,
      ),
    }));
    const lines = availabilityText(MINE, kernels).split('\n');
    expect(lines.slice(0, 6)).toEqual([
      'mine: for the test',
      'column  old     older   new',
      'pid     ok      no key  ok',
      'vm      ok      ok      ok',
      'icy     absent  absent  ok',
      'new     absent  absent  absent',
    ]);
    expect(lines).toContain(`  new on old, older, new: ${NO_NEW}`);
    expect(lines.at(-2)).toBe('  without its key the table cannot be shown there');
    expect([worksOn(MINE, kernels), worksOn(MINE, [kernels[0]])]).toEqual([false, true]);
  });

  it('every column of the built-in templates is where this kernel has it', () => {
    for (const name of ['task', 'tcp', 'task_file']) {
      const found = availability(findTemplate(name), Btf.vmlinux(), findTemplate);
      expect(found.size).toBe(findTemplate(name).columns.length);
      for (const key of findTemplate(name).key) expect(found.get(key)).toBe('');
    }
  });
});

describe('a template to start from', () => {
  it('is made of what the target has', async () => {
    const text = starter('mine', 'task', smallKernel());
    const golden = new URL('../golden/template-new.txt', import.meta.url);
    // The lists of functions and formats grow with the program.
    const own = text.replaceAll(/^# {3}.*\n/gm, '');
    if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(golden, own);
    expect(own).toBe(fs.readFileSync(golden, 'utf8'));
    for (const name of ['d_path(struct path)', 'rate(a)', 'bytes']) expect(text).toContain(name);
    const { templates, problems, warnings } = await parseTemplates(text, 'mine.yaml', smallKernel(), () => undefined);
    expect([problems, warnings]).toEqual([[], []]);
    expect(templates.map((t) => t.name)).toEqual(['mine']);
    // The commented members load, too.
    const all = await parseTemplates(
      text.replaceAll(/^ {2}# - /gm, '  - '),
      'mine.yaml',
      smallKernel(),
      () => undefined,
    );
    expect([all.problems, all.warnings]).toEqual([[], []]);
  });

  it.each([
    ['a wrong name', 'A b', 'task', '--new A b: a name has small letters, digits and _, and begins with a letter'],
    [
      'no such target',
      'a',
      'tsk',
      '--target tsk: this kernel has no iterator for tsk (its BTF has no function bpf_iter_tsk); it has task',
    ],
    [
      'a target that needs a map',
      'a',
      'bpf_map_elem',
      expect.stringContaining('--target bpf_map_elem: ') as unknown as string,
    ],
  ])('not with %s', (_, name, target, expected) => {
    const message = (() => {
      try {
        return starter(name, target, target === 'bpf_map_elem' ? Btf.vmlinux() : smallKernel());
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message).toEqual(expected);
  });

  describeKernel('on this kernel', () => {
    it.each(genericTargets(Btf.vmlinux(), []))('%s loads as it is, and more', async (target) => {
      for (const text of [starter('mine', target, Btf.vmlinux())].flatMap((t) => [
        t,
        t.replaceAll(/^ {2}# - /gm, '  - '),
      ])) {
        const { templates, problems, warnings } = await parseTemplates(
          text,
          'mine.yaml',
          Btf.vmlinux(),
          () => undefined,
        );
        expect([problems, warnings]).toEqual([[], []]);
        const { table, absent } = readOnce(templates[0], {});
        expect(table.rows).toBeGreaterThanOrEqual(0);
        expect([...absent].filter(([name]) => templates[0].show.includes(name))).toEqual([]);
      }
    });
  });
});

describe('on the command line', () => {
  let dir: string;
  const file = (name: string, content: string | Uint8Array) => {
    fs.writeFileSync(path.join(dir, name), content);
    return path.join(dir, name);
  };
  const itertop = (...args: string[]) => run(args, { XDG_CONFIG_HOME: path.join(dir, 'config') });
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-check-'));
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  it('checks against files, without those kernels', () => {
    const mine = file(
      'mine.yaml',
      'name: mine\ntarget: task\nkey: [pid]\ncolumns:\n  - { name: pid, from: task->pid }\n  - { name: icy, from: task->icy }\n',
    );
    const [a, b] = [file('a.btf', smallKernelBytes()), file('b.btf', smallKernelBytes(['pid']))];
    const good = itertop('templates', 'check', 'mine', '-t', mine, '--btf', a);
    expect([good.code, good.stdout]).toEqual([0, expect.stringMatching(/^pid +ok\nicy +ok$/m)]);
    const bad = itertop('templates', 'check', 'mine', '-t', mine, '--btf', a, b);
    expect([bad.code, bad.stdout]).toEqual([1, expect.stringMatching(/^pid +ok +no key\nicy +ok +ok$/m)]);
    const none = itertop('templates', 'check', 'mine', '-t', mine, '--btf', mine);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--btf: cannot use')]);
    const here = itertop('templates', 'check', 'mine', '-t', mine);
    expect([here.code, here.stderr]).toEqual([
      0,
      expect.stringContaining('mine.yaml:6:30: column icy: struct task_struct has no member "icy"'),
    ]);
  });

  it.each<[readonly string[], string]>([
    [['--btf', 'x'], '--btf goes with `itertop templates`'],
    [['templates', '--btf', 'x'], '--btf goes with `itertop templates check`'],
    [['templates', '--new', 'a'], '--new needs --target'],
    [['templates', '--target', 'task'], '--target goes with `itertop templates --new NAME`'],
    [['templates', '-o', 'x'], '--output goes with `itertop templates --new NAME`'],
    [['templates', 'check', '--plan'], '--plan goes with `itertop templates NAME`, not with check'],
    [['doctor', 'task'], 'it takes no template'],
    [['task', '--json'], '--json goes with `itertop doctor`'],
    [['templates', 'check', 'tsk'], 'there is no template or command "tsk"; did you mean task, tcp?'],
    [['-t', '/nowhere/x.yaml', 'mine'], '/nowhere/x.yaml: there is no such file'],
  ])('%j is wrong usage', (args, expected) => {
    const { code, stderr } = itertop(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(expected)]);
  });

  it('writes a template to start from, and replaces no file', () => {
    const target = path.join(dir, 'new.yaml');
    expect(itertop('templates', '--new', 'fresh', '--target', 'task', '-o', target)).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(fs.readFileSync(target, 'utf8')).toContain('name: fresh');
    expect(itertop('templates', '--new', 'fresh', '--target', 'task', '-o', target)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('exists already'),
    });
    expect(itertop('templates', '--new', 'fresh', '--target', 'task').stdout).toBe(fs.readFileSync(target, 'utf8'));
    expect(itertop('templates', '-t', target).stdout).toMatch(/^fresh +numbers and names/m);
  });
});

describeKernel('itertop doctor', () => {
  it('reports, as text and as JSON, and says by its exit code whether the main job can be done', () => {
    const text = run(['doctor']);
    expect(text).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('tasks, TCP sockets and open files can be shown'),
    });
    const report = JSON.parse(run(['doctor', '--json']).stdout) as {
      mainJob: boolean;
      checks: { name: string; verdict: string }[];
    };
    expect(report.mainJob).toBe(true);
    const names = report.checks.map((c) => c.name);
    for (const name of [
      'kernel',
      'BTF',
      'CAP_BPF',
      'CAP_PERFMON',
      'lockdown',
      'bpffs',
      'JIT',
      'stats',
      'target task',
      'target tcp',
      'target task_file',
    ])
      expect(names).toContain(name);
    for (const name of names) expect(text.stdout).toContain(name);
  });

  it('without privileges the main job cannot be done: exit code 3, and what helps', () => {
    const { code, stdout } = run(['doctor'], {}, [
      'setpriv',
      '--reuid=65534',
      '--clear-groups',
      '--inh-caps=-all',
      '--bounding-set=-all',
    ]);
    expect([code, stdout]).toEqual([3, expect.stringContaining('FAIL  CAP_BPF')]);
  });
});
