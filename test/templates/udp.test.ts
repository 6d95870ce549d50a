import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { udp } from '../../src/templates/builtin/udp.ts';
import { Child } from '../support/child.ts';
import { Interval } from '../support/interval.ts';
import {
  allColumns,
  collect,
  collector,
  describeKernel,
  eventually,
  lacksColumn,
  ownNetwork,
  type Row,
  readOnce,
  rowsOf,
} from '../support/kernel.ts';
import * as proc from '../support/proc.ts';
import { heldBy, lines, type SsLine, ssLines } from '../support/ss.ts';
import { prepare } from '../support/tcp-sockets.ts';

const UID = 54322;

/** A socket as ss and its line of /proc/net/udp or udp6 have it. */
interface Known {
  readonly ss: SsLine;
  readonly proc: readonly string[];
  readonly v6: boolean;
}
type Expected = number | string | boolean | null | undefined;
type Reference = ((known: Known) => Expected) | { readonly test: string };

/** bound to a device: 127.0.0.1%lo:80; an address of any family: *:80 */
const end = (text: string, v6: boolean) =>
  text
    .replace(/%[^:]+/, '')
    .replace(/^\*:/, v6 ? '[::]:' : '0.0.0.0:')
    .replace(/\[::ffff:([\d.]+)\]/, '[::ffff:$1]');
const local = (k: Known) => end(k.ss.words[3], k.v6);
const remote = (k: Known) => end(k.ss.words[4], k.v6);
const address = (text: string) => text.slice(0, text.lastIndexOf(':')).replace(/[[\]]/g, '');
const port = (text: string) => Number(text.slice(text.lastIndexOf(':') + 1).replace('*', '0'));
const receiveQueue = (k: Known) => Number(k.ss.words[1]);
const sendQueue = (k: Known) => Number(k.ss.words[2]);

const REFERENCE: Readonly<Record<string, Reference>> = {
  sk: { test: 'sk' },
  family: (k) => (k.v6 ? 'inet6' : 'inet'),
  state: (k) => (k.ss.words[0] === 'ESTAB' ? 'ESTABLISHED' : 'CLOSE'),
  laddr: (k) => address(local(k)),
  lport: (k) => port(k.ss.words[3]),
  raddr: (k) => address(remote(k)),
  rport: (k) => port(k.ss.words[4]),
  local,
  remote,
  user: (k) => Number(k.proc[7]),
  inode: (k) => Number(k.proc[9]),
  pid: (k) => k.ss.users[0]?.pid ?? null,
  command: (k) => k.ss.users[0]?.command ?? null,
  fd: (k) => k.ss.users[0]?.fd ?? null,
  holders: (k) => k.ss.users.length,
  held_by: (k) => heldBy(k.ss.users),
  rmem: (k) => k.ss.memory['r'],
  forward_deficit: (k) => k.ss.memory['r'] - receiveQueue(k),
  wmem: (k) => k.ss.memory['t'] + 1,
  rxq: receiveQueue,
  txq: sendQueue,
  rcvbuf: (k) => k.ss.memory['rb'],
  sndbuf: (k) => k.ss.memory['tb'],
  drops: (k) => Number(k.proc[12]),
  drop_rate: { test: 'drop_rate' },
  dev: (k) => (k.ss.words[3].includes('%lo') ? Number(fs.readFileSync('/sys/class/net/lo/ifindex', 'utf8')) : null),
  netns: () => proc.namespace(process.pid, 'net'),
  // ss shows it for sockets without connect() only.
  v6only: (k) => ('v6only' in k.ss.info ? k.ss.info['v6only'] === '1' : undefined),
  reuseport: { test: 'reuseport' },
  mark: (k) => Number(k.ss.info['fwmark'] ?? 0) || null,
  cookie: (k) => Number.parseInt(k.ss.info['sk'], 16),
  cgroup: (k) => k.ss.info['cgroup'],
  owner_cgroup: (k) => (k.ss.users[0] ? proc.cgroup(k.ss.users[0].pid) : null),
  // Nobody here is in one: see container.test.ts.
  container: () => null,
  grew: { test: 'growth.test.ts' },
};

test('every column of udp has a reference', () => {
  expect(Object.keys(REFERENCE).sort()).toEqual(allColumns(udp).sort());
});

