/** Template + what is asked of it + BTF -> plan: the program, the layout of its records, the place of its filters. */

import {
  AsmError,
  Assembler,
  type Assembly,
  R0,
  R1,
  R2,
  R3,
  R6,
  R7,
  R8,
  R9,
  R10,
  type Reg,
  slotsOf,
} from '../bpf/asm.ts';
import { type Btf, BtfError } from '../bpf/btf.ts';
import { resolvePath } from '../bpf/btf-path.ts';
import { inInitialPidNamespace } from '../bpf/host.ts';
import { type LinkInfo, linkTakesTask } from '../bpf/link.ts';
import { findTarget, objectOf, type Target } from '../bpf/targets.ts';
import { columnArgs, conditionText } from './columns.ts';
import {
  alongChains,
  type EmitScope,
  emitColumns,
  emitEach,
  follow,
  loadNumber,
  loops,
  type RecordPlace,
  seeAs,
  walks,
} from './emit.ts';
import { enumNames } from './enum-names.ts';
import { lacksHelper } from './helper-needs.ts';
import { type Field, FLAG_FOOTER, FLAG_MEMBER, FOOTER_SIZE, MAX_FLAGS, type RecordLayout } from './record.ts';
import {
  type EachSource,
  fieldShape,
  isAddress,
  type MemorySource,
  objectsOf,
  pieceOf,
  resolvePlace,
  resolveSource,
  type Scope,
  type Source,
  sameArray,
} from './source.ts';
import {
  type Cast,
  type Column,
  columnOf,
  FILTER_NAMES,
  type FilterName,
  type FilterRule,
  type Filters,
  type Range,
  type Template,
  TemplateError,
  UsageError,
  valueStride,
  type WalkOrder,
} from './template.ts';
import { type Conjunct, columnsOf } from './where.ts';
import { emitWhere } from './where-emit.ts';
import { type KernelCondition, planWhere } from './where-plan.ts';

export interface CompileOptions {
  /** Columns to read; what they are derived from and the key come by themselves. */
  readonly columns: readonly string[];
  readonly filters?: Filters;
  readonly switches?: Readonly<Record<string, boolean>>;
  readonly ungroup?: boolean;
  /** Conditions that have to hold; each is evaluated in the program where that can be. */
  readonly where?: readonly Conjunct[];
  /** For a target that walks in an order; the template's where absent. */
  readonly order?: WalkOrder;
  /** For a template that gathers: bytes that map `gather` holds. */
  readonly gather?: number;
  /** The elements of a map are read by bpf(2): no condition can be evaluated before that. */
  readonly unaided?: boolean;
  /** Columns that this kernel has refused, and why: by name, or one way to get them as refusalOf() has it. */
  readonly refused?: ReadonlyMap<string, string>;
  /** What is done with an object that passed in place of writing its record; then nothing else is written either. */
  readonly instead?: (at: Passed) => void;
}

/** An object that passed, its record built. */
export interface Passed extends Pick<EmitScope, 'asm' | 'record' | 'temps'> {
  readonly layout: RecordLayout;
  /** A jump to it goes on with the next one. */
  readonly out: string;
  /** R8 = a context member or cast; jumps to `absent` where there is none. May call helpers. */
  load(object: string, absent: string): void;
  /** The register = the seq_file that is written to. */
  loadSeq(reg: Reg): void;
}

/** A condition of the user's, and where it runs. */
interface PlannedCondition {
  readonly text: string;
  readonly where: 'link' | 'kernel' | 'user';
  /** Of which filter: its values, and with them the text, may change without another plan. */
  readonly filter?: FilterName;
}

export interface Plan {
  readonly template: Template;
  readonly target: Target;
  /** Columns with a field in the record. */
  readonly loaded: readonly string[];
  /** Column -> which of its sources it has. */
  readonly ways: ReadonlyMap<string, string>;
  /** Column -> why this kernel does not have it. */
  readonly absent: ReadonlyMap<string, string>;
  readonly layout: RecordLayout;
  readonly assembly: Assembly;
  readonly sleepable: boolean;
  readonly link: LinkInfo | undefined;
  readonly conditions: readonly PlannedCondition[];
  /** Conditions that are left for after reading. */
  readonly after: readonly Conjunct[];
  /** The value of map `globals`: its size, and per filter where its ranges are and how many fit. */
  readonly globals: {
    readonly size: number;
    readonly ranges: Partial<Record<FilterName, { offset: number; slots: number }>>;
  };
  /** Size of map `scratch`, where the record is built when the stack is too small; 0 where it is not. */
  readonly scratch: number;
  /** Size of map `gather`, 0 where records go into the iterator's own buffer; the bytes used are in `globals`. */
  readonly gather: number;
  /** Names of columns that BTF has, by column: see Column.names. */
  readonly names: ReadonlyMap<string, Readonly<Record<number, string>>>;
  /** Of the elements of a map, where each field comes from. */
  readonly memory: readonly { readonly field: Field; readonly source: MemorySource | (Source & { kind: 'cpu' }) }[];
  /** Filters evaluated through a join: the map `set_<filter>` holds what the join's column holds. */
  readonly sets: readonly { readonly filter: FilterName; readonly join: string; readonly map: string }[];
  /** Bytes of stack used, of 512. */
  readonly stack: number;
}

/** The stack is 512 bytes (MAX_BPF_STACK, include/linux/filter.h). */
const STACK = 512;
/** A record of this size still leaves room on the stack for the slots and the footer. */
const MAX_STACK_RECORD = 440;
/**
 * The verifier tells apart what each way through the program has stored on the stack, and goes on from a place where n
 * of them meet up to 2^n times; of a map's value it knows nothing.
 */
