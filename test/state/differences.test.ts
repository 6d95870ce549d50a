import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import readline from 'node:readline';
import { describe, expect, test, vi } from 'vitest';
import { ChangeLines, Differ } from '../../src/state/differences.ts';
import { type Snapshot, snapshotWriter } from '../../src/state/snapshot.ts';
import type { Rows, Value } from '../../src/templates/table.ts';
import { tableOf } from '../support/batch.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';

type Item = readonly [id: number, name: string, size: number];
function snapshotOf(items: readonly Item[]): Snapshot {
  const made = tableOf(
    { id: { type: 'u32' }, size: { type: 'u64', as: 'bytes' }, name: { type: 'text', as: 'text' } },
    items.map(([id, name, size]) => ({ values: { id, size, name } })),
    {},
  );
  return {
    table: made,
    columns: ['name', 'size'],
    order: Uint32Array.from(items, (_, i) => i),
    filters: {},
    where: '',
    search: '',
    stats: {
      ...{ begin: Date.UTC(2026, 1, 3), end: 0, visited: 1, emitted: 1, bytes: 1, reads: 1, doubles: 0 },
      ...{ readMs: 1, totalMs: 1, sessionId: 1, conditions: [] },
    },
  };
}
const STEPS: readonly (readonly Item[])[] = [
  [
    [1, 'one', 10],
    [2, 'two', 20],
  ],
  [
    [2, 'two', 25],
    [3, 'three', 30],
  ],
  [
    [3, 'three', 30],
    [2, 'two', 25],
  ],
  [
    [2, 'zwei', 2 ** 40],
    [2, 'seen twice', 0],
  ],
];

