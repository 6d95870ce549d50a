import fs from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ipv6Route } from '../../src/templates/builtin/ipv6-route.ts';
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
  rowsOf,
} from '../support/kernel.ts';
import * as proc from '../support/proc.ts';
import { lines } from '../support/ss.ts';

interface Hop {
  readonly gateway?: string;
  readonly dev: string;
  readonly weight?: number;
}
/** A route as `ip -j` has it, of a multipath route one of its next hops, and its line of /proc/net/ipv6_route. */
interface Known {
  readonly ip: Hop & {
    readonly dst: string;
    readonly from?: string;
    readonly prefsrc?: string;
    readonly type: string;
    readonly table: string;
    readonly protocol: string;
    readonly metric: number;
    readonly expires?: number;
    readonly nhid?: number;
    readonly nexthops?: readonly Hop[];
    readonly metrics?: readonly Readonly<Record<string, number>>[];
  };
  readonly hop: Hop;
  readonly proc: readonly string[];
}
type Expected = number | string | null | undefined;
type Reference = ((known: Known) => Expected) | { readonly test: string };

const hex = (text: string) => Number.parseInt(text, 16);
const prefix = (text: string) => (text === 'default' ? '::/0' : text.includes('/') ? text : `${text}/128`);
const metric = (name: string) => (k: Known) => k.ip.metrics?.find((m) => name in m)?.[name] ?? null;
/** Routes with nhid 21 have a next hop of its own, those with nhid 23 a group; see beforeAll. */
const kindOf = (k: Known) => (k.ip.nhid === undefined ? 'own' : k.ip.nhid === 23 ? 'group' : 'single');

/** The columns of a property of the next hop: what is there is there in one of the three kinds. */
function ofNextHop(name: string, value: (k: Known) => Expected): Record<string, Reference> {
  const found: Record<string, Reference> = { [name]: value };
  for (const kind of ['own', 'single', 'group'])
    found[`${name}_${kind}`] = (k) => (kindOf(k) === kind ? value(k) : null);
  return found;
}

const REFERENCE: Readonly<Record<string, Reference>> = {
  rt: { test: 'rt' },
  dest_addr: (k) => prefix(k.ip.dst).split('/')[0],
  dest_len: (k) => hex(k.proc[1]),
  dest: (k) => prefix(k.ip.dst),
  source_addr: (k) => (k.ip.from ?? '::/0').split('/')[0],
  source_len: (k) => hex(k.proc[3]),
  source: (k) => k.ip.from ?? '::/0',
  prefsrc_addr: (k) => k.ip.prefsrc ?? '::',
  prefsrc_len: (k) => (k.ip.prefsrc ? 128 : 0),
  prefsrc: (k) => k.ip.prefsrc ?? null,
  ...ofNextHop('gateway', (k) => k.hop.gateway ?? null),
  ...ofNextHop('gateway_family', (k) => (k.hop.gateway ? 10 : 0)),
  ...ofNextHop('device', (k) => k.hop.dev),
  ...ofNextHop('netns', () => proc.namespace(process.pid, 'net')),
  ...ofNextHop('weight', (k) => k.hop.weight ?? 1),
  nexthop_id: (k) => k.ip.nhid ?? null,
  siblings: (k) => (k.ip.nhid === undefined ? (k.ip.nexthops?.length ?? 1) - 1 : 0),
  metric: (k) => hex(k.proc[5]),
  table: (k) => k.ip.table,
  type: (k) => k.ip.type,
  protocol: (k) => k.ip.protocol,
  fib6_flags: (k) => (k.hop.gateway ? hex(k.proc[8]) & ~2 : hex(k.proc[8])) >>> 0,
  flags: (k) => hex(k.proc[8]),
  refs: (k) => hex(k.proc[6]),
  mtu: metric('mtu'),
  advmss: metric('advmss'),
  hoplimit: metric('hoplimit'),
  initcwnd: metric('initcwnd'),
  expires_at: { test: 'expires' },
  expires: { test: 'expires' },
};

test('every column of ipv6_route has a reference', () => {
  expect(Object.keys(REFERENCE).sort()).toEqual(allColumns(ipv6Route).sort());
});

/** 20010db8..., as /proc has it. */
const bytes = (row: Row, column: string) => row.table.bytes(row.at, column)!.subarray(8).toString('hex');
const identity = (k: { proc: readonly string[] }) => [0, 1, 2, 3, 4, 9].map((i) => k.proc[i]).join(' ');

function procRoutes(): string[][] {
  // The null entry that closes each table: this priority is no one else's.
  return lines(fs.readFileSync('/proc/self/net/ipv6_route', 'latin1')).filter((l) => l[5] !== 'ffffffff');
}

