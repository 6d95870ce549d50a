import os from 'node:os';
import { describe, expect, test } from 'vitest';
import { type Snapshot, snapshotWriter, TEXT_FORMATS, type TextFormat } from '../../src/state/snapshot.ts';
import { allKinds, STATS, snapshotOf } from '../support/all-kinds.ts';
import { collect, collector, describeKernel, rowsOf } from '../support/kernel.ts';

const HOSTILE = [
  '\x1b[2Jgone',
  'line\nbreak',
  'quote"comma,',
  '\u202eright',
  '\x9b31m',
  'tab\tnul',
  'päth 日本',
  '=1+1',
  ' space ',
];

const columns = ['addr', 'n', 'big', 'size', 'flag', 'kind', 'gone', 'path', 'rate'];
const snapshot = (change: Partial<Snapshot> = {}) =>
  snapshotOf(allKinds(HOSTILE), columns, {
    filters: {
      pid: [
        [1, 1],
        [5, 9],
      ],
    },
    search: '!bash',
    stats: { ...STATS, conditions: [{ text: 'pid 1,5-9', where: 'kernel' }] },
    ...change,
  });
const write = (format: TextFormat, snapshots: readonly Snapshot[] = [snapshot()], several = false) => {
  const writer = snapshotWriter(format, several);
  return snapshots.map((s) => [...writer.snapshot(s)].join('')).join('') + writer.end();
};
/** RFC 4180. */
function parseCsv(text: string): string[][] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((m) => m[1]?.replaceAll('""', '"') ?? m[2]),
    );
}

