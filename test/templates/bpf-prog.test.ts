import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { bpfHolder } from '../../src/templates/builtin/bpf-holder.ts';
import { bpfProg } from '../../src/templates/builtin/bpf-prog.ts';
import { ATTACH, link, load, PROG } from '../support/bpf.ts';
import { collect, collector, describeKernel, eventually, output, type Row, rowsOf } from '../support/kernel.ts';
import { fdinfo } from '../support/proc.ts';
import { compare, everyColumn, type References, register } from '../support/references.ts';

interface Shown {
  readonly id: number;
  readonly type: string;
  readonly name?: string;
  readonly tag: string;
  readonly gpl_compatible: boolean;
  readonly loaded_at: number;
  readonly uid: number;
  readonly bytes_xlated: number;
  readonly bytes_jited: number;
  readonly bytes_memlock: number;
  readonly map_ids?: readonly number[];
  readonly run_cnt?: number;
  readonly run_time_ns?: number;
  readonly btf_id?: number;
}
const shown = (): Shown[] => JSON.parse(output('bpftool', '-j', 'prog', 'list'));
const number = (row: Row, column: string) => row.number(column);

/** A program that this test holds: as bpftool shows it, and as it was made. */
interface Known extends Shown {
  readonly fd: number;
  readonly attachType: string;
}

const REFERENCE: References<Known> = {
  id: (k) => k.id,
  loaded_ns: (k, row) => {
    expect(Math.abs(bootTime() + number(row, 'loaded_ns') / 1e9 - k.loaded_at)).toBeLessThan(2);
    return undefined;
  },
  prog: (_, row) => {
    expect(row.cell('prog')).toMatch(/^0xffff[0-9a-f]{12}$/);
    return undefined;
  },
  type: (k) => k.type,
  attach_type: (k) => k.attachType,
  name: (k) => k.name ?? null,
  function: (k) => `bpf_prog_${k.tag}_${k.name}`,
  tag: (k) => k.tag,
  attached: (k) => (k.name === 't_tp' ? 'sched_switch' : k.name === 't_iter' ? 'bpf_iter_task' : null),
  attach_btf_id: (k) => attachBtfId(k.name ?? ''),
  extends: () => null,
  runs: (k, row) => {
    expect(number(row, 'runs')).toBeGreaterThanOrEqual(k.run_cnt ?? 0);
    return undefined;
  },
  run_time: (k, row) => {
    expect(number(row, 'run_time')).toBeGreaterThanOrEqual(k.run_time_ns ?? 0);
    return undefined;
  },
  run_rate: () => undefined,
  cpu: () => undefined,
  avg: (_, row) => (number(row, 'runs') > 0 ? number(row, 'run_time') / number(row, 'runs') : null),
  misses: () => 0,
  insns: (k) => k.bytes_xlated / 8,
  xlated: (k) => k.bytes_xlated,
  jited: (k) => k.bytes_jited,
  memory: (k) => k.bytes_memlock,
  verified: (k) => Number(fdinfo('self', k.fd)['verified_insns']),
  maps: (k) => k.map_ids?.length ?? 0,
  funcs: () => 0,
  stack: () => 0,
  btf_id: (k) => k.btf_id ?? null,
  gpl: (k) => k.gpl_compatible,
  sleepable: () => false,
  refcnt: (_, row) => number(row, 'refs') + 1,
  // One for the descriptor, one for the link.
  refs: (k) => (k.name === 't_tp' ? 2 : 1),
  user: (k) => k.uid,
  loaded: (k, row) => {
    expect(Math.abs(new Date(row.cell('loaded')).getTime() / 1000 - k.loaded_at)).toBeLessThan(2);
    return undefined;
  },
  age: (_, row) => {
    expect(row.cell('age')).toMatch(/^\d+s$/);
    return undefined;
  },
  pid: () => process.pid,
  command: () => fs.readFileSync('/proc/self/comm', 'latin1').trim(),
  fd: (k) => k.fd,
  holders: () => 1,
  // Of what is pinned: test/state/pins.test.ts.
  pinned: () => null,
  held_by: () => `${process.pid}/${fs.readFileSync(`/proc/${process.pid}/comm`, 'latin1').trim()}`,
};

