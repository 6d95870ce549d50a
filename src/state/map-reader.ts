/**
 * Reads the elements of one map again and again: by its iterator where this kernel lets one be loaded and has one for
 * the type of map, otherwise by bpf(2). The records are the same.
 */
import type { Btf } from '../bpf/btf.ts';
import { possible } from '../bpf/host.ts';
import type { ReadOptions } from '../bpf/iterator.ts';
import { walkMap } from '../bpf/map-walk.ts';
import type { OpenMap } from '../bpf/open-map.ts';
import { BpfError } from '../bpf/syscall.ts';
import { type CompileOptions, compile, type Plan, shapeOf } from '../templates/compile.ts';
import { ElementRecords } from '../templates/map-elements.ts';
import { Batch } from '../templates/record.ts';
import { type MapOf, type Template, valueStride } from '../templates/template.ts';
import type { Inspected } from './inspect.ts';
import { reopen } from './maps.ts';
import { Reader } from './reader.ts';
import { microseconds, type Reading, type Source } from './source.ts';
import { Turns } from './turns.ts';

export class MapReader implements Source {
  readonly template: Template;
  readonly #btf: Btf;
  readonly #of: MapOf;
  readonly #iterator: Reader;
  /** Only between configure() and read(): a map that its owner lets go of is to go. */
  #map: OpenMap | null = null;
  /** For reading by bpf(2); null where the iterator reads. */
  #plan: Plan | null = null;
  #shape = '';
  #each = false;
  /** The iterator was refused, for good. */
  #refused = false;
  readonly #turns = new Turns();

  constructor(template: Template, btf: Btf) {
    this.template = template;
    this.#btf = btf;
    this.#of = template.map!;
    this.#iterator = new Reader(template, btf);
  }

  get plan(): Plan {
    return this.#plan ?? this.#iterator.plan;
  }

  /** The iterator's program; none is loaded where bpf(2) reads. */
  get inspected(): Omit<Inspected, 'label'> {
    return this.#plan ? { plan: this.#plan, loaded: null } : this.#iterator.inspected;
  }

  /** Who reads: the kernel's iterator, or this process. */
  get by(): 'kernel' | 'user' {
    return this.#plan ? 'user' : 'kernel';
  }

  /** @throws BpfError (ENOENT where the map is gone), UsageError, TemplateError */
  configure(asked: CompileOptions): void {
    this.#let();
    this.#map = reopen(this.#of);
    this.#each = this.#of.cpus > 0 && (asked.ungroup ?? false);
    const unaided = { ...asked, unaided: true };
    const shape = shapeOf(this.template, unaided, this.#btf);
    // An iterator's program is called once an element: it writes no row for each CPU.
    if (!this.#refused && !this.#each) {
      try {
        this.#iterator.configure(asked, { mapFd: this.#map.fd });
        this.#plan = null;
        return;
      } catch (error) {
        this.#let(false);
        // Who may open the map but load nothing reads it all the same.
        const loading = ['BPF_MAP_CREATE', 'BPF_PROG_LOAD', 'BPF_LINK_CREATE'];
        const refusal = error instanceof BpfError && loading.includes(error.command);
        if (!refusal || this.template.target !== 'bpf_map_elem') {
          this.#let();
          throw error;
        }
        this.#refused = true;
        this.#iterator.close();
      }
    }
    if (this.#plan && shape === this.#shape) return;
    this.#plan = compile(this.template, unaided, this.#btf);
    this.#shape = shape;
  }

  /** A map is no pointer that a set of inodes could be about. */
  fillSet(name: string, values: ReadonlySet<bigint>): void {
    this.#iterator.fillSet(name, values);
  }

  /** One refresh. @throws BpfError, BadRecordError */
  read(options: ReadOptions = {}): Reading {
    try {
      return this.#plan ? this.#walk(this.#plan) : this.#iterator.read(options);
    } finally {
      this.#let();
    }
  }

  keep(): void {
    if (this.#plan) this.#turns.keep();
    else this.#iterator.keep();
  }

  #walk(plan: Plan): Reading {
    const buffers = this.#turns.next();
    const begin = Date.now();
    const started = performance.now();
    const { keySize, valueSize, cpus } = this.#of;
    const records = new ElementRecords(plan, buffers, cpus > 0 ? possible('cpu') : [], this.#each);
    const shape = {
      keySize,
      valueSize: cpus > 0 ? valueStride(this.#of) * cpus : valueSize,
      maxEntries: this.#map!.info().maxEntries,
    };
    const reads = walkMap(this.#map!, shape, (keys, values, count) => records.append(keys, values, count));
    const bytes = records.end();
    const ms = microseconds(performance.now() - started);
    const batch = Batch.index(plan.layout, buffers, bytes);
    return { batch, bytes, reads, begin, end: Date.now(), ms, clockNs: Math.round(performance.now() * 1e6) };
  }

  #let(map = true): void {
    this.#iterator.detach();
    if (!map) return;
    this.#map?.close();
    this.#map = null;
  }

  close(): void {
    this.#let();
    this.#iterator.close();
    this.#plan = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