describe('snapshots', () => {
  test.each(TEXT_FORMATS)('%s: no byte of a hostile name can act on a terminal, in rows and header', (format) => {
    const text = write(format, [snapshot({ search: '\x1b]0;x\x07\x9b2J\u202e\u{e0041}' })]);
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\p{Cf}/u);
    // Each row stays a line.
    if (format === 'table') expect(text.split('\n').length).toBe(HOSTILE.length + 3);
  });

  test('json: exact numbers, texts as they are, null where there is none', () => {
    const text = write('json');
    expect(text).toContain(`"addr":${0xffff_8881_0000_0001n},`);
    const { header, rows } = JSON.parse(text);
    expect(rows.map((r: { path: string }) => r.path)).toEqual(HOSTILE);
    expect(Object.keys(rows[0])).toEqual(columns);
    expect(rows[1]).toMatchObject({ n: -1, size: 12288, flag: true, kind: 'one', gone: null, rate: 1 / 3 });
    expect([rows[0].rate, rows[0].flag]).toEqual([null, false]);
    expect(text).toContain('"big":9223372036854775809');
    expect(header).toEqual({
      tool: 'itertop',
      host: os.hostname(),
      kernel: os.release(),
      time: '2026-02-03T04:05:06.007Z',
      end: '2026-02-03T04:05:06.009Z',
      template: 'made',
      filters: ['pid 1,5-9'],
      where: '',
      search: '!bash',
      rows: HOSTILE.length,
      visited: 12,
      emitted: HOSTILE.length,
      duplicates: 2,
      columns,
      units: { size: 'bytes', rate: '1/s' },
    });
  });

  test('json: several are an array, none is an empty one', () => {
    const twice = JSON.parse(write('json', [snapshot(), snapshot({ order: new Uint32Array(0) })], true));
    expect(twice.map((s: { rows: unknown[] }) => s.rows.length)).toEqual([HOSTILE.length, 0]);
    expect(JSON.parse(write('json', [], true))).toEqual([]);
  });

  test('ndjson: a line for the header, one for each row; several carry their time', () => {
    const lines = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((l) => JSON.parse(l));
    const once = lines(write('ndjson'));
    expect(once.length).toBe(HOSTILE.length + 1);
    expect(once[0].itertop.template).toBe('made');
    expect(once.slice(1).map((r) => r.path)).toEqual(HOSTILE);
    const twice = lines(write('ndjson', [snapshot(), snapshot()], true));
    expect(twice.filter((r) => r.itertop).length).toBe(2);
    expect(twice[1].timestamp).toBe('2026-02-03T04:05:06.007Z');
    expect(lines(write('ndjson', [snapshot({ order: new Uint32Array(0) })])).length).toBe(1);
  });

  test('csv: comments, names, rows', () => {
    const text = write('csv');
    const comments = text.split('\n').filter((l) => l.startsWith('# '));
    expect(comments).toContain('# template: made');
    expect(comments).toContain('# search: !bash');
    expect(comments).toContain('# filters: ["pid 1,5-9"]');
    const [names, ...rows] = parseCsv(
      text
        .split('\n')
        .filter((l) => !l.startsWith('# '))
        .join('\n'),
    );
    expect(names).toEqual(columns);
    expect(rows.length).toBe(HOSTILE.length);
    for (const row of rows) expect(row.length).toBe(columns.length);
    expect(rows[0]).toEqual([
      String(0xffff_8881_0000_0001n),
      '0',
      '9223372036854775806',
      '12288',
      'false',
      'one',
      '',
      '\\x1b[2Jgone',
      '',
    ]);
    expect(rows.map((r) => r[7]).slice(1)).toEqual([
      'line\\nbreak',
      'quote"comma,',
      '\\u{202e}right',
      '\\x9b31m',
      'tab\\tnul',
      'päth 日本',
      '=1+1',
      ' space ',
    ]);
  });

  test('csv: several have one heading and their time in each row', () => {
    const lines = write('csv', [snapshot(), snapshot()], true)
      .trimEnd()
      .split('\n')
      .filter((l) => !l.startsWith('#'));
    expect(lines.length).toBe(1 + 2 * HOSTILE.length);
    expect(lines[0]).toBe(`timestamp,${columns.join(',')}`);
    expect(lines[1]).toMatch(/^2026-02-03T04:05:06.007Z,/);
  });

  test('table: a line about the refresh, headings, columns that stand under each other', () => {
    const lines = write('table', [snapshot({ columns: ['n', 'kind', 'rate'] })]).split('\n');
    expect(lines[0]).toBe(
      `itertop made  ${HOSTILE.length} rows of 12 visited  1.3 ms  ${os.release()}  2026-02-03T04:05:06.007Z  pid 1,5-9 [kernel]  2 seen twice`,
    );
    expect(lines.slice(1, 4)).toEqual([' N KIND RATE', ' 0 one', '-1 one   0.3']);
  });

  test('table: a name of any length is whole, pads no other row, and what follows it stands in its place again', () => {
    const names = ['/etc/passwd', '/', 'x'.repeat(60), 'y'.repeat(62), `z\n${'z'.repeat(200)}`];
    const lines = write('table', [snapshotOf(allKinds(names), ['path', 'rate', 'addr'])])
      .split('\n')
      .slice(1);
    expect(lines[0]).toMatch(/^PATH {57}RATE +ADDR$/);
    // Two cells too many: the rate after them has three to spare.
    expect(lines.slice(1, 5).map((line) => line.length)).toEqual(Array(4).fill(lines[0]!.length));
    expect(lines[4]).toMatch(/^y{62} {2}1 0xf{4}[\da-f]{12}$/);
    expect(lines[5]).toMatch(/^z\\nz{200} 1\.3 0xf{4}[\da-f]{12}$/);
  });

  test('rows come in the order that was asked for, and only those', () => {
    const rows = JSON.parse(write('json', [snapshot({ order: Uint32Array.of(4, 0), columns: ['n'] })])).rows;
    expect(rows).toEqual([{ n: -4 }, { n: 0 }]);
  });

  test('many rows come in pieces', () => {
    const writer = snapshotWriter('ndjson', false);
    const pieces = [
      ...writer.snapshot(snapshot({ order: Uint32Array.from({ length: 20_000 }, (_, i) => i % HOSTILE.length) })),
    ];
    expect(pieces.length).toBeGreaterThan(10);
    expect(Math.max(...pieces.map((p) => p.length))).toBeLessThan(200_000);
  });
});

describeKernel('snapshots of real objects', () => {
  test('an address comes through JSON with all its digits', () => {
    const from = collector('task_file');
    const { table, stats } = collect(from, {
      columns: ['pid', 'fd', 'file'],
      filters: { pid: [[process.pid, process.pid]] },
    });
    const text = write('json', [
      {
        table,
        order: Uint32Array.from({ length: table.rows }, (_, i) => i),
        columns: ['fd', 'file'],
        stats,
        filters: {},
        where: '',
        search: '',
      },
    ]);
    const shown = [...text.matchAll(/"file":(\d+)/g)].map((m) => `0x${BigInt(m[1]).toString(16)}`);
    expect(shown).toEqual(rowsOf(table).map((r) => r.cell('file')));
    expect(shown[0]).toMatch(/^0x[0-9a-f]{16}$/);
    from.close();
  });
});
