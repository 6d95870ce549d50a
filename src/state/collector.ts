/** One refresh of a template: its iterator, the iterators of its joins, derived columns, and how honest it all was. */
import { Btf } from '../bpf/btf.ts';
import { addDerived } from '../templates/absent.ts';
import { conditionText, joinColumns, parseJoin, withDependencies } from '../templates/columns.ts';
import { type Clock, type Interval, isOverTime, showsPins } from '../templates/derive.ts';
import type { FormatContext } from '../templates/format.ts';
import { Growth } from '../templates/growth.ts';
import { type Batch, KeyIndex } from '../templates/record.ts';
import { findTemplate } from '../templates/registry.ts';
import { derive, type JoinedBatch, Table } from '../templates/table.ts';
import {
  columnOf,
  type FilterName,
  type Filters,
  type Join,
  type Range,
  type Template,
  TemplateError,
  type WalkOrder,
} from '../templates/template.ts';
import { type Conjunct, columnsOf, parseWhere } from '../templates/where.ts';
import { clockRate } from './clock.ts';
import type { Inspected } from './inspect.ts';
import type { NetScope } from './namespaces.ts';
import { NumberIndex } from './number-index.ts';
import { scratch } from './scratch.ts';
import { BASE_WALK, Kernel, type Origin, type Reading, type Source } from './source.ts';
import { TupleNumbers } from './tuple-numbers.ts';
import { userId } from './users.ts';
import type { Condition, RefreshStats } from './view.ts';

export interface CollectOptions {
  /** Columns whose values are wanted; what they need comes by itself. */
  readonly columns: readonly string[];
  readonly filters: Filters;
  readonly switches: Readonly<Record<string, boolean>>;
  readonly ungroup: boolean;
  /** A condition over columns; '' for none. */
  readonly where?: string;
  /** For templates of network namespaces; 'self' where absent. */
  readonly netns?: NetScope;
  /** For a target that walks in an order; the template's where absent. */
  readonly order?: WalkOrder;
  /** Whether rows are matched with those of the batch before, also where no column compares with it. */
  readonly matched?: boolean;
  /** Bytes per read(2), for tests. */
  readonly readSize?: number;
}

/** One reading of a template for joins, however many take something from it. */
interface Walk {
  readonly template: Template;
  readonly filters: Filters;
  readonly columns: Set<string>;
}

/** A join of which something is wanted. */
interface Joining {
  readonly name: string;
  readonly on: Join['on'];
  readonly template: Template;
  /** Where its rows come from; null: from the very batch that is joined. */
  readonly walk: string | null;
  /** What is taken from it, and what that is derived from. */
  readonly columns: readonly string[];
  /** Whether more than the first row is wanted. */
  readonly list: boolean;
  /** Joins of its template that these columns come from. */
  readonly joins: readonly Joining[];
}

/** A walk as it was read. */
export interface Walked {
  readonly source: Source;
  readonly reading: Reading;
}

/** A join that takes from a join, and so on: this deep. */
const MAX_JOINS = 8;
const NOT_OVER_TIME: Interval = { seconds: 0, before: new Int32Array(0), previous: () => null };

export interface Collected {
  readonly table: Table;
  readonly stats: RefreshStats;
  /** Conditions that the kernel did not evaluate. */
  readonly after: readonly Conjunct[];
  /** Column -> why it is not there. */
  readonly absent: ReadonlyMap<string, string>;
  /** Per row the row of the same object in the batch before, or -1; null where they were not matched, or cannot be. */
  readonly before: Int32Array | null;
}

export class Collector implements Disposable {
  readonly template: Template;
  readonly #origin: Origin;
  readonly #userName: (uid: number) => string | undefined;
  readonly #pageSize: number;
  readonly #host: string;
  readonly #base: Source;
  /** Of the walks for joins that the last refresh had. */
  readonly #readers = new Map<string, Source>();
  #walked: ReadonlyMap<string, Walked> = new Map();
  /** Of this batch and of the one before. */
  #keys = new KeyIndex();
  #oldKeys = new KeyIndex();
  readonly #growth = new Growth();
  readonly #index = new NumberIndex();
  readonly #tuples = new TupleNumbers();
  readonly #before = scratch((length) => new Int32Array(length));
  #previous: Batch | null = null;
  #previousDerived: ReadonlyMap<string, Float64Array> = new Map();
  #previousAt = 0;
  #hz = 0;
  #whereText = '';
  #where: readonly Conjunct[] = [];

