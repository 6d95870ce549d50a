/** Nothing that is loaded writes to the system: every generated program, whatever is asked for. */
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Assembler, R0, R1, R2, R3, R6, R10 } from '../../src/bpf/asm.ts';
import { Btf } from '../../src/bpf/btf.ts';
import { decode } from '../../src/bpf/disasm.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { targetNames } from '../../src/bpf/targets.ts';
import { userId } from '../../src/state/users.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { type CompileOptions, compile, type Plan } from '../../src/templates/compile.ts';
import { enumNamesOf } from '../../src/templates/enum-names.ts';
import { genericTargets, genericTemplate } from '../../src/templates/generic.ts';
import { mapTemplate } from '../../src/templates/map-template.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import { compileStructDump } from '../../src/templates/struct-dump.ts';
import { FILTER_NAMES, type Template, TemplateError, UsageError } from '../../src/templates/template.ts';
import { parseTemplates } from '../../src/templates/user.ts';
import { parseWhere } from '../../src/templates/where.ts';
import { TemplateWriter } from '../support/random-template.ts';
import { violations } from '../support/writes.ts';

const btf = Btf.vmlinux();

/**
 * All that a program may call, with the registers in which it hands over memory to be written to. None changes anything
 * but that memory, the iterator's own output, and reference counts while it runs.
 */
const RULES = {
  helpers: {
    map_lookup_elem: [],
    map_lookup_percpu_elem: [],
    ktime_get_ns: [],
    ktime_get_boot_ns: [],
    jiffies64: [],
    seq_write: [],
    seq_printf_btf: [],
    probe_read_kernel: [1],
    probe_read_kernel_str: [1],
    copy_from_user_task: [1],
    d_path: [2],
    sock_from_file: [],
    skc_to_tcp_sock: [],
    skc_to_tcp_timewait_sock: [],
    skc_to_tcp_request_sock: [],
  },
  functions: {
    bpf_rdonly_cast: [],
    bpf_iter_num_new: [1],
    bpf_iter_num_next: [],
    bpf_iter_num_destroy: [1],
    bpf_rcu_read_lock: [],
    bpf_rcu_read_unlock: [],
  },
  functionName: (id: number) => btf.name(id),
} as const;

const check = (plan: Plan): string[] => {
  const maps = Object.fromEntries(plan.assembly.maps.map((name, fd) => [name, fd + 3]));
  return violations(decode(plan.assembly.encode(maps)), RULES);
};

it('SECURITY.md names all of them', () => {
  const page = fs.readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
  const named = [...page.matchAll(/`(\w+)(\*?)`/g)].map(([, name, more]) => new RegExp(`^${name}${more ? '' : '$'}`));
  for (const called of [...Object.keys(RULES.helpers), ...Object.keys(RULES.functions)])
    expect(
      named.some((name) => name.test(called)),
      called,
    ).toBe(true);
});

describe('what would be found', () => {
  it.each<[string, (asm: Assembler) => Assembler, string[]]>([
    ['nothing', (asm) => asm.storeImm(8, R10, -8, 0), []],
    [
      'a store into the context',
      (asm) => asm.storeImm(8, R1, 0, 0),
      ['slot 0: a store to r1, which is neither the stack nor a map'],
    ],
    [
      'a store into what the context leads to',
      (asm) => asm.load(8, R6, R1, 8).movImm(R2, 1).store(4, R6, 16, R2),
      ['slot 2: a store to r6, which is neither the stack nor a map'],
    ],
    [
      'a store through what was on the stack, which was no pointer to it',
      (asm) => asm.load(8, R6, R1, 8).store(8, R10, -8, R6).load(8, R2, R10, -8).storeImm(1, R2, 0, 7),
      ['slot 3: a store to r2, which is neither the stack nor a map'],
    ],
    [
      'one on one of two ways only',
      (asm) =>
        asm.mov(R6, R10).jumpIfImm('eq', R1, 0, 'there').load(8, R6, R1, 8).label('there').storeImm(8, R6, -8, 0),
      ['slot 3: a store to r6, which is neither the stack nor a map'],
    ],
    [
      'a pointer that was kept on the stack is known again',
      (asm) => asm.mov(R6, R10).aluImm('add', R6, -16).store(8, R10, -8, R6).load(8, R2, R10, -8).storeImm(8, R2, 0, 1),
      [],
    ],
    [
      'but not once something was written over it',
      (asm) => asm.store(8, R10, -8, R10).storeImm(1, R10, -4, 1).load(8, R2, R10, -8).storeImm(8, R2, 0, 1),
      ['slot 3: a store to r2, which is neither the stack nor a map'],
    ],
    [
      'the memory of a process',
      (asm) => asm.movImm(R0, 0).call('probe_write_user'),
      ['slot 1: a call of probe_write_user'],
    ],
    ['what a function returns', (asm) => asm.call('override_return'), ['slot 0: a call of override_return']],
    ['a signal', (asm) => asm.call('send_signal'), ['slot 0: a call of send_signal']],
    ['bpf(2) itself', (asm) => asm.call('sys_bpf'), ['slot 0: a call of sys_bpf']],
    ['a map', (asm) => asm.call('map_update_elem'), ['slot 0: a call of map_update_elem']],
    [
      'a function of the kernel',
      (asm) => asm.callKfunc(btf.func('bpf_task_release')),
      ['slot 0: a call of bpf_task_release'],
    ],
    [
      'a helper that is handed what is not ours',
      (asm) => asm.mov(R3, R1).movImm(R2, 8).call('probe_read_kernel'),
      ['slot 2: probe_read_kernel writes to r1, which is neither the stack nor a map'],
    ],
    [
      'a part of its own',
      (asm) => asm.callLocal('sub').movImm(R0, 0).exit().label('sub'),
      ['slot 0: a call of its own, which is not looked into'],
    ],
  ])('%s', (_, write, expected) => {
    const assembly = write(new Assembler()).movImm(R0, 0).exit().assemble();
    expect(violations(decode(assembly.encode({})), RULES)).toEqual(expected);
  });
});

