import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { bpfHolder } from '../../src/templates/builtin/bpf-holder.ts';
import { bpfMap } from '../../src/templates/builtin/bpf-map.ts';
import { BPF_F_NUMA_NODE, MAP, type MapMaking, map, put, remove } from '../support/bpf.ts';
import { collect, collector, describeKernel, eventually, kernelHas, output, rowsOf } from '../support/kernel.ts';
import { fdinfo } from '../support/proc.ts';
import { compare, everyColumn, type References, register } from '../support/references.ts';

interface Shown {
  readonly id: number;
  readonly type: string;
  readonly name?: string;
  readonly flags: number;
  readonly bytes_key: number;
  readonly bytes_value: number;
  readonly max_entries: number;
  readonly frozen: number;
  readonly btf_id?: number;
}
const shown = (): Shown[] => JSON.parse(output('bpftool', '-j', 'map', 'list'));

interface Known extends Shown {
  readonly fd: number;
  readonly made: MapMaking;
}
/** Elements that the test has put into its hash maps; other maps have no count. */
const ENTRIES: Readonly<Record<string, number>> = { t_hash: 32, t_lru: 3, t_empty: 0, t_outer: 1 };
const entries = (k: Known) => (kernelHas('bpf_map', 'elem_count') ? (ENTRIES[k.name ?? ''] ?? null) : null);

const REFERENCE: References<Known> = {
  id: (k) => k.id,
  map: (_, row) => {
    expect(row.cell('map')).toMatch(/^0xffff[0-9a-f]{12}$/);
    return undefined;
  },
  type: (k) => k.type,
  name: (k) => k.name ?? null,
  key_size: (k) => k.bytes_key,
  value_size: (k) => k.bytes_value,
  max_entries: (k) => k.max_entries,
  counter: (k, row) => {
    if (entries(k) !== null) expect(row.cell('counter')).not.toBe('0x0');
    return undefined;
  },
  counted: (k) => entries(k) ?? undefined,
  entries,
  full: (k) => (entries(k) === null ? null : (entries(k)! / k.max_entries) * 100),
  memory: () => (kernelHas('bpf_map', 'memory') ? undefined : null),
  flags: (k) => k.flags,
  extra: (k) => Number(k.made.extra ?? 0n),
  frozen: (k) => k.frozen !== 0,
  btf_id: (k) => k.btf_id ?? null,
  btf_key: () => null,
  btf_value: () => null,
  inner: (k) => (k.name === 't_outer' ? 'hash' : null),
  numa: (k) => (k.made.flags === BPF_F_NUMA_NODE ? 0 : -1),
  refcnt: (_, row) => row.number('refs') + 1,
  refs: (k) => (k.name === 't_hash' ? 2 : 1), // in t_outer
  user_refs: () => 1,
  writers: () => 0,
  pid: () => process.pid,
  command: () => fs.readFileSync('/proc/self/comm', 'latin1').trim(),
  fd: (k) => k.fd,
  holders: () => 1,
  // Of what is pinned: test/state/pins.test.ts.
  pinned: () => null,
  held_by: () => `${process.pid}/${fs.readFileSync(`/proc/${process.pid}/comm`, 'latin1').trim()}`,
  // At the first sample nothing has grown; growth.test.ts has the others.
  grew: () => null,
};

describe('bpf_map', () => {
  test('each column has a reference', () => everyColumn(bpfMap, REFERENCE as References<never>));
});