  /**
   * @param from where readings come from; the kernel whose BTF it is, or any origin
   * @param hz jiffies a second, where that is known beforehand
   * @param host where it is from, as rows of several hosts show it
   */
  constructor(
    template: Template,
    from: Btf | Origin,
    userName: (uid: number) => string | undefined,
    pageSize: number,
    hz = 0,
    host = '',
  ) {
    this.template = template;
    this.#host = host;
    this.#origin = from instanceof Btf ? new Kernel(from) : from;
    this.#userName = userName;
    this.#pageSize = pageSize;
    this.#hz = hz;
    this.#base = this.#origin.open(template, BASE_WALK);
  }

  /** Every walk of the last refresh, by its key: what a recording is made of. */
  get walked(): ReadonlyMap<string, Walked> {
    return this.#walked;
  }

  get hz(): number {
    return this.#hz;
  }

  /** The next refresh has no base for rates. */
  forget(): void {
    this.#previous = null;
  }

  get plan() {
    return this.#base.plan;
  }

  /** The table's own program and those of its joins, as the last refresh had them; none where nothing is read here. */
  programs(): readonly Inspected[] {
    const own = [this.template.name, this.#base] as const;
    const joins = [...this.#readers].map(([walk, source]) => [`join ${walk}`, source] as const);
    return [own, ...joins].flatMap(([label, { inspected }]) => (inspected ? [{ label, ...inspected }] : []));
  }

  /**
   * What was collected is valid until two further ones were; calls that fail do not count.
   * @throws BpfError, TemplateError, UsageError, BadRecordError; the next call starts afresh
   */
  collect(options: CollectOptions): Collected {
    const collected = this.#collect(options);
    for (const { source } of this.#walked.values()) source.keep();
    return collected;
  }

  /** Reads what the next refresh is compared with, and no more than that. @throws as collect() */
  readBase(options: CollectOptions): void {
    this.#collect(options);
  }

  #collect(options: CollectOptions): Collected {
    const started = performance.now();
    const where = this.#parse(options.where ?? '');
    const names = withDependencies(this.template, [...options.columns, ...where.flatMap((c) => columnsOf(c.where))]);
    const read = options.readSize === undefined ? {} : { readSize: options.readSize };
    this.#base.configure({
      columns: names,
      filters: options.filters,
      switches: options.switches,
      ungroup: options.ungroup,
      where,
      ...(options.order === undefined ? {} : { order: options.order }),
    });
    const plan = this.#base.plan;

    const namespaces = this.template.netns ? this.#origin.namespaces(options.netns ?? 'self') : [];
    const walks = new Map<string, Walk>();
    const through = plan.sets.map(({ filter, join }) => ({ join, filter, ranges: options.filters[filter] ?? [] }));
    const joinings = this.#joinings(this.template, names, walks, through, this.#isWhole(options));
    const batches = new Map<string, Batch>();
    const walked = new Map<string, Walked>();
    for (const [key, reader] of this.#readers) {
      if (walks.has(key)) continue;
      reader.close();
      this.#readers.delete(key);
    }
    let reads = 0;
    let bytes = 0;
    let readMs = 0;
    for (const [key, { template, filters, columns }] of walks) {
      const reader = this.#readers.get(key) ?? this.#origin.open(template, key);
      this.#readers.set(key, reader);
      // Nothing is hidden from a join; its rows are groups, unless they are to be like those of this table.
      const switches = Object.fromEntries((template.switches ?? []).map(({ name }) => [name, true]));
      const ungroup = template === this.template && options.ungroup;
      reader.configure({ columns: [...columns], filters, switches, ungroup });
      const reading = reader.read(read, template.netns ? namespaces : []);
      batches.set(key, reading.batch);
      walked.set(key, { source: reader, reading });
      reads += reading.reads;
      bytes += reading.bytes;
      readMs += reading.ms;
    }
    for (const { join, map } of plan.sets) {
      const batch = batches.get(joinings.find((j) => j.name === join)!.walk!)!;
      const [column] = joinColumns(this.template.joins![join].on[1]);
      const values = new Set<bigint>();
      for (let row = 0; row < batch.rows; row++) {
        const value = BigInt(batch.exact(row, column) ?? 0);
        if (value !== 0n) values.add(value);
      }
      this.#base.fillSet(map, values);
    }

    const reading = this.#base.read(read, namespaces);
    const { batch } = reading;
    this.#walked = walked.set(BASE_WALK, { source: this.#base, reading });
    // Forgotten until this refresh is done: what fails half-way is no base for rates.
    const previous = this.#previous;
    this.#previous = null;
    [this.#keys, this.#oldKeys] = [this.#oldKeys, this.#keys];
    const doubles = this.#keys.build(batch);
    const now = batch.footer?.monotonicNs ?? reading.clockNs;
    if (batch.footer) this.#hz = clockRate(batch.footer) || this.#hz;
    const clock = { jiffies: batch.footer ? batch.footer.jiffies % 2 ** 32 : 0, hz: this.#hz };
    const before = this.#rowsBefore(previous, batch, names, options.matched ?? false);
    const derived = derive(this.template, names, batch, this.#interval(previous, before, now), clock);
    const joins = this.#join(joinings, batch, batches, clock);
    this.#previous = batch;
    this.#previousDerived = derived;
    this.#previousAt = now;

    const nowNs = batch.footer?.bootNs ?? now;
    const absent = new Map(plan.absent);
    addDerived(this.template, names, absent);
    const context: FormatContext = {
      bootMs: reading.end - nowNs / 1e6,
      nowNs,
      hz: this.#hz,
      pageSize: this.#pageSize,
      userName: this.#userName,
      names: plan.names,
      ...(this.#host === '' ? {} : { host: this.#host }),
      ...this.#pins(names, absent),
    };
    const conditions: Condition[] = plan.conditions.map(({ filter, ...condition }) =>
      filter === undefined ? condition : { ...condition, text: conditionText(filter, options.filters[filter] ?? []) },
    );
    const { map } = this.template;
    if (map && this.#base.by) conditions.unshift({ text: `map ${map.id} ${map.name}`.trimEnd(), where: this.#base.by });
    const covered = this.#covered(options.netns ?? 'self', namespaces.length);
    if (covered) conditions.unshift(covered);
    const netns = conditions.find((condition) => condition.netns)?.netns;
    const table = new Table(this.template, batch, joins, derived, context);
    this.#growth.sample(table, derived, names, before);
    return {
      table,
      absent,
      after: plan.after,
      before,
      stats: {
        begin: reading.begin,
        end: reading.end,
        visited: batch.footer?.visited ?? -1,
        emitted: batch.rows,
        bytes: bytes + reading.bytes,
        reads: reads + reading.reads,
        doubles,
        readMs: readMs + reading.ms,
        totalMs: performance.now() - started,
        sessionId: batch.footer?.sessionId ?? -1,
        conditions,
        ...(netns ? { netns } : {}),
      },
    };
  }

  /** Row of an object in the batch that was read last, or in the one before that; -1 where it is not in it. */
  rowOf(key: string, which: 'last' | 'before' = 'last'): number {
    return (which === 'last' ? this.#keys : this.#oldKeys).rowOf(key);
  }

  #parse(text: string): readonly Conjunct[] {
    if (text !== this.#whereText) {
      this.#where = parseWhere(text, this.template, {
        user: userId,
        enumNames: (column) => this.#origin.enumNames(column),
        pageSize: this.#pageSize,
      });
      this.#whereText = text;
    }
    return this.#where;
  }

  /** Pins, looked for only while a column shows them; where nothing of them can be seen it is absent. */
  #pins(names: readonly string[], absent: Map<string, string>): Pick<FormatContext, 'pins'> {
    const shown = names.filter((name) => showsPins(columnOf(this.template, name)?.derive));
    if (shown.length === 0) return {};
    const pins = this.#origin.pins?.();
    if (pins && (pins.refused === '' || pins.paths.size > 0)) return { pins };
    for (const name of shown) absent.set(name, pins?.refused ?? 'pins are not recorded');
    return {};
  }

  /** Of several network namespaces how many are walked; that some are not is no silent matter. */
  #covered(scope: NetScope, seen: number): Condition | undefined {
    const closed = this.template.netns && scope === 'all' ? (this.#origin.closedNamespaces ?? 0) : 0;
    const total = seen + closed;
    if (total < 2) return undefined;
    const text = closed > 0 ? `${seen} of ${total} netns (root sees all)` : `${seen} netns`;
    return { text, where: 'link', scope: true, netns: { seen, total } };
  }

  /** Whether every object has a row: no filter, no condition in the kernel, nothing switched off. */
  #isWhole(options: CollectOptions): boolean {
    const off = (this.template.switches ?? []).some(({ name, on }) => !(options.switches[name] ?? on));
    return (
      !off &&
      !this.#base.plan.narrowed &&
      this.#base.plan.conditions.every(({ where, scope }) => where === 'user' || scope)
    );
  }

  /**
   * The joins that columns or filters need; notes in `walks` what has to be read for them.
   * @param through filters that go through a join: they restrict its walk
   * @param whole every object of the template has a row, so that joined with itself it is not read again
   */
  #joinings(
    template: Template,
    names: readonly string[],
    walks: Map<string, Walk>,
    through: readonly { join: string; filter: FilterName; ranges: readonly Range[] }[],
    whole: boolean,
    depth = 0,
  ): Joining[] {
    if (depth > MAX_JOINS) throw new TemplateError(template.name, '', 'its joins lead back to itself');
    const taken = new Map<string, { columns: string[]; list: boolean }>();
    for (const { join } of through) taken.set(join, { columns: [], list: false });
    for (const name of names) {
      const { join, list = false } = columnOf(template, name)!;
      if (join === undefined) continue;
      const [from, column] = parseJoin(template, name, join);
      const known = taken.get(from) ?? { columns: [], list: false };
      taken.set(from, {
        columns: column === 'holders' ? known.columns : [...known.columns, column],
        list: list || known.list,
      });
    }
    return [...taken].map(([name, { columns, list }]) => {
      const join = template.joins?.[name];
      if (!join) throw new TemplateError(template.name, '', `there is no join ${name}`);
      const other = join.template === template.name ? template : findTemplate(join.template);
      const needed = withDependencies(other, [...joinColumns(join.on[1]), ...columns]);
      const joining = { name, on: join.on, template: other, columns: needed, list };
      const filters = through.filter((f) => f.join === name);
      if (other === template && whole && filters.length === 0) return { ...joining, walk: null, joins: [] };
      const walk = [other.name, ...filters.map((f) => f.filter)].join();
      const known = walks.get(walk)?.columns ?? [];
      walks.set(walk, {
        template: other,
        filters: Object.fromEntries(filters.map((f) => [f.filter, f.ranges])),
        columns: new Set([...known, ...needed]),
      });
      return { ...joining, walk, joins: this.#joinings(other, needed, walks, [], true, depth + 1) };
    });
  }

  #join(
    joinings: readonly Joining[],
    base: Batch,
    batches: ReadonlyMap<string, Batch>,
    clock: Clock,
  ): Map<string, JoinedBatch> {
    const joins = new Map<string, JoinedBatch>();
    for (const joining of joinings) {
      const { name, template, walk, columns } = joining;
      const batch = walk === null ? base : batches.get(walk)!;
      joins.set(name, {
        template,
        batch,
        ...this.#match(joining, base, batch),
        derived: walk === null ? new Map() : derive(template, columns, batch, NOT_OVER_TIME, clock),
        joins: this.#join(joining.joins, batch, batches, clock),
      });
    }
    return joins;
  }

