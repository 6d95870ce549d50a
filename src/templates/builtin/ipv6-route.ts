import type { Template } from '../template.ts';

/** include/uapi/linux/rtnetlink.h: RTN_..., RTPROT_..., RT_TABLE_... in small letters, as ip(8) writes them. */
const TYPES = {
  0: 'unspec',
  1: 'unicast',
  2: 'local',
  3: 'broadcast',
  4: 'anycast',
  5: 'multicast',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
  9: 'throw',
  10: 'nat',
  11: 'xresolve',
} as const;
const PROTOCOLS = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  17: 'mrouted',
  18: 'keepalived',
  42: 'babel',
  84: 'ovn',
  99: 'openr',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
} as const;
const TABLES = { 253: 'default', 254: 'main', 255: 'local' } as const;

/** A next hop is part of its route, or an object of its own (ip nexthop), or the first of a group of such. */
const OWN = 'own->fib6_nh[0].nh_common';
const SINGLE = 'single->nh_info->fib6_nh.nh_common';
const GROUP = 'members->nh_entries[0].nh->nh_info->fib6_nh.nh_common';
const gateway = (hop: string) => `inet(${hop}.nhc_gw_family, ${hop}.nhc_gw.ipv4, ${hop}.nhc_gw.ipv6.in6_u.u6_addr8)`;

/** The same column of the three kinds of next hop, and the one that is there. */
function ofNextHop(
  name: string,
  from: (hop: string) => string,
  column: Omit<Template['columns'][number], 'name' | 'from'>,
): Template['columns'] {
  const either = column.as === 'text' || column.as === 'inet' ? 'either_text' : 'either';
  const as = column.as === 'inet' ? 'text' : (column.as ?? 'int');
  const part = (suffix: string, hop: string, what: string) => ({
    ...column,
    name: `${name}_${suffix}`,
    title: `${name}_${suffix}`.toUpperCase(),
    from: from(hop),
    help: `${column.help}; of ${what}`,
  });
  return [
    part('own', OWN, 'a next hop that is part of the route'),
    part('single', SINGLE, 'a next hop of its own (ip nexthop)'),
    part('group', GROUP, 'the first of a group of next hops (ip nexthop)'),
    { ...column, name, derive: `${either}(${name}_own, ${name}_single, ${name}_group)`, as },
  ];
}

