/**
 * Stands in for vitest in a guest. An emulated machine needs minutes to start vitest and to have it look at each module
 * of a test; this is bundled with the test into one file (bundle.ts). `expect` and `vi` are vitest's own. What is written
 * is a line of JSON for each test, as it ends.
 */
import fs from 'node:fs';
import { format } from 'node:util';
import { expect, vi } from '../../node_modules/vitest/dist/index.js';
import type { TestResult } from './found.ts';

export { expect };

// What vitest's helpers ask of the process that they expect to be in.
Object.assign(globalThis, { __vitest_worker__: { config: { fakeTimers: {}, expect: {} } } });
const timed = { setConfig: () => undefined };
const real = vi as unknown as Record<string, unknown>;
const lean = new Proxy(real, { get: (of, name) => Reflect.get(timed, name) ?? of[name as string] });

export { lean as vi };

type Act = (context: Context) => unknown;
type Rows = readonly unknown[];

interface Context {
  readonly skip: (condition?: boolean | string, why?: string) => void;
  readonly onTestFinished: (act: () => unknown) => void;
  readonly expect: typeof expect;
}

interface Suite {
  readonly name: string;
  readonly within: Suite | null;
  readonly skipped: boolean;
  readonly beforeAll: Act[];
  readonly afterAll: Act[];
  readonly beforeEach: Act[];
  readonly afterEach: Act[];
  readonly parts: (Suite | Test)[];
}

interface Test {
  readonly name: string;
  readonly skipped: boolean;
  readonly act: Act;
}

/** Thrown by `skip()`. */
class Skipped extends Error {}

const FILE = process.env['ITERTOP_TEST_FILE'] ?? '';
/** However slow the machine: what takes longer than this hangs. */
const PATIENCE_MS = Number(process.env['ITERTOP_TEST_MS'] ?? 300_000);

const suite = (name: string, within: Suite | null, skipped: boolean): Suite => ({
  ...{ name, within, skipped, beforeAll: [], afterAll: [], beforeEach: [], afterEach: [], parts: [] },
});
let current = suite('', null, false);
const root = current;
const loading: Promise<unknown>[] = [];

/** As vitest names a test of a table: printf's signs, and `$member` of the row. */
function titled(name: string, values: Rows, index: number): string {
  const member = (path: string) =>
    path.split('.').reduce<unknown>((of, key) => (of as Record<string, unknown> | undefined)?.[key], values[0]);
  const filled = name.replaceAll('%#', String(index)).replace(/\$([\w.]+)/g, (_, path) => String(member(path)));
  const signs = filled.match(/%[sdifjoO]/g)?.length ?? 0;
  return format(filled, ...values.slice(0, signs));
}

/** `add` with the variations that vitest has. */
function variations<F extends (...args: never[]) => unknown>(add: (name: string, act: F, skipped: boolean) => void) {
  const make = (skipped: boolean) => {
    const table = (spread: boolean) => (rows: Rows) => (name: string, first: unknown, second: unknown) => {
      const act = actOf<(...args: unknown[]) => unknown>(first, second);
      for (const [i, row] of rows.entries()) {
        const values = Array.isArray(row) ? row : [row];
        const all = (context: unknown) => act(...(spread ? values : [row]), context);
        add(titled(name, values, i), all as unknown as F, skipped);
      }
    };
    const one = (name: string, first: unknown, second: unknown) => add(name, actOf<F>(first, second), skipped);
    return Object.assign(one, { each: table(true), for: table(false) });
  };
  const plain = make(false);
  return Object.assign(plain, {
    skip: make(true),
    skipIf: (condition: unknown) => make(Boolean(condition)),
    runIf: (condition: unknown) => make(!condition),
  });
}

/** (act, timeout) or (options, act) */
function actOf<F>(first: unknown, second: unknown): F {
  return (typeof first === 'function' ? first : second) as F;
}

