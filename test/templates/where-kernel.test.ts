/** What the kernel lets through is what the same expression, evaluated over all rows, says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { passingRows } from '../../src/state/order.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { taskFile } from '../../src/templates/builtin/task-file.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { withDependencies } from '../../src/templates/columns.ts';
import { compile } from '../../src/templates/compile.ts';
import type { Table } from '../../src/templates/table.ts';
import { type Column, columnOf, type Filters, type Template, UsageError } from '../../src/templates/template.ts';
import { parseWhere } from '../../src/templates/where.ts';
import { Child } from '../support/child.ts';
import { collect, collector, describeKernel, ownNetwork, readOnce, rowsOf } from '../support/kernel.ts';
import { openSockets, prepare } from '../support/tcp-sockets.ts';

/** Numbers that repeat themselves: Park and Miller. */
class Dice {
  #seed: number;
  constructor(seed: number) {
    this.#seed = seed;
  }
  below(n: number): number {
    this.#seed = (this.#seed * 48271) % 2147483647;
    return this.#seed % n;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

/** One row: what a column holds, exactly; null for no value. */
type Held = number | bigint | string | null;
type Row = (column: string) => Held;
interface Expression {
  readonly text: string;
  readonly columns: readonly string[];
  readonly holds: (row: Row) => boolean;
}

const TEXTS: readonly (string | undefined)[] = ['text', 'path'];
/** Compared with a clock that goes on. */
const MOVING: readonly (string | undefined)[] = ['age', 'time', 'jiffies'];

function heldBy(table: Table, at: number, column: Column): Held {
  if (TEXTS.includes(column.as)) return table.text(at, column.name) || null;
  if (column.as === 'inet') return table.cell(at, column.name) || null;
  const value = table.number(at, column.name);
  if (Number.isNaN(value)) return null;
  return Number.isSafeInteger(value) ? value : (table.exact(at, column.name) ?? value);
}

const order: Readonly<Record<string, (a: number | bigint, b: number | bigint) => boolean>> = {
  '==': (a, b) => a >= b && a <= b,
  '!=': (a, b) => a < b || a > b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

/** Bits of an address as text of zeros and ones; IPv4 as mapped into IPv6 too. */
function bitsOf(address: string): { four: string | null; six: string | null } {
  const binary = (n: number, width: number) => n.toString(2).padStart(width, '0');
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const four = dotted
    ?.slice(1)
    .map((n) => binary(Number(n), 8))
    .join('');
  if (!address.includes(':')) return { four: four ?? null, six: null };
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left, right = ''] = groups.split('::').map((half) => half.split(':').filter((g) => g !== ''));
  const filled = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  const six = filled.map((g) => binary(Number.parseInt(g, 16), 16)).join('');
  return { four: six.startsWith('0'.repeat(80) + '1'.repeat(16)) ? six.slice(96) : null, six };
}

/** Makes conditions over the columns of a template, from values that rows have and some that none has. */
class Maker {
  readonly #dice: Dice;
  readonly #columns: readonly Column[];
  rows: readonly Row[] = [];
  constructor(dice: Dice, template: Template, columns: readonly string[]) {
    this.#dice = dice;
    this.#columns = columns.map((name) => columnOf(template, name)!);
  }

  expression(depth: number): Expression {
    const kind = this.#dice.below(depth > 0 ? 6 : 3);
    if (kind < 3) return this.#leaf();
    const left = this.expression(depth - 1);
    if (kind === 3)
      return {
        ...left,
        text: this.#dice.of([`!(${left.text})`, `not (${left.text})`]),
        holds: (row) => !left.holds(row),
      };
    const right = this.expression(depth - 1);
    const both = kind === 4;
    return {
      text: `(${left.text}) ${this.#dice.of(both ? ['&&', 'and'] : ['||', 'or'])} (${right.text})`,
      columns: [...left.columns, ...right.columns],
      holds: (row) => (both ? left.holds(row) && right.holds(row) : left.holds(row) || right.holds(row)),
    };
  }

  #leaf(): Expression {
    const dice = this.#dice;
    const column = dice.of(this.#columns);
    const { name } = column;
    const columns = [name];
    const taken = dice.of(this.rows)(name);
    if (dice.below(12) === 0) {
      const unnamed = typeof column.names === 'object' && Object.values(column.names).includes('');
      if (!unnamed)
        return dice.below(2) === 0
          ? { text: `${name} == ""`, columns, holds: (row) => row(name) === null }
          : { text: `${name} != ''`, columns, holds: (row) => row(name) !== null };
    }
    if (column.as === 'flag') {
      const yes = dice.below(2) === 0;
      const is = (row: Row) => row(name) !== null && (row(name) !== 0) === yes;
      return { text: yes ? dice.of([name, `${name} == yes`]) : `${name} != yes`, columns, holds: is };
    }
    if (TEXTS.includes(column.as)) return this.#textLeaf(column, taken);
    if (column.as === 'inet') return this.#networkLeaf(column, taken);
    if (column.as === 'enum' && typeof column.names === 'object' && dice.below(3) > 0) {
      const label = dice.of(Object.values(column.names).filter((n) => n !== ''));
      const values = Object.entries(column.names).flatMap(([value, n]) => (n === label ? [Number(value)] : []));
      const negate = dice.below(2) === 0;
      return {
        text: `${name} ${negate ? '!=' : '=='} ${label}`,
        columns,
        holds: (row) => row(name) !== null && values.includes(row(name) as number) !== negate,
      };
    }
    return this.#numberLeaf(column, taken);
  }

  #textLeaf({ name }: Column, taken: Held): Expression {
    const dice = this.#dice;
    const some = () => {
      const text = String(dice.of([taken, dice.of(this.rows)(name)]) ?? 'none');
      return dice.of([
        text,
        text,
        text.slice(0, -1) || 'x',
        `${text}x`,
        'é'.repeat(1 + dice.below(12)),
        text.toUpperCase(),
      ]);
    };
    const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
    if (dice.below(4) === 0) {
      const letter = dice.of(['a', 'o', 's', '^k', '/', 'd$', 'e.*e']);
      const negate = dice.below(2) === 0;
      const pattern = new RegExp(letter, 'i');
      const holds = (row: Row) => row(name) !== null && pattern.test(row(name) as string) !== negate;
      return { text: `${name} ${negate ? '!~' : '=~'} "${letter}"`, columns: [name], holds };
    }
    const list = Array.from({ length: 1 + dice.below(4) }, some);
    if (list.length === 1 && dice.below(2) === 0) {
      const holds = (row: Row) => row(name) !== null && row(name) !== list[0];
      return { text: `${name} != ${quoted(list[0])}`, columns: [name], holds };
    }
    const holds = (row: Row) => row(name) !== null && list.includes(row(name) as string);
    const text = list.length === 1 ? `${name} == ${quoted(list[0])}` : `${name} in (${list.map(quoted).join(', ')})`;
    return { text, columns: [name], holds };
  }

  #networkLeaf({ name }: Column, taken: Held): Expression {
    const dice = this.#dice;
    const address = String(dice.of([taken, taken, '10.1.2.3', '::1', '127.0.0.1']) ?? '::1');
    // A mapped address is asked for as the IPv4 address that it is, or as it stands.
    const written = address.startsWith('::ffff:') && dice.below(2) === 0 ? address.slice(7) : address;
    const four = !written.includes(':');
    const bits = dice.below(four ? 33 : 129);
    const network = bitsOf(written)[four ? 'four' : 'six']!.slice(0, bits);
    const negate = dice.below(3) === 0;
    const within = (row: Row) => {
      const held = row(name);
      if (held === null) return false;
      return (bitsOf(held as string)[four ? 'four' : 'six']?.startsWith(network) ?? false) !== negate;
    };
    return { text: `${name} ${negate ? '!=' : 'in'} ${written}/${bits}`, columns: [name], holds: within };
  }

