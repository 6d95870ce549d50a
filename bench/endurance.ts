/**
 * `npm run endurance [-- COUNT] [--json FILE]`: refresh after refresh of one table after another, the way that the explorer
 * reads them, while objects of every kind come and go. Those that are held still have to be in each refresh exactly once;
 * and nothing may be left behind: descriptors, programs, memory.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import koffi from 'koffi';
import { tableOfMap } from '../src/state/maps.ts';
import type { Question } from '../src/state/question.ts';
import { type Sampler, startSampler } from '../src/state/sampler.ts';
import type { View } from '../src/state/view.ts';
import { registerTemplates } from '../src/templates/registry.ts';
import { heldIds, hold, type Still } from './endurance/still.ts';

/** Refreshes of a table before the next one is looked at. */
const VISIT = 20;
/** Of these many rounds over all tables the least memory counts: what is garbage is not what grows. */
const ROUNDS = 4;
const EXAMPLES = 10;
const CLONE_NEWNET = 0x40000000;
/** An answer that does not come within these milliseconds is a failure. */
const PATIENCE = 120_000;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } });
const wanted = Number(positionals[0] ?? 10_000);
if (!Number.isInteger(wanted) || wanted < 1 || positionals.length > 1) {
  process.stderr.write(`endurance: how many refreshes? npm run endurance -- 100000\n`);
  process.exit(2);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Nobody else's sockets: a network namespace of our own, before any thread is started. */
if (koffi.load(null).func('int unshare(int flags)')(CLONE_NEWNET) !== 0) {
  process.stderr.write('endurance: root is needed: a network namespace could not be made\n');
  process.exit(3);
}
execFileSync('ip', ['link', 'set', 'lo', 'up']);

interface Memory {
  rss: number;
  heap: number;
  external: number;
}

const held = await hold();
const elements = tableOfMap(String(heldIdOf(held.elements.fd)));
registerTemplates([elements]);
const churn = spawn(
  process.execPath,
  [new URL('./endurance/churn.ts', import.meta.url).pathname, ...(held.cgroups ? [held.cgroups] : [])],
  { stdio: ['pipe', 'pipe', 'inherit', held.elements.fd] },
);
await new Promise((done) => churn.stdout!.once('data', done));
// Ctrl-C and the like end it with all that was made for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    churn.kill('SIGKILL');
    process.exit(128 + constants.signals[signal]);
  });

const own = { prog: new Set(heldIds('prog')), map: new Set(heldIds('map')), link: new Set(heldIds('link')) };
const before = descriptors();

const lost = new Map<string, number>();
const doubled = new Map<string, number>();
const refreshesOf = new Map<string, number>();
const examples: string[] = [];
let refreshes = 0;
let rows = 0;
let seenTwice = 0;
let failures = 0;
let warm: Memory | undefined;
let warmFds = 0;
let samples: Memory[] = [];

let answered: (view: View) => void = () => {};
let refused: (error: Error) => void = () => {};
const sampler: Sampler = startSampler(
  {
    received: (view) => answered(view),
    failed: (error) => refused(error),
    begunAnew: (why) => refused(new Error(why)),
  },
  [elements],
);

const started = performance.now();
const cpu = process.cpuUsage();
let round = 0;
for (; refreshes < wanted; round++) {
  for (const still of held.stills) {
    for (let i = 0; i < VISIT && refreshes < wanted; i++) await refresh(still, i);
  }
  samples = [...samples, memory()].slice(-ROUNDS);
  if (warm === undefined && (refreshes >= wanted / 5 || refreshes >= 20_000) && samples.length >= ROUNDS) {
    warm = least(samples);
    warmFds = descriptors();
  }
  if (process.stderr.isTTY) process.stderr.write(`\r${refreshes} of ${wanted}`);
}
const seconds = (performance.now() - started) / 1000;
const spent = process.cpuUsage(cpu);
const end = least(samples);
const fds = descriptors() - warmFds;
const ours = [...left('prog'), ...left('map'), ...left('link')];
sampler.close();
await until(() => left('prog').length + left('map').length + left('link').length === 0);
const behind = [...left('prog'), ...left('map'), ...left('link')].length;
await until(() => descriptors() <= before);
const fdsAtEnd = descriptors() - before;
churn.stdin!.end();
await new Promise((done) => churn.once('exit', done));
held.release();

