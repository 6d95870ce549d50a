/** The kernel's structures as the running kernel's BTF has them. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { findTarget, targetNames } from '../../src/bpf/targets.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { Structures } from '../../src/templates/members.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import { resolveSource } from '../../src/templates/source.ts';

const btf = Btf.vmlinux();
const of = (name: string) => new Structures(findTemplate(name), btf);

describe('structures', () => {
  it('starts at the only object, else at all that comes with it', () => {
    expect(of('task').start).toBe('task');
    expect(of('tcp').start).toBe('');
    const objects = of('tcp').at('').members;
    expect(objects.map(({ path }) => path)).toEqual(['sk_common', 'uid', 'tp', 'tw', 'rq']);
    expect(objects.find(({ path }) => path === 'uid')).toMatchObject({ opens: false, value: true });
    expect(objects.find(({ path }) => path === 'tp')).toMatchObject({ opens: true, type: 'struct tcp_sock *' });
  });

  it('has members, offsets and sizes as bpftool prints them', () => {
    const text = execFileSync('bpftool', ['btf', 'dump', 'file', '/sys/kernel/btf/vmlinux', 'format', 'raw'], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    const block = /^\[\d+\] STRUCT 'mm_struct' size=(\d+)[^\n]*\n((?:\t.*\n)+)/m.exec(text)!;
    const { members, size, type, pointer } = of('task').at('task->mm');
    expect([type, size, pointer]).toEqual(['struct mm_struct', Number(block[1]), 'task->mm']);
    for (const [, name, bit] of block[2]!.matchAll(/^\t'(\w+)' .*bits_offset=(\d+)/gm)) {
      if (name === 'anon') continue;
      expect(members.find(({ label }) => label === name)?.offset ?? -1, name).toBe(Math.floor(Number(bit) / 8));
    }
  });

  it.each([
    ['task->se', 'task', 'task->se.avg'],
    ['task->mm->rss_stat', 'task->mm', 'task->mm->rss_stat[1]'],
    ['task->signal->rlim[3]', 'task->signal', 'task->signal->rlim[3].rlim_max'],
    ['task->nsproxy', 'task->nsproxy', 'task->nsproxy->net_ns'],
  ])('%s starts from the pointer %s and has %s in it', (path, pointer, member) => {
    const holder = of('task').at(path);
    expect(holder.pointer).toBe(pointer);
    expect(holder.members.map((each) => each.path)).toContain(member);
  });

  it('tells what can be looked into and what can be shown', () => {
    const members = new Map(
      of('task')
        .at('task')
        .members.map((member) => [member.label, member]),
    );
    expect(members.get('pid')).toMatchObject({ value: true, opens: false, size: 4 });
    expect(members.get('comm')).toMatchObject({ value: true, opens: false, type: 'char[16]' });
    expect(members.get('mm')).toMatchObject({ value: false, opens: true });
    expect(members.get('se')).toMatchObject({ value: false, opens: true });
    // A struct around one number.
    expect(members.get('usage')).toMatchObject({ value: true, opens: true });
    expect(members.get('sched_reset_on_fork')).toMatchObject({ value: true, opens: false, bits: 1 });
    expect(() => of('task').at('task->pid')).toThrow(/nothing in it/);
  });

  it.each(['task', 'tcp', 'bpf_prog', 'cgroup'])(
    '%s: every value is a source of a column, every other one opens',
    (name) => {
      const template = findTemplate(name);
      const structures = of(name);
      const scope = { btf, target: findTarget(btf, template.target), casts: template.casts ?? {} };
      const start = structures.at('').members.find(({ opens }) => opens)!.path;
      let seen = 0;
      for (const { path, value, opens } of structures.at(start).members) {
        if (value) expect(() => resolveSource(scope, path), path).not.toThrow();
        if (opens) expect(structures.at(path).members.length, path).toBeGreaterThanOrEqual(0);
        seen++;
      }
      expect(seen).toBeGreaterThan(10);
    },
  );

  it('searches here first, then a few steps away, the best match first', () => {
    const structures = of('task');
    const found = structures.search('task', 'total_vm').map(({ path }) => path);
    expect(found).toContain('task->mm->total_vm');
    const flags = structures.search('task', 'flags');
    const here = flags.findIndex(({ label }) => /[.>]/.test(label));
    expect(flags[0]!.path).toBe('task->flags');
    expect(flags.slice(here).every(({ label }) => /[.>]/.test(label))).toBe(true);
    const deeper = flags.slice(here).map(({ path }) => /\w+$/.exec(path)![0].toLowerCase());
    expect(deeper.lastIndexOf('flags')).toBeLessThan(deeper.findIndex((name) => name !== 'flags'));
    expect(structures.search('task', 'no_such_member_anywhere')).toEqual([]);
    // Bounded, whatever is typed.
    expect(structures.search('task', 's').length).toBeLessThan(500);
    for (const { path } of structures.search('task', 'total_vm')) expect(() => structures.at(path)).toThrow();
  });

  const here = targetNames(btf);
  it.each(BUILTIN.filter(({ target }) => here.includes(target)).map(({ name }) => name))(
    '%s: whatever opens can be searched, values beside it and pointers that no program may follow included',
    (name) => {
      const structures = of(name);
      const opening = (path: string) => structures.at(path).members.flatMap((each) => (each.opens ? [each.path] : []));
      const objects = opening('');
      for (const path of ['', ...objects, ...objects.flatMap(opening)])
        expect(() => structures.search(path, 'no_such_member_anywhere'), path).not.toThrow();
    },
  );
});