  #numberLeaf(column: Column, taken: Held): Expression {
    const dice = this.#dice;
    const { name } = column;
    const relation = dice.of(Object.keys(order));
    const [text, value] = this.#number(column, taken);
    // An enum, as text, has no order.
    if (column.as === 'enum' || dice.below(3) === 0) {
      const made = Array.from({ length: 1 + dice.below(5) }, () => this.#number(column, dice.of(this.rows)(name)));
      const holds = (row: Row) => {
        const held = row(name) as number | bigint | null;
        return held !== null && [[text, value] as const, ...made].some(([, one]) => order['=='](held, one));
      };
      return { text: `${name} in (${[text, ...made.map(([one]) => one)].join(',')})`, columns: [name], holds };
    }
    const [other, end] = this.#number(column, dice.of(this.rows)(name));
    if (dice.below(4) === 0 && value <= end) {
      const holds = (row: Row) => {
        const held = row(name) as number | bigint | null;
        return held !== null && held >= value && held <= end;
      };
      return { text: `${name} in ${text}-${other}`, columns: [name], holds };
    }
    const holds = (row: Row) => row(name) !== null && order[relation](row(name) as number | bigint, value);
    return { text: `${name} ${relation} ${text}`, columns: [name], holds };
  }

  /** How it is written, and what it is in the column's unit. */
  #number({ as = 'int' }: Column, taken: Held): [string, number | bigint] {
    const dice = this.#dice;
    const near = BigInt(Math.floor(Number(dice.of([taken, taken, 0, 1, 2 ** 31, 2 ** 32, 1000]) ?? 7)));
    const exact = typeof taken === 'bigint' && dice.below(2) === 0 ? taken : near;
    let whole = exact + BigInt(dice.of([0, 0, 1, -1, 2]));
    if (as === 'hex') return whole < 0n ? ['0', 0] : [dice.of(['', '0x']) + whole.toString(16), whole];
    if (as === 'octal') return whole < 0n ? ['0', 0] : [`0${whole.toString(8)}`, whole];
    if (as === 'dev')
      return whole < 0n
        ? ['0:0', 0]
        : ([`${whole >> 20n}:${whole & 0xfffffn}`, whole].map((x) => x) as [string, bigint]);
    if (as === 'enum' || as === 'uid') whole = whole < 0n ? 0n : whole;
    if (as === 'pages') {
      const k = whole < 0n ? 0n : whole * BigInt(pageSize() / 1024);
      return [`${k}K`, k / BigInt(pageSize() / 1024)];
    }
    const scales: Readonly<Record<string, readonly [string, bigint]>> = {
      bytes: ['K', 1024n],
      byterate: ['M', 1024n ** 2n],
      count: ['K', 1000n],
      int: ['K', 1000n],
      ns: ['us', 1000n],
      cputime: ['ms', 1_000_000n],
      us: ['ms', 1000n],
    };
    const scale = scales[as];
    if (scale && dice.below(4) === 0) return [`${whole / scale[1]}${scale[0]}`, (whole / scale[1]) * scale[1]];
    if (dice.below(8) === 0 && as !== 'uid' && as !== 'enum' && whole >= 0n && whole < 2n ** 50n)
      return [`${whole}.5`, Number(whole) + 0.5];
    return [String(whole), whole];
  }
}

