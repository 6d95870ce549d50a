/** Reads one template's target again and again over a kept link; owns its program, link and maps. */
import type { Btf } from '../bpf/btf.ts';
import { IteratorFd, type ReadOptions, type ReadResult } from '../bpf/iterator.ts';
import { Link, type LinkInfo } from '../bpf/link.ts';
import { BpfMap } from '../bpf/map.ts';
import type { NetNamespace } from '../bpf/netns.ts';
import { loadProgram, type Program, trimLog } from '../bpf/program.ts';
import { bytesOf, withRoom } from '../bpf/shared-memory.ts';
import { RunStats } from '../bpf/stats.ts';
import { BpfError } from '../bpf/syscall.ts';
import {
  type CompileOptions,
  compile,
  encodeGlobals,
  GATHERED,
  linkValue,
  type Plan,
  refusalOf,
  refusedColumns,
  SET_ENTRIES,
  shapeOf,
} from '../templates/compile.ts';
import { Batch, type BatchBuffers } from '../templates/record.ts';
import type { Filters, Template } from '../templates/template.ts';
import type { Inspected } from './inspect.ts';
import { microseconds, type Reading, type Source } from './source.ts';
import { Turns } from './turns.ts';

const ZERO_KEY = Buffer.alloc(4);

export class Reader implements Source {
  readonly template: Template;
  readonly #btf: Btf;
  #plan: Plan | null = null;
  #shape = '';
  #program: Program | null = null;
  #link: Link | null = null;
  #linkedTo = '';
  #maps = new Map<string, BpfMap>();
  #globals: Buffer | null = null;
  #sets = new Map<string, Set<bigint>>();
  readonly #turns = new Turns();
  #refused = new Map<string, string>();
  #options: CompileOptions | null = null;
  #runStats: RunStats | null = null;
  /** What map `gather` has to hold; 0 until the first guess was too small. */
  #gatherBytes = 0;
  #gathered: Buffer | null = null;

  constructor(template: Template, btf: Btf) {
    this.template = template;
    this.#btf = btf;
  }

