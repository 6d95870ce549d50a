import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unix } from '../../src/templates/builtin/unix.ts';
import { Child } from '../support/child.ts';
import {
  allColumns,
  collect,
  collector,
  describeTarget,
  eventually,
  lacksColumn,
  ownNetwork,
  type Row,
  readOnce,
  rowsOf,
} from '../support/kernel.ts';
import * as proc from '../support/proc.ts';
import { heldBy, type SsLine, ssLines } from '../support/ss.ts';

const UID = 54324;

/** A socket as ss, its line of /proc/net/unix and, for those of the child, SO_PEERCRED and fdinfo have it. */
interface Known {
  readonly ss: SsLine;
  readonly proc: { readonly refs: number; readonly flags: number; readonly type: number; readonly path: string };
  readonly peer: SsLine | undefined;
  readonly own:
    | {
        readonly peerPid: number;
        readonly peerUid: number;
        readonly cookie: number;
        readonly fds: number;
        readonly uid: number;
      }
    | undefined;
}
type Expected = number | string | boolean | null | undefined;
type Reference = ((known: Known) => Expected) | { readonly test: string };

const TYPES: Readonly<Record<string, string>> = { u_str: 'stream', u_dgr: 'dgram', u_seq: 'seqpacket' };
const STATES: Readonly<Record<string, string>> = { ESTAB: 'ESTABLISHED', UNCONN: 'CLOSE', LISTEN: 'LISTEN' };
const listening = (k: Known) => k.ss.words[1] === 'LISTEN';
const receiveQueue = (k: Known) => Number(k.ss.words[2]);
const sendQueue = (k: Known) => Number(k.ss.words[3]);
const peerInode = (ss: SsLine) => Number(ss.words[7]);
/** dev:MAJOR/MINOR, for which ss takes the kernel's number to be one of user space: makedev() undoes it. */
const device = (text: string | undefined) => {
  if (text === undefined) return null;
  const [major, minor] = text.split('/').map(Number);
  return (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12);
};

const REFERENCE: Readonly<Record<string, Reference>> = {
  sk: { test: 'sk' },
  type: (k) => TYPES[k.ss.words[0]],
  state: (k) => STATES[k.ss.words[1]],
  address: (k) => k.proc.path || null,
  path: { test: 'paths' },
  vfs_inode: (k) => (k.ss.info['ino'] === undefined ? null : Number(k.ss.info['ino'])),
  vfs_dev: (k) => device(k.ss.info['dev']),
  user: (k) => k.own?.uid,
  inode: (k) => Number(k.ss.words[5]),
  pid: (k) => k.ss.users[0]?.pid ?? null,
  command: (k) => k.ss.users[0]?.command ?? null,
  fd: (k) => k.ss.users[0]?.fd ?? null,
  holders: (k) => k.ss.users.length,
  held_by: (k) => heldBy(k.ss.users),
  peer_sk: { test: 'peers' },
  peer_inode: (k) => peerInode(k.ss) || null,
  peer_pid: (k) => k.peer?.users[0]?.pid ?? null,
  peer_command: (k) => k.peer?.users[0]?.command ?? null,
  // SO_PEERCRED says PID 0 and UID -1 where there are none.
  peer_cred_pid: (k) => (k.own ? k.own.peerPid || null : undefined),
  peer_uid: (k) => (k.own ? (k.own.peerUid === -1 ? null : k.own.peerUid) : undefined),
  waiting: { test: 'queues' },
  first_bytes: { test: 'queues' },
  queued_bytes: { test: 'queues' },
  stream_bytes: { test: 'queues' },
  in_bytes: { test: 'queues' },
  max_backlog_raw: (k) => (listening(k) ? sendQueue(k) : undefined),
  wmem: (k) => k.ss.memory['t'] + 1,
  rxq: receiveQueue,
  txq: sendQueue,
  backlog: (k) => (listening(k) ? receiveQueue(k) : null),
  max_backlog: (k) => (listening(k) ? sendQueue(k) : null),
  fds: (k) => k.own?.fds,
  rcvbuf: (k) => k.ss.memory['rb'],
  sndbuf: (k) => k.ss.memory['tb'],
  // ss: <-> nothing is shut down, --> no receiving, <-- no sending, --- neither.
  shutdown: (k) => {
    const arrow = k.ss.words.find((w) => /^[<-]-[>-]$/.test(w))!;
    return { '<->': null, '-->': 'receive', '<--': 'send', '---': 'both' }[arrow];
  },
  flags: (k) => k.proc.flags,
  refs_read: (k) => k.proc.refs + 1,
  refs: (k) => k.proc.refs,
  mark: { test: 'mark' },
  cookie: (k) => k.own?.cookie,
  netns: () => proc.namespace(process.pid, 'net'),
  cgroup: { test: 'cgroup' },
  owner_cgroup: (k) => (k.ss.users[0] ? proc.cgroup(k.ss.users[0].pid) : null),
  // Nobody here is in one: see container.test.ts.
  container: () => null,
  grew: { test: 'growth.test.ts' },
};

