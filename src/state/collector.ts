/** One refresh of a template: its iterator, the iterators of its joins, derived columns, and how honest it all was. */
import type { Btf } from '../bpf/btf.ts';
import { parseJoin, withDependencies } from '../templates/columns.ts';
import { isOverTime } from '../templates/derive.ts';
import { enumNamesOf } from '../templates/enum-names.ts';
import type { FormatContext } from '../templates/format.ts';
import { type Batch, KeyIndex } from '../templates/record.ts';
import { findTemplate } from '../templates/registry.ts';
import { derive, type JoinedBatch, Table } from '../templates/table.ts';
import {
  columnOf,
  type FilterName,
  type Filters,
  type Template,
  TemplateError,
  type WalkOrder,
} from '../templates/template.ts';
import { type Conjunct, columnsOf, parseWhere } from '../templates/where.ts';
import { clockRate } from './clock.ts';
import { Namespaces, type NetScope } from './namespaces.ts';
import { NumberIndex } from './number-index.ts';
import { Reader } from './reader.ts';
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
  /** Bytes per read(2), for tests. */
  readonly readSize?: number;
}

export interface Collected {
  readonly table: Table;
  readonly stats: RefreshStats;
  /** Conditions that the kernel did not evaluate. */
  readonly after: readonly Conjunct[];
  /** Column -> why it is not there. */
  readonly absent: ReadonlyMap<string, string>;
}

export class Collector implements Disposable {
  readonly template: Template;
  readonly #btf: Btf;
  readonly #userName: (uid: number) => string | undefined;
  readonly #pageSize: number;
  readonly #base: Reader;
  readonly #namespaces: Namespaces;
  readonly #joins = new Map<string, Reader>();
  readonly #keys = new KeyIndex();
  readonly #oldKeys = new KeyIndex();
  readonly #index = new NumberIndex();
  #previous: Batch | null = null;
  #previousDerived: ReadonlyMap<string, Float64Array> = new Map();
  #previousAt = 0;
  #hz = 0;
  #whereText = '';
  #where: readonly Conjunct[] = [];

  constructor(template: Template, btf: Btf, userName: (uid: number) => string | undefined, pageSize: number) {
    this.template = template;
    this.#btf = btf;
    this.#userName = userName;
    this.#pageSize = pageSize;
    this.#base = new Reader(template, btf);
    this.#namespaces = new Namespaces(btf);
  }

  get plan() {
    return this.#base.plan;
  }

