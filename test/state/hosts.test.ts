/** Rows of several hosts as one table: other kernels, other clocks, hosts that are slow, gone, back, or send what they should not. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CollectOptions } from '../../src/state/collector.ts';
import { HostsCollector } from '../../src/state/hosts-collector.ts';
import { sortRows } from '../../src/state/order.ts';
import { encodeFrame, SEGMENT } from '../../src/state/recording-file.ts';
import { RefreshStream } from '../../src/state/refresh-stream.ts';
import { HOST, withHost } from '../../src/templates/host-column.ts';
import { registerTemplates } from '../../src/templates/registry.ts';
import type { Template } from '../../src/templates/template.ts';
import { matchesWhere } from '../../src/templates/where-eval.ts';
import { layoutOf } from '../support/batch.ts';
import { type MadeKernel, MadeRecording } from '../support/made-recording.ts';
import { MadeHost } from '../support/stand-in-hosts.ts';

const TEMPLATE: Template = {
  name: 'made',
  help: 'made by hand',
  target: 'task',
  key: ['id'],
  show: ['id', 'name', 'value', 'rate', 'started', 'mem', 'uid', 'newer'],
  sort: 'id',
  columns: [
    { name: 'id', help: 'id', from: 'task->pid', as: 'int' },
    { name: 'name', help: 'name', from: 'task->comm', as: 'text' },
    { name: 'value', help: 'value', from: 'task->flags', as: 'int' },
    { name: 'rate', help: 'rate', derive: 'rate(value)', as: 'rate' },
    { name: 'started', help: 'started', from: 'task->start_boottime', as: 'age' },
    { name: 'mem', help: 'memory', from: 'task->mm->total_vm', as: 'pages' },
    { name: 'uid', help: 'user', from: 'task->cred->uid.val', as: 'uid' },
    { name: 'newer', help: 'what came with a later kernel', from: 'task->newer', as: 'int' },
  ],
};
const MERGED = withHost(TEMPLATE);
const NOW = Date.UTC(2026, 0, 2);
const MINUTE = 60_000;

/** A kernel with all columns, and an older one with another layout, larger pages and another boot. */
const kernelA = (more: Pick<MadeKernel, 'conditions'> = {}) =>
  new MadeRecording({
    ...more,
    template: TEMPLATE,
    kernel: '7.2.0',
    bootMs: NOW - 1000_000,
    userName: (uid) => (uid === 5 ? 'anna' : undefined),
    layout: layoutOf({
      ...{ id: { type: 'u32' }, uid: { type: 'u32' }, value: { type: 'u64' }, started: { type: 'u64' } },
      ...{ mem: { type: 'u64' }, newer: { type: 'u32' }, name: { type: 'text' } },
    }),
  });
const kernelB = () =>
  new MadeRecording({
    template: TEMPLATE,
    kernel: '5.10.0',
    bootMs: NOW - 50_000,
    pageSize: 65536,
    absent: new Map([['newer', 'no task_struct.newer']]),
    userName: (uid) => (uid === 5 ? 'bob\x1b[31m' : undefined),
    layout: layoutOf({
      ...{ id: { type: 'u64' }, name: { type: 'text' }, started: { type: 'u64' } },
      ...{ mem: { type: 'u64' }, value: { type: 'u32' }, uid: { type: 'u32' } },
    }),
  });

const OPTIONS: CollectOptions = {
  columns: MERGED.show,
  filters: {},
  switches: {},
  ungroup: false,
  where: '',
  netns: 'self',
  matched: true,
};
const row = (id: number, more: Readonly<Record<string, number | string>> = {}) => ({
  id,
  name: `row ${id}`,
  value: id * 10,
  started: id * 1e9,
  mem: 16,
  uid: 5,
  newer: 1,
  ...more,
});

let hosts: [MadeHost, MadeHost];
let collector: HostsCollector;
let changed: number;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  registerTemplates([MERGED]);
  hosts = [new MadeHost('a'), new MadeHost('b')];
  changed = 0;
  collector = new HostsCollector(hosts, () => {
    changed++;
  });
});
afterEach(() => {
  collector.close();
  registerTemplates([]);
  vi.useRealTimers();
});

/** Until what was sent has arrived. */
const arrive = () => new Promise<void>((done) => setImmediate(() => setImmediate(done)));
const ask = (options: Partial<CollectOptions> = {}, interval = 1000) =>
  collector.ask(MERGED, { ...OPTIONS, ...options }, { interval });
const collect = () => collector.collect(MERGED, OPTIONS);
const rowsOf = ({ table }: ReturnType<typeof collect>, columns: readonly string[]) =>
  Array.from({ length: table.rows }, (_, at) => columns.map((name) => table.cell(at, name)).join(' '));
