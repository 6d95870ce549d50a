/**
 * The network namespaces of this host, found through its tasks and mounts. None is held: one that is would live on, with
 * its devices and addresses, for being looked at.
 */
import type { Btf } from '../bpf/btf.ts';
import { inNamespace, mountedNamespaces, type NetNamespace, OWN_NAMESPACE, ownNamespace } from '../bpf/netns.ts';
import { BpfError } from '../bpf/syscall.ts';
import { netNamespace } from '../templates/builtin/net-namespace.ts';
import { UsageError } from '../templates/template.ts';
import { Reader } from './reader.ts';

/** Which namespaces a table covers: the one that itertop runs in, all, or some by their inode numbers. */
export type NetScope = 'self' | 'all' | readonly number[];

/** New namespaces are looked for at most this often: they are rare, the walk over tasks is not free. */
const LOOK_MS = 2000;

/** `self`, `all`, or inode numbers as /proc/PID/ns/net and lsns show them. @throws UsageError */
export function parseNetScope(text: string): NetScope {
  const trimmed = text.trim();
  if (trimmed === 'self' || trimmed === 'all') return trimmed;
  const inums = trimmed.split(',').map((part) => /^(?:net:\[)?(\d{1,10})\]?$/.exec(part.trim())?.[1]);
  if (inums.some((inum) => inum === undefined)) {
    throw new UsageError(
      `netns: "${text}" is neither self nor all nor inode numbers such as 4026531840 (lsns -t net shows them)`,
    );
  }
  return inums.map(Number);
}

/** What is said of one that may not be entered. */
const isRefusal = (error: unknown) => error instanceof BpfError && ['EACCES', 'EPERM'].includes(error.code);

export class Namespaces implements Disposable {
  readonly #btf: Btf;
  #tasks: Reader | null = null;
  /** Of those that may be entered the inode number, and a path that leads there. */
  #paths: ReadonlyMap<number, string> = new Map();
  /** Those that may not: CAP_SYS_PTRACE opens those of other users' tasks, CAP_SYS_ADMIN enters any. */
  #closed: ReadonlySet<number> = new Set();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /** How many of those that are there may not be entered. */
  get closed(): number {
    return this.#closed.size;
  }

  /**
   * The namespaces of a scope; [] stands for the caller's own. Of `all` those that may be entered, the own one always.
   * @throws UsageError for one that is not there, or may not be entered; BpfError where that cannot be told
   */
  list(scope: NetScope): readonly NetNamespace[] {
    if (scope === 'self') return [];
    if (performance.now() - this.#lookedAt >= LOOK_MS) this.#look();
    const inums = scope === 'all' ? [...this.#paths.keys()] : scope;
    return inums.map((inum) => {
      if (this.#closed.has(inum))
        throw new UsageError(
          `netns: ${inum} may not be entered: another network namespace takes CAP_SYS_ADMIN and CAP_SYS_PTRACE (sudo itertop has them)`,
        );
      if (!this.#paths.has(inum))
        throw new UsageError(`netns: there is no network namespace ${inum} here; lsns -t net shows those there are`);
      return { inum, run: (inside) => this.#run(inum, inside) };
    });
  }

  #run<T extends object>(inum: number, inside: () => T): T | undefined {
    const path = this.#paths.get(inum);
    if (path === undefined) return undefined;
    try {
      const made = inNamespace(path, inum, inside);
      if (made) return made;
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    // The task that led there has ended, or gone elsewhere: another one may lead there, too.
    this.#look(new Map());
    const other = this.#paths.get(inum);
    return other === undefined ? undefined : inNamespace(other, inum, inside);
  }

  /** @param known paths by which namespaces were entered before: they need not be tried */
  #look(known = this.#paths): void {
    const paths = new Map<number, string>();
    const closed = new Set<number>();
    for (const [inum, path] of this.#find()) {
      try {
        if (known.get(inum) === path || inNamespace(path, inum, () => paths)) paths.set(inum, path);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        closed.add(inum);
      }
    }
    this.#paths = paths;
    this.#closed = closed;
    this.#lookedAt = performance.now();
  }

  /** All that are there, and a path to each. */
  #find(): ReadonlyMap<number, string> {
    const found = new Map<number, string>();
    if (!this.#tasks) {
      this.#tasks = new Reader(netNamespace, this.#btf);
      this.#tasks.configure({ columns: netNamespace.columns.map((c) => c.name) });
    }
    const { batch } = this.#tasks.read();
    const inums = batch.numbers('netns');
    for (let row = 0; row < batch.rows; row++) {
      if (inums[row] > 0 && !found.has(inums[row])) found.set(inums[row], `/proc/${batch.number(row, 'tid')}/ns/net`);
    }
    for (const { path, inum } of mountedNamespaces()) found.set(inum, path);
    // Where one is nobody needs a permission for.
    return found.set(ownNamespace(), OWN_NAMESPACE);
  }

  close(): void {
    this.#tasks?.close();
    this.#tasks = null;
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