export const ipv6Route: Template = {
  name: 'ipv6_route',
  area: 'network',
  help: 'IPv6 routes of all tables: destination, gateway, device, metrics',
  target: 'ipv6_route',
  netns: true,
  key: ['rt', 'table'],
  show: ['dest', 'gateway', 'device', 'metric', 'table', 'type', 'protocol', 'flags', 'refs', 'mtu', 'expires'],
  sort: 'table',
  aliases: ['routes', 'route', 'ip6'],
  finds: ['dest', 'device'],
  label: ['dest'],
  related: [
    { word: 'same device', template: 'ipv6_route', where: 'device == $device' },
    { word: 'same gateway', template: 'ipv6_route', where: 'gateway == $gateway' },
    { word: 'same table', template: 'ipv6_route', where: 'table == $table' },
  ],
  // What closes each table (fib6_null_entry) is no route and in no table.
  only: [{ source: 'rt->fib6_table', mask: -1, equals: 0, except: true }],
  casts: {
    own: { of: 'rt', when: { source: 'own->nh', is: [0] } },
    single: { of: 'rt->nh', when: { source: 'single->is_group', is: [0] } },
    group: { of: 'rt->nh', when: { source: 'group->is_group', is: [1] } },
    // nh_grp shares its place with nh_info, which the verifier takes it for.
    members: { of: 'group->nh_grp', as: 'nh_group' },
  },
  columns: [
    { name: 'rt', from: 'rt', as: 'hex', width: 18, help: 'address of the kernel object (struct fib6_info)' },
    {
      name: 'dest_addr',
      from: 'inet6(rt->fib6_dst.addr)',
      as: 'inet',
      width: 20,
      help: 'first address of the destination',
    },
    { name: 'dest_len', from: 'rt->fib6_dst.plen', as: 'int', width: 8, help: 'bits of it that count' },
    {
      name: 'dest',
      title: 'DESTINATION',
      derive: 'prefix(dest_addr, dest_len)',
      as: 'text',
      width: 20,
      help: 'destination as address/length; ::/0 is the default route',
    },
    {
      name: 'source_addr',
      from: 'inet6(rt->fib6_src.addr)',
      as: 'inet',
      width: 20,
      help: 'first address of the source',
    },
    { name: 'source_len', from: 'rt->fib6_src.plen', as: 'int', width: 8, help: 'bits of it that count' },
    {
      name: 'source',
      derive: 'prefix(source_addr, source_len)',
      as: 'text',
      width: 20,
      help: 'source that the route is for; ::/0 is any (ip: from)',
    },
    {
      name: 'prefsrc_addr',
      from: 'inet6(rt->fib6_prefsrc.addr)',
      as: 'inet',
      width: 20,
      help: 'fib6_prefsrc as it is',
    },
    { name: 'prefsrc_len', from: 'rt->fib6_prefsrc.plen', as: 'int', width: 8, help: '0 where no source is preferred' },
    {
      name: 'prefsrc',
      derive: 'set_address(prefsrc_addr, prefsrc_len)',
      as: 'text',
      width: 20,
      help: 'address preferred as source (ip: src); empty where the kernel chooses',
    },
    ...ofNextHop('gateway', gateway, {
      as: 'inet',
      width: 14,
      help: 'gateway (ip: via); empty where the destination is on the link',
    }),
    ...ofNextHop('gateway_family', (hop) => `${hop}.nhc_gw_family`, {
      as: 'int',
      help: 'address family of the gateway, 0 where there is none',
    }),
    ...ofNextHop('device', (hop) => `${hop}.nhc_dev->name`, { as: 'text', width: 10, help: 'device' }),
    ...ofNextHop('netns', (hop) => `${hop}.nhc_dev->nd_net.net->ns.inum`, {
      as: 'int',
      width: 10,
      help: 'network namespace of the device',
    }),
    ...ofNextHop('weight', (hop) => (hop === GROUP ? 'members->nh_entries[0].weight' : `${hop}.nhc_weight`), {
      as: 'int',
      width: 6,
      help: 'share among routes of the same destination and metric (ip: nexthop weight)',
    }),
    {
      name: 'nexthop_id',
      title: 'NHID',
      from: 'rt->nh->id',
      as: 'int',
      zeroIsNone: true,
      width: 6,
      help: 'id of its next hop where that is an object of its own (ip nexthop)',
    },
    { name: 'siblings', from: 'rt->fib6_nsiblings', as: 'int', width: 8, help: 'other routes of a multipath route' },
    { name: 'metric', from: 'rt->fib6_metric', as: 'int', width: 6, help: 'priority: the lowest one wins' },
    {
      name: 'table',
      from: 'rt->fib6_table->tb6_id',
      as: 'enum',
      names: TABLES,
      width: 5,
      help: 'routing table: main, local, default, or its number',
    },
    {
      name: 'type',
      from: 'rt->fib6_type',
      as: 'enum',
      names: TYPES,
      width: 11,
      help: 'unicast, local, anycast, multicast, blackhole, unreachable, prohibit, ...',
    },
    {
      name: 'protocol',
      from: 'rt->fib6_protocol',
      as: 'enum',
      names: PROTOCOLS,
      width: 8,
      help: 'who made the route: kernel, ra (router advertisement), static, boot, bgp, ...',
    },
    { name: 'fib6_flags', from: 'rt->fib6_flags', as: 'hex', width: 10, help: 'fib6_flags as it is (RTF_...)' },
    {
      name: 'flags',
      derive: 'route_flags(fib6_flags, gateway_family)',
      as: 'hex',
      width: 10,
      help: 'flags (RTF_...) as in /proc/net/ipv6_route: 1 up, 2 gateway, 400000 expires, 80000000 local',
    },
    { name: 'refs', from: 'rt->fib6_ref.refs.counter', as: 'int', width: 4, help: 'references to the route' },
    { name: 'mtu', from: 'rt->fib6_metrics->metrics[1]', as: 'int', zeroIsNone: true, width: 5, help: 'MTU, in bytes' },
    {
      name: 'advmss',
      from: 'rt->fib6_metrics->metrics[7]',
      as: 'int',
      zeroIsNone: true,
      width: 6,
      help: 'largest TCP segment announced, in bytes',
    },
    {
      name: 'hoplimit',
      from: 'rt->fib6_metrics->metrics[9]',
      as: 'int',
      zeroIsNone: true,
      width: 8,
      help: 'hop limit of packets sent',
    },
    {
      name: 'initcwnd',
      from: 'rt->fib6_metrics->metrics[10]',
      as: 'int',
      zeroIsNone: true,
      width: 8,
      help: 'first congestion window of TCP connections, in segments',
    },
    {
      name: 'expires_at',
      from: 'rt->expires',
      as: 'int',
      help: 'jiffies at which it goes away; counts with RTF_EXPIRES',
    },
    {
      name: 'expires',
      derive: 'route_expires(fib6_flags, expires_at)',
      as: 'ms',
      width: 7,
      help: 'time until it goes away; empty where it stays',
    },
  ],
};
