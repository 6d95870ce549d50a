/** Rows of several hosts to one collector: each under its own host. */
import os from 'node:os';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { dump } from '../../src/state/dump.ts';
import { hostsFeed } from '../../src/state/hosts-dump.ts';
import { withHost } from '../../src/templates/host-column.ts';
import { allTemplates, findTemplate, registerTemplates } from '../../src/templates/registry.ts';
import { describeKernel } from '../support/kernel.ts';
import { OtlpCollector } from '../support/otlp-collector.ts';
import { localHost } from '../support/stand-in-hosts.ts';

vi.setConfig({ testTimeout: 120_000 });

describeKernel('several hosts and a collector', () => {
  beforeAll(() => registerTemplates(allTemplates().map(withHost)));
  afterAll(() => registerTemplates([]));

  test.each(['', 'pid'])('grouped by %j: each has a resource of its own', async (groupBy) => {
    await using collector = await OtlpCollector.start();
    const said: string[] = [];
    const asked = {
      template: findTemplate('task'),
      columns: ['host', 'pid', 'threads'],
      sort: [{ column: 'host', descending: false }] as const,
      ...{ search: null, searchText: '', groupBy, filters: {}, switches: {}, ungroup: false },
      where: `pid == ${process.pid}`,
      ...{
        netns: 'self' as const,
        format: 'ndjson' as const,
        count: 1,
        interval: 300,
        output: undefined,
        force: false,
      },
      otlp: { url: collector.url, maxGroups: 10, version: '1' },
      say: (text: string) => said.push(text),
    };
    const hosts = ['a', 'b'].map((name) => localHost(name));
    await dump(
      asked,
      new Writable(),
      hostsFeed(hosts, asked, (missing) => said.push(JSON.stringify(missing)), 30_000),
    );
    expect(said.filter((text) => text !== '{}')).toEqual([]);
    const of = (name: string) => collector.resources.map((resource) => resource[name]!['stringValue']);
    expect(of('host.name')).toEqual(['a', 'b']);
    expect(of('os.version')).toEqual([os.release(), os.release()]);
    const pid = { intValue: String(process.pid) };
    if (groupBy) {
      const counts = collector.metrics.filter(({ name }) => name === 'itertop.task.count');
      expect(counts.map(({ gauge }) => gauge.dataPoints)).toEqual(
        ['a', 'b'].map(() => [expect.objectContaining({ asDouble: 1, attributes: { 'process.pid': pid } })]),
      );
    } else
      expect(collector.records.map(({ attributes }) => [attributes['host.name'], attributes['process.pid']])).toEqual(
        ['a', 'b'].map((name) => [{ stringValue: name }, pid]),
      );
  });
});
