import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { task } from '../../src/templates/builtin/task.ts';
import { Child } from '../support/child.ts';
import { Interval } from '../support/interval.ts';
import {
  allColumns,
  collect,
  collector,
  describeKernel,
  eventually,
  lacksColumn,
  output,
  Row,
  readOnce,
  rowsOf,
} from '../support/kernel.ts';
import * as proc from '../support/proc.ts';

const MS = 1e6;
/** USER_HZ is 100 on every architecture but alpha and ia64. */
const TICK = 10 * MS;
const PAGE = Number(/^KernelPageSize: +(\d+)/m.exec(fs.readFileSync('/proc/self/smaps', 'latin1'))![1]) * 1024;
const GROUP = `itertop-test-${process.pid}`;
/** percpu_counter keeps back up to max(32, 2 * CPUs) pages per CPU and kind (lib/percpu_counter.c). */
const RSS_LAG = Math.max(32, 2 * os.availableParallelism()) * os.availableParallelism() * 3 * PAGE;

type Reference =
  /** Read before and after the refresh: a number lies between the two, a text equals one of them. */
  | {
      readonly read: (pid: number) => number | bigint | string | null | Promise<number | bigint | string | null>;
      readonly within?: number;
    }
  /** What needs more than one look has a test of its own, named here. */
  | { readonly test: string };

const file = (pid: number, name: string) => fs.readFileSync(`/proc/${pid}/${name}`, 'utf8');
const namespace = (kind: string): Reference => ({ read: (pid) => proc.namespace(pid, kind) });
const usage = (field: keyof NodeJS.ResourceUsage): Reference => ({
  read: (pid) => children.get(pid)!.run((_, f) => process.resourceUsage()[f as 'minorPageFault'], field),
});

const children = new Map<number, Child>();

