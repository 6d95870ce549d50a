/** The real program under strace(1): all that it asks the kernel to change are its own maps, and the file that was named. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { MAP, map, put } from '../support/bpf.ts';
import { Child } from '../support/child.ts';
import { PROGRAM, skip } from '../support/kernel.ts';
import { fdinfo } from '../support/proc.ts';
import { NO_HOME } from '../support/unprivileged.ts';
import { KEY, TestTerminal } from '../terminal/terminal.ts';

// The program is started again and again, on machines that do other things as well.
vi.setConfig({ testTimeout: 180_000 });

/** Calls that change something beside the caller's own memory and threads. `?`: not every architecture has them. */
const CHANGING =
  'bpf execve execveat fork vfork clone clone3 kill tkill tgkill rt_sigqueueinfo pidfd_send_signal ptrace process_vm_writev ' +
  'open openat openat2 creat truncate ftruncate fallocate unlink unlinkat rename renameat renameat2 link linkat symlink ' +
  'symlinkat mkdir mkdirat rmdir mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utimensat ' +
  'setxattr lsetxattr fsetxattr removexattr mount umount2 fsopen fsconfig fsmount move_mount open_tree pivot_root chroot ' +
  'setns unshare socket socketpair connect bind listen sendto sendmsg sendmmsg setuid setgid setreuid setregid setresuid ' +
  'setresgid setgroups capset init_module finit_module delete_module kexec_load reboot sethostname setdomainname ' +
  'settimeofday clock_settime adjtimex clock_adjtime setpriority sched_setaffinity sched_setscheduler sched_setattr ' +
  'ioprio_set setrlimit perf_event_open add_key keyctl swapon swapoff quotactl syslog process_madvise';

/** Reading, and its own: programs, links, maps. What others have made is opened to be read. */
const COMMANDS = new Set([
  ...['PROG_LOAD', 'LINK_CREATE', 'LINK_UPDATE', 'ITER_CREATE', 'ENABLE_STATS'],
  ...['MAP_CREATE', 'MAP_UPDATE_ELEM', 'MAP_UPDATE_BATCH', 'MAP_DELETE_ELEM'],
  ...['MAP_LOOKUP_ELEM', 'MAP_LOOKUP_BATCH', 'MAP_GET_NEXT_KEY'],
  ...['MAP_GET_NEXT_ID', 'MAP_GET_FD_BY_ID', 'BTF_GET_FD_BY_ID', 'OBJ_GET', 'OBJ_GET_INFO_BY_FD'],
]);

const hasStrace = spawnSync('strace', ['-V']).error === undefined;
const off = skip || (!hasStrace && !process.env['CI']);

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-strace-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** The words before a command; every thread has a file of its own, so no line is cut by another's. */
const strace = () => [
  ...['strace', '-ff', '-qq', '-s', '300', '-o', path.join(folder, 'trace')],
  ...[
    '-e',
    'signal=none',
    '-e',
    `trace=${CHANGING.split(' ')
      .map((name) => `?${name}`)
      .join()}`,
  ],
];
const env = { ...NO_HOME, NODE_OPTIONS: '' };

/** Every call that is none of those that are expected of the program whatever it shows. */
function unexpected(): string[] {
  const found: string[] = [];
  let executed = 0;
  /** Of this process's making, and so its own to write to: map descriptors are handed from one map to the next. */
  const own = new Set<string>();
  const calls = fs
    .readdirSync(folder)
    .filter((name) => name.startsWith('trace.'))
    .map((name) => fs.readFileSync(path.join(folder, name), 'utf8').split('\n').filter(Boolean));
  expect(calls.flat().length).toBeGreaterThan(10);
  for (const call of calls.flat()) {
    const [, name = '', args = '', result = ''] = /^(\w+)\((.*)\)\s+= (.*)$/.exec(call) ?? [];
    if (name === 'execve' && executed++ === 0) continue;
    if ((name === 'clone' || name === 'clone3') && args.includes('CLONE_THREAD')) continue;
    if (/^open(at)?$/.test(name) && !/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(args)) continue;
    if (/^openat$/.test(name) && /"\/dev\/(null|tty|pts\/\d+)"/.test(args) && !args.includes('O_CREAT')) continue;
    if (name === 'setns' && /^\d+, CLONE_NEWNET$/.test(args)) continue;
    if (name === 'bpf') {
      const command = /^BPF_(\w+)/.exec(args)?.[1] ?? '';
      const fd = /map_fd=(\d+)/.exec(args)?.[1] ?? '';
      if (command === 'MAP_CREATE') own.add(result);
      if (COMMANDS.has(command) && allowed(command, args, own.has(fd))) continue;
    }
    found.push(call);
  }
  return found;
}

