/** One emulated machine from power-on to power-off. No KVM is asked for, so that it runs anywhere. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type { Kernel } from './kernel.ts';

interface Board {
  readonly qemu: string;
  readonly package: string;
  readonly args: readonly string[];
  readonly console: string;
  /** Words for the kernel. */
  readonly words: string;
}

const BOARDS: Readonly<Record<string, Board>> = {
  amd64: {
    qemu: 'qemu-system-x86_64',
    package: 'qemu-system-x86',
    args: ['-machine', 'q35', '-cpu', 'max'],
    console: 'ttyS0',
    // A timer that does not tick for a while is taken for a broken one, which few kernels get over.
    words: 'no_timer_check no5lvl mitigations=off',
  },
  // A core of few extensions: pointer authentication alone would make an emulated arm64 half as fast.
  arm64: {
    qemu: 'qemu-system-aarch64',
    package: 'qemu-system-arm',
    args: ['-machine', 'virt', '-cpu', 'cortex-a57'],
    console: 'ttyAMA0',
    words: 'mitigations=off',
  },
};
/** How long a guest may say nothing: it tells of each step and of each file of tests. */
const SILENCE_MS = 20 * 60_000;
/** Emulated processors stand still while this machine has other things to do: no reason to complain of a lockup. */
const WORDS = 'quiet panic=-1 nowatchdog rcupdate.rcu_cpu_stall_suppress=1';
const LOOK_MS = 2000;
/** Of a process's times (fields 14 and 15 of /proc/PID/stat). */
const TICKS_PER_S = 100;
const LAST_LINES = 12;
const ATTEMPTS = 3;

export interface Run {
  readonly arch: string;
  readonly kernel: Kernel;
  /** The two disks to read, whatever is written to them is lost; and the one where results are left. */
  readonly disks: readonly [string, string, string];
  /** What the console says goes there. */
  readonly log: string;
}

export interface Ran {
  /** Why it ended as it should not have; ''. What it did is on the third disk in any case. */
  readonly error: string;
  /** What the emulator took of this machine's processors. */
  readonly cpuSeconds: number;
}

export const architectures = (): string[] => Object.keys(BOARDS);

/** What has to be installed to emulate an architecture; '' where it is. */
export function lacking(arch: string): string {
  const { qemu, package: name } = BOARDS[arch];
  const found = (process.env['PATH'] ?? '').split(':').some((folder) => fs.existsSync(`${folder}/${qemu}`));
  return found ? '' : `${qemu} is missing: apt-get install --no-install-recommends ${name}`;
}

/**
 * Boots it, and again where it dies before anything of ours runs: under load the emulator hands a kernel that is starting
 * an interrupt that it does not get over.
 */
export async function boot(run: Run): Promise<Ran> {
  let cpuSeconds = 0;
  for (let attempt = 1; ; attempt++) {
    const ran = await bootOnce(run);
    cpuSeconds += ran.cpuSeconds;
    if (attempt === ATTEMPTS || reached(run.log)) return { ...ran, cpuSeconds };
    console.log(`${run.kernel.release} did not come up; once more`);
  }
}

/** Whether `guest.sh` has begun. */
const reached = (log: string) => fs.readFileSync(log, 'latin1').includes('== up');

async function bootOnce(run: Run): Promise<Ran> {
  const board = BOARDS[run.arch];
  const drive = (file: string, more: string) => ['-drive', `file=${file},format=raw,if=virtio,${more}`];
  const [root, repository, results] = run.disks;
  const args = [
    ...board.args,
    ...['-accel', 'tcg,thread=multi', '-smp', '2', '-m', '2G', '-nographic', '-no-reboot', '-nodefaults'],
    ...['-serial', 'stdio', '-kernel', run.kernel.image, '-initrd', run.kernel.initramfs],
    ...['-append', `console=${board.console} ${WORDS} ${board.words}`],
    ...drive(root, 'snapshot=on'),
    ...drive(repository, 'snapshot=on'),
    ...drive(results, 'cache=writeback'),
  ];
  const log = fs.openSync(run.log, 'w');
  const machine = spawn(board.qemu, args, { stdio: ['ignore', log, log] });
  fs.closeSync(log);
  const watch = new Watch(machine, run.log);
  const end = () => machine.kill('SIGKILL');
  process.once('exit', end);
  try {
    const [code, signal] = (await once(machine, 'exit')) as [number | null, string | null];
    const why = watch.silent
      ? `it said nothing for ${SILENCE_MS / 60_000} minutes`
      : `${board.qemu} ended with ${signal ?? code}`;
    return { error: code === 0 ? '' : why, cpuSeconds: watch.cpuSeconds };
  } finally {
    process.off('exit', end);
    watch.stop();
  }
}

/** Ends a machine that says nothing any more, and counts what it costs. */
class Watch {
  silent = false;
  cpuSeconds = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(machine: ChildProcess, log: string) {
    let size = 0;
    let heard = performance.now();
    this.#timer = setInterval(() => {
      this.cpuSeconds = cpuSecondsOf(machine.pid!) ?? this.cpuSeconds;
      const now = fs.statSync(log).size;
      if (now !== size) heard = performance.now();
      size = now;
      if (performance.now() - heard < SILENCE_MS) return;
      this.silent = true;
      machine.kill('SIGKILL');
    }, LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function cpuSecondsOf(pid: number): number | undefined {
  try {
    const fields = fs
      .readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
  } catch {
    return undefined; // it has just ended
  }
}

/** The last lines of a console, without what it tells a terminal. */
export function lastLines(log: string): string {
  const text = fs.readFileSync(log, 'latin1').replaceAll('\x1b', '');
  const lines = text.split(/\r*\n/).map((line) => line.replaceAll(/[^\t\x20-\x7e]/g, ''));
  return lines
    .filter((line) => line.trim() !== '')
    .slice(-LAST_LINES)
    .join('\n');
}