/** Seconds since the epoch. */
function bootTime(): number {
  return Date.now() / 1000 - Number(fs.readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
}

function attachBtfId(name: string): number | null {
  const btf = Btf.vmlinux();
  if (name === 't_tp') return btf.find('btf_trace_sched_switch', 'TYPEDEF');
  return name === 't_iter' ? btf.func('bpf_iter_task') : null;
}

describe('bpf_prog', () => {
  test('each column has a reference', () => everyColumn(bpfProg, REFERENCE as References<never>));
});

describeKernel('bpf_prog on the running kernel', () => {
  register(bpfHolder);
  const held: OwnedFd[] = [];
  const made = new Map<string, { fd: number; attachType: string }>();
  const from = collector(bpfProg);

  beforeAll(() => {
    const make = (name: string, attachType: string, options: Omit<Parameters<typeof load>[0], 'name'>) => {
      const program = load({ name, ...options });
      held.push(program);
      made.set(name, { fd: program.fd, attachType });
      return program;
    };
    make('t_socket', 'cgroup_inet_ingress', { type: PROG.socket_filter });
    make('t_egress', 'cgroup_inet_egress', {
      type: PROG.cgroup_skb,
      attachType: ATTACH.cgroup_inet_egress,
      returns: 1,
    });
    make('t_iter', 'trace_iter', { type: PROG.tracing, attachType: 28, attachBtfId: attachBtfId('t_iter')! });
    const tp = make('t_tp', 'trace_raw_tp', {
      type: PROG.tracing,
      attachType: ATTACH.trace_raw_tp,
      attachBtfId: attachBtfId('t_tp')!,
    });
    held.push(link(tp, 0, ATTACH.trace_raw_tp));
  });
  afterAll(() => {
    from.close();
    for (const fd of held.reverse()) fd.close();
  });

  test('each column of four programs, and all programs as bpftool lists them', async () => {
    await eventually(() => {
      collect(from);
      const before = shown();
      const rows = rowsOf(collect(from).table);
      const after = shown();
      // What others load and unload meanwhile is in one list but not in the other.
      const stays = after.filter(({ id }) => before.some((p) => p.id === id));
      const staying = rows.filter((r) => stays.some(({ id }) => id === r.number('id')));
      const bare = (id: unknown, type: unknown, name: unknown, tag: unknown) => `${id} ${type} ${name ?? ''} ${tag}`;
      expect(staying.map((r) => bare(r.value('id'), r.value('type'), r.value('name'), r.value('tag')))).toEqual(
        stays.map((p) => bare(p.id, p.type, p.name, p.tag)),
      );
      for (const { fd, attachType } of made.values()) {
        const id = Number(fdinfo('self', fd)['prog_id']);
        const program = before.find((p) => p.id === id)!;
        const row = rows.find((r) => r.number('id') === id)!;
        compare(row, { ...program, fd, attachType }, REFERENCE);
      }
    });
  });

  test('runs are counted while somebody looks, with their rates, and no longer', async () => {
    const stats = () =>
      fs.readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return fs.readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:bpf-stats';
        } catch {
          return false; // the descriptor by which the folder was read
        }
      }).length;
    // Others may have one of that name.
    const id = Number(fdinfo('self', made.get('t_tp')!.fd)['prog_id']);
    const known = () => shown().find((p) => p.id === id)!;
    const tp = (columns: readonly string[]) => {
      const { table } = collect(from, { columns });
      return { table, row: rowsOf(table).find((r) => r.number('id') === id)! };
    };
    const columns = ['id', 'name', 'runs', 'run_time', 'run_rate', 'cpu'];
    const first = tp(columns);
    expect(stats()).toBe(1);
    const [runs, time, at] = [
      first.row.number('runs'),
      first.row.number('run_time'),
      first.table.batch.footer!.monotonicNs,
    ];
    const low = known();
    await sleep(300);
    const second = tp(columns);
    const high = known();
    const now = second.row.number('runs');
    expect(now).toBeGreaterThan(runs + 10);
    expect(now).toBeGreaterThanOrEqual(low.run_cnt ?? 0);
    expect(now).toBeLessThanOrEqual(high.run_cnt!);
    expect(second.row.number('run_time')).toBeLessThanOrEqual(high.run_time_ns!);
    const seconds = (second.table.batch.footer!.monotonicNs - at) / 1e9;
    expect(second.row.number('run_rate')).toBeCloseTo((now - runs) / seconds, 3);
    expect(second.row.number('cpu')).toBeCloseTo((second.row.number('run_time') - time) / seconds / 1e7, 6);

    tp(['id', 'name']);
    expect(stats()).toBe(0);
    if (fs.readFileSync('/proc/sys/kernel/bpf_stats_enabled', 'latin1').trim() === '0') {
      // Somebody else may be looking just now.
      await eventually(async () => {
        const before = known().run_cnt;
        await sleep(50);
        expect(known().run_cnt).toBe(before);
      });
    }
  });

  test('a program of another user, by pid and by user', () => {
    const mine = (row: Row) => row.number('pid') === process.pid;
    const rows = rowsOf(collect(from, { filters: { pid: [[process.pid, process.pid]] } }).table);
    expect(rows.filter((r) => made.has(r.text('name'))).map((r) => r.text('name'))).toEqual([...made.keys()]);
    expect(rows.every(mine)).toBe(true);
    // Neither PID 1, which has programs on many systems, nor anybody else who may: a process that has none.
    const other = spawn('sleep', ['60']);
    try {
      expect(collect(from, { filters: { pid: [[other.pid!, other.pid!]] } }).table.rows).toBe(0);
    } finally {
      other.kill('SIGKILL');
    }
    expect(collect(from, { filters: { user: [[4_000_000_000, 4_000_000_001]] } }).table.rows).toBe(0);
    expect(collect(from, { filters: { user: [[0, 0]] } }).table.rows).toBeGreaterThanOrEqual(made.size);
  });

  test('without CAP_SYS_ADMIN the run counts, and what is derived from them, are absent and say why', () => {
    const REASON = 'BPF_ENABLE_STATS: EPERM (1): not permitted; CAP_SYS_ADMIN is needed';
    const script = `
      import { bpfProg } from './src/templates/builtin/bpf-prog.ts';
      import { Btf } from './src/bpf/btf.ts';
      import { Collector } from './src/state/collector.ts';
      const from = new Collector(bpfProg, Btf.vmlinux(), () => undefined, () => undefined, 4096);
      const columns = ['id', 'runs', 'run_rate', 'misses'];
      const { absent, table } = from.collect({ columns, filters: {}, where: '', switches: {}, ungroup: false });
      console.log(JSON.stringify({ absent: [...absent], cell: table.cell(0, 'run_rate') }));`;
    const text = execFileSync(
      'setpriv',
      [
        '--bounding-set=-sys_admin',
        '--inh-caps=-sys_admin',
        process.execPath,
        '--input-type=module-typescript',
        '-e',
        script,
      ],
      { encoding: 'utf8', cwd: new URL('../..', import.meta.url).pathname },
    );
    expect(JSON.parse(text)).toEqual({
      absent: [
        ['runs', REASON],
        ['run_rate', `runs: ${REASON}`],
      ],
      cell: '',
    });
  });
});
