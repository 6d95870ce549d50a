import { expect, test } from 'vitest';
import { BpfMap } from '../../src/bpf/map.ts';
import { BpfError } from '../../src/bpf/syscall.ts';
import { describeKernel, output } from '../support/kernel.ts';
import { idsOf } from '../support/objects.ts';

const u32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);

describeKernel('maps', () => {
  test('bpftool sees what was asked for', () => {
    using map = BpfMap.create({ type: 'hash', keySize: 8, valueSize: 1, maxEntries: 77, name: 'itertop_set' });
    expect(map.closed).toBe(false);
    const shown = JSON.parse(output('bpftool', '-j', 'map', 'show', 'id', String(idsOf('map')[0])));
    expect(shown).toMatchObject({ type: 'hash', name: 'itertop_set', bytes_key: 8, bytes_value: 1, max_entries: 77 });
  });

  test('update, look up, delete', () => {
    using map = BpfMap.create({ type: 'hash', keySize: 4, valueSize: 8, maxEntries: 4, name: 'itertop_a' });
    map.update(u32(1), u32(5, 6));
    expect([...map.lookup(u32(1))]).toEqual([...u32(5, 6)]);
    map.delete(u32(1));
    for (const run of [() => map.lookup(u32(1)), () => map.delete(u32(1))]) expect(run).toThrow(/ENOENT/);
  });

  test('many at once; none at once', () => {
    using map = BpfMap.create({ type: 'hash', keySize: 4, valueSize: 4, maxEntries: 1000, name: 'itertop_b' });
    const keys = Array.from({ length: 1000 }, (_, i) => i + 1);
    map.updateBatch(u32(...keys), u32(...keys.map((k) => k * 2)));
    expect(map.lookup(u32(1000)).readUInt32LE()).toBe(2000);
    map.updateBatch(u32(), u32());
    expect(() => map.updateBatch(u32(5000), u32(1))).toThrow(/E2BIG/);
  });

  test('keys and values of the wrong size never reach the kernel', () => {
    using map = BpfMap.create({ type: 'array', keySize: 4, valueSize: 8, maxEntries: 1, name: 'itertop_c' });
    expect(() => map.update(u32(0), u32(1))).toThrow(
      /map itertop_c takes keys of 4 and values of 8 bytes, not 4 and 4/,
    );
    expect(() => map.lookup(u32(0, 0))).toThrow(RangeError);
  });

  test('what no kernel makes is refused in words', () => {
    expect(() => BpfMap.create({ type: 'array', keySize: 3, valueSize: 8, maxEntries: 1, name: 'x' })).toThrow(
      BpfError,
    );
    expect(() => BpfMap.create({ type: 'array', keySize: 3, valueSize: 8, maxEntries: 1, name: 'x' })).toThrow(
      /BPF_MAP_CREATE: EINVAL \(22\): this kernel does not have this kind of map/,
    );
  });
});