interface Asked {
  readonly template: Template;
  readonly columns: readonly string[];
  readonly filters?: () => Filters;
  readonly ungroup?: boolean;
  readonly count: number;
  readonly seed: number;
}

const keyOf = (template: Template, row: Row) => template.key.map((name) => String(row(name))).join();

/** Asks `count` random conditions. @returns how often the kernel, and how many rows, were judged */
function compareMany({ template, columns, filters = () => ({}), ungroup = false, count, seed }: Asked) {
  const dice = new Dice(seed);
  const maker = new Maker(dice, template, columns);
  const all = withDependencies(template, [...template.key, ...columns]);
  const asked = { filters: filters(), ungroup };
  using whole = collector(template);
  using part = collector(template);
  const specs = new Map(template.columns.map((column) => [column.name, column]));
  /** Looked up when asked: a reading is there until the one after the next. */
  const everything = (): Map<string, Row> => {
    const { table } = collect(whole, { ...asked, columns: all });
    const rows = rowsOf(table).map(
      ({ at }): Row =>
        (name) =>
          heldBy(table, at, specs.get(name)!),
    );
    return new Map(rows.map((row) => [keyOf(template, row), row]));
  };
  const told = { kernel: 0, user: 0, judged: 0, passed: 0 };
  let before = everything();
  maker.rows = [...before.values()].map((row) => {
    const values = new Map(all.map((name) => [name, row(name)]));
    return (name) => values.get(name)!;
  });
  for (let n = 0; n < count; n++) {
    const { text, columns: used, holds } = maker.expression(n % 3);
    const looked = withDependencies(template, used);
    const shown = [...new Set([...template.key, ...all.filter(() => dice.below(30) === 0)])];
    // What changed there and back between two readings looks like a wrong answer: it has to repeat itself, of that row.
    let wrong = new Map<string, string>();
    for (let attempt = 0; attempt < 4; attempt++) {
      const { table, after, stats } = collect(part, { ...asked, columns: shown, where: text });
      const passed = new Set<string>();
      for (const at of passingRows(table, after))
        passed.add(template.key.map((name) => String(heldBy(table, at, columnOf(template, name)!))).join());
      const later = everything();
      const again = new Map<string, string>();
      for (const [key, row] of before) {
        const then = later.get(key);
        if (!then || looked.some((name) => row(name) !== then(name))) continue;
        told.judged++;
        if (holds(row)) told.passed++;
        if (holds(row) !== passed.has(key) && (attempt === 0 || wrong.has(key)))
          again.set(
            key,
            `${key} ${passed.has(key) ? 'passed' : 'was refused'}: ${looked.map((name) => `${name}=${row(name)}`).join(' ')}`,
          );
      }
      wrong = again;
      for (const { where } of stats.conditions)
        if (where === 'user') told.user++;
        else told.kernel++;
      before = later;
      if (wrong.size === 0) break;
    }
    expect([...wrong.values()], `${template.name}: ${text}`).toEqual([]);
  }
  return told;
}

