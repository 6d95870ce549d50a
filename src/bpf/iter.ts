/**
 * Iterators in few words: load a program, create an iterator, read it, close it.
 *
 * ```ts
 * using program = loadIteratorProgram(code, 'task', { name: 'my_iterator' });
 * using iterator = createIterator(program);
 * console.log(iterator.text());
 * ```
 */
import os from 'node:os';
import { Btf } from './btf.ts';
import { type IterCode, type IterType, STOP_MAP } from './iter-dsl.ts';
import { IteratorFd } from './iterator.ts';
import { openIteratorFile } from './iterator-file.ts';
import { Link, type LinkInfo, linkTakesTask } from './link.ts';
import { BpfMap } from './map.ts';
import { loadProgram, type Program } from './program.ts';
import { sharedMemory } from './shared-memory.ts';
import { BpfError } from './syscall.ts';
import { findTarget } from './targets.ts';

export interface LoadIteratorOptions {
  /** GPL by default: only GPL-compatible programs may look into kernel structs and call most helpers. */
  readonly license?: string;
  /** What bpftool shows, at most 15 characters; iter_<type> by default. */
  readonly name?: string;
  /**
   * What {@link IteratorProgram.log} is to hold: a bit set of 2 instructions and states, 4 statistics; 0 by default.
   * Of a program that loads, 1 leaves only statistics. The error for a refused one has the log anyway.
   */
  readonly logLevel?: number;
  /** For helpers that may sleep. */
  readonly sleepable?: boolean;
  /** The maps that the program names. They stay the caller's. */
  readonly maps?: Readonly<Record<string, BpfMap>>;
  readonly btf?: Btf;
}

/** A loaded iterator program. Iterators that were made from it live on when it is closed. */
export class IteratorProgram implements Disposable {
  readonly iterType: IterType;
  readonly program: Program;
  /** Where the program notes that a walk has ended; null for one that never ends any. */
  readonly stop: BpfMap | null;

  constructor(iterType: IterType, program: Program, stop: BpfMap | null) {
    this.iterType = iterType;
    this.program = program;
    this.stop = stop;
  }