const MAX_STACK_WAYS = 8;
/** Within PCPU_MIN_UNIT_SIZE (include/linux/percpu.h), which is also less than an iterator's buffer has with the smallest pages. */
const MAX_SCRATCH = 32760;
/** Jumps over the conditions reach 32767 slots; the verifier takes its million steps for no condition of this length. */
const MAX_CONDITION_SLOTS = 16384;
const ALIGN = 8;
const VISITED = 0;
/** Bytes of the records gathered so far, those that found no room included. */
export const GATHERED = 8;
/** The object that needs no second run, as one more than its seq_num: one that comes again then is the final call. */
const DEALT_WITH = 16;
const RANGES = 24;
/** A first guess: 5,000 cgroups. */
const GATHER_BYTES = 1 << 20;
/** Elements that a set filter holds; as many sockets can be asked for by PID. */
export const SET_ENTRIES = 1 << 18;

const up = (n: number, to: number) => Math.ceil(n / to) * to;

/** Everything that changes the program, but for values of filters: plans with equal shapes are interchangeable. */
export function shapeOf(template: Template, options: CompileOptions, btf: Btf): string {
  const filters = FILTER_NAMES.map(
    (name) =>
      `${name}:${slotsFor(options.filters?.[name]?.length ?? 0)}${linkValue(template, options.filters, btf) !== undefined && name === 'pid' ? 'l' : ''}`,
  );
  const switches = (template.switches ?? []).map((s) => Number(options.switches?.[s.name] ?? s.on));
  return [
    template.name,
    [...options.columns].sort().join(),
    filters.join(),
    switches.join(),
    Number(options.ungroup ?? false),
    Number(options.unaided ?? false),
    (options.where ?? []).map((c) => c.text).join(' && '),
    options.order ?? '',
    options.gather ?? '',
  ].join('|');
}

/** Ranges are compared one by one; their number is rounded up so that adding one rarely means another program. */
function slotsFor(ranges: number): number {
  let slots = ranges > 0 ? 1 : 0;
  while (slots < ranges) slots *= 2;
  return slots;
}

/** The single PID that the link can take over; else the program compares. */
export function linkValue(template: Template, filters: Filters | undefined, btf: Btf): number | undefined {
  const ranges = filters?.pid;
  if (template.filters?.pid?.link !== 'pid' || ranges?.length !== 1 || ranges[0][0] !== ranges[0][1]) return undefined;
  return linkTakesPid(btf, template.target) ? ranges[0][0] : undefined;
}

/** One of the ways to get a column, for `refused`. */
export function refusalOf(column: string, from: string | undefined): string {
  return `${column} = ${from}`;
}

interface Item {
  readonly column: string;
  readonly source: Source;
}

/** @throws TemplateError for a template that cannot work here, UsageError for a filter that it does not have */
export function compile(template: Template, options: CompileOptions, btf: Btf): Plan {
  try {
    return planOf(template, options, btf);
  } catch (error) {
    // What no instruction can express, say a jump over more columns than it reaches.
    throw error instanceof AsmError ? new TemplateError(template.name, '', error.message) : error;
  }
}

