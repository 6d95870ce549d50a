/**
 * `npm run pictures`: the pictures of the README, from the real program on a made-up host: a PID, network and host name
 * of its own, in which a few processes talk to each other. Needs root, for the namespaces.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn as spawnPty } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { svgOf } from './svg.ts';

const here = (name: string) => new URL(name, import.meta.url).pathname;

interface Scene {
  readonly name: string;
  readonly title: string;
  readonly size: readonly [columns: number, rows: number];
  readonly args: readonly string[];
  /** Keys, each pressed when the screen shows what stands before it. */
  readonly keys: readonly (readonly [shows: RegExp, keys: string])[];
  /** What the picture has to show. */
  readonly shows: RegExp;
}

const DOWN = 'j';
const TAB = '\t';

const NO_NODE = ['--where', 'comm != "node-MainThread"'];

const SCENES: readonly Scene[] = [
  {
    name: 'tcp',
    title: 'TCP sockets, narrowed in the kernel by a condition, with rates, owners and who is at the other end',
    size: [120, 14],
    args: [
      ...['tcp', '--where', 'state == ESTABLISHED && lport in (5432, 6379, 8080)', '--sort', '-out_rate'],
      ...['--columns', 'state,local,remote,command,peer_command,rtt,cwnd,in_rate,out_rate'],
    ],
    keys: [],
    shows: /ESTABLISHED.*\d+(\.\d)?K/,
  },
  {
    name: 'tree',
    title: 'Processes as a tree, with CPU, memory and page faults; the second line says where the selected row leads',
    size: [120, 16],
    args: ['task', '--tree', '--columns', 'pid,state,cpu,time,rss,minflt,nvcsw,comm', '--sort', '-cpu', ...NO_NODE],
    keys: [[/postgres/, DOWN + DOWN]],
    shows: /postgres/,
  },
  {
    name: 'structure',
    title: "A process's task_struct as the kernel prints it, folded, with what the last refresh changed",
    size: [120, 26],
    args: ['task', '--sort', '-cpu', '--where', 'comm == postgres'],
    keys: [
      [/postgres/, DOWN],
      [/files/, 'd'],
      [/COLUMN/, TAB],
    ],
    shows: /task_struct/,
  },
  {
    name: 'program',
    title: 'The bytecode that reads the table, each instruction with the column that it serves',
    size: [120, 26],
    args: ['task', '--columns', 'pid,comm,rss,nvcsw', '--where', 'rss > 64K'],
    keys: [[/postgres/, 'p']],
    shows: /rss/,
  },
  {
    name: 'split',
    title: 'Two tables at once: processes, and the TCP sockets of the selected one',
    size: [120, 24],
    args: ['task', '--split', 'tcp', '--sort', 'comm', ...NO_NODE],
    keys: [[/postgres/, DOWN.repeat(5)]],
    shows: /LISTEN.*5432/,
  },
];

/** Refreshes until rates have settled. */
const SETTLE_MS = 3500;

async function picture(scene: Scene, pid: number): Promise<void> {
  const [cols, rows] = scene.size;
  const terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true, scrollback: 0 });
  const inside = ['-t', String(pid), '--mount', '--pid', '--net', '--uts', '--', process.execPath];
  const pty = spawnPty('nsenter', [...inside, here('../../dist/itertop.js'), ...scene.args, '--no-settings'], {
    cols,
    rows,
    name: 'xterm-256color',
    env: { PATH: process.env['PATH']!, TERM: 'xterm-256color', LANG: 'C.UTF-8', HOME: '/nonexistent' },
  });
  pty.onData((data) => terminal.write(data));
  terminal.onData((data) => pty.write(data));
  const text = () => {
    const { active } = terminal.buffer;
    return Array.from({ length: rows }, (_, y) => active.getLine(active.viewportY + y)!.translateToString(true)).join(
      '\n',
    );
  };
  const until = async (wanted: RegExp) => {
    const end = Date.now() + 20_000;
    while (!wanted.test(text())) {
      if (Date.now() > end) throw new Error(`${scene.name}: the screen never showed ${wanted}; it shows\n${text()}`);
      await sleep(50);
    }
  };
  try {
    for (const [shows, keys] of scene.keys) {
      await until(shows);
      await sleep(300);
      pty.write(keys);
    }
    await sleep(SETTLE_MS);
    await until(scene.shows);
    fs.writeFileSync(here(`${scene.name}.svg`), svgOf(terminal.buffer.active, cols, rows, scene.title));
    process.stdout.write(`${scene.name}\n`);
  } finally {
    pty.kill('SIGTERM');
  }
}

const only = process.argv.slice(2);
const host = spawn(
  'unshare',
  ['--pid', '--fork', '--mount-proc', '--net', '--uts', '--kill-child', process.execPath, here('host.ts')],
  { stdio: ['pipe', 'pipe', 'ignore'] },
);
try {
  const [ready] = await once(createInterface({ input: host.stdout! }), 'line');
  if (ready !== 'ready') throw new Error(`the host says ${ready}`);
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(host.pid)], { encoding: 'utf8' }).stdout;
  const pid = Number(children.trim().split('\n')[0]);
  for (const scene of SCENES) if (only.length === 0 || only.includes(scene.name)) await picture(scene, pid);
} finally {
  host.kill('SIGKILL');
}
