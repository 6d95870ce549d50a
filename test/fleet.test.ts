/** What docs/fleet tells systemd and node_exporter: the units are verified, and their commands run with their capabilities. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { describeKernel, eventually as eventuallyWithin, PROGRAM } from './support/kernel.ts';
import { OtlpCollector } from './support/otlp-collector.ts';
import { NO_HOME, NOBODY, withCapabilities } from './support/unprivileged.ts';

vi.setConfig({ testTimeout: 120_000 });
const eventually = <T>(check: () => T | Promise<T>) => eventuallyWithin(check, 40_000);

const README = fs.readFileSync(new URL('../docs/fleet/README.md', import.meta.url), 'utf8');
const INSTALLED = '/usr/local/bin/itertop';

/** By file name. */
const units = new Map(
  [...README.matchAll(/```ini\n([\s\S]*?)```/g)].flatMap(([, text]) =>
    [...text!.matchAll(/^# \/etc\/systemd\/system\/(\S+)\n([\s\S]*?)(?=^# \/etc\/|$(?![\s\S]))/gm)].map(
      ([, name, unit]) => [name!, unit!] as const,
    ),
  ),
);
/** What they may do. */
const CONFINED = 'itertop-.service.d/confined.conf';
const services = [...units.keys()].filter((name) => name.endsWith('.service'));
const setting = (unit: string, name: string) =>
  new RegExp(`^${name}=(.*)$`, 'm').exec(units.get(unit)!)![1]!.replaceAll(INSTALLED, `${process.execPath} ${PROGRAM}`);
const capabilities = withCapabilities(
  ...setting(CONFINED, 'AmbientCapabilities')
    .split(' ')
    .map((name) => name.replace('CAP_', '').toLowerCase()),
);

/** Without that others have network namespaces of their own: the units leave them out. */
const said = (stderr: string) => stderr.replace(/^itertop: tcp: \d+ of \d+ network namespaces were read .*\n/gm, '');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-fleet-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

const has = (command: string, ...args: string[]) => !spawnSync(command, args).error;

test('there are units', () => {
  expect([...units.keys()]).toEqual([
    'itertop-dataset.service',
    'itertop-otlp.service',
    'itertop-tcp.service',
    'itertop-tcp.timer',
    CONFINED,
  ]);
});

const analyze = has('systemd-analyze', '--version');
describe.skipIf(!analyze)(`systemd-analyze${analyze ? '' : ' (skipped: it is not installed)'}`, () => {
  beforeAll(() => {
    fs.mkdirSync(path.join(dir, path.dirname(CONFINED)));
    for (const [file, unit] of units) fs.writeFileSync(path.join(dir, file), unit.replaceAll(INSTALLED, '/bin/true'));
  });
  test.each([...units.keys()].filter((name) => name !== CONFINED))('%s is right', (name) => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path.join(dir, name)], {
      encoding: 'utf8',
    });
    // Units of the system's own are read along with it.
    const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('itertop'));
    expect([about, status]).toEqual([[], 0]);
  });

  // Tenths; 90 and more is "unsafe", below 50 is "ok".
  test.each(services)('%s is exposed to little', (name) => {
    const args = ['security', '--offline=true', '--threshold=25', '--no-pager', path.join(dir, name)];
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect([stderr, status, stdout.split('\n').at(-2)]).toMatchObject(['', 0, expect.stringContaining(' OK ')]);
  });
});

const tmpfiles = has('systemd-tmpfiles', '--version');
test.skipIf(!tmpfiles)(`old files of a data set go${tmpfiles ? '' : ' (skipped: no systemd-tmpfiles)'}`, () => {
  const set = path.join(dir, 'set');
  const [, line] = /^# \/etc\/tmpfiles\.d\/itertop\.conf\n(.*)$/m.exec(README)!;
  const conf = path.join(dir, 'tmpfiles.conf');
  fs.writeFileSync(conf, `${line!.replace('/var/lib/private/itertop', set)}\n`);
  const days = [29, 31].map((age) => {
    const day = path.join(set, `date=${age}`);
    fs.mkdirSync(day, { recursive: true });
    const then = Date.now() / 1000 - age * 86_400;
    for (const name of [path.join(day, 'a.parquet'), day]) {
      if (name !== day) fs.writeFileSync(name, '');
      fs.utimesSync(name, then, then);
    }
    return day;
  });
  // Who reads it keeps nothing from going.
  for (const day of days) fs.readFileSync(path.join(day, 'a.parquet'));
  const { status, stderr } = spawnSync('systemd-tmpfiles', ['--clean', conf], { encoding: 'utf8' });
  expect([stderr, status, fs.readdirSync(set)]).toEqual(['', 0, ['date=29']]);
});

