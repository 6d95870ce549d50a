import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { bpfHolder } from '../../src/templates/builtin/bpf-holder.ts';
import { bpfLink } from '../../src/templates/builtin/bpf-link.ts';
import { ATTACH, link, load, PROG } from '../support/bpf.ts';
import { collect, collector, describeTarget, eventually, kernelHas, output, rowsOf } from '../support/kernel.ts';
import { compare, everyColumn, type References, register } from '../support/references.ts';

interface Shown {
  readonly id: number;
  readonly type: string;
  readonly prog_id: number;
  readonly target_name?: string;
  readonly tp_name?: string;
  readonly cgroup_id?: number;
  readonly netns_ino?: number;
}
const shown = (): Shown[] => JSON.parse(output('bpftool', '-j', 'link', 'list'));

/** A link that this test holds, by the name of its program, beside what bpftool says. */
interface Known extends Shown {
  readonly name: string;
  readonly pid: number;
  readonly inode: number;
}

const TYPES: Readonly<Record<string, readonly [link: string, prog: string, attach: string]>> = {
  t_tp: ['raw_tracepoint', 'tracing', 'trace_raw_tp'],
  t_iter: ['iter', 'tracing', 'trace_iter'],
  t_egress: ['cgroup', 'cgroup_skb', 'cgroup_inet_egress'],
  t_xdp: ['xdp', 'xdp', 'xdp'],
  t_tcx: ['tcx', 'sched_cls', 'tcx_ingress'],
  t_netns: ['netns', 'sk_lookup', 'sk_lookup'],
  t_netfilter: ['netfilter', 'netfilter', 'netfilter'],
};
/** Where the kernel has no attach type in the link, that of the program, which not every kind was loaded with. */
const told = kernelHas('bpf_link', 'attach_type');
const only = <T>(k: Known, name: string, value: T) => (k.name === name ? value : null);

const REFERENCE: References<Known> = {
  id: (k) => k.id,
  link: (_, row) => {
    expect(row.cell('link')).toMatch(/^0xffff[0-9a-f]{12}$/);
    return undefined;
  },
  type: (k) => TYPES[k.name][0],
  prog_id: (k) => k.prog_id,
  prog_name: (k) => k.name,
  prog_type: (k) => TYPES[k.name][1],
  attach_type: (k) => (told ? TYPES[k.name][2] : undefined),
  function: (k) => only(k, 't_tp', 'sched_switch') ?? only(k, 't_iter', 'bpf_iter_bpf_map'),
  iterator: (k) => only(k, 't_iter', 'bpf_map'),
  // Of fentry, fexit and extensions, which this machine may not load: no link of them here.
  target_prog: () => null,
  tracepoint: (k) => only(k, 't_tp', 'sched_switch'),
  cgroup: (k) => only(k, 't_egress', `/${path.basename(CGROUP)}`),
  cgroup_id: (k) => only(k, 't_egress', k.cgroup_id ?? 0),
  xdp_dev: (k) => only(k, 't_xdp', 'lo'),
  tcx_dev: (k) => only(k, 't_tcx', 'lo'),
  netns: (k) => only(k, 't_netns', k.inode),
  ops_map: () => null,
  ops_name: () => null,
  kprobe_count: () => null,
  uprobe_count: () => null,
  hook: (k) => only(k, 't_netfilter', 3),
  hook_priority: (k) => only(k, 't_netfilter', -5),
  target: (k) =>
    ({
      t_tp: 'sched_switch',
      t_iter: 'bpf_map',
      t_egress: `/${path.basename(CGROUP)}`,
      t_xdp: 'lo',
      t_tcx: 'lo',
      t_netns: `net:[${k.inode}]`,
      t_netfilter: 'hook 3',
    })[k.name],
  refcnt: (_, row) => row.number('refs') + 1,
  refs: () => 1,
  pid: (k) => k.pid,
  command: (k) => fs.readFileSync(`/proc/${k.pid}/comm`, 'latin1').trim(),
  fd: (_, row) => {
    expect(fs.readlinkSync(`/proc/${row.number('pid')}/fd/${row.number('fd')}`)).toMatch(/bpf.link/);
    return undefined;
  },
  holders: () => 1,
  // Of what is pinned: test/state/pins.test.ts.
  pinned: () => null,
  held_by: (k) => `${k.pid}/${fs.readFileSync(`/proc/${k.pid}/comm`, 'latin1').trim()}`,
};

