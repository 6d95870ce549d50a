/** Questions that are asked again and again, as views of a data set's tables (in DuckDB's SQL), and functions for them. */

/** Columns of each table that the data set has. */
export type Known = ReadonlyMap<string, ReadonlySet<string>>;

export interface View {
  /** As it is written: with its parameters, where it has some. */
  readonly name: string;
  readonly table: string;
  readonly help: string;
  readonly example: string;
  /** What makes it; undefined where the data set lacks a table, or columns. */
  readonly sql: string | undefined;
  /** The dump that gives what it takes. */
  readonly from: string;
}

interface Question {
  readonly name: string;
  readonly parameters?: readonly string[];
  readonly help: string;
  /** SQL. */
  readonly example: string;
  readonly table: string;
  readonly columns: readonly string[];
  /** Columns beyond those that are shown without being asked for. */
  readonly asked?: string;
  /** @returns undefined where none of the columns is there that it could be about */
  sql(has: (column: string) => boolean): string | undefined;
}

/** For views, and for anybody's questions. */
export const FUNCTIONS: readonly { readonly name: string; readonly help: string; readonly sql: readonly string[] }[] = [
  {
    name: 'address(endpoint)',
    help: 'the address of a local or remote end; IPv4 in IPv6 is IPv4',
    sql: [
      `create macro address(endpoint) as regexp_replace(
         regexp_replace(endpoint, '^(?:\\[(.*)\\]|([^:]*)):[0-9*]+$', '\\1\\2'), '^::ffff:(\\d+\\.)', '\\1')`,
    ],
  },
  {
    name: 'network(endpoint)',
    help: 'its network: the /24 of an IPv4 address, the /64 of an IPv6 address',
    sql: [
      "create macro groups_of(part) as list_filter(string_split(part, ':'), lambda g: g <> '')",
      // As many zeros as :: stands for.
      `create macro first_groups(before, after) as list_concat(before,
         list_transform(range(8 - len(before) - len(after)), lambda i: '0'), after)[1:4]`,
      `create macro network_of(address) as case
         when address like '%:%' then regexp_replace(array_to_string(first_groups(
           groups_of(split_part(address, '::', 1)), groups_of(split_part(address, '::', 2))), ':') || '::/64',
           '(^0)?(:0)*::/64$', '::/64')
         when address <> '' then regexp_extract(address, '^(\\d+\\.\\d+\\.\\d+)\\.', 1) || '.0/24' end`,
      'create macro network(endpoint) as network_of(address(endpoint))',
    ],
  },
];

/** What a process has more of, if it leaks. */
const GROWN = ['rss', 'virt', 'fds', 'threads'];

/** What is less than before is not below nothing. */
const signed = (column: string) => `${column}::hugeint`;