function allowed(command: string, args: string, own: boolean): boolean {
  switch (command) {
    case 'PROG_LOAD':
      return args.includes('prog_type=BPF_PROG_TYPE_TRACING') && args.includes('expected_attach_type=BPF_TRACE_ITER');
    case 'LINK_CREATE':
      return args.includes('attach_type=BPF_TRACE_ITER');
    case 'MAP_UPDATE_ELEM':
    case 'MAP_DELETE_ELEM':
      return own;
    case 'MAP_GET_FD_BY_ID':
      return args.includes('open_flags=BPF_F_RDONLY');
    default:
      return true;
  }
}

describe.skipIf(off)(off ? 'system calls (skipped: needs root and strace)' : 'system calls', () => {
  let other: Child;
  let held: OwnedFd;
  let id: string;
  beforeAll(async () => {
    other = await Child.start({ through: ['unshare', '-n'] });
    held = map({ type: MAP.hash, name: 't_strace', keySize: 4, valueSize: 8, maxEntries: 4 });
    put(held, Buffer.alloc(4), Buffer.alloc(8));
    id = fdinfo('self', held.fd)['map_id']!;
  });
  afterAll(async () => {
    held.close();
    await other.end();
  });

  it.each<[string, () => string[]]>([
    ['every process', () => ['dump', 'task', '-n', '2', '-d', '0.1']],
    [
      'the sockets of a process, in every network namespace',
      () => ['dump', 'tcp', '--pid', String(process.pid), '-n', '2', '-d', '0.1'],
    ],
    ['programs with their run times and pins', () => ['dump', 'bpf_prog', '-c', '+pinned,runs']],
    ['the elements of a map', () => ['dump', 'bpf_map_elem', '--map', id]],
    ['a struct', () => ['dump', 'task', '--pid', String(process.pid), '--struct']],
    ['what this system has', () => ['doctor']],
  ])('%s: nothing is changed', (_, args) => {
    const [first, ...rest] = [...strace(), process.execPath, PROGRAM, ...args()];
    execFileSync(first!, rest, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 90_000,
    });
    expect(unexpected()).toEqual([]);
  });

  it('a file that is asked for is all that is written', () => {
    const at = path.join(folder, 'tasks.csv');
    const [first, ...rest] = [...strace(), process.execPath, PROGRAM, 'dump', 'task', '-f', 'csv', '-o', at];
    execFileSync(first!, rest, { env: { ...process.env, ...env }, timeout: 90_000 });
    const calls = unexpected();
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) expect(call).toMatch(/^(openat|linkat|fallocate|unlink)\(/);
    for (const call of calls) expect(call).toContain(call.startsWith('openat') ? folder : at);
  });

  it('a walk through the explorer: nothing is changed', async () => {
    const [first, ...rest] = [
      ...strace(),
      process.execPath,
      PROGRAM,
      'task',
      '--pid',
      String(process.pid),
      '-d',
      '0.3',
    ];
    const terminal = new TestTerminal(first!, rest, { cols: 120, rows: 30, env });
    const steps: [string, RegExp][] = [
      ['v', /VIEW/],
      [KEY.escape, /PID/],
      ['d', /Structure/],
      [KEY.tab, /struct task_struct/],
      [KEY.escape, /^ *PID/m],
      ['p', /bytecode/i],
      [KEY.escape, /^ *PID/m],
      ['2', /STATE .*RXQ/],
      [KEY.backspace, /^ *PID/m],
      [`:bpf_prog${KEY.enter}`, /ATTACHED/],
      [`:elements ${id}${KEY.enter}`, /KEY/],
      [`:quit${KEY.enter}`, /^/],
    ];
    try {
      await terminal.waitFor(/1 row/, 'the table', 60_000);
      for (const [keys, then] of steps) {
        terminal.type(keys);
        await terminal.waitFor(then, `${then} after ${JSON.stringify(keys)}`, 60_000);
      }
      expect((await terminal.exited).exitCode).toBe(0);
    } finally {
      terminal.kill();
    }
    expect(unexpected()).toEqual([]);
  }, 180_000);
});