  get inspected(): Omit<Inspected, 'label'> {
    const { plan } = this;
    return { plan, loaded: this.#program ? { program: this.#program, maps: this.#maps } : null };
  }

  get plan(): Plan {
    if (!this.#plan) throw new Error(`${this.template.name} was not configured`);
    return this.#plan;
  }

  /**
   * Brings the program in line with what is asked: nothing where nothing changed, a map update for other values, another
   * program under the kept link for another shape. On an error the old program stays.
   * @param target what the link is about, where the template does not say: the map whose elements are read; null to load
   * the program and attach it to nothing
   * @throws BpfError, TemplateError, UsageError
   */
  configure(asked: CompileOptions, target?: LinkInfo | null): void {
    const options = this.#gatherBytes > 0 ? { ...asked, gather: this.#gatherBytes } : asked;
    this.#options = asked;
    this.#holdRunStats(options.columns);
    const shape = shapeOf(this.template, options, this.#btf);
    if (shape !== this.#shape) this.#load(options, shape);
    const plan = this.plan;
    const globals = encodeGlobals(plan, options.filters ?? {});
    if (!this.#globals?.equals(globals)) {
      this.#maps.get('globals')!.update(ZERO_KEY, globals);
      this.#globals = globals;
    }
    if (target === null) return;
    const link = target ?? linkInfo(options.filters, plan, this.#btf);
    const wanted = JSON.stringify(link ?? null, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    if (!this.#link || wanted !== this.#linkedTo) {
      const next = Link.create(this.#program!, link);
      this.#link?.close();
      this.#link = next;
      this.#linkedTo = wanted;
    }
  }

  /** Has programs' runs counted while a column is asked for that shows them; where that is not permitted it is absent. */
  #holdRunStats(columns: readonly string[]): void {
    const wanting = this.template.columns.filter((c) => c.needs === 'run_stats' && columns.includes(c.name));
    if (wanting.length === 0) {
      this.#runStats?.close();
      this.#runStats = null;
    } else if (!this.#runStats && !wanting.every((c) => this.#refused.has(c.name))) {
      try {
        this.#runStats = RunStats.enable();
      } catch (error) {
        if (!(error instanceof BpfError)) throw error;
        for (const { name } of wanting) this.#refused.set(name, error.message);
      }
    }
  }

  /** Compiles and loads; a column that this kernel's verifier refuses is left out, and the rest tried again. */
  #load(options: CompileOptions, shape: string): void {
    for (;;) {
      const plan = compile(this.template, { ...options, refused: this.#refused }, this.#btf);
      try {
        this.#swap(plan, shape);
        return;
      } catch (error) {
        if (!(error instanceof BpfError) || error.command !== 'BPF_PROG_LOAD' || error.code === 'EAGAIN') throw error;
        const columns = refusedColumns(plan, error.log);
        if (columns.length === 0) throw error;
        for (const column of columns)
          this.#refused.set(
            refusalOf(column, plan.ways.get(column)),
            `this kernel's verifier refuses it: ${trimLog(error.log, 1).trim()}`,
          );
      }
    }
  }

  #swap(plan: Plan, shape: string): void {
    const maps = new Map<string, BpfMap>();
    let program: Program | null = null;
    try {
      for (const name of plan.assembly.maps) maps.set(name, createMap(plan, name));
      const fds = Object.fromEntries([...maps].map(([name, map]) => [name, map.fd]));
      program = loadProgram({
        code: plan.assembly.encode(fds),
        attachBtfId: plan.target.attachBtfId,
        name: `itertop_${plan.template.name}`,
        sleepable: plan.sleepable,
      });
      this.#link?.update(program);
    } catch (error) {
      program?.close();
      for (const map of maps.values()) map.close();
      throw error;
    }
    this.#program?.close();
    for (const map of this.#maps.values()) map.close();
    this.#program = program;
    this.#maps = maps;
    this.#plan = plan;
    this.#shape = shape;
    this.#globals = null;
    this.#sets.clear();
  }

  /** Makes the map `set_<filter>` hold exactly these values. @throws BpfError */
  fillSet(name: string, values: ReadonlySet<bigint>): void {
    const map = this.#maps.get(name);
    if (!map) throw new Error(`${this.template.name} has no map ${name}`);
    const held = this.#sets.get(name) ?? new Set<bigint>();
    this.#sets.set(name, held);
    const added: bigint[] = [];
    for (const value of values) if (!held.has(value)) added.push(value);
    for (const value of held) {
      if (values.has(value)) continue;
      map.delete(new Uint8Array(BigUint64Array.of(value).buffer));
      held.delete(value);
    }
    try {
      map.updateBatch(new Uint8Array(BigUint64Array.from(added).buffer), Buffer.alloc(added.length));
    } catch (error) {
      // Some of them are in it: the next configure() starts with an empty one.
      this.#shape = '';
      throw error;
    }
    for (const value of added) held.add(value);
  }

  /** One refresh: one walk, or one in each of the network namespaces. @throws BpfError, BadRecordError */
  read(options: ReadOptions = {}, namespaces: readonly NetNamespace[] = []): Reading {
    const buffers = this.#turns.next();
    const begin = Date.now();
    const started = performance.now();
    let { used, reads } =
      namespaces.length > 0 ? this.#walkAll(buffers, options, namespaces) : this.#walk(buffers, options);
    while (this.plan.gather > 0) {
      const whole = this.#takeGathered(buffers, used);
      if (whole >= 0) {
        used = whole;
        break;
      }
      this.configure(this.#options!);
      const again = this.#walk(buffers, options);
      used = again.used;
      reads += again.reads;
    }
    const ms = microseconds(performance.now() - started);
    const end = Date.now();
    const batch = Batch.index(this.plan.layout, buffers, used);
    return { batch, bytes: used, reads, begin, end, ms, clockNs: Math.round(performance.now() * 1e6) };
  }

  keep(): void {
    this.#turns.keep();
  }

  #walkAll(
    buffers: BatchBuffers,
    options: ReadOptions,
    namespaces: readonly NetNamespace[],
  ): Pick<ReadResult, 'used' | 'reads'> {
    let used = 0;
    let reads = 0;
    for (const namespace of namespaces) {
      // The iterator keeps the namespace that it was created in; it is read from home.
      using iterator = namespace.run(() => IteratorFd.create(this.#link!));
      if (!iterator) continue;
      const walk = iterator.readAll(buffers, { ...options, from: used });
      used = walk.used;
      reads += walk.reads;
    }
    return { used, reads };
  }

  #walk(buffers: BatchBuffers, options: ReadOptions): ReadResult {
    // Where records are gathered their end is in `globals`: each walk starts at none.
    if (this.plan.gather > 0) this.#maps.get('globals')!.update(ZERO_KEY, this.#globals!);
    using iterator = IteratorFd.create(this.#link!);
    return iterator.readAll(buffers, options);
  }

  /**
   * Puts the records of map `gather` before the footer, which came from the iterator. @returns bytes now in the buffers,
   * or -1 where there were more records than the map holds: the next configure() makes it larger
   */
  #takeGathered(buffers: BatchBuffers, footer: number): number {
    const { gather } = this.plan;
    const globals = this.#maps.get('globals')!.lookup(ZERO_KEY);
    const used = Number(new BigUint64Array(globals.buffer, globals.byteOffset + GATHERED, 1)[0]);
    if (used > gather - this.plan.scratch - this.plan.layout.fixed) {
      this.#gatherBytes = gather;
      while (this.#gatherBytes < used * 2) this.#gatherBytes *= 2;
      return -1;
    }
    if (this.#gathered?.length !== gather) this.#gathered = Buffer.alloc(gather);
    this.#maps.get('gather')!.lookupInto(ZERO_KEY, this.#gathered);
    buffers.bytes = withRoom(buffers.bytes, used + footer, footer);
    const bytes = bytesOf(buffers.bytes);
    bytes.copyWithin(used, 0, footer);
    bytes.set(this.#gathered.subarray(0, used));
    return used + footer;
  }

  /** Lets go of what the link is about; the program is kept. */
  detach(): void {
    this.#link?.close();
    this.#link = null;
  }

  close(): void {
    this.#runStats?.close();
    this.#runStats = null;
    this.#link?.close();
    this.#program?.close();
    for (const map of this.#maps.values()) map.close();
    this.#link = null;
    this.#program = null;
    this.#maps.clear();
    this.#shape = '';
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The plan's, with the PID that is asked for now: programs are shared by all values. */
function linkInfo(filters: Filters | undefined, plan: Plan, btf: Btf): LinkInfo | undefined {
  const pid = linkValue(plan.template, filters, btf);
  return pid === undefined ? plan.link : { pid };
}

export function createMap(plan: Plan, name: string): BpfMap {
  if (name === 'globals')
    return BpfMap.create({
      type: 'array',
      keySize: 4,
      valueSize: plan.globals.size,
      maxEntries: 1,
      name: 'itertop_globals',
    });
  if (name === 'gather')
    return BpfMap.create({
      type: 'array',
      keySize: 4,
      valueSize: plan.gather,
      maxEntries: 1,
      name: 'itertop_gather',
    });
  if (name === 'percpu')
    return BpfMap.create({ type: 'percpu_array', keySize: 4, valueSize: 8, maxEntries: 1, name: 'itertop_percpu' });
  if (name === 'scratch')
    return BpfMap.create({
      type: 'percpu_array',
      keySize: 4,
      valueSize: plan.scratch,
      maxEntries: 1,
      name: 'itertop_scratch',
    });
  return BpfMap.create({ type: 'hash', keySize: 8, valueSize: 1, maxEntries: SET_ENTRIES, name: `itertop_${name}` });
}