describeKernel('ipv6_route', () => {
  const from = collector(ipv6Route);
  const ip = (text: string) => output('ip', ...text.split(' '));

  beforeAll(() => {
    ownNetwork();
    for (const command of [
      'link add r0 type veth peer name r1',
      'link set r0 up',
      'link set r1 up',
      '-6 addr add 2001:db8:1::1/64 dev r0 nodad',
      '-6 route add default via 2001:db8:1::9 metric 5',
      '-6 route add 2001:db8:2::/48 via 2001:db8:1::2 metric 77 mtu 1400 advmss 1300 hoplimit 33 initcwnd 12 proto bgp',
      '-6 route add blackhole 2001:db8:3::/48',
      '-6 route add unreachable 2001:db8:4::/48 table 100',
      '-6 route add prohibit 2001:db8:5::/48',
      '-6 route add throw 2001:db8:6::/48 table 100',
      '-6 route add 2001:db8:7::/48 dev r0 expires 500 proto ra src 2001:db8:1::1',
      '-6 route add 2001:db8:8::/48 from 2001:db8:1::/64 dev r0',
      '-6 route add 2001:db8:9::/48 nexthop via 2001:db8:1::3 weight 3 nexthop via 2001:db8:1::4 weight 5',
      'nexthop add id 21 via 2001:db8:1::5 dev r0',
      'nexthop add id 22 via 2001:db8:1::6 dev r0',
      'nexthop add id 23 group 22,4/21',
      '-6 route add 2001:db8:a::/48 nhid 21',
      '-6 route add 2001:db8:b::/48 nhid 23',
    ])
      ip(command);
  });
  afterAll(() => from.close());

  /**
   * Rows with what ip and /proc say: the iterator and /proc walk in the same order. The kernel changes routes by
   * itself (a neighbour's answer holds one for a moment), so only a reading between two equal ones of /proc counts.
   */
  const matched = () => {
    let before: string[][], rows: Row[], list: Known['ip'][], after: string[][];
    let tries = 50;
    do {
      before = procRoutes();
      rows = rowsOf(collect(from).table);
      list = JSON.parse(ip('-6 -j -d route show table all'));
      after = procRoutes();
    } while (!isDeepStrictEqual(before, after) && --tries > 0);
    expect(after).toEqual(before);
    expect(rows.length).toBe(before.length);
    return rows.map((row, i) => {
      const route = list.find(
        (r) =>
          prefix(r.dst) === row.text('dest') &&
          r.table === row.cell('table') &&
          (r.dev === undefined || r.dev === row.text('device')),
      );
      if (!route) throw new Error(`ip has no ${row.text('dest')}`);
      const hop = route.nexthops?.find((h) => h.gateway === row.text('gateway')) ?? route;
      return { row, known: { ip: route, hop, proc: before[i] } };
    });
  };

  test('rows are those of /proc/net/ipv6_route but for null entries, and those of ip -6 route', async () => {
    await eventually(() => {
      const list = matched();
      for (const { row, known } of list) {
        const [gateway, device] = [row.text('gateway'), row.text('device')];
        const own =
          row.cell('gateway_own') === gateway
            ? 'gateway_own'
            : row.cell('gateway_single') === gateway
              ? 'gateway_single'
              : 'gateway_group';
        const text = [
          bytes(row, 'dest_addr'),
          row.number('dest_len').toString(16).padStart(2, '0'),
          bytes(row, 'source_addr'),
          row.number('source_len').toString(16).padStart(2, '0'),
          gateway === '' ? '0'.repeat(32) : bytes(row, own),
          device,
        ].join(' ');
        expect(text).toBe(identity(known));
      }
      const routes: Known['ip'][] = JSON.parse(ip('-6 -j -d route show table all'));
      const hops = routes.reduce((sum, r) => sum + (r.nhid === undefined ? (r.nexthops?.length ?? 1) : 1), 0);
      expect(list.length).toBe(hops);
    });
  });

  test.for(
    Object.entries(REFERENCE).filter(
      (entry): entry is [string, (k: Known) => Expected] => typeof entry[1] === 'function',
    ),
  )('%s equals what ip and /proc say', async ([column, reference], { skip }) => {
    const why = lacksColumn(ipv6Route, column);
    skip(why !== '', why);
    await eventually(() => {
      const values = matched().map(({ row, known }) => {
        const value = row.value(column);
        return { dest: known.ip.dst, value: typeof value === 'bigint' ? Number(value) : value, known };
      });
      expect(values.map(({ dest, value }) => [dest, value])).toEqual(
        values.map(({ dest, known }) => [dest, reference(known)]),
      );
    });
  });

  test('all kinds of next hop were there', () => {
    expect(new Set(matched().map(({ known }) => kindOf(known)))).toEqual(new Set(['own', 'single', 'group']));
  });

  test('rt: one address each, the same at the next refresh; no key twice', () => {
    const [a, b] = [1, 2].map(() => collect(from));
    const known = rowsOf(a.table).map((r) => r.cell('rt'));
    expect(new Set(known).size).toBe(known.length);
    expect(rowsOf(b.table).map((r) => r.cell('rt'))).toEqual(known);
    expect(b.stats.doubles).toBe(0);
  });

  test('expires: what is left of the lifetime', () => {
    // The clock rate is known from the second refresh on at the latest.
    collect(from);
    for (const { row, known } of matched()) {
      if (known.ip.expires === undefined) expect(row.number('expires')).toBeNaN();
      else {
        expect(Math.abs(row.number('expires') / 1000 - known.ip.expires)).toBeLessThan(3);
        expect(row.number('expires_at')).toBeGreaterThan(0);
      }
    }
    expect(matched().filter(({ known }) => known.ip.expires !== undefined).length).toBe(1);
  });

  test('a deleted route is gone at the next refresh', async () => {
    ip('-6 route del 2001:db8:2::/48');
    await eventually(() => expect(matched().some(({ row }) => row.text('dest') === '2001:db8:2::/48')).toBe(false));
  });
});