const numbersAndMore = (template: Template, ...without: string[]) =>
  template.columns
    .filter((c) => !MOVING.includes(c.as) && !c.join && !without.includes(c.name))
    .filter((c) => !/^(rate|rate2|cpu|change|growth|tcp_timer_in)\(/.test(c.derive ?? ''))
    .filter((c) => ![c.from ?? []].flat().some((from) => /^(cmdline|d_path|kernfs_path)\(/.test(from)))
    .map((c) => c.name);

/** The verifier looks each pointer's type up by name, so that some of the 5,000 programs take it 10 ms. */
const LONG = 120_000;

describeKernel('random conditions', () => {
  let child: Child;
  beforeAll(async () => {
    ownNetwork();
    child = await Child.start();
    await prepare(child);
    await openSockets(child);
  });
  afterAll(async () => {
    await child?.end();
  });

  test(
    'tcp',
    () => {
      const told = compareMany({ template: tcp, columns: numbersAndMore(tcp), count: 1000, seed: 20261126 });
      expect(told.kernel).toBeGreaterThan(750);
      expect(told.passed).toBeGreaterThan(told.judged / 10);
    },
    LONG,
  );
  test.each([true, false])(
    'task, threads: %s',
    (ungroup) => {
      const columns = numbersAndMore(task);
      const told = compareMany({ template: task, columns, ungroup, count: 1000, seed: ungroup ? 7 : 8 });
      expect(told.kernel).toBeGreaterThan(700);
      expect(told.passed).toBeGreaterThan(told.judged / 10);
    },
    LONG,
  );
  test(
    'task_file',
    () => {
      const filters = (): Filters => ({ pid: [[child.pid, child.pid]] });
      const columns = [...numbersAndMore(taskFile, 'type', 'name'), 'path'];
      const told = compareMany({ template: taskFile, columns, filters, count: 2000, seed: 9 });
      expect(told.kernel).toBeGreaterThan(1500);
      expect(told.passed).toBeGreaterThan(told.judged / 10);
    },
    LONG,
  );
});

const options = { user: (name: string) => (name === 'root' ? 0 : undefined), pageSize: pageSize() };
/** Where each part runs, as `text where`. */
function placed(template: Template, where: string, ask: { filters?: Filters; ungroup?: boolean } = {}): string[] {
  const columns = template.key;
  const plan = compile(template, { ...ask, columns, where: parseWhere(where, template, options) }, Btf.vmlinux());
  return plan.conditions.map((c) => `${c.text} ${c.where}`);
}

describeKernel('parts of a condition', () => {
  test.each<[Template, string, string[]]>([
    [task, 'pid == 17', ['pid == 17 link']],
    [task, 'pid in (17)', ['pid in (17) link']],
    [taskFile, '(pid == 17 && fd < 3)', ['pid == 17 link', 'fd < 3 kernel']],
    [task, 'pid == 17 && pid == 18', ['pid == 17 link', 'pid == 18 kernel']],
    [task, 'pid == 17 || nice < 0', ['pid == 17 || nice < 0 kernel']],
    [task, '!(pid == 17)', ['!(pid == 17) kernel']],
    [task, 'pid == 0', ['pid == 0 kernel']],
    [task, 'tid == 17', ['tid == 17 kernel']],
    [task, 'state == S and kthread', ['state == S kernel', 'kthread kernel']],
    [task, 'nice < 0 && prio in 0-19', ['nice < 0 kernel', 'prio in 0-19 kernel']],
    [task, 'comm == bash && comm =~ "^b"', ['comm == bash kernel', 'comm =~ "^b" user']],
    [task, 'comm == "\\\\x80"', ['comm == "\\\\x80" user']],
    [task, 'cpu > 10 && age > 5m && cmdline != ""', ['cpu > 10 user', 'age > 5m user', 'cmdline != "" user']],
    [task, 'user == root && rss > 1M', ['user == root kernel', 'rss > 1M kernel']],
    [task, 'nvcsw > 5', ['nvcsw > 5 user']],
    [tcp, 'state == LISTEN && rxq > 0 && txq < 5K', ['state == LISTEN kernel', 'rxq > 0 kernel', 'txq < 5K kernel']],
    [
      tcp,
      'rtt > 1.5ms && ssthresh > 9 && timer == on',
      ['rtt > 1.5ms kernel', 'ssthresh > 9 kernel', 'timer == on kernel'],
    ],
    [tcp, 'raddr in (10.0.0.0/8, ::1) && pid == 1', ['raddr in (10.0.0.0/8, ::1) kernel', 'pid == 1 user']],
    [tcp, 'in_rate > 1M || lport == 1', ['in_rate > 1M || lport == 1 user']],
    [tcp, 'rto > 200ms', ['rto > 200ms user']],
    [taskFile, 'mode == r && type == regular', ['mode == r kernel', 'type == regular user']],
  ])('%#: run where they can', (template, where, expected) => {
    expect(placed(template, where)).toEqual(expected);
  });

  test('totals run in the kernel where each thread is a row', () => {
    expect(placed(task, 'nvcsw > 5', { ungroup: true })).toEqual(['nvcsw > 5 kernel']);
  });
  test('a PID that is filtered by already leaves the link alone', () => {
    expect(placed(task, 'pid == 17', { filters: { pid: [[18, 18]] } })).toEqual(['pid 18 link', 'pid == 17 kernel']);
    expect(placed(task, 'pid == 17', { filters: { pid: [[1, 9]] } })).toEqual(['pid 1-9 kernel', 'pid == 17 link']);
  });
  test('a column that this kernel lacks is named', () => {
    const old: Template = {
      ...task,
      columns: [
        ...task.columns,
        { name: 'gone', from: 'task->no_such', as: 'int', help: '' },
        { name: 'half', derive: 'sub(gone, 5)', as: 'int', help: '' },
        { name: 'some', derive: 'either(gone, nice, prio)', as: 'int', help: '' },
      ],
    };
    expect(() => placed(old, 'gone > 1')).toThrow(/^where: gone > 1: column gone is not there on this kernel: /);
    expect(() => placed(old, 'half > 1')).toThrow(/^where: half > 1: column half is not there on this kernel: /);
    expect(placed(old, 'some > 1')).toEqual(['some > 1 user']);
  });

  test('visit only what the link lets through, and follow to another PID', async () => {
    await using other = await Child.start();
    using rows = collector(task);
    for (const pid of [process.pid, other.pid]) {
      const { table, stats } = collect(rows, { columns: ['pid'], where: `pid == ${pid} && comm != ""` });
      expect(rowsOf(table).map((row) => row.number('pid'))).toEqual([pid]);
      expect(stats.visited).toBeLessThan(100);
    }
    const filters: Filters = { pid: [[1, 2 ** 22]] };
    const { table } = collect(rows, { columns: ['pid'], filters, where: `pid == ${other.pid}` });
    expect(rowsOf(table).map((row) => row.number('pid'))).toEqual([other.pid]);
  });

  test('members of a refused group stay in the kernel', () => {
    const one = readOnce(task, { columns: ['pid', 'time'], where: `pid in (${process.pid}, 2)` });
    const all = readOnce(task, { columns: ['pid', 'time'] });
    expect(one.stats.bytes).toBeLessThan(all.stats.bytes / 4);
  });
});

const listed = (n: number, item: (i: number) => string, between = ', ') =>
  Array.from({ length: n }, (_, i) => item(i)).join(between);

describeKernel('long conditions', () => {
  const found = (where: string, template = task) => {
    const { table, after } = readOnce(template, { columns: ['pid'], where });
    return [...passingRows(table, after)].map((at) => table.number(at, 'pid'));
  };
  const self = process.pid;

  test.each([1, 2, 3, 4, 5, 63, 64, 700])('%i numbers in a list', (n) => {
    const far = listed(n - 1, (i) => String(5_000_000 + i * 2));
    expect(found(`pid in (${[far, self].filter((x) => x !== '').join(', ')})`)).toEqual([self]);
    expect(found(`pid in (${self}${far ? `, ${far}` : ''}) && !(pid in (${far || 1}))`)).toEqual([self]);
    expect(found(`pid == ${self} && !(pid in (${far || 1}, ${self}))`)).toEqual([]);
  });
  test.each([1, 2, 30, 600])('%i texts in a list', (n) => {
    using rows = collector(task);
    const comm = rowsOf(collect(rows, { columns: ['comm'], where: `pid == ${self}` }).table)[0].text('comm');
    const names = listed(n, (i) => `"${`${i}-a-name-of-15`.slice(0, 15)}"`);
    expect(found(`pid == ${self} && comm in (${names}, "${comm}")`)).toEqual([self]);
    expect(found(`pid == ${self} && comm in (${names})`)).toEqual([]);
  });
  test('400 alternatives, 60 deep', () => {
    expect(found(`${listed(400, (i) => `pid == ${5_000_000 + i}`, ' || ')} || pid == ${self}`)).toEqual([self]);
    expect(found(`${'(!('.repeat(20)}pid == ${self}${'))'.repeat(20)}`)).toEqual([self]);
  });

  /** Conditions of one shape, as long as they may be. */
  const shapes: readonly [Template, string, (i: number) => string, string, string][] = [
    [task, 'pid in (', (i) => String(i * 2), ',', ')'],
    [task, 'comm in (', (i) => `${i}abcdefghijklmnop`.slice(0, 15), ',', ')'],
    [task, 'comm in (', (i) => i.toString(36), ',', ')'],
    [task, '', (i) => `comm!=${i.toString(36)}`, '&&', ''],
    [task, '', (i) => `state!=${'RSDTtXZPI'[i % 9]}`, '&&', ''],
    [task, '', (i) => `!(nice<${i % 9}&&pid>${i})`, '||', ''],
    [tcp, 'raddr in (', (i) => `1.${i >> 8}.${i & 255}.2`, ',', ')'],
    [tcp, 'raddr in (', (i) => `::${i.toString(16)}/127`, ',', ')'],
    [tcp, '', (i) => `state==${1 + (i % 11)}&&timer!=${i % 5}`, '||', ''],
    [tcp, '', (i) => `txq>${i % 10}&&rxq<${i % 7}`, '||', ''],
  ];
  test.each(shapes)(
    '%#: %s: %s are taken, or too long',
    (template, open, item, between, close) => {
      // The longest that is not refused for its length has to pass the verifier.
      const make = (n: number) => open + listed(n, item, between) + close;
      const plan = (n: number) =>
        compile(template, { columns: template.key, where: parseWhere(make(n), template, options) }, Btf.vmlinux());
      let [fits, not] = [1, 16384];
      while (not - fits > 1) {
        const middle = (fits + not) >> 1;
        try {
          plan(middle);
          fits = middle;
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          expect((error as Error).message).toMatch(
            /^where: (\d+ characters, at most 16384 are taken|the conditions make \d+ instructions in the kernel, at most 16384 are taken; use ranges, networks or a regular expression in place of long lists)$/,
          );
          not = middle;
        }
      }
      expect(fits).toBeGreaterThan(100);
      readOnce(template, { columns: template.key, where: make(fits) });
    },
    LONG,
  );
});

describe('conditions that are always or never so', () => {
  const never = [
    'lport == 70000',
    'lport < 0',
    'lport == 1.5',
    'lport in 70000-80000',
    'sk_state == 999',
    '!(lport >= 0)',
  ];
  const always = [
    'lport != 70000',
    'lport >= 0',
    'lport < 65536',
    'lport in 0-70000',
    'lport != 1.5',
    '!(lport < 0)',
    'laddr in (0.0.0.0/0, ::/0)',
  ];
  const cases = [
    ...never.map((text) => [text, false] as const),
    ...always.map((text) => [text, true] as const),
    ...never.flatMap((n) => always.map((a) => [`${n} || ${a}`, true] as const)),
    ...never.flatMap((n) => always.map((a) => [`(${n} || !(${a})) && lport > 5`, false] as const)),
    ['user != "" || user == ""', true] as const,
    ['user >= 0 && user == ""', false] as const,
    ['(lport == 70000 || lport >= 0) && (lport < 0 || raddr != "")', true] as const,
  ];
  describeKernel('are taken by the verifier', () => {
    test('all', () => {
      using rows = collector(tcp);
      for (const [where, so] of cases) {
        const { table, stats } = collect(rows, { columns: ['lport'], where });
        expect(
          stats.conditions.every((c) => c.where === 'kernel'),
          where,
        ).toBe(true);
        if (!so) expect(table.rows, where).toBe(0);
        else expect(table.rows, where).toBe(readOnce(tcp, { columns: ['lport'] }).table.rows);
      }
    });
  });
});
