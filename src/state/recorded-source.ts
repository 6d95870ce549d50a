/** The walks of a recording in the place of those of the kernel: filters and conditions are evaluated after reading. */
import { withRoom } from '../bpf/shared-memory.ts';
import { conditionText, isConstant, joinNeeds, parseDerive, parseJoin } from '../templates/columns.ts';
import type { CompileOptions } from '../templates/compile.ts';
import { NUMERIC } from '../templates/derive.ts';
import type { EnumNames } from '../templates/enum-names.ts';
import { Batch, type RecordLayout } from '../templates/record.ts';
import {
  type Column,
  columnOf,
  FILTER_NAMES,
  type FilterName,
  type FilterRule,
  type Range,
  type Switch,
  type Template,
  UsageError,
} from '../templates/template.ts';
import { columnsOf } from '../templates/where.ts';
import type { Recording } from './recording.ts';
import type { Refresh } from './refresh-reader.ts';
import type { RecordedWalk, Segment } from './segment.ts';
import { BASE_WALK, type Origin, type Reading, type Source, type SourcePlan } from './source.ts';
import { BUFFERS, Turns } from './turns.ts';

const EMPTY: RecordLayout = { fixed: 8, fields: [], keyOffset: 4, keySize: 0, group: null };
const ABSENT = 'it was not recorded';

/** Whether a row of a batch stays. */
type Test = (batch: Batch, row: number) => boolean;

/** Refreshes that were recorded, one after another, wherever they come from. */
export class RefreshOrigin implements Origin {
  #refresh: Refresh | null = null;

  get refresh(): Refresh {
    if (!this.#refresh) throw new Error('no refresh was read');
    return this.#refresh;
  }

  /** What the sources give from now on. */
  set refresh(refresh: Refresh) {
    this.#refresh = refresh;
  }

  open(template: Template, walk: string): Source {
    return new RecordedSource(this, template, walk);
  }

  namespaces(): readonly [] {
    return [];
  }

  enumNames(column: Column): EnumNames | undefined {
    for (const { names } of this.refresh.segment.walks)
      for (const [name, found] of names) if (name === column.name) return found;
    return undefined;
  }

  close(): void {}

  [Symbol.dispose](): void {}
}

export class RecordedOrigin extends RefreshOrigin {
  readonly recording: Recording;

  constructor(recording: Recording) {
    super();
    this.recording = recording;
  }

  /** @throws DamagedError */
  go(index: number): void {
    this.refresh = this.recording.read(index);
  }
}

class RecordedSource implements Source {
  readonly template: Template;
  readonly #origin: RefreshOrigin;
  readonly #walk: string;
  #stored: RecordedWalk | undefined;
  #plan: SourcePlan | null = null;
  #tests: readonly Test[] = [];
  #sets = new Map<string, ReadonlySet<bigint>>();
  #segment: Segment | null = null;
  #asked = '';
  /** One more than a live source has: to jump, the refresh before is read as a base for rates. */
  readonly #turns = new Turns(BUFFERS + 1, 1 << 16);

  constructor(origin: RefreshOrigin, template: Template, walk: string) {
    this.#origin = origin;
    this.template = template;
    this.#walk = walk;
  }