  /** For each row of the base the first row of the other batch with the same values, how many there are, and which. */
  #match({ on, list }: Joining, base: Batch, other: Batch): Pick<JoinedBatch, 'rows' | 'counts' | 'next'> {
    const rows = base.integers(base.rows).fill(-1);
    const counts = base.integers(base.rows).fill(0);
    const [mine, theirs] = on.map(joinColumns);
    if (!mine.every((c) => base.has(c)) || !theirs.every((c) => other.has(c)))
      return { rows, counts, next: base.integers(0) };
    const single = mine.length === 1 && other.type(theirs[0]) !== 'inet';
    const found = this.#index;
    found.build(single ? other.identities(theirs[0]) : this.#tuples.build(other, theirs));
    const values = single ? base.identities(mine[0]) : this.#tuples.find(base, mine);
    for (let row = 0; row < base.rows; row++) {
      const slot = found.find(values[row]);
      if (slot < 0) continue;
      rows[row] = found.first(slot);
      counts[row] = found.count(slot);
    }
    const next = base.integers(list ? other.rows : 0);
    if (list) next.set(found.chain(other.rows));
    return { rows, counts, next };
  }

  /** The batch before, matched by key. */
  #rowsBefore(previous: Batch | null, batch: Batch, names: readonly string[], matched: boolean): Int32Array | null {
    const wanted = matched || names.some((n) => isOverTime(columnOf(this.template, n)?.derive));
    // A process's counter and its first thread's are two things, although the key is the same.
    const comparable =
      previous?.layout.keySize === batch.layout.keySize &&
      (previous.layout.group === null) === (batch.layout.group === null);
    if (!wanted || !previous || !comparable) return null;
    const before = this.#before(batch.rows);
    // Most objects follow the one that they followed before, and need not be searched for.
    let next = 0;
    for (let row = 0; row < batch.rows; row++) {
      const follows = next < previous.rows && batch.sameKey(row, previous, next);
      before[row] = follows ? next : this.#oldKeys.find(batch, row);
      next = before[row] + 1;
    }
    return before;
  }

  #interval(previous: Batch | null, before: Int32Array | null, now: number): Interval {
    if (!previous || !before) return NOT_OVER_TIME;
    return {
      seconds: (now - this.#previousAt) / 1e9,
      before,
      previous: (column: string) =>
        this.#previousDerived.get(column) ?? (previous.has(column) ? previous.numbers(column) : null),
    };
  }

  close(): void {
    this.#base.close();
    this.#origin.close();
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
