/** SIGUSR1, by which Node opens its debugger to everybody on this host. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';

/** @param program the words before `dump` */
export async function opensNoDebugger([command, ...words]: readonly string[]): Promise<void> {
  const args = ['dump', 'task', '-c', 'pid', '-f', 'ndjson', '-n', '0', '-d', '0.1'];
  const child = spawn(command!, [...words, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [ended, said] = [once(child, 'exit'), text(child.stderr)];
  try {
    await once(child.stdout, 'data');
    child.kill('SIGUSR1');
    // It goes on, long enough to have begun to listen.
    for (let refreshes = 0; refreshes < 5; refreshes++) await once(child.stdout, 'data');
    expect(listening(child.pid!)).toEqual([]);
    child.kill('SIGTERM');
    await ended;
    expect(await said).toBe('');
  } finally {
    child.kill('SIGKILL');
  }
}

/** Inodes of TCP sockets that a process listens on. */
function listening(pid: number): string[] {
  const listeners = new Set(
    ['tcp', 'tcp6']
      .flatMap((name) => fs.readFileSync(`/proc/net/${name}`, 'latin1').split('\n'))
      .map((line) => line.trim().split(/\s+/))
      .flatMap(([, , , state, , , , , , inode]) => (state === '0A' ? [`socket:[${inode}]`] : [])),
  );
  return fs.readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const target = fs.readlinkSync(`/proc/${pid}/fd/${fd}`, 'latin1');
    return listeners.has(target) ? [target] : [];
  });
}