  get plan(): SourcePlan {
    if (!this.#plan) throw new Error(`${this.template.name} was not configured`);
    return this.#plan;
  }

  get by(): 'kernel' | 'user' {
    return this.#stored?.by ?? 'kernel';
  }

  configure(asked: CompileOptions): void {
    const { segment } = this.#origin.refresh;
    const { filters, switches, where = [] } = asked;
    const text = JSON.stringify([filters, switches, where.map((c) => c.text)]);
    if (this.#plan && segment === this.#segment && text === this.#asked) return;
    this.#stored = storedWalk(segment, this.template, this.#walk);
    const absent = absentColumns(segment, this.template, this.#stored ? [this.#stored] : []);
    for (const { where: of, text: written } of where)
      for (const name of columnsOf(of))
        if (absent.has(name)) throw new UsageError(`where: ${written}: column ${name}: ${absent.get(name)}`);
    const base = this.#walk === BASE_WALK;
    const tests: Test[] = [];
    const sets: { filter: FilterName; join: string; map: string }[] = [];
    const conditions = base ? segment.conditions.map((c) => ({ ...c })) : [];
    for (const name of FILTER_NAMES) {
      const ranges = filters?.[name];
      const rule = this.template.filters?.[name];
      if (!ranges || ranges.length === 0 || !rule) continue;
      if (rule.through) sets.push({ filter: name, join: rule.through.join, map: `set_${name}` });
      tests.push(this.#filter(name, rule, ranges));
      const condition = conditionText(name, ranges);
      if (base && !conditions.some((c) => c.text === condition)) conditions.push({ text: condition, where: 'user' });
    }
    for (const each of this.template.switches ?? []) {
      const recorded = !base || (segment.question.switches[each.name] ?? each.on);
      const wanted = switches?.[each.name] ?? each.on;
      if (wanted && !recorded) throw new UsageError(`this recording is without ${each.help}`);
      if (recorded && !wanted) tests.push(this.#hiding(each));
    }
    for (const { text: written } of where)
      if (!conditions.some((c) => c.text === written)) conditions.push({ text: written, where: 'user' });
    this.#tests = tests;
    this.#segment = segment;
    this.#asked = text;
    this.#plan = {
      layout: this.#stored?.layout ?? EMPTY,
      names: new Map(this.#stored?.names),
      absent,
      conditions,
      after: where,
      sets,
      narrowed: tests.length > 0,
    };
  }

  /** A recorded column that is made of this source. @throws UsageError where there is none */
  #columnOf(source: string, what: string): string {
    const recorded = this.#stored?.layout.fields.map((f) => f.column) ?? [];
    const found = this.template.columns.find(
      (c) => [c.from ?? []].flat().includes(source) && recorded.includes(c.name),
    );
    if (!found) throw new UsageError(`${what}: this recording lacks the column for it (${source})`);
    return found.name;
  }

  #filter(name: FilterName, rule: FilterRule, ranges: readonly Range[]): Test {
    if (rule.through) {
      const column = this.#columnOf(rule.through.source, `filter ${name}`);
      return (batch, row) => this.#sets.get(`set_${name}`)?.has(BigInt(batch.exact(row, column) ?? 0)) ?? false;
    }
    const columns = (rule.any ?? []).map((source) => this.#columnOf(source, `filter ${name}`));
    const within = (value: number) => ranges.some(([low, high]) => value >= low && value <= high);
    return (batch, row) => columns.some((column) => within(batch.number(row, column)));
  }

  #hiding({ name, hides: { source, mask } }: Switch): Test {
    const column = this.#columnOf(source, name);
    const bits = BigInt.asUintN(64, BigInt(mask));
    return (batch, row) => (BigInt.asUintN(64, BigInt(batch.exact(row, column) ?? 0)) & bits) === 0n;
  }

  fillSet(name: string, values: ReadonlySet<bigint>): void {
    this.#sets.set(name, values);
  }

  read(): Reading {
    const buffers = this.#turns.next();
    const stored = this.#stored && this.#origin.refresh.walks.get(this.#stored.key);
    const base = this.#origin.refresh.walks.get(BASE_WALK)!;
    const bytes = stored?.bytes ?? new Uint8Array(0);
    buffers.bytes = withRoom(buffers.bytes, bytes.length, 0);
    new Uint8Array(buffers.bytes, 0, bytes.length).set(bytes);
    const batch = narrowed(Batch.index(this.plan.layout, buffers, bytes.length), this.#tests);
    const { begin, end, ms, reads, clockNs } = stored ?? { ...base, ms: 0, reads: 0 };
    return { batch, bytes: bytes.length, reads, begin, end, ms, clockNs };
  }

  keep(): void {
    this.#turns.keep();
  }

  close(): void {
    this.#plan = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The rows that pass every test, in the batch's own memory. */
function narrowed(batch: Batch, tests: readonly Test[]): Batch {
  if (tests.length === 0) return batch;
  const { layout, buffers, footer } = batch;
  const offsets = new Uint32Array(buffers.offsets, 0, batch.rows);
  const totals = (layout.group?.totals ?? []).map((_, i) => new Float64Array(buffers.totals[i]!));
  let rows = 0;
  for (let row = 0; row < batch.rows; row++) {
    // What is overwritten lies before the row that is looked at.
    if (!tests.every((test) => test(batch, row))) continue;
    offsets[rows] = offsets[row]!;
    for (const total of totals) total[rows] = total[row]!;
    rows++;
  }
  return new Batch(layout, buffers, rows, footer);
}

/** The walk that serves one that is asked for: filters of joins are evaluated here, so the unfiltered one does too. */
function storedWalk(segment: Segment, template: Template, walk: string): RecordedWalk | undefined {
  const find = (key: string) => segment.walks.find((w) => w.key === key && w.template === template.name);
  const whole = segment.conditions.every(({ scope }) => scope);
  const any = segment.walks.find((w) => w.key !== BASE_WALK && w.template === template.name);
  return find(walk) ?? find(template.name) ?? (whole ? find(BASE_WALK) : undefined) ?? any;
}

/** Column of the recording's table -> why it does not have it. */
export function notInRecording(segment: Segment): ReadonlyMap<string, string> {
  return absentColumns(
    segment,
    segment.templates[0]!,
    segment.walks.filter(({ key }) => key === BASE_WALK),
  );
}

/** Column -> why the recording does not have it, in none of these walks. */
function absentColumns(
  segment: Segment,
  template: Template,
  walks: readonly RecordedWalk[],
  others = new Map<string, ReadonlyMap<string, string>>(),
): Map<string, string> {
  const recorded = new Set(walks.flatMap((walk) => walk.layout.fields.map((f) => f.column)));
  const absent = new Map(walks.flatMap((walk) => walk.absent).filter(([name]) => !recorded.has(name)));
  // Before its columns are gone through: joins may lead back.
  others.set(template.name, absent);
  const why = (name: string): string => {
    const known = absent.get(name);
    if (known !== undefined) return known;
    const column = columnOf(template, name);
    if (!column) return ABSENT;
    if (column.from !== undefined) return recorded.has(name) ? '' : ABSENT;
    const first = (names: readonly string[]) => names.reduce((found, other) => found || why(other), '');
    if (column.derive) {
      const call = parseDerive(template, name, column.derive);
      return NUMERIC[call.name]?.some ? '' : first(call.args.filter((arg) => !isConstant(arg)));
    }
    if (!column.join) return '';
    const [join, taken] = parseJoin(template, name, column.join);
    const other = segment.templates.find((t) => t.name === template.joins![join]!.template);
    const needed = first(joinNeeds(template, name, column.join));
    if (needed !== '' || other?.name === template.name) return needed;
    const stored = segment.walks.filter((walk) => walk.template === other?.name);
    if (!other || stored.length === 0) return ABSENT;
    if (taken === 'holders') return '';
    const theirs = others.get(other.name) ?? absentColumns(segment, other, stored, others);
    return theirs.get(taken) ?? '';
  };
  for (const { name } of template.columns) {
    const reason = why(name);
    if (reason !== '') absent.set(name, reason);
  }
  return absent;
}
