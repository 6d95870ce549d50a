import { describe, expect, test } from 'vitest';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { parseDerive, withDependencies } from '../../src/templates/columns.ts';
import { inetText, NUMERIC, TEXT } from '../../src/templates/derive.ts';
import { columnOf } from '../../src/templates/template.ts';

const NOTHING = { seconds: 0, before: new Int32Array(0), previous: () => null };
const CLOCK = { jiffies: 1000, hz: 100 };
const NAN = Number.NaN;

function run(name: string, args: readonly number[], clock = CLOCK): number {
  const out = new Float64Array(1);
  NUMERIC[name].run(
    args.map((a) => Float64Array.of(a)),
    args.map((_, i) => `c${i}`),
    out,
    NOTHING,
    clock,
  );
  return out[0];
}

describe('numbers from numbers', () => {
  test.each<[string, readonly number[], number]>([
    ['sub', [130, 100], 30],
    ['sub', [NAN, 100], NAN],
    ['positive_div', [80, 8], 10],
    ['positive_div', [0, 8], NAN],
    ['positive_div', [NAN, 8], NAN],
    ['below', [5, 6], 5],
    ['below', [6, 6], NAN],
    ['below', [2 ** 64, 2 ** 64], NAN],
    ['greater', [5, 6], 6],
    ['greater', [7, 6], 7],
    ['greater', [NAN, 6], NAN],
    ['bit', [0x200000, 0x200000], 1],
    ['bit', [0x1fffff, 0x200000], 0],
    ['bit', [NAN, 1], NAN],
    ['bit', [0x29ebe3ddfa61, 2 ** 34], 0],
    ['bit', [0x29ebe3ddfa61, 2 ** 33], 1],
    ['bit', [0x29ebe3ddfa61, 2 ** 45], 1],
    ['bit', [0x29ebe3ddfa61, 2 ** 46], 0],
    ['bit', [-2, 1], 0],
    ['bit', [-2, 2 ** 40], 1],
    ['bits', [2 ** 33, 33, 1], 1],
    ['bits', [0xabcd1234, 16, 16], 0xabcd],
    ['bits', [-2, 0, 16], 0xfffe],
    ['bits', [-2, 40, 3], 7],
    ['access_mode', [0x801d], 1],
    ['access_mode', [0xffffff02], 2],
    // state, exit_state; 0-8 stand for R S D T t X Z P I
    ['task_state', [0, 0], 0],
    ['task_state', [1, 0], 1],
    ['task_state', [2, 0], 2],
    ['task_state', [0x102, 0], 2],
    ['task_state', [4, 0], 3],
    ['task_state', [8, 0], 4],
    ['task_state', [0x80, 0x10], 5],
    ['task_state', [0x80, 0x20], 6],
    ['task_state', [0x40, 0], 7],
    ['task_state', [0x402, 0], 8],
    ['task_state', [0x2001, 0], 1],
    ['task_state', [0x200, 0], 0],
    ['task_state', [0x8000, 0], 2],
    ['task_state', [0x1000, 0], 2],
    ['tcp_state', [1, NAN], 1],
    ['tcp_state', [6, 6], 6],
    ['tcp_state', [6, 5], 5],
    ['tcp_state', [6, 0], 6],
    ['tcp_state', [6, NAN], 6],
    ['tcp_rxq', [1, 5000, 4000, 7], 1000],
    ['tcp_rxq', [1, 100, 4294967290, 0], 106],
    ['tcp_rxq', [1, 4000, 5000, 0], 0],
    ['tcp_rxq', [10, 0, 0, 3], 3],
    ['tcp_rxq', [6, NAN, NAN, NAN], NAN],
    ['tcp_txq', [1, 5, 4294967295, 0], 6],
    ['tcp_txq', [10, 0, 0, 128], 128],
    ['tcp_txq', [12, NAN, NAN, NAN], NAN],
    // state, icsk_pending, keepalive; 0 none, 1 on, 2 keepalive, 3 timewait, 4 persist
    ['tcp_timer', [1, 0, 0], 0],
    ['tcp_timer', [1, 1, 5], 1],
    ['tcp_timer', [1, 5, 0], 1],
    ['tcp_timer', [1, 6, 0], 1],
    ['tcp_timer', [1, 3, 5], 4],
    ['tcp_timer', [1, 0, 2 ** 63], 2],
    ['tcp_timer', [6, NAN, NAN], 3],
    ['tcp_timer', [12, NAN, NAN], 1],
    // timer, retransmit, keepalive, timewait, syn, state; jiffies are 1000 at 100 a second
    ['tcp_timer_in', [1, 1020, NAN, NAN, NAN, 1], 200],
    ['tcp_timer_in', [4, 1020, NAN, NAN, NAN, 1], 200],
    ['tcp_timer_in', [1, NAN, NAN, NAN, 1100, 12], 1000],
    ['tcp_timer_in', [2, NAN, 2000, NAN, NAN, 1], 10_000],
    ['tcp_timer_in', [3, NAN, NAN, 1001, NAN, 6], 10],
    ['tcp_timer_in', [1, 990, NAN, NAN, NAN, 1], 0],
    ['tcp_timer_in', [0, 990, NAN, NAN, NAN, 1], NAN],
    ['tcp_timer_in', [1, 4294967296 * 3 + 1020, NAN, NAN, NAN, 1], 200],
  ])('%s(%j) is %d', (name, args, expected) => {
    expect(NUMERIC[name].args).toBe(args.length);
    expect(run(name, args)).toBe(expected);
  });

  test('a timer without a known clock rate has no length', () => {
    expect(run('tcp_timer_in', [1, 1020, 0, 0, 0, 1], { jiffies: 1000, hz: 0 })).toBeNaN();
  });
});