const REFERENCE: Readonly<Record<string, Reference>> = {
  pid: { read: (pid) => pid },
  tid: { read: (pid) => pid },
  start_ns: { read: (pid) => proc.processStat(pid)['starttime'] * TICK, within: TICK },
  ppid: { read: (pid) => proc.processStat(pid)['ppid'] },
  pgrp: { read: (pid) => proc.processStat(pid)['pgrp'] },
  sid: { read: (pid) => proc.processStat(pid)['session'] },
  user: { read: (pid) => Number(proc.status(pid)['Uid'].split('\t')[1]) },
  ruser: { read: (pid) => Number(proc.status(pid)['Uid'].split('\t')[0]) },
  group: { read: (pid) => Number(proc.status(pid)['Gid'].split('\t')[1]) },
  state_bits: { read: () => 1 },
  exit_state: { read: () => 0 },
  state: { read: (pid) => proc.stateLetter(pid) },
  prio_raw: { read: (pid) => proc.processStat(pid)['priority'] + 100 },
  static_prio: { read: (pid) => 120 + proc.processStat(pid)['nice'] },
  prio: { read: (pid) => proc.processStat(pid)['priority'] },
  nice: { read: (pid) => os.getPriority(pid) },
  policy: { read: (pid) => /SCHED_(\w+)/.exec(output('chrt', '-p', String(pid)))![1] },
  last_cpu: { read: (pid) => proc.processStat(pid)['processor'] },
  threads: { read: (pid) => Number(proc.status(pid)['Threads']) },
  cpu: { test: 'cpu' },
  time: { read: (pid) => (proc.processStat(pid)['utime'] + proc.processStat(pid)['stime']) * TICK, within: 3 * TICK },
  utime: { test: 'utime and stime' },
  stime: { test: 'utime and stime' },
  rss: { read: (pid) => Number.parseInt(proc.status(pid)['VmRSS'], 10) * 1024, within: RSS_LAG },
  virt: { read: (pid) => proc.processStat(pid)['vsize'] },
  swap: { read: (pid) => Number.parseInt(proc.status(pid)['VmSwap'], 10) * 1024, within: RSS_LAG },
  hiwater: { test: 'the highest resident size' },
  peak: { read: (pid) => Number.parseInt(proc.status(pid)['VmHWM'], 10) * 1024, within: RSS_LAG },
  minflt: { read: (pid) => proc.processStat(pid)['minflt'] },
  majflt: { read: (pid) => proc.processStat(pid)['majflt'] },
  minflt_rate: { test: 'rates' },
  nvcsw: usage('voluntaryContextSwitches'),
  nivcsw: usage('involuntaryContextSwitches'),
  csw_rate: { test: 'rates' },
  read_bytes: { read: (pid) => proc.io(pid)['read_bytes'] },
  write_bytes: { read: (pid) => proc.io(pid)['write_bytes'] },
  read_rate: { test: 'rates' },
  write_rate: { test: 'rates' },
  start: { read: (pid) => proc.processStat(pid)['starttime'] * TICK, within: TICK },
  age: { read: (pid) => proc.processStat(pid)['starttime'] * TICK, within: TICK },
  oom_adj: { read: (pid) => Number(file(pid, 'oom_score_adj')) },
  cgroup: { read: (pid) => proc.cgroup(pid) },
  container: { test: 'container.test.ts' },
  cgroup_id: { read: (pid) => fs.statSync(path.join(proc.cgroupMount()!, proc.cgroup(pid)), { bigint: true }).ino },
  pidns: namespace('pid'),
  netns: namespace('net'),
  mntns: namespace('mnt'),
  utsns: namespace('uts'),
  ipcns: namespace('ipc'),
  cgroupns: namespace('cgroup'),
  timens: namespace('time'),
  userns: namespace('user'),
  task_flags: { read: (pid) => proc.processStat(pid)['flags'] },
  kthread: { read: () => 0 },
  comm: { read: (pid) => file(pid, 'comm').slice(0, -1) },
  exe: { read: (pid) => fs.readlinkSync(`/proc/${pid}/exe`) },
  cwd: { read: (pid) => fs.readlinkSync(`/proc/${pid}/cwd`) },
  cmdline: { read: (pid) => file(pid, 'cmdline').replace(/\0+$/, '').replaceAll('\0', ' ') },
  grew: { test: 'growth.test.ts' },
  fds: { read: (pid) => fs.readdirSync(`/proc/${pid}/fd`).length },
  // The gate area is no mapping of the process's own.
  vmas: {
    read: (pid) =>
      file(pid, 'maps')
        .split('\n')
        .filter((line) => line !== '' && !line.endsWith('[vsyscall]')).length,
  },
};

test('every column of task has a reference', () => {
  expect(Object.keys(REFERENCE).sort()).toEqual(allColumns(task).sort());
});