function planOf(template: Template, options: CompileOptions, btf: Btf): Plan {
  let target: Target;
  try {
    target = findTarget(btf, template.target);
  } catch (error) {
    throw error instanceof BtfError ? new TemplateError(template.name, '', error.message) : error;
  }
  const scope: Scope = { btf, target, casts: template.casts ?? {} };
  const grouped = template.group !== undefined && !options.ungroup;

  const absent = new Map<string, string>();
  const items: Item[] = [];
  const chosen = new Map<string, string>();
  const checked = new Set<string>();
  const asked = (options.where ?? []).flatMap((c) => columnsOf(c.where));
  const key = template.map?.cpus && options.ungroup ? [...template.key, 'cpu'] : template.key;
  for (const name of columnArgs(template, [...key, ...options.columns, ...asked], grouped)) {
    const column = columnOf(template, name)!;
    const refused = options.refused?.get(name);
    if (refused !== undefined) {
      absent.set(name, refused);
      continue;
    }
    const alternatives = typeof column.from === 'string' ? [column.from] : (column.from ?? []);
    let reason = '';
    const source = firstOf(alternatives, (text) => {
      const way = options.refused?.get(refusalOf(name, text));
      if (way !== undefined) {
        reason ||= way;
        return undefined;
      }
      try {
        const found = ofCpus(resolveSource(scope, text), template, column, options.ungroup ?? false);
        const helper = lacksHelper(btf, template, found);
        if (helper !== '') throw new BtfError(helper);
        if (found.kind === 'each') checkEach(template, name, found, items);
        for (const object of objectsOf(found)) {
          if (!checked.has(object)) checkCast(scope, object);
          checked.add(object);
        }
        chosen.set(name, text);
        return found;
      } catch (error) {
        if (!(error instanceof BtfError)) throw error;
        reason ||= error.message;
        return undefined;
      }
    });
    if (source) items.push({ column: name, source });
    else if (template.key.includes(name))
      throw new TemplateError(template.name, name, `${reason}; it is part of the key, so the table cannot be shown`);
    else absent.set(name, reason);
  }

  const each = items.filter((i): i is Item & { source: EachSource } => i.source.kind === 'each');
  const totals = grouped ? items.filter((i) => columnOf(template, i.column)?.total).map((i) => i.column) : [];
  const prefix = grouped ? [template.group!.by, ...totals] : [];
  const usedCasts = Object.keys(scope.casts).filter(
    (cast) => items.some((i) => objectsOf(i.source).includes(cast)) || filterObjects(template, options).includes(cast),
  );
  if (usedCasts.length > MAX_FLAGS)
    throw new TemplateError(template.name, '', `at most ${MAX_FLAGS} casts can be used at once`);
  const flags = new Map(usedCasts.map((cast, i) => [cast, 1 << i]));
  const { layout, prefixSize } = layOut(items, key, prefix, totals, template.group?.by ?? null, flags, grouped);

  const texts = layout.fields.filter((f) => f.type === 'text');
  const ways = items.filter((i) => walks(i.source)).length + usedCasts.length;
  // On the stack a pointer stays one, with which no condition can calculate.
  const asksOfPointers = items.some((i) => asked.includes(i.column) && isAddress(btf, i.source));
  const inScratch =
    items.some((i) => loops(i.source)) ||
    asksOfPointers ||
    texts.length > 0 ||
    layout.fixed > MAX_STACK_RECORD ||
    ways > MAX_STACK_WAYS;
  const scratch = inScratch ? up(layout.fixed + texts.reduce((sum, f) => sum + f.limit + ALIGN, 0), ALIGN) : 0;
  if (scratch > MAX_SCRATCH) {
    throw new UsageError(
      `${template.name}: the columns asked for need up to ${scratch} bytes a record, the kernel takes ${MAX_SCRATCH}; ask for fewer of ${texts.map((f) => f.column).join(', ')}`,
    );
  }

  const link = linkValue(template, options.filters, btf);
  const ranges: Partial<Record<FilterName, { offset: number; slots: number }>> = {};
  const sets: { filter: FilterName; join: string; map: string }[] = [];
  const conditions: PlannedCondition[] = [];
  let globalsSize = RANGES;
  for (const name of FILTER_NAMES) {
    const wanted = options.filters?.[name];
    if (!wanted || wanted.length === 0) continue;
    const rule = template.filters?.[name];
    if (!rule) {
      const has = Object.keys(template.filters ?? {});
      throw new UsageError(
        `${template.name} cannot be filtered by ${name}; ${has.length ? `it can by ${has.join(', ')}` : 'it has no filters'}`,
      );
    }
    const text = conditionText(name, wanted);
    if (name === 'pid' && link !== undefined) conditions.push({ text, where: 'link', filter: name });
    else conditions.push({ text, where: 'kernel', filter: name });
    if (rule.through) sets.push({ filter: name, join: rule.through.join, map: `set_${name}` });
    else if (!(name === 'pid' && link !== undefined)) {
      ranges[name] = { offset: globalsSize, slots: slotsFor(wanted.length) };
      globalsSize += slotsFor(wanted.length) * 8;
    }
  }

  const fieldOf = (column: string) => layout.fields.find((f) => f.column === column);
  const where = planWhere(options.where ?? [], {
    template,
    absent,
    fieldOf,
    totals,
    linkPid: link === undefined && linkTakesPid(btf, template.target),
  });
  if (where.pid) conditions.push({ text: where.pid.text, where: 'link' });
  const after = options.unaided ? (options.where ?? []) : where.after;
  if (!options.unaided) for (const { text } of where.kernel) conditions.push({ text, where: 'kernel' });
  for (const { text } of after) conditions.push({ text, where: 'user' });

  // Stack, downwards: slots for values that outlive a call, then the record or the footer.
  const temps = [-8, -16, -24, -32] as const;
  const footerAt = -32 - FOOTER_SIZE;
  const recordAt = -32 - Math.max(FOOTER_SIZE, layout.fixed);
  const record: RecordPlace = inScratch ? { reg: R9, offset: 0 } : { reg: R10, offset: recordAt };
  const stack = inScratch ? -footerAt : -recordAt;
  if (stack > STACK) throw new TemplateError(template.name, '', `needs ${stack} bytes of stack, ${STACK} are there`);

  const asm = new Assembler();
  const meta = btf.struct('bpf_iter_meta');
  const metaAt = (member: string) => resolvePath(btf, meta, member).offset;
  const main = objectOf(target);
  /** Where it goes on without an object: in a loop not straight out, as that would leave the loop's iterator behind. */
  let beside = 'out';
  const loadObject = (reg: Reg, object: string) => {
    asm.load(8, reg, R6, target.members.find((m) => m.name === object)!.offset).jumpIfImm('eq', reg, 0, beside);
  };
  const plainCast = btf.func('bpf_rdonly_cast');
  const seePlain = (object: string) => {
    const member = target.members.find((m) => m.name === object)!;
    const type = btf.strip(member.type);
    if (plainCast !== 0 && btf.kind(type) === 'STRUCT') seeAs(asm.note(`${object} as plain memory`), plainCast, type);
  };
  const sleepable = items.some((i) => i.source.kind === 'cmdline');
  const numbers = {
    start: btf.func('bpf_iter_num_new'),
    next: btf.func('bpf_iter_num_next'),
    end: btf.func('bpf_iter_num_destroy'),
  };
  const rcu = { lock: btf.func('bpf_rcu_read_lock'), unlock: btf.func('bpf_rcu_read_unlock') };
  const emitScope: EmitScope = {
    asm,
    record,
    temps,
    loadObject,
    seePlain,
    served: ({ offset }) => layout.fields.flatMap((f) => (f.offset === offset ? [f.column] : [])).join(' '),
    numbers: numbers.start && numbers.next && numbers.end ? numbers : null,
    rcu: sleepable && rcu.lock && rcu.unlock ? rcu : null,
  };
  const seqWrite = (from: RecordPlace, size: number | 'R7') => {
    asm.load(8, R1, R6, 0).load(8, R1, R1, metaAt('seq'));
    asm.mov(R2, from.reg).aluImm('add', R2, from.offset);
    if (size === 'R7') asm.mov(R3, R7);
    else asm.movImm(R3, size);
    asm.call('seq_write');
  };
  const gather = template.gather ? (options.gather ?? GATHER_BYTES) : 0;
  /** Hands the record on; `most` is the largest that it can be. */
  const writeRecord = (size: number | 'R7', most: number, out: string) => {
    if (gather === 0) {
      seqWrite(record, size);
      return;
    }
    asm.loadMapValue(R3, 'globals', GATHERED).load(8, R1, R3, 0).mov(R2, R1);
    if (size === 'R7') asm.alu('add', R2, R7);
    else asm.aluImm('add', R2, size);
    asm
      .store(8, R3, 0, R2)
      .note('the reader sees that they did not fit')
      .jumpIfImm('gt', R1, gather - most, out);
    asm.mov(R2, R1).loadMapValue(R1, 'gather', 0).alu('add', R1, R2);
    if (size === 'R7') asm.mov(R2, R7);
    else asm.movImm(R2, size);
    asm.mov(R3, record.reg).aluImm('add', R3, record.offset).call('probe_read_kernel');
  };
  const from = (object: string, list: readonly Item[]) => list.filter((i) => objectsOf(i.source).includes(object));
  /** A field -> of the columns that have it the one that writes it: whichever comes first. */
  const writers = new Map<number, string>();
  const byObject = (object: string, list: readonly Item[]) =>
    from(object, list).flatMap(({ column, source }) => {
      const field = fieldOf(column)!;
      if (!writers.has(field.offset)) writers.set(field.offset, column);
      return writers.get(field.offset) === column ? [{ source, field }] : [];
    });
  const contextObjects = target.members.filter((m) => m.pointer).map((m) => m.name);

  asm.tagged('(prologue)', () => {
    asm.note('context').mov(R6, R1);
    asm.note(`NULL at the final call: ${main.name}`).load(8, R8, R6, main.offset).jumpIfImm('eq', R8, 0, 'footer');
    for (const name of contextObjects)
      if (name !== main.name)
        asm
          .note(name)
          .load(8, R1, R6, target.members.find((m) => m.name === name)!.offset)
          .jumpIfImm('eq', R1, 0, 'out');
  });
  asm.tagged('(visited)', () => {
    // Stored, not counted up: the program runs again for an object whose record found the buffer full.
    asm.load(8, R1, R6, 0).load(8, R1, R1, metaAt('seq_num')).aluImm('add', R1, 1);
    asm.loadMapValue(R2, 'globals', VISITED);
    if (template.repeatsLast) asm.note('again').load(8, R3, R2, DEALT_WITH).jumpIf('eq', R3, R1, 'footer');
    asm.store(8, R2, 0, R1);
  });

  // What refuses an object by its context alone comes before anything is built.
  const filter = makeFilters(asm, scope, seePlain, template, options, ranges, link !== undefined);
  for (const object of contextObjects) {
    if (!filter.has(object)) continue;
    loadObject(R8, object);
    filter.emit(object);
  }

  asm.tagged('(record)', () => {
    if (inScratch) {
      asm.storeImm(4, R10, temps[0], 0).mov(R2, R10).aluImm('add', R2, temps[0]).loadMapFd(R1, 'scratch');
      asm.call('map_lookup_elem').jumpIfImm('eq', R0, 0, 'out').mov(R9, R0);
    }
    for (let at = 0; at < layout.fixed; at += 8) asm.storeImm(8, record.reg, record.offset + at, 0);
  });

  const inPrefix = new Set(prefix);
  const early = items.filter((i) => inPrefix.has(i.column));
  const late = items.filter((i) => !inPrefix.has(i.column));
  let conditionSlots = 0;
  const refuse = ({ text, test }: KernelCondition, out = 'out') =>
    asm.tagged('(where)', () => {
      const before = asm.slots;
      asm.note(text);
      emitWhere(asm, test, record, (column) => fieldOf(column)!, out);
      conditionSlots += asm.slots - before;
      if (conditionSlots > MAX_CONDITION_SLOTS) {
        throw new UsageError(
          `where: the conditions make ${conditionSlots} instructions in the kernel, at most ${MAX_CONDITION_SLOTS} are taken; use ranges, networks or a regular expression in place of long lists`,
        );
      }
    });
  /** What all members of a group share refuses them, too. */
  const ofGroup = (condition: KernelCondition) => grouped && condition.columns.every((c) => c === template.group!.by);
  const ofEach = where.kernel.filter((c) => each.some(({ column }) => c.columns.includes(column)));
  const undecided = where.kernel.filter((c) => !ofGroup(c) && !ofEach.includes(c));
  if (grouped) {
    loadObject(R8, main.name);
    emitColumns(emitScope, byObject(main.name, early), main.name);
    for (const condition of where.kernel) if (ofGroup(condition)) refuse(condition);
    asm.tagged('(group)', () => {
      const place = (column: string) => {
        const from = columnOf(template, column)!.from;
        return resolvePlace(scope, typeof from === 'string' ? from : from![0]);
      };
      const by = place(template.group!.by);
      const member = place(template.group!.member);
      loadNumber(asm, by, by.size, R8, R1);
      loadNumber(asm, member, member.size, R8, R2);
      if (totals.length === 0) {
        asm.note('a member that has nothing to add').jumpIf('ne', R1, R2, 'out');
        return;
      }
      asm.note('the one that stands for the group').jumpIf('eq', R1, R2, 'representative');
      asm
        .storeImm(2, record.reg, record.offset, prefixSize / ALIGN)
        .storeImm(2, record.reg, record.offset + 2, FLAG_MEMBER);
      seqWrite(record, prefixSize);
      asm.jump('out').label('representative');
    });
    const ended = early.flatMap(({ column }) => {
      const base = columnOf(template, column)!.groupBase;
      if (base === undefined) return [];
      const source = resolveSource(scope, base);
      if (source.kind !== 'scalar') throw new TemplateError(template.name, column, `groupBase ${base} is no number`);
      return [{ column, source, at: record.offset + fieldOf(column)!.offset }];
    });
    if (ended.length > 0) asm.tagged('(group)', () => seePlain(main.name));
    alongChains(
      asm,
      ended,
      (e) => e.source.place,
      (e) => e.column,
      ({ source, at }, from) => {
        asm.note(`ended members: ${source.place.text}`);
        loadNumber(asm, source.place, source.size, from, R1);
        asm.load(8, R3, record.reg, at).alu('add', R3, R1).store(8, record.reg, at, R3);
      },
    );
  }

  if (texts.length > 0) asm.tagged('(texts)', () => asm.note('where the first text goes').movImm(R7, layout.fixed));
  const emitFromContext = (list: readonly Item[]) => {
    for (const { column, source } of list) {
      if (objectsOf(source).length === 0) emitColumns(emitScope, [{ source, field: fieldOf(column)! }]);
    }
    for (const object of contextObjects) {
      const own = byObject(object, list);
      if (own.length === 0) continue;
      loadObject(R8, object);
      emitColumns(emitScope, own, object);
    }
  };
  const needsCast = (condition: KernelCondition) =>
    items.some((i) => condition.columns.includes(i.column) && objectsOf(i.source).some((o) => usedCasts.includes(o)));
  const first = undecided.filter((c) => !needsCast(c));
  const firstColumns = new Set(first.flatMap((c) => c.columns));
  emitFromContext(late.filter((i) => firstColumns.has(i.column)));
  for (const condition of first) refuse(condition);
  emitFromContext(late.filter((i) => !firstColumns.has(i.column)));
  for (const name of usedCasts) {
    const skip = asm.fresh(`no_${name}`);
    // bpf_d_path asks for a pointer that the verifier has followed.
    const followed = items.some((i) => i.source.kind === 'd_path' && i.source.place.object === name);
    const serves = from(name, items).map(({ column }) => column);
    asm.tagged([`(${name})`, ...serves].join(' '), () =>
      emitCast(asm, scope, loadObject, followed ? () => {} : seePlain, name, skip),
    );
    filter.emit(name);
    asm.tagged(`(${name})`, () => {
      asm
        .load(2, R1, record.reg, record.offset + 2)
        .aluImm('or', R1, flags.get(name)!)
        .store(2, record.reg, record.offset + 2, R1);
    });
    emitColumns(emitScope, byObject(name, late));
    if (filter.has(name))
      asm.jump(`${skip}_past`).label(skip).note('filtered by what it lacks').jump('out').label(`${skip}_past`);
    else asm.label(skip);
  }

  for (const condition of undecided) if (needsCast(condition)) refuse(condition);

  /** The object of a context member or cast. */
  const load = (object: string, absent: string) => {
    if (scope.casts[object]) emitCast(asm, scope, loadObject, seePlain, object, absent);
    else loadObject(R8, object);
  };
  const hasTexts = texts.length > 0;
  const write = (out: string) => {
    if (options.instead) {
      const loadSeq = (reg: Reg) => asm.load(8, reg, R6, 0).load(8, reg, reg, metaAt('seq'));
      options.instead({ asm, record, temps, layout, out, load, loadSeq });
    } else if (hasTexts) writeRecord('R7', scratch, out);
    else writeRecord(layout.fixed, layout.fixed, out);
  };
  asm.tagged('(write)', () => {
    if (options.instead) return;
    if (hasTexts)
      asm.mov(R1, R7).aluImm('rsh', R1, 3).store(2, record.reg, record.offset, R1).jumpIfImm('gt', R7, scratch, 'out');
    else asm.storeImm(2, record.reg, record.offset, layout.fixed / ALIGN);
  });
  if (each.length > 0) {
    asm.tagged(each[0]!.column, () => {
      const { object } = each[0]!.source.place;
      load(object, 'out');
      if (!scope.casts[object]) seePlain(object);
      // Where the footer will be: here it is not yet.
      const slots = [footerAt, footerAt + 8, footerAt + 16, footerAt + 24] as const;
      const columns = each.map(({ column, source }) => ({ source, field: fieldOf(column)! }));
      emitEach(emitScope, columns, slots, 'out', (next) => {
        beside = next;
        for (const condition of ofEach) refuse(condition, next);
        asm.tagged('(write)', () => write(next));
      });
      beside = 'out';
    });
  }
  asm.tagged('(write)', () => {
    if (each.length === 0) write('out');
    if (template.repeatsLast && !options.instead) asm.note('the buffer was full').jumpIfImm('ne', R0, 0, 'full');
    asm.label('out');
    if (template.repeatsLast)
      asm.loadMapValue(R2, 'globals', VISITED).load(8, R1, R2, 0).store(8, R2, DEALT_WITH, R1).label('full');
    asm.movImm(R0, 0).exit();
  });

  asm.label('footer').tagged('(footer)', () => {
    if (options.instead) {
      if (template.repeatsLast) asm.loadMapValue(R2, 'globals', VISITED).storeImm(8, R2, DEALT_WITH, 0);
      asm.movImm(R0, 0).exit();
      return;
    }
    const footer: RecordPlace = { reg: R10, offset: footerAt };
    const put = (at: number) => asm.store(8, R10, footerAt + at, R0);
    asm
      .storeImm(8, R10, footerAt, 0)
      .storeImm(2, R10, footerAt, FOOTER_SIZE / ALIGN)
      .storeImm(2, R10, footerAt + 2, FLAG_FOOTER);
    asm.note('visited').loadMapValue(R2, 'globals', VISITED).load(8, R0, R2, 0);
    put(8);
    asm.load(8, R1, R6, 0).load(8, R0, R1, metaAt('session_id'));
    put(16);
    asm.call('jiffies64');
    put(24);
    asm.call('ktime_get_ns');
    put(32);
    asm.call('ktime_get_boot_ns');
    put(40);
    seqWrite(footer, FOOTER_SIZE);
    // A full buffer means that this call comes again: only then must the number of visited objects still be there.
    asm.jumpIfImm('ne', R0, 0, 'done').loadMapValue(R2, 'globals', VISITED).storeImm(8, R2, 0, 0);
    if (template.repeatsLast) asm.storeImm(8, R2, DEALT_WITH, 0);
    asm.label('done').movImm(R0, 0).exit();
  });

  return {
    template,
    target,
    loaded: items.map((i) => i.column),
    ways: chosen,
    absent,
    layout,
    assembly: asm.assemble(),
    sleepable,
    link: linkInfo(template, options, link ?? where.pid?.value),
    conditions,
    after,
    globals: { size: up(globalsSize, ALIGN), ranges },
    scratch,
    gather,
    names: enumNames(
      btf,
      items.map((i) => columnOf(template, i.column)!),
    ),
    memory: items.flatMap(({ column, source }) =>
      source.kind === 'memory' || source.kind === 'cpu' ? [{ field: fieldOf(column)!, source }] : [],
    ),
    sets,
    stack,
  };
}