const QUESTIONS: readonly Question[] = [
  {
    name: 'top_talkers',
    help: 'who exchanged most with whom; bytes a second, averages over the samples',
    example: 'from top_talkers limit 20',
    table: 'tcp',
    columns: ['remote', 'in_rate', 'out_rate', 'pid', 'command'],
    sql: () => `select host, pid, command, remote, avg(in_rate) as in_rate, avg(out_rate) as out_rate,
        count(*) as samples, max("timestamp") as last_seen
      from tcp where in_rate + out_rate > 0 group by host, pid, command, remote order by avg(in_rate + out_rate) desc`,
  },
  {
    name: 'networks',
    help: 'sockets, processes and hosts by remote network (/24, /64)',
    example: 'from networks limit 20',
    table: 'tcp',
    columns: ['remote', 'pid', 'sk'],
    sql: () => `select network(remote) as network, count(distinct (host, sk, lport, rport)) as sockets,
        count(distinct (host, pid)) as processes, count(distinct host) as hosts
      from tcp where rport > 0 group by network order by sockets desc`,
  },
  {
    name: 'listeners',
    help: 'who listens where, and since when that is seen',
    example: "from listeners where local like '%:443'",
    table: 'tcp',
    columns: ['state', 'local', 'pid', 'command'],
    sql: () => `select host, local, pid, command, min("timestamp") as since, max("timestamp") as until
      from tcp where state = 'LISTEN' group by host, local, pid, command order by host, local`,
  },
  {
    name: 'busiest',
    help: 'processes by the CPU they took; percent, over the samples',
    example: 'from busiest where host = $HOST limit 20',
    table: 'task',
    columns: ['pid', 'cpu'],
    sql: (has) => `select host, pid, arg_max(${commandOf(has)}, "timestamp") as command, avg(cpu) as cpu,
        max(cpu) as most, count(*) as samples
      from task where cpu is not null group by host, tid, start_ns, pid order by avg(cpu) desc`,
  },
  {
    name: 'leaks',
    help: 'processes that grew between their first and their last sample',
    example: 'from leaks limit 20',
    table: 'task',
    columns: ['pid'],
    asked: '+fds',
    sql: (has) => {
      const grown = GROWN.filter(has);
      if (grown.length === 0) return undefined;
      const amounts = grown.map(
        (name) => `arg_max(${signed(name)}, "timestamp") - arg_min(${signed(name)}, "timestamp") as ${name}_grown`,
      );
      return `select host, pid, arg_max(${commandOf(has)}, "timestamp") as command, min("timestamp") as since,
          max("timestamp") as until, ${amounts.join(', ')}
        from task group by host, tid, start_ns, pid
        having count(*) > 1 and (${grown.map((name) => `${name}_grown > 0`).join(' or ')})
        order by ${grown[0]}_grown desc`;
    },
  },
  {
    name: 'leaks_between',
    parameters: ['baseline', 'day'],
    help: 'processes whose least on a day is above their most on the day of the baseline',
    example: "from leaks_between('$DAY', '$DAY') limit 20",
    table: 'task',
    columns: ['pid', 'date'],
    asked: '+fds',
    sql: (has) => {
      const grown = GROWN.filter(has);
      if (grown.length === 0) return undefined;
      const amounts = grown.map(
        (name) => `min(${name}) filter (date = day::date) as ${name},
          min(${signed(name)}) filter (date = day::date) - max(${signed(name)}) filter (date = baseline::date) as ${name}_grown`,
      );
      return `select host, pid, arg_max(${commandOf(has)}, "timestamp") as command, ${amounts.join(', ')}
        from task where date in (baseline::date, day::date) group by host, tid, start_ns, pid
        having ${grown.map((name) => `${name}_grown > 0`).join(' or ')}
        order by ${grown[0]}_grown desc`;
    },
  },
  {
    name: 'deleted_files',
    help: 'files that are removed and still open, as they were seen last',
    example: 'select host, sum(size) from deleted_files group by host',
    table: 'task_file',
    columns: ['pid', 'comm', 'fd', 'name', 'size'],
    sql: () => `select host, pid, comm, fd, name, arg_max(size, "timestamp") as size, max("timestamp") as last_seen
      from task_file where name like '% (deleted)' and name like '/%'
      group by host, pid, comm, fd, name order by size desc`,
  },
  {
    name: 'programs',
    help: 'programs by name and tag, and on how many hosts they are',
    example: 'from programs where hosts < 10',
    table: 'bpf_prog',
    columns: ['name', 'type', 'tag'],
    asked: '+tag',
    sql: () => `select name, type, tag, count(distinct host) as hosts, count(distinct (host, id, loaded_ns)) as programs,
        min("timestamp") as since, max("timestamp") as until
      from bpf_prog group by name, type, tag order by hosts desc, name`,
  },
];

const commandOf = (has: (column: string) => boolean) => (has('comm') ? 'comm' : has('cmdline') ? 'cmdline' : "''");

export function readyViews(known: Known): readonly View[] {
  return QUESTIONS.map(({ name, parameters, help, example, table, columns, asked, sql }) => {
    const has = (column: string) => known.get(table)?.has(column) ?? false;
    const made = columns.every(has) ? sql(has) : undefined;
    const written = parameters ? `${name}(${parameters.join(', ')})` : name;
    return {
      name: written,
      table,
      help,
      example,
      sql: made && (parameters ? `create macro ${written} as table ${made}` : `create view ${name} as ${made}`),
      from: `itertop dump ${table}${asked ? ` -c ${asked}` : ''} --dataset`,
    };
  });
}
