import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tcp } from '../../src/templates/builtin/tcp.ts';
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
import { SS_STATES, type SsRow, ss } from '../support/sockets.ts';
import { heldBy } from '../support/ss.ts';
import { type Made, openSockets, prepare, type TcpInfo, tcpInfo } from '../support/tcp-sockets.ts';

/** What is known about one socket from elsewhere: ss, and TCP_INFO where its owner can still ask. */
interface Known {
  readonly ss: SsRow;
  readonly info: TcpInfo | undefined;
  readonly full: boolean;
  /** The other end. */
  readonly peer: SsRow | undefined;
}
/** undefined: cannot be known for this socket. null: absent. */
type Expected = number | string | boolean | null | undefined;
type Reference = ((known: Known) => Expected) | { readonly test: string };

const STATES = (k: Known) => SS_STATES[k.ss.state];
const listening = (k: Known) => k.ss.state === 'LISTEN';
/** TCP_INFO of a connection; it has other meanings for LISTEN. */
const info =
  (member: string): Reference =>
  (k) =>
    listening(k) ? undefined : k.full ? k.info?.[member] : null;
/** bound to a device: 127.0.0.1%lo:80; an address of any family: *:80 */
const end = (text: string, v6: boolean) => text.replace(/%[^:]+/, '').replace(/^\*:/, v6 ? '[::]:' : '0.0.0.0:');
const isV6 = (k: Known) => /\[|^\*/.test(k.ss.local);
const local = (k: Known) => end(k.ss.local, isV6(k));
const remote = (k: Known) => end(k.ss.remote, isV6(k));
const address = (text: string) => text.slice(0, text.lastIndexOf(':')).replace(/[[\]]/g, '');
const port = (text: string) => Number(text.slice(text.lastIndexOf(':') + 1).replace('*', '0'));
const users = (k: Known) =>
  [...k.ss.line.matchAll(/\("([^"]*)",pid=(\d+),fd=(\d+)\)/g)]
    .map((m) => ({ command: m[1], pid: Number(m[2]), fd: Number(m[3]) }))
    .sort((a, b) => a.pid - b.pid || a.fd - b.fd);
const peerUser = (k: Known) => (k.peer ? users({ ...k, ss: k.peer })[0] : undefined);
/** An end of a connection, whatever family the socket is of. */
const plain = (text: string) => text.replace(/^\[::ffff:([\d.]+)\]/, '$1');
const skmem = (k: Known, name: string) => {
  const found = new RegExp(`skmem:\\(.*?\\b${name}(\\d+)`).exec(k.ss.line);
  return k.full ? (found ? Number(found[1]) : undefined) : null;
};
const none = (value: number | undefined, absent: number): Expected => (value === absent ? null : value);

const REFERENCE: Readonly<Record<string, Reference>> = {
  sk: { test: 'sk' },
  family: (k) => (isV6(k) ? 'inet6' : 'inet'),
  sk_state: { test: 'states' },
  tw_substate: { test: 'states' },
  state: STATES,
  laddr: (k) => address(local(k)),
  lport: (k) => port(k.ss.local),
  raddr: (k) => address(remote(k)),
  rport: (k) => port(k.ss.remote),
  local: (k) => local(k),
  remote: (k) => remote(k),
  user: (k) => (k.full ? Number(k.ss.info['uid'] ?? 0) : null),
  inode: (k) => none(Number(k.ss.info['ino'] ?? 0), 0),
  pid: (k) => users(k)[0]?.pid ?? null,
  command: (k) => users(k)[0]?.command ?? null,
  fd: (k) => users(k)[0]?.fd ?? null,
  holders: (k) => users(k).length,
  held_by: (k) => heldBy(users(k)),
  peer_pid: (k) => peerUser(k)?.pid ?? null,
  peer_command: (k) => peerUser(k)?.command ?? null,
  peer_inode: (k) => none(Number(k.peer?.info['ino'] ?? 0), 0),
  rcv_nxt: { test: 'sequence numbers' },
  copied_seq: { test: 'sequence numbers' },
  write_seq: { test: 'sequence numbers' },
  snd_una: { test: 'sequence numbers' },
  backlog: (k) => (listening(k) ? k.ss.recvQ : undefined),
  max_backlog: (k) => (listening(k) ? k.ss.sendQ : undefined),
  // ss says 0 where there is no queue at all.
  rxq: (k) => (k.full ? k.ss.recvQ : null),
  txq: (k) => (k.full ? k.ss.sendQ : null),
  srtt8: { test: 'round-trip times' },
  rttvar4: { test: 'round-trip times' },
  rtt: { test: 'round-trip times' },
  rttvar: { test: 'round-trip times' },
  min_rtt_us: info('min_rtt'),
  min_rtt: (k) => (listening(k) ? undefined : k.full ? none(k.info?.['min_rtt'], 4294967295) : null),
  cwnd: info('snd_cwnd'),
  ssthresh_raw: info('snd_ssthresh'),
  ssthresh: (k) => (listening(k) ? undefined : k.full ? none(k.info?.['snd_ssthresh'], 2147483647) : null),
  mss: info('snd_mss'),
  retrans: info('total_retrans'),
  retrans_rate: { test: 'rates' },
  retrans_out: info('retrans'),
  lost: info('lost'),
  unacked: info('unacked'),
  bytes_in: info('bytes_received'),
  bytes_out: info('bytes_acked'),
  bytes_sent: info('bytes_sent'),
  bytes_retrans: info('bytes_retrans'),
  in_rate: { test: 'rates' },
  out_rate: { test: 'rates' },
  segs_in: info('segs_in'),
  segs_out: info('segs_out'),
  // All ones, before there is one, are above what a number holds exactly.
  pacing_raw: (k) => (k.full && k.info ? k.info['pacing_rate'] : undefined),
  pacing: (k) => (k.full && k.info ? none(k.info['pacing_rate'], 2 ** 64) : undefined),
  snd_wnd: info('snd_wnd'),
  rcv_wnd: info('rcv_wnd'),
  rcvbuf: (k) => skmem(k, 'rb'),
  sndbuf: (k) => skmem(k, 'tb'),
  drops: (k) => skmem(k, 'd'),
  ca: (k) => {
    if (!k.full) return null;
    return ['reno', 'cubic', 'bbr', 'dctcp', 'vegas', 'westwood'].find((name) => name in k.ss.info);
  },
  rto: { test: 'rto' },
  pending: { test: 'timers' },
  retransmit_at: { test: 'timers' },
  keepalive_on: { test: 'timers' },
  keepalive_at: { test: 'timers' },
  tw_at: { test: 'timers' },
  syn_at: { test: 'timers' },
  timer: (k) => /timer:\((\w+)/.exec(k.ss.line)?.[1] ?? null,
  timer_in: { test: 'timers' },
  syn_retrans: (k) => (k.ss.state === 'SYN-RECV' ? Number(/timer:\(on,[^,]*,(\d+)/.exec(k.ss.line)![1]) : null),
  probes: info('probes'),
  netns: () => proc.namespace(process.pid, 'net'),
  dev: (k) => (k.ss.local.includes('%lo') ? Number(fs.readFileSync('/sys/class/net/lo/ifindex', 'utf8')) : null),
  mark: (k) => (k.full ? Number(k.ss.info['fwmark'] ?? 0) || null : null),
  // ss shows it for listeners only, although connections inherit it.
  v6only: (k) => (listening(k) ? k.ss.info['v6only'] === '1' : undefined),
  cookie: (k) => Number.parseInt(k.ss.info['sk'], 16),
  cgroup: (k) => (k.full ? (k.ss.info['cgroup'] ?? undefined) : null),
  owner_cgroup: (k) => (users(k)[0] ? proc.cgroup(users(k)[0].pid) : null),
  // Nobody here is in one: see container.test.ts.
  container: () => null,
  grew: { test: 'growth.test.ts' },
};

test('every column of tcp has a reference', () => {
  expect(Object.keys(REFERENCE).sort()).toEqual(allColumns(tcp).sort());
});

/** 1min59sec, 59sec, 032ms; 1.234ms is 1234 ms. */
function timerMs(text: string): number {
  const odd = /^(\d+)\.(\d+)ms$/.exec(text);
  if (odd) return Number(odd[1]) * 1000 + Number(odd[2]);
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(min|sec|ms)/g))
    ms += Number(number) * (unit === 'min' ? 60_000 : unit === 'sec' ? 1000 : 1);
  return ms;
}

describeKernel('columns of tcp', () => {
  const from = collector(tcp);
  let child: Child;
  let made: Record<string, Made>;
  let group = '';
  const mount = proc.cgroupMount();

  const portFilter = () => ({ lport: Object.values(made).map((m) => [m.port, m.port] as const) });
  const mine = () => rowsOf(collect(from, { filters: portFilter() }).table);
  const rowAt = (rows: readonly Row[], name: string) => {
    const { port } = made[name];
    const found = rows.filter(
      (r) => r.number('lport') === port && (r.cell('state') === 'LISTEN') === name.includes('listen'),
    );
    return found.find((r) => name.includes('server') || name.includes('listen') || r.number('lport') === port)!;
  };
  /** Rows and what ss says, matched by their ends. */
  const both = async () => {
    const rows = rowsOf(collect(from).table);
    const shown = ss();
    const asked = Object.values(made).filter((m) => fdsOpen.has(m.fd));
    const infos = await tcpInfo(
      child,
      asked.map((m) => m.fd),
    );
    const again = rowsOf(collect(from).table);
    const ports = new Set(Object.values(made).map((m) => m.port));
    const list: { row: Row; later: Row; known: Known }[] = [];
    for (const line of shown) {
      if (!ports.has(port(line.local)) && !ports.has(port(line.remote))) continue;
      const peer = shown.find(
        (other) =>
          end(plain(other.local), false) === end(plain(line.remote), false) &&
          end(plain(other.remote), false) === end(plain(line.local), false),
      );
      const known: Known = { ss: line, info: undefined, full: !['TIME-WAIT', 'SYN-RECV'].includes(line.state), peer };
      const is = (r: Row) => r.text('local') === local(known) && r.text('remote') === remote(known);
      const [row, later] = [rows.find(is), again.find(is)];
      if (!row || !later) throw new Error(`no row for ${line.line}`);
      // A minisock in FIN_WAIT2 is shown by ss with its substate.
      const full = known.full && !(row.cell('sk_state') === 'TIME_WAIT');
      const owner = users(known).find((u) => u.pid === child.pid);
      const at = owner ? asked.findIndex((m) => m.fd === owner.fd) : -1;
      list.push({ row, later, known: { ss: line, info: at < 0 ? undefined : infos[at], full, peer } });
    }
    return list;
  };
  const fdsOpen = new Set<number>();

  beforeAll(async () => {
    ownNetwork();
    child = await Child.start();
    if (mount) {
      group = path.join(mount, `itertop-tcp-${process.pid}`);
      fs.mkdirSync(group);
      fs.writeFileSync(path.join(group, 'cgroup.procs'), String(child.pid));
    }
    await prepare(child);
    made = await openSockets(child);
    for (const fd of proc.descriptors(child.pid)) fdsOpen.add(fd);
    for (const [name, { fd }] of Object.entries(made)) {
      const gone = ['orphan client', 'timewait client', 'timewait server', 'last_ack server'].includes(name);
      if (gone) fdsOpen.delete(fd);
    }
    await sleep(300);
  });
  afterAll(async () => {
    from.close();
    await child.end();
    if (group) await eventually(() => fs.rmdirSync(group)).catch(() => {});
  });

  test('the sockets are in the states that they were made for', async () => {
    const states = new Set((await both()).map(({ row }) => row.cell('state')));
    expect([...states].sort()).toEqual(
      [
        'CLOSE_WAIT',
        'ESTABLISHED',
        'FIN_WAIT1',
        'FIN_WAIT2',
        'LAST_ACK',
        'LISTEN',
        'SYN_RECV',
        'SYN_SENT',
        'TIME_WAIT',
      ].sort(),
    );
  });

  // Those of a minute at most first: they run out by themselves, on a busy machine before the tests are done.
  test('states: sk_state is of the object, state of the connection', async () => {
    for (const { row, known } of await both()) {
      const sub = row.cell('tw_substate');
      if (sub === '') expect(row.cell('sk_state')).toBe(SS_STATES[known.ss.state]);
      else {
        expect(row.cell('sk_state')).toBe('TIME_WAIT');
        expect(sub).toBe(SS_STATES[known.ss.state]);
      }
    }
    const rows = mine();
    expect(rows.some((r) => r.cell('tw_substate') === 'FIN_WAIT2')).toBe(true);
    expect(rows.some((r) => r.cell('tw_substate') === '' && r.cell('state') === 'FIN_WAIT2')).toBe(true);
  });

  test('timers: which one, how long, and the jiffies behind it', async () => {
    await eventually(async () => {
      const seen = new Set<string>();
      for (const { row, later, known } of await both()) {
        const shown = /timer:\((\w+),([^,]*),/.exec(known.ss.line);
        const timer = shown?.[1] ?? '';
        expect(row.cell('timer')).toBe(timer);
        const pending = row.number('pending');
        if (known.full) {
          expect([1, 5, 6].includes(pending)).toBe(timer === 'on');
          expect(pending === 3).toBe(timer === 'persist');
          if (timer === 'keepalive') expect(row.number('keepalive_on')).toBeGreaterThan(0);
        }
        if (timer === '') {
          expect(row.value('timer_in')).toBeNull();
          continue;
        }
        seen.add(timer);
        const ms = timerMs(shown![2]);
        // ss leaves out the smaller units of longer times.
        const coarse = /ms$/.test(shown![2]) ? 20 : /sec$/.test(shown![2]) ? 1020 : 60_020;
        expect(row.number('timer_in')).toBeGreaterThanOrEqual(ms - 20);
        expect(later.number('timer_in')).toBeLessThanOrEqual(ms + coarse);
        const { jiffies } = row.table.batch.footer!;
        const { hz } = row.table.context;
        const column =
          timer === 'keepalive'
            ? 'keepalive_at'
            : timer === 'timewait'
              ? 'tw_at'
              : row.cell('sk_state') === 'SYN_RECV'
                ? 'syn_at'
                : 'retransmit_at';
        const left = ((row.number(column) - (jiffies % 2 ** 32)) | 0) * (1000 / hz);
        expect(row.number('timer_in')).toBe(Math.max(0, left));
      }
      expect([...seen].sort()).toEqual(['keepalive', 'on', 'persist', 'timewait']);
    });
  });

  test('a request that waits for data was not answered again, one that is not acknowledged was', async () => {
    await sleep(1300);
    const rows = rowsOf(readOnce(tcp).table);
    const of = (client: string) =>
      rows.find((r) => r.cell('state') === 'SYN_RECV' && r.number('rport') === made[client].port);
    expect(of('deferred client')!.number('syn_retrans')).toBe(0);
    // To one who does not hear, SYN-ACK is sent again.
    expect(of('deaf')!.number('syn_retrans')).toBeGreaterThan(0);
  });

  test.for(
    Object.entries(REFERENCE).filter(
      (entry): entry is [string, (k: Known) => Expected] => typeof entry[1] === 'function',
    ),
  )('%s equals what ss and TCP_INFO say', async ([column, reference], { skip }) => {
    const why = lacksColumn(tcp, column);
    skip(why !== '', why);
    await eventually(async () => {
      let compared = 0;
      for (const { row, later, known } of await both()) {
        const expected = reference(known);
        if (expected === undefined) continue;
        compared++;
        const values = [row.value(column), later.value(column)].map((v) => (typeof v === 'bigint' ? Number(v) : v));
        // It may change between the looks: one of them has it, or it lies between.
        const between =
          typeof expected === 'number' &&
          Number(values[0]) <= expected &&
          expected <= Number(values[1]) &&
          values[0] !== null;
        if (!between)
          expect({ socket: known.ss.line.trim(), values }).toEqual({
            socket: known.ss.line.trim(),
            values: expect.toSatisfy((v: unknown[]) => v.includes(expected), `one is ${expected}`),
          });
      }
      expect(compared).toBeGreaterThan(0);
    });
  });

  test('sk: one address each, the same at the next refresh, exact', () => {
    const [a, b] = [mine(), mine()];
    const known = a.map((r) => r.cell('sk'));
    expect(new Set(known).size).toBe(a.length);
    expect(b.map((r) => r.cell('sk')).sort()).toEqual([...known].sort());
    for (const row of a) expect(row.value('sk')).toBe(BigInt(row.cell('sk')));
  });

  test('queues hold what was written and not read, and what waits for accept()', () => {
    const rows = mine();
    expect(rowAt(rows, 'listen').number('rxq')).toBe(2);
    expect(rowAt(rows, 'listen').number('txq')).toBe(9);
    const server = rowsOf(readOnce(tcp).table).find((r) => r.number('rport') === made['unread client'].port)!;
    expect(server.number('rxq')).toBe(1234);
    expect(rowAt(rows, 'full client').number('txq')).toBeGreaterThan(10_000);
    expect(rowAt(rows, 'full client').cell('timer')).toMatch(/persist|on/);
  });

  test('sequence numbers are those that TCP_REPAIR shows', async () => {
    const { fd } = made['unread client'];
    const peer = made['unread server'].fd;
    const seqs = await child.run(
      ({ kept }, [a, b]) => {
        const { tcp } = kept;
        return [a, b].map((fd) => {
          tcp.option(fd, 6, 19, 1); // TCP_REPAIR
          const [receive, send] = [1, 2].map((queue) => {
            tcp.option(fd, 6, 20, queue); // TCP_REPAIR_QUEUE
            return tcp.getOption(fd, 6, 21) >>> 0; // TCP_QUEUE_SEQ
          });
          tcp.option(fd, 6, 19, -1);
          return { receive, send };
        });
      },
      [fd, peer],
    );
    const rows = rowsOf(readOnce(tcp).table);
    const client = rows.find((r) => r.number('lport') === made['unread client'].port)!;
    const server = rows.find((r) => r.number('rport') === made['unread client'].port)!;
    expect([client.number('write_seq'), client.number('rcv_nxt')]).toEqual([seqs[0].send, seqs[0].receive]);
    expect([server.number('write_seq'), server.number('rcv_nxt')]).toEqual([seqs[1].send, seqs[1].receive]);
    expect(server.number('copied_seq')).toBe((server.number('rcv_nxt') - 1234) >>> 0);
    expect(client.number('snd_una')).toBe(client.number('write_seq'));
  });

  test('round-trip times are those of TCP_INFO, with their fractions', async () => {
    await eventually(async () => {
      let measured = 0;
      for (const { row, known } of await both()) {
        if (!known.info || listening(known)) continue;
        const { rtt, rttvar } = known.info;
        expect([Math.floor(row.number('srtt8') / 8), Math.floor(row.number('rttvar4') / 4)]).toEqual([rtt, rttvar]);
        if (row.number('srtt8') > 0) {
          measured++;
          expect(row.number('rtt')).toBe(row.number('srtt8') / 8);
          expect(row.number('rttvar')).toBe(row.number('rttvar4') / 4);
        } else expect([row.value('rtt'), row.cell('rtt')]).toEqual([null, '']);
      }
      expect(measured).toBeGreaterThan(10);
    });
  });

  test('rto in jiffies is the one of TCP_INFO in microseconds', async () => {
    await eventually(async () => {
      for (const { row, known } of await both()) {
        if (!known.info || listening(known)) continue;
        const { hz } = row.table.context;
        expect(Math.abs((row.number('rto') * 1e6) / hz - known.info['rto'])).toBeLessThanOrEqual(1e6 / hz);
      }
    });
  });

  test('options that were set are seen', () => {
    const row = rowAt(mine(), 'options');
    expect(row.value('ca')).toBe('reno');
    expect(row.cell('mark')).toBe('0x1234');
    expect(row.number('dev')).toBe(1);
    expect(row.number('rcvbuf')).toBe(140_000);
    expect(row.number('sndbuf')).toBe(100_000);
    expect(row.cell('timer')).toBe('keepalive');
    expect(row.number('pacing')).toBeLessThanOrEqual(1_000_000);
    const strict = rowAt(mine(), 'listen v6');
    expect([strict.value('v6only'), strict.text('local')]).toEqual([true, `[::]:${made['listen v6'].port}`]);
    expect(rowAt(mine(), 'listen dual').value('v6only')).toBe(false);
  });

  test('lost segments are sent again and counted on both sides', async () => {
    await eventually(async () => {
      const row = rowAt(mine(), 'loss client');
      const [info] = await tcpInfo(child, [made['loss client'].fd]);
      expect(row.number('retrans')).toBeGreaterThan(0);
      expect([row.number('retrans'), row.number('bytes_retrans')]).toEqual([
        info['total_retrans'],
        info['bytes_retrans'],
      ]);
      const deaf = rowsOf(readOnce(tcp).table).find((r) => r.number('rport') === made['loss client'].port)!;
      expect(deaf.number('drops')).toBeGreaterThan(0);
    });
    const [line] = ss(`sport = :${made['loss client'].port}`);
    expect(line.info['retrans']).toMatch(/^\d+\/[1-9]/);
  });

  test('user: who made the socket', () => {
    expect(rowAt(mine(), 'listen other user').value('user')).toBe(65534);
    expect(rowAt(mine(), 'listen').value('user')).toBe(0);
  });

  test('owner: lowest PID, its descriptor there, and everyone who shares it', async () => {
    const { fd, port } = made['listen'];
    const heirs = await child.run(({ node }, fd) => {
      const { spawn } = node<typeof import('node:child_process')>('child_process');
      return [1, 2].map(() => spawn('sleep', ['60'], { stdio: [fd, 'ignore', 'ignore', fd] }).pid!);
    }, fd);
    try {
      await eventually(() => {
        const row = rowAt(mine(), 'listen');
        expect(row.number('holders')).toBe(5);
        expect(row.number('pid')).toBe(Math.min(child.pid, ...heirs));
        const name = fs.readFileSync(`/proc/${child.pid}/comm`, 'utf8').trim();
        const all = [[child.pid, name] as const, ...heirs.map((pid) => [pid, 'sleep'] as const)];
        expect(row.text('held_by')).toBe(
          all
            .sort((a, b) => a[0] - b[0])
            .map(([pid, command]) => `${pid}/${command}`)
            .join(', '),
        );
        expect(
          users({ ss: ss('state', 'listening', `sport = :${port}`)[0], info: undefined, full: true, peer: undefined })
            .length,
        ).toBe(5);
      });
    } finally {
      for (const pid of heirs) process.kill(pid, 'SIGKILL');
    }
    await eventually(() => expect(rowAt(mine(), 'listen').number('holders')).toBe(1));
    const row = rowAt(mine(), 'listen');
    expect([row.number('pid'), row.number('fd'), row.text('command')]).toEqual([
      child.pid,
      fd,
      fs.readFileSync(`/proc/${child.pid}/comm`, 'utf8').trim(),
    ]);
  });

  test('rates: known traffic in a known time', async () => {
    const own = collector(tcp);
    const pairFds = [made['unread client'].fd, made['unread server'].fd] as const;
    const port = made['unread client'].port;
    const ask = { filters: { port: [[port, port]] as const } };
    const between = new Interval();
    const first = between.first(() => rowsOf(collect(own, ask).table));
    expect(first.every((r) => r.value('in_rate') === null && r.cell('in_rate') === '')).toBe(true);
    await child.run(async ({ kept }, [a, b]) => {
      const { tcp } = kept;
      const block = Buffer.alloc(10_000);
      for (let i = 0; i < 20; i++) {
        tcp.write(a, block, block.length);
        let got = 0;
        while (got < block.length) {
          try {
            got += Number(tcp.read(b, block, block.length - got));
          } catch {
            await new Promise((done) => setTimeout(done, 1));
          }
        }
        await new Promise((done) => setTimeout(done, 10));
      }
    }, pairFds);
    const rows = between.last(() => rowsOf(collect(own, ask).table));
    const [client, server] = [
      rows.find((r) => r.number('lport') === port)!,
      rows.find((r) => r.number('rport') === port)!,
    ];
    for (const rate of [client.number('out_rate'), server.number('in_rate')]) between.expectRate(rate, 200_000);
    expect([client.number('in_rate'), server.number('out_rate'), client.number('retrans_rate')]).toEqual([0, 0, 0]);
    own.close();
  });

  test('retransmissions a second', async () => {
    const own = collector(tcp);
    const port = await child.run(({ kept }, busy) => {
      const { tcp } = kept;
      return tcp.port(tcp.tryConnect(4, busy));
    }, made['busy listen'].port);
    const ask = { columns: ['lport', 'retrans', 'retrans_rate', 'state'], filters: { lport: [[port, port]] as const } };
    const between = new Interval();
    const before = between.first(() => rowsOf(collect(own, ask).table)[0].number('retrans'));
    // A SYN is sent again after a second.
    await eventually(() => {
      const row = rowsOf(collect(from, ask).table)[0];
      expect(row.number('retrans')).toBeGreaterThan(before);
    });
    const row = between.last(() => rowsOf(collect(own, ask).table)[0]);
    between.expectRate(row.number('retrans_rate'), row.number('retrans') - before);
    own.close();
  });

  test('another network namespace is not seen from here', async () => {
    await using other = await Child.start({
      through: ['unshare', '-n', 'sh', '-c', 'ip link set lo up; exec "$0" "$@"'],
    });
    await prepare(other);
    const there = await other.run(({ kept }) => kept.tcp.port(kept.tcp.listener(4, 4)));
    expect(rowsOf(readOnce(tcp).table).some((r) => r.number('pid') === other.pid)).toBe(false);
    expect(there).toBeGreaterThan(0);
  });

  test('a child that ends takes its rows with it', async () => {
    const listener = spawn(process.execPath, ['-e', "require('net').createServer().listen(0,'127.0.0.1')"]);
    await eventually(() =>
      expect(rowsOf(readOnce(tcp).table).some((r) => r.number('pid') === listener.pid)).toBe(true),
    );
    listener.kill('SIGKILL');
    await eventually(() =>
      expect(rowsOf(readOnce(tcp).table).some((r) => r.number('pid') === listener.pid)).toBe(false),
    );
  });
});
