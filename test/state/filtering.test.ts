import { spawn } from 'node:child_process';
import fs from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Collector } from '../../src/state/collector.ts';
import { FILTER_NAMES, type FilterName, type Filters, type Range, UsageError } from '../../src/templates/template.ts';
import { Child } from '../support/child.ts';
import {
  type Ask,
  collect,
  collector,
  describeKernel,
  eventually,
  ownNetwork,
  type Row,
  readOnce,
  rowsOf,
} from '../support/kernel.ts';
import { idsOf } from '../support/objects.ts';
import { prepare } from '../support/tcp-sockets.ts';

const inside = (value: number, ranges: readonly Range[]) => ranges.some(([low, high]) => value >= low && value <= high);
const values = (rows: readonly Row[], column: string) =>
  [...new Set(rows.map((r) => r.number(column)))].sort((a, b) => a - b);
const exactly = (n: number): Range => [n, n];

/** The same filters, evaluated over rows that were read without them. A value that is absent is in no range. */
const ALSO: Readonly<Record<string, Partial<Record<FilterName, (row: Row, ranges: readonly Range[]) => boolean>>>> = {
  task: {
    pid: (r, ranges) => inside(r.number('pid'), ranges),
    user: (r, ranges) => inside(r.number('user'), ranges),
  },
  tcp: {
    pid: (r, ranges) => (r.table.joins.get('owner') ? holders(r).some((pid) => inside(pid, ranges)) : false),
    port: (r, ranges) => inside(r.number('lport'), ranges) || inside(r.number('rport'), ranges),
    lport: (r, ranges) => inside(r.number('lport'), ranges),
    rport: (r, ranges) => inside(r.number('rport'), ranges),
    user: (r, ranges) => inside(r.number('user'), ranges),
  },
  task_file: {
    pid: (r, ranges) => inside(r.number('pid'), ranges),
    port: (r, ranges) => inside(r.number('lport'), ranges) || inside(r.number('rport'), ranges),
    lport: (r, ranges) => inside(r.number('lport'), ranges),
    rport: (r, ranges) => inside(r.number('rport'), ranges),
    user: (r, ranges) => inside(r.number('user'), ranges),
  },
};

/** Every PID that holds the socket of a row. */
function holders(row: Row): number[] {
  const owner = row.table.joins.get('owner')!;
  const inode = row.number('inode');
  const found: number[] = [];
  for (let at = 0; at < owner.batch.rows; at++)
    if (owner.batch.number(at, 'inode') === inode) found.push(owner.batch.number(at, 'pid'));
  return found;
}