async function send(host: MadeHost, bytes: Uint8Array): Promise<void> {
  host.send(bytes);
  await arrive();
}

describe('merging', () => {
  test('each host in its own layout, with its own pages, users and clock; what its kernel lacks is empty there', async () => {
    ask();
    await send(hosts[0], kernelA().next(1000, [row(1), row(2)]));
    await send(hosts[1], kernelB().next(50, [row(1, { started: 40e9 })]));
    const merged = collect();
    expect(rowsOf(merged, [HOST, 'id', 'name', 'mem', 'uid', 'newer', 'started'])).toEqual([
      'a 1 row 1 64.0K anna 1 16m39s',
      'a 2 row 2 64.0K anna 1 16m38s',
      'b 1 row 1 1.0M bob\\x1b[31m  10s',
    ]);
    expect(merged.absent.get('newer')).toBeUndefined();
    expect(merged.hosts.map(({ name, condition, kernel, rows }) => [name, condition, kernel, rows])).toEqual([
      ['a', 'live', '7.2.0', 2],
      ['b', 'live', '5.10.0', 1],
    ]);
    expect(merged.hosts[1]!.absent.get('newer')).toContain('no task_struct.newer');
  });

  test('what is compared is in units that hosts have in common', async () => {
    ask();
    await send(hosts[0], kernelA().next(1000, [row(1, { started: 999e9, mem: 100 })]));
    await send(hosts[1], kernelB().next(50, [row(1, { started: 20e9, mem: 10 })]));
    const { table } = collect();
    const sorted = (column: string) =>
      Array.from(sortRows(table, [{ column, descending: false }], Uint32Array.of(0, 1)), (at) => table.cell(at, HOST));
    // 10 pages of 64 KiB are more than 100 of 4.
    expect(sorted('mem')).toEqual(['a', 'b']);
    // A row of a started a second ago, that of b half a minute ago, although its number is smaller.
    expect(sorted('started')).toEqual(['b', 'a']);
    const passing = (where: string) => {
      ask({ where });
      const { after } = collector.collect(MERGED, { ...OPTIONS, where });
      return [0, 1].filter((at) => after.every((c) => matchesWhere(c.where, table, at)));
    };
    expect(passing('mem > 500K')).toEqual([1]);
    expect(passing('started < 10s')).toEqual([0]);
    expect(passing('host == b')).toEqual([1]);
  });

  test('users are those of each host: whom a name means there is said there', async () => {
    const where = 'uid == nobody-here';
    ask({ where });
    const conditions = [{ text: where, where: 'kernel' as const }];
    await send(hosts[0], kernelA({ conditions }).next(1000, [row(1)]));
    const { table, after } = collector.collect(MERGED, { ...OPTIONS, where });
    expect(table.rows).toBe(1);
    expect(after).toEqual([]);
    // A host that has not looked at it leaves that to us.
    await send(hosts[1], kernelB().next(50, [row(1)]));
    expect(collector.collect(MERGED, { ...OPTIONS, where }).after).toHaveLength(1);
  });

  test('rates are of each host by its own clock, and rows are known again', async () => {
    const [a, b] = [kernelA(), kernelB()];
    ask();
    await send(hosts[0], a.next(1000, [row(1, { value: 0 })]));
    await send(hosts[1], b.next(50, [row(1, { value: 0 }), row(2)]));
    expect(collect().before).toBeNull();
    await send(hosts[0], a.next(1002, [row(1, { value: 100 })]));
    await send(hosts[1], b.next(51, [row(2), row(1, { value: 100 }), row(3)]));
    const second = collect();
    expect(rowsOf(second, [HOST, 'id', 'rate'])).toEqual(['a 1 50', 'b 2 0', 'b 1 100', 'b 3 ']);
    expect([...second.before!]).toEqual([0, 2, 1, -1]);
    // Nothing new of b: its rows are what they were.
    await send(hosts[0], a.next(1003, [row(4)]));
    expect([...collect().before!]).toEqual([-1, 1, 2, 3]);
    expect(collector.rowOf('b\0'.concat(collect().table.key(3).slice(2)))).toBe(3);
  });

  test('keys tell hosts apart, and lead back to their rows', async () => {
    ask();
    await send(hosts[0], kernelA().next(1000, [row(7)]));
    await send(hosts[1], kernelA().next(1000, [row(7)]));
    const { table } = collect();
    expect(table.key(0)).not.toBe(table.key(1));
    expect([0, 1].map((at) => table.rowOfKey(table.key(at)))).toEqual([0, 1]);
    expect(table.rowOfKey('c\0xxxx')).toBe(-1);
  });
});