const asked = {
  user: userId,
  enumNames: (column: Template['columns'][number]) => enumNamesOf(btf, column),
  pageSize: pageSize(),
};

/** Each way of asking that makes another program. */
function askings(template: Template): [string, CompileOptions][] {
  const columns = template.columns.map((c) => c.name);
  const filters = Object.fromEntries(
    FILTER_NAMES.filter((name) => template.filters?.[name]).map((name) => [
      name,
      [
        [1, 7],
        [9, 9],
      ] as const,
    ]),
  );
  const conditions = template.columns.flatMap((column) =>
    [`${column.name} != 1`, `${column.name} == "x"`, `${column.name} in (1, 2-5)`, `${column.name} =~ "a"`].flatMap(
      (text) => {
        try {
          return [parseWhere(text, template, asked)];
        } catch {
          return []; // not of this type
        }
      },
    ),
  );
  const every = Object.fromEntries((template.switches ?? []).map(({ name, on }) => [name, !on]));
  return [
    ['every column', { columns }],
    ['the key alone', { columns: [] }],
    ['taken apart', { columns, ungroup: true }],
    ['switched', { columns, switches: every }],
    ['filters', { columns, filters }],
    ['one value', { columns, filters: Object.fromEntries(Object.keys(filters).map((name) => [name, [[7, 7]]])) }],
    ...conditions.map((where, n): [string, CompileOptions] => [
      `condition ${n}: ${where[0]!.text}`,
      { columns: [], where },
    ]),
    ['all conditions', { columns, where: conditions.flat().slice(0, 60) }],
    ['much to gather', { columns, gather: 1 << 20 }],
  ];
}

const MAPS = ['hash', 'array', 'percpu_hash', 'sockmap', 'sockhash', 'sk_storage'].map((type, id) =>
  mapTemplate({ id, name: 'any', type, keySize: 4, valueSize: 40, cpus: type.startsWith('percpu') ? 2 : 0 }, null),
);
const GENERIC = genericTargets(btf, []).map((target) => genericTemplate(btf, target));

describe('every generated program writes to its stack and its own maps alone, and calls nothing that changes anything', () => {
  it.each([...BUILTIN, ...MAPS, ...GENERIC].map((t) => [`${t.name} ${t.map?.type ?? ''}`.trim(), t] as const))(
    '%s',
    (_, template) => {
      if (!targetNames(btf).includes(template.target)) return;
      for (const [what, options] of askings(template)) {
        let plan: Plan;
        try {
          plan = compile(template, options, btf);
        } catch (error) {
          if (error instanceof TemplateError || error instanceof UsageError) continue; // refused: no program
          throw error;
        }
        expect(check(plan), what).toEqual([]);
      }
    },
  );

  it.each(BUILTIN.filter((t) => !t.internal).map((t) => [t.name, t] as const))(
    '%s: its struct, printed',
    (_, template) => {
      if (!targetNames(btf).includes(template.target)) return;
      for (const zeros of [false, true])
        expect(check(compileStructDump(template, { path: '', zeros }, btf).plan)).toEqual([]);
    },
  );

  it('random templates', async () => {
    let programs = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const writer = new TemplateWriter(seed, btf);
      const text = JSON.stringify(writer.write(writer.random.pick(targetNames(btf))));
      const { templates } = await parseTemplates(text, 'any.yaml', btf, findTemplate);
      for (const template of templates)
        try {
          expect(
            check(compile(template, { columns: template.columns.map((c) => c.name) }, btf)),
            `seed ${seed}`,
          ).toEqual([]);
          programs++;
        } catch (error) {
          if (!(error instanceof TemplateError || error instanceof UsageError)) throw error;
        }
    }
    expect(programs).toBeGreaterThan(50);
  });
});
