import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bpfMap } from '../../src/templates/builtin/bpf-map.ts';
import { socketOwner } from '../../src/templates/builtin/socket-owner.ts';
import { taskFile } from '../../src/templates/builtin/task-file.ts';
import { MAP, map } from '../support/bpf.ts';
import { Child } from '../support/child.ts';
import {
  allColumns,
  collect,
  collector,
  describeKernel,
  eventually,
  kernelHas,
  lacksColumn,
  output,
  type Row,
  readOnce,
  rowsOf,
} from '../support/kernel.ts';
import { heldObjects } from '../support/objects.ts';
import * as proc from '../support/proc.ts';
import { prepare } from '../support/tcp-sockets.ts';

type Expected = number | bigint | string | null | undefined;
/** undefined: not known for this descriptor. */
type Reference = ((file: Known) => Expected) | { readonly test: string };

/** One descriptor, as stat(2) through /proc, fdinfo, readlink and lsof have it. */
interface Known {
  readonly pid: number;
  readonly fd: number;
  readonly link: string;
  readonly stat: fs.BigIntStats;
  readonly info: Readonly<Record<string, string>>;
  /** Fields of `lsof -F` by their letter; undefined for a descriptor that lsof does not list. */
  readonly lsof: Readonly<Record<string, string>> | undefined;
  readonly name: string;
}

const SOCKET = (k: Known) => k.link.startsWith('socket:');
const S_IFMT = 0o170000n;
const flags = (k: Known) => Number.parseInt(k.info['flags'], 8);
/** What lsof shows of an internet socket: 127.0.0.1:1->127.0.0.1:2, [::1]:1, *:1 */
const ends = (k: Known) =>
  /^IPv[46]$/.test(k.lsof?.['t'] ?? '') && k.lsof?.['P'] === 'TCP' ? k.lsof!['n'].split('->') : undefined;
/** What a unix socket was bound to; lsof has the type after it. */
const address = (k: Known) =>
  k.lsof?.['t'] === 'unix' ? (/^(?!type=)(.*?) type=/.exec(k.lsof['n'])?.[1] ?? '') : undefined;
const LSOF_TYPES: Readonly<Record<string, string>> = {
  REG: 'regular',
  DIR: 'directory',
  CHR: 'char',
  BLK: 'block',
  unix: 'unix',
  netlink: 'netlink',
  pack: 'packet',
};

const REFERENCE: Readonly<Record<string, Reference>> = {
  pid: (k) => k.pid,
  tid: (k) => k.pid,
  fd: (k) => k.fd,
  comm: (k) => fs.readFileSync(`/proc/${k.pid}/comm`, 'utf8').trim(),
  inode: (k) => k.stat.ino,
  file: { test: 'file' },
  private_data: { test: 'private_data' },
  user: (k) => Number(proc.status(k.pid)['Uid'].split('\t')[1]),
  i_mode: (k) => k.stat.mode,
  magic: { test: 'file systems' },
  sk_type: { test: 'sockets' },
  sk_family: { test: 'sockets' },
  sk_proto: { test: 'sockets' },
  type: { test: 'types' },
  f_mode: { test: 'mode' },
  mode: (k) => ((flags(k) & 0o10000000) !== 0 ? '-' : ['r', 'w', 'u'][flags(k) & 3]),
  // O_CLOEXEC belongs to the descriptor; fdinfo adds it to the flags of the description.
  flags: (k) => flags(k) & ~0o2000000,
  pos: (k) => Number(k.info['pos']),
  size: (k) => k.stat.size,
  nlink: (k) => k.stat.nlink,
  device: (k) => proc.kernelDevice(Number(k.stat.dev)),
  rdev: (k) => proc.kernelDevice(Number(k.stat.rdev)) || null,
  fstype: { test: 'file systems' },
  refs: { test: 'refs' },
  path: (k) => k.link,
  laddr: { test: 'sockets' },
  lport: (k) => (ends(k) ? Number(ends(k)![0].split(':').at(-1)) : SOCKET(k) ? undefined : null),
  raddr: { test: 'sockets' },
  rport: (k) => (ends(k) ? Number(ends(k)![1]?.split(':').at(-1) ?? 0) : SOCKET(k) ? undefined : null),
  sk_state: (k) => (ends(k) ? /^ST=(.*)/m.exec(k.lsof!['TST'] ?? '')?.[1] : SOCKET(k) ? undefined : null),
  local: (k) =>
    ends(k) ? ends(k)![0].replace(/^\*/, k.lsof!['t'] === 'IPv6' ? '[::]' : '0.0.0.0') : SOCKET(k) ? undefined : null,
  remote: (k) => (ends(k) && ends(k)!.length > 1 ? ends(k)![1] : SOCKET(k) ? undefined : null),
  address: (k) => (SOCKET(k) && address(k) === undefined ? undefined : address(k) || null),
  name: (k) =>
    ends(k)
      ? ends(k)!
          .map((e) => e.replace(/^\*/, k.lsof!['t'] === 'IPv6' ? '[::]' : '0.0.0.0'))
          .join(' -> ')
      : address(k) === undefined && SOCKET(k)
        ? undefined
        : address(k) || k.link,
};

