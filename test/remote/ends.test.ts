/** What runs on another host ends with who started it, however that ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { eventually, skip as noKernel, PROGRAM } from '../support/kernel.ts';
import { TestHosts } from './hosts.ts';
import { skip } from './runs.ts';

const MAIN = new URL('./main.ts', import.meta.url).pathname;

describe.skipIf(skip || noKernel)('on another host (needs root and sshd)', () => {
  let hosts: TestHosts;
  beforeAll(() => {
    hosts = new TestHosts({ there: { commands: { itertop: `exec ${process.execPath} ${PROGRAM} "$@"` } } });
  }, 120_000);
  afterAll(() => hosts?.[Symbol.dispose]());
  const processes = () => hosts.hosts['there']!.processes();

  const WORDS = ['dump', 'task', '--format', 'ndjson', '-n', '0', '-d', '0.2'];

  it.for(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)('nothing is left after %s here', async (signal) => {
    const folder = fs.mkdtempSync('/tmp/itertop-ends-');
    onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
    const main = spawn(process.execPath, [MAIN, 'there', '', 'itertop', ...WORDS], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
    });
    await once(main.stdout, 'data');
    expect(processes().some((line) => line.includes('dump task'))).toBe(true);
    expect(fs.readdirSync(folder)).toHaveLength(1);
    main.kill(signal);
    expect(await once(main, 'exit')).toEqual([null, signal]);
    if (signal !== 'SIGKILL') expect(fs.readdirSync(folder)).toEqual([]);
    await eventually(() => expect(processes()).toEqual([]));
  });

  it('nor where no one reads what it writes', async () => {
    const main = spawn(process.execPath, [MAIN, 'there', '', 'itertop', ...WORDS], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(main.stdout, 'data');
    main.stdout.pause();
    // As much as pipes and windows hold: then it waits for room.
    await sleep(3000);
    main.kill('SIGKILL');
    await eventually(() => expect(processes()).toEqual([]));
  });
});

describe.skipIf(noKernel)('--tether (needs root)', () => {
  const start = (seconds: string) =>
    spawn(process.execPath, [PROGRAM, 'dump', 'task', '-n', '0', '-d', '0.1', '--tether', seconds], { stdio: 'pipe' });

  it('ends when standard input ends, with its last table whole', async () => {
    const child = start('60');
    await once(child.stdout, 'data');
    child.stdin.end();
    child.stdout.resume();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('ends when standard input is silent', async () => {
    const child = start('2');
    child.stdout.resume();
    const from = performance.now();
    for (let i = 0; i < 12; i++) {
      child.stdin.write('.\n');
      await sleep(250);
    }
    expect(child.exitCode).toBe(null);
    expect(performance.now() - from).toBeGreaterThan(2500);
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('ends where it waits for a pipe that no one empties', async () => {
    const child = start('60');
    await once(child.stdout, 'data');
    child.stdout.pause();
    // Until it waits in write(2), or for its stream to have room: no sign of life from its clock.
    await sleep(3000);
    child.stdin.end();
    const [code, signal] = await once(child, 'exit');
    expect([code, signal]).not.toEqual([null, null]);
    child.stdout.destroy();
  });

  it('is for pipes', async () => {
    const child = spawn(process.execPath, [PROGRAM, 'dump', 'task', '--tether', '5'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = await child.stderr.toArray();
    expect(String(Buffer.concat(said))).toContain('standard input has to be a pipe');
  });
});