describeKernel('filters in the kernel', () => {
  let child: Child;
  let heir: number;
  let made: { ports: number[]; port: number };
  const task = collector('task');
  const tcp = collector('tcp');
  const file = collector('task_file');
  const read = (from: Collector, filters: Filters, more: Ask = {}) => rowsOf(collect(from, { ...more, filters }).table);

  beforeAll(async () => {
    ownNetwork();
    child = await Child.start();
    await prepare(child);
    made = await child.run(({ kept }) => {
      const { tcp } = kept;
      const v4 = tcp.listener(4, 64);
      const v6 = tcp.listener(6, 64, 'any');
      kept.pairs = Array.from({ length: 40 }, (_, i) => (i % 3 ? tcp.pair(4, v4) : tcp.pair(6, v6)));
      process.seteuid!(65534);
      kept.pairs.push(...Array.from({ length: 5 }, () => tcp.pair(4, v4)));
      process.seteuid!(0);
      const udp = tcp.socket(2, 2, 0);
      tcp.bind(udp, tcp.address(4, 0), 16);
      const made = { ports: kept.pairs.slice(1).map(([a]: number[]) => tcp.port(a)), port: tcp.port(v4) };
      tcp.close(kept.pairs[0][0]);
      tcp.close(kept.pairs[0][1]);
      return made;
    });
    heir = await child.run(({ kept, node }) => {
      const { spawn } = node<typeof import('node:child_process')>('child_process');
      return spawn('sleep', ['60'], { stdio: [kept.pairs[5][0], 'ignore', 'ignore'] }).pid!;
    });
    // Until it is `sleep` it has what its parent has.
    await eventually(() => expect(fs.readFileSync(`/proc/${heir}/comm`, 'utf8')).toBe('sleep\n'));
  });
  afterAll(async () => {
    for (const from of [task, tcp, file]) from.close();
    process.kill(heir, 'SIGKILL');
    await child.end();
  });

  test('one PID goes to the link, several and ranges to the program', () => {
    const where = (filters: Filters) =>
      collect(task, { columns: ['pid'], filters }).stats.conditions.map((c) => `${c.text} ${c.where}`);
    expect(where({ pid: [exactly(child.pid)] })).toEqual([`pid ${child.pid} link`]);
    expect(where({ pid: [exactly(child.pid), exactly(heir)] })).toEqual([`pid ${child.pid},${heir} kernel`]);
    expect(where({ pid: [[1, 99999]] })).toEqual(['pid 1-99999 kernel']);
    expect(where({ pid: [exactly(child.pid)], user: [[0, 10]] })).toEqual([
      `pid ${child.pid} link`,
      'user 0-10 kernel',
    ]);
    expect(collect(task, { columns: ['pid'], filters: { pid: [exactly(child.pid)] } }).stats.visited).toBeLessThan(100);
  });

  test('task by PID: one, several, a range, none', () => {
    expect(values(read(task, { pid: [exactly(child.pid)] }), 'pid')).toEqual([child.pid]);
    const two = [child.pid, heir].sort((a, b) => a - b);
    expect(values(read(task, { pid: two.map(exactly) }), 'pid')).toEqual(two);
    expect(values(read(task, { pid: [[two[0], two[1]]] }), 'pid')).toEqual(expect.arrayContaining(two));
    expect(
      read(task, {
        pid: [
          [4194304, 4194304],
          [4194303, 4194303],
        ],
      }),
    ).toEqual([]);
    expect(values(read(task, { pid: [exactly(child.pid)] }, { ungroup: true }), 'tid').length).toBeGreaterThan(3);
  });

  test('tcp by PID is evaluated over the sockets that the process holds', () => {
    const mine = read(tcp, { pid: [exactly(child.pid)] });
    expect(mine.length).toBeGreaterThan(80);
    expect(values(mine, 'pid').filter((p) => p !== heir)).toEqual([child.pid]);
    const shared = read(tcp, { pid: [exactly(heir)] });
    expect(shared.length).toBe(1);
    expect(shared[0].number('holders')).toBe(1);
    expect(read(tcp, { pid: [exactly(heir)] }, { columns: ['lport'] }).length).toBe(1);
    expect(collect(tcp, { filters: { pid: [exactly(heir)] } }).stats.conditions).toEqual([
      { text: `pid ${heir}`, where: 'kernel' },
    ]);
  });

  test('tcp by PID follows sockets that come and go between refreshes', async () => {
    const listeners = await Child.start();
    try {
      await prepare(listeners);
      const filters = { pid: [exactly(listeners.pid)] };
      const ports = () => values(read(tcp, filters), 'lport');
      expect(ports()).toEqual([]);
      const program = idsOf('prog');
      for (let round = 0; round < 5; round++) {
        const open = await listeners.run(({ kept }, round) => {
          const { tcp } = kept;
          kept.open ??= [];
          for (const fd of kept.open.splice(0, 2)) tcp.close(fd);
          for (let i = 0; i <= round; i++) kept.open.push(tcp.listener(4, 1));
          return kept.open.map((fd: number) => tcp.port(fd)).sort((a: number, b: number) => a - b) as number[];
        }, round);
        expect(ports()).toEqual(open);
      }
      expect(idsOf('prog')).toEqual(program);
    } finally {
      await listeners.end();
    }
  });

  test('ports: local, remote, either; single, several, ranges', () => {
    // Values, not rows: those are gone after some further refreshes.
    const all = read(tcp, {}).map((r) => ({ sk: r.cell('sk'), lport: r.number('lport'), rport: r.number('rport') }));
    const some = made.ports.slice(5, 9);
    for (const [name, of] of [
      ['lport', (r: (typeof all)[0]) => [r.lport]],
      ['rport', (r: (typeof all)[0]) => [r.rport]],
      ['port', (r: (typeof all)[0]) => [r.lport, r.rport]],
    ] as const) {
      for (const ranges of [
        [exactly(some[0])],
        some.map(exactly),
        [[Math.min(...some), Math.max(...some)] as const],
        [[0, 0] as const],
        [[0, 65535] as const],
        [[1, 2] as const],
      ]) {
        const expected = all.filter((r) => of(r).some((p) => inside(p, ranges))).map((r) => r.sk);
        expect(
          read(tcp, { [name]: ranges })
            .map((r) => r.cell('sk'))
            .sort(),
        ).toEqual(expected.sort());
      }
    }
    expect(read(tcp, { rport: [exactly(some[0])] }).length).toBe(1);
    expect(read(tcp, { port: [exactly(some[0])] }).length).toBe(2);
  });

  test('ports of task_file: sockets only, of any internet protocol', () => {
    const rows = read(file, { port: [exactly(made.ports[10])] });
    expect(rows.length).toBe(2);
    expect(new Set(rows.map((r) => r.text('type').slice(0, 3)))).toEqual(new Set(['tcp']));
    expect(
      read(file, { lport: [[0, 65535]], pid: [exactly(child.pid)] }).every((r) =>
        /^(tcp|udp|raw|icmp)/.test(r.text('type')),
      ),
    ).toBe(true);
    expect(read(file, { lport: [[0, 65535]], pid: [exactly(child.pid)] }).some((r) => r.text('type') === 'udp')).toBe(
      true,
    );
  });

  test('user: of the process, of the socket', async () => {
    const other = spawn('sleep', ['60'], { uid: 65533, gid: 65533 });
    try {
      await eventually(() => {
        expect(values(read(task, { user: [exactly(65533)] }), 'pid')).toEqual([other.pid]);
        expect(values(read(file, { user: [exactly(65533)] }), 'pid')).toEqual([other.pid]);
      });
      // Sockets that were made, and whose peers were accepted, as this user.
      const sockets = read(tcp, { user: [exactly(65534)] });
      expect(sockets.length).toBeGreaterThanOrEqual(5);
      expect(values(sockets, 'user')).toEqual([65534]);
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('a TIME_WAIT or SYN_RECV socket has no user and no holder: such filters refuse it', () => {
    const states = (filters: Filters) => new Set(read(tcp, filters).map((r) => r.cell('state')));
    expect(states({ user: [[0, 4294967294]] }).has('TIME_WAIT')).toBe(false);
    expect(read(tcp, { user: [[0, 4294967294]] }).every((r) => r.value('user') !== null)).toBe(true);
  });

  test('64 ranges fit, and values at the edges of unsigned 32 bits', () => {
    const ranges = Array.from({ length: 64 }, (_, i): Range => [i * 2 + 1_000_000, i * 2 + 1_000_000]);
    ranges[63] = exactly(child.pid);
    expect(values(read(task, { pid: ranges }), 'pid')).toEqual([child.pid]);
    const many = made.ports.concat(made.ports).slice(0, 64).map(exactly);
    expect(read(tcp, { lport: many }).length).toBe(made.ports.length);
    expect(read(tcp, { port: many, lport: many, rport: [[0, 65535]] }).length).toBe(made.ports.length);
    expect(read(task, { user: [[0, 4294967295]] }).length).toBeGreaterThanOrEqual(3);
    expect(read(task, { user: [[4294967295, 4294967295]] }).length).toBe(0);
  });

  test('a filter that a template does not have, an unknown one', () => {
    for (const filters of [{ port: [exactly(80)] }, { lport: [exactly(80)] }]) {
      expect(() => readOnce('task', { filters })).toThrow(UsageError);
      expect(() => readOnce('task', { filters })).toThrow(/task cannot be filtered by l?port; it can by pid, user/);
    }
    expect(readOnce('task', { columns: ['pid'], filters: { port: [] } }).table.rows).toBeGreaterThanOrEqual(3);
  });

  test('another value needs no other program, another shape swaps it under the same link', () => {
    const from = collector('tcp');
    try {
      const before = new Set([...idsOf('prog'), ...idsOf('link')]);
      const own = () => ({
        prog: idsOf('prog').filter((id) => !before.has(id)),
        link: idsOf('link').filter((id) => !before.has(id)),
      });
      const ask = (filters: Filters, columns = ['state', 'lport', 'local']) =>
        collect(from, { columns, filters }).table.rows;
      ask({ lport: [exactly(made.ports[1])] });
      const first = own();
      expect([first.prog.length, first.link.length]).toEqual([1, 1]);
      for (let i = 0; i < 10; i++) expect(ask({ lport: [exactly(made.ports[i + 2])] })).toBe(1);
      ask({ lport: [[1, 1000]] });
      expect(own()).toEqual(first);
      ask({ lport: [exactly(1), exactly(made.ports[3])] });
      const second = own();
      expect(second.link).toEqual(first.link);
      expect(second.prog).not.toEqual(first.prog);
      expect(second.prog.length).toBe(1);
      // Three values have room where four have: the same program.
      ask({ lport: [1, 2, made.ports[3]].map(exactly) });
      const third = own();
      expect(ask({ lport: [1, 2, 3, made.ports[3]].map(exactly) })).toBe(1);
      expect(own()).toEqual(third);
      ask({}, ['state', 'lport', 'rtt']);
      expect(own().link).toEqual(first.link);
      // Order of columns is no other shape.
      const fourth = own();
      ask({}, ['rtt', 'lport', 'state']);
      expect(own()).toEqual(fourth);
    } finally {
      from.close();
    }
  });

  test('from one PID to another, to several, and back', () => {
    const from = collector('task');
    try {
      const ask = (filters: Filters) =>
        values(rowsOf(collect(from, { columns: ['pid', 'comm'], filters }).table), 'pid');
      for (let i = 0; i < 3; i++) {
        expect(ask({ pid: [exactly(child.pid)] })).toEqual([child.pid]);
        expect(ask({ pid: [exactly(heir)] })).toEqual([heir]);
        expect(ask({ pid: [exactly(heir), exactly(child.pid)] })).toEqual([heir, child.pid].sort((a, b) => a - b));
        expect(ask({})).toEqual(expect.arrayContaining([child.pid, heir, process.pid]));
      }
    } finally {
      from.close();
    }
  });

  test.each([
    ['task', 25],
    ['tcp', 40],
    ['task_file', 25],
  ] as const)('%s: the program refuses exactly what an evaluation of the rows here refuses', (name, runs) => {
    const rules = ALSO[name];
    const from = collector(name);
    const key = name === 'tcp' ? 'sk' : name === 'task' ? 'pid' : 'file';
    const owned = (r: Row) => name === 'tcp' || [child.pid, heir].includes(r.number('pid'));
    const pool: Record<string, number[]> = {
      pid: [child.pid, heir, 1, 2, 4194304],
      user: [0, 1, 65534, 4294967294],
    };
    for (const port of ['port', 'lport', 'rport']) pool[port] = [0, 65535, 1, made.port, ...made.ports.slice(0, 12)];
    const range = (f: FilterName) =>
      fc.oneof(
        fc.constantFrom(...pool[f]).map((v): Range => [v, v]),
        fc
          .tuple(fc.constantFrom(...pool[f]), fc.constantFrom(...pool[f]))
          .map(([a, b]): Range => [Math.min(a, b), Math.max(a, b)]),
      );
    const filters = fc.record(
      Object.fromEntries(
        FILTER_NAMES.filter((f) => rules[f]).map((f) => [f, fc.array(range(f), { minLength: 1, maxLength: 5 })]),
      ),
      { requiredKeys: [] },
    ) as fc.Arbitrary<Filters>;
    const columns = ['pid', 'user', ...(name === 'task' ? ['tid'] : ['lport', 'rport', 'inode']), key];
    try {
      fc.assert(
        fc.property(filters, (asked) => {
          const all = rowsOf(collect(from, { columns }).table).filter(owned);
          const expected = all
            .filter((r) => Object.entries(asked).every(([f, ranges]) => rules[f as FilterName]!(r, ranges as Range[])))
            .map((r) => `${r.cell('pid')} ${r.cell(key)}`);
          const got = read(from, asked, { columns })
            .filter(owned)
            .map((r) => `${name === 'tcp' ? '' : r.cell('pid')} ${r.cell(key)}`);
          expect(got.sort()).toEqual(expected.map((e) => (name === 'tcp' ? ` ${e.split(' ')[1]}` : e)).sort());
        }),
        { numRuns: runs, seed: 20260726 },
      );
    } finally {
      from.close();
    }
  });
});
