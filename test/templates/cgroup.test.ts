import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { Reader } from '../../src/state/reader.ts';
import { cgroup, cgroupProcess } from '../../src/templates/builtin/cgroup.ts';
import type { WalkOrder } from '../../src/templates/template.ts';
import { collect, collector, describeTarget, eventually, type Row, rowsOf } from '../support/kernel.ts';
import { compare, everyColumn, type References, register } from '../support/references.ts';

const MOUNT = /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(fs.readFileSync('/proc/self/mountinfo', 'utf8'))?.[1] ?? '';
const ROOT = `${MOUNT}/itertop-cgroup-${process.pid}`;
const MANY = 1200;
const DEPTH = 15;
/** Components that a path shows at most. */
const LEVELS = 12;

/** A cgroup as its files describe it. */
interface Known {
  readonly folder: string;
}
const text = (k: Known, file: string) => fs.readFileSync(`${k.folder}/${file}`, 'latin1').trim();
const stat = (k: Known, file: string, name: string) =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text(k, file))?.[1] ?? Number.NaN);
const has = (k: Known, file: string) => fs.existsSync(`${k.folder}/${file}`);
const limit = (k: Known, file: string) => (text(k, file) === 'max' ? 2147483647 : Number(text(k, file)));
const relative = (folder: string) => `/${path.relative(MOUNT, folder)}`;
const children = (k: Known) =>
  fs
    .readdirSync(k.folder, { withFileTypes: true })
    .filter((e) => e.isDirectory())
    .map((e) => ({ folder: `${k.folder}/${e.name}` }));
/** A threaded cgroup does not tell its processes: here it has none. */
const procs = (k: Known) =>
  text(k, 'cgroup.type') === 'threaded' ? [] : text(k, 'cgroup.procs').split('\n').filter(Boolean).map(Number);
const exists = (k: Known, file: string, value: () => number) => (has(k, file) ? value() : null);
const CONTROLLERS: Readonly<Record<string, string>> = {
  io: 'io_cgrp_id',
  memory: 'memory_cgrp_id',
  pids: 'pids_cgrp_id',
  cpu: 'cpu_cgrp_id',
  cpuset: 'cpuset_cgrp_id',
};

const REFERENCE: References<Known> = {
  id: (k) => fs.statSync(k.folder).ino,
  path: (k) => {
    const names = relative(k.folder).slice(1).split('/');
    return names.length > LEVELS ? `/…/${names.slice(-LEVELS).join('/')}` : `/${names.join('/')}`;
  },
  depth: (k) => relative(k.folder).slice(1).split('/').length,
  parent: (k) => fs.statSync(path.dirname(k.folder)).ino,
  procs: (k) => procs(k).length,
  pid: (k) => procs(k).sort((a, b) => a - b)[0] ?? null,
  command: (k, row) =>
    procs(k).length > 0 ? fs.readFileSync(`/proc/${row.number('pid')}/comm`, 'latin1').trim() : null,
  descendants: (k) => stat(k, 'cgroup.stat', 'nr_descendants'),
  dying: (k) => stat(k, 'cgroup.stat', 'nr_dying_descendants'),
  populated_children: (k) => children(k).filter((c) => stat(c, 'cgroup.events', 'populated') === 1).length,
  threaded_children: (k) => children(k).filter((c) => text(c, 'cgroup.type') === 'threaded').length,
  max_descendants: (k) => limit(k, 'cgroup.max.descendants'),
  max_depth: (k) => limit(k, 'cgroup.max.depth'),
  controllers: (k) =>
    text(k, 'cgroup.subtree_control')
      .split(' ')
      .filter(Boolean)
      .reduce((mask, name) => mask | (1 << Number(Btf.vmlinux().enumerator(CONTROLLERS[name]))), 0),
  freeze: (k) => text(k, 'cgroup.freeze') === '1',
  freezing: (k) =>
    [k.folder, path.dirname(k.folder)].some(
      (folder) => folder.startsWith(ROOT) && text({ folder }, 'cgroup.freeze') === '1',
    ),
  frozen: (k) => stat(k, 'cgroup.events', 'frozen') === 1,
  flags: (_, row) => {
    expect((row.number('flags') & 8) !== 0).toBe(row.value('frozen'));
    return undefined;
  },
  time: (k, row) => {
    // usage_usec has that of descendants, too: of a leaf it is its own.
    if (children(k).length === 0)
      expect(row.number('time') / 1000).toBeLessThanOrEqual(stat(k, 'cpu.stat', 'usage_usec') + 1);
    return undefined;
  },
  cpu: () => undefined,
  tree_time: (k, row) => {
    expect(row.number('tree_time') / 1000).toBeLessThanOrEqual(stat(k, 'cpu.stat', 'usage_usec') + 1);
    return undefined;
  },
  memory: (k) => exists(k, 'memory.current', () => Number(text(k, 'memory.current'))),
  memory_peak: (k) => exists(k, 'memory.peak', () => Number(text(k, 'memory.peak'))),
  swap: (k) => exists(k, 'memory.swap.current', () => Number(text(k, 'memory.swap.current'))),
  pids: (k) => exists(k, 'pids.current', () => Number(text(k, 'pids.current'))),
  pids_peak: (k) => exists(k, 'pids.peak', () => Number(text(k, 'pids.peak'))),
  // At the first sample nothing has grown; growth.test.ts has the others.
  grew: () => null,
};

