/** Which program uses which map, as the kernel itself tells bpftool; and each() for arrays of other kinds. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { bpfHolder } from '../../src/templates/builtin/bpf-holder.ts';
import { bpfMap } from '../../src/templates/builtin/bpf-map.ts';
import { progMaps } from '../../src/templates/builtin/prog-maps.ts';
import { compile } from '../../src/templates/compile.ts';
import type { Template } from '../../src/templates/template.ts';
import { load, MAP, map, PROG, put } from '../support/bpf.ts';
import {
  collect,
  collector,
  describeKernel,
  eventually,
  kernelHas,
  output,
  readOnce,
  rowsOf,
} from '../support/kernel.ts';
import { fdinfo } from '../support/proc.ts';
import { compare, everyColumn, type References, register } from '../support/references.ts';
import { verify } from '../support/verify.ts';

interface ShownProgram {
  readonly id: number;
  readonly type: string;
  readonly name?: string;
  readonly uid: number;
  readonly map_ids?: readonly number[];
}
interface ShownMap {
  readonly id: number;
  readonly type: string;
  readonly name?: string;
  readonly bytes_key: number;
  readonly bytes_value: number;
  readonly max_entries: number;
  readonly frozen: number;
}
const bpftool = <T>(what: 'prog' | 'map'): T[] => JSON.parse(output('bpftool', '-j', what, 'list'));

interface Known {
  readonly program: ShownProgram;
  readonly map: ShownMap;
}
const own = () => fs.readFileSync('/proc/self/comm', 'latin1').trim();
const address =
  (name: string): References<Known>[string] =>
  (_, row) => {
    expect(row.cell(name)).toMatch(/^0xffff[0-9a-f]{12}$/);
    return undefined;
  };

const REFERENCE: References<Known> = {
  prog: address('prog'),
  loaded_ns: (_, row) => {
    expect(row.number('loaded_ns')).toBeGreaterThan(0);
    return undefined;
  },
  map: address('map'),
  prog_id: (k) => k.program.id,
  prog_type: (k) => k.program.type,
  prog_name: (k) => k.program.name ?? null,
  maps: (k) => k.program.map_ids?.length ?? 0,
  map_id: (k) => k.map.id,
  map_type: (k) => k.map.type,
  map_name: (k) => k.map.name ?? null,
  key_size: (k) => k.map.bytes_key,
  value_size: (k) => k.map.bytes_value,
  max_entries: (k) => k.map.max_entries,
  entries: (k) => (k.map.name === 'pm_hash' && kernelHas('bpf_map', 'elem_count') ? 2 : null),
  frozen: (k) => k.map.frozen !== 0,
  user: (k) => k.program.uid,
  pid: () => process.pid,
  command: own,
  held_by: () => `${process.pid}/${own()}`,
};

/** MAX_USED_MAPS of include/linux/bpf.h. */
const MOST = 64;

describe('prog_maps', () => {
  it('has a reference for each column', () => everyColumn(progMaps, REFERENCE as References<never>));
});