describeKernel('udp', () => {
  const from = collector(udp);
  const mount = proc.cgroupMount();
  let child: Child;
  let holder = 0;
  let group = '';
  /** Port by name. */
  let made: Record<string, number>;

  beforeAll(async () => {
    ownNetwork();
    child = await Child.start();
    if (mount) {
      group = path.join(mount, `itertop-udp-${process.pid}`);
      fs.mkdirSync(group);
      fs.writeFileSync(path.join(group, 'cgroup.procs'), String(child.pid));
    }
    await prepare(child);
    made = await child.run(({ kept }) => {
      const { tcp } = kept;
      const ports: Record<string, number> = {};
      kept.udp = {} as Record<string, number>;
      const open = (
        name: string,
        family: number,
        of: 'loopback' | 'any',
        before: (fd: number) => void = () => {},
      ): number => {
        const fd = tcp.socket(family === 4 ? 2 : 10, 2 | 0o2004000, 0);
        before(fd);
        const bound = tcp.address(family, 0, of);
        tcp.bind(fd, bound, bound.length);
        ports[name] = tcp.port(fd);
        kept.udp[name] = fd;
        return fd;
      };
      const connect = (fd: number, family: number, to: number, of: 'loopback' | 'mapped' = 'loopback') => {
        const remote = tcp.address(family, to, of);
        tcp.connect(fd, remote, remote.length);
      };
      const send = (to: number, count: number, size: number) => {
        const fd = tcp.socket(2, 2 | 0o2004000, 0);
        connect(fd, 4, to);
        for (let i = 0; i < count; i++) tcp.write(fd, Buffer.alloc(size), size);
        tcp.close(fd);
      };
      kept.send = send;
      const unread = open('unread', 4, 'loopback');
      send(ports['unread'], 6, 1000);
      tcp.read(unread, Buffer.alloc(2000), 2000);
      open('any', 4, 'any');
      connect(open('client', 4, 'loopback'), 4, ports['any']);
      open('v6', 6, 'loopback', (fd) => tcp.option(fd, 41, 26, 1));
      open('dual', 6, 'any', (fd) => tcp.option(fd, 41, 26, 0));
      connect(
        open('mapped', 6, 'any', (fd) => tcp.option(fd, 41, 26, 0)),
        6,
        ports['any'],
        'mapped',
      );
      connect(open('v6 client', 6, 'loopback'), 6, ports['v6']);
      open('full', 4, 'loopback', (fd) => tcp.option(fd, 1, 8, 2304));
      send(ports['full'], 40, 1000);
      open('reuseport', 4, 'loopback', (fd) => tcp.option(fd, 1, 15, 1));
      open('mark', 4, 'loopback', (fd) => tcp.option(fd, 1, 36, 0xbeef));
      open('device', 4, 'loopback', (fd) => tcp.set(fd, 1, 25, Buffer.from('lo\0'), 3));
      const corked = open('corked', 4, 'loopback', (fd) => tcp.option(fd, 17, 1, 1));
      connect(corked, 4, ports['any']);
      tcp.write(corked, Buffer.alloc(300), 300);
      return ports;
    });
    await child.run(({ kept }, uid: number) => {
      const { tcp } = kept;
      process.seteuid!(uid);
      const fd = tcp.socket(2, 2 | 0o2000000, 0);
      process.seteuid!(0);
      const bound = tcp.address(4, 0);
      tcp.bind(fd, bound, bound.length);
    }, UID);
    // A second process that holds one of them.
    holder = await child.run(({ kept, node }) => {
      const { spawn } = node<typeof import('node:child_process')>('child_process');
      kept.holder = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', kept.udp['any']] });
      return kept.holder.pid as number;
    });
    await sleep(200);
  });
  afterAll(async () => {
    from.close();
    if (holder) process.kill(holder, 'SIGKILL');
    await child.end();
    if (group) await eventually(() => fs.rmdirSync(group));
  });

  const known = (): Known[] => {
    const read = (name: string) => lines(fs.readFileSync(`/proc/self/net/${name}`, 'latin1')).slice(1);
    const four = read('udp');
    const six = read('udp6');
    return ssLines('-HuanpemO', '--cgroup').map((ss) => {
      const is = (l: readonly string[]) => l[9] === ss.info['ino'];
      const line = four.find(is) ?? six.find(is);
      if (!line) throw new Error(`/proc/net has no ${ss.words.join(' ')}`);
      return { ss, proc: line, v6: six.includes(line) };
    });
  };
  const matched = () => {
    const list = known();
    const rows = rowsOf(collect(from).table);
    return list.map((k) => {
      const row = rows.find((r) => r.cell('inode') === k.ss.info['ino']);
      if (!row) throw new Error(`no row for ${k.ss.words.join(' ')}`);
      return { row, known: k };
    });
  };
  const rowAt = (name: string, rows: readonly Row[] = rowsOf(collect(from).table)) =>
    rows.find((r) => r.number('lport') === made[name])!;

  test('rows are those of ss: none lost, none more', async () => {
    await eventually(() => {
      const text = (r: Row) => ['inode', 'state', 'rxq', 'txq', 'local', 'remote'].map((c) => r.value(c)).join(' ');
      const rows = rowsOf(collect(from).table).map(text).sort();
      const expected = known().map((k) =>
        [
          k.ss.info['ino'],
          k.ss.words[0] === 'ESTAB' ? 'ESTABLISHED' : 'CLOSE',
          ...k.ss.words.slice(1, 3),
          local(k),
          remote(k),
        ].join(' '),
      );
      expect(rows).toEqual(expected.sort());
      expect(rows.length).toBe(Object.keys(made).length + 1);
    });
  });

  test.for(
    Object.entries(REFERENCE).filter(
      (entry): entry is [string, (k: Known) => Expected] => typeof entry[1] === 'function',
    ),
  )('%s equals what ss and /proc say', async ([column, reference], { skip }) => {
    const why = lacksColumn(udp, column);
    skip(why !== '', why);
    await eventually(() => {
      const list = matched().filter(({ known: k }) => reference(k) !== undefined);
      expect(list.length).toBeGreaterThan(0);
      const value = (row: Row) => {
        const v = row.value(column);
        return typeof v === 'bigint' ? Number(v) : v;
      };
      expect(list.map(({ row }) => [row.cell('local'), value(row)])).toEqual(
        list.map(({ row, known: k }) => [row.cell('local'), reference(k)]),
      );
    });
  });

  test('what was made shows: queues, drops, user, device, a second holder', () => {
    const rows = rowsOf(collect(from).table);
    expect(rowAt('unread', rows).number('rxq')).toBeGreaterThan(5 * 1000);
    expect(rowAt('unread', rows).number('forward_deficit')).toBeGreaterThan(1000);
    expect(rowAt('corked', rows).number('txq')).toBeGreaterThan(300);
    expect(rowAt('full', rows).number('drops')).toBeGreaterThan(30);
    expect(rows.filter((r) => r.number('user') === UID).length).toBe(1);
    expect(rowAt('device', rows).number('dev')).toBe(1);
    expect(rowAt('any', rows).number('holders')).toBe(2);
    expect(rowAt('any', rows).number('pid')).toBe(Math.min(child.pid, holder));
    expect(rowAt('mapped', rows).text('remote')).toBe(`[::ffff:127.0.0.1]:${made['any']}`);
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

  test('reuseport: of the one that asked for it', () => {
    expect(
      rowsOf(collect(from).table)
        .filter((r) => r.value('reuseport'))
        .map((r) => r.number('lport')),
    ).toEqual([made['reuseport']]);
  });

  test('drop_rate: packets a second since the last refresh', async () => {
    const between = new Interval();
    const first = between.first(() => rowAt('full').number('drops'));
    await child.run(({ kept }, to: number) => kept.send(to, 50, 1000), made['full']);
    await sleep(200);
    const row = between.last(() => rowAt('full'));
    expect(row.number('drops')).toBe(first + 50);
    between.expectRate(row.number('drop_rate'), 50);
    expect(rowAt('any').number('drop_rate')).toBe(0);
  });

  test.each<[string, Parameters<typeof readOnce>[1], (r: Row) => boolean]>([
    ['port', { filters: { port: [[0, 0]] } }, (r) => r.number('lport') === 0 || r.number('rport') === 0],
    ['user', { filters: { user: [[UID, UID]] } }, (r) => r.number('user') === UID],
    [
      'user, ranges',
      {
        filters: {
          user: [
            [1, UID - 1],
            [UID + 1, UID + 5],
          ],
        },
      },
      () => false,
    ],
  ])('filter %s keeps what it says', (_name, ask, keeps) => {
    const all = rowsOf(readOnce(udp).table);
    const kept = rowsOf(readOnce(udp, ask).table);
    const inode = (r: Row) => r.number('inode');
    expect(kept.map(inode).sort()).toEqual(all.filter(keeps).map(inode).sort());
  });

  test.each(['port', 'lport', 'rport'] as const)('filter %s by a port that both ends know', (filter) => {
    const port = made['any'];
    const kept = rowsOf(readOnce(udp, { filters: { [filter]: [[port, port]] } }).table);
    const ends = (r: Row) => [r.number('lport') === port, r.number('rport') === port];
    expect(kept.map((r) => r.number('lport')).sort()).toEqual(
      rowsOf(readOnce(udp).table)
        .filter((r) => (ends(r)[0] && filter !== 'rport') || (ends(r)[1] && filter !== 'lport'))
        .map((r) => r.number('lport'))
        .sort(),
    );
    expect(kept.length).toBeGreaterThan(0);
  });

  test('filter pid: sockets that a process holds, found through their descriptors', () => {
    const ask = (pid: number) => rowsOf(readOnce(udp, { filters: { pid: [[pid, pid]] } }).table);
    expect(ask(holder).map((r) => r.number('lport'))).toEqual([made['any']]);
    expect(ask(child.pid).length).toBe(Object.keys(made).length + 1);
    expect(ask(process.pid)).toEqual([]);
  });
});