  /** The verifier's words, '' unless asked for by logLevel. */
  get log(): string {
    return this.program.log;
  }
  get fd(): number {
    return this.program.fd;
  }
  close(): void {
    this.program.close();
    this.stop?.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Loads a program for iterators of a type.
 * @param code from assembleIter() or buildIterProgram(), or encoded instructions
 * @throws BpfError with the verifier's log, BtfError where this kernel has no such iterator, AsmError for a missing map
 */
export function loadIteratorProgram(
  code: IterCode | Uint8Array,
  iterType: IterType,
  options: LoadIteratorOptions = {},
): IteratorProgram {
  const { license, name = `iter_${iterType}`, logLevel, sleepable, maps = {}, btf = Btf.vmlinux() } = options;
  const { attachBtfId } = findTarget(btf, iterType);
  const encoded = code instanceof Uint8Array;
  if (!encoded && code.iterType !== iterType)
    throw new TypeError(`the program was built for ${code.iterType} iterators, not for ${iterType}: offsets differ`);
  const stop = !encoded && code.stops ? BpfMap.create(STOP_MAP) : null;
  try {
    const named = Object.entries(stop ? { ...maps, [STOP_MAP.name]: stop } : maps);
    const program = loadProgram({
      code: encoded ? code : code.encode(Object.fromEntries(named.map(([key, map]) => [key, map.fd]))),
      attachBtfId,
      name,
      ...(license !== undefined && { license }),
      ...(logLevel !== undefined && { logLevel }),
      ...(sleepable !== undefined && { sleepable }),
    });
    return new IteratorProgram(iterType, program, stop);
  } catch (error) {
    stop?.close();
    throw error;
  }
}

export interface ReadIteratorOptions {
  /** Bytes asked for per read(2). */
  readonly readSize?: number;
  /** Stop reading, and with it the walk, once this many bytes are there. */
  readonly maxBytes?: number;
}

const ZERO_KEY = new Uint8Array(4);
const FIRST_BYTES = 65536;

/** One walk over all objects, and the link it came from. */
export class BpfIterator implements Disposable {
  readonly program: IteratorProgram;
  readonly iterType: IterType;
  readonly #link: Link;
  readonly #iterator: IteratorFd;
  #stopped = false;

  /** Owns the two descriptors. */
  constructor(program: IteratorProgram, link: Link, iterator: IteratorFd) {
    this.program = program;
    this.iterType = program.iterType;
    this.#link = link;
    this.#iterator = iterator;
  }

  get linkFd(): number {
    return this.#link.fd;
  }
  /**
   * Read from this, once. To open /proc/self/fd/<iterFd> begins a walk of its own, each time, if the process may mount
   * (CAP_SYS_ADMIN); otherwise the kernel gives iterators no file, and to open it is ENXIO.
   */
  get iterFd(): number {
    return this.#iterator.fd;
  }
  /** Whether read() ended before every object was visited: by iterReturnStop() or at maxBytes. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * All that the program writes, to the end of the walk or to where the program stops it. A second call finds nothing
   * more: the next walk is a new iterator.
   * @throws BpfError
   */
  read(options: ReadIteratorOptions = {}): Buffer {
    if (this.#stopped) return Buffer.alloc(0);
    const into = { bytes: sharedMemory(FIRST_BYTES) };
    const before = this.#lastStop();
    // Reads of one thread do not overlap, so what changes during this one was changed by it.
    const hasStopped = () => before !== undefined && !before.equals(this.#lastStop()!);
    const { used, stopped } = this.#iterator.readAll(into, { ...options, stopped: hasStopped });
    this.#stopped = stopped;
    return Buffer.from(new Uint8Array(into.bytes, 0, used));
  }

  /** {@link read}, as text. @throws BpfError */
  text(options?: ReadIteratorOptions): string {
    return this.read(options).toString();
  }

  get closed(): boolean {
    return this.#iterator.closed;
  }
  close(): void {
    this.#iterator.close();
    this.#link.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  /** Session id of the walk that the program cut short last. */
  #lastStop(): Buffer | undefined {
    const { stop } = this.program;
    return stop && !stop.closed ? stop.lookup(ZERO_KEY).subarray(0, 8) : undefined;
  }
}

/**
 * Attaches the program and begins a walk, in this thread's network and PID namespace.
 * @param info what to iterate over, where the type asks for it (`mapFd` of bpf_map_elem) or takes it (`pid` of task)
 * @throws BpfError
 */
export function createIterator(program: IteratorProgram, info?: LinkInfo): BpfIterator {
  // A kernel that does not know `pid` refuses it, but with `tid` it would walk over all tasks.
  if (info && ('tid' in info || 'pid' in info) && !linkTakesTask(Btf.vmlinux()))
    throw new BpfError('BPF_LINK_CREATE', os.constants.errno.E2BIG, 'links take no thread or process before Linux 6.1');
  const link = Link.create(program.program, info);
  try {
    const file = openIteratorFile(link);
    return new BpfIterator(program, link, file === undefined ? IteratorFd.create(link) : new IteratorFd(file));
  } catch (error) {
    link.close();
    throw error;
  }
}

/** Closes iterator and link; a second time does nothing. The same as `iterator.close()` and the end of `using`. */
export function closeIterator(iterator: BpfIterator): void {
  iterator.close();
}

/** Lends an iterator to a function, and closes it when that is done, or when its promise is settled. @throws BpfError */
export function withIterator<T>(program: IteratorProgram, use: (iterator: BpfIterator) => T): T;
export function withIterator<T>(program: IteratorProgram, info: LinkInfo, use: (iterator: BpfIterator) => T): T;
export function withIterator<T>(
  program: IteratorProgram,
  ...rest: [use: (iterator: BpfIterator) => T] | [info: LinkInfo, use: (iterator: BpfIterator) => T]
): T {
  const [info, use] = rest.length === 1 ? [undefined, rest[0]] : rest;
  const iterator = createIterator(program, info);
  let result: T;
  try {
    result = use(iterator);
  } catch (error) {
    iterator.close();
    throw error;
  }
  if (result instanceof Promise) return result.finally(() => iterator.close()) as T;
  iterator.close();
  return result;
}
