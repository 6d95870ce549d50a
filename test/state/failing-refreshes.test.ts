/** Refreshes that fail half-way: what was read before them stays as it is. */
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { tableOfMap } from '../../src/state/maps.ts';
import { Player } from '../../src/state/player.ts';
import { BadRecordError } from '../../src/templates/errors.ts';
import { Batch } from '../../src/templates/record.ts';
import type { Table } from '../../src/templates/table.ts';
import type { Template } from '../../src/templates/template.ts';
import { MAP, map } from '../support/bpf.ts';
import { type Ask, collect, collector, describeKernel, ownNetwork, rowsOf } from '../support/kernel.ts';
import { fdinfo } from '../support/proc.ts';
import { cells, OPTIONS, record, TEMPLATE } from '../support/recorded.ts';

const FAILURES = 5;
const { index } = Batch;
afterEach(() => {
  Batch.index = index;
});

/** How many walks are read meanwhile; that of this number fails once it is. */
function walksOf(work: () => void, failing = 0): number {
  let walks = 0;
  Batch.index = (layout, buffers, used) => {
    if (++walks === failing) throw new BadRecordError(0, 0, used);
    return index(layout, buffers, used);
  };
  work();
  Batch.index = index;
  return walks;
}

describeKernel('a refresh that fails once it has been read', () => {
  let values: OwnedFd;
  let server: net.Server;
  beforeAll(async () => {
    ownNetwork();
    values = map({ type: MAP.percpu_array, name: 't_failing', keySize: 4, valueSize: 8, maxEntries: 2 });
    server = net.createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterAll(() => {
    values.close();
    server.close();
  });

  const each = { ungroup: true };
  test.each<[string, () => string | Template, Ask, Ask, number]>([
    ['processes', () => 'task', { columns: ['pid', 'time', 'comm'] }, { columns: ['pid', 'utime'], ...each }, 1],
    ['what is joined', () => 'tcp', { columns: ['lport', 'pid', 'command'] }, { columns: ['lport', 'pid'] }, 2],
    [
      'what bpf(2) reads',
      () => tableOfMap(fdinfo('self', values.fd)['map_id']!),
      { columns: ['key', 'cpu', 'value_bytes'], ...each },
      { columns: ['cpu'], ...each },
      1,
    ],
  ])('leaves %s as they were', (_, template, ask, other, walks) => {
    using from = collector(template());
    const good: Table[] = [];
    const kept = () => good.map((table) => rowsOf(table).map((row) => ask.columns!.map((name) => row.cell(name))));
    expect(walksOf(() => good.push(collect(from, ask).table))).toBe(walks);
    good.push(collect(from, ask).table);
    const then = kept();
    expect(then[1]!.length).toBeGreaterThan(0);
    for (let n = 0; n < FAILURES; n++) expect(() => walksOf(() => collect(from, other), walks)).toThrow(BadRecordError);
    expect(kept()).toEqual(then);
    // And goes on.
    good.push(collect(from, ask).table);
    expect(kept().slice(1, 2)).toEqual(then.slice(1));
  });
});

describe('a refresh of a recording that cannot be read', () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-failing-'));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test('leaves the one on the screen as it was, however often it is tried', () => {
    const file = path.join(folder, 'made.itertop');
    const shown = record(file, 0, 8);
    using player = new Player(file);
    const at = (to: number) => {
      player.move({ by: to - player.index });
      return player.collect(TEMPLATE, OPTIONS);
    };
    const good = at(1);
    // Not the next one: the one before it is read as a base for rates, and read well.
    for (let n = 0; n < FAILURES; n++) expect(() => walksOf(() => at(5), 2)).toThrow(BadRecordError);
    expect(cells(good)).toEqual(shown[1]);
    expect(cells(at(5))).toEqual(shown[5]);
    expect(cells(good)).toEqual(shown[1]);
  });
});
