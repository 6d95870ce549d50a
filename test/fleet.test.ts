/** What docs/fleet tells systemd and node_exporter: the units are verified, and their commands run with their capabilities. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
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
const setting = (unit: string, name: string) =>
  new RegExp(`^${name}=(.*)$`, 'm').exec(units.get(unit)!)![1]!.replaceAll(INSTALLED, `${process.execPath} ${PROGRAM}`);
const capabilities = (unit: string) =>
  withCapabilities(
    ...setting(unit, 'AmbientCapabilities')
      .split(' ')
      .map((name) => name.replace('CAP_', '').toLowerCase()),
  );

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-fleet-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

const has = (command: string, ...args: string[]) => !spawnSync(command, args).error;

test('there are units', () => {
  expect([...units.keys()]).toEqual(['itertop-otlp.service', 'itertop-tcp.service', 'itertop-tcp.timer']);
});

const analyze = has('systemd-analyze', '--version');
describe.skipIf(!analyze)(`systemd-analyze${analyze ? '' : ' (skipped: it is not installed)'}`, () => {
  test.each([...units.keys()])('%s is right', (name) => {
    for (const [file, unit] of units) fs.writeFileSync(path.join(dir, file), unit.replaceAll(INSTALLED, '/bin/true'));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path.join(dir, name)], {
      encoding: 'utf8',
    });
    // Units of the system's own are read along with it.
    const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('itertop'));
    expect([about, status]).toEqual([[], 0]);
  });
});

describeKernel('the commands of the units, with their capabilities and no other', () => {
  test('records reach a collector', async () => {
    await using collector = await OtlpCollector.start();
    const [command, ...args] = [
      ...capabilities('itertop-otlp.service'),
      ...setting('itertop-otlp.service', 'ExecStart').split(' '),
    ];
    const env = { ...process.env, ...NO_HOME, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const child = spawn(command!, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (piece) => {
      stderr += piece;
    });
    const server = net.createServer().listen(0, '127.0.0.1');
    await eventually(() => expect([stderr, collector.records.length > 0]).toEqual(['', true]));
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

  const exporter = has('prometheus-node-exporter', '--version');
  test.skipIf(!exporter)(
    `node_exporter serves the file${exporter ? '' : ' (skipped: Debian has it as prometheus-node-exporter)'}`,
    async () => {
      const folder = path.join(dir, 'metrics');
      fs.mkdirSync(folder, { mode: 0o755 });
      fs.chmodSync(dir, 0o755);
      fs.chownSync(folder, NOBODY, NOBODY);
      const [, shell] = /^\/bin\/sh -c '(.*)'$/.exec(setting('itertop-tcp.service', 'ExecStart'))!;
      const [command, ...args] = [...capabilities('itertop-tcp.service'), '/bin/sh', '-c', shell!];
      const { status, stderr } = spawnSync(command!, args, {
        cwd: folder,
        env: { ...process.env, ...NO_HOME },
        encoding: 'utf8',
      });
      expect([stderr, status]).toEqual(['', 0]);
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
