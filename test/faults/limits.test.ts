/** A kernel that refuses, limits that are reached, maps that go, clocks that are set: it is said, and goes on by itself. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/bpf/syscall.ts';
import { Recording } from '../../src/state/recording.ts';
import { MAP, map, put } from '../support/bpf.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';
import { Faulty, notRestored } from './faulty.ts';

const LONG = 40_000;
const PRELOAD = new URL('./fault.cjs', import.meta.url).pathname;
const ME = ['task', '--pid', String(process.pid), '--interval', '0.2'];
const { errno } = os.constants;
const fault = (command: keyof typeof COMMANDS, code: keyof typeof errno) => `bpf:${COMMANDS[command]}:${errno[code]}`;

/** The program with a fault from the start. */
function itertop(fault: string, args: readonly string[], through: readonly string[] = []) {
  const [command, ...rest] = [...through, process.execPath, PROGRAM, ...args];
  const env = { ...process.env, NODE_OPTIONS: `--require ${PRELOAD}`, FAULT: fault, FAULT_FILE: '/proc/self/stat' };
  const { status, stdout, stderr, signal } = spawnSync(command!, rest, { encoding: 'utf8', env, timeout: LONG });
  return { status, stdout, stderr, signal };
}

describeKernel('what the kernel refuses', () => {
  test.each([
    ['BPF_PROG_LOAD', 'EPERM', /EPERM.*(CAP_BPF|policy)/],
    ['BPF_PROG_LOAD', 'ENOMEM', /no memory/],
    ['BPF_PROG_LOAD', 'E2BIG', /BPF_PROG_LOAD: E2BIG/],
    ['BPF_MAP_CREATE', 'EPERM', /EPERM/],
    ['BPF_MAP_CREATE', 'ENOMEM', /no memory/],
    ['BPF_LINK_CREATE', 'ENOMEM', /no memory/],
    ['BPF_ITER_CREATE', 'EMFILE', /no file descriptor is left; raise `ulimit -n`/],
    ['BPF_ITER_CREATE', 'ENFILE', /no file descriptor is left/],
  ] as const)('%s with %s at the start: words and an exit code, no stack', (command, code, words) => {
    const { status, stdout, stderr } = itertop(fault(command, code), ['dump', 'task', '--columns', 'pid,comm']);
    expect([stdout, stderr]).toEqual(['', expect.stringMatching(words)]);
    expect(stderr).toMatch(/^itertop: /);
    expect(stderr).not.toMatch(/^ +at /m);
    expect([1, 3]).toContain(status);
  });

  test.each([
    ['BPF_ITER_CREATE', 'EMFILE', /no file descriptor is left/],
    ['BPF_ITER_CREATE', 'ENOMEM', /no memory/],
  ] as const)(
    '%s with %s later: the screen says so, and goes on by itself',
    { timeout: 3 * LONG },
    async (command, code, words) => {
      using faulty = new Faulty(fault(command, code), ME);
      const { terminal } = faulty;
      await terminal.waitFor(/PID USER/, undefined, LONG);
      faulty.happen();
      await terminal.waitFor(words, undefined, LONG);
      faulty.pass();
      await terminal.waitFor((screen) => !words.test(screen) && /PID USER/.test(screen), 'the table again', LONG);
      terminal.type('q');
      expect((await terminal.exited).exitCode).toBe(0);
      expect(notRestored(terminal.output)).toEqual([]);
    },
  );

  test('a program that is refused half-way: the table before is still there', { timeout: 3 * LONG }, async () => {
    using faulty = new Faulty(fault('BPF_PROG_LOAD', 'ENOMEM'), ME);
    const { terminal } = faulty;
    await terminal.waitFor(/PID USER/, undefined, LONG);
    faulty.happen();
    terminal.type(':udp\r');
    await terminal.waitFor(/no memory/, undefined, LONG);
    faulty.pass();
    await terminal.waitFor((screen) => /^udp /m.test(screen) && !/no memory/.test(screen), 'the other table', LONG);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });
});

