/** One refresh of a table of several hosts: of each the newest that it has sent. */
import { Btf } from '../bpf/btf.ts';
import { withDependencies } from '../templates/columns.ts';
import { type EnumNames, enumNamesOf } from '../templates/enum-names.ts';
import { HOST } from '../templates/host-column.ts';
import { MERGED_PAGE, MergedTable } from '../templates/merged-table.ts';
import type { TableRows } from '../templates/table.ts';
import { type Column, columnOf, type Template, UsageError } from '../templates/template.ts';
import { type Conjunct, columnsOf, parseWhere, type Where } from '../templates/where.ts';
import { matchesWhere } from '../templates/where-eval.ts';
import type { Collected, CollectOptions } from './collector.ts';
import { type Host, HostFeed, type HostStatus } from './host-feed.ts';
import type { Inspected } from './inspect.ts';
import { type Pace, remoteCommand } from './remote-command.ts';
import { userId } from './users.ts';
import type { Condition, RefreshStats } from './view.ts';

export interface MergedCollected extends Omit<Collected, 'table'> {
  readonly table: MergedTable;
  readonly hosts: readonly HostStatus[];
  /** What the rows of each host are from. */
  readonly each: ReadonlyMap<string, Collected>;
}

/** What runs on the hosts, and which columns it gives. */
interface Asked {
  readonly text: string;
  readonly template: Template;
  readonly columns: readonly string[];
}

/** Hosts that answer are not kept from view for longer than that by one that does not, in milliseconds. */
const PATIENCE = 1500;
/** As much more than is needed is not read on. */
const TOO_MANY = 2;

export class HostsCollector implements Disposable {
  readonly #feeds: readonly HostFeed[];
  #asked: Asked | null = null;
  #askedAt = 0;
  #where: readonly Conjunct[] = [];
  /** The last merged table, and of which batch of each host it was made. */
  #last: { readonly table: MergedTable; readonly of: ReadonlyMap<HostFeed, Collected> } | null = null;

  /** @param changed called when there is news that a view should not wait an interval for */
  constructor(hosts: readonly Host[], changed: () => void) {
    this.#feeds = hosts.map((host) => new HostFeed(host, changed));
  }

  get template(): Template | undefined {
    return this.#asked?.template;
  }

  /** What reads is on the hosts. */
  programs(): readonly Inspected[] {
    return [];
  }

  /** Names of users, host by host. */
  usersOf(host: string): ReadonlyMap<number, string> {
    return this.#feeds.find(({ name }) => name === host)?.users ?? new Map();
  }