const mount = / - cgroup2 /.test(fs.readFileSync('/proc/self/mountinfo', 'utf8'))
  ? /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(fs.readFileSync('/proc/self/mountinfo', 'utf8'))![1]
  : '';
const CGROUP = `${mount}/itertop-link-${process.pid}`;

describe('bpf_link', () => {
  test('each column has a reference', () => everyColumn(bpfLink, REFERENCE as References<never>));
});

describeTarget('bpf_link', 'bpf_link on the running kernel', () => {
  register(bpfHolder);
  const held: OwnedFd[] = [];
  /** Program -> who holds its link. */
  const made = new Map<string, number>();
  let child: ChildProcess;
  let inode = 0;

  beforeAll(async () => {
    const btf = Btf.vmlinux();
    const make = (options: Parameters<typeof load>[0], target: number) => {
      const program = load(options);
      held.push(program, link(program, target, options.attachType!));
      made.set(options.name, process.pid);
    };
    make(
      {
        type: PROG.tracing,
        name: 't_tp',
        attachType: ATTACH.trace_raw_tp,
        attachBtfId: btf.find('btf_trace_sched_switch', 'TYPEDEF'),
      },
      0,
    );
    make({ type: PROG.tracing, name: 't_iter', attachType: 28, attachBtfId: btf.func('bpf_iter_bpf_map') }, 0);
    fs.mkdirSync(CGROUP);
    const folder = fs.openSync(CGROUP, 'r');
    make({ type: PROG.cgroup_skb, name: 't_egress', attachType: ATTACH.cgroup_inet_egress, returns: 1 }, folder);
    fs.closeSync(folder);

    child = spawn('unshare', ['-n', process.execPath, new URL('../support/bpf-netns.ts', import.meta.url).pathname], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout!, 'data');
    const told = JSON.parse(String(line));
    inode = Number(/\d+/.exec(told.netns)![0]);
    // A kind that this kernel does not have (netfilter: Linux 6.4, tcx: 6.6) is left out.
    for (const [name, problem] of Object.entries(told.made)) if (problem === '') made.set(name, child.pid!);
    expect(made.size).toBeGreaterThanOrEqual(5);
  });
  afterAll(async () => {
    const gone = once(child, 'exit');
    child.stdin!.end();
    await gone;
    for (const fd of held.reverse()) fd.close();
    fs.rmdirSync(CGROUP);
  });

  test('each column of a link of each kind, and all links as bpftool lists them', async () => {
    const from = collector(bpfLink);
    try {
      await eventually(() => {
        collect(from);
        const before = shown();
        const rows = rowsOf(collect(from).table);
        const after = shown();
        // What others attach and let go of meanwhile is in one list but not in the other.
        const stays = after.filter(({ id }) => before.some((l) => l.id === id));
        const staying = rows.filter((r) => stays.some(({ id }) => id === r.number('id')));
        expect(staying.map((r) => `${r.value('id')} ${r.value('prog_id')}`)).toEqual(
          stays.map((l) => `${l.id} ${l.prog_id}`),
        );
        for (const [name, pid] of made) {
          // Others may have programs of these names.
          const row = rows.find((r) => r.text('prog_name') === name && r.number('pid') === pid)!;
          const one = before.find((l) => l.id === row.number('id'))!;
          compare(row, { ...one, name, pid, inode }, REFERENCE);
          if (one.target_name) expect(row.text('target')).toBe(one.target_name);
          if (one.tp_name) expect(row.text('target')).toBe(one.tp_name);
          if (one.cgroup_id) expect(fs.statSync(CGROUP).ino).toBe(one.cgroup_id);
          if (one.netns_ino) expect(inode).toBe(one.netns_ino);
        }
        const pid = child.pid!;
        const theirs = rowsOf(collect(from, { filters: { pid: [[pid, pid]] } }).table);
        expect(theirs.map((r) => r.text('prog_name'))).toEqual(
          [...made].filter(([, of]) => of === pid).map(([n]) => n),
        );
      });
    } finally {
      from.close();
    }
  });
});
