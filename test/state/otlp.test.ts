/** `itertop dump --otlp` and a collector that behaves in all ways that collectors do. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { describeKernel, eventually as eventuallyWithin } from '../support/kernel.ts';
import { beside, OtlpCollector } from '../support/otlp-collector.ts';
import { run } from '../support/program.ts';

const SAMPLE = new URL('../../examples/recordings/sample.itertop', import.meta.url).pathname;
/** Long enough for a loaded machine, short enough for a test. */
const QUICK = { OTEL_EXPORTER_OTLP_TIMEOUT: '4000' };
const TOKEN = 'Bearer%20s3cr3t-t0k3n';

vi.setConfig({ testTimeout: 120_000 });
/** Several of them share the machine with a build, or more. */
const eventually = (check: () => void) => eventuallyWithin(check, 40_000);

const text = (value: unknown) => (value as { stringValue?: string } | undefined)?.stringValue;

describeKernel('itertop dump --otlp', () => {
  const server = net.createServer();
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    ({ port } = server.address() as net.AddressInfo);
  });
  afterAll(() => void server.close());

  test('sockets that stand still: each row as NDJSON has it, with what it is of', async () => {
    await using collector = await OtlpCollector.start();
    const columns = 'state,laddr,lport,raddr,rport,inode,pid,command,netns,family,rcvbuf,max_backlog';
    const args = ['dump', 'tcp', '--lport', String(port), '-c', columns];
    const before = Date.now();
    const { code, stdout, stderr } = await beside([...args, '--otlp', collector.url], {
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,host.name=other',
      OTEL_SERVICE_NAME: 'mine',
    }).ended;
    expect([code, stdout, stderr]).toEqual([0, '', '']);
    const row = JSON.parse(run([...args, '-f', 'ndjson']).stdout.split('\n')[1]!);
    expect(collector.records.length).toBe(1);
    const [record] = collector.records;
    expect(record!.attributes).toMatchObject({
      'network.transport': { stringValue: 'tcp' },
      'network.connection.state': { stringValue: 'listen' },
      'network.local.address': { stringValue: row.laddr },
      'network.local.port': { intValue: String(port) },
      'network.peer.address': { stringValue: row.raddr },
      'network.peer.port': { intValue: '0' },
      'process.pid': { intValue: String(process.pid) },
      'process.command': { stringValue: row.command },
      'itertop.inode': { intValue: String(row.inode) },
      'itertop.netns': { intValue: String(row.netns) },
      'itertop.family': { stringValue: 'inet' },
      'itertop.rcvbuf': { intValue: String(row.rcvbuf) },
    });
    expect(text(record!.body)).toContain(`state=LISTEN laddr=127.0.0.1 lport=${port} `);
    expect(record!.eventName).toBe('itertop.tcp.row');
    const time = Number(BigInt(record!.timeUnixNano) / 1_000_000n);
    expect(time).toBeGreaterThan(before - 1000);
    expect(time).toBeLessThanOrEqual(Date.now());
    expect(Object.entries(collector.resources[0]!).map(([name, value]) => [name, text(value)])).toEqual(
      expect.arrayContaining([
        ['service.name', 'mine'],
        ['service.version', packageJson.version],
        ['host.name', 'other'],
        ['os.type', 'linux'],
        ['os.version', os.release()],
        ['deployment.environment.name', 'test'],
      ]),
    );
    expect(collector.scopes).toMatchObject([{ name: 'itertop', version: packageJson.version }]);
  });

  test('the environment says where and how: its endpoint, headers, gzip', async () => {
    await using collector = await OtlpCollector.start();
    const { code, stderr } = await beside(['dump', 'task', '-p', String(process.pid), '--otlp', 'env'], {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base/`,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${TOKEN},x-scope=itertop`,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    }).ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(collector.requests).toMatchObject([
      {
        path: '/base/v1/logs',
        headers: {
          authorization: 'Bearer s3cr3t-t0k3n',
          'x-scope': 'itertop',
          'content-encoding': 'gzip',
          'content-type': 'application/x-protobuf',
        },
      },
    ]);
    expect(collector.records[0]!.attributes['process.pid']).toEqual({ intValue: String(process.pid) });
  });

  test('an endpoint of the signal alone is taken as it is', async () => {
    await using collector = await OtlpCollector.start();
    const env = { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${collector.url}/in/v1/logs` };
    const { code } = await beside(['dump', 'task', '-p', String(process.pid), '--otlp', 'env'], env).ended;
    expect([code, collector.requests.map((r) => r.path)]).toEqual([0, ['/in/v1/logs']]);
  });

  test('--changes: what was there, came, changed and went, each with its severity', async () => {
    await using collector = await OtlpCollector.start();
    const args = [
      'dump',
      'tcp',
      '--port',
      String(port),
      '--changes',
      '-n',
      '0',
      '-d',
      '0.2',
      '-c',
      'state,local,remote',
    ];
    const program = beside([...args, '--otlp', collector.url]);
    const seen = (what: string) =>
      collector.records.filter(({ attributes }) => text(attributes['itertop.change']) === what);
    await eventually(() => expect(seen('present').length).toBe(1));
    const client = net.connect(port, '127.0.0.1');
    await eventually(() => expect(seen('added').length).toBeGreaterThan(0));
    client.destroy();
    await eventually(() => expect(seen('removed').length + seen('changed').length).toBeGreaterThan(0));
    program.child.kill('SIGTERM');
    const { code, stderr } = await program.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(seen('present')[0]).toMatchObject({
      severityNumber: 5,
      severityText: 'DEBUG',
      eventName: 'itertop.tcp.present',
    });
    expect(seen('added')[0]).toMatchObject({ severityNumber: 10, eventName: 'itertop.tcp.added' });
    expect(text(seen('added')[0]!.body)).toMatch(/^change=added state=/);
    for (const record of seen('changed'))
      expect(record.attributes['itertop.changed']).toEqual({ arrayValue: { values: [{ stringValue: 'state' }] } });
  });

  test('--group: gauges with units, for each group; as openmetrics has them', async () => {
    await using collector = await OtlpCollector.start();
    const args = ['dump', 'tcp', '--lport', String(port), '--group', 'state', '-c', 'rxq,rcvbuf,rtt'];
    const { code, stderr } = await beside([...args, '--otlp', collector.url]).ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(collector.requests.map((r) => r.path)).toEqual(['/v1/metrics']);
    const metrics = run([...args, '-f', 'openmetrics']).stdout;
    const value = (name: string) => Number(new RegExp(`^${name}\\{.*\\} (.*)$`, 'm').exec(metrics)![1]);
    const found = collector.metrics.map(({ name, unit, gauge }) => [name, unit, gauge.dataPoints]);
    const point = (asDouble: number) => [
      expect.objectContaining({ asDouble, attributes: { 'network.connection.state': { stringValue: 'listen' } } }),
    ];
    expect(found).toEqual([
      ['itertop.tcp.count', '1', point(1)],
      ['itertop.tcp.rxq', 'By', point(0)],
      ['itertop.tcp.rcvbuf', 'By', point(value('itertop_tcp_rcvbuf_bytes'))],
    ]);
    expect(text(collector.resources[0]!['host.name'])).toBe(os.hostname());
  });

  test('more groups than are wanted are refused', async () => {
    await using collector = await OtlpCollector.start();
    const args = ['dump', 'task', '--group', 'pid', '--otlp', collector.url, '--max-groups'];
    const { code, stderr } = await beside([...args, '2']).ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(/^itertop: by pid there are \d+ groups, each a time series: .*--max-groups \d+\n$/);
    expect(collector.requests).toEqual([]);
    expect((await beside([...args, '100000']).ended).code).toBe(0);
    expect(collector.metrics[0]!.gauge.dataPoints[0]!.attributes['process.pid']).toHaveProperty('intValue');
  });

  const one = (url: string) => ['dump', 'task', '-p', String(process.pid), '--otlp', url];

  test('503 with Retry-After, then fine: delivered, and both told once', async () => {
    await using collector = await OtlpCollector.start();
    collector.reply = (n) => (n < 3 ? { status: 503, headers: { 'Retry-After': '1' } } : {});
    const { code, stderr } = await beside(one(collector.url), { OTEL_EXPORTER_OTLP_TIMEOUT: '60000' }).ended;
    const place = `${collector.url}/v1/logs`;
    expect(stderr.trimEnd().split('\n')).toEqual([
      `itertop: otlp: ${place} answers 503 Service Unavailable, and asks to wait 1 s`,
      `itertop: otlp: ${place} takes rows again`,
    ]);
    expect([code, collector.requests.length, collector.records.length]).toEqual([0, 3, 1]);
  });

  test.each([
    [401, /answers 401 Unauthorized \(OTEL_EXPORTER_OTLP_HEADERS takes tokens\)/],
    [400, /answers 400 Bad Request/],
    [413, /answers 413 Payload Too Large: requests of 512 KiB/],
    [301, /answers 301 Moved Permanently/],
  ])('%i: told once, not tried again, and nothing of the token', async (status, words) => {
    await using collector = await OtlpCollector.start();
    collector.reply = () => ({ status });
    const env = { OTEL_EXPORTER_OTLP_HEADERS: `authorization=${TOKEN}` };
    const { code, stderr } = await beside(one(collector.url), env).ended;
    expect([code, collector.requests.length]).toEqual([1, 1]);
    expect(stderr).toMatch(words);
    expect(stderr).toMatch(/otlp: 1 of 1 rows were not delivered: /);
    expect(stderr.split('\n').length).toBe(3);
    expect(stderr).not.toMatch(/s3cr3t/);
  });

  test('nobody listens', async () => {
    const free = await OtlpCollector.start();
    const { url } = free;
    await free[Symbol.asyncDispose]();
    const { code, stderr } = await beside(one(url), QUICK).ended;
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n')).toEqual([
      `itertop: otlp: ${url}/v1/logs refuses connections`,
      `itertop: otlp: 1 of 1 rows were not delivered: ${url}/v1/logs refuses connections`,
    ]);
  });

  test('one that never answers', async () => {
    await using collector = await OtlpCollector.start();
    collector.reply = () => null;
    const { code, stderr } = await beside(one(collector.url), { OTEL_EXPORTER_OTLP_TIMEOUT: '700' }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/\/v1\/logs does not answer\n/);
  });

  test('what speaks no HTTP there', async () => {
    const other = net.createServer((socket) => socket.end('\0\0\x18\x04\0'));
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(other.address() as net.AddressInfo).port}`;
    const { code, stderr } = await beside(one(url), QUICK).ended;
    other.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(/does not speak HTTP \(port 4317 is for gRPC, http\/protobuf is usually at 4318\)/);
  });

  test('partial success: what was rejected is counted, its reason told without the token', async () => {
    await using collector = await OtlpCollector.start();
    collector.reply = () => ({
      partial: { rejectedLogRecords: 1, errorMessage: 'no tenant for Bearer s3cr3t-t0k3n \x1b[31m' },
    });
    const { code, stderr } = await beside(one(collector.url), {
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${TOKEN}`,
    }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(String.raw`rejects 1 of 1 rows: no tenant for ... \x1b[31m`);
    expect(stderr).toContain('1 of 1 rows were not delivered');
    expect(stderr).not.toMatch(/s3cr3t|\x1b/);
  });

  test('one that goes and comes back: nothing is lost, each is told once', async () => {
    let collector = await OtlpCollector.start();
    const { url, port: at } = collector;
    const args = ['dump', 'task', '-p', String(process.pid), '-n', '0', '-d', '0.1', '-c', 'pid', '--otlp', url];
    const program = beside(args, QUICK);
    await eventually(() => expect(collector.records.length).toBeGreaterThan(2));
    const before = collector.records.length;
    const last = () => BigInt(collector.records.at(-1)!.timeUnixNano);
    const gone = last();
    await collector[Symbol.asyncDispose]();
    await eventually(() => expect(program.stderr).toMatch(/refuses connections|closes the connection/));
    collector = await OtlpCollector.start(at);
    await eventually(() => expect(collector.records.length).toBeGreaterThan(5));
    program.child.kill('SIGINT');
    const { code, stderr } = await program.ended;
    await collector[Symbol.asyncDispose]();
    expect(code).toBe(0);
    expect(stderr).toMatch(/takes rows again\n/);
    expect(stderr).not.toMatch(/not delivered/);
    expect(stderr.match(/refuses connections/g)?.length ?? 0).toBeLessThanOrEqual(1);
    // Refreshes of the time in between came, in order.
    const times = collector.records.map(({ timeUnixNano }) => BigInt(timeUnixNano));
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
    expect(before).toBeGreaterThan(2);
    expect(Number((times[0]! - gone) / 1_000_000n)).toBeLessThan(5000);
  }, 60_000);

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: a collector that hangs keeps nobody waiting',
    async (signal) => {
      await using collector = await OtlpCollector.start();
      collector.reply = () => null;
      const program = beside(
        ['dump', 'task', '-p', String(process.pid), '-n', '0', '-d', '0.2', '--otlp', collector.url],
        {
          OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
        },
      );
      await eventually(() => expect(collector.requests.length).toBe(1));
      const begun = performance.now();
      program.child.kill(signal);
      const { code, stderr } = await program.ended;
      expect(performance.now() - begun).toBeLessThan(25_000);
      expect(code).toBe(1);
      expect(stderr).toMatch(/otlp: (\d+) of \1 rows were not delivered/);
    },
    60_000,
  );

  test('a recording: its host, its kernel, its times', async () => {
    await using collector = await OtlpCollector.start();
    const args = ['dump', '--replay', SAMPLE, '--all'];
    const { code, stderr } = await beside([...args, '--otlp', collector.url]).ended;
    expect([code, stderr]).toEqual([0, '']);
    const lines = run([...args, '-f', 'ndjson'])
      .stdout.trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { itertop } = lines.find((line) => line.itertop);
    const rows = lines.filter((line) => !line.itertop);
    expect(collector.records.length).toBe(rows.length);
    expect([text(collector.resources[0]!['host.name']), text(collector.resources[0]!['os.version'])]).toEqual([
      itertop.host,
      itertop.kernel,
    ]);
    expect(collector.resources[0]).not.toHaveProperty('host.id');
    const times = collector.records.map((r) => new Date(Number(BigInt(r.timeUnixNano) / 1_000_000n)).toISOString());
    expect(times).toEqual(rows.map((row) => row.timestamp));
  });
});

const openssl = spawnSync('openssl', ['version']).status === 0;
describe.skipIf(!openssl)(`TLS${openssl ? '' : ' (skipped: needs openssl)'}`, () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-otlp-'));
  afterAll(() => fs.rmSync(dir, { recursive: true }));

  test('a certificate is checked, against an authority that the environment names', async () => {
    const [key, cert] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        key,
        '-out',
        cert,
        ...subject,
      ],
      { stdio: 'pipe' },
    );
    let taken = 0;
    const server = https.createServer(
      { key: fs.readFileSync(key), cert: fs.readFileSync(cert) },
      (request, response) => {
        request.resume().on('end', () => {
          taken++;
          response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
        });
      },
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `https://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
    const args = ['dump', '--replay', SAMPLE, '--otlp', url];
    const refused = await beside(args, QUICK).ended;
    expect([refused.code, taken]).toEqual([1, 0]);
    expect(refused.stderr).toMatch(/has a certificate that is not trusted \(.*OTEL_EXPORTER_OTLP_CERTIFICATE/);
    const trusted = await beside(args, { OTEL_EXPORTER_OTLP_CERTIFICATE: cert }).ended;
    expect([trusted.code, trusted.stderr]).toEqual([0, '']);
    expect(taken).toBeGreaterThan(0);
    const missing = await beside(args, { ...QUICK, OTEL_EXPORTER_OTLP_CERTIFICATE: path.join(dir, 'none') }).ended;
    expect(missing.stderr).toMatch(/Failed to read root certificate file/);
    server.close();
  }, 60_000);
});

describe('what goes with --otlp', () => {
  test.each<[string[], RegExp, Record<string, string>?]>([
    [['--otlp', 'nowhere'], /--otlp is a URL of a collector as in http:\/\/127\.0\.0\.1:4318/],
    [['--otlp', 'grpc://127.0.0.1:4317'], /gRPC is not spoken/],
    [['--otlp', 'http://me:s3cr3t@127.0.0.1:4318'], /no name or password in it/],
    [['--otlp', ''], /--otlp is a URL/],
    [['--otlp', 'env', '-f', 'csv'], /it takes no --format/],
    [['--otlp', 'env', '-o', 'x'], /it takes no --output/],
    [['--otlp', 'env', '--dataset', 'x'], /it takes no --dataset/],
    [['--otlp', 'env', '--struct'], /it takes no --struct/],
    [['--otlp', 'env', '--group', 'state', '--changes'], /without --changes/],
    [['--otlp', 'env', '--max-groups', '3'], /--max-groups goes with --otlp and --group/],
    [['--max-groups', '3'], /--max-groups goes with --otlp and --group/],
    [['--otlp', 'env'], /OTEL_EXPORTER_OTLP_PROTOCOL is grpc: itertop speaks/, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
    [['--otlp', 'env'], /OTEL_EXPORTER_OTLP_ENDPOINT is a URL/, { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }],
  ])('%j is refused', (args, message, env = {}) => {
    const { code, stderr } = run(['dump', '--replay', SAMPLE, ...args], env);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/s3cr3t/);
    expect(code).toBe(2);
  });
});
