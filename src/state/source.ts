/** Where readings come from: live from the kernel, or out of a recording. Everything after a reading is the same. */
import type { Btf } from '../bpf/btf.ts';
import type { ReadOptions } from '../bpf/iterator.ts';
import type { NetNamespace } from '../bpf/netns.ts';
import { type PinList, Pins } from '../bpf/pins.ts';
import type { CompileOptions, Plan } from '../templates/compile.ts';
import { type EnumNames, enumNamesOf } from '../templates/enum-names.ts';
import type { Batch } from '../templates/record.ts';
import type { Column, Template } from '../templates/template.ts';
import type { Inspected } from './inspect.ts';
import { MapReader } from './map-reader.ts';
import { Namespaces, type NetScope } from './namespaces.ts';
import { Reader } from './reader.ts';
import type { Condition } from './view.ts';

/** One walk. */
export interface Reading {
  readonly batch: Batch;
  readonly bytes: number;
  readonly reads: number;
  /** Milliseconds since the epoch. */
  readonly begin: number;
  readonly end: number;
  readonly ms: number;
  /** A clock that only goes forward, ns: for what lies between two readings where records have no footer to tell. */
  readonly clockNs: number;
}

/** Milliseconds without what no one can tell of them, and a recording would have to keep. */
export const microseconds = (ms: number): number => Math.round(ms * 1000) / 1000;

/** What a plan says of the batches that are read by it. */
export interface SourcePlan extends Pick<Plan, 'layout' | 'names' | 'absent' | 'after' | 'sets'> {
  readonly conditions: readonly (Plan['conditions'][number] & Pick<Condition, 'scope' | 'netns'>)[];
  /** Rows were left out by this process: what the conditions in the kernel say is not all. */
  readonly narrowed?: boolean;
}

/** One template read again and again. */
export interface Source extends Disposable {
  readonly template: Template;
  /** Of the last configure(). */
  readonly plan: SourcePlan;
  /** Of the elements of a map: whether its iterator reads them, or this process. */
  readonly by?: 'kernel' | 'user';
  /** The program that reads, where the kernel does. */
  readonly inspected?: Omit<Inspected, 'label'>;
  /** @throws BpfError, TemplateError, UsageError */
  configure(asked: CompileOptions): void;
  /** What the set of a filter holds that goes through a join: see Plan.sets. */
  fillSet(name: string, values: ReadonlySet<bigint>): void;
  /** The batch is valid until something else is read, unless it is kept. @throws BpfError, BadRecordError */
  read(options?: ReadOptions, namespaces?: readonly NetNamespace[]): Reading;
  /** What was read last is valid until two further ones were kept, whatever else is read until then. */
  keep(): void;
  close(): void;
}

/** The walk that the rows of a table come from; others are read for joins. */
export const BASE_WALK = '';

export interface Origin extends Disposable {
  /** @param walk BASE_WALK, or the key of a walk for joins */
  open(template: Template, walk: string): Source;
  /** To be walked one after another; [] for where this process is. @throws UsageError */
  namespaces(scope: NetScope): readonly NetNamespace[];
  /** How many others there are that may not be entered. */
  readonly closedNamespaces?: number;
  /** What is pinned in bpf file systems; not there where only objects were recorded. */
  pins?(): PinList;
  /** Names of an enum column that leaves them to the kernel. */
  enumNames(column: Column): EnumNames | undefined;
  close(): void;
}

/** The running kernel. */
export class Kernel implements Origin {
  readonly #btf: Btf;
  readonly #namespaces: Namespaces;
  readonly #pins = new Pins();

  constructor(btf: Btf) {
    this.#btf = btf;
    this.#namespaces = new Namespaces(btf);
  }

  open(template: Template, walk: string): Source {
    return template.map && walk === BASE_WALK ? new MapReader(template, this.#btf) : new Reader(template, this.#btf);
  }

  namespaces(scope: NetScope): readonly NetNamespace[] {
    return this.#namespaces.list(scope);
  }

  get closedNamespaces(): number {
    return this.#namespaces.closed;
  }

  pins(): PinList {
    return this.#pins.list();
  }

  enumNames(column: Column): EnumNames | undefined {
    return enumNamesOf(this.#btf, column);
  }

  close(): void {
    this.#namespaces.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
