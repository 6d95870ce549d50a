/**
 * Twenty hosts in one table: what merging costs beside a table of as many rows of this host alone. What the hosts send
 * is recorded from this kernel beforehand; processor time, as others may be at work.
 */
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Btf } from '../../src/bpf/btf.ts';
import { type CollectOptions, Collector } from '../../src/state/collector.ts';
import type { Host, HostRun } from '../../src/state/host-feed.ts';
import { HostsCollector } from '../../src/state/hosts-collector.ts';
import { orderRows } from '../../src/state/order.ts';
import { PipeSink } from '../../src/state/pipe-sink.ts';
import { Recorder, thisHost } from '../../src/state/recorder.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { withHost } from '../../src/templates/host-column.ts';
import { registerTemplates } from '../../src/templates/registry.ts';
import { PLAIN } from '../decode.ts';
import { Load } from '../load.ts';
import type { Result } from '../result.ts';

const HOSTS = 20;
const ROWS = 1000;
const REFRESHES = 15;
const SORT = [{ column: 'cpu', descending: true }] as const;

const cpuMs = (since?: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

/** What a host sends, refresh after refresh. */
async function recorded(options: CollectOptions): Promise<Buffer[]> {
  let bytes: Buffer[] = [];
  const out = new Writable({
    write(chunk, _, done) {
      bytes.push(chunk);
      done();
    },
  });
  using collector = new Collector(task, Btf.vmlinux(), PLAIN.userName, PLAIN.pageSize);
  using recorder = new Recorder(new PipeSink(out), thisHost(PLAIN.pageSize, PLAIN.userName));
  const question = { ...options, where: '', netns: 'self', sort: task.sort, interval: 1000 } as const;
  const sent: Buffer[] = [];
  for (let n = 0; n < REFRESHES; n++) {
    const collected = collector.collect(options);
    recorder.append(collector, collected, question);
    sent.push(Buffer.concat(bytes));
    bytes = [];
    await sleep(200);
  }
  return sent;
}

export async function hosts(): Promise<Result[]> {
  await using _load = await Load.start('threads', ROWS);
  const options: CollectOptions = { columns: task.show, filters: {}, switches: {}, ungroup: true };
  const sent = await recorded(options);

  // This host alone, which is read as well.
  using alone = new Collector(task, Btf.vmlinux(), PLAIN.userName, PLAIN.pageSize);
  const single: number[] = [];
  let many = 0;
  for (let n = 0; n < REFRESHES; n++) {
    const since = process.cpuUsage();
    const { table } = alone.collect({ ...options, matched: true });
    orderRows(table, SORT, null, task.show);
    single.push(cpuMs(since));
    many = table.rows;
  }

  const template = withHost(task);
  registerTemplates([template]);
  const outs = new Map<string, PassThrough>();
  const made = Array.from({ length: HOSTS }, (_, n): Host => {
    const name = `host-${n}`;
    return {
      name,
      run(): HostRun {
        const stdout = new PassThrough();
        outs.set(name, stdout);
        return { stdout, ended: new Promise(() => {}), stop: async () => {} };
      },
    };
  });
  using merged = new HostsCollector(made, () => {});
  const asked = { ...options, columns: template.show, matched: true };
  merged.ask(template, asked, { interval: 1000 });
  const each: number[] = [];
  let all = 0;
  for (const bytes of sent) {
    const since = process.cpuUsage();
    for (const out of outs.values()) out.write(bytes);
    await new Promise((done) => setImmediate(() => setImmediate(done)));
    const { table } = merged.collect(template, asked);
    orderRows(table, SORT, null, template.show);
    each.push(cpuMs(since));
    all = table.rows;
  }
  registerTemplates([]);
  // The first ones are compiled.
  const mean = (list: readonly number[]) => list.slice(5).reduce((sum, ms) => sum + ms, 0) / (list.length - 5);
  const perRow = (ms: number, count: number) => (ms * 1000) / count;
  const own = mean(each);
  const other = mean(single) * (all / many);
  return [
    {
      what: `${HOSTS} hosts, ${all.toLocaleString('en-US')} rows: CPU of a refresh (${perRow(own, all).toFixed(1)} us a row)`,
      own,
      other,
      than: 'as many rows of this host, read from its kernel',
      unit: 'ms',
      want: { below: 250 },
    },
  ];
}