describe('rates', () => {
  const rates = (name: string, now: number[][], then: (number[] | null)[], before: number[], seconds: number) => {
    const out = new Float64Array(before.length);
    const names = now.map((_, i) => `c${i}`);
    NUMERIC[name].run(
      now.map((n) => Float64Array.from(n)),
      names,
      out,
      {
        seconds,
        before: Int32Array.from(before),
        previous: (c) => (then[names.indexOf(c)] ? Float64Array.from(then[names.indexOf(c)]!) : null),
      },
      CLOCK,
    );
    return [...out];
  };
  test.each([
    ['a change a second', 'rate', [[110, 20]], [[100, 10]], [0, 1], 2, [5, 5]],
    ['the rows have moved', 'rate', [[110, 20]], [[10, 100]], [1, 0], 1, [10, 10]],
    ['new rows have none', 'rate', [[110, 20]], [[100]], [0, -1], 1, [10, NAN]],
    ['what went back is something new', 'rate', [[90]], [[100]], [0], 1, [NAN]],
    ['standing still is 0', 'rate', [[100]], [[100]], [0], 1, [0]],
    ['no value now or then', 'rate', [[NAN, 5]], [[1, NAN]], [0, 1], 1, [NAN, NAN]],
    ['the column was not read before', 'rate', [[5]], [null], [0], 1, [NAN]],
    ['the first reading', 'rate', [[5]], [[1]], [0], 0, [NAN]],
    ['two counters together', 'rate2', [[5], [7]], [[1], [1]], [0], 2, [5]],
    ['one of two is missing', 'rate2', [[5], [7]], [[1], null], [0], 2, [NAN]],
    ['cpu: nanoseconds as percent', 'cpu', [[3e9]], [[1e9]], [0], 4, [50]],
  ] as const)('%s', (_, name, now, then, before, seconds, expected) => {
    expect(rates(name, now as never, then as never, [...before], seconds)).toEqual(expected);
  });
});

/** The field of an address: family, 4 bytes, 16 bytes. */
function inet(family: number, ...bytes: number[]): Buffer {
  const field = Buffer.alloc(24);
  field.writeUInt32LE(family, 0);
  field.set(bytes, 8);
  return field;
}
const v6 = (text: string) => {
  const [head, tail = ''] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((g) => Number.parseInt(g, 16)));
  const list = text.includes('::')
    ? [...groups(head), ...new Array(8 - groups(head).length - groups(tail).length).fill(0), ...groups(tail)]
    : groups(head);
  return inet(10, ...list.flatMap((g) => [g >> 8, g & 255]));
};

