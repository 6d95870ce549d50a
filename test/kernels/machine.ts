/** One emulated machine from power-on to power-off. No KVM is asked for, so that it runs anywhere. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type { Kernel } from './kernel.ts';

interface Board {
  readonly qemu: string;
  readonly args: readonly string[];
  readonly console: string;
}

const BOARDS: Readonly<Record<string, Board>> = {
  amd64: { qemu: 'qemu-system-x86_64', args: ['-machine', 'q35', '-cpu', 'max'], console: 'ttyS0' },
  arm64: { qemu: 'qemu-system-aarch64', args: ['-machine', 'virt', '-cpu', 'cortex-a57'], console: 'ttyAMA0' },
};

export interface Run {
  readonly arch: string;
  readonly kernel: Kernel;
  /** The two disks to read, whatever is written to them is lost; and the one where results are left. */
  readonly disks: readonly [string, string, string];
  /** Words for the kernel's command line. */
  readonly words: readonly string[];
  /** What the console says goes there. */
  readonly log: string;
  readonly seconds: number;
}

/** Whether the emulator for an architecture is installed. */
export function emulatorOf(arch: string): string {
  return BOARDS[arch].qemu;
}

/** @returns whether it has powered itself off; what it has left so far is on the third disk in any case */
export async function boot(run: Run): Promise<boolean> {
  const board = BOARDS[run.arch];
  const drive = (file: string, more: string) => ['-drive', `file=${file},format=raw,if=virtio,${more}`];
  const [root, repository, results] = run.disks;
  const args = [
    ...board.args,
    ...['-accel', 'tcg,thread=multi', '-smp', '2', '-m', '3G', '-nographic', '-no-reboot', '-nodefaults'],
    ...['-serial', 'stdio', '-kernel', run.kernel.image, '-initrd', run.kernel.initramfs],
    ...['-append', `console=${board.console} quiet panic=-1 mitigations=off ${run.words.join(' ')}`],
    ...drive(root, 'snapshot=on'),
    ...drive(repository, 'snapshot=on'),
    ...drive(results, 'cache=writeback'),
  ];
  const log = fs.openSync(run.log, 'w');
  const machine = spawn(board.qemu, args, { stdio: ['ignore', log, log] });
  const late = setTimeout(() => machine.kill('SIGKILL'), run.seconds * 1000);
  const end = () => machine.kill('SIGKILL');
  process.once('exit', end);
  const [code, signal] = (await once(machine, 'exit')) as [number | null, string | null];
  process.off('exit', end);
  clearTimeout(late);
  fs.closeSync(log);
  return code === 0 && signal === null;
}