describe('cgroup', () => {
  test('each column has a reference', () => everyColumn(cgroup, REFERENCE as References<never>));
});

describeTarget('cgroup', 'cgroup on the running kernel', () => {
  register(cgroupProcess);
  const folders: string[] = [];
  const processes: ChildProcess[] = [];
  const make = (name: string) => {
    const folder = `${ROOT}/${name}`;
    fs.mkdirSync(folder, { recursive: true });
    folders.push(folder);
    return folder;
  };
  const start = (folder: string, command: string, ...args: string[]) => {
    const child = spawn(command, args, { stdio: 'ignore' });
    processes.push(child);
    fs.writeFileSync(`${folder}/cgroup.procs`, String(child.pid));
    return child;
  };
  const mine = (row: Row) => row.text('path').startsWith(relative(ROOT));
  const tree = (folder: string): string[] => [
    folder,
    ...fs
      .readdirSync(folder, { withFileTypes: true })
      .filter((e) => e.isDirectory())
      .flatMap((e) => tree(`${folder}/${e.name}`)),
  ];

  beforeAll(() => {
    expect(MOUNT, 'a cgroup2 mount in /proc/self/mountinfo').not.toBe('');
    fs.mkdirSync(ROOT);
    start(make('two'), 'sleep', '100');
    start(`${ROOT}/two`, 'sleep', '100');
    start(make('busy'), 'sh', '-c', 'while :; do :; done');
    start(make('frozen'), 'sleep', '100');
    make('frozen/below');
    fs.writeFileSync(`${ROOT}/frozen/cgroup.freeze`, '1');
    const limited = make('limited');
    fs.writeFileSync(`${limited}/cgroup.max.depth`, '3');
    fs.writeFileSync(`${limited}/cgroup.max.descendants`, '7');
    fs.mkdirSync(`${limited}/threaded`);
    fs.writeFileSync(`${limited}/threaded/cgroup.type`, 'threaded');
    make(`deep/${Array.from({ length: DEPTH }, (_, n) => `level${n}`).join('/')}`);
  });
  afterAll(async () => {
    for (const child of processes) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    await eventually(() => {
      for (const folder of tree(ROOT).reverse()) fs.rmdirSync(folder);
    });
  });

  test('each column of cgroups of all kinds', async () => {
    const from = collector(cgroup);
    try {
      await eventually(() => {
        expect(stat({ folder: `${ROOT}/frozen` }, 'cgroup.events', 'frozen')).toBe(1);
        const rows = rowsOf(collect(from).table);
        const ids = new Map(rows.map((r) => [r.number('id'), r]));
        const all = tree(ROOT);
        for (const folder of all) compare(ids.get(fs.statSync(folder).ino)!, { folder }, REFERENCE);
        const known = tree(MOUNT).map((folder) => fs.statSync(folder).ino);
        expect(rows.map((r) => r.number('id')).sort((a, b) => a - b)).toEqual(known.sort((a, b) => a - b));
      });
    } finally {
      from.close();
    }
  });

  test('CPU time and its share, up to now and of the cgroup itself', async () => {
    const busy = { folder: `${ROOT}/busy` };
    const from = collector(cgroup);
    try {
      const read = () => {
        const { table } = collect(from, { columns: ['path', 'time', 'cpu'] });
        const row = rowsOf(table).find((r) => r.text('path') === relative(busy.folder))!;
        return { time: row.number('time'), cpu: row.number('cpu'), at: table.batch.footer!.monotonicNs };
      };
      const low = stat(busy, 'cpu.stat', 'usage_usec') * 1000;
      const first = read();
      const high = stat(busy, 'cpu.stat', 'usage_usec') * 1000;
      // A running process is accounted for at ticks: 10 ms at the slowest.
      expect(first.time).toBeGreaterThanOrEqual(low - 1e7);
      expect(first.time).toBeLessThanOrEqual(high + 1e7);
      await eventually(() => {
        const second = read();
        expect(second.time).toBeGreaterThan(first.time + 1e7);
      });
      const before = read();
      await new Promise((done) => setTimeout(done, 200));
      const after = read();
      expect(after.cpu).toBeCloseTo((after.time - before.time) / (after.at - before.at) / 0.01, 3);
    } finally {
      from.close();
    }
  });

  test(`${MANY} cgroups: more than the kernel's buffer holds, in each order`, () => {
    const parent = make('many');
    for (let n = 0; n < MANY; n++) fs.mkdirSync(`${parent}/with-a-name-of-some-length-${n}`);
    const btf = Btf.vmlinux();
    const from = collector(cgroup);
    try {
      // A path of more levels than are shown begins with … and is not found by its beginning.
      const shallow = tree(ROOT).filter((folder) => relative(folder).split('/').length - 1 <= LEVELS);
      const wanted = shallow.map((folder) => fs.statSync(folder).ino).sort((a, b) => a - b);
      const read = (order?: WalkOrder, readSize?: number) => {
        const result = from.collect({
          columns: cgroup.columns.map((c) => c.name),
          filters: {},
          where: '',
          switches: {},
          ungroup: false,
          ...(order === undefined ? {} : { order }),
          ...(readSize === undefined ? {} : { readSize }),
        });
        return { ...result, rows: rowsOf(result.table) };
      };
      const pre = read();
      expect(pre.stats.bytes).toBeGreaterThan(3 * 32768);
      // Removed ones that something still holds are passed over, but counted.
      expect(pre.stats.visited).toBeGreaterThanOrEqual(pre.rows.length);
      const sorted = (rows: Row[]) =>
        rows
          .filter(mine)
          .map((r) => r.number('id'))
          .sort((a, b) => a - b);
      expect(sorted(pre.rows)).toEqual(wanted);
      const post = read('descendants_post');
      expect(sorted(post.rows)).toEqual(sorted(pre.rows));
      const place = (rows: Row[], folder: string) => rows.findIndex((r) => r.text('path') === relative(folder));
      expect(place(pre.rows, parent)).toBeLessThan(place(pre.rows, `${parent}/with-a-name-of-some-length-7`));
      expect(place(post.rows, parent)).toBeGreaterThan(place(post.rows, `${parent}/with-a-name-of-some-length-7`));
      expect(read('self').rows.map((r) => r.text('path'))).toEqual(['/']);
      expect(sorted(read('descendants_pre', 7).rows)).toEqual(sorted(pre.rows));
    } finally {
      from.close();
    }
    // A map that is too small at first grows, and nothing is lost.
    using reader = new Reader(cgroup, btf);
    reader.configure({ columns: ['id', 'path'], gather: 16384 });
    const { batch } = reader.read();
    expect(reader.plan.gather).toBeGreaterThan(16384);
    expect(new Set(batch.numbers('id')).size).toBe(batch.rows);
    expect(batch.rows).toBeGreaterThan(MANY);
    expect(batch.footer!.visited).toBeGreaterThanOrEqual(batch.rows);
  });
});