export const describe = variations<() => unknown>((name, act, skipped) => {
  const made = suite(name, current, skipped || current.skipped);
  current.parts.push(made);
  const outside = current;
  current = made;
  const loaded = act();
  if (loaded instanceof Promise) loading.push(loaded);
  current = outside;
});
export const it = variations<Act>((name, act, skipped) => {
  current.parts.push({ name, act, skipped: skipped || current.skipped });
});
export const test = it;
export const beforeAll = (act: Act) => void current.beforeAll.push(act);
export const afterAll = (act: Act) => void current.afterAll.push(act);
export const beforeEach = (act: Act) => void current.beforeEach.push(act);
export const afterEach = (act: Act) => void current.afterEach.push(act);

function put(name: string, state: TestResult['state'], message: string): void {
  const result: TestResult = { file: FILE, name, state, message };
  fs.writeSync(1, `\n${JSON.stringify(result)}\n`);
}

const messageOf = (error: unknown) => {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  const at = stack.split('\n').find((line) => /\/(test|src)\//.test(line) && !line.includes('node_modules'));
  return at ? `${message}\n${at.trim()}` : message;
};

async function patiently(act: Act, context: Context): Promise<unknown> {
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise((_, reject) => {
    late = setTimeout(() => reject(new Error(`not done after ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([act(context), tooLate]);
  } finally {
    clearTimeout(late);
  }
}

/** @returns what to call afterwards: hooks may give back such a function */
async function all(acts: readonly Act[], context: Context): Promise<Act[]> {
  const after: Act[] = [];
  for (const act of acts) {
    const given = await patiently(act, context);
    if (typeof given === 'function') after.unshift(given as Act);
  }
  return after;
}

const outwards = (from: Suite): Suite[] => [from, ...(from.within ? outwards(from.within) : [])];

async function runTest(one: Test, within: Suite, path: string): Promise<void> {
  const name = path ? `${path} > ${one.name}` : one.name;
  if (one.skipped) return put(name, 'skipped', '');
  const finished: (() => unknown)[] = [];
  const context: Context = {
    skip: (condition = true, why) => {
      if (condition !== false) throw new Skipped(typeof condition === 'string' ? condition : (why ?? ''));
    },
    onTestFinished: (act) => void finished.unshift(act),
    expect,
  };
  let error: unknown;
  const attempt = async (act: () => Promise<unknown>) => {
    try {
      await act();
    } catch (thrown) {
      error ??= thrown;
    }
  };
  const suites = outwards(within);
  let after: Act[] = [];
  await attempt(async () => {
    after = await all(
      suites.toReversed().flatMap((s) => s.beforeEach),
      context,
    );
    await patiently(one.act, context);
  });
  await attempt(() => all([...after, ...suites.flatMap((s) => s.afterEach.toReversed()), ...finished], context));
  if (error instanceof Skipped) put(name, 'skipped', error.message);
  else put(name, error === undefined ? 'passed' : 'failed', error === undefined ? '' : messageOf(error));
}

const isSuite = (part: Suite | Test): part is Suite => 'parts' in part;

async function runSuite(of: Suite, path: string): Promise<void> {
  const context: Context = { skip: () => undefined, onTestFinished: () => undefined, expect };
  const wanted = (s: Suite): boolean => s.parts.some((p) => (isSuite(p) ? wanted(p) : !p.skipped));
  const needed = wanted(of);
  let after: Act[] = [];
  const fail = (error: unknown, when: string) =>
    error instanceof Skipped
      ? put(`${path} (${when})`, 'skipped', error.message)
      : put(`${path} (${when})`, 'failed', messageOf(error));
  try {
    if (needed) after = await all(of.beforeAll, context);
    for (const part of of.parts) {
      if (isSuite(part)) await runSuite(part, path ? `${path} > ${part.name}` : part.name);
      else await runTest(part, of, path);
    }
  } catch (error) {
    fail(error, 'before all');
  }
  try {
    if (needed) await all([...after, ...of.afterAll.toReversed()], context);
  } catch (error) {
    fail(error, 'after all');
  }
}

for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error) => put('(file)', 'failed', messageOf(error)));

// The module that imports this one says what there is to run before the next turn of the loop.
setImmediate(async () => {
  await Promise.all(loading);
  await runSuite(root, '');
  process.exit(0);
});