describe('what hosts are asked', () => {
  test('columns, conditions and pace, but nothing of hosts; anew only for what they do not give yet', () => {
    ask({ columns: ['host', 'id', 'rate'], where: 'host != x && (value > 5 || id == 1) && name =~ "x"' });
    const [args] = hosts[1].asked as [string[]];
    const where = '--where=(value > 5 || id == 1) && name =~ "x"';
    const columnsAt = args.findIndex((word) => word.startsWith('--columns='));
    expect(args.toSpliced(columnsAt, 1)).toEqual(['record', 'made', where, '--interval=1', '--output=-']);
    expect(args[columnsAt]!.slice(10).split(',').sort()).toEqual(['id', 'name', 'rate', 'value']);
    ask({ columns: ['id'], where: 'host =~ "[ab]" && (value > 5 || id == 1) && name =~ "x"' });
    expect(hosts[1].asked).toHaveLength(1);
    ask({ columns: ['id', 'mem'], where: '(value > 5 || id == 1) && name =~ "x"' });
    ask({ columns: ['id', 'mem'], where: '' });
    ask({ columns: ['id', 'mem'], where: '' }, 2000);
    expect(hosts[1].asked).toHaveLength(4);
    expect(hosts[0].asked).toEqual(hosts[1].asked);
  });

  test('a host that the condition leaves out is left alone', async () => {
    ask({ where: 'host == b && id > 0' });
    expect(hosts.map(({ asked }) => asked.length)).toEqual([0, 1]);
    await send(hosts[1], kernelB().next(50, [row(1)]));
    expect(collector.ready).toBe(true);
    expect(collect().hosts.map(({ condition }) => condition)).toEqual(['live', 'live']);
    ask({ where: 'id > 0' });
    expect(hosts.map(({ asked }) => asked.length)).toEqual([1, 2]);
  });
});

describe('hosts that do not answer', () => {
  test('one that is slow is told, keeps its rows for a minute, and is live again with the next that comes', async () => {
    const [a, b] = [kernelA(), kernelB()];
    ask();
    await send(hosts[0], a.next(1000, [row(1)]));
    await send(hosts[1], b.next(50, [row(1)]));
    collect();
    const conditions = () => collect().hosts.map(({ condition, rows }) => `${condition} ${rows}`);
    vi.advanceTimersByTime(3000);
    await send(hosts[0], a.next(1003, [row(1)]));
    expect(conditions()).toEqual(['live 1', 'live 1']);
    vi.advanceTimersByTime(1100);
    expect(conditions()).toEqual(['live 1', 'slow 1']);
    expect(collect().hosts[1]!.silent).toBeCloseTo(4100, -2);
    vi.advanceTimersByTime(MINUTE);
    await send(hosts[0], a.next(1064, [row(1)]));
    expect(conditions()).toEqual(['live 1', 'awaited 0']);
    await send(hosts[1], b.next(120, [row(1), row(2)]));
    expect(conditions()).toEqual(['live 1', 'live 2']);
  });

  test('one whose interval is stretched there is slow only by that', async () => {
    const b = kernelB();
    ask();
    await send(hosts[1], b.next(50, [row(1)]));
    collect();
    vi.advanceTimersByTime(10_000);
    expect(collect().hosts[1]!.condition).toBe('slow');
    await send(hosts[1], b.next(60, [row(1)]));
    collect();
    vi.advanceTimersByTime(30_000);
    expect(collect().hosts[1]!.condition).toBe('live');
    vi.advanceTimersByTime(1100);
    expect(collect().hosts[1]!.condition).toBe('slow');
  });

  test('one that is gone says why, and is tried again after pauses that grow', async () => {
    const b = kernelB();
    ask();
    await send(hosts[0], kernelA().next(1000, [row(1)]));
    await send(hosts[1], b.next(50, [row(1)]));
    collect();
    const before = changed;
    hosts[1].end('Connection refused');
    await arrive();
    expect(changed).toBe(before + 1);
    expect(collect().hosts[1]).toMatchObject({ condition: 'gone', reason: 'Connection refused', rows: 1 });
    expect(collect().hosts[1]!.again).toBeCloseTo(1000, -1);
    for (const pause of [1000, 2000, 4000]) {
      const tried = hosts[1].asked.length;
      vi.advanceTimersByTime(pause - 1);
      expect(hosts[1].asked).toHaveLength(tried);
      vi.advanceTimersByTime(1);
      expect(hosts[1].asked).toHaveLength(tried + 1);
      hosts[1].end('No route to host');
      await arrive();
    }
    expect(collect().hosts[1]).toMatchObject({ condition: 'gone', reason: 'No route to host' });
    vi.advanceTimersByTime(8000);
    await send(hosts[1], kernelB().next(70, [row(3)]));
    const back = collect();
    expect(back.hosts[1]).toMatchObject({ condition: 'live', reason: '' });
    expect(rowsOf(back, [HOST, 'id'])).toEqual(['a 1', 'b 3']);
  });

  test('a view does not wait for one that says nothing', async () => {
    ask();
    expect(collector.ready).toBe(false);
    await send(hosts[0], kernelA().next(1000, [row(1)]));
    expect(collector.ready).toBe(false);
    vi.advanceTimersByTime(1600);
    expect(collector.ready).toBe(true);
    expect(collect().hosts.map(({ condition }) => condition)).toEqual(['live', 'awaited']);
    hosts[1].end('Permission denied');
    await arrive();
    expect(collector.allSettled).toBe(true);
  });
});