test('every column of unix has a reference', () => {
  expect(Object.keys(REFERENCE).sort()).toEqual(allColumns(unix).sort());
});

describeTarget('unix', 'unix', () => {
  const from = collector(unix);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-unix-'));
  const mount = proc.cgroupMount();
  let child: Child;
  let holder = 0;
  let group = '';
  /** Descriptor by name. */
  let made: Record<string, number>;

  beforeAll(async () => {
    ownNetwork();
    child = await Child.start({ cwd: folder });
    if (mount) {
      group = path.join(mount, `itertop-unix-${process.pid}`);
      fs.mkdirSync(group);
      fs.writeFileSync(path.join(group, 'cgroup.procs'), String(child.pid));
    }
    made = await child.run(({ libc, kept, node }, uid: number) => {
      const i32 = (v: number) => {
        const b = Buffer.alloc(4);
        b.writeInt32LE(v);
        return b;
      };
      const [STREAM, DGRAM, SEQPACKET] = [1, 2, 5];
      const fds: Record<string, number> = {};
      const socket = libc('int socket(int, int, int)');
      const write = libc('long write(int, void *, ulong)');
      const pass = libc('int sendmsg(int, void *, int)');
      const set = libc('int setsockopt(int, int, int, void *, uint)');
      const address = (name: string) => Buffer.concat([Buffer.from([1, 0]), Buffer.from(name, 'latin1')]);
      const open = (name: string, type: number, bound?: string) => {
        const fd = socket(1, type | 0o2004000, 0);
        fds[name] = fd;
        if (bound !== undefined) libc('int bind(int, void *, uint)')(fd, address(bound), 2 + bound.length);
        return fd;
      };
      const connect = (name: string, type: number, to: string) => {
        const fd = open(name, type);
        libc('int connect(int, void *, uint)')(fd, address(to), 2 + to.length);
        return fd;
      };
      const pair = (name: string, type: number) => {
        const both = Buffer.alloc(8);
        libc('int socketpair(int, int, int, void *)')(1, type | 0o2004000, 0, both);
        [fds[`${name} a`], fds[`${name} b`]] = [both.readInt32LE(0), both.readInt32LE(4)];
        return fds[`${name} a`];
      };
      const send = (fd: number, ...sizes: number[]) => {
        for (const size of sizes) write(fd, Buffer.alloc(size), size);
      };
      const listen = (name: string, type: number, bound: string, backlog: number) => {
        libc('int listen(int, int)')(open(name, type, bound), backlog);
      };
      const cwd = process.cwd();
      listen('path', STREAM, `${cwd}/a path\0`, 7);
      connect('waiting 1', STREAM, `${cwd}/a path\0`);
      connect('waiting 2', STREAM, `${cwd}/a path\0`);
      listen('relative', STREAM, 'relative', 3);
      open('gone', DGRAM, `${cwd}/gone\0`);
      node<typeof import('node:fs')>('fs').unlinkSync(`${cwd}/gone`);
      listen('abstract', SEQPACKET, '\0itertop\0test\0', 4);
      connect('client', SEQPACKET, '\0itertop\0test\0');
      fds['accepted'] = libc('int accept4(int, void *, void *, int)')(fds['abstract'], null, null, 0o2004000);
      open('autobind', DGRAM, ''); // a name of five digits chosen by the kernel
      open('alone', STREAM);
      open('alone dgram', DGRAM);
      open('receiver', DGRAM, '\0itertop-receiver');
      send(connect('sender', DGRAM, '\0itertop-receiver'), 10, 20, 30);
      send(pair('stream', STREAM), 1000, 234);
      libc('long read(int, void *, ulong)')(fds['stream b'], Buffer.alloc(100), 100);
      send(pair('dgram', DGRAM), 5, 6, 7);
      send(pair('packets', SEQPACKET), 50, 60, 70);
      libc('int shutdown(int, int)')(pair('no send', STREAM), 1);
      libc('int shutdown(int, int)')(pair('neither', STREAM), 2);
      set(open('mark', STREAM), 1, 36, i32(0xbeef), 4); // SO_MARK
      // SCM_RIGHTS: struct msghdr with one buffer and two descriptors.
      pair('rights', STREAM);
      const data = Buffer.from('x');
      const control = Buffer.alloc(24);
      control.writeBigUInt64LE(24n, 0);
      control.writeInt32LE(1, 8); // SOL_SOCKET
      control.writeInt32LE(1, 12); // SCM_RIGHTS
      control.writeInt32LE(0, 16);
      control.writeInt32LE(2, 20);
      const vector = Buffer.alloc(16);
      vector.writeBigUInt64LE(kept.addressOf(data), 0);
      vector.writeBigUInt64LE(1n, 8);
      const header = Buffer.alloc(56);
      header.writeBigUInt64LE(kept.addressOf(vector), 16);
      header.writeBigUInt64LE(1n, 24);
      header.writeBigUInt64LE(kept.addressOf(control), 32);
      header.writeBigUInt64LE(24n, 40);
      pass(fds['rights a'], header, 0);
      process.seteuid!(uid);
      listen('user', STREAM, '\0itertop-user', 2);
      process.seteuid!(0);
      connect('client of user', STREAM, '\0itertop-user');
      kept.fds = fds;
      kept.libc = libc;
      kept.i32 = i32;
      return fds;
    }, UID);
    // A second process that holds one of them.
    holder = await child.run(({ kept, node }) => {
      const { spawn } = node<typeof import('node:child_process')>('child_process');
      kept.holder = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', kept.fds['receiver']] });
      return kept.holder.pid as number;
    });
  });
  afterAll(async () => {
    from.close();
    if (holder) process.kill(holder, 'SIGKILL');
    await child.end();
    fs.rmSync(folder, { recursive: true });
    if (group) await eventually(() => fs.rmdirSync(group));
  });

  const inodeOf = (fd: number) => Number(/\d+/.exec(fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`))![0]);
  /** Num: RefCount Protocol Flags Type St Inode Path; a path may hold spaces. */
  const procLines = () =>
    fs
      .readFileSync('/proc/self/net/unix', 'latin1')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [, refs, flags, type, inode, name] = /^\S+ (\S+) \S+ (\S+) (\S+) \S+ +(\d+) ?(.*)$/.exec(line)!;
        const number = (text: string) => Number.parseInt(text, 16);
        return { refs: number(refs), flags: number(flags), type: number(type), inode: Number(inode), path: name };
      });
  /** ss with the words of an address that holds spaces joined: type, state, queues, address, inode, peer, inode. */
  const ssSockets = () =>
    ssLines('-HxapemO').map((line): SsLine => {
      const words = [...line.words];
      while (!/^\d+$/.test(words[5])) words.splice(4, 2, `${words[4]} ${words[5]}`);
      return { ...line, words };
    });
  const known = async (): Promise<Known[]> => {
    const shown = ssSockets();
    const table = procLines();
    const names = Object.entries(made);
    const credentials: [number, number, number][] = await child.run(
      ({ kept }, fds: number[]) =>
        fds.map((fd): [number, number, number] => {
          const get = kept.libc('int getsockopt(int, int, int, void *, void *)');
          const value = Buffer.alloc(12);
          const cookie = Buffer.alloc(8);
          get(fd, 1, 17, value, kept.i32(12)); // SO_PEERCRED
          get(fd, 1, 57, cookie, kept.i32(8)); // SO_COOKIE
          return [value.readInt32LE(0), value.readInt32LE(4), Number(cookie.readBigUInt64LE())];
        }),
      names.map(([, fd]) => fd),
    );
    const own = new Map(
      names.map(([, fd], i) => [
        inodeOf(fd),
        {
          peerPid: credentials[i][0],
          peerUid: credentials[i][1],
          cookie: credentials[i][2],
          fds: Number(proc.fdinfo(child.pid, fd)['scm_fds']),
          uid: fs.statSync(`/proc/${child.pid}/fd/${fd}`).uid,
        },
      ]),
    );
    return shown.map((ss) => {
      const inode = Number(ss.words[5]);
      const line = table.find((l) => l.inode === inode);
      if (!line) throw new Error(`/proc/net/unix has no ${ss.words.join(' ')}`);
      const peer = peerInode(ss) ? shown.find((s) => Number(s.words[5]) === peerInode(ss)) : undefined;
      return { ss, proc: line, peer, own: own.get(inode) };
    });
  };
  const matched = async () => {
    const list = await known();
    const rows = rowsOf(collect(from).table);
    return list.map((k) => {
      const row = rows.find((r) => r.number('inode') === Number(k.ss.words[5]));
      if (!row) throw new Error(`no row for ${k.ss.words.join(' ')}`);
      return { row, known: k };
    });
  };
  const rowAt = (name: string, rows: readonly Row[] = rowsOf(collect(from).table)) =>
    rows.find((r) => r.number('inode') === inodeOf(made[name]))!;

  test('rows are those of /proc/net/unix: none lost, none more', async () => {
    await eventually(() => {
      const rows = rowsOf(collect(from).table);
      const text = (r: Row) => [r.number('inode') || 0, r.number('type'), r.text('address')].join(' ');
      const expected = procLines().map((l) => [l.inode, l.type, l.path].join(' '));
      expect(rows.map(text).sort()).toEqual(expected.sort());
      // Connections that wait for accept() have no inode; ss leaves them out.
      expect(rows.filter((r) => Number.isNaN(r.number('inode'))).length).toBe(3);
      expect(ssSockets().length).toBe(rows.length - 3);
    });
  });

  test.for(
    Object.entries(REFERENCE).filter(
      (entry): entry is [string, (k: Known) => Expected] => typeof entry[1] === 'function',
    ),
  )('%s equals what ss, /proc and the socket itself say', async ([column, reference], { skip }) => {
    const why = lacksColumn(unix, column);
    skip(why !== '', why);
    await eventually(async () => {
      const list = (await matched()).filter(({ known: k }) => reference(k) !== undefined);
      expect(list.length).toBeGreaterThan(0);
      const value = (row: Row) => {
        const v = row.value(column);
        return typeof v === 'bigint' ? Number(v) : v;
      };
      expect(list.map(({ row, known: k }) => [k.ss.words.slice(0, 8), value(row)])).toEqual(
        list.map(({ known: k }) => [k.ss.words.slice(0, 8), reference(k)]),
      );
    });
  });

  test('addresses: paths, as they were given, and abstract names', () => {
    const rows = rowsOf(collect(from).table);
    const of = (name: string) => rowAt(name, rows).text('address');
    expect(of('path')).toBe(`${fs.realpathSync(folder)}/a path`);
    expect(of('relative')).toBe('relative');
    expect(of('gone')).toBe(`${fs.realpathSync(folder)}/gone`);
    expect(of('abstract')).toBe('@itertop@test@');
    expect(of('accepted')).toBe('@itertop@test@');
    expect(of('autobind')).toMatch(/^@[0-9a-f]{5}$/);
    expect(of('alone')).toBe('');
    expect(rowAt('path', rows).number('vfs_inode')).toBe(fs.statSync(path.join(folder, 'a path')).ino);
    expect(rowAt('abstract', rows).value('vfs_inode')).toBe(null);
  });

  test('paths: the files that they are bound to, from the root, through mounts', async () => {
    const rows = rowsOf(collect(from).table);
    const real = fs.realpathSync(folder);
    const of = (name: string) => rowAt(name, rows).text('path');
    expect(of('path')).toBe(`${real}/a path`);
    expect(of('relative')).toBe(`${real}/relative`);
    expect(of('gone')).toBe(`${real}/gone`);
    for (const name of ['abstract', 'alone', 'client']) expect(of(name)).toBe('');
    // A file system of its own, on /dev/shm: two mounts on the way; and a path that is too deep.
    const shared = fs.mkdtempSync('/dev/shm/itertop-unix-');
    try {
      const deep = path.join(shared, ...Array(13).fill('d'));
      fs.mkdirSync(deep, { recursive: true });
      const fds = await child.run(
        ({ libc }, [near, far]) =>
          [near, far].map((folder) => {
            process.chdir(folder);
            const fd = libc('int socket(int, int, int)')(1, 2 | 0o2000000, 0);
            libc('int bind(int, void *, uint)')(fd, Buffer.from('\x01\0s'), 3);
            return fd as number;
          }),
        [shared, deep] as const,
      );
      const again = rowsOf(collect(from).table);
      const text = (fd: number) => again.find((r) => r.number('inode') === inodeOf(fd))!.text('path');
      expect(text(fds[0])).toBe(`${shared}/s`);
      expect(text(fds[1])).toBe(`/…${'/d'.repeat(11)}/s`);
      await child.run(
        ({ libc }, [fds, back]) => {
          for (const fd of fds) libc('int close(int)')(fd);
          process.chdir(back);
        },
        [fds, real] as const,
      );
    } finally {
      fs.rmSync(shared, { recursive: true });
    }
  });

  test('queues: what was written and not read', () => {
    const rows = rowsOf(collect(from).table);
    const of = (name: string) =>
      ['waiting', 'first_bytes', 'queued_bytes', 'in_bytes', 'rxq'].map((c) => rowAt(name, rows).number(c));
    expect(of('dgram b')).toEqual([3, 5, 18, 18, 5]);
    expect(of('receiver')).toEqual([3, 10, 60, 60, 10]);
    expect(of('packets b')).toEqual([3, 50, 180, 180, 180]);
    expect(of('alone')).toEqual([0, 0, 0, 0, 0]);
    const stream = rowAt('stream b', rows);
    expect([stream.number('stream_bytes'), stream.number('in_bytes'), stream.number('rxq')]).toEqual([
      1134, 1134, 1134,
    ]);
    expect(stream.number('queued_bytes')).toBe(1234);
    expect(of('path').at(-1)).toBe(2);
    expect(rowAt('path', rows).number('txq')).toBe(7);
    expect(rowAt('path', rows).number('waiting')).toBe(2);
    expect(rowAt('stream a', rows).number('txq')).toBeGreaterThan(1234);
  });

  test('peers: who is connected with whom, whom they belong to, and who asked for it', () => {
    const rows = rowsOf(collect(from).table);
    const [a, b] = [rowAt('stream a', rows), rowAt('stream b', rows)];
    expect(a.value('peer_sk')).toBe(b.value('sk'));
    expect(b.value('peer_sk')).toBe(a.value('sk'));
    expect(rowAt('client', rows).value('peer_sk')).toBe(rowAt('accepted', rows).value('sk'));
    expect(rowAt('sender', rows).value('peer_sk')).toBe(rowAt('receiver', rows).value('sk'));
    expect(rowAt('receiver', rows).value('peer_sk')).toBe(null);
    // The other end waits for accept(): it is there, without an inode.
    const waiting = rowAt('waiting 1', rows);
    expect(waiting.value('peer_inode')).toBe(null);
    expect(rows.find((r) => r.value('sk') === waiting.value('peer_sk'))?.text('address')).toMatch(/a path$/);
    expect(rowAt('sender', rows).number('peer_pid')).toBe(Math.min(child.pid, holder));
    expect(rowAt('client of user', rows).number('peer_uid')).toBe(UID);
    expect(rowAt('client of user', rows).number('peer_cred_pid')).toBe(child.pid);
    expect(rowAt('receiver', rows).number('holders')).toBe(2);
    // A shared one has a line for either, the one that was there first before the other.
    const [first, second] = [child.pid, holder].sort((x, y) => x - y);
    expect(rowAt('receiver', rows).text('held_by')).toMatch(new RegExp(`^${first}/[^,]+, ${second}/[^,]+$`));
  });

  test('fds: two descriptors on their way', () => {
    expect(rowAt('rights b').number('fds')).toBe(2);
    expect(rowAt('rights a').number('fds')).toBe(0);
  });

  test('mark: of the one that asked for it', () => {
    expect(
      rowsOf(collect(from).table)
        .filter((r) => r.value('mark') !== null)
        .map((r) => [r.number('inode'), r.number('mark')]),
    ).toEqual([[inodeOf(made['mark']), 0xbeef]]);
  });

  test('cgroup: where the process was that made it', () => {
    const { absent } = collect(from);
    if (absent.has('cgroup')) return;
    const expected = group ? proc.cgroup(child.pid) : proc.cgroup(process.pid);
    for (const name of ['path', 'alone', 'dgram a']) expect(rowAt(name).text('cgroup')).toBe(expected);
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

  test('filters: pid through the descriptors, user, both', () => {
    const ask = (filters: object) => rowsOf(readOnce(unix, { filters }).table).map((r) => r.number('inode'));
    const mine = Object.values(made).map(inodeOf);
    const found = ask({ pid: [[child.pid, child.pid]] });
    for (const inode of mine) expect(found).toContain(inode);
    const held = ssSockets().filter((s) => s.users.some((u) => u.pid === child.pid));
    expect(found.sort()).toEqual(held.map((s) => Number(s.words[5])).sort());
    expect(ask({ pid: [[holder, holder]] })).toEqual([inodeOf(made['receiver'])]);
    // The connection that waits at its listener was made by the one that connected.
    expect(ask({ user: [[UID, UID]] })).toEqual([inodeOf(made['user'])]);
    expect(ask({ user: [[UID, UID]], pid: [[holder, holder]] })).toEqual([]);
  });
});
