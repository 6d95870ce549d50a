/** The executable is taken to a host, checked, used and removed. A shell stands in for it: as small, as executable. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectHosts } from '../../src/host-connect.ts';
import { Executable } from '../../src/state/remote-copy.ts';
import { eventually } from '../support/kernel.ts';
import { TestHosts } from './hosts.ts';
import { closeAll, host, output, skip } from './runs.ts';

const SHELL = fs.realpathSync('/bin/sh');
const MAIN = new URL('./main.ts', import.meta.url).pathname;
// biome-ignore format: a list of words
const TOOLS = ['sh', 'uname', 'id', 'mktemp', 'df', 'chmod', 'head', 'rm', 'timeout', 'readlink', 'stat', 'dirname'];
/** Where it runs, its hash, and who may go there. */
const LOOK = [
  '-c',
  'readlink /proc/$$/exe; sha256sum </proc/$$/exe; stat -c %a "$(dirname "$(readlink /proc/$$/exe)")"',
];

describe.skipIf(skip)('a copy (needs root and sshd)', () => {
  let hosts: TestHosts;
  let hash: string;
  let large: string;
  beforeAll(() => {
    hash = createHash('sha256').update(fs.readFileSync(SHELL)).digest('hex');
    // As it is, but nothing in it may be run.
    const noexec = (folder: string) => `mount --bind ${folder} ${folder}; mount -o remount,bind,noexec ${folder}`;
    hosts = new TestHosts({
      there: {},
      has: { commands: { placeholder: '' } },
      noexec: { before: `${noexec('/tmp')}; mount -t tmpfs none /run; mkdir -p /run/sshd /run/user/0` },
      nowhere: { before: ['/tmp', '/var/tmp', '/dev/shm', '/run', '"$R/home"'].map(noexec).join('; ') },
      gzip: { only: [...TOOLS, 'sha256sum', 'gzip'] },
      cat: { only: [...TOOLS, 'sha256sum', 'cat'] },
      nohash: { only: TOOLS },
      slow: { only: [...TOOLS, 'sha256sum', 'sleep'], commands: { gzip: 'sleep 3; exec /bin/gzip "$@"' } },
      // What it unpacks is not what came.
      broken: { commands: { zstd: '[ "$1" = -dc ] && echo something else', gzip: 'exit 1' } },
      other: { commands: { uname: 'echo riscv64' } },
    });
    // As large as itertop is, and nothing that can be made smaller.
    large = `${hosts.folder}/large`;
    fs.copyFileSync(SHELL, large);
    fs.appendFileSync(large, randomBytes(8e6));
    fs.copyFileSync(SHELL, `${hosts.hosts['has']!.folder}/bin/itertop`);
  }, 120_000);
  afterAll(() => hosts?.[Symbol.dispose]());
  afterEach(closeAll);
  const copy = () => [new Executable(SHELL)];

  it.for(['there', 'gzip', 'cat'])('is what was sent, private, and goes with the connection: %s', async (name) => {
    const one = host(name, { copy: copy() });
    const [out, why] = await output(one, LOOK);
    const [file, sum, mode] = out.split('\n');
    expect([why, sum, mode]).toEqual(['', `${hash}  -`, '700']);
    expect(file).toMatch(/^\/tmp\/itertop\.\w{10}\/itertop$/);
    // Once for all runs.
    expect((await output(one, LOOK))[0]).toBe(out);
    expect(fs.existsSync(file!)).toBe(true);
    await closeAll();
    await eventually(() => expect(fs.existsSync(path.dirname(file!))).toBe(false));
    await eventually(() => expect(hosts.hosts[name]!.processes()).toEqual([]));
  });

  it('goes when this process is killed', async () => {
    const args = [MAIN, 'there', SHELL, '', '-c', 'readlink /proc/$$/exe; cat'];
    const main = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(main.stdout, 'data');
    const file = String(line).trim();
    expect(fs.existsSync(file)).toBe(true);
    main.kill('SIGKILL');
    await eventually(() => expect(fs.existsSync(path.dirname(file))).toBe(false));
    await eventually(() => expect(hosts.hosts['there']!.processes()).toEqual([]));
  });

  it('goes when what runs there is killed, and its keeper is ended', async () => {
    const one = host('there', { copy: copy() });
    const run = one.run(['-c', 'readlink /proc/$$/exe; kill -9 $$']);
    const file = String(Buffer.concat(await run.stdout.toArray())).trim();
    expect(await run.ended).toBe('itertop was ended there by SIGKILL');
    expect(fs.existsSync(file)).toBe(true);
    const [keeper] = hosts.hosts['there']!.pids().filter((pid) =>
      /^sh$/.test(fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()),
    );
    process.kill(keeper!, 'SIGTERM');
    spawnSync('pkill', ['-P', String(keeper)]);
    await eventually(() => expect(fs.existsSync(path.dirname(file))).toBe(false));
  });

  it('is not made where the same one is in the PATH', async () => {
    const [out, why] = await output('has', LOOK, { copy: copy() });
    expect([out.split('\n')[0], why]).toEqual([`${hosts.hosts['has']!.folder}/bin/itertop`, '']);
  });

  it('goes to a folder whose files may be run', async () => {
    const [out, why] = await output('noexec', LOOK, { copy: copy() });
    expect([out.split('\n')[0], why]).toEqual([expect.stringMatching(/^\/run\/user\/0\/itertop\./), '']);
  });

  it.for([
    ['broken', /^what arrived there is not what was sent/],
    ['nohash', /^it has no sha256sum, so a copy could not be checked$/],
    ['other', /^it is riscv64, and --copy has executables for (x86_64|aarch64): name one for riscv64, too$/],
    ['nowhere', /^it has no folder with 1 MB free whose files may be run/],
  ] as const)('says why there is none: %s', async ([name, why]) => {
    const [, said] = await output(name, LOOK, { copy: copy() });
    expect(said).toMatch(why);
    await eventually(() => expect(hosts.hosts[name]!.processes()).toEqual([]));
  });

  it('takes its time: nothing comes between its bytes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    try {
      const one = host('slow', { copy: [new Executable(large)] });
      const connected = one.connect();
      // It has come as far as it can until someone there goes on.
      await eventually(() =>
        expect(hosts.hosts['slow']!.processes().some((line) => line.startsWith('sleep'))).toBe(true),
      );
      await vi.advanceTimersByTimeAsync(120_000);
      expect(await connected).toEqual({ why: '', asks: false });
    } finally {
      vi.useRealTimers();
    }
  });

  it('shows how far it is, on a terminal', async () => {
    const written: string[] = [];
    const out = { isTTY: true, columns: 60, write: (text: string) => written.push(text) } as never;
    const one = host('there', { copy: [new Executable(large)] });
    expect([...(await connectHosts([one], { ask: false, out }))]).toEqual([]);
    expect(written.join('')).toMatch(/itertop is taken to there: \d\.\d of 8\.\d MB/);
    expect(written.at(-1)).toBe('\r\x1b[K');
  });
});
