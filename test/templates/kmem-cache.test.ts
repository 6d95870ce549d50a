import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { kmemCache } from '../../src/templates/builtin/kmem-cache.ts';
import { NUMERIC } from '../../src/templates/derive.ts';
import { MAX_SLABS } from '../../src/templates/source.ts';
import { collect, collector, describeTarget, eventually, type Row, rowsOf } from '../support/kernel.ts';
import { compare, everyColumn, type References } from '../support/references.ts';

/** A cache as /proc/slabinfo has it; /sys/kernel/slab has more of it, where the kernel was built with that. */
interface Known {
  readonly name: string;
  readonly active: number;
  readonly total: number;
  readonly size: number;
  readonly perSlab: number;
  readonly pages: number;
  readonly slabs: number;
}

const slabinfo = (): Known[] =>
  fs
    .readFileSync('/proc/slabinfo', 'latin1')
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => {
      const at = line.split(/\s+/);
      const [active, total, size, perSlab, pages] = at.slice(1, 6).map(Number);
      return { name: at[0], active, total, size, perSlab, pages, slabs: Number(at[14]) };
    });

/** undefined where sysfs does not have it. */
function sysfs(k: Known, file: string): string | undefined {
  try {
    return fs.readFileSync(`/sys/kernel/slab/${k.name}/${file}`, 'latin1').trim();
  } catch {
    return undefined;
  }
}
/** Whether the kernel program has looked at each partly used slab. */
const counted = (row: Row) => row.number('partial') <= MAX_SLABS;
const first = (k: Known, file: string) => {
  const text = sysfs(k, file);
  return text === undefined ? undefined : Number.parseInt(text, 10);
};

const REFERENCE: References<Known> = {
  cache: (_, row) => {
    expect(row.cell('cache')).toMatch(/^0xffff[0-9a-f]{12}$/);
    return undefined;
  },
  name: (k) => k.name,
  objects: (k) => k.total,
  free_seen: (k, row) => (counted(row) ? k.total - k.active : undefined),
  free: (k, row) => {
    // An estimate beyond that: never more than there are.
    expect(row.number('free')).toBeLessThanOrEqual(k.total);
    return counted(row) ? k.total - k.active : undefined;
  },
  active: (k, row) => (counted(row) ? k.active : undefined),
  use: (k, row) => (k.total === 0 ? null : counted(row) ? (k.active / k.total) * 100 : undefined),
  growth: (_, row) => {
    expect(Math.abs(row.number('growth'))).toBeLessThan(1e9);
    return undefined;
  },
  object_size: (k) => k.size,
  asked_size: (k) => first(k, 'object_size'),
  slabs: (k) => k.slabs,
  partial: (k, row) => {
    // The file counts objects on partly used slabs; without such slabs there are none.
    if (first(k, 'objects_partial') === 0) return undefined;
    expect(row.number('partial')).toBeLessThanOrEqual(k.slabs);
    return first(k, 'partial') === undefined ? undefined : first(k, 'partial');
  },
  oo: (k) => k.perSlab + Math.log2(k.pages) * 65536,
  per_slab: (k) => k.perSlab,
  order: (k) => Math.log2(k.pages),
  pages: (k) => k.pages,
  memory: (k) => k.slabs * k.pages * pageSize(),
  align: (k) => first(k, 'align'),
  inuse: (k, row) => {
    expect(row.number('inuse')).toBeGreaterThan(0);
    expect(row.number('inuse')).toBeLessThanOrEqual(k.size);
    return undefined;
  },
  usersize: (k) => first(k, 'usersize'),
  min_partial: (k) => first(k, 'min_partial'),
  cpu_partial: (k) => first(k, 'cpu_partial'),
  flags: (k, row) => {
    if (sysfs(k, 'reclaim_account') !== undefined)
      expect((row.number('flags') & RECLAIM) !== 0).toBe(sysfs(k, 'reclaim_account') === '1');
    return undefined;
  },
  ctor: (k, row) => {
    const symbol = sysfs(k, 'ctor');
    if (symbol === undefined) return undefined;
    if (symbol === '') return null;
    // Several files have a function of the same name, init_once above all.
    const lines = symbols().matchAll(new RegExp(`^([0-9a-f]+) \\w ${symbol.replace(/\+.*/, '')}$`, 'gm'));
    expect([...lines].map((line) => `0x${line[1]}`)).toContain(row.cell('ctor'));
    return undefined;
  },
  refcount: (k, row) => {
    const aliases = first(k, 'aliases');
    return row.number('refcount') < 0 ? -1 : aliases === undefined ? undefined : aliases + 2;
  },
  // At the first sample nothing has grown; growth.test.ts has the others.
  grew: () => null,
};

/** SLAB_RECLAIM_ACCOUNT of include/linux/slab.h; since Linux 6.9 the bit of an enumerator. */
const BIT = Btf.vmlinux().enumerator('_SLAB_RECLAIM_ACCOUNT');
const RECLAIM = BIT === undefined ? 0x20000 : 1 << Number(BIT);

let text = '';
function symbols(): string {
  text ||= fs.readFileSync('/proc/kallsyms', 'latin1');
  return text;
}

describe('kmem_cache', () => {
  test('each column has a reference', () => everyColumn(kmemCache, REFERENCE as References<never>));

  test('free objects are estimated beyond the slabs that were looked at', () => {
    const out = new Float64Array(3);
    const interval = { seconds: 0, before: new Int32Array(0), previous: () => null };
    const [seen, partial] = [Float64Array.of(10, 2048, 2048), Float64Array.of(3, MAX_SLABS, MAX_SLABS * 2)];
    NUMERIC['free_objects'].run([seen, partial], ['a', 'b'], out, interval, { jiffies: 0, hz: 0 });
    expect([...out]).toEqual([10, 2048, 4096]);
  });
});

describeTarget('kmem_cache', 'kmem_cache on the running kernel', () => {
  test('each column of each cache as /proc/slabinfo and /sys/kernel/slab have it', async () => {
    const from = collector(kmemCache);
    const seen = new Set<string>();
    try {
      collect(from);
      await eventually(() => {
        const before = slabinfo();
        const rows = rowsOf(collect(from).table);
        const after = new Map(slabinfo().map((k) => [k.name, k]));
        expect(rows.map((r) => r.text('name')).sort()).toEqual([...after.keys()].sort());
        for (const known of before) {
          if (seen.has(known.name)) continue;
          const row = rows.find((r) => r.text('name') === known.name)!;
          // What changed meanwhile is looked at again.
          if (JSON.stringify(after.get(known.name)) !== JSON.stringify(known)) continue;
          if (still(row, known)) {
            compare(row, known, REFERENCE);
            seen.add(known.name);
          }
        }
        // Some caches are hardly ever still: those that this test itself uses.
        expect(seen.size).toBeGreaterThan(before.length * 0.9);
      });
    } finally {
      from.close();
    }
  });
});

/** Whether the files in sysfs, read one by one, still tell of the same moment. */
function still(row: Row, known: Known): boolean {
  return first(known, 'partial') === undefined || first(known, 'partial') === row.number('partial');
}