test('every column of task_file and socket_owner has a reference', () => {
  expect(Object.keys(REFERENCE).sort()).toEqual(allColumns(taskFile).sort());
  // These two are looked at where sockets take them over.
  const known = [...Object.keys(REFERENCE), 'holder', 'cgroup'];
  for (const column of allColumns(socketOwner)) expect(known).toContain(column);
});

/** `lsof -F` of one process: descriptor -> field letter -> text. TCP's many T fields by their name. */
function lsof(pid: number): Map<number, Record<string, string>> {
  const found = new Map<number, Record<string, string>>();
  let current: Record<string, string> = {};
  for (const line of output('lsof', '-nP', '-a', '-F', '-p', String(pid)).split('\n')) {
    const [letter, text] = [line[0], line.slice(1)];
    if (letter === 'f') {
      current = {};
      if (/^\d+$/.test(text)) found.set(Number(text), current);
    } else if (letter === 'T') current[`T${text.slice(0, 2)}`] = text;
    else if (letter) current[letter] = text;
  }
  return found;
}

describeKernel('columns of task_file', () => {
  const from = collector(taskFile);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-file-'));
  let child: Child;
  /** What was opened, by a name that says what it is. */
  let made: Record<string, number>;

  const read = () => rowsOf(collect(from, { filters: { pid: [[child.pid, child.pid]] } }).table);
  const byFd = (rows: readonly Row[], fd: number) =>
    rows.find((r) => r.number('fd') === fd && r.number('tid') === child.pid)!;
  const known = (): Known[] => {
    const shown = lsof(child.pid);
    return proc.descriptors(child.pid).map((fd) => ({
      pid: child.pid,
      fd,
      link: fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`),
      stat: fs.statSync(`/proc/${child.pid}/fd/${fd}`, { bigint: true }),
      info: proc.fdinfo(child.pid, fd),
      lsof: shown.get(fd),
      name: Object.entries(made).find(([, at]) => at === fd)?.[0] ?? '',
    }));
  };

  beforeAll(async () => {
    child = await Child.start();
    await prepare(child);
    made = await child.run(({ libc, kept, node }, dir) => {
      const fs = node<typeof import('node:fs')>('fs');
      const { tcp } = kept;
      const made: Record<string, number> = {};
      const O_PATH = 0o10000000;
      made['regular'] = fs.openSync(`${dir}/regular`, 'w+');
      fs.writeSync(made['regular'], 'x'.repeat(5000));
      fs.readSync(made['regular'], Buffer.alloc(10), 0, 10, 0);
      libc('int64_t lseek(int fd, int64_t offset, int whence)')(made['regular'], 1234, 0);
      made['append'] = fs.openSync(`${dir}/regular`, 'a');
      made['read only'] = fs.openSync(`${dir}/regular`, 'r');
      made['direct'] = fs.openSync(
        `${dir}/regular`,
        fs.constants.O_RDONLY | fs.constants.O_NOATIME | fs.constants.O_SYNC,
      );
      made['huge'] = fs.openSync(`${dir}/huge`, 'w');
      fs.ftruncateSync(made['huge'], 2 ** 43);
      made['hard link'] = fs.openSync(`${dir}/linked`, 'w');
      fs.linkSync(`${dir}/linked`, `${dir}/linked2`);
      made['deleted'] = fs.openSync(`${dir}/deleted`, 'w');
      fs.unlinkSync(`${dir}/deleted`);
      made['odd name'] = fs.openSync(`${dir}/a\nb\x1b[31m`, 'w');
      made['directory'] = fs.openSync(dir, 'r');
      made['path'] = fs.openSync(`${dir}/regular`, O_PATH as number);
      libc('int mkfifo(const char *path, uint mode)')(`${dir}/fifo`, 0o600);
      made['fifo'] = fs.openSync(`${dir}/fifo`, 'r+');
      const pipe = Buffer.alloc(8);
      libc('int pipe2(void *fds, int flags)')(pipe, 0o2000000);
      made['pipe read'] = pipe.readInt32LE(0);
      made['pipe write'] = pipe.readInt32LE(4);
      made['char'] = fs.openSync('/dev/null', 'r+');
      made['zero'] = fs.openSync('/dev/zero', 'r');
      for (const at of ['/dev/loop0', '/dev/vda', '/dev/sda', '/dev/nvme0n1']) {
        if (made['block'] !== undefined || !fs.existsSync(at)) continue;
        try {
          made['block'] = fs.openSync(at, 'r');
        } catch {
          // Not there for us.
        }
      }
      made['proc'] = fs.openSync('/proc/self/status', 'r');
      made['eventfd'] = libc('int eventfd(uint initval, int flags)')(3, 0o2000000);
      made['epoll'] = libc('int epoll_create1(int flags)')(0o2000000);
      made['timerfd'] = libc('int timerfd_create(int clockid, int flags)')(1, 0o2000000);
      made['signalfd'] = libc('int signalfd(int fd, void *mask, int flags)')(-1, Buffer.alloc(128), 0o2000000);
      made['inotify'] = libc('int inotify_init1(int flags)')(0o2000000);
      made['memfd'] = libc('int memfd_create(const char *name, uint flags)')('its name', 1);
      libc('long write(int fd, void *bytes, ulong size)')(made['memfd'], Buffer.alloc(123), 123);
      const listener = tcp.listener(4, 16);
      made['tcp listener'] = listener;
      [made['tcp client'], made['tcp server']] = tcp.pair(4, listener);
      made['tcp6 listener'] = tcp.listener(6, 16, 'any');
      [made['tcp6 client'], made['tcp6 server']] = tcp.pair(6, made['tcp6 listener']);
      made['tcp unbound'] = tcp.new(4);
      const bound = (family: number, type: number, protocol: number) => {
        const fd = tcp.socket(family === 4 ? 2 : 10, type, protocol);
        const address = tcp.address(family, 0);
        tcp.bind(fd, address, address.length);
        return fd;
      };
      made['udp'] = bound(4, 2, 0);
      made['udp connected'] = bound(4, 2, 0);
      tcp.connect(made['udp connected'], tcp.address(4, tcp.port(made['udp'])), 16);
      made['udp6'] = bound(6, 2, 0);
      made['raw'] = tcp.socket(2, 3, 1);
      made['raw6'] = tcp.socket(10, 3, 58);
      made['packet'] = tcp.socket(17, 3, 0);
      made['netlink'] = tcp.socket(16, 3, 0);
      made['unix stream'] = tcp.socket(1, 1, 0);
      const named = Buffer.alloc(110);
      named.writeUInt16LE(1, 0);
      named.write(`${dir}/socket`, 2);
      tcp.bind(made['unix stream'], named, 110);
      made['unix datagram'] = tcp.socket(1, 2, 0);
      made['unix abstract'] = tcp.socket(1, 1, 0);
      const abstract = Buffer.from(`\x01\0\0it-${process.pid}\0x`);
      tcp.bind(made['unix abstract'], abstract, abstract.length);
      libc('int listen(int fd, int backlog)')(made['unix abstract'], 1);
      made['unix connected'] = tcp.socket(1, 1, 0);
      tcp.connect(made['unix connected'], abstract, abstract.length);
      for (const [name, family, type, protocol] of [
        ['alg', 38, 5, 0],
        ['vsock', 40, 1, 0],
        ['mptcp', 2, 1, 262],
        ['icmp', 2, 2, 1],
      ] as const) {
        try {
          made[name] = tcp.socket(family, type, protocol);
        } catch {
          // This kernel does not have it, or nobody may.
        }
      }
      made['shared'] = libc('int dup(int fd)')(made['regular']);
      return made;
    }, dir);
  });
  afterAll(async () => {
    from.close();
    await child.end();
    fs.rmSync(dir, { recursive: true, force: true });
  });

  test('a row for each descriptor of /proc/PID/fd, and no other', async () => {
    await eventually(() => {
      expect(
        read()
          .map((r) => r.number('fd'))
          .sort((a, b) => a - b),
      ).toEqual(proc.descriptors(child.pid).sort((a, b) => a - b));
    });
  });

  test.for(
    Object.entries(REFERENCE).filter(
      (entry): entry is [string, (k: Known) => Expected] => typeof entry[1] === 'function',
    ),
  )('%s equals lsof, stat and /proc', async ([column, reference], { skip }) => {
    const why = lacksColumn(taskFile, column);
    skip(why !== '', why);
    await eventually(() => {
      const [files, rows] = [known(), read()];
      let compared = 0;
      for (const file of files) {
        const expected = reference(file);
        if (expected === undefined) continue;
        compared++;
        const value = byFd(rows, file.fd).value(column);
        const plain = typeof value === 'bigint' || typeof expected === 'bigint' ? BigInt(value as number) : value;
        expect([file.fd, file.name, plain]).toEqual([
          file.fd,
          file.name,
          typeof plain === 'bigint' ? BigInt(expected as number) : expected,
        ]);
      }
      expect(compared).toBeGreaterThan(5);
    });
  });

  test('types: what it is, as lsof says where it says as much', () => {
    const rows = read();
    const type = (name: string) => byFd(rows, made[name]).text('type');
    const expected: Record<string, string> = {
      regular: 'regular',
      append: 'regular',
      'read only': 'regular',
      huge: 'regular',
      deleted: 'regular',
      memfd: 'regular',
      'odd name': 'regular',
      path: 'regular',
      proc: 'regular',
      directory: 'directory',
      fifo: 'fifo',
      'pipe read': 'pipe',
      'pipe write': 'pipe',
      char: 'char',
      zero: 'char',
      block: 'block',
      eventfd: 'eventfd',
      epoll: 'eventpoll',
      timerfd: 'timerfd',
      signalfd: 'signalfd',
      inotify: 'inotify',
      'tcp listener': 'tcp',
      'tcp client': 'tcp',
      'tcp server': 'tcp',
      'tcp unbound': 'tcp',
      'tcp6 listener': 'tcp6',
      'tcp6 client': 'tcp6',
      'tcp6 server': 'tcp6',
      udp: 'udp',
      'udp connected': 'udp',
      udp6: 'udp6',
      raw: 'raw',
      raw6: 'raw6',
      packet: 'packet',
      netlink: 'netlink',
      'unix stream': 'unix',
      'unix datagram': 'unix',
      alg: 'alg',
      vsock: 'vsock',
      mptcp: 'mptcp',
      icmp: 'icmp',
    };
    for (const [name, wanted] of Object.entries(expected))
      if (made[name] !== undefined) expect([name, type(name)]).toEqual([name, wanted]);
    for (const file of known()) {
      const shown = LSOF_TYPES[file.lsof?.['t'] ?? ''];
      if (shown) expect([file.name, byFd(rows, file.fd).text('type')]).toEqual([file.name, shown]);
    }
  });

  test('our own anon inodes: maps, programs, links', () => {
    const rows = rowsOf(collect(from, { filters: { pid: [[process.pid, process.pid]] } }).table);
    const held = heldObjects();
    expect(new Set(held.map((h) => h.kind))).toEqual(new Set(['prog', 'map', 'link']));
    for (const { fd, kind } of held) {
      const row = rows.find((r) => r.number('fd') === fd)!;
      expect(row.text('type')).toBe(kind === 'link' ? 'bpf_link' : `bpf-${kind}`);
    }
  });

  test('mode and flags: f_mode says what the flags of open(2) say', () => {
    const rows = read();
    for (const file of known()) {
      const row = byFd(rows, file.fd);
      const bits = row.number('f_mode');
      const access = flags(file) & 3;
      if (flags(file) & 0o10000000) expect(bits & 3).toBe(0);
      else expect([file.name, bits & 3]).toEqual([file.name, [1, 2, 3][access]]);
    }
    expect(byFd(rows, made['append']).number('flags') & 0o2000).toBe(0o2000);
    expect(byFd(rows, made['path']).number('flags') & 0o10000000).toBe(0o10000000);
    expect(byFd(rows, made['regular']).number('pos')).toBe(1234);
    expect(byFd(rows, made['huge']).value('size')).toBe(2n ** 43n);
    expect(byFd(rows, made['hard link']).number('nlink')).toBe(2);
    expect([byFd(rows, made['deleted']).number('nlink'), byFd(rows, made['deleted']).text('path')]).toEqual([
      0,
      `${dir}/deleted (deleted)`,
    ]);
    expect(byFd(rows, made['memfd']).text('path')).toBe('/memfd:its name (deleted)');
    expect(byFd(rows, made['odd name']).cell('path')).toBe(`${dir}/a\\nb\\x1b[31m`);
  });

  test('file: one address a description, shared by what dup() gave', () => {
    const rows = read();
    const file = (name: string) => byFd(rows, made[name]).cell('file');
    expect(file('shared')).toBe(file('regular'));
    expect(file('append')).not.toBe(file('regular'));
    expect(byFd(rows, made['regular']).value('file')).toBe(BigInt(file('regular')));
  });

  test('private_data of the descriptor of a BPF map is its address', () => {
    using held = map({ type: MAP.array, name: 'it_private', keySize: 4, valueSize: 8, maxEntries: 1 });
    const files = readOnce(taskFile, {
      columns: ['fd', 'private_data'],
      filters: { pid: [[process.pid, process.pid]] },
    });
    const maps = readOnce(bpfMap, { columns: ['name', 'map'] });
    const address = rowsOf(maps.table)
      .find((row) => row.text('name') === 'it_private')!
      .cell('map');
    const mine = rowsOf(files.table).find((row) => row.number('fd') === held.fd)!;
    expect(mine.cell('private_data')).toBe(address);
  });

  test('refs counts the references to the description', () => {
    const rows = read();
    // The iterator holds one while it looks; Linux 6.13 counts from 0.
    const base = kernelHas('file', 'f_ref') ? 1 : 2;
    expect(byFd(rows, made['append']).number('refs')).toBe(base);
    expect(byFd(rows, made['regular']).number('refs')).toBe(base + 1);
  });

  test('file systems: type, magic and device as /proc/mounts and statfs have them', () => {
    const rows = read();
    for (const name of ['regular', 'char', 'proc', 'memfd', 'pipe read', 'tcp client', 'epoll']) {
      const row = byFd(rows, made[name]);
      const at = `/proc/${child.pid}/fd/${made[name]}`;
      expect([name, row.number('magic')]).toEqual([name, fs.statfsSync(at).type]);
    }
    const type = (name: string) => byFd(rows, made[name]).text('fstype');
    const mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const mount = mounts.find((line) => line.split(' ')[2] === byFd(rows, made['regular']).cell('device'))!;
    expect(type('regular')).toBe(mount.split(' - ')[1].split(' ')[0]);
    expect([type('proc'), type('pipe read'), type('tcp client'), type('epoll')]).toEqual([
      'proc',
      'pipefs',
      'sockfs',
      'anon_inodefs',
    ]);
  });

  test('sockets: family, type, protocol and ends', async () => {
    const rows = read();
    const of = (name: string) => byFd(rows, made[name]);
    const triple = (name: string) => ['sk_family', 'sk_type', 'sk_proto'].map((c) => of(name).number(c));
    expect(triple('tcp client')).toEqual([2, 1, 6]);
    expect(triple('tcp6 client')).toEqual([10, 1, 6]);
    expect(triple('udp')).toEqual([2, 2, 17]);
    expect(triple('raw6')).toEqual([10, 3, 58]);
    expect(triple('packet').slice(0, 2)).toEqual([17, 3]);
    expect(triple('netlink')).toEqual([16, 3, 0]);
    expect(triple('unix datagram')).toEqual([1, 2, 0]);
    expect(of('regular').value('sk_family')).toBeNull();
    expect(of('unix stream').value('laddr')).toBeNull();
    const port = (await child.run(
      ({ kept }, made) =>
        Object.fromEntries(
          Object.entries(made).map(([n, fd]) => {
            try {
              return [n, kept.tcp.port(fd)];
            } catch {
              return [n, 0];
            }
          }),
        ),
      made,
    )) as Record<string, number>;
    expect([of('tcp client').text('local'), of('tcp client').text('remote')]).toEqual([
      `127.0.0.1:${port['tcp client']}`,
      `127.0.0.1:${port['tcp listener']}`,
    ]);
    expect([of('tcp client').value('laddr'), of('tcp client').value('raddr')]).toEqual(['127.0.0.1', '127.0.0.1']);
    expect([of('tcp6 client').text('local'), of('tcp6 server').text('remote')]).toEqual([
      `[::1]:${port['tcp6 client']}`,
      `[::1]:${port['tcp6 client']}`,
    ]);
    expect(of('tcp6 client').cell('raddr')).toBe('::1');
    expect(of('udp connected').text('name')).toBe(`127.0.0.1:${port['udp connected']} -> 127.0.0.1:${port['udp']}`);
    expect(of('udp').text('name')).toBe(`127.0.0.1:${port['udp']}`);
    expect([
      of('tcp listener').cell('sk_state'),
      of('tcp client').cell('sk_state'),
      of('tcp unbound').cell('sk_state'),
    ]).toEqual(['LISTEN', 'ESTABLISHED', 'CLOSE']);
  });

  test('a thread with descriptors of its own has rows of its own', async () => {
    const at = path.join(dir, 'of a thread');
    const tid = (await child.run(async ({ node, kept }, at) => {
      const { Worker } = node<typeof import('node:worker_threads')>('worker_threads');
      const source = `
        const koffi = require(process.env.KOFFI), fs = require('node:fs'), { parentPort } = require('node:worker_threads');
        const libc = koffi.load(null);
        if (libc.func('int unshare(int flags)')(0x400) !== 0) throw new Error('unshare');
        const fd = libc.func('int open(const char *path, int flags, int mode)')(${JSON.stringify(at)}, 0o101, 0o600);
        parentPort.postMessage([libc.func('int gettid()')(), fd]);
        libc.func('int usleep(uint us)')(30_000_000);`;
      const module = node<typeof import('node:module')>('module');
      process.env['KOFFI'] = module.createRequire(`${process.cwd()}/`).resolve('koffi');
      kept.worker = new Worker(source, { eval: true });
      return await new Promise((done, fail) => kept.worker.once('message', done).once('error', fail));
    }, at)) as [number, number];
    const row = read().find((r) => r.text('path') === at)!;
    expect([row.number('pid'), row.number('tid'), row.number('fd')]).toEqual([child.pid, ...tid]);
    expect(
      read()
        .filter((r) => r.number('fd') === made['regular'])
        .map((r) => r.number('tid'))
        .sort(),
    ).toEqual([child.pid, tid[0]].sort());
  });

  test('socket_owner: sockets only, each with its inode', () => {
    const rows = rowsOf(readOnce(socketOwner, { filters: { pid: [[child.pid, child.pid]] } }).table);
    const sockets = new Map(
      proc.descriptors(child.pid).flatMap((fd) => {
        const inode = /^socket:\[(\d+)\]/.exec(fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`));
        return inode ? [[fd, Number(inode[1])] as const] : [];
      }),
    );
    const mine = rows.filter((r) => r.number('tid') === child.pid);
    expect(new Map(mine.map((r) => [r.number('fd'), r.number('inode')]))).toEqual(sockets);
    expect(sockets.size).toBeGreaterThan(15);
    // Mode and S_IFSOCK of the inode decide, as for stat(2).
    expect(
      (fs.statSync(`/proc/${child.pid}/fd/${mine[0].number('fd')}`, { bigint: true }).mode & S_IFMT) === 0o140000n,
    ).toBe(true);
  });
});