  /** @throws BpfError, TemplateError, UsageError, BadRecordError; the next call starts afresh */
  collect(options: CollectOptions): Collected {
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

    const wanted = this.#wantedJoins(names, plan.sets);
    const joined = new Map<string, { reader: Reader; batch: Batch }>();
    let reads = 0;
    let bytes = 0;
    let readMs = 0;
    for (const [name, columns] of wanted) {
      const reader = this.#joinReader(name);
      const filters: Partial<Record<FilterName, Filters[FilterName]>> = {};
      for (const set of plan.sets) if (set.join === name) filters[set.filter] = options.filters[set.filter];
      reader.configure({ columns, filters: filters as Filters });
      const reading = reader.read(read);
      joined.set(name, { reader, batch: reading.batch });
      reads += reading.reads;
      bytes += reading.bytes;
      readMs += reading.ms;
    }
    for (const { join, map } of plan.sets) {
      const { batch } = joined.get(join)!;
      const column = this.template.joins![join].on[1];
      const values = new Set<bigint>();
      for (let row = 0; row < batch.rows; row++) {
        const value = BigInt(batch.exact(row, column) ?? 0);
        if (value !== 0n) values.add(value);
      }
      this.#base.fillSet(map, values);
    }

    const namespaces = this.template.netns ? this.#namespaces.list(options.netns ?? 'self') : [];
    const reading = this.#base.read(read, namespaces);
    const { batch } = reading;
    const doubles = this.#keys.build(batch);
    const joins = new Map<string, JoinedBatch>();
    for (const [name, { reader, batch: other }] of joined)
      joins.set(name, this.#match(name, batch, reader.template, other));

    const now = batch.footer?.monotonicNs ?? performance.now() * 1e6;
    if (batch.footer) this.#hz = clockRate(batch.footer) || this.#hz;
    const derived = derive(
      this.template,
      names,
      (column) => (batch.has(column) ? batch.numbers(column) : null),
      batch.rows,
      this.#interval(batch, now, names),
      { jiffies: batch.footer ? batch.footer.jiffies % 2 ** 32 : 0, hz: this.#hz },
    );
    this.#previous = batch;
    this.#previousDerived = derived;
    this.#previousAt = now;

    const nowNs = batch.footer?.bootNs ?? now;
    const context: FormatContext = {
      bootMs: reading.end - nowNs / 1e6,
      nowNs,
      hz: this.#hz,
      pageSize: this.#pageSize,
      userName: this.#userName,
      names: plan.names,
    };
    const conditions: Condition[] = plan.conditions.map((c) => ({ ...c }));
    if (namespaces.length > 1) conditions.unshift({ text: `${namespaces.length} netns`, where: 'link' });
    return {
      table: new Table(this.template, batch, joins, derived, context),
      absent: plan.absent,
      after: plan.after,
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
      },
    };
  }

  #parse(text: string): readonly Conjunct[] {
    if (text !== this.#whereText) {
      this.#where = parseWhere(text, this.template, {
        user: userId,
        enumNames: (column) => enumNamesOf(this.#btf, column),
        pageSize: this.#pageSize,
      });
      this.#whereText = text;
    }
    return this.#where;
  }

  #joinReader(name: string): Reader {
    let reader = this.#joins.get(name);
    if (!reader) {
      const join = this.template.joins?.[name];
      if (!join) throw new TemplateError(this.template.name, '', `there is no join ${name}`);
      reader = new Reader(findTemplate(join.template), this.#btf);
      this.#joins.set(name, reader);
    }
    return reader;
  }

  /** Joins that columns or filters need, each with the columns that are taken from it. */
  #wantedJoins(names: readonly string[], sets: readonly { join: string }[]): Map<string, string[]> {
    const wanted = new Map<string, string[]>();
    const add = (join: string, column: string) => {
      const list = wanted.get(join) ?? [this.template.joins![join].on[1]];
      if (column !== '' && column !== 'holders' && !list.includes(column)) list.push(column);
      wanted.set(join, list);
    };
    for (const { join } of sets) add(join, '');
    for (const name of names) {
      const text = columnOf(this.template, name)?.join;
      if (text) add(...parseJoin(this.template, name, text));
    }
    return wanted;
  }

  /** For each row of the base the first row of the other batch with the same value, and how many there are. */
  #match(name: string, base: Batch, template: Template, other: Batch): JoinedBatch {
    const [mine, theirs] = this.template.joins![name].on;
    const rows = new Int32Array(new SharedArrayBuffer(base.rows * 4)).fill(-1);
    const counts = new Int32Array(new SharedArrayBuffer(base.rows * 4));
    if (base.has(mine)) {
      const found = this.#index;
      found.build(other.identities(theirs));
      const values = base.identities(mine);
      for (let row = 0; row < base.rows; row++) {
        const slot = found.find(values[row]);
        if (slot < 0) continue;
        rows[row] = found.first(slot);
        counts[row] = found.count(slot);
      }
    }
    return { template, batch: other, rows, counts };
  }

  /** The batch before, matched by key; also keeps this batch's index for the next refresh. */
  #interval(batch: Batch, now: number, names: readonly string[]) {
    const previous = this.#previous;
    const wanted = names.some((n) => isOverTime(columnOf(this.template, n)?.derive));
    // A process's counter and its first thread's are two things, although the key is the same.
    const comparable =
      previous?.layout.keySize === batch.layout.keySize &&
      (previous.layout.group === null) === (batch.layout.group === null);
    if (!wanted || !previous || !comparable) {
      return { seconds: 0, before: new Int32Array(0), previous: () => null };
    }
    this.#oldKeys.build(previous);
    const before = new Int32Array(batch.rows);
    for (let row = 0; row < batch.rows; row++) before[row] = this.#oldKeys.find(batch, row);
    return {
      seconds: (now - this.#previousAt) / 1e9,
      before,
      previous: (column: string) =>
        this.#previousDerived.get(column) ?? (previous.has(column) ? previous.numbers(column) : null),
    };
  }

  close(): void {
    this.#base.close();
    this.#namespaces.close();
    for (const reader of this.#joins.values()) reader.close();
    this.#joins.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
