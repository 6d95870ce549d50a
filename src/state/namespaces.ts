/** The network namespaces of this host, found through its tasks and mounts, and held open while they are read. */
import type { Btf } from '../bpf/btf.ts';
import { mountedNamespaces, NetNamespace, OWN_NAMESPACE, ownNamespace } from '../bpf/netns.ts';
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

export class Namespaces implements Disposable {
  readonly #btf: Btf;
  #tasks: Reader | null = null;
  #open = new Map<number, NetNamespace>();
  /** Namespaces that may not be entered: CAP_SYS_PTRACE opens those of other users' tasks, CAP_SYS_ADMIN enters any. */
  readonly #closed = new Set<number>();
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
   * @throws UsageError for one that is not there, or may not be entered
   */
  list(scope: NetScope): readonly NetNamespace[] {
    if (scope === 'self') return [];
    if (performance.now() - this.#lookedAt >= LOOK_MS) this.#look();
    if (scope === 'all') return [...this.#open.values()];
    return scope.map((inum) => {
      const namespace = this.#open.get(inum);
      if (this.#closed.has(inum))
        throw new UsageError(
          `netns: ${inum} may not be entered: another network namespace takes CAP_SYS_ADMIN and CAP_SYS_PTRACE (sudo itertop has them)`,
        );
      if (!namespace)
        throw new UsageError(`netns: there is no network namespace ${inum} here; lsns -t net shows those there are`);
      return namespace;
    });
  }

  #look(): void {
    this.#lookedAt = performance.now();
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
    found.set(ownNamespace(), OWN_NAMESPACE);
    for (const [inum, path] of found) {
      if (this.#open.has(inum) || this.#closed.has(inum)) continue;
      try {
        const namespace = NetNamespace.open(path);
        // A task may have gone elsewhere meanwhile.
        if (namespace.inum !== inum) {
          namespace.close();
          continue;
        }
        namespace.run(() => undefined);
        this.#open.set(inum, namespace);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'ESRCH') this.#closed.add(inum);
      }
    }
    for (const inum of this.#closed) if (!found.has(inum)) this.#closed.delete(inum);
    // Holding a namespace keeps it alive: what nobody else has any more is let go.
    for (const [inum, namespace] of this.#open) {
      if (found.has(inum)) continue;
      namespace.close();
      this.#open.delete(inum);
    }
  }

  close(): void {
    this.#tasks?.close();
    this.#tasks = null;
    for (const namespace of this.#open.values()) namespace.close();
    this.#open.clear();
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