  /** What is to be read from now on; what runs on the hosts begins anew only where it does not give that already. @throws UsageError */
  ask(template: Template, options: CollectOptions, pace: Pace): void {
    this.#where = parseForHosts(options.where ?? '', template);
    const columns = withDependencies(template, [
      ...options.columns,
      ...this.#where.flatMap(({ where }) => columnsOf(where)),
    ]);
    const asked = this.#feeds.filter((feed) => this.#mayPass(feed.name));
    const command = remoteCommand(template, { ...options, columns: [] }, this.#where, pace);
    const text = [...command, ...asked.map(({ name }) => name)].join('\0');
    const known = this.#asked;
    const gives =
      known?.template === template &&
      known.text === text &&
      columns.every((name) => known.columns.includes(name)) &&
      known.columns.length <= columns.length * TOO_MANY;
    if (gives) return;
    this.#asked = { text, template, columns };
    this.#askedAt = performance.now();
    const args = remoteCommand(template, { ...options, columns }, this.#where, pace);
    for (const feed of this.#feeds) {
      if (asked.includes(feed)) feed.ask(args, pace.interval);
      else feed.rest();
    }
  }

  /** Whether rows of a host can fulfil what the condition says of hosts. */
  #mayPass(host: string): boolean {
    const only = this.#where.filter(({ where }) => columnsOf(where).every((name) => name === HOST));
    return only.every(({ where }) => matchesHost(where, host));
  }

  /** Whether all have answered, or cannot. */
  get allSettled(): boolean {
    return this.#feeds.every(({ settled }) => settled);
  }

  /** Whether all have answered, or those that have were waited for long enough. */
  get ready(): boolean {
    if (this.allSettled) return true;
    return this.#feeds.some(({ settled }) => settled) && performance.now() - this.#askedAt > PATIENCE;
  }

  /** Whether there is something newer of each than was collected last, but for those that do not answer. */
  get renewed(): boolean {
    return this.#feeds.every(({ renewed }) => renewed);
  }

  /** Nothing runs on the hosts until they are asked again. */
  rest(): void {
    this.#asked = null;
    for (const feed of this.#feeds) feed.rest();
  }

  /** @param live without rows of hosts that do not answer */
  collect(template: Template, options: CollectOptions, live = false): MergedCollected {
    const started = performance.now();
    const of = new Map<HostFeed, Collected>();
    const used = this.#where.flatMap(({ where }) => columnsOf(where));
    // Conditions are looked at where rows are merged.
    const own = { ...options, where: '', columns: [...new Set([...options.columns, ...used])] };
    for (const feed of this.#feeds) {
      const collected = feed.collect(template, own);
      if (collected && !(live && feed.status(template).condition !== 'live')) of.set(feed, collected);
    }
    const all = [...of.values()];
    const table = new MergedTable(
      template,
      all.map((collected) => collected.table),
      Date.now(),
    );
    const before = options.matched ? this.#before(table, of) : null;
    this.#last = { table, of };
    return {
      table,
      after: this.#where.filter((conjunct) => !isTheirs(conjunct, template, all)),
      before,
      absent: absentOf(all),
      stats: statsOf(all, this.#where, performance.now() - started),
      hosts: this.#feeds.map((feed) => feed.status(template)),
      each: new Map([...of].map(([{ name }, collected]) => [name, collected])),
    };
  }

  #before(table: MergedTable, of: ReadonlyMap<HostFeed, Collected>): Int32Array | null {
    const last = this.#last;
    if (last?.table.template !== table.template) return null;
    const before = new Int32Array(table.rows).fill(-1);
    const places = new Map([...last.of.keys()].map((feed, at) => [feed, last.table.starts[at]!]));
    [...of].forEach(([feed, collected], at) => {
      const start = table.starts[at]!;
      const place = places.get(feed);
      if (place === undefined) return;
      const same = last.of.get(feed) === collected;
      for (let row = 0; row < collected.table.rows; row++) {
        const old = same ? row : (collected.before?.[row] ?? -1);
        if (old >= 0) before[start + row] = place + old;
      }
    });
    return before;
  }

  /** Row of an object in the table that was collected last, or, where it is not there, whether it was in the one before. */
  rowOf(key: string, which: 'last' | 'before' = 'last'): number {
    const last = this.#last;
    if (!last) return -1;
    const [at, own] = last.table.locate(key);
    const row = at < 0 ? -1 : ([...last.of.keys()][at]!.collector?.rowOf(own, which) ?? -1);
    return row < 0 ? -1 : last.table.starts[at]! + row;
  }

  close(): void {
    for (const feed of this.#feeds) feed.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function matchesHost(where: Where, host: string): boolean {
  const text = () => host;
  const row = { text, cell: text, formatOf: () => 'text' as const, isText: () => true };
  return matchesWhere(where, row as Partial<TableRows> as TableRows, 0);
}

/** A uid that nobody has: the hosts know their users. */
const NOBODY = 2 ** 32;

/** A condition over rows of hosts, which this kernel need not know. @throws WhereError */
export function parseForHosts(text: string, template: Template): Conjunct[] {
  const user = (name: string) => userId(name) ?? NOBODY;
  return parseWhere(text, template, { user, enumNames, pageSize: MERGED_PAGE });
}

/**
 * A filter takes uids, one list for all hosts; a condition has each host look a name up itself.
 * @throws UsageError
 */
export function userForHosts(name: string): never {
  throw new UsageError(
    `user: '${name}' may be another uid on each host; write the uid, or the condition: --where 'user == "${name}"'`,
  );
}

/** Names of users are those of each host, whose kernel has left out what they do not mean there. */
function isTheirs({ where, text }: Conjunct, template: Template, all: readonly Collected[]): boolean {
  const users = columnsOf(where).some((name) => columnOf(template, name)?.as === 'uid');
  const there = ({ stats }: Collected) => stats.conditions.some((c) => c.text === text && c.where !== 'user');
  return users && all.every(there);
}

/** This kernel's, where there is BTF: hosts are asked before they can tell theirs. */
function enumNames(column: Column): EnumNames | undefined {
  try {
    return enumNamesOf(Btf.vmlinux(), column);
  } catch {
    return undefined;
  }
}

/** What no host has; one that lacks a column has empty cells. */
function absentOf(all: readonly Collected[]): ReadonlyMap<string, string> {
  const [first, ...others] = all;
  return new Map([...(first?.absent ?? [])].filter(([name]) => others.every(({ absent }) => absent.has(name))));
}

function statsOf(all: readonly Collected[], where: readonly Conjunct[], totalMs: number): RefreshStats {
  const each = all.map(({ stats }) => stats);
  const sum = (of: (stats: RefreshStats) => number) => each.reduce((total, stats) => total + of(stats), 0);
  const now = Date.now();
  const conditions = new Map<string, Condition>();
  for (const stats of each) for (const condition of stats.conditions) conditions.set(condition.text, condition);
  for (const { text } of where) if (!conditions.has(text)) conditions.set(text, { text, where: 'user' });
  return {
    begin: each.reduce((begin, stats) => Math.min(begin, stats.begin), now),
    end: each.reduce((end, stats) => Math.max(end, stats.end), 0) || now,
    visited: each.some(({ visited }) => visited < 0) ? -1 : sum(({ visited }) => visited),
    emitted: sum(({ emitted }) => emitted),
    bytes: sum(({ bytes }) => bytes),
    reads: sum(({ reads }) => reads),
    doubles: sum(({ doubles }) => doubles),
    readMs: each.reduce((ms, stats) => Math.max(ms, stats.readMs), 0),
    totalMs,
    sessionId: -1,
    conditions: [...conditions.values()],
    ...(each.some(({ netns }) => netns) && {
      netns: { seen: sum(({ netns }) => netns?.seen ?? 1), total: sum(({ netns }) => netns?.total ?? 1) },
    }),
  };
}
