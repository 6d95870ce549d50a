import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { netlink } from '../../src/templates/builtin/netlink.ts';
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
  ownNetwork,
  type Row,
  readOnce,
  rowsOf,
} from '../support/kernel.ts';
import * as proc from '../support/proc.ts';
import { lines } from '../support/ss.ts';

const UID = 54323;
/** How ss spells the protocols. */
const SS_NAMES: Readonly<Record<string, string>> = {
  NETLINK_ROUTE: 'rtnl',
  NETLINK_SOCK_DIAG: 'tcpdiag',
  NETLINK_NFLOG: 'nflog',
  NETLINK_XFRM: 'xfrm',
  NETLINK_SELINUX: 'selinux',
  NETLINK_AUDIT: 'audit',
  NETLINK_FIB_LOOKUP: 'fiblookup',
  NETLINK_CONNECTOR: 'connector',
  NETLINK_NETFILTER: 'nft',
  NETLINK_KOBJECT_UEVENT: 'uevent',
  NETLINK_GENERIC: 'genl',
  NETLINK_USERSOCK: 'usersock',
};

/** A socket's line of /proc/net/netlink, and what the child knows of it where it is its own. */
interface Known {
  readonly proc: readonly string[];
  readonly own:
    | { readonly fd: number; readonly rcvbuf: number; readonly sndbuf: number; readonly uid: number }
    | undefined;
}
type Expected = number | string | boolean | null | undefined;
type Reference = ((known: Known) => Expected) | { readonly test: string };

const REFERENCE: Readonly<Record<string, Reference>> = {
  sk: { test: 'sk' },
  protocol: { test: 'protocol' },
  portid: (k) => Number(k.proc[2]),
  dst_portid: { test: 'dst_portid' },
  groups: { test: 'groups' },
  ngroups: { test: 'groups' },
  subscriptions: { test: 'groups' },
  kernel_flags: { test: 'kernel' },
  kernel: (k) => Number(k.proc[2]) === 0 && k.own === undefined,
  user: (k) => k.own?.uid,
  inode: (k) => Number(k.proc[9]),
  pid: { test: 'owner' },
  command: { test: 'owner' },
  fd: (k) => k.own?.fd,
  holders: { test: 'owner' },
  held_by: { test: 'owner' },
  rmem: (k) => Number(k.proc[4]),
  wmem_refs: (k) => Number(k.proc[5]) + 1,
  wmem: (k) => Number(k.proc[5]),
  rcvbuf: (k) => k.own?.rcvbuf,
  sndbuf: (k) => k.own?.sndbuf,
  drops: (k) => Number(k.proc[8]),
  drop_rate: { test: 'drops' },
  state: { test: 'drops' },
  congested: { test: 'drops' },
  dump: (k) => k.proc[6] !== '0',
  refs: (k) => Number(k.proc[7]),
  module: { test: 'module' },
  netns: () => proc.namespace(process.pid, 'net'),
};

test('every column of netlink has a reference', () => {
  expect(Object.keys(REFERENCE).sort()).toEqual(allColumns(netlink).sort());
});

