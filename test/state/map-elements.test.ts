/** Elements of real maps against bpftool. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Assembler, R0 } from '../../src/bpf/asm.ts';
import { Btf } from '../../src/bpf/btf.ts';
import { possible } from '../../src/bpf/host.ts';
import { loadedBtf, OpenMap } from '../../src/bpf/open-map.ts';
import { loadProgram } from '../../src/bpf/program.ts';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { findTarget } from '../../src/bpf/targets.ts';
import { MapReader } from '../../src/state/map-reader.ts';
import { tableOfMap } from '../../src/state/maps.ts';
import { ElementRecords } from '../../src/templates/map-elements.ts';
import type { Template } from '../../src/templates/template.ts';
import { BtfWriter } from '../bpf/btf-writer.ts';
import { BPF_F_NO_PREALLOC, btf, load, MAP, type MapMaking, map, PROG, put, remove } from '../support/bpf.ts';
import { collect, collector, describeKernel, output, readOnce, rowsOf } from '../support/kernel.ts';
import { bpftoolDump, FLOW, flowKey, flowTypes, flowValue, hex } from '../support/maps.ts';
import { heldObjects, openDescriptors } from '../support/objects.ts';
import { fdinfo } from '../support/proc.ts';

const cpus = possible('cpu').length;
const u32 = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
const u64 = (...n: bigint[]) => new Uint8Array(BigUint64Array.from(n).buffer);
const idOf = (map: OwnedFd) => Number(fdinfo('self', map.fd)['map_id']);

describeKernel('elements of a map', () => {
  const held: OwnedFd[] = [];
  let types: NonNullable<MapMaking['btf']>;
  const make = (options: MapMaking) => {
    const one = map(options);
    held.push(one);
    return one;
  };
  const table = (one: OwnedFd) => tableOfMap(String(idOf(one)));
  const byKey = (template: Template, ask = {}) =>
    new Map(rowsOf(readOnce(template, ask).table).map((row) => [row.cell('key_bytes'), row]));

  beforeAll(() => {
    types = flowTypes();
  });
  afterEach(() => {
    for (const fd of held.splice(0)) fd.close();
  });
  afterAll(() => types.fd.close());

  const flows = (type: number, name: string, more: Partial<MapMaking> = {}) =>
    make({ type, name, keySize: FLOW.key, valueSize: FLOW.value, maxEntries: 100, btf: types, ...more });

  test('each member is a column, by the BTF of the map', () => {
    const one = flows(MAP.hash, 't_flows');
    put(one, flowKey(443), flowValue({ packets: 1n << 60n, comm: '\x1b[2J\u202ehi' }));
    const template = table(one);
    expect(template.show).toEqual([
      ...['key_saddr', 'key_port', 'key_dir', 'key_proto'],
      ...['packets', 'delta', 'low', 'high', 'comm', 'time_first', 'time_last', 'owner', 'mac', 'seen'],
    ]);
    const [row] = rowsOf(readOnce(template).table);
    const values = Object.fromEntries(template.columns.map((c) => [c.name, row.cell(c.name)]));
    const { key_bytes, value_bytes, rest, ...others } = values;
    expect(others).toEqual({
      ...{ key_saddr: '443', key_port: '443', key_dir: '0', key_proto: 'tcp' },
      ...{ packets: String(1n << 60n), packets_rate: '', delta: '-7', delta_rate: '', low: '5', high: '-3' },
      ...{ comm: '\\x1b[2J\\u{202e}hi', owner: '0xffff888800000000', mac: '010203040506', seen: 'yes' },
      ...{ time_first: '11', time_first_rate: '', time_last: '12', time_last_rate: '' },
      ...{ hits_0: '7', hits_1: '8', hits_2: '9', value_key: '10', packed_n: '77777', packed_n_rate: '' },
    });
    expect(rest).toBe(Buffer.concat([Buffer.from([0xab]), Buffer.alloc(159)]).toString('hex'));
    const [dumped] = bpftoolDump(idOf(one));
    expect([key_bytes, value_bytes]).toEqual([hex(dumped.key), hex(dumped.value!)]);
    // What the kernel keeps for itself is no column, and 64 bits keep their digits.
    expect(template.columns.some((c) => /guard|opaque/.test(c.name))).toBe(false);
    expect(row.value('packets')).toBe(1n << 60n);
  });

  test.each([
    ['hash', MAP.hash, 0],
    ['lru_hash', MAP.lru_hash, 0],
    ['array', MAP.array, 0],
    ['lpm_trie', MAP.lpm_trie, BPF_F_NO_PREALLOC],
    ['percpu_hash', MAP.percpu_hash, 0],
    ['lru_percpu_hash', MAP.lru_percpu_hash, 0],
    ['percpu_array', MAP.percpu_array, 0],
  ] as const)('%s without BTF: every element as bpftool dumps it', (name, type, flags) => {
    const lpm = type === MAP.lpm_trie;
    const one = make({ type, name: `t_${name}`, keySize: lpm ? 8 : 4, valueSize: 8, maxEntries: 500, flags });
    const each = name.includes('percpu');
    for (let n = 0; n < 300; n++) {
      const value = Array.from({ length: each ? cpus : 1 }, (_, cpu) => BigInt(n * 1000 + cpu));
      put(one, lpm ? Buffer.from(Uint32Array.of(32, n).buffer) : u32(n), u64(...value));
    }
    const template = table(one);
    const rows = byKey(template);
    const dumped = bpftoolDump(idOf(one));
    expect(dumped.length).toBeGreaterThan(100);
    expect([...rows.keys()].sort()).toEqual(dumped.map((d) => hex(d.key)).sort());
    for (const { key, value, values } of dumped) {
      const row = rows.get(hex(key))!;
      const number = (bytes: readonly string[]) => Buffer.from(hex(bytes), 'hex').readBigUInt64LE();
      const sum = value ? number(value) : values!.reduce((all, v) => all + number(v.value), 0n);
      expect([row.value('value'), row.value('value_signed')]).toEqual([sum, sum]);
      if (!lpm)
        expect(row.number('key')).toBe(Number.parseInt(Buffer.from(hex(key), 'hex').reverse().toString('hex'), 16));
    }
    if (!each) return;
    const ungrouped = readOnce(template, { ungroup: true });
    const all = rowsOf(ungrouped.table).map((r) => `${r.cell('key_bytes')} ${r.cell('cpu')} ${r.cell('value_bytes')}`);
    const wanted = dumped.flatMap((d) => d.values!.map((v) => `${hex(d.key)} ${v.cpu} ${hex(v.value)}`));
    expect(all.sort()).toEqual(wanted.sort());
    expect(ungrouped.stats.doubles).toBe(0);
  });

  test('what is no number is not summed over CPUs, and said so; each CPU has it', () => {
    const one = flows(MAP.percpu_array, 't_pcpu', { keySize: 4, maxEntries: 1, btf: { ...types, key: 3 } });
    const value = Buffer.concat(Array.from({ length: cpus }, (_, n) => flowValue({ packets: BigInt(n + 1) })));
    put(one, u32(0), value);
    const { table: summed, absent } = readOnce(table(one));
    const [row] = rowsOf(summed);
    expect(row.value('packets')).toBe(BigInt((cpus * (cpus + 1)) / 2));
    expect([row.number('delta'), row.number('high'), row.number('low')]).toEqual([-7 * cpus, -3 * cpus, 5 * cpus]);
    for (const name of ['comm', 'owner', 'seen', 'cpu']) expect(absent.get(name)).toMatch(/H shows a row for each CPU/);
    const each = rowsOf(readOnce(table(one), { ungroup: true }).table);
    expect(each.map((r) => [r.number('cpu'), r.value('packets'), r.text('comm')])).toEqual(
      possible('cpu').map((cpu, n) => [cpu, BigInt(n + 1), 'node']),
    );
  });

  test('10,000 elements, conditions, rates', () => {
    const one = flows(MAP.hash, 't_many', { maxEntries: 10_000 });
    for (let n = 0; n < 10_000; n++) put(one, flowKey(n), flowValue({ packets: BigInt(n) }));
    const template = table(one);
    const from = collector(template);
    try {
      const before = collect(from);
      expect([before.table.rows, before.stats.visited, before.stats.doubles]).toEqual([10_000, 10_000, 0]);
      const saddrs = rowsOf(before.table).map((r) => r.number('key_saddr'));
      expect(saddrs.sort((a, b) => a - b)).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
      put(one, flowKey(5), flowValue({ packets: 1_000_005n }));
      remove(one, flowKey(6));
      const { table: now, stats, after } = collect(from, { where: 'packets >= 9990 && key_proto == tcp' });
      const counted = rowsOf(now).find((r) => r.number('key_saddr') === 5)!;
      expect(counted.number('packets_rate')).toBeGreaterThan(1000);
      expect(stats.conditions[0]).toEqual({ text: `map ${idOf(one)} t_many`, where: 'user' });
      expect(stats.conditions.slice(1).map((c) => c.where)).toEqual(after.map(() => 'user'));
      expect([now.rows, after.length]).toEqual([9999, 2]);
    } finally {
      from.close();
    }
  });

  test('a data section: global variables by their names', () => {
    const w = new BtfWriter();
    const int = w.int('int', 4, { signed: true });
    const word = w.int('unsigned long', 8);
    const [a, b] = [w.variable('limit', int), w.variable('total', word)];
    const section = w.dataSection('.bss', 16, [
      { type: a, offset: 0, size: 4 },
      { type: b, offset: 8, size: 8 },
    ]);
    const fd = btf(w.bytes());
    held.push(fd);
    const one = make({
      ...{ type: MAP.array, name: 't.bss', keySize: 4, valueSize: 16, maxEntries: 1 },
      btf: { fd, key: 0, value: section },
    });
    put(one, u32(0), Buffer.from(BigUint64Array.of(BigInt.asUintN(32, -5n), 99n).buffer));
    const template = table(one);
    const [row] = rowsOf(readOnce(template).table);
    expect([row.number('limit'), row.value('total')]).toEqual([-5, 99n]);
  });

  test('a map of maps has ids, a stack trace map no trace; a queue and a ring buffer have no keys, in words', () => {
    const inner = make({ type: MAP.array, name: 't_in', keySize: 4, valueSize: 8, maxEntries: 1 });
    const outer = make({ type: MAP.hash_of_maps, name: 't_out', keySize: 4, valueSize: 4, maxEntries: 4, inner });
    put(outer, u32(7), u32(inner.fd));
    expect(rowsOf(readOnce(table(outer)).table).map((r) => [r.number('key'), r.number('value')])).toEqual([
      [7, idOf(inner)],
    ]);
    for (const [type, name, valueSize] of [
      [MAP.queue, 't_queue', 8],
      [MAP.ringbuf, 't_ring', 0],
      [MAP.bloom_filter, 't_bloom', 8],
    ] as const) {
      const one = make({ type, name, keySize: 0, valueSize, maxEntries: 4096 });
      expect(() => readOnce(table(one))).toThrow(/has no keys/);
    }
  });

  test('types without batches are read key by key: maps of devices and programs, empty places left out', () => {
    for (const [type, name, index] of [
      [MAP.devmap, 't_dev', 3],
      [MAP.devmap_hash, 't_devhash', 70_000],
    ] as const) {
      const one = make({ type, name, keySize: 4, valueSize: 4, maxEntries: 8 });
      expect(readOnce(table(one)).table.rows).toBe(0);
      // The loopback device.
      put(one, u32(index), u32(1));
      const { table: read, stats } = readOnce(table(one));
      expect(rowsOf(read).map((r) => [r.number('key'), r.number('value')])).toEqual([[index, 1]]);
      expect([stats.visited, stats.conditions[0].where]).toEqual([1, 'user']);
    }
    using program = load({ type: PROG.socket_filter, name: 't_tail' });
    const one = make({ type: MAP.prog_array, name: 't_progs', keySize: 4, valueSize: 4, maxEntries: 8 });
    put(one, u32(5), u32(program.fd));
    const id = Number(fdinfo('self', program.fd)['prog_id']);
    expect(rowsOf(readOnce(table(one)).table).map((r) => [r.number('key'), r.number('value')])).toEqual([[5, id]]);
  });

  test('while others write to it every element that stays is there, and the walk ends', async () => {
    const one = make({ type: MAP.hash, name: 't_churn', keySize: 4, valueSize: 8, maxEntries: 20_000 });
    for (let n = 0; n < 5000; n++) put(one, u32(n), u64(BigInt(n)));
    const churn = spawn(
      'bash',
      [
        '-c',
        `for ((i = 0; ; i++)); do printf 'map update id ${idOf(one)} key %d %d 1 0 value 1 0 0 0 0 0 0 0\n' $((i % 256)) $((i / 256 % 256)); printf 'map delete id ${idOf(one)} key %d %d 1 0\n' $((i % 256)) $((i / 256 % 256)); done | bpftool batch file /dev/stdin`,
      ],
      { stdio: 'ignore', detached: true },
    );
    const from = collector(table(one));
    try {
      const end = performance.now() + 500;
      while (performance.now() < end) {
        const keys = new Set(rowsOf(collect(from, { columns: ['key'] }).table).map((r) => r.number('key')));
        for (let n = 0; n < 5000; n++) if (!keys.has(n)) throw new Error(`element ${n} was missed`);
      }
    } finally {
      from.close();
      process.kill(-churn.pid!, 'SIGKILL');
    }
  });

  test('an empty map, a frozen one; nothing is written and nobody keeps a map', () => {
    const one = flows(MAP.hash, 't_still');
    expect(readOnce(table(one)).table.rows).toBe(0);
    put(one, flowKey(1), flowValue({ packets: 1n }));
    const before = bpftoolDump(idOf(one));
    output('bpftool', 'map', 'freeze', 'id', String(idOf(one)));
    const descriptors = openDescriptors();
    const from = collector(table(one));
    for (let i = 0; i < 5; i++) {
      expect(collect(from).table.rows).toBe(1);
      expect(heldObjects().filter((o) => o.kind === 'map' && o.id === idOf(one)).length).toBe(1);
    }
    from.close();
    expect(openDescriptors()).toEqual(descriptors);
    expect(bpftoolDump(idOf(one))).toEqual(before);
  });

  test('a map that goes away is an error in words; by its name the next one is found', () => {
    const first = flows(MAP.hash, 't_goes');
    put(first, flowKey(1), flowValue({ packets: 1n }));
    const byId = collector(tableOfMap(String(idOf(first))));
    const byName = collector(tableOfMap('t_goes'));
    const id = idOf(first);
    try {
      expect([collect(byId).table.rows, collect(byName).table.rows]).toEqual([1, 1]);
      first.close();
      for (let i = 0; i < 2; i++)
        for (const from of [byId, byName])
          expect(() => collect(from)).toThrow(`map ${id} t_goes is gone: nobody holds it any more`);
      const second = flows(MAP.hash, 't_goes');
      for (const n of [1, 2]) put(second, flowKey(n), flowValue({ packets: 1n }));
      expect(collect(byName).table.rows).toBe(2);
      expect(() => collect(byId)).toThrow(/is gone/);
      second.close();
      flows(MAP.array, 't_goes', { keySize: 4, btf: { ...types, key: 3 } });
      expect(() => collect(byName)).toThrow(
        /is gone; map \d+ has taken its place and is built otherwise: open it anew/,
      );
    } finally {
      byId.close();
      byName.close();
    }
  });

  test('a map that is pinned is opened by its path; what is no map there is refused', () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-bpffs-'));
    output('mount', '-t', 'bpf', 'bpf', dir);
    try {
      const one = flows(MAP.hash, 't_pinned');
      put(one, flowKey(1), flowValue({ packets: 1n }));
      const at = path.join(dir, 'flows');
      output('bpftool', 'map', 'pin', 'id', String(idOf(one)), at);
      using program = load({ type: PROG.socket_filter, name: 't_prog' });
      const id = fdinfo('self', program.fd)['prog_id'];
      output('bpftool', 'prog', 'pin', 'id', id, path.join(dir, 'prog'));
      expect(() => tableOfMap(path.join(dir, 'prog'))).toThrow(/prog is no map \(anon_inode:bpf-prog\)/);
      const from = collector(tableOfMap(at));
      expect(collect(from).table.rows).toBe(1);
      fs.unlinkSync(at);
      expect(() => collect(from)).toThrow(`nothing is at ${at}`);
      // Another map under the same path, of the same form: it is read from then on.
      const next = flows(MAP.hash, 't_pinned2');
      output('bpftool', 'map', 'pin', 'id', String(idOf(next)), at);
      expect(collect(from).table.rows).toBe(0);
      from.close();
    } finally {
      output('umount', dir);
      fs.rmdirSync(dir);
    }
  });

  test('ids and names that are not there, and one that several have', () => {
    const two = [flows(MAP.hash, 't_twice'), flows(MAP.hash, 't_twice')].map(idOf);
    flows(MAP.hash, 't_once');
    expect(() => tableOfMap('t_twice')).toThrow(/^2 maps have the name "t_twice"; name one by its id:/);
    for (const id of two) expect(() => tableOfMap('t_twice')).toThrow(`${id} hash t_twice`);
    expect(() => tableOfMap('t_onc')).toThrow(/^there is no map "t_onc"; did you mean\n +\d+ hash t_once/);
    expect(() => tableOfMap('4000000000')).toThrow(/^there is no map 4000000000; the nearest are\n/);
    expect(() => tableOfMap('/sys/fs/bpf/none_such')).toThrow(
      /nothing is at \/sys\/fs\/bpf\/none_such|cannot be opened/,
    );
    expect(tableOfMap('t_once').help).toMatch(/^elements of map \d+ t_once \(hash\)$/);
  });

  test('sockmap and sk_storage: shown where the kernel lets the iterator be loaded, else its reason', () => {
    const sockets = make({ type: MAP.sockmap, name: 't_socks', keySize: 4, valueSize: 8, maxEntries: 4 });
    const template = table(sockets);
    expect([template.target, template.key]).toEqual(['sockmap', ['key_bytes']]);
    expect(template.show).toEqual(['key', 'state', 'local', 'remote', 'user', 'inode', 'pid', 'command']);
    try {
      expect(readOnce(template).table.rows).toBe(0);
    } catch (error) {
      expect((error as Error).message).toMatch(/this kernel refuses programs of this kind/);
      expect((error as Error).message).not.toMatch(/CAP_/);
    }
  });

  test('an element that came by bpf(2) makes the record that the program of the plan makes', () => {
    const one = flows(MAP.hash, 't_same');
    put(one, flowKey(9), flowValue({ packets: 3n }));
    using reader = new MapReader(table(one), Btf.vmlinux());
    reader.configure({ columns: ['packets', 'key_port', 'high'] });
    const { layout } = reader.plan;
    expect(layout.fields.map((f) => [f.column, f.type, f.size])).toEqual([
      ['key_bytes', 'chars', 12],
      ['packets', 'u64', 8],
      ['high', 'i32', 4],
      ['key_port', 'u16', 2],
    ]);
    const records = new ElementRecords(
      reader.plan,
      { bytes: new SharedArrayBuffer(8), offsets: new SharedArrayBuffer(64), totals: [] },
      [],
      false,
    );
    records.append(flowKey(9), flowValue({ packets: 3n }), 1);
    expect(records.end()).toBe(layout.fixed + 48);
  });

  test('a program that the kernel refuses although the capabilities are there: the words blame no capability', () => {
    const code = new Assembler().movImm(R0, 0).exit().assemble().encode({});
    const { attachBtfId } = findTarget(Btf.vmlinux(), 'bpf_map_elem');
    try {
      loadProgram({ code, attachBtfId, name: 't_elem' }).close();
    } catch (error) {
      expect((error as Error).message).toBe(
        'BPF_PROG_LOAD: EPERM (1): this kernel refuses programs of this kind; the capabilities are there, so a policy of the kernel forbids it (lockdown, a security module, the seccomp filter of a container)',
      );
    }
  });

  test("BTF that is loaded: the kernel's own is the one that is there already, a program's is read", () => {
    const [{ id }] = JSON.parse(output('bpftool', '-j', 'btf', 'list')).filter(
      (b: { name?: string }) => b.name === 'vmlinux',
    );
    expect(loadedBtf(id)).toBe(Btf.vmlinux());
    const own = loadedBtf(Number(fdinfo('self', types.fd.fd)['btf_id']));
    expect(own.members(types.key).map((m) => m.name)).toEqual(['saddr', 'port', 'dir', 'proto']);
    expect(() => loadedBtf(0x7fffffff)).toThrow(/BPF_BTF_GET_FD_BY_ID: ENOENT/);
  });

  test('an element that does not fit in with what a column asks for is none', () => {
    const one = flows(MAP.hash, 't_beyond');
    put(one, flowKey(1), flowValue({ packets: 1n }));
    const template = table(one);
    const bad = { name: 'bad', from: `bytes(value, ${FLOW.value - 4}, u64)`, help: 'x' };
    const { absent, table: read } = readOnce({ ...template, columns: [...template.columns, bad] });
    expect([absent.get('bad'), read.rows]).toEqual(['bytes 244 to 252 are beyond the 248 of a value', 1]);
  });

  test('a map can be opened by its id', () => {
    using opened = OpenMap.byId(idOf(flows(MAP.hash, 't_open')));
    expect(opened.info()).toMatchObject({ name: 't_open', keySize: FLOW.key, valueSize: FLOW.value });
  });
});
