/** What is recorded is shown again to the last cell, whatever the template joins and derives. */
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { pageSize } from '../../src/bpf/host.ts';
import { type Collected, Collector } from '../../src/state/collector.ts';
import { tableOfMap } from '../../src/state/maps.ts';
import { RecordedOrigin } from '../../src/state/recorded-source.ts';
import { OneFile, Recorder, thisHost } from '../../src/state/recorder.ts';
import { Recording } from '../../src/state/recording.ts';
import { RecordingWriter } from '../../src/state/recording-file.ts';
import type { RecordedQuestion } from '../../src/state/segment.ts';
import { userName } from '../../src/state/users.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import type { Filters, Template } from '../../src/templates/template.ts';
import * as bpf from '../support/bpf.ts';
import { allColumns, collect, collector, describeKernel } from '../support/kernel.ts';

// A table of all that is open here: as long as the machine makes it.
vi.setConfig({ testTimeout: 120_000 });

let folder = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-recording-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const asked = (template: Template, question: Partial<RecordedQuestion> = {}): RecordedQuestion => ({
  columns: template.show,
  sort: template.sort,
  filters: {},
  switches: {},
  ungroup: false,
  where: '',
  netns: 'self',
  interval: 1000,
  ...question,
});

/** Every cell and exported value, and what the refresh says of itself. */
function picture({ table, stats, absent }: Collected) {
  const { totalMs: _, ...said } = stats;
  const names = allColumns(table.template);
  const rows = Array.from({ length: table.rows }, (_, row) =>
    names.map((name) => [table.cell(row, name), String(table.value(row, name)), table.number(row, name)]),
  );
  return { rows, said, absent: [...absent] };
}

function replaying(recording: Recording): { origin: RecordedOrigin; from: Collector } {
  const origin = new RecordedOrigin(recording);
  origin.go(0);
  const users = (uid: number) => origin.refresh.users.get(uid);
  return { origin, from: new Collector(recording.template, origin, users, recording.segment(0).pageSize) };
}

/** Records `times` refreshes of all columns; what they looked like. */
function record(
  template: Template,
  file: string,
  times: number,
  { ungroup = false, filters = {} }: { ungroup?: boolean; filters?: Filters } = {},
  between: (n: number) => void = () => {},
) {
  using live = collector(template);
  using recorder = new Recorder(new OneFile(new RecordingWriter(file)), thisHost(pageSize(), userName));
  return Array.from({ length: times }, (_, n) => {
    between(n);
    const collected = collect(live, { ungroup, filters });
    recorder.append(live, collected, asked(template, { ungroup, filters }));
    return picture(collected);
  });
}

describeKernel('recording', () => {
  test.each([
    ['task', 'task', {}],
    ['task, threads', 'task', { ungroup: true }],
    ['tcp with its joins', 'tcp', {}],
    ['tcp of a process', 'tcp', { filters: { pid: [[process.pid, process.pid]] } }],
    ['task_file', 'task_file', {}],
    ['unix', 'unix', {}],
  ] as const)('%s: each refresh is shown again as it was', async (_, name, options) => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const { port } = server.address() as net.AddressInfo;
    const client = net.connect(port, '127.0.0.1');
    await new Promise((done) => client.once('connect', done));
    try {
      const file = path.join(folder, 'a.itertop');
      const open: number[] = [];
      const live = record(findTemplate(name), file, 4, options, () => {
        open.push(fs.openSync('/dev/null', 'r'));
        client.write('x'.repeat(1000));
      });
      for (const fd of open) fs.closeSync(fd);
      expect(live[0]!.rows.length).toBeGreaterThan(0);
      using recording = new Recording(file);
      expect([recording.count, recording.lost]).toEqual([4, 0]);
      const { origin, from } = replaying(recording);
      for (const [n, each] of live.entries()) {
        origin.go(n);
        const replayed = picture(collect(from, options));
        expect(replayed.rows).toEqual(each.rows);
        expect(replayed).toEqual(each);
      }
      expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    } finally {
      client.destroy();
      server.close();
    }
  });

  test('the elements of a map', () => {
    using map = bpf.map({ type: bpf.MAP.hash, name: 'recorded', keySize: 4, valueSize: 8, maxEntries: 64 });
    const key = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
    const put = (n: number, value: bigint) => bpf.put(map, key(n), new Uint8Array(BigUint64Array.of(value).buffer));
    put(1, 0xfedc_ba98_7654_3210n);
    const template = tableOfMap('recorded');
    const file = path.join(folder, 'map.itertop');
    const live = record(template, file, 3, {}, (n) => put(n + 2, BigInt(n)));
    expect(live.map(({ rows }) => rows.length)).toEqual([2, 3, 4]);
    using recording = new Recording(file);
    const { origin, from } = replaying(recording);
    for (const [n, each] of live.entries()) {
      origin.go(n);
      expect(picture(collect(from))).toEqual(each);
    }
  });
});