const total = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, n) => sum + n, 0);
const grown = warm && { rss: end.rss - warm.rss, heap: end.heap - warm.heap, external: end.external - warm.external };
const result = {
  refreshes,
  rows,
  tables: Object.fromEntries(refreshesOf),
  still: Object.fromEntries(held.stills.map(({ label, keys }) => [label, keys.size])),
  lost: Object.fromEntries(lost),
  doubled: Object.fromEntries(doubled),
  seenTwice,
  failures,
  fdsGained: fds,
  fdsAtEnd,
  loaded: ours.length,
  leftLoaded: behind,
  memory: { warm, end, grown },
  seconds,
  cpuSeconds: (spent.user + spent.system) / 1e6,
};
const n = new Intl.NumberFormat('en-US');
const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
const lines = [
  ['refreshes', `${n.format(refreshes)}, ${VISIT} at a time of ${[...refreshesOf.keys()].join(', ')}`],
  ['rows', n.format(rows)],
  ['held still', held.stills.map(({ label, keys }) => `${keys.size} ${label}`).join(', ')],
  ['lost', describe(lost)],
  ['doubled', describe(doubled)],
  ['seen twice', `${n.format(seenTwice)} rows, among them what comes and goes`],
  ['failed', n.format(failures)],
  ['descriptors', `${Math.max(0, fds)} gained since the warm-up; ${fdsAtEnd} left at the end`],
  ['loaded', `${ours.length} programs, maps and links while reading; ${behind} left at the end`],
  [
    'memory',
    warm && grown
      ? `RSS ${mb(warm.rss)} + ${mb(grown.rss)}, heap ${mb(warm.heap)} + ${mb(grown.heap)}, external ${mb(warm.external)} + ${mb(grown.external)}`
      : `RSS ${mb(end.rss)}; too few refreshes to tell what grows`,
  ],
  ['time', `${seconds.toFixed(1)} s, ${((result.cpuSeconds / refreshes) * 1000).toFixed(2)} ms of CPU a refresh`],
];
if (process.stderr.isTTY) process.stderr.write('\r');
process.stdout.write(`${lines.map(([name, text]) => `${name!.padEnd(12)} ${text}`).join('\n')}\n`);
for (const example of examples) process.stdout.write(`  ${example}\n`);
if (values.json !== undefined) fs.writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
process.exit(total(lost) + total(doubled) + failures + behind > 0 || fds > 0 || fdsAtEnd > 0 ? 1 : 0);

async function refresh(still: Still, i: number): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  const answer = new Promise<View>((resolve, reject) => {
    answered = resolve;
    refused = reject;
    late = setTimeout(() => reject(new Error('no answer')), PATIENCE);
  });
  if (i === 0) sampler.ask(questionOf(still, round));
  else sampler.refresh();
  refreshes++;
  try {
    check(still, await answer);
  } catch (error) {
    failures++;
    note(`refresh ${refreshes}, ${still.label}: ${(error as Error).message}`);
    if (failures > EXAMPLES) throw error;
  } finally {
    clearTimeout(late);
  }
}

function questionOf({ asked }: Still, turn: number): Question {
  return {
    all: false,
    sort: [{ column: asked.columns[turn % asked.columns.length]!, descending: turn % 2 === 0 }],
    filters: {},
    switches: { kthreads: true },
    groupBy: '',
    ungroup: false,
    search: null,
    where: '',
    netns: 'self',
    interval: 3_600_000,
    paused: true,
    marks: true,
    ...asked,
  };
}

function check({ label, keyOf, keys }: Still, view: View): void {
  refreshesOf.set(label, (refreshesOf.get(label) ?? 0) + 1);
  rows += view.count;
  seenTwice += view.stats.doubles;
  const found = new Map<number | string, number>();
  for (let row = 0; row < view.count; row++) {
    const key = keyOf(view, row);
    if (key !== undefined && keys.has(key)) found.set(key, (found.get(key) ?? 0) + 1);
  }
  for (const key of keys) {
    const times = found.get(key) ?? 0;
    if (times === 1) continue;
    const counts = times === 0 ? lost : doubled;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    note(
      `refresh ${refreshes}, ${label}: ${key} ${times === 0 ? 'was not there' : `was there ${times} times`}, ${view.count} rows in ${view.stats.reads} reads`,
    );
  }
}

function note(example: string): void {
  if (examples.length < EXAMPLES) examples.push(example);
}

function describe(counts: ReadonlyMap<string, number>): string {
  const parts = [...counts].map(([label, times]) => `${times} of ${label}`);
  return parts.length === 0 ? '0' : parts.join(', ');
}

/** Descriptors of this process; one reads the folder. */
function descriptors(): number {
  return fs.readdirSync('/proc/self/fd').length;
}

/** What is held and was not held before: the sampler's. */
function left(kind: 'prog' | 'map' | 'link'): number[] {
  return heldIds(kind).filter((id) => !own[kind].has(id));
}

function memory(): Memory {
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed, external };
}

function least(of: readonly Memory[]): Memory {
  const min = (name: keyof Memory) => Math.min(...of.map((m) => m[name]));
  return { rss: min('rss'), heap: min('heap'), external: min('external') };
}

async function until(holds: () => boolean): Promise<void> {
  for (const late = performance.now() + 30_000; !holds() && performance.now() < late; )
    await new Promise((done) => setTimeout(done, 50));
}

function heldIdOf(fd: number): number {
  return Number(/^map_id:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]);
}
