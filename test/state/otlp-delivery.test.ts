/** What waits for a collector is bounded, and nobody waits for it. */
import { expect, test, vi } from 'vitest';
import { Delivery } from '../../src/state/otlp-delivery.ts';
import { OtlpCollector } from '../support/otlp-collector.ts';

vi.setConfig({ testTimeout: 120_000 });

const MIB = 1 << 20;
const request = (size = MIB) => ({ bytes: new Uint8Array(size), count: 10 });

test('a live dump: 64 MiB wait for a collector that hangs, the rest is left out, counted and told once', async () => {
  await using collector = await OtlpCollector.start();
  collector.reply = () => null;
  const said: string[] = [];
  const abort = new AbortController();
  const delivery = new Delivery('logs', collector.url, false, (text) => said.push(text), abort.signal);
  for (let i = 0; i < 100; i++) expect(await delivery.offer(request())).toBe(true);
  expect(said).toEqual(['rows are left out: 64 MiB of them wait for the collector']);
  abort.abort();
  const begun = performance.now();
  expect(await delivery.end()).toMatchObject({ taken: 0, lost: 1000 });
  expect(performance.now() - begun).toBeLessThan(20_000);
});

test('one that ends by itself waits for room and loses nothing', async () => {
  await using collector = await OtlpCollector.start();
  collector.reply = () => ({ status: 200 });
  const said: string[] = [];
  const delivery = new Delivery('logs', collector.url, true, (text) => said.push(text), undefined);
  // An empty record of a size that 64 MiB are no multiple of: a field that no one knows.
  const whole = () => {
    const { bytes, count } = request(4 * MIB + 5);
    bytes.set([0x7a, 0x80, 0x80, 0x80, 0x02]);
    return { bytes, count };
  };
  for (let i = 0; i < 40; i++) expect(await delivery.offer(whole())).toBe(true);
  expect(await delivery.end()).toEqual({ taken: 400, lost: 0, problem: '' });
  expect([said, collector.requests.length]).toEqual([[], 40]);
});

test('one that ends by itself gives up when nobody takes it', async () => {
  const free = await OtlpCollector.start();
  const { url } = free;
  await free[Symbol.asyncDispose]();
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '500');
  const said: string[] = [];
  const delivery = new Delivery('logs', url, true, (text) => said.push(text), undefined);
  vi.unstubAllEnvs();
  let offered = 0;
  while (await delivery.offer(request(8 * MIB))) offered++;
  expect(await delivery.end()).toEqual({ taken: 0, lost: 10 * (offered + 1), problem: 'refuses connections' });
  expect(said).toEqual([`${url}/v1/logs refuses connections`]);
});