describe('addresses as ss writes them', () => {
  test.each([
    [inet(2, 127, 0, 0, 1), '127.0.0.1'],
    [inet(2, 0, 0, 0, 0), '0.0.0.0'],
    [inet(2, 255, 255, 255, 255), '255.255.255.255'],
    [inet(1), ''],
    [inet(0), ''],
    [inet(10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1), '::ffff:10.0.0.1'],
    // RFC 5952
    [v6('::'), '::'],
    [v6('::1'), '::1'],
    [v6('1::'), '1::'],
    [v6('2001:db8::1'), '2001:db8::1'],
    [v6('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1'],
    [v6('2001:0:0:1:0:0:0:1'), '2001:0:0:1::1'],
    [v6('2001:db8:0:0:1:0:0:1'), '2001:db8::1:0:0:1'],
    [v6('0:0:1:2:3:4:5:6'), '::1:2:3:4:5:6'],
    [v6('1:2:3:4:5:6:0:0'), '1:2:3:4:5:6::'],
    [v6('fe80::abcd:ef01'), 'fe80::abcd:ef01'],
    [v6('1:2:3:4:5:6:7:8'), '1:2:3:4:5:6:7:8'],
    [v6('0:1:0:1:0:1:0:1'), '0:1:0:1:0:1:0:1'],
  ])('%s', (bytes, expected) => {
    expect(inetText(bytes)).toBe(expected);
  });
});

describe('texts from a row', () => {
  const reader = (
    numbers: Record<string, number>,
    texts: Record<string, string> = {},
    bytes: Record<string, Buffer> = {},
  ) => ({
    number: (_: number, c: string) => numbers[c] ?? NAN,
    text: (_: number, c: string) => texts[c] ?? '',
    bytes: (_: number, c: string) => bytes[c] ?? null,
    pins: () => '',
  });
  const ANON = 0x09041934;
  const PIPEFS = 0x50495045;
  test.each<[string, number[], string, string]>([
    ['regular', [0o100644, 0xef53, NAN, NAN, NAN], '/x', 'regular'],
    ['directory', [0o040755, 0xef53, NAN, NAN, NAN], '/', 'directory'],
    ['char', [0o020666, 1, NAN, NAN, NAN], '/dev/null', 'char'],
    ['block', [0o060660, 1, NAN, NAN, NAN], '/dev/vda', 'block'],
    ['fifo', [0o010600, 0xef53, NAN, NAN, NAN], '/f', 'fifo'],
    ['pipe', [0o010600, PIPEFS, NAN, NAN, NAN], 'pipe:[1]', 'pipe'],
    ['symlink (O_PATH)', [0o120777, 0xef53, NAN, NAN, NAN], '/l', 'symlink'],
    ['eventpoll', [0o600, ANON, NAN, NAN, NAN], 'anon_inode:[eventpoll]', 'eventpoll'],
    ['inotify', [0o600, ANON, NAN, NAN, NAN], 'anon_inode:inotify', 'inotify'],
    ['bpf-map', [0o600, ANON, NAN, NAN, NAN], 'anon_inode:bpf-map', 'bpf-map'],
    ['eventfd before Linux 5.12', [0o600, ANON, NAN, NAN, NAN], '/…/[eventfd]', 'eventfd'],
    ['bpf-map before Linux 5.12', [0o600, ANON, NAN, NAN, NAN], '/…/bpf-map', 'bpf-map'],
    ['an anon inode without a name', [0o600, ANON, NAN, NAN, NAN], '', 'anon_inode'],
    ['tcp', [0o140777, 1, 2, 6, 1], 'socket:[1]', 'tcp'],
    ['tcp6', [0o140777, 1, 10, 6, 1], 'socket:[1]', 'tcp6'],
    ['udp', [0o140777, 1, 2, 17, 2], 'socket:[1]', 'udp'],
    ['raw', [0o140777, 1, 2, 6, 3], 'socket:[1]', 'raw'],
    ['mptcp', [0o140777, 1, 2, 262, 1], 'socket:[1]', 'mptcp'],
    ['dccp6', [0o140777, 1, 10, 33, 6], 'socket:[1]', 'dccp6'],
    ['l2tp', [0o140777, 1, 2, 115, 2], 'socket:[1]', 'l2tp'],
    ['smc', [0o140777, 1, 2, 256, 1], 'socket:[1]', 'smc'],
    ['an unknown protocol', [0o140777, 1, 2, 99, 5], 'socket:[1]', 'inet/99'],
    ['unix', [0o140777, 1, 1, 0, 1], 'socket:[1]', 'unix'],
    ['packet', [0o140777, 1, 17, 0, 3], 'socket:[1]', 'packet'],
    ['an unknown family', [0o140777, 1, 99, 0, 3], 'socket:[1]', 'socket/99'],
    ['a socket without a sock', [0o140777, 1, NAN, NAN, NAN], 'socket:[1]', 'socket'],
    ['nothing known', [0o600, 1, NAN, NAN, NAN], '', 'unknown'],
  ])('type: %s', (_, [mode, magic, family, protocol, type], path, expected) => {
    const row = reader({ mode, magic, family, protocol, type }, { path });
    expect(TEXT['file_type'].run(row, 0, ['mode', 'magic', 'path', 'family', 'protocol', 'type'])).toBe(expected);
  });

  test.each([
    [inet(2, 127, 0, 0, 1), 80, '127.0.0.1:80'],
    [inet(2, 0, 0, 0, 0), 0, '0.0.0.0:*'],
    [v6('::1'), 443, '[::1]:443'],
    [inet(1), 443, ''],
    [null, 443, ''],
  ])('ends: %s %d', (address, port, expected) => {
    expect(TEXT['endpoint'].run(reader({ port }, {}, address ? { address } : {}), 0, ['address', 'port'])).toBe(
      expected,
    );
  });

  test('name: the path, one end, both ends', () => {
    const args = ['path', 'la', 'lp', 'ra', 'rp'];
    const path = { path: 'socket:[1]' };
    expect(TEXT['file_name'].run(reader({}, path), 0, args)).toBe('socket:[1]');
    const la = inet(2, 1, 2, 3, 4);
    expect(TEXT['file_name'].run(reader({ lp: 1, rp: 0 }, path, { la, ra: inet(2) }), 0, args)).toBe('1.2.3.4:1');
    expect(TEXT['file_name'].run(reader({ lp: 1, rp: 2 }, path, { la, ra: la }), 0, args)).toBe(
      '1.2.3.4:1 -> 1.2.3.4:2',
    );
  });
});

describe('dependencies', () => {
  test('what a column needs comes with it, before it and once', () => {
    expect(withDependencies(task, ['state', 'cmdline', 'comm'])).toEqual([
      'state_bits',
      'exit_state',
      'state',
      'comm',
      'cmdline',
    ]);
    const names = withDependencies(tcp, ['timer_in', 'timer']);
    expect(new Set(names).size).toBe(names.length);
    expect(names.indexOf('timer')).toBeLessThan(names.indexOf('timer_in'));
    expect(withDependencies(tcp, ['pid'])).toEqual(['inode', 'pid']);
  });

  test('every derived column of every template names a function and takes as many columns as that does', () => {
    for (const template of BUILTIN)
      for (const column of template.columns) {
        if (!column.derive) continue;
        const { name, args } = parseDerive(template, column.name, column.derive);
        const known = NUMERIC[name] ?? TEXT[name];
        const taken = known?.more ? Math.max(known.args, args.length) : known?.args;
        expect([template.name, column.name, taken]).toEqual([template.name, column.name, args.length]);
        withDependencies(template, [column.name]);
      }
  });

  test('templates are sound: names, key, first columns and sort exist, help is one line', () => {
    for (const template of BUILTIN) {
      const names = template.columns.map((c) => c.name);
      expect(new Set(names).size).toBe(names.length);
      for (const name of [
        ...template.key,
        ...template.show,
        ...template.sort.split(',').map((s) => s.replace(/^-/, '')),
      ])
        expect([template.name, name, columnOf(template, name)?.name]).toEqual([template.name, name, name]);
      for (const { name, help, from, derive, join } of template.columns) {
        expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
        expect(help).toMatch(/^[^\n]{3,160}$/);
        expect([from, derive, join].filter((s) => s !== undefined).length).toBe(1);
      }
    }
  });
});
