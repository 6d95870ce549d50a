/** Refreshes of several hosts to be written, one after another. */
import { MergedTable } from '../templates/merged-table.ts';
import type { Collected } from './collector.ts';
import { collectOptions, type DumpOptions, type Feed, needsTwo, pause, WARM_UP_MS } from './dump.ts';
import type { Host, HostStatus } from './host-feed.ts';
import { HostsCollector, type MergedCollected } from './hosts-collector.ts';

/** A host that says nothing is waited for so long, in milliseconds. */
const LIMIT = 20_000;
/** Milliseconds beyond an interval that a second refresh is waited for in any case. */
const SECOND = 1000;
/** Milliseconds between two looks at what has come. */
const LOOK = 20;

/**
 * @param told which hosts the refresh lacks, and why; called where that is news
 * @param limit milliseconds that a host that says nothing is waited for
 */
export async function* hostsFeed(
  hosts: readonly Host[],
  options: DumpOptions,
  told: (missing: Readonly<Record<string, string>>) => void,
  limit = LIMIT,
): Feed {
  const { template, signal } = options;
  using collector = new HostsCollector(hosts, () => {});
  const collect = () => collector.collect(template, collectOptions(options), true);
  const until = async (done: () => boolean, ends: number) => {
    while (!done() && performance.now() < ends && !signal?.aborted) await pause(LOOK, signal);
  };
  const twice = needsTwo(template, options);
  const { maxCost, count } = options;
  // Nothing but the first two are wanted.
  const interval = count === 1 && twice ? Math.min(WARM_UP_MS, options.interval) : options.interval;
  collector.ask(template, collectOptions(options), { interval, ...(maxCost === undefined ? {} : { maxCost }) });
  const ends = performance.now() + limit;
  await until(() => collector.allSettled, ends);
  if (twice) {
    collect();
    // Those that answer have a second one by then, however long the others were waited for.
    await until(() => collector.renewed, Math.max(ends, performance.now() + interval + SECOND));
  }
  // Nothing of theirs is put together there.
  const apart = options.dataset !== undefined || options.otlp !== undefined || options.format === 'openmetrics';
  const written = new Map<string, Collected>();
  let said = '{}';
  let next = performance.now();
  for (let done = 0; count === 0 || done < count; done++) {
    if (done > 0) {
      next = Math.max(next + interval, performance.now());
      await pause(next - performance.now(), signal);
      if (signal?.aborted) break;
    }
    const collected = collect();
    const missing = missingOf(collected.hosts);
    if (JSON.stringify(missing) !== said) told(missing);
    said = JSON.stringify(missing);
    if (apart) yield* eachHost(collected, written);
    else yield { ...collected, host: whole(collected.hosts), missing };
  }
}

/** Hosts that do not answer, and why. */
function missingOf(hosts: readonly HostStatus[]): Record<string, string> {
  const missing = hosts.filter(({ condition }) => condition !== 'live');
  return Object.fromEntries(missing.map(({ name, reason }) => [name, reason || 'no answer']));
}

function whole(hosts: readonly HostStatus[]) {
  const known = hosts.filter(({ kernel }) => kernel !== '');
  const kernels = new Set(known.map(({ kernel }) => kernel));
  const types = new Set(known.map(({ btf }) => btf));
  return {
    host: hosts.map(({ name }) => name).join(),
    kernel: [...kernels].join(', '),
    btf: types.size === 1 ? [...types][0] : undefined,
  };
}

/** Each by itself, as a data set has a folder, a collector a resource and gauges a label for each; and once. */
function* eachHost({ table, after, hosts, each }: MergedCollected, written: Map<string, Collected>) {
  for (const { name, kernel, btf } of hosts) {
    const collected = each.get(name);
    if (!collected || written.get(name) === collected) continue;
    written.set(name, collected);
    const own = new MergedTable(table.template, [collected.table], collected.stats.end);
    const { stats, absent } = collected;
    yield { table: own, after, stats, absent, host: { host: name, kernel, btf } };
  }
}
