/**
 * Makes sample.itertop, which is shown where this system has no BPF iterators to look at: `node examples/recordings/make.ts`
 * as root, two minutes. Everything in it is made here: a few processes under assumed names, of which one has a leak and
 * one comes, is busy and goes. Nothing of the machine that it is made on is recorded but how fast it is.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { Collector } from '../../src/state/collector.ts';
import { OneFile, Recorder } from '../../src/state/recorder.ts';
import { RecordingWriter } from '../../src/state/recording-file.ts';
import { task } from '../../src/templates/builtin/task.ts';
import type { Range } from '../../src/templates/template.ts';

const FILE = new URL('sample.itertop', import.meta.url).pathname;
const SECONDS = 120;
/** Nothing is recorded from here to there. */
const GAP = [60, 75] as const;
const USERS: Readonly<Record<number, string>> = { 0: 'root', 33: 'www-data', 999: 'postgres', 1000: 'alice' };

interface Actor {
  readonly title: string;
  readonly uid: number;
  /** Of its time that it works, each second from `from` on. */
  readonly busy: (second: number) => number;
  /** Bytes that it keeps each second. */
  readonly leak?: number;
  readonly from?: number;
  readonly to?: number;
}

const ACTORS: readonly Actor[] = [
  { title: 'cron -f', uid: 0, busy: () => 0 },
  { title: 'sshd: alice@pts/0', uid: 1000, busy: () => 0.01 },
  { title: 'nginx: worker process', uid: 33, busy: (s) => 0.12 + 0.1 * Math.sin(s / 8) },
  { title: 'nginx: worker process', uid: 33, busy: (s) => 0.1 + 0.08 * Math.sin(s / 8 + 1) },
  { title: 'postgres: checkpointer', uid: 999, busy: (s) => (s % 20 < 3 ? 0.3 : 0) },
  { title: 'postgres: shop alice 10.0.0.7 SELECT', uid: 999, busy: (s) => 0.05 + 0.04 * Math.sin(s / 5) },
  { title: 'shop-server --port 8080', uid: 33, busy: (s) => 0.04 + s / 1500, leak: 3 << 20 },
  { title: 'backup --all /srv', uid: 0, busy: () => 0.6, from: 35, to: 52 },
];

const ACT = `
process.title = process.argv[1].trim();
const kept = [];
process.stdin.on('data', (line) => {
  const [busy, leak] = String(line).trim().split('\\n').at(-1).split(' ').map(Number);
  if (leak > 0) kept.push(Buffer.alloc(leak, 1));
  for (const end = performance.now() + busy * 1000; performance.now() < end; );
});`;

const began = Date.now();
const running = new Map<Actor, ChildProcess>();
using collector = new Collector(task, Btf.vmlinux(), (uid) => USERS[uid], pageSize());
const host = { host: 'sample', kernel: '6.18.0', pageSize: pageSize(), userName: (uid: number) => USERS[uid] };
using recorder = new Recorder(new OneFile(new RecordingWriter(FILE, { force: true })), host);
/** Paths, addresses and namespaces are the machine's own. */
const columns = task.columns
  .filter(({ name, as = 'int' }) => !['path', 'hex'].includes(as) && !/cgroup|ns$|cwd|exe|container|audit/.test(name))
  .map(({ name }) => name);
const question = { columns: task.show, sort: '-cpu', switches: {}, ungroup: false, where: '', netns: 'self' } as const;

for (let second = 0; second < SECONDS; second++) {
  for (const actor of ACTORS) {
    const { from = 0, to = SECONDS, title, uid, busy, leak = 0 } = actor;
    let child = running.get(actor);
    if (second >= from && second < to && !child) {
      // Room for the title, which takes the place of the arguments.
      const args = ['-e', ACT, title.padEnd(64)];
      child = spawn(process.execPath, args, { uid, stdio: ['pipe', 'ignore', 'inherit'], env: {}, cwd: '/' });
      child.stdin!.on('error', () => {});
      running.set(actor, child);
      if (second === 0) await sleep(100);
    } else if (second === to && child) {
      child.kill();
      await once(child, 'exit');
      running.delete(actor);
      child = undefined;
    }
    child?.stdin?.write(`${Math.max(0, busy(second))} ${leak}\n`);
  }
  // A child that has just begun has not taken its name yet.
  if (second > 1 && (second < GAP[0] || second >= GAP[1])) {
    const pid = [...running.values()].map((child): Range => [child.pid!, child.pid!]);
    const options = { ...question, columns, filters: { pid } };
    const collected = collector.collect(options);
    const stats = { ...collected.stats, conditions: [] };
    recorder.append(collector, { ...collected, stats }, { ...question, filters: {}, interval: 1000 });
  }
  await sleep(Math.max(0, began + (second + 1) * 1000 - Date.now()));
}
for (const child of running.values()) child.kill();
process.stdout.write(`${recorder.refreshes} refreshes, ${recorder.bytes} bytes in ${FILE}\n`);