/**
 * Whether a link can restrict a walk to a PID (Linux 6.1) and means by it what the column shows, which counts in the
 * initial namespace; the link counts in that of who reads. Walks that come to shared files once came to those of a
 * process twice before Linux 6.7 (task_group_seq_get_next, kernel/bpf/task_iter.c), which has bpf_iter_task_new.
 */
export function linkTakesPid(btf: Btf, target = 'task'): boolean {
  const once = target === 'task' || btf.func('bpf_iter_task_new') !== 0;
  return once && linkTakesTask(btf) && inInitialPidNamespace();
}

/** Parameters of the link: of one PID, or the order of a walk, which starts at the root where no cgroup is named. */
function linkInfo(template: Template, options: CompileOptions, pid: number | undefined): LinkInfo | undefined {
  if (pid !== undefined) return { pid };
  const order = options.order ?? template.order;
  return order === undefined ? undefined : { cgroup: { order, id: 0n } };
}

/**
 * Of a per-CPU map's values the sum, unless each is a row.
 * @throws BtfError for what cannot be added up, or is not within the key or value
 */
function ofCpus(source: Source, template: Template, column: Column, ungroup: boolean): Source {
  const { map } = template;
  if (!map) return source;
  if (source.kind === 'memory') {
    const size = source.object === 'key' ? map.keySize : map.valueSize;
    if (source.offset + source.size > size)
      throw new BtfError(
        `bytes ${source.offset} to ${source.offset + source.size} are beyond the ${size} of a ${source.object}`,
      );
  }
  if (ungroup) return source;
  const each = 'each CPU has its own: H shows a row for each CPU';
  if (source.kind === 'cpu') throw new BtfError(map.cpus > 0 ? each : 'all CPUs share the values of this map');
  if (source.kind !== 'memory' || source.object !== 'value' || map.cpus === 0) return source;
  if (!column.total || source.type === 'chars') throw new BtfError(each);
  const type = source.type.startsWith('i') ? 'i64' : 'u64';
  return { ...source, type, cpus: map.cpus, stride: valueStride(map) };
}