describeKernel('limits', () => {
  // With fewer than 21 Node itself does not begin.
  test.each([22, 26, 39])('%i descriptors are too few, in words', (limit) => {
    const end = itertop('', ['dump', 'tcp'], ['prlimit', `--nofile=${limit}:${limit}`]);
    const stderr = `itertop: at least 40 file descriptors are needed, \`ulimit -n\` is ${limit}\n`;
    expect(end).toMatchObject({ status: 3, stdout: '', stderr });
  });

  test.each([40, 44])('%i descriptors: rows or words, never a stack', (limit) => {
    const { status, stdout, stderr, signal } = itertop('', ['dump', 'tcp'], ['prlimit', `--nofile=${limit}:${limit}`]);
    expect(signal).toBeNull();
    if (status === 0) expect(stdout).toMatch(/^itertop tcp/);
    else expect(stderr).toMatch(/^itertop: .*(no file descriptor is left|EMFILE)/);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test('the limit of descriptors is lowered under it, and raised again', { timeout: 3 * LONG }, async () => {
    using faulty = new Faulty('', ME);
    const { terminal } = faulty;
    await terminal.waitFor(/PID USER/, undefined, LONG);
    const [soft] = /Max open files\s+(\d+)/.exec(fs.readFileSync(`/proc/${terminal.pid}/limits`, 'utf8'))!.slice(1);
    const limit = (n: number | string) => spawnSync('prlimit', ['--pid', String(terminal.pid), `--nofile=${n}:`]);
    limit(5);
    await terminal.waitFor(/no file descriptor is left/, undefined, LONG);
    limit(soft!);
    await terminal.waitFor((screen) => !/no file descriptor/.test(screen) && /PID USER/.test(screen), 'rows', LONG);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });
});

describeKernel('a map that goes while it is looked at', () => {
  test('it is said, other tables can be looked at, and q quits', { timeout: 3 * LONG }, async () => {
    const making = { type: MAP.hash, name: 'itertop_gone', keySize: 4, valueSize: 8, maxEntries: 4 };
    const made = map(making);
    put(made, Buffer.from([1, 0, 0, 0]), Buffer.from([42, 0, 0, 0, 0, 0, 0, 0]));
    using faulty = new Faulty('', ['bpf_map_elem', '--map', 'itertop_gone', '--interval', '0.2']);
    const { terminal } = faulty;
    await terminal.waitFor(/\b42\b/, undefined, LONG);
    made.close();
    await terminal.waitFor(/error: .*(gone|no map)/i, undefined, LONG);
    terminal.type(':task\r');
    await terminal.waitFor(/PID USER/, undefined, LONG);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
    expect(notRestored(terminal.output)).toEqual([]);
  });
});

describeKernel('a wall clock that is set', () => {
  const HOUR = 3_600_000;

  test.each([-HOUR, HOUR])('by %i ms: refreshes come on at their interval', { timeout: 3 * LONG }, async (by) => {
    using faulty = new Faulty(`clock:${by}`, ME);
    const { terminal } = faulty;
    await terminal.waitFor(/PID USER/, undefined, LONG);
    const clock = () => /(\d\d):(\d\d):(\d\d) *$/m.exec(terminal.lines()[0]!)?.slice(1).map(Number);
    const was = clock()!;
    faulty.happen();
    const hours = (now = clock()!) => (now[0]! - was[0]! + 24) % 24;
    await terminal.waitFor(() => [by < 0 ? 23 : 1, by < 0 ? 22 : 2].includes(hours()), 'the other hour', LONG);
    const at = String(clock());
    await terminal.waitFor(() => String(clock()) !== at, 'a later refresh', LONG);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  test('back in the middle of a recording: --for is over in time, and every refresh can be seen', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-clock-'));
    try {
      const file = path.join(folder, 'r.itertop');
      const asked = ['task', '--pid', String(process.pid), '--columns', 'pid,comm'];
      const args = ['record', ...asked, '-d', '0.2', '--for', '5s', '-o', file];
      // The file is its own sign: the clock is set once the first refresh is in it.
      const env = { ...process.env, NODE_OPTIONS: `--require ${PRELOAD}`, FAULT: `clock:${-HOUR}`, FAULT_FILE: file };
      const { status } = spawnSync(process.execPath, [PROGRAM, ...args], { env, timeout: LONG });
      expect(status).toBe(0);
      using recording = new Recording(file);
      expect(recording.count).toBeGreaterThan(1);
      expect(recording.lost).toBe(0);
      const begins = Array.from({ length: recording.count }, (_, i) => recording.read(i).walks.get('')!.begin);
      expect(begins.at(-1)! - begins[0]!).toBeLessThan(-HOUR / 2);
      const out = spawnSync(process.execPath, [PROGRAM, 'dump', '--replay', file, '--all', '-f', 'ndjson'], {
        encoding: 'utf8',
      });
      expect(out.status).toBe(0);
      expect(out.stdout.match(/^\{"itertop"/gm)).toHaveLength(recording.count);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