describeKernel('prog_maps on the running kernel', () => {
  register(bpfHolder, bpfMap);
  const held: OwnedFd[] = [];
  const from = collector(progMaps);
  const key = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);

  /** Of this test's programs: others may have their names. */
  const ids: number[] = [];
  const isMine = (row: ReturnType<typeof rowsOf>[0]) => ids.includes(row.number('prog_id'));

  beforeAll(() => {
    const keep = (fd: OwnedFd) => {
      held.push(fd);
      return fd;
    };
    const array = (name: string) => keep(map({ type: MAP.array, name, keySize: 4, valueSize: 8, maxEntries: 3 }));
    const hash = keep(map({ type: MAP.hash, name: 'pm_hash', keySize: 4, valueSize: 16, maxEntries: 9 }));
    for (const n of [1, 2]) put(hash, key(n), new Uint8Array(16));
    const [shared, frozen] = [array('pm_shared'), array('pm_frozen')];
    output('bpftool', 'map', 'freeze', 'id', fdinfo('self', frozen.fd)['map_id']!);
    const many = Array.from({ length: MOST }, (_, n) => array(`pm_${n}`));
    const program = (name: string, maps: readonly OwnedFd[]) => {
      const loaded = keep(load({ type: PROG.socket_filter, name, maps }));
      ids.push(Number(fdinfo('self', loaded.fd)['prog_id']));
    };
    program('pm_none', []);
    program('pm_one', [shared]);
    // A map that is used twice is one that it uses.
    program('pm_three', [hash, shared, hash, frozen]);
    program('pm_most', many);
  });
  afterAll(() => {
    from.close();
    for (const fd of held.reverse()) fd.close();
  });

  it('has a row for each map of each program, as bpftool lists them, each column of it', async () => {
    await eventually(() => {
      collect(from);
      const maps = new Map(bpftool<ShownMap>('map').map((one) => [one.id, one]));
      const rows = rowsOf(collect(from).table);
      const programs = bpftool<ShownProgram>('prog');
      // Of this test: other programs come and go meanwhile.
      const mine = programs.filter(({ id }) => ids.includes(id));
      expect(mine.map(({ name, map_ids }) => [name, map_ids?.length ?? 0])).toEqual([
        ['pm_none', 0],
        ['pm_one', 1],
        ['pm_three', 3],
        ['pm_most', MOST],
      ]);
      for (const program of mine) {
        const used = rows.filter((row) => row.number('prog_id') === program.id);
        expect(used.map((row) => row.number('map_id'))).toEqual(program.map_ids ?? []);
        for (const row of used) compare(row, { program, map: maps.get(row.number('map_id'))! }, REFERENCE);
      }
      expect(collect(from).stats.doubles).toBe(0);
    });
  });

  it('answers which programs use a map, in the kernel', () => {
    const { fd } = held[1]!;
    const [shared] = rowsOf(readOnce('bpf_map', { where: `id == ${fdinfo('self', fd)['map_id']}` }).table);
    const { table, stats } = collect(from, { where: `map == ${shared!.cell('map')}` });
    expect(rowsOf(table).map((row) => row.text('prog_name'))).toEqual(['pm_one', 'pm_three']);
    expect(stats.conditions.map(({ where }) => where)).toEqual(['kernel']);
    const frozen = collect(from, { where: 'map_type == hash || prog_name == "pm_one" && maps == 1' });
    expect(
      rowsOf(frozen.table)
        .filter(isMine)
        .map((r) => r.text('map_name')),
    ).toEqual(['pm_shared', 'pm_hash']);
    expect(frozen.stats.conditions.map(({ where }) => where)).toEqual(['kernel']);
    // Neither PID 1, which has programs on many systems, nor anybody else who may: a process that has none.
    const other = spawn('sleep', ['60']);
    try {
      expect(collect(from, { filters: { pid: [[other.pid!, other.pid!]] } }).table.rows).toBe(0);
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('is the same where the kernel has no loop over numbers: before Linux 6.4', () => {
    const btf = Btf.vmlinux();
    const { func } = btf;
    const spy = vi
      .spyOn(btf, 'func')
      .mockImplementation((name) => (/^bpf_iter_num_/.test(name) ? 0 : func.call(btf, name)));
    try {
      const { plan, processed } = verify(
        progMaps,
        progMaps.columns.map(({ name }) => name),
      );
      expect(plan.assembly.instructions.some(({ note }) => note === 'the last one')).toBe(true);
      expect(processed).toBeGreaterThan(MOST * 20);
      using older = collector(progMaps);
      const ids = (rows: ReturnType<typeof rowsOf>) =>
        rows.filter(isMine).map((r) => `${r.cell('prog')} ${r.cell('map_id')}`);
      expect(ids(rowsOf(collect(older).table))).toEqual(ids(rowsOf(collect(from).table)));
    } finally {
      spy.mockRestore();
    }
  });

  it('reads arrays that lie in an object itself, of numbers: the groups of a process', () => {
    const groups: Template = {
      name: 'groups',
      help: 'supplementary groups',
      target: 'task',
      key: ['pid', 'gid'],
      show: ['pid', 'gid', 'count'],
      sort: 'pid',
      columns: [
        { name: 'pid', from: 'task->pid', as: 'int', help: '' },
        {
          name: 'gid',
          from: 'each(task->cred->group_info->gid, task->cred->group_info->ngroups, 64)',
          as: 'int',
          help: '',
        },
        { name: 'count', from: 'task->cred->group_info->ngroups', as: 'int', help: '' },
      ],
    };
    const before = process.getgroups!();
    process.setgroups!([11, 3, 70_000]);
    try {
      const rows = rowsOf(readOnce(groups, { where: `pid == ${process.pid}` }).table);
      // A thread of Node's has the groups that the whole process is given.
      expect(rows.map((row) => [row.number('gid'), row.number('count')])).toEqual([
        [3, 3],
        [11, 3],
        [70_000, 3],
      ]);
    } finally {
      process.setgroups!(before);
    }
  });

  it('each() out of the key is no column: its rows could not be told apart', () => {
    const column = progMaps.columns.find(({ name }) => name === 'map')!;
    const plan = compile(
      {
        ...bpfMap,
        target: 'bpf_prog',
        ...{ key: ['p'], show: ['p', 'map'], sort: 'p', joins: {}, filters: {} },
        columns: [{ name: 'p', from: 'prog', help: '' }, column],
      },
      { columns: ['map'] },
      Btf.vmlinux(),
    );
    expect([...plan.absent]).toEqual([['map', expect.stringContaining('its elements in the key')]]);
  });
});