/** @throws BtfError where rows could not be told apart, or a full buffer would not be noticed */
function checkEach(template: Template, column: string, source: EachSource, before: readonly Item[]): void {
  const other = before.find((i) => i.source.kind === 'each');
  if (other ? !sameArray(source, other.source as EachSource) : !template.key.includes(column) || source.member)
    throw new BtfError('each() makes a row of each element: one array of a table, its elements in the key');
  if (template.repeatsLast)
    throw new BtfError(`each() does not go with ${template.target}, whose last object comes twice`);
}

function firstOf<T, R>(list: readonly T[], get: (item: T) => R | undefined): R | undefined {
  for (const item of list) {
    const found = get(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function ruleSources(rule: FilterRule): readonly string[] {
  return rule.through ? [rule.through.source] : (rule.any ?? []);
}

/** Casts and members that the wanted filters look at. */
function filterObjects(template: Template, options: CompileOptions): string[] {
  const found: string[] = [];
  for (const name of FILTER_NAMES) {
    const rule = template.filters?.[name];
    if (!rule || !options.filters?.[name]?.length) continue;
    for (const source of ruleSources(rule)) found.push(/^\s*(\w+)/.exec(source)?.[1] ?? '');
  }
  return found;
}

/** Columns that show one member of one object in different ways have one field. An object that is cast may not be there. */
const isTwin = ({ source: a }: Item, { source: b }: Item): boolean =>
  a.kind === 'scalar' && b.kind === 'scalar' && a.place.object === b.place.object && a.place.text === b.place.text;

function layOut(
  items: readonly Item[],
  key: readonly string[],
  prefix: readonly string[],
  totals: readonly string[],
  by: string | null,
  flags: ReadonlyMap<string, number>,
  grouped: boolean,
): { layout: RecordLayout; prefixSize: number } {
  const fields: Field[] = [];
  let at = 4;
  const find = (name: string) => items.find((i) => i.column === name)!;
  const add = (item: Item) => {
    const twin = fields.find((f) => !prefix.includes(f.column) && isTwin(find(f.column), item));
    if (twin) {
      fields.push({ ...twin, column: item.column });
      return;
    }
    const shape = fieldShape(item.source);
    at = up(
      at,
      // Bytes are copied in pieces, the largest first: see copyBytes().
      shape.type === 'chars' ? pieceOf(shape.size) : shape.type === 'inet' || shape.type === 'text' ? 8 : shape.size,
    );
    const flag = objectsOf(item.source).reduce((bits, object) => bits | (flags.get(object) ?? 0), 0);
    fields.push({ column: item.column, offset: at, size: shape.size, type: shape.type, flag, limit: shape.limit });
    at += shape.size;
  };
  const widest = (a: Item, b: Item) => fieldShape(b.source).size - fieldShape(a.source).size;
  for (const name of prefix) add(find(name));
  const prefixSize = up(at, ALIGN);
  if (prefix.length > 0) at = prefixSize;
  at = up(at, 8);
  const keyOffset = at;
  for (const item of key
    .filter((k) => !prefix.includes(k))
    .map(find)
    .sort(widest))
    add(item);
  at = up(at, 4);
  const keySize = at - keyOffset;
  for (const item of items.filter((i) => !prefix.includes(i.column) && !key.includes(i.column)).sort(widest)) add(item);
  return {
    prefixSize,
    layout: { fixed: up(at, ALIGN), fields, keyOffset, keySize, group: grouped ? { by: by!, totals } : null },
  };
}

/** R8 = the object of a cast, with what it starts from before it; leaves to `skip` where there is none. */
function emitCast(
  asm: Assembler,
  scope: Scope,
  loadObject: (reg: Reg, object: string) => void,
  seePlain: (object: string) => void,
  name: string,
  skip: string,
): void {
  const cast = scope.casts[name];
  const load = (object: string) => {
    if (scope.casts[object]) {
      emitCast(asm, scope, loadObject, seePlain, object, skip);
      return;
    }
    loadObject(R8, object);
    seePlain(object);
  };
  // A number of the object itself, where that already tells, spares the call.
  const before =
    cast.call !== undefined && cast.when !== undefined && resolvePlace(scope, cast.when.source).object === cast.of;
  if (cast.call) {
    loadObject(R8, cast.of);
    if (before) narrow(asm, scope, cast.when, skip);
    asm.mov(R1, R8).call(cast.call).jumpIfImm('eq', R0, 0, skip).mov(R8, R0);
  } else if (/^\w+$/.test(cast.of)) load(cast.of);
  else {
    const place = resolvePlace(scope, cast.of);
    load(place.object);
    const from = follow(asm, place, R2, skip);
    asm.note(place.text).load(8, R8, from, place.offset).jumpIfImm('eq', R8, 0, skip);
  }
  if (!before) narrow(asm, scope, cast.when, skip);
  if (cast.as) emitSeenAs(asm, scope.btf, cast.as);
}

/** @throws BtfError for what is no number of the object itself */
function whenNumber(scope: Scope, { source }: NonNullable<Cast['when']>): Source & { kind: 'scalar' } {
  const number = resolveSource(scope, source);
  if (number.kind !== 'scalar' || number.type === 'chars' || number.probe || number.place.loads.length > 0)
    throw new BtfError(`when: ${source} has to be a number in the object itself`);
  return number;
}

/** Whether this kernel can have the cast, and what it starts from. @throws BtfError */
function checkCast(scope: Scope, name: string, depth = 0): void {
  const cast = scope.casts[name];
  if (!cast) return;
  if (depth > Object.keys(scope.casts).length) throw new BtfError(`cast ${name} leads back to itself`);
  const of = /^\w+$/.test(cast.of) ? cast.of : resolvePlace(scope, cast.of).object;
  checkCast(scope, of, depth + 1);
  if (!cast.when) return;
  const { object } = whenNumber(scope, cast.when).place;
  // With `as` the number is looked at before the object is seen as something else, and has to be of what it was then.
  const seen = cast.as ? [cast.of] : cast.call || cast.of === of ? [name, cast.of] : [name];
  if (!seen.includes(object))
    throw new BtfError(
      cast.as && cast.of !== of
        ? `when: with "as" and a path in "of" there is no name for what ${cast.when.source} would have to start from; a cast of its own for ${cast.of} gives one`
        : `when: ${cast.when.source} has to start from ${seen.join(' or ')}`,
    );
}

/** Goes on with the object in R8 only where its number is one of those wanted. */
function narrow(asm: Assembler, scope: Scope, when: Cast['when'], skip: string): void {
  if (!when) return;
  const number = whenNumber(scope, when);
  const taken = asm.fresh('taken');
  loadNumber(asm, number.place, number.size, R8, R1, number.swap);
  for (const value of when.is) {
    const wanted = typeof value === 'number' ? value : scope.btf.enumerator(value);
    // What this kernel has no name for, it does not have.
    if (wanted !== undefined) asm.jumpIfImm('eq', R1, Number(wanted), taken);
  }
  asm.jump(skip).label(taken);
}

/** R8 = the object in R8 seen as the struct that holds it. Loads from it are checked at run time, as from any address. */
function emitSeenAs(asm: Assembler, btf: Btf, as: string): void {
  const [name, ...member] = as.split('.');
  const type = btf.struct(name);
  const offset = member.length > 0 ? resolvePath(btf, type, member.join('.')).offset : 0;
  asm.note(name).mov(R1, R8);
  if (offset > 0) asm.aluImm('sub', R1, offset);
  asm.movImm(R2, type).callKfunc(btf.func('bpf_rdonly_cast')).mov(R8, R0);
}

/** @throws TemplateError where the program cannot look at it */
function ofFilter(scope: Scope, template: Template, tag: string, text: string): Source {
  try {
    const source = resolveSource(scope, text);
    for (const object of objectsOf(source)) checkCast(scope, object);
    if (source.kind !== 'scalar' || !source.probe) return source;
    throw new BtfError(`the verifier takes ${text} for something else, which it shares its place with`);
  } catch (error) {
    throw error instanceof BtfError ? new TemplateError(template.name, '', `${tag}: ${error.message}`) : error;
  }
}

/** Filter code by the object that it looks at; what does not match goes to `out`. */
function makeFilters(
  asm: Assembler,
  scope: Scope,
  seePlain: (object: string) => void,
  template: Template,
  options: CompileOptions,
  ranges: Plan['globals']['ranges'],
  pidInLink: boolean,
): { has(object: string): boolean; emit(object: string): void } {
  const byObject = new Map<string, (() => void)[]>();
  const add = (
    sources: readonly string[],
    tag: string,
    emit: (loads: readonly ((absent: string) => void)[]) => void,
  ) => {
    const loads: ((absent: string) => void)[] = [];
    let object: string | undefined;
    let walks = false;
    for (const text of sources) {
      const source = ofFilter(scope, template, tag, text);
      if (source.kind !== 'address' && (source.kind !== 'scalar' || source.type === 'chars'))
        throw new TemplateError(template.name, '', `${tag}: ${text} is no number`);
      const from = source.kind === 'address' ? source.object : source.place.object;
      if (object !== undefined && object !== from) {
        throw new TemplateError(
          template.name,
          '',
          `${tag}: its sources have to start from one object, not from ${object} and ${from}`,
        );
      }
      object = from;
      walks ||= source.kind === 'scalar' && source.place.loads.length > 0;
      loads.push((absent) => {
        if (source.kind === 'address') {
          asm.note(`address of ${source.object}`).mov(R1, R8);
          return;
        }
        const from = follow(asm, source.place, R2, absent);
        asm.note(source.place.text);
        loadNumber(asm, source.place, source.size, from, R1, source.swap);
      });
    }
    if (object === undefined) return;
    const list = byObject.get(object) ?? [];
    const plain = walks && !scope.casts[object] ? object : undefined;
    list.push(() =>
      asm.tagged(tag, () => {
        if (plain !== undefined) seePlain(plain);
        emit(loads);
      }),
    );
    byObject.set(object, list);
  };
  const masked = (source: string, mask: number, tag: string, finish: () => void) => {
    if (mask !== -1 && isAddress(scope.btf, ofFilter(scope, template, tag, source)))
      throw new TemplateError(
        template.name,
        '',
        `${tag}: ${source} is a pointer, of which only all can be compared: mask -1`,
      );
    add([source], tag, (loads) => {
      loads[0]('out');
      // All of it: also a pointer, of which the verifier lets nobody take bits.
      if (mask !== -1) asm.aluImm('and', R1, mask);
      finish();
    });
  };

  for (const { source, mask, equals, except } of template.only ?? []) {
    masked(source, mask, '(only)', () => asm.jumpIfImm(except ? 'eq' : 'ne', R1, equals, 'out'));
  }
  for (const { name, on, hides } of template.switches ?? []) {
    if (options.switches?.[name] ?? on) continue;
    masked(hides.source, hides.mask, `(no ${name})`, () => asm.jumpIfImm('ne', R1, 0, 'out'));
  }
  for (const name of FILTER_NAMES) {
    const rule = template.filters?.[name];
    if (!rule || !options.filters?.[name]?.length || (name === 'pid' && pidInLink)) continue;
    const place = ranges[name];
    if (rule.through) {
      const temp = -8;
      add([rule.through.source], `(filter ${name})`, (loads) => {
        loads[0]('out');
        asm.store(8, R10, temp, R1).mov(R2, R10).aluImm('add', R2, temp).loadMapFd(R1, `set_${name}`);
        asm.call('map_lookup_elem').jumpIfImm('eq', R0, 0, 'out');
      });
    } else if (place) {
      add(rule.any ?? [], `(filter ${name})`, (loads) => {
        const pass = asm.fresh('pass');
        for (const load of loads) {
          const next = asm.fresh('other');
          load(next);
          asm.loadMapValue(R3, 'globals', place.offset);
          for (let slot = 0; slot < place.slots; slot++) {
            const miss = asm.fresh('miss');
            asm
              .load(4, R2, R3, slot * 8)
              .jumpIf('lt', R1, R2, miss)
              .load(4, R2, R3, slot * 8 + 4)
              .jumpIf('le', R1, R2, pass)
              .label(miss);
          }
          asm.label(next);
        }
        asm.jump('out').label(pass);
      });
    }
  }
  return {
    has: (object) => byObject.has(object),
    emit: (object) => {
      for (const emit of byObject.get(object) ?? []) emit();
    },
  };
}

/** The bytes of map `globals` for these filters. Slots without a range hold one that nothing is in. */
export function encodeGlobals(plan: Plan, filters: Filters): Buffer {
  const bytes = Buffer.alloc(plan.globals.size);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  for (const [name, place] of Object.entries(plan.globals.ranges)) {
    const ranges: readonly Range[] = filters[name as FilterName] ?? [];
    if (ranges.length > place.slots)
      throw new RangeError(`${name}: ${ranges.length} ranges do not fit ${place.slots} slots`);
    for (let slot = 0; slot < place.slots; slot++) {
      const [low, high] = ranges[slot] ?? [1, 0];
      words[place.offset / 4 + slot * 2] = low;
      words[place.offset / 4 + slot * 2 + 1] = high;
    }
  }
  return bytes;
}

/**
 * The columns that the verifier stumbled over: its log ends at an instruction, and that carries those that it serves,
 * all that are behind the same pointer or cast. [] where the complaint is about something else.
 */
export function refusedColumns(plan: Plan, log: string): string[] {
  const last = [...log.matchAll(/^(\d+): \(/gm)].at(-1);
  let slot = 0;
  let tag: string | undefined;
  if (last) {
    for (const instruction of plan.assembly.instructions) {
      if (slot > Number(last[1])) break;
      tag = instruction.tag;
      slot += slotsOf(instruction);
    }
  } else if (plan.sleepable && /sleepable/i.test(log)) {
    tag = plan.layout.fields.find((f) => isCommandLine(columnOf(plan.template, f.column)!))?.column;
  }
  return (tag?.split(' ') ?? []).filter((c) => plan.loaded.includes(c) && !plan.template.key.includes(c));
}

function isCommandLine(column: Column): boolean {
  return [column.from ?? []].flat().some((from) => from.startsWith('cmdline('));
}