describeKernel('columns of task', () => {
  const from = collector(task);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-task-'));
  const cgroupMount = proc.cgroupMount();
  const cgroups: string[] = [];
  const started: Child[] = [];

  const start = async (options: Parameters<typeof Child.start>[0] = {}) => {
    const child = await Child.start(options);
    started.push(child);
    children.set(child.pid, child);
    return child;
  };
  const rowOf = (pid: number, columns: readonly string[] = allColumns(task)): Row => {
    const { table } = collect(from, { columns, filters: { pid: [[pid, pid]] } });
    expect(table.rows).toBe(1);
    return new Row(table, 0);
  };
  const newCgroup = (name: string) => {
    const at = path.join(cgroupMount!, name);
    fs.mkdirSync(at, { recursive: true });
    cgroups.push(at);
    return at;
  };

  /** One process that differs from its neighbours in everything that it can choose. */
  let odd: Child;
  beforeAll(async () => {
    const where = path.join(dir, 'where it works');
    fs.mkdirSync(where);
    fs.chmodSync(dir, 0o777);
    odd = await start({
      through: ['setsid', 'unshare', '-n', '-m', '-u', '-i', '-C', '-p', '-T', '-f', 'chrt', '-b', '0'],
      cwd: where,
    });
    fs.writeFileSync(`/proc/${odd.pid}/oom_score_adj`, '321');
    if (cgroupMount) {
      const at = newCgroup(GROUP);
      fs.mkdirSync(path.join(at, 'a'));
      cgroups.push(path.join(at, 'a'));
      fs.writeFileSync(path.join(at, 'a', 'cgroup.procs'), String(odd.pid));
    }
    await odd.run(
      async ({ libc, node }, at) => {
        const fs = node<typeof import('node:fs')>('fs');
        const { Worker } = node<typeof import('node:worker_threads')>('worker_threads');
        // A thread that has ended: its counters are the process's from then on.
        const busy =
          'const end = performance.now() + 120; while (performance.now() < end); require("fs").readFileSync("/proc/self/maps")';
        await new Promise((done) => new Worker(busy, { eval: true }).on('exit', done));
        // Bytes to and from storage.
        const fd = fs.openSync(at, 'w+');
        fs.writeSync(fd, Buffer.alloc(1 << 20, 'x'));
        fs.fsyncSync(fd);
        libc('int posix_fadvise(int fd, int64_t offset, int64_t len, int advice)')(fd, 0, 0, 4);
        fs.readSync(fd, Buffer.alloc(1 << 20), 0, 1 << 20, 0);
        fs.closeSync(fd);
        // Memory that was resident once.
        const map = libc('void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)')(
          null,
          96 << 20,
          3,
          0x8022,
          -1,
          0,
        );
        libc('int munmap(void *addr, size_t length)')(map, 96 << 20);
        node<typeof import('node:os')>('os').setPriority(7);
        process.title = 'odd one';
        process.setegid!(4242);
        process.seteuid!(65534);
      },
      path.join(dir, 'disk'),
    );
    await sleep(150);
  });
  afterAll(async () => {
    from.close();
    for (const child of started) await child.end();
    for (const at of cgroups.reverse()) await eventually(() => fs.rmdirSync(at)).catch(() => {});
    fs.rmSync(dir, { recursive: true, force: true });
  });

  test.for(
    Object.entries(REFERENCE).filter((entry): entry is [string, Reference & { read: unknown }] => 'read' in entry[1]),
  )('%s equals its reference', async ([column, reference], { skip }) => {
    const why = lacksColumn(task, column);
    skip(why !== '', why);
    if (column.startsWith('cgroup') && !cgroupMount) return;
    const { read, within = 0 } = reference as Reference & {
      read: (pid: number) => Promise<number | bigint | string | null>;
      within?: number;
    };
    await eventually(async () => {
      const before = await read(odd.pid);
      const row = rowOf(odd.pid, [column]);
      const after = await read(odd.pid);
      if (typeof before === 'string' || before === null) {
        const value = row.value(column);
        expect([before, after]).toContain(value);
      } else {
        const value = Number(row.value(column));
        expect(value).toBeGreaterThanOrEqual(Number(before) - within);
        expect(value).toBeLessThanOrEqual(Number(after) + within);
      }
    });
  });

  test('the odd process differs from its parent where it should', () => {
    const { table } = readOnce(task, {
      filters: {
        pid: [
          [odd.pid, odd.pid],
          [process.pid, process.pid],
        ],
      },
    });
    const [mine, its] = [process.pid, odd.pid].map((pid) => rowsOf(table).find((r) => r.number('pid') === pid)!);
    const same = [
      'netns',
      'mntns',
      'utsns',
      'ipcns',
      'cgroupns',
      'pidns',
      'timens',
      'nice',
      'policy',
      'user',
      'group',
      'oom_adj',
      'cwd',
      'sid',
    ].filter((column) => mine.value(column) === its.value(column));
    expect(same).toEqual([]);
    expect(its.number('read_bytes')).toBeGreaterThanOrEqual(1 << 20);
    expect(its.number('write_bytes')).toBeGreaterThanOrEqual(1 << 20);
    expect(its.value('peak')).toBeGreaterThan(96 << 20);
    if (cgroupMount) expect(its.text('cgroup')).toBe(`/${GROUP}/a`);
  });

  test('a user namespace of its own', async () => {
    const child = await start({ through: ['unshare', '-U', '-r'] });
    expect(rowOf(child.pid).number('userns')).toBe(proc.namespace(child.pid, 'user'));
    expect(proc.namespace(child.pid, 'user')).not.toBe(proc.namespace(process.pid, 'user'));
  });

  test('the highest resident size is the recorded one, or the one of now where nothing was given back yet', async () => {
    const fresh = spawn('sleep', ['60']);
    try {
      await eventually(() => {
        for (const pid of [odd.pid, fresh.pid!]) {
          const row = rowOf(pid, ['hiwater', 'rss', 'peak', 'comm']);
          expect(row.number('peak')).toBe(Math.max(row.number('hiwater'), row.number('rss')));
          const known = Number.parseInt(proc.status(pid)['VmHWM'], 10) * 1024;
          expect(Math.abs(Number(row.value('peak')) - known)).toBeLessThanOrEqual(RSS_LAG);
        }
      });
      for (const row of rowsOf(readOnce(task, { columns: ['rss', 'peak'] }).table))
        expect(row.number('peak')).toBeGreaterThanOrEqual(row.number('rss'));
    } finally {
      fresh.kill('SIGKILL');
    }
  });

  test('utime and stime are in the relation of /proc, which scales them to the measured time', async () => {
    const child = await start();
    await child.run(({ node }) => {
      const fs = node<typeof import('node:fs')>('fs');
      // Of each 150 ms on a CPU, however long others have it.
      const { user, system } = process.cpuUsage();
      while (process.cpuUsage().system < system + 150_000) fs.readFileSync('/proc/self/smaps');
      while (process.cpuUsage().user < user + 150_000);
    });
    const row = rowOf(child.pid);
    const { utime, stime } = proc.processStat(child.pid);
    const [u, s, all] = [row.number('utime'), row.number('stime'), row.number('time')];
    expect(u).toBeGreaterThan(50 * MS);
    expect(s).toBeGreaterThan(50 * MS);
    expect(Math.abs((all * u) / (u + s) - utime * TICK)).toBeLessThan(3 * TICK);
    expect(Math.abs((all * s) / (u + s) - stime * TICK)).toBeLessThan(3 * TICK);
  });

  test('cpu is the share of the time between two refreshes, of all threads', async () => {
    const child = await start();
    const own = collector(task);
    const ask = { columns: ['pid', 'cpu', 'time'], filters: { pid: [[child.pid, child.pid]] as const } };
    const between = new Interval();
    const first = between.first(() => new Row(collect(own, ask).table, 0));
    expect(first.number('cpu')).toBeNaN();
    expect(first.cell('cpu')).toBe('');
    const t0 = first.number('time');
    await child.run(() => {
      const { user } = process.cpuUsage();
      while (process.cpuUsage().user < user + 300_000);
    });
    const row = between.last(() => new Row(collect(own, ask).table, 0));
    const change = row.number('time') - t0;
    expect(change).toBeGreaterThan(250 * MS);
    between.expectRate(row.number('cpu'), change / (10 * MS));
    own.close();
  });

  test('rates are changes of their counters a second', async () => {
    const child = await start();
    const own = collector(task);
    const columns = [
      'pid',
      'minflt',
      'nvcsw',
      'nivcsw',
      'read_bytes',
      'write_bytes',
      'minflt_rate',
      'csw_rate',
      'read_rate',
      'write_rate',
    ];
    const ask = { columns, filters: { pid: [[child.pid, child.pid]] as const } };
    const between = new Interval();
    const first = between.first(() => new Row(collect(own, ask).table, 0));
    const before = Object.fromEntries(columns.map((c) => [c, first.number(c)]));
    await child.run(
      async ({ libc, node }, at) => {
        const fs = node<typeof import('node:fs')>('fs');
        const fd = fs.openSync(at, 'w+');
        fs.writeSync(fd, Buffer.alloc(1 << 20, 'y'));
        fs.fsyncSync(fd);
        libc('int posix_fadvise(int fd, int64_t offset, int64_t len, int advice)')(fd, 0, 0, 4);
        fs.readSync(fd, Buffer.alloc(1 << 20), 0, 1 << 20, 0);
        const map = libc('void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)')(
          null,
          16 << 20,
          3,
          0x8022,
          -1,
          0,
        );
        libc('int munmap(void *addr, size_t length)')(map, 16 << 20);
        for (let i = 0; i < 50; i++) await new Promise((done) => setTimeout(done, 2));
      },
      path.join(dir, 'rates'),
    );
    const row = between.last(() => new Row(collect(own, ask).table, 0));
    const near = (rate: string, change: number) => {
      expect(change).toBeGreaterThan(0);
      between.expectRate(row.number(rate), change);
    };
    const change = (c: string) => row.number(c) - before[c];
    near('minflt_rate', change('minflt'));
    near('csw_rate', change('nvcsw') + change('nivcsw'));
    near('read_rate', change('read_bytes'));
    near('write_rate', change('write_bytes'));
    own.close();
  });

  test('changing between processes and threads gives no false rate', async () => {
    const child = await start();
    await child.run(async ({ node }) => {
      const { Worker } = node<typeof import('node:worker_threads')>('worker_threads');
      const busy = 'for (const end = performance.now() + 200; performance.now() < end;);';
      await new Promise((done) => new Worker(busy, { eval: true }).on('exit', done));
    });
    const own = collector(task);
    const ask = { columns: ['pid', 'tid', 'cpu'], filters: { pid: [[child.pid, child.pid]] as const } };
    collect(own, { ...ask, ungroup: true });
    await sleep(20);
    const row = new Row(collect(own, ask).table, 0);
    // The thread's counter and the process's are two things: no value, or at most what one can use in that time.
    expect(row.number('cpu') > 400).toBe(false);
    own.close();
  });

  test('threads: one row each, as /proc/PID/task has them; their sums are the process', async () => {
    const child = await start();
    await child.run(({ libc, kept }) => {
      kept.name = libc('int prctl(int option, const char *name, ulong a, ulong b, ulong c)')(15, 'first', 0, 0, 0);
    });
    await eventually(() => {
      const filters = { pid: [[child.pid, child.pid]] as const };
      const whole = new Row(readOnce(task, { filters }).table, 0);
      const { table } = readOnce(task, { filters, ungroup: true });
      const rows = rowsOf(table);
      expect(rows.map((r) => r.number('tid')).sort((a, b) => a - b)).toEqual(
        proc.threads(child.pid).sort((a, b) => a - b),
      );
      expect(whole.number('threads')).toBe(rows.length);
      expect(rows.length).toBeGreaterThan(3);
      for (const row of rows) {
        const tid = row.number('tid');
        const stat = proc.stat(child.pid, tid);
        const status = proc.status(child.pid, tid);
        expect(row.number('pid')).toBe(child.pid);
        expect(row.number('minflt')).toBe(stat['minflt']);
        expect(row.number('nvcsw')).toBe(Number(status['voluntary_ctxt_switches']));
        expect(row.number('nivcsw')).toBe(Number(status['nonvoluntary_ctxt_switches']));
        expect(row.number('time')).toBe(proc.runTime(child.pid, tid));
        expect(row.text('comm')).toBe(fs.readFileSync(`/proc/${child.pid}/task/${tid}/comm`, 'utf8').trim());
      }
      // No thread of this process has ended, so the sums are over the living.
      for (const column of [
        'time',
        'minflt',
        'majflt',
        'nvcsw',
        'nivcsw',
        'utime',
        'stime',
        'read_bytes',
        'write_bytes',
      ])
        expect([column, whole.number(column)]).toEqual([column, rows.reduce((sum, r) => sum + r.number(column), 0)]);
      expect(rows.find((r) => r.number('tid') === child.pid)!.text('comm')).toBe('first');
    });
  });

  test('kernel threads: flagged, in brackets, without memory and executable; hidden on request', () => {
    const rows = rowsOf(readOnce(task).table);
    const kernel = rows.filter((r) => r.number('kthread') === 1);
    const fromProc = proc.pids().filter((pid) => {
      try {
        return (proc.processStat(pid)['flags'] & 0x200000) !== 0;
      } catch {
        return false;
      }
    });
    expect(kernel.length).toBeGreaterThan(5);
    for (const pid of fromProc) expect(rows.find((r) => r.number('pid') === pid)?.number('kthread') ?? 1).toBe(1);
    for (const row of kernel) {
      expect(row.cell('kthread')).toBe('yes');
      expect(row.text('cmdline')).toBe(`[${row.text('comm')}]`);
      expect(row.value('exe')).toBeNull();
      expect(row.number('rss')).toBe(0);
      expect(row.number('ppid') === 2 || row.number('pid') === 2).toBe(true);
    }
    const without = rowsOf(readOnce(task, { switches: { kthreads: false } }).table);
    expect(without.some((r) => r.number('kthread') === 1)).toBe(false);
    expect(without.some((r) => r.number('pid') === process.pid)).toBe(true);
  });

  test('states: running, sleeping, stopped, zombie, idle, frozen, as ps shows them', async () => {
    const letters = new Map<string, number>();
    const sleeper = spawn('sleep', ['60']);
    const stopped = spawn('sleep', ['60']);
    const runner = spawn(process.execPath, ['-e', 'for(;;);']);
    // A shell that became something that never waits: its child stays a zombie.
    const zombies = spawn('sh', ['-c', 'sleep 0.01 & exec sleep 60']);
    await sleep(250);
    process.kill(stopped.pid!, 'SIGSTOP');
    try {
      await eventually(() => {
        const { table } = readOnce(task, { columns: ['pid', 'ppid', 'state', 'comm', 'cmdline'] });
        const rows = rowsOf(table);
        const of = (pid: number) => rows.find((r) => r.number('pid') === pid)!;
        const zombie = rows.find((r) => r.number('ppid') === zombies.pid)!;
        // What one was at the last try is nothing any more.
        letters.clear();
        for (const pid of [sleeper.pid!, stopped.pid!, runner.pid!, zombie.number('pid')])
          letters.set(of(pid).cell('state'), pid);
        expect([...letters.keys()].sort()).toEqual(['R', 'S', 'T', 'Z'].sort());
        expect(output('ps', '-o', 'stat=', '-p', String(zombie.number('pid')))[0]).toBe('Z');
        expect(zombie.text('cmdline')).toBe('[sleep]');
        for (const row of rows.filter((r) => r.cell('state') === 'I').slice(0, 5))
          expect(proc.stateLetter(row.number('pid'))).toBe('I');
      });
    } finally {
      for (const child of [sleeper, stopped, runner, zombies]) child.kill('SIGKILL');
    }
    expect([...letters.keys()].sort()).toEqual(['R', 'S', 'T', 'Z']);
  });

  test('a task that the v1 freezer holds is D, as ps says', async () => {
    const freezer = '/sys/fs/cgroup/freezer';
    if (!fs.existsSync(`${freezer}/cgroup.procs`)) return; // only where the v1 freezer is mounted
    const at = `${freezer}/itertop-test-${process.pid}`;
    const child = spawn('sleep', ['60']);
    fs.mkdirSync(at);
    try {
      fs.writeFileSync(`${at}/cgroup.procs`, String(child.pid));
      fs.writeFileSync(`${at}/freezer.state`, 'FROZEN');
      await eventually(() => expect(fs.readFileSync(`${at}/freezer.state`, 'utf8').trim()).toBe('FROZEN'));
      expect(proc.stateLetter(child.pid!)).toBe('D');
      expect(rowOf(child.pid!, ['state']).cell('state')).toBe('D');
    } finally {
      fs.writeFileSync(`${at}/freezer.state`, 'THAWED');
      child.kill('SIGKILL');
      await once(child, 'exit');
      await eventually(() => fs.rmdirSync(at));
    }
  });

  test.each([
    ['FIFO', ['chrt', '-f', '3'], { policy: 'FIFO', prio: -4 }],
    ['RR', ['chrt', '-r', '1'], { policy: 'RR', prio: -2 }],
    ['IDLE', ['chrt', '-i', '0'], { policy: 'IDLE', prio: 20 }],
    ['OTHER, nice -5', ['nice', '-n', '-5'], { policy: 'OTHER', nice: -5, prio: 15 }],
    ['OTHER, nice 19', ['nice', '-n', '19'], { policy: 'OTHER', nice: 19, prio: 39 }],
  ] as const)('scheduling: %s', async (_, [command, ...args], expected) => {
    const child = spawn(command, [...args, 'sleep', '60']);
    try {
      await eventually(() => {
        const row = rowOf(child.pid!, ['policy', 'prio', 'nice', 'comm']);
        expect(row.text('comm')).toBe('sleep');
        for (const [column, value] of Object.entries(expected))
          expect([column, row.value(column)]).toEqual([column, value]);
      });
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('a command line longer than 4096 bytes is cut and says so', () => {
    const child = spawn('sleep', ['60', '0', `.${'0'.repeat(5000)}`]);
    try {
      const text = rowOf(child.pid!, ['cmdline']).text('cmdline');
      expect(text).toBe(`sleep 60 0 .${'0'.repeat(4096 - 12)}…`);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('command lines: empty arguments, an empty argv, spaces at the end', async () => {
    const children = [
      spawn('sleep', ['60', '0'], { argv0: '' }),
      spawn(process.execPath, ['-e', 'setTimeout(()=>{},60000)', '', 'two  words', '', 'end']),
    ];
    try {
      await eventually(() => {
        expect(rowOf(children[0].pid!, ['cmdline']).text('cmdline')).toBe(' 60 0');
        expect(rowOf(children[1].pid!, ['cmdline']).text('cmdline')).toBe(
          `${process.execPath} -e setTimeout(()=>{},60000)  two  words  end`,
        );
      });
    } finally {
      for (const child of children) child.kill('SIGKILL');
    }
  });

  test('a title written over the arguments, short and running into the environment', async () => {
    const child = await start();
    await child.run(() => {
      process.title = 'a new title';
    });
    expect(rowOf(child.pid, ['cmdline']).text('cmdline')).toBe('a new title');
    // PR_SET_MM would need CAP_SYS_RESOURCE; a long title is what setproctitle(3) does: arguments, then environment.
    await child.run(() => {
      process.title = 'x'.repeat(3000);
    });
    const shown = rowOf(child.pid, ['cmdline']).text('cmdline');
    expect(shown).toBe(fs.readFileSync(`/proc/${child.pid}/cmdline`, 'latin1').replace(/\0+$/, ''));
  });

  test.each([
    ['escape sequence', '\x1b[31mred'],
    ['newline', 'two\nlines'],
    ['bell and backspace', 'a\x07\b\b'],
    ['invalid UTF-8', Buffer.from([0x61, 0xff, 0xc3, 0x28])],
    ['right-to-left override', 'abc\u202edef'],
    ['wide', '日本語'],
    ['fifteen bytes', '123456789012345'],
    ['parentheses', ') R 1 (x'],
  ])('comm with %s is shown as one safe line and keeps its bytes apart', async (_, name) => {
    const bytes = Buffer.from(name);
    const child = await start();
    await child.run(
      ({ libc }, raw) => {
        libc('int prctl(int option, const void *name, ulong a, ulong b, ulong c)')(
          15,
          Buffer.from([...(raw as number[]), 0]),
          0,
          0,
          0,
        );
      },
      [...bytes],
    );
    const raw = fs.readFileSync(`/proc/${child.pid}/comm`).subarray(0, -1);
    expect(raw).toEqual(bytes);
    const row = rowOf(child.pid, ['comm']);
    expect(row.cell('comm')).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202a-\u202e]/);
    if (Buffer.from(bytes.toString()).equals(bytes)) expect(row.text('comm')).toBe(bytes.toString());
    else expect(row.text('comm')).toBe('a\\xff\\xc3(');
    await child.end();
  });

  test('an executable that was deleted', async () => {
    const copy = path.join(dir, 'copy of sleep');
    fs.copyFileSync(fs.realpathSync(output('sh', '-c', 'command -v sleep').trim()), copy);
    fs.chmodSync(copy, 0o755);
    const child = spawn(copy, ['60']);
    try {
      await eventually(() => expect(rowOf(child.pid!, ['exe']).text('exe')).toBe(copy));
      fs.unlinkSync(copy);
      expect(rowOf(child.pid!, ['exe']).text('exe')).toBe(`${copy} (deleted)`);
      expect(fs.readlinkSync(`/proc/${child.pid}/exe`)).toBe(`${copy} (deleted)`);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('a working directory that was removed, and one of more than 4096 bytes', async () => {
    const gone = path.join(dir, 'gone');
    fs.mkdirSync(gone);
    const child = await start({ cwd: gone });
    fs.rmdirSync(gone);
    expect(rowOf(child.pid, ['cwd']).text('cwd')).toBe(`${gone} (deleted)`);
    await child.run(({ node }, at) => {
      const fs = node<typeof import('node:fs')>('fs');
      process.chdir(at);
      for (let i = 0; i < 22; i++) {
        fs.mkdirSync('d'.repeat(200));
        process.chdir('d'.repeat(200));
      }
    }, dir);
    expect(rowOf(child.pid, ['cwd']).text('cwd')).toBe('(longer than 4096 bytes)');
  });

  test('cgroups: the root, deep ones in full, deeper than is read with a mark', async () => {
    if (!cgroupMount) return;
    const child = spawn('sleep', ['60']);
    const base = `itertop-deep-${process.pid}`;
    try {
      const parts = [base, ...Array.from({ length: 13 }, (_, i) => `level${i}`)];
      for (let i = 1; i <= parts.length; i++) newCgroup(parts.slice(0, i).join('/'));
      const move = (to: string) => fs.writeFileSync(path.join(cgroupMount, to, 'cgroup.procs'), String(child.pid));
      move('.');
      expect(rowOf(child.pid!, ['cgroup']).text('cgroup')).toBe('/');
      for (const depth of [1, 5, 12]) {
        move(parts.slice(0, depth).join('/'));
        const row = rowOf(child.pid!, ['cgroup', 'cgroup_id']);
        expect(row.text('cgroup')).toBe(`/${parts.slice(0, depth).join('/')}`);
        expect(row.text('cgroup')).toBe(proc.cgroup(child.pid!));
      }
      move(parts.join('/'));
      expect(rowOf(child.pid!, ['cgroup']).text('cgroup')).toBe(`/…/${parts.slice(2).join('/')}`);
      expect(rowOf(child.pid!, ['cgroup_id']).value('cgroup_id')).toBe(
        fs.statSync(path.join(cgroupMount, ...parts), { bigint: true }).ino,
      );
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  test('start and age are the times that ps shows', async () => {
    const row = rowOf(odd.pid, ['start']);
    const shown = new Date(output('ps', '-o', 'lstart=', '-p', String(odd.pid)).trim()).getTime();
    expect(Math.abs(new Date(row.cell('start')).getTime() - shown)).toBeLessThanOrEqual(1000);
    // A child of less than a minute, whatever has taken its time until here.
    const child = await start();
    const seconds = () => Number(output('ps', '-o', 'etimes=', '-p', String(child.pid)));
    await eventually(() => {
      const before = seconds();
      const age = /^(\d+)s$/.exec(rowOf(child.pid, ['age']).cell('age'));
      expect(Number(age?.[1])).toBeGreaterThanOrEqual(before - 1);
      expect(Number(age?.[1])).toBeLessThanOrEqual(seconds() + 1);
    });
  });

  test('a process that is gone gives no row', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    const { table } = collect(from, { filters: { pid: [[child.pid!, child.pid!]] } });
    expect(table.rows).toBe(0);
  });
});
