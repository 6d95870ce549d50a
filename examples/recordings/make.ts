/**
 * Makes sample.itertop and sample-tcp.itertop, which are shown where this system has no BPF iterators to look at:
 * `node examples/recordings/make.ts` as root, with perl, unshare and ip, two minutes. Everything in them is made here:
 * server.pl's processes in network namespaces of their own. Nothing of the machine that they are made on is recorded
 * but how fast it is.
 */
import { execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { Collector } from '../../src/state/collector.ts';
import { OneFile, Recorder } from '../../src/state/recorder.ts';
import { RecordingWriter } from '../../src/state/recording-file.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import type { Range, Template } from '../../src/templates/template.ts';

const SECONDS = 120;
/** Nothing is recorded from here to there. */
const GAP = [60, 75] as const;
const USERS: Readonly<Record<number, string>> = { 0: 'root', 33: 'www-data', 999: 'postgres', 1000: 'shop' };
const SERVER = '10.1.0.20';
const FAR = [
  '198.51.100.30',
  '198.51.100.40',
  '203.0.113.9',
  ...Array.from({ length: 9 }, (_, i) => `203.0.113.${21 + i}`),
];

const [, here] = process.argv;
if (process.env['ITERTOP_SAMPLE'] === undefined) {
  const env = { ...process.env, ITERTOP_SAMPLE: '1' };
  const args = ['--net', process.execPath, here!];
  process.exit(spawnSync('unshare', args, { stdio: 'inherit', env }).status ?? 1);
}

const run = (file: string, ...args: string[]) => execFileSync(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
const SCRIPT = fileURLToPath(new URL('server.pl', import.meta.url));
const options: SpawnOptions = { stdio: ['ignore', 'ignore', 'inherit'], env: {}, cwd: '/', detached: true };

/** In front of a network of its own, joined to this one by a wire. */
const far = spawn(
  '/usr/bin/unshare',
  ['--net', '/bin/sh', '-c', 'sleep 1; exec "$@"', '-', '/usr/bin/perl', SCRIPT, 'far', SERVER],
  options,
);
await sleep(500);
run('ip', 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', String(far.pid));
const inFar = (...args: string[]) => run('nsenter', '-t', String(far.pid), '-n', 'ip', ...args);
for (const [ip, name] of [
  [(...args: string[]) => run('ip', ...args), 'near'],
  [inFar, 'far'],
] as const) {
  ip('link', 'set', 'lo', 'up');
  ip('link', 'set', name, 'up');
}
run('ip', 'addr', 'add', `${SERVER}/24`, 'dev', 'near');
for (const net of ['198.51.100.0/24', '203.0.113.0/24']) run('ip', 'route', 'add', net, 'dev', 'near');
for (const address of FAR) inFar('addr', 'add', `${address}/32`, 'dev', 'far');
inFar('route', 'add', '10.1.0.0/24', 'dev', 'far');

const server = spawn('/usr/bin/perl', [SCRIPT, 'here', SERVER], options);
/** Those that it began, and those that these did; the script itself is none of them. */
function descendants(pid: number): number[] {
  try {
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return (children ? children.split(' ').map(Number) : []).flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}

const host = { host: 'sample', kernel: '6.18.0', pageSize: pageSize(), userName: (uid: number) => USERS[uid] };
const ends: (() => void)[] = [];
const written: (() => string)[] = [];

/** @param leftOut columns that tell of this machine */
function recorderOf(template: Template, name: string, leftOut: RegExp) {
  const collector = new Collector(template, Btf.vmlinux(), (uid) => USERS[uid], pageSize());
  const file = fileURLToPath(new URL(name, import.meta.url));
  const recorder = new Recorder(new OneFile(new RecordingWriter(file, { force: true })), host);
  const columns = template.columns.filter(({ name }) => !leftOut.test(name)).map(({ name }) => name);
  const sort = template === task ? '-cpu' : template.sort;
  const question = { columns: template.show, sort, switches: {}, ungroup: false, where: '', netns: 'self' } as const;
  ends.push(() => {
    recorder[Symbol.dispose]();
    collector[Symbol.dispose]();
    // For everyone, unlike what is recorded of a machine.
    fs.chmodSync(file, 0o644);
  });
  written.push(() => `${name}: ${recorder.refreshes} refreshes, ${recorder.bytes} bytes`);
  return (pid: Range[] | undefined) => {
    const collected = collector.collect({ ...question, columns, filters: pid ? { pid } : {} });
    const stats = { ...collected.stats, conditions: [] };
    recorder.append(collector, { ...collected, stats }, { ...question, filters: {}, interval: 1000 });
  };
}

/** Paths, namespaces and cgroups are the machine's own. */
const tasks = recorderOf(task, 'sample.itertop', /cgroup|ns$|cwd|exe|container|audit|state_bits|root/);
const sockets = recorderOf(tcp, 'sample-tcp.itertop', /cgroup|netns|container|exe|mark/);
const began = Date.now();
for (let second = 0; second < SECONDS; second++) {
  // Those that have just begun have not taken their names yet.
  if (second > 3 && (second < GAP[0] || second >= GAP[1])) {
    tasks(descendants(server.pid!).map((pid): Range => [pid, pid]));
    sockets(undefined);
  }
  await sleep(Math.max(0, began + (second + 1) * 1000 - Date.now()));
}
for (const say of written) process.stdout.write(`${say()}\n`);
for (const end of ends) end();
for (const { pid } of [server, far])
  for (const each of [...descendants(pid!).reverse(), pid!]) {
    try {
      process.kill(each);
    } catch {
      // It has ended with another one.
    }
  }
