import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { orderRows } from '../../src/state/order.ts';
import { ksym } from '../../src/templates/builtin/ksym.ts';
import type { Table } from '../../src/templates/table.ts';
import { collect, collector, describeTarget, eventually, rowsOf } from '../support/kernel.ts';
import { compare, everyColumn, type References } from '../support/references.ts';

/** A line of /proc/kallsyms. */
interface Known {
  readonly address: string;
  readonly type: string;
  readonly name: string;
  readonly module: string | null;
  readonly pos: number;
}

function kallsyms(): Known[] {
  const lines = fs.readFileSync('/proc/kallsyms', 'utf8').trim().split('\n');
  return lines.map((line, i) => {
    const [, address, type, name, module] = /^([0-9a-f]+) (\S) ([^\t]+)(?:\t\[(.*)\])?$/.exec(line)!;
    return { address, type, name, module: module ?? null, pos: i + 1 };
  });
}

const REFERENCE: References<Known> = {
  address: (k) => Number(BigInt(`0x${k.address}`)),
  type: (k) => k.type,
  name: (k) => k.name,
  module: (k) => k.module,
  exported: (k) => (k.module === null || k.module === 'bpf' ? false : undefined),
  pos: (k) => k.pos,
};

describe('ksym', () => {
  test('each column has a reference', () => everyColumn(ksym, REFERENCE as References<never>));
});

describeTarget('ksym', 'ksym on the running kernel', () => {
  /** Programs come and go with whoever else uses BPF; what is no program's stays. */
  const lasting = (module: string | null) => module !== 'bpf';
  const lineOf = (table: Table, row: number) =>
    `${table.cell(row, 'address')} ${table.cell(row, 'type')} ${table.text(row, 'name')} ${table.text(row, 'module')}`;
  const lines = (table: Table) => Array.from({ length: table.rows }, (_, row) => lineOf(table, row));
  const wanted = (k: Known) => `0x${BigInt(`0x${k.address}`).toString(16)} ${k.type} ${k.name} ${k.module ?? ''}`;

  test('all symbols as /proc/kallsyms has them, each column, none lost and none twice', async () => {
    const from = collector(ksym);
    try {
      collect(from);
      await eventually(() => {
        const before = kallsyms();
        const { table, stats } = collect(from);
        const after = kallsyms();
        const mine = lines(table);
        const stays = before.filter((k) => lasting(k.module));
        expect(mine.filter((line) => !line.endsWith(' bpf'))).toEqual(stays.map(wanted));
        const programs = mine.filter((line) => line.endsWith(' bpf'));
        const [first, last] = [new Set(before.map(wanted)), new Set(after.map(wanted))];
        expect(
          [...first].filter((line) => line.endsWith(' bpf') && last.has(line) && !programs.includes(line)),
        ).toEqual([]);
        expect(programs.some((line) => line.includes('_itertop_ksym '))).toBe(true);
        expect(new Set(programs).size).toBe(programs.length);
        expect(stats.doubles).toBe(0);
        expect(stats.visited).toBe(table.rows);
        const rows = rowsOf(table);
        for (let at = 0; at < stays.length; at += 997) compare(rows[at], stays[at], REFERENCE);
        compare(rows[stays.length - 1], stays.at(-1)!, REFERENCE);

        const search = { pattern: '^vfs_re', invert: false };
        const found = orderRows(table, [{ column: 'name', descending: false }], search, ['name']);
        expect([...found].map((row) => table.text(row, 'name'))).toEqual(
          stays
            .map((k) => k.name)
            .filter((name) => name.startsWith('vfs_re'))
            .sort(),
        );
      });
    } finally {
      from.close();
    }
  });

  test('small reads give the same, and the last symbol still comes once', async () => {
    const from = collector(ksym);
    try {
      const whole = lines(collect(from).table);
      await eventually(() => {
        const { table, stats } = collect(from, { readSize: 1000 });
        const pieces = lines(table);
        const kernel = (list: readonly string[]) => list.filter((line) => !line.endsWith(' bpf'));
        expect(kernel(pieces)).toEqual(kernel(whole));
        expect(new Set(pieces.slice(-10)).size).toBe(10);
        expect(stats.visited).toBe(table.rows);
      });
    } finally {
      from.close();
    }
  });
});