describeKernel('the commands of the units, with their capabilities and no other', () => {
  test('records reach a collector', async () => {
    await using collector = await OtlpCollector.start();
    const [command, ...args] = [...capabilities, ...setting('itertop-otlp.service', 'ExecStart').split(' ')];
    const env = { ...process.env, ...NO_HOME, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const child = spawn(command!, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (piece) => {
      stderr += piece;
    });
    const server = net.createServer().listen(0, '127.0.0.1');
    await eventually(() => expect([said(stderr), collector.records.length > 0]).toEqual(['', true]));
    await eventually(() => {
      const { port } = server.address() as net.AddressInfo;
      const found = collector.records.filter(
        ({ attributes }) => String(attributes['network.local.port']?.['intValue']) === String(port),
      );
      expect(found[0]?.attributes['process.pid']).toEqual({ intValue: String(process.pid) });
    });
    server.close();
    const ended = new Promise((done) => child.on('exit', done));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  test('a data set is written, in a folder like those of systemd: a link of root leads there', async () => {
    const folder = path.join(dir, 'private');
    fs.mkdirSync(folder, { mode: 0o700 });
    fs.chmodSync(dir, 0o755);
    fs.chownSync(folder, NOBODY, NOBODY);
    const link = path.join(dir, 'itertop');
    fs.symlinkSync('private', link);
    const line = setting('itertop-dataset.service', 'ExecStart').replace('/var/lib/itertop', link);
    const [command, ...args] = [...capabilities, ...line.split(' ')];
    const child = spawn(command!, args, {
      env: { ...process.env, ...NO_HOME },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (piece) => {
      stderr += piece;
    });
    const ended = new Promise((done) => child.on('exit', done));
    try {
      await eventually(() => expect([said(stderr), fs.readdirSync(folder)]).toEqual(['', ['template=tcp']]));
    } finally {
      child.kill('SIGTERM');
    }
    expect([await ended, said(stderr)]).toEqual([0, '']);
    const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.endsWith('.parquet'))).toHaveLength(1);
  });

  const exporter = has('prometheus-node-exporter', '--version');
  test.skipIf(!exporter)(
    `node_exporter serves the file${exporter ? '' : ' (skipped: Debian has it as prometheus-node-exporter)'}`,
    async () => {
      const folder = path.join(dir, 'metrics');
      fs.mkdirSync(folder, { mode: 0o755 });
      fs.chmodSync(dir, 0o755);
      fs.chownSync(folder, NOBODY, NOBODY);
      const [, shell] = /^\/bin\/sh -c '(.*)'$/.exec(setting('itertop-tcp.service', 'ExecStart'))!;
      const [command, ...args] = [...capabilities, '/bin/sh', '-c', shell!];
      const { status, stderr } = spawnSync(command!, args, {
        cwd: folder,
        env: { ...process.env, ...NO_HOME },
        encoding: 'utf8',
      });
      expect([said(stderr), status]).toEqual(['', 0]);
      expect(fs.readdirSync(folder)).toEqual(['tcp.prom']);
      const written = fs.readFileSync(path.join(folder, 'tcp.prom'), 'utf8');
      const free = net.createServer().listen(0, '127.0.0.1');
      await new Promise((done) => free.once('listening', done));
      const { port } = free.address() as net.AddressInfo;
      await new Promise((done) => free.close(done));
      const flags = ['--collector.disable-defaults', '--collector.textfile', `--web.listen-address=127.0.0.1:${port}`];
      const child = spawn('prometheus-node-exporter', [...flags, `--collector.textfile.directory=${folder}`], {
        stdio: 'ignore',
      });
      try {
        const text = await eventually(async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
        expect(text).toContain('node_textfile_scrape_error 0\n');
        const samples = (from: string) =>
          new Map(
            [...from.matchAll(/^(itertop_\w+)\{(.*)\} (\S+)$/gm)].map(([, name, labels, value]) => [
              `${name} ${labels!.split(',').sort().join()}`,
              Number(value),
            ]),
          );
        expect(samples(written).size).toBeGreaterThan(3);
        expect(samples(text)).toEqual(samples(written));
      } finally {
        child.kill();
      }
    },
  );
});