describe('what hosts send is not trusted', () => {
  const whole = () => Buffer.from(kernelA().next(1000, [row(1)]));
  const cases: readonly [what: string, bytes: () => Buffer, why: RegExp][] = [
    ['a shell that greets', () => Buffer.from('Welcome to b\x1b]0;x\x07!\n'), /no recording: "Welcome to b.*x07!"/],
    ['nothing that is text', () => Buffer.alloc(64), /no recording/],
    [
      'a byte that is another',
      () => {
        const bytes = whole();
        bytes[bytes.length - 3]! ^= 1;
        return bytes;
      },
      /damaged/,
    ],
    ['a head that is none', () => Buffer.concat([whole(), Buffer.alloc(64, 7)]), /damaged/],
    [
      'another form',
      () => {
        const bytes = whole();
        bytes.writeUInt32LE(99, 8);
        return bytes;
      },
      /format 99/,
    ],
    [
      'the other byte order',
      () => {
        const bytes = whole();
        bytes.writeUInt32BE(1, 12);
        return bytes;
      },
      /byte order/,
    ],
    [
      'a beginning that is followed by another',
      () => {
        const bytes = whole();
        const end = 16 + 32 + bytes.readUInt32LE(16 + 4);
        return Buffer.concat([bytes.subarray(0, end), bytes.subarray(16)]);
      },
      /begins again and again/,
    ],
    [
      'a beginning without bounds',
      () => {
        const head = whole().subarray(0, 16);
        const { frame } = encodeFrame({ kind: SEGMENT, turn: 0, time: NOW, rows: 0 }, Buffer.alloc((1 << 24) + 1));
        return Buffer.concat([head, frame]);
      },
      /damaged: /,
    ],
    [
      'differences without what they are to',
      () => {
        const made = kernelA();
        const first = made.next(1000, [row(1)]);
        made.next(1001, [row(1)]);
        return Buffer.concat([first, made.next(1002, [row(1)])]);
      },
      /without those that it follows/,
    ],
  ];
  test.each(cases)('%s: that host is refused, the other goes on', async (_, bytes, why) => {
    ask();
    await send(hosts[0], kernelA().next(1000, [row(1)]));
    await send(hosts[1], bytes());
    const { hosts: status, table } = collect();
    expect(status[1]!.condition).toBe('gone');
    expect(status[1]!.reason).toMatch(why);
    expect(status[1]!.reason).not.toMatch(/[\x00-\x1f\x7f]/);
    expect(status[0]).toMatchObject({ condition: 'live', rows: 1 });
    expect(table.cell(0, HOST)).toBe('a');
  });

  test('one that sends far more than it is asked for', async () => {
    const b = kernelB();
    ask();
    for (let n = 0; n < 30; n++) hosts[1].send(b.next(50 + n, [row(1)]));
    await arrive();
    expect(collect().hosts[1]!.reason).toMatch(/sends more than it is asked for/);
  });

  test('rows of another table', async () => {
    const other = { ...TEMPLATE, name: 'other' };
    const made = new MadeRecording({
      ...{ template: other, kernel: '6.0', bootMs: NOW - 1e6 },
      layout: layoutOf({ id: { type: 'u32' }, value: { type: 'u32' } }),
      absent: new Map(['name', 'started', 'mem', 'uid', 'newer'].map((name) => [name, 'not made'])),
    });
    ask();
    await send(hosts[1], made.next(1000, [{ id: 1, value: 1 }]));
    expect(collect().hosts[1]!.reason).toMatch(/rows of other, not of made/);
  });

  test('whatever pieces it arrives in', () => {
    const made = kernelA();
    const bytes = Buffer.concat([1, 2, 3].map((n) => made.next(1000 + n, [row(n), row(n + 1)])));
    for (const size of [1, 7, 31, 1000]) {
      const stream = new RefreshStream();
      let refreshes = 0;
      for (let at = 0; at < bytes.length; at += size)
        stream.push(bytes.subarray(at, at + size), () => {
          refreshes++;
        });
      expect(refreshes).toBe(3);
    }
  });
});