describe('differences', () => {
  test('no cell is printed for machines', () => {
    const snapshot = snapshotOf(STEPS[0]!);
    const printed = vi.spyOn(snapshot.table, 'cell');
    const { table } = new Differ(true).next(snapshot);
    expect([table.value(0, 'name'), printed.mock.calls.length]).toEqual(['one', 0]);
    new Differ(false).next(snapshot);
    expect(printed.mock.calls.length).toBeGreaterThan(0);
  });

  test.each([true, false])(
    'of a list all there are count, also those that its value does not name (%s)',
    (forMachines) => {
      const differ = new Differ(forMachines);
      const seen = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8, 10], []].map(
        (pids) => {
          const snapshot = snapshotOf([[1, 'one', 10]]);
          const made = snapshot.table;
          const held = pids.map((pid) => `${pid}/sleep`);
          const text = held.length === 0 ? '' : `${held.slice(0, 8).join(', ')}, +1`;
          const of =
            <T>(list: T, plain: (column: string) => T) =>
            (column: string) =>
              column === 'held_by' ? list : plain(column);
          const table: Rows = {
            template: {
              ...made.template,
              columns: [...made.template.columns, { name: 'held_by', help: '', as: 'text' }],
            },
            rows: 1,
            formatOf: of('text', (column) => made.formatOf(column)),
            isText: of(true, (column) => made.isText(column)),
            kind: of('texts', (column) => made.kind(column)),
            number: (row, column) => made.number(row, column),
            cell: (row, column) => of(text, () => made.cell(row, column))(column),
            value: (row, column) => of<Value>(text || null, () => made.value(row, column))(column),
            texts: () => (held.length > 0 ? held : null),
          };
          const found = differ.next({ ...snapshot, table, columns: ['name', 'held_by'] });
          return Array.from(found.order, (row) => [
            found.table.value(row, 'change'),
            found.table.value(row, 'changed'),
            found.table.texts(row, 'held_by')?.at(-1),
          ]);
        },
      );
      expect(seen).toEqual([
        [['present', null, '9/sleep']],
        [],
        [['changed', 'held_by', '10/sleep']],
        [['changed', 'held_by', undefined]],
      ]);
    },
  );

  test.each([true, false])('by key, whatever the order (identity: %s)', (identity) => {
    const differ = new Differ(identity);
    const seen = STEPS.map((items) => {
      const { table, order, columns } = differ.next(snapshotOf(items));
      return Array.from(order, (row) => columns.map((name) => table.value(row, name)));
    });
    const id = (value: number) => (identity ? [value] : []);
    expect(seen).toEqual([
      [
        ['present', ...id(1), 'one', 10n, null],
        ['present', ...id(2), 'two', 20n, null],
      ],
      [
        ['changed', ...id(2), 'two', 25n, 'size'],
        ['added', ...id(3), 'three', 30n, null],
        ['removed', ...id(1), 'one', 10n, null],
      ],
      [],
      [
        ['changed', ...id(2), 'zwei', 2n ** 40n, 'name size'],
        ['removed', ...id(3), 'three', 30n, null],
      ],
    ]);
  });

  test('lines of a log: one heading, sizes as people read them, nothing cut', () => {
    const differ = new Differ(false);
    const lines = new ChangeLines();
    const text = STEPS.map((items) => [...lines.snapshot(differ.next(snapshotOf(items)))].join('')).join('');
    expect(text).toBe(
      `${'TIME'.padEnd(24)} CHANGE   NAME         SIZE CHANGED
2026-02-03T00:00:00.000Z present  one            10
2026-02-03T00:00:00.000Z present  two            20
2026-02-03T00:00:00.000Z changed  two            25 size
2026-02-03T00:00:00.000Z added    three          30
2026-02-03T00:00:00.000Z removed  one            10
2026-02-03T00:00:00.000Z changed  zwei         1.0T name size
2026-02-03T00:00:00.000Z removed  three          30
`,
    );
  });

  test('NDJSON has one header and nothing for a refresh without differences', () => {
    const differ = new Differ(true);
    const writer = snapshotWriter('ndjson', true);
    const lines = STEPS.map((items) => [...writer.snapshot(differ.next(snapshotOf(items)))].join(''));
    expect(lines.map((text) => text.trimEnd().split('\n').length)).toEqual([3, 3, 1, 2]);
    expect(lines[2]).toBe('');
    expect(JSON.parse(lines[3]!.split('\n')[0]!)).toEqual({
      timestamp: '2026-02-03T00:00:00.000Z',
      change: 'changed',
      id: 2,
      name: 'zwei',
      size: 2 ** 40,
      changed: ['name', 'size'],
    });
  });
});

describeKernel('itertop dump --changes', () => {
  test('a process that comes and goes', async () => {
    const watch = spawn(process.execPath, [
      ...[PROGRAM, 'dump', 'task', '--changes', '-n', '0', '-d', '0.1', '-f', 'ndjson'],
      ...['-c', 'pid,comm', '--where', 'comm == "sleep"'],
    ]);
    const lines = readline.createInterface({ input: watch.stdout })[Symbol.asyncIterator]();
    const next = async (pid: number, change: string) => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`ended before ${pid} was ${change}`);
        const row = JSON.parse(value);
        if (row.pid === pid && row.change === change) return row;
      }
    };
    expect(JSON.parse(String((await lines.next()).value))).toMatchObject({ itertop: { template: 'task' } });
    const child = spawn('sleep', ['1000']);
    const added = await next(child.pid!, 'added');
    child.kill('SIGKILL');
    const removed = await next(child.pid!, 'removed');
    expect(removed.start_ns).toBe(added.start_ns);
    watch.kill('SIGTERM');
    expect(await once(watch, 'exit')).toEqual([0, null]);
  });

  test('groups: what their rows add up to', () => {
    const { stdout, status } = spawnSync(
      process.execPath,
      [PROGRAM, 'dump', 'task', '--group', 'comm', '--changes', '-f', 'ndjson', '-p', String(process.pid)],
      { encoding: 'utf8' },
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout.trimEnd().split('\n')[1]!)).toMatchObject({ change: 'present' });
  });
});
