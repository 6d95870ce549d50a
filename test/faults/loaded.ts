/** BPF objects of other processes: which they hold, and which the kernel still has. */
import fs from 'node:fs';
import type { Collector } from '../../src/state/collector.ts';
import { collect, collector, eventually } from '../support/kernel.ts';
import { descriptors, fdinfo } from '../support/proc.ts';

const KINDS = ['prog', 'map', 'link'] as const;
export type Loaded = Readonly<Record<(typeof KINDS)[number], ReadonlySet<number>>>;

/** Of a process that runs or is stopped, from /proc. */
export function heldBy(pid: number): Loaded {
  const held = { prog: new Set<number>(), map: new Set<number>(), link: new Set<number>() };
  for (const fd of descriptors(pid)) {
    try {
      const kind = /^anon_inode:(?:bpf-(prog|map)|bpf_(link))/.exec(fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
      const name = (kind?.[1] ?? kind?.[2]) as (typeof KINDS)[number] | undefined;
      if (name) held[name].add(Number(fdinfo(pid, fd)[`${name}_id`]));
    } catch {
      // Closed meanwhile.
    }
  }
  return held;
}

/** Sees what is loaded, by iterators of its own. */
export class LoadedObjects implements Disposable {
  readonly #collectors = KINDS.map((kind): [(typeof KINDS)[number], Collector] => [kind, collector(`bpf_${kind}`)]);

  now(): Loaded {
    const of = (kind: (typeof KINDS)[number]) => {
      const { table } = collect(this.#collectors.find(([name]) => name === kind)![1], { columns: ['id'] });
      return new Set(Array.from({ length: table.rows }, (_, row) => table.number(row, 'id')));
    };
    return { prog: of('prog'), map: of('map'), link: of('link') };
  }

  /** Waits until the kernel has none of these any more: it frees them a little later. @throws Error with those left */
  async gone(held: Loaded): Promise<void> {
    await eventually(() => {
      const now = this.now();
      const left = KINDS.flatMap((kind) =>
        [...held[kind]].filter((id) => now[kind].has(id)).map((id) => `${kind} ${id}`),
      );
      if (left.length > 0) throw new Error(`still loaded: ${left.join(', ')}`);
    });
  }

  [Symbol.dispose](): void {
    for (const [, each] of this.#collectors) each.close();
  }
}
