import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { minimalTaskIterator } from '../../src/bpf/iter-dsl.ts';
import { Link } from '../../src/bpf/link.ts';
import { BpfMap } from '../../src/bpf/map.ts';
import { loadProgram } from '../../src/bpf/program.ts';
import { Collector } from '../../src/state/collector.ts';
import { type StructAnswer, StructReader } from '../../src/state/struct-reader.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import { load, PROG } from '../support/bpf.ts';
import { describeKernel, eventually, Row } from '../support/kernel.ts';
import { heldObjects } from '../support/objects.ts';

const btf = Btf.vmlinux();

/** Objects that this test holds. */
let dir: string;
let file: number;
let tcp: net.Server;
let udp: dgram.Socket;
let unix: net.Server;
const held: Disposable[] = [];

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-struct-'));
  file = fs.openSync(path.join(dir, 'file'), 'w');
  fs.writeSync(file, 'twelve bytes');
  tcp = net.createServer().listen({ port: 0, host: '127.0.0.1', backlog: 7 });
  await once(tcp, 'listening');
  udp = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(udp, 'listening');
  unix = net.createServer().listen({ path: path.join(dir, 'socket'), backlog: 5 });
  await once(unix, 'listening');
});
afterEach(async () => {
  for (const object of held.splice(0)) object[Symbol.dispose]();
  await eventually(() => expect(heldObjects()).toEqual([]));
});
afterAll(() => {
  fs.closeSync(file);
  tcp.close();
  udp.close();
  unix.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

/** The first row that is wanted. */
function rowOf(template: string, wanted: (row: Row) => boolean): Row {
  using collector = new Collector(findTemplate(template), btf, () => undefined, pageSize());
  const columns = collector.template.columns.filter((c) => c.join === undefined).map((c) => c.name);
  const { table } = collector.collect({ columns, filters: {}, switches: { kthreads: true }, ungroup: false });
  for (let at = 0; at < table.rows; at++) {
    const row = new Row(table, at);
    if (wanted(row)) return row;
  }
  throw new Error(`no such row in ${template}`);
}
function look(template: string, key: string, at = ''): StructAnswer {
  using reader = new StructReader(findTemplate(template), at, btf);
  return reader.read(key, 'self');
}
const keyOf = (row: Row) => row.table.batch.key(row.at);
const valueAt = (answer: StructAnswer, member: string) =>
  answer.lines.find((line) => line.path === member && line.value !== '')?.value;

interface Case {
  readonly template: string;
  readonly row: () => Row;
  /** What the answer says it is. */
  readonly type: string;
  readonly root: string;
  /** Member -> value, as the test knows it or as a column has it. */
  readonly values: (row: Row) => Readonly<Record<string, string | number>>;
}

const SK = 'inet_conn.icsk_inet.sk';
const portOf = (server: { address(): unknown }) => (server.address() as net.AddressInfo).port;
const exact = (row: Row, column: string) => String(row.table.exact(row.at, column));

const CASES: readonly Case[] = [
  {
    template: 'task',
    row: () => rowOf('task', (row) => row.number('pid') === process.pid),
    type: 'struct task_struct',
    root: 'task',
    values: (row) => ({
      pid: process.pid,
      tgid: process.pid,
      start_boottime: exact(row, 'start_ns'),
      comm: `"${fs.readFileSync(`/proc/${process.pid}/comm`, 'utf8').trim()}"`,
    }),
  },
  {
    template: 'task_file',
    row: () => rowOf('task_file', (row) => row.number('pid') === process.pid && row.number('fd') === file),
    type: 'struct file',
    root: 'file',
    values: () => ({ f_pos: 12 }),
  },
  {
    template: 'task_vma',
    row: () => rowOf('task_vma', (row) => row.number('pid') === process.pid),
    type: 'struct vm_area_struct',
    root: 'vma',
    values: (row) => ({ vm_start: exact(row, 'start'), vm_end: exact(row, 'end') }),
  },
  {
    template: 'tcp',
    row: () => rowOf('tcp', (row) => row.number('lport') === portOf(tcp)),
    type: 'struct tcp_sock',
    root: 'tp',
    values: () => ({ [`${SK}.__sk_common.skc_num`]: portOf(tcp), [`${SK}.sk_max_ack_backlog`]: 7 }),
  },
  {
    template: 'udp',
    row: () => rowOf('udp', (row) => row.number('lport') === portOf(udp)),
    type: 'struct udp_sock',
    root: 'udp_sk',
    values: () => ({ 'inet.sk.__sk_common.skc_num': portOf(udp) }),
  },
  {
    template: 'unix',
    row: () => rowOf('unix', (row) => row.text('path') === path.join(dir, 'socket')),
    type: 'struct unix_sock',
    root: 'unix_sk',
    values: () => ({ 'sk.sk_max_ack_backlog': 5 }),
  },
  {
    template: 'netlink',
    row: () => rowOf('netlink', () => true),
    type: 'struct netlink_sock',
    root: 'sk',
    values: (row) => ({ portid: exact(row, 'portid'), 'sk.sk_protocol': exact(row, 'protocol') }),
  },
  {
    template: 'ipv6_route',
    row: () => rowOf('ipv6_route', () => true),
    type: 'struct fib6_info',
    root: 'rt',
    values: (row) => ({ fib6_metric: exact(row, 'metric'), 'fib6_dst.plen': exact(row, 'dest_len') }),
  },
  {
    template: 'cgroup',
    row: () => rowOf('cgroup', () => true),
    type: 'struct cgroup',
    root: 'cgroup',
    values: (row) => ({ level: exact(row, 'depth') }),
  },
  {
    template: 'bpf_prog',
    row: () => {
      held.push(load({ type: PROG.socket_filter, name: 't_struct' }));
      return rowOf('bpf_prog', (row) => row.text('name') === 't_struct');
    },
    type: 'struct bpf_prog',
    root: 'prog',
    values: () => ({ type: 'BPF_PROG_TYPE_SOCKET_FILTER', len: 2 }),
  },
  {
    template: 'bpf_map',
    row: () => {
      held.push(BpfMap.create({ type: 'array', keySize: 4, valueSize: 24, maxEntries: 77, name: 't_struct_map' }));
      return rowOf('bpf_map', (row) => row.text('name') === 't_struct_map');
    },
    type: 'struct bpf_map',
    root: 'map',
    values: () => ({ value_size: 24, max_entries: 77, name: '"t_struct_map"', map_type: 'BPF_MAP_TYPE_ARRAY' }),
  },
  {
    template: 'bpf_link',
    row: () => {
      const code = minimalTaskIterator(btf);
      const program = loadProgram({ code: code.encode({}), attachBtfId: code.attachBtfId, name: 't_struct_link' });
      held.push(program, Link.create(program));
      return rowOf('bpf_link', (row) => row.text('prog_name') === 't_struct_link');
    },
    type: btf.func('bpf_rdonly_cast') === 0 ? 'struct bpf_link' : 'struct bpf_iter_link',
    root: btf.func('bpf_rdonly_cast') === 0 ? 'link' : 'iter',
    values: (row) => ({ [btf.func('bpf_rdonly_cast') === 0 ? 'id' : 'link.id']: exact(row, 'id') }),
  },
  {
    template: 'ksym',
    row: () => rowOf('ksym', (row) => row.text('name') === 'bpf_iter_task'),
    type: 'struct kallsym_iter',
    root: 'ksym',
    values: (row) => ({ value: exact(row, 'address'), name: '"bpf_iter_task"' }),
  },
  {
    template: 'kmem_cache',
    row: () => rowOf('kmem_cache', (row) => row.text('name') === 'task_struct'),
    type: 'struct kmem_cache',
    root: 's',
    values: (row) => ({ object_size: exact(row, 'asked_size'), inuse: exact(row, 'inuse') }),
  },
];

describeKernel('an object as the kernel prints it', () => {
  test.each(CASES.filter(({ template }) => btf.func(`bpf_iter_${template}`) !== 0))(
    '$template: the values of its columns',
    ({ template, row, type, root, values }) => {
      const found = row();
      const answer = look(template, keyOf(found));
      expect(answer).toMatchObject({ error: '', type, root, cut: false });
      for (const [member, value] of Object.entries(values(found)))
        expect([member, valueAt(answer, member)]).toEqual([member, String(value)]);
      // With zeros everything has a name, and every path leads to what it says.
      expect(answer.lines.filter(({ name }) => name.includes('?'))).toEqual([]);
      for (const [at, line] of answer.lines.entries()) {
        expect(line.end).toBeGreaterThan(at);
        expect(answer.lines[at + 1] === undefined || answer.lines[at + 1]!.depth <= line.depth + 1).toBe(true);
      }
      expect(new Set(answer.lines.map(({ key }) => key)).size).toBe(answer.lines.length);
    },
  );

  test('any of them, one after the other, from one program', () => {
    using reader = new StructReader(findTemplate('task'), '', btf);
    for (const pid of [process.pid, process.ppid, process.pid]) {
      const key = keyOf(rowOf('task', (row) => row.number('pid') === pid));
      expect(valueAt(reader.read(key, 'self'), 'tgid')).toBe(String(pid));
    }
    expect(heldObjects().filter(({ kind }) => kind === 'prog')).toHaveLength(1);
  });

  test('what it points to, by its path', () => {
    const key = keyOf(rowOf('task', (row) => row.number('pid') === process.pid));
    const parent = look('task', key, 'task->real_parent');
    expect(parent).toMatchObject({ error: '', type: 'struct task_struct', root: 'task->real_parent' });
    expect(valueAt(parent, 'tgid')).toBe(String(process.ppid));
    expect(look('task', key, 'task->mm')).toMatchObject({ error: '', type: 'struct mm_struct' });
  });

  test('other objects that come with it', () => {
    const row = rowOf('task_file', (r) => r.number('pid') === process.pid && r.number('fd') === file);
    expect(look('task_file', keyOf(row)).others).toContainEqual({ path: 'task', type: 'struct task_struct' });
    expect(valueAt(look('task_file', keyOf(row), 'task'), 'tgid')).toBe(String(process.pid));
  });

  test('elements of arrays by their index', () => {
    const key = keyOf(rowOf('task', (row) => row.number('pid') === process.pid));
    const answer = look('task', key);
    const limit = answer.lines.filter((line) => line.path.startsWith('pid_links['));
    expect(limit.length).toBeGreaterThan(1);
    const signal = look('task', key, 'task->signal');
    // RLIMIT_NOFILE is 7: include/uapi/asm-generic/resource.h
    const [, soft, hard] = /^Max open files +(\d+) +(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'))!;
    expect(valueAt(signal, 'rlim[7].rlim_cur')).toBe(soft);
    expect(valueAt(signal, 'rlim[7].rlim_max')).toBe(hard);
  });

  test('one that is longer than the buffer comes without what is zero, and says so', () => {
    const key = keyOf(rowOf('task', (row) => row.number('pid') === process.pid));
    const answer = look('task', key, 'task->nsproxy->net_ns');
    expect(answer).toMatchObject({ error: '', type: 'struct net', cut: true });
    expect(answer.lines.length).toBeGreaterThan(50);
    const inum = fs.statSync('/proc/self/ns/net').ino;
    const named = answer.lines.find((line) => line.path === 'ns.inum');
    expect(named?.value).toBe(String(inum));
  });

  test('why there is nothing to show', async () => {
    const key = keyOf(rowOf('task', (row) => row.number('pid') === process.pid));
    expect(look('task', key, 'task->nothing').error).toMatch(/has no member "nothing"/);
    expect(look('task', key, 'task->pid').error).toMatch(/leads to no struct/);
    expect(look('task', key.slice(1)).error).toMatch(/key/);
    const kthread = keyOf(rowOf('task', (row) => row.number('kthread') === 1));
    expect(look('task', kthread, 'task->mm').error).toMatch(/task->mm is NULL/);
    const child = spawn('sleep', ['100']);
    const ended = await eventually(() => keyOf(rowOf('task', (row) => row.number('pid') === child.pid)));
    expect(look('task', ended).error).toBe('');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await eventually(() => expect(look('task', ended).error).toBe('the object is gone'));
  });
});
