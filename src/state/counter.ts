/** How many rows tables have, one after another between refreshes, by programs that read nothing but the key. */
import type { Btf } from '../bpf/btf.ts';
import type { Template } from '../templates/template.ts';
import { Collector } from './collector.ts';
import type { NetScope } from './namespaces.ts';
import { userName } from './users.ts';

export interface RowCount {
  readonly template: string;
  /** NaN where they could not be counted. */
  readonly rows: number;
  /** Why they could not; '' where they could. */
  readonly why: string;
}

/** For so many milliseconds a count is taken for true. */
const FRESH = 5000;

export class Counter {
  /** When each was counted, in milliseconds. */
  readonly #at = new Map<string, number>();

  /** The first one that was not counted lately. */
  next(names: readonly string[]): string | undefined {
    const now = performance.now();
    return names.find((name) => now - (this.#at.get(name) ?? Number.NEGATIVE_INFINITY) >= FRESH);
  }

  /** As many as its table shows at first. Never throws: what went wrong is in the answer. */
  count(template: Template, btf: Btf, pageSize: number, netns: NetScope): RowCount {
    try {
      using collector = new Collector(template, btf, userName, pageSize);
      const switches = Object.fromEntries((template.switches ?? []).map(({ name, on }) => [name, on]));
      const { table } = collector.collect({ columns: template.key, filters: {}, switches, ungroup: false, netns });
      return { template: template.name, rows: table.rows, why: '' };
    } catch (error) {
      return { template: template.name, rows: Number.NaN, why: (error as Error).message.split('\n')[0]! };
    } finally {
      this.#at.set(template.name, performance.now());
    }
  }

  /** Templates are others than before. */
  forget(): void {
    this.#at.clear();
  }
}
