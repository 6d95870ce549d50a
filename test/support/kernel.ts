/** What tests against the running kernel share. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';
import { describe } from 'vitest';
import { Btf, BtfError } from '../../src/bpf/btf.ts';
import { resolvePath } from '../../src/bpf/btf-path.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { findTarget } from '../../src/bpf/targets.ts';
import { Collector } from '../../src/state/collector.ts';
import { userName } from '../../src/state/users.ts';
import { type Availability, availability } from '../../src/templates/availability.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import type { Table, Value } from '../../src/templates/table.ts';
import type { Filters, Template } from '../../src/templates/template.ts';

export const root = process.getuid?.() === 0;
/** With CI set a missing privilege is a failure, not a skip. */
export const skip = !root && !process.env['CI'];
/** `describe` for what loads BPF programs. */
export const describeKernel = (title: string, tests: () => void) =>
  describeUnless(skip ? 'needs root' : '', title, tests);

/** The same for an iterator that not every kernel has. */
export const describeTarget = (target: string, title: string, tests: () => void) =>
  describeUnless(skip ? 'needs root' : lacksTarget(target), title, tests);

const describeUnless = (why: string, title: string, tests: () => void) =>
  describe.skipIf(why !== '')(why === '' ? title : `${title} (skipped: ${why})`, tests);

/** Why this kernel has no such iterator, in the program's words; '' where it has. */
export function lacksTarget(target: string): string {
  try {
    findTarget(Btf.vmlinux(), target);
    return '';
  } catch (error) {
    if (error instanceof BtfError) return error.message;
    throw error;
  }
}

/** Why this kernel has not this column, in the program's words; '' where it has. Templates of joins have to be known. */
export function lacksColumn(template: Template, column: string): string {
  const known = availabilities.get(template) ?? availability(template, Btf.vmlinux(), findTemplate);
  availabilities.set(template, known);
  return known.get(column) ?? '';
}
const availabilities = new WeakMap<Template, Availability>();

/** Whether a struct of the running kernel has a member. */
export function kernelHas(struct: string, path: string): boolean {
  try {
    const btf = Btf.vmlinux();
    resolvePath(btf, btf.struct(struct), path);
    return true;
  } catch {
    return false;
  }
}

export function collector(template: string | Template): Collector {
  return new Collector(
    typeof template === 'string' ? findTemplate(template) : template,
    Btf.vmlinux(),
    userName,
    pageSize(),
  );
}

export interface Ask {
  readonly columns?: readonly string[];
  readonly filters?: Filters;
  /** A condition as it is typed. */
  readonly where?: string;
  readonly ungroup?: boolean;
  readonly switches?: Readonly<Record<string, boolean>>;
  readonly readSize?: number;
}

export const allColumns = (template: Template) => template.columns.map((c) => c.name);

export function collect(from: Collector, ask: Ask = {}) {
  const {
    columns = allColumns(from.template),
    filters = {},
    where = '',
    ungroup = false,
    switches = {},
    readSize,
  } = ask;
  return from.collect({ columns, filters, where, ungroup, switches, ...(readSize === undefined ? {} : { readSize }) });
}

/** One refresh of a template. */
export function readOnce(template: string | Template, ask: Ask = {}) {
  const from = collector(template);
  try {
    return collect(from, ask);
  } finally {
    from.close();
  }
}

/** A row as what a test compares: each column's number (NaN: absent), text, exported value and cell. */
export class Row {
  readonly table: Table;
  readonly at: number;
  constructor(table: Table, at: number) {
    this.table = table;
    this.at = at;
  }
  number(column: string): number {
    return this.table.number(this.at, column);
  }
  text(column: string): string {
    return this.table.text(this.at, column);
  }
  cell(column: string): string {
    return this.table.cell(this.at, column);
  }
  value(column: string): Value {
    return this.table.value(this.at, column);
  }
}

export function rowsOf(table: Table): Row[] {
  return Array.from({ length: table.rows }, (_, at) => new Row(table, at));
}

const CLONE_NEWNET = 0x40000000;

/** Moves this thread, and what it starts from now on, into a network namespace of its own: nobody else's sockets. */
export function ownNetwork(): void {
  const unshare = koffi.load(null).func('int unshare(int flags)');
  if (unshare(CLONE_NEWNET) !== 0) throw new Error(`unshare: errno ${koffi.errno()}`);
  output('ip', 'link', 'set', 'lo', 'up');
}

/** On how many times slower a machine than usual this runs (test/kernels). */
const SLOW = Number(process.env['ITERTOP_TEST_SLOW'] ?? 1);

/** Tries again until it holds: what other processes and the kernel do takes its time. The last error is thrown. */
export async function eventually<T>(check: () => T | Promise<T>, ms = 20_000): Promise<T> {
  const end = performance.now() + ms * SLOW;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(20);
    }
  }
}

export function output(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The program itself, as `npm test` has just built it. */
export const PROGRAM = new URL('../../dist/itertop.js', import.meta.url).pathname;
