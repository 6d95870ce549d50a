/** The single executable, where there is nothing but the libraries it asks for. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Elf } from '../../build/elf.ts';
import { type Arch, buildExecutable, needs } from '../../build/executable.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { opensNoDebugger } from '../support/debugger.ts';
import { skip } from '../support/kernel.ts';
import { KEY, TestTerminal } from '../terminal/terminal.ts';
import { BareRoot, type RunOptions } from './bare-root.ts';

describe.skipIf(skip)('the executable (needs root)', () => {
  let root: BareRoot;
  let file: string;
  beforeAll(() => {
    file = buildExecutable(process.arch as Arch);
    root = new BareRoot(file);
  }, 180_000);
  afterAll(() => root?.[Symbol.dispose]());

  const run = (args: readonly string[], options: RunOptions = {}) => {
    const { stdout, stderr, status } = spawnSync(...root.command(args, options), { encoding: 'utf8', timeout: 60_000 });
    return { stdout, stderr, status };
  };

  it('asks for no library that a small system lacks, and for no later glibc than it says', () => {
    const elf = new Elf(fs.readFileSync(file));
    const libraries = elf.needed().map((name) => name.replace(/^ld-linux-.*/, 'ld.so'));
    expect(libraries.sort()).toEqual(
      ['ld.so', 'libc.so.6', 'libdl.so.2', 'libgcc_s.so.1', 'libm.so.6', 'libpthread.so.0', 'libstdc++.so.6'].sort(),
    );
    expect(needs(elf)).toEqual({ glibc: '2.28', libstdcxx: '3.4.21' });
    expect(elf.bytes.length).toBeLessThan(130e6);
  });

  it('says its version, whatever is meant for Node', () => {
    const env = { NODE_OPTIONS: '--no-such-option', NODE_EXTRA_CA_CERTS: '/none' };
    const version = `itertop ${packageJson.version}\n`;
    expect(run(['--version'], { env })).toEqual({ stdout: version, stderr: '', status: 0 });
    // An option of Node's is none of its own.
    expect(run(['--expose-gc']).stderr).toContain('there is no option --expose-gc');
  });

  it('writes Parquet', () => {
    const { stdout, stderr, status } = run(['dump', 'task', '--format', 'parquet']);
    expect([stdout.slice(0, 4), stdout.slice(-4), stderr, status]).toEqual(['PAR1', 'PAR1', '', 0]);
  });

  it('sends rows to a collector, of which there is none', () => {
    const { stderr, status } = run(['dump', 'task', '--pid', `${process.pid}`, '--otlp', 'http://127.0.0.1:1'], {
      env: { OTEL_EXPORTER_OTLP_TIMEOUT: '1500' },
    });
    const place = 'otlp: http://127.0.0.1:1/v1/logs refuses connections';
    expect([stderr.split('\n')[0], status]).toEqual([`itertop: ${place}`, 1]);
  });

  it('dumps this host', () => {
    const { stdout, stderr, status } = run(['dump', 'task', '--pid', `${process.pid}`, '--format', 'json']);
    expect([stderr, status]).toEqual(['', 0]);
    expect(JSON.parse(stdout).rows).toMatchObject([{ pid: process.pid }]);
  });

  it.for([
    ['no folder for unnamed files', 'mount -t ramfs none "$R/tmp"'],
    [
      '/tmp is noexec, /dev/shm is not',
      'mount -t tmpfs none "$R/dev"; mkdir "$R/dev/shm"; mount -t tmpfs -o noexec none "$R/tmp"',
    ],
  ])('finds a place for its native code where %s', ([, before]) => {
    const { stdout, stderr, status } = run(['dump', 'bpf_prog', '--format', 'csv'], { before });
    expect([stderr, status]).toEqual(['', 0]);
    expect(stdout).toContain(',itertop_bpf_pro,');
    expect(fs.readdirSync(`${root.path}/tmp`)).toEqual([]);
  });

  it('says what helps where there is no such place', () => {
    const before = 'mount -t tmpfs -o ro none "$R/tmp"';
    const { stderr, status } = run(['dump', 'task'], { before, env: { HOME: '/none' } });
    expect(stderr).toContain('TMPDIR=FOLDER');
    expect(status).toBe(1);
  });

  it('opens no debugger', () => opensNoDebugger([file]));

  it('is the explorer on a terminal', async () => {
    const terminal = new TestTerminal(...root.command(['task']));
    try {
      await terminal.waitFor(/COMMAND/, undefined, 60_000);
      await terminal.waitFor(/\/itertop task/, undefined, 60_000);
      terminal.type(':tcp\r');
      await terminal.waitFor(/LOCAL/, undefined, 60_000);
      terminal.type(KEY.escape);
      terminal.type('q');
      expect(await terminal.exited).toMatchObject({ exitCode: 0 });
      expect(terminal.alternate).toBe(false);
    } finally {
      terminal.kill();
    }
  }, 120_000);

  it('has the sample recording in it', async () => {
    const before = 'mount -t tmpfs none "$R/sys"';
    const terminal = new TestTerminal(...root.command([], { before }));
    try {
      await terminal.waitFor(/sample recording instead/, undefined, 60_000);
      terminal.type('y');
      await terminal.waitFor(/SAMPLE/, undefined, 60_000);
      // The words that show it again name no descriptor of this process.
      terminal.type('Y');
      await terminal.waitFor(/itertop dump --replay sample --at /, undefined, 60_000);
      terminal.type('\x1b');
      await terminal.waitFor((screen) => !screen.includes('itertop dump'), 'the table again', 60_000);
      terminal.type('q');
      expect(await terminal.exited).toMatchObject({ exitCode: 0 });
    } finally {
      terminal.kill();
    }
  }, 120_000);

  it('writes rows of the sample recording by its name', () => {
    const { stdout, stderr, status } = run(['dump', '--replay', 'sample', '--at', '50%', '-f', 'csv']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^# template: /m);
  });
});