describeKernel('bpf_map on the running kernel', () => {
  register(bpfHolder);
  const held: OwnedFd[] = [];
  const made = new Map<string, { fd: number; made: MapMaking }>();
  const from = collector(bpfMap);
  const key = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
  /** Others may have maps of these names. */
  const idOf = (name: string) => fdinfo('self', made.get(name)!.fd)['map_id'];

  beforeAll(() => {
    const make = (options: MapMaking) => {
      const one = map(options);
      held.push(one);
      made.set(options.name, { fd: one.fd, made: options });
      return one;
    };
    const hash = make({ type: MAP.hash, name: 't_hash', keySize: 4, valueSize: 24, maxEntries: 1000 });
    for (let n = 0; n < 37; n++) put(hash, key(n), new Uint8Array(24));
    for (let n = 0; n < 5; n++) remove(hash, key(n));
    const lru = make({ type: MAP.lru_hash, name: 't_lru', keySize: 4, valueSize: 8, maxEntries: 100 });
    for (let n = 0; n < 3; n++) put(lru, key(n), new Uint8Array(8));
    make({ type: MAP.hash, name: 't_empty', keySize: 16, valueSize: 1, maxEntries: 7, flags: BPF_F_NUMA_NODE });
    make({ type: MAP.array, name: 't_array', keySize: 4, valueSize: 100, maxEntries: 3 });
    make({ type: MAP.percpu_array, name: 't_percpu', keySize: 4, valueSize: 8, maxEntries: 2 });
    make({ type: MAP.ringbuf, name: 't_ring', keySize: 0, valueSize: 0, maxEntries: 4096 });
    make({ type: MAP.bloom_filter, name: 't_bloom', keySize: 0, valueSize: 8, maxEntries: 9, extra: 3n });
    const options = { type: MAP.hash_of_maps, name: 't_outer', keySize: 4, valueSize: 4, maxEntries: 5, inner: hash };
    put(make(options), key(1), key(hash.fd));
    output('bpftool', 'map', 'freeze', 'id', idOf('t_array')!);
  });
  afterAll(() => {
    from.close();
    for (const fd of held.reverse()) fd.close();
  });

  test('each column of eight maps, and all maps as bpftool lists them', async () => {
    await eventually(() => {
      collect(from);
      const before = shown();
      const rows = rowsOf(collect(from).table);
      const after = shown();
      // What others make and let go of meanwhile is in one list but not in the other.
      const stays = after.filter(({ id }) => before.some((m) => m.id === id));
      const staying = rows.filter((r) => stays.some(({ id }) => id === r.number('id')));
      const bare = (id: unknown, type: unknown, name: unknown, max: unknown) => `${id} ${type} ${name ?? ''} ${max}`;
      expect(staying.map((r) => bare(r.value('id'), r.value('type'), r.value('name'), r.value('max_entries')))).toEqual(
        stays.map((m) => bare(m.id, m.type, m.name, m.max_entries)),
      );
      for (const [name, { fd, made: options }] of made) {
        const one = before.find((m) => m.id === Number(idOf(name)))!;
        compare(rows.find((r) => r.number('id') === one.id)!, { ...one, fd, made: options }, REFERENCE);
      }
    });
  });

  test('a process that was given a descriptor is a holder, too, and is found by its PID', async () => {
    const { fd } = made.get('t_hash')!;
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    try {
      await eventually(() => {
        const row = rowsOf(collect(from).table).find((r) => r.number('id') === Number(idOf('t_hash')))!;
        expect(row.number('holders')).toBe(2);
        const pid = child.pid!;
        const own = fs.readFileSync('/proc/self/comm', 'latin1').trim();
        const all = [`${process.pid}/${own}`, `${pid}/sleep`];
        expect(row.text('held_by').split(', ').sort()).toEqual(all.sort());
        const rows = rowsOf(collect(from, { filters: { pid: [[pid, pid]] } }).table);
        expect(rows[0].text('held_by').split(', ').sort()).toEqual(all.sort());
        expect(rows.map((r) => [r.text('name'), r.number('pid'), r.text('command'), r.number('fd')])).toEqual([
          ['t_hash', pid, 'sleep', 3],
        ]);
      });
    } finally {
      child.kill();
    }
    const mine = rowsOf(collect(from, { filters: { pid: [[process.pid, process.pid]] } }).table);
    expect(mine.filter((r) => made.has(r.text('name'))).map((r) => r.text('name'))).toEqual([...made.keys()]);
    // Neither PID 1, which has programs on many systems, nor anybody else who may: a process that has none.
    const other = spawn('sleep', ['60']);
    try {
      expect(collect(from, { filters: { pid: [[other.pid!, other.pid!]] } }).table.rows).toBe(0);
    } finally {
      other.kill('SIGKILL');
    }
  });
});