describeKernel('netlink', () => {
  const from = collector(netlink);
  let child: Child;
  /** Sockets by name. */
  let made: Record<string, { readonly fd: number; readonly portid: number }>;
  let own: Map<string, Known['own']>;
  const inodeOf = (name: string) => Number(/\d+/.exec(fs.readlinkSync(`/proc/${child.pid}/fd/${made[name].fd}`))![0]);

  beforeAll(async () => {
    ownNetwork();
    output('ip', 'link', 'add', 'n0', 'type', 'veth', 'peer', 'name', 'n1');
    // Enough for a dump that one message does not hold.
    const routes = Array.from({ length: 200 }, (_, i) => `route add 10.9.0.${i}/32 dev lo`).join('\n');
    execFileSync('ip', ['-batch', '-'], { input: routes, stdio: ['pipe', 'ignore', 'inherit'] });
    child = await Child.start();
    made = await child.run(({ libc, kept }, uid: number) => {
      const i32 = (v: number) => {
        const b = Buffer.alloc(4);
        b.writeInt32LE(v);
        return b;
      };
      const socket = libc('int socket(int, int, int)');
      const set = libc('int setsockopt(int, int, int, void *, uint)');
      const address = (portid: number, groups = 0) => {
        const b = Buffer.alloc(12);
        b.writeUInt16LE(16, 0);
        b.writeUInt32LE(portid, 4);
        b.writeUInt32LE(groups, 8);
        return b;
      };
      kept.libc = libc;
      kept.i32 = i32;
      kept.made = {};
      const open = (name: string, protocol: number, groups = 0, before: (fd: number) => void = () => {}) => {
        const fd = socket(16, 3 | 0o2004000, protocol);
        before(fd);
        libc('int bind(int, void *, uint)')(fd, address(0, groups), 12);
        const bound = address(0);
        libc('int getsockname(int, void *, void *)')(fd, bound, i32(12));
        kept.made[name] = { fd, portid: bound.readUInt32LE(4) };
        return fd;
      };
      const request = (type: number, flags: number, family = 0) => {
        const b = Buffer.alloc(32);
        b.writeUInt32LE(32, 0);
        b.writeUInt16LE(type, 4);
        b.writeUInt16LE(1 | flags, 6);
        b[16] = family;
        return b;
      };
      kept.address = address;
      open('route', 0);
      open('groups', 0, 0x11); // RTMGRP_LINK | RTMGRP_IPV4_IFADDR
      set(open('high group', 0), 270, 1, i32(33), 4); // NETLINK_ADD_MEMBERSHIP: RTNLGRP_NSID and later
      open('full', 0, 1, (fd) => set(fd, 1, 8, i32(2304), 4));
      open('uevent', 15, 1);
      open('generic', 16);
      open('diag', 4);
      open('usersock', 2);
      libc('int connect(int, void *, uint)')(open('connected', 2), address(kept.made['usersock'].portid), 12);
      // Unread: a message from one to the other, which the sender is charged for.
      const message = request(0x10, 0);
      libc('long write(int, void *, ulong)')(kept.made['connected'].fd, message, message.length);
      // A dump of all links that nobody reads further than its first part.
      const dump = open('dump', 0, 0, (fd) => set(fd, 1, 8, i32(4096), 4));
      const links = request(26, 0x300, 2); // RTM_GETROUTE, NLM_F_DUMP
      libc('long write(int, void *, ulong)')(dump, links, links.length);
      process.seteuid!(uid);
      open('user', 0);
      process.seteuid!(0);
      return kept.made;
    }, UID);
    const options: [number, number][] = await child.run(
      ({ kept }, fds: number[]) =>
        fds.map((fd): [number, number] => {
          const get = kept.libc('int getsockopt(int, int, int, void *, void *)');
          const read = (name: number) => {
            const value = kept.i32(0);
            get(fd, 1, name, value, kept.i32(4));
            return value.readInt32LE();
          };
          return [read(8), read(7)];
        }),
      Object.values(made).map((m) => m.fd),
    );
    own = new Map(
      Object.entries(made).map(([name, { fd }], i) => [
        String(inodeOf(name)),
        { fd, rcvbuf: options[i][0], sndbuf: options[i][1], uid: name === 'user' ? UID : 0 },
      ]),
    );
  });
  afterAll(async () => {
    from.close();
    await child.end();
  });

  const known = (): Known[] =>
    lines(fs.readFileSync('/proc/self/net/netlink', 'latin1'))
      .slice(1)
      .map((l) => ({ proc: l, own: own.get(l[9]) }));
  const matched = () => {
    const list = known();
    const rows = rowsOf(collect(from).table);
    expect(rows.map((r) => r.cell('inode')).sort()).toEqual(list.map((k) => k.proc[9]).sort());
    return list.map((k) => ({ row: rows.find((r) => r.cell('inode') === k.proc[9])!, known: k }));
  };
  const rowAt = (name: string, rows: readonly Row[] = rowsOf(collect(from).table)) =>
    rows.find((r) => r.number('inode') === inodeOf(name))!;

  test('rows are those of /proc/net/netlink: none lost, none more', async () => {
    await eventually(() => {
      const text = (r: Row) => ['inode', 'portid', 'rmem', 'wmem', 'drops', 'refs'].map((c) => r.value(c)).join(' ');
      const expected = known().map(({ proc: l }) => [9, 2, 4, 5, 8, 7].map((i) => l[i]).join(' '));
      expect(rowsOf(collect(from).table).map(text).sort()).toEqual(expected.sort());
      expect(expected.length).toBeGreaterThan(Object.keys(made).length);
    });
  });

  test.for(
    Object.entries(REFERENCE).filter(
      (entry): entry is [string, (k: Known) => Expected] => typeof entry[1] === 'function',
    ),
  )('%s equals what /proc and the socket itself say', async ([column, reference], { skip }) => {
    const why = lacksColumn(netlink, column);
    skip(why !== '', why);
    await eventually(() => {
      const list = matched().filter(({ known: k }) => reference(k) !== undefined);
      expect(list.length).toBeGreaterThan(0);
      const value = (row: Row) => {
        const v = row.value(column);
        return typeof v === 'bigint' ? Number(v) : v;
      };
      expect(list.map(({ row, known: k }) => [k.proc[9], value(row)])).toEqual(
        list.map(({ known: k }) => [k.proc[9], reference(k)]),
      );
    });
  });

  test('protocol: by the name of the kernel, the number of /proc, the name of ss', async () => {
    await eventually(() => {
      for (const { row, known: k } of matched()) expect(row.number('protocol')).toBe(Number(k.proc[1]));
    });
    const kernels = output('ss', '-Ha', '-f', 'netlink')
      .split('\n')
      .flatMap((l) => /(\S+):kernel/.exec(l)?.[1] ?? [])
      .sort();
    const rows = rowsOf(collect(from).table).filter((r) => r.value('kernel'));
    const names = rows.map((r) => SS_NAMES[r.cell('protocol')] ?? r.cell('protocol'));
    expect(names.sort()).toEqual(kernels);
    expect(rowAt('usersock').cell('protocol')).toBe('NETLINK_USERSOCK');
    expect(rowAt('uevent').cell('protocol')).toBe('NETLINK_KOBJECT_UEVENT');
  });

  test('groups: what bind() and NETLINK_ADD_MEMBERSHIP asked for, as in /proc', async () => {
    await eventually(() => {
      for (const { row, known: k } of matched())
        expect((row.number('groups') || 0) % 2 ** 32).toBe(Number.parseInt(k.proc[3], 16));
    });
    const rows = rowsOf(collect(from).table);
    const of = (name: string) => ['groups', 'subscriptions'].map((c) => rowAt(name, rows).cell(c));
    expect(of('groups')).toEqual(['0x11', '2']);
    expect(of('high group')).toEqual(['0x100000000', '1']);
    expect(of('route')).toEqual(['', '0']);
    expect(rowAt('high group', rows).number('ngroups')).toBeGreaterThanOrEqual(33);
  });

  test('kernel: the flag of the ends that the kernel made', () => {
    for (const row of rowsOf(collect(from).table))
      expect(row.number('kernel_flags') & 1).toBe(row.value('kernel') ? 1 : 0);
  });

  test('dst_portid: what connect() chose', () => {
    expect(rowAt('connected').number('dst_portid')).toBe(made['usersock'].portid);
    expect(rowAt('route').number('dst_portid')).toBe(0);
  });

  test('owner: process, name and descriptor of those who have one', () => {
    for (const { row, known: k } of matched()) {
      const name = proc.status(child.pid)['Name'];
      const expected = k.own ? [child.pid, name, k.own.fd, 1, `${child.pid}/${name}`] : undefined;
      if (expected) expect(['pid', 'command', 'fd', 'holders', 'held_by'].map((c) => row.value(c))).toEqual(expected);
      else if (row.value('kernel'))
        expect(['pid', 'command', 'fd', 'holders', 'held_by'].map((c) => row.value(c))).toEqual([
          null,
          null,
          null,
          0,
          null,
        ]);
    }
  });

  test('memory and dumps of messages that nobody reads', () => {
    const rows = rowsOf(collect(from).table);
    expect(rowAt('usersock', rows).number('rmem')).toBeGreaterThan(32);
    expect(rowAt('route', rows).number('rmem')).toBe(0);
    expect(rowAt('dump', rows).number('rmem')).toBeGreaterThan(0);
    expect(rowAt('dump', rows).value('dump')).toBe(true);
  });

  test('drops, their rate and congestion of a receive queue that is full', async () => {
    const between = new Interval();
    const before = between.first(() => rowAt('full').number('drops'));
    for (let i = 0; i < 6; i++) output('ip', 'link', 'set', 'n0', 'mtu', String(1400 + i));
    await sleep(100);
    const row = between.last(() => rowAt('full'));
    expect(row.number('drops')).toBeGreaterThan(0);
    between.expectRate(row.number('drop_rate'), row.number('drops') - before);
    expect(row.value('congested')).toBe(true);
    expect(row.number('state') & 1).toBe(1);
    expect(rowAt('route').value('congested')).toBe(false);
    expect(rowAt('route').number('drops')).toBe(0);
  });

  test('module: that of a protocol which is not built in', () => {
    const modules = fs.existsSync('/proc/modules') ? fs.readFileSync('/proc/modules', 'latin1') : '';
    const loaded = new Set(modules.split('\n').map((l) => l.split(' ')[0]));
    for (const row of rowsOf(collect(from).table)) if (row.text('module')) expect(loaded).toContain(row.text('module'));
  });

  test('sk: one address each, the same at the next refresh; no key twice', () => {
    const [a, b] = [1, 2].map(() => collect(from));
    const cells = rowsOf(a.table).map((r) => r.cell('sk'));
    expect(new Set(cells).size).toBe(cells.length);
    expect(
      rowsOf(b.table)
        .map((r) => r.cell('sk'))
        .sort(),
    ).toEqual(cells.sort());
    expect(b.stats.doubles).toBe(0);
  });

  test('filters: pid through the descriptors, user', () => {
    const ask = (filters: object) => rowsOf(readOnce(netlink, { filters }).table).map((r) => r.number('portid'));
    const portids = Object.values(made).map((m) => m.portid);
    expect(ask({ pid: [[child.pid, child.pid]] }).sort()).toEqual(portids.sort());
    expect(ask({ user: [[UID, UID]] })).toEqual([made['user'].portid]);
    expect(ask({ pid: [[child.pid, child.pid]], user: [[UID + 1, UID + 2]] })).toEqual([]);
  });
});
