/**
 * The real program, killed at any moment: nothing of it stays loaded in the kernel, no file is there by half, and a
 * recording opens as it is. ITERTOP_KILLS=200 npx vitest run test/faults/kills.test.ts   kills more often.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os, { constants } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Recording } from '../../src/state/recording.ts';
import { openDuckDb, quoted } from '../support/duckdb.ts';
import { describeKernel, eventually, PROGRAM } from '../support/kernel.ts';
import { Random } from '../support/random-template.ts';
import { TestTerminal } from '../terminal/terminal.ts';
import { heldBy, type Loaded, LoadedObjects } from './loaded.ts';

const KILLS = Number(process.env['ITERTOP_KILLS'] ?? 24);
const SEED = Number(process.env['ITERTOP_SEED'] ?? 20);
/** Milliseconds after the first sign of life, at the latest. */
const LATEST = 500;

interface Victim {
  readonly pid: number;
  /** It is past its start: what it is for has begun, or is done. */
  alive(): boolean;
  readonly ended: Promise<unknown>;
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-kills-'));
const file = (name: string) => path.join(folder, name);
const left = () => fs.readdirSync(folder).sort();

function program(...args: string[]): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], { stdio: 'ignore', cwd: folder });
}

/** What is killed, and what has to be true of what it leaves. */
interface Kind {
  readonly what: string;
  /** It ends by itself soon after its start: it is killed within that. */
  readonly brief?: true;
  start(): Victim;
  check(): void | Promise<void>;
}

/** An export that goes on until it is killed: it has begun once the file, which has no name, has something in it. */
function exporting(name: string, ...args: string[]): Kind['start'] {
  return () => {
    const child = program('dump', 'task', '-d', '0.1', '-n', '0', ...args, '-o', name);
    const fds = `/proc/${child.pid}/fd`;
    const written = () =>
      fs.existsSync(fds) &&
      fs.readdirSync(fds).some((fd) => {
        try {
          return fs.readlinkSync(`${fds}/${fd}`).startsWith(folder) && fs.statSync(`${fds}/${fd}`).size > 0;
        } catch {
          return false;
        }
      });
    return { pid: child.pid!, alive: written, ended: once(child, 'exit') };
  };
}

const KINDS: readonly Kind[] = [
  {
    what: 'a recording',
    start() {
      const child = program('record', 'task', '-d', '0.1', '-n', '0', '-o', 'killed.itertop');
      return { pid: child.pid!, alive: () => fs.existsSync(file('killed.itertop')), ended: once(child, 'exit') };
    },
    check() {
      // Without a refresh in it there is none.
      if (!fs.existsSync(file('killed.itertop'))) return;
      const { size } = fs.statSync(file('killed.itertop'));
      using recording = new Recording(file('killed.itertop'));
      expect(recording.count).toBeGreaterThan(0);
      let last = 0;
      for (let index = 0; index < recording.count; index++) {
        const { walks } = recording.read(index);
        const { begin, bytes } = walks.get('')!;
        expect(bytes.length).toBeGreaterThan(0);
        expect(begin).toBeGreaterThanOrEqual(last);
        last = begin;
      }
      // What is cut is at the end, and less than one refresh.
      expect(recording.lost).toBeLessThan(size);
      refreshes += recording.count;
      cut += recording.lost > 0 ? 1 : 0;
      fs.rmSync(file('killed.itertop'));
    },
  },
  {
    what: 'an export',
    start: exporting('killed.json', '-f', 'json'),
    check: () => expect(left()).not.toContain('killed.json'),
  },
  {
    what: 'an export of what changes',
    start: exporting('killed.ndjson', '--changes', '-f', 'ndjson'),
    check: () => expect(left()).not.toContain('killed.ndjson'),
  },
  {
    what: 'an export in Parquet',
    start: exporting('killed.parquet', '-f', 'parquet'),
    check: () => expect(left()).not.toContain('killed.parquet'),
  },
  {
    what: 'a data set',
    start() {
      const child = program('dump', 'task', '-d', '0.1', '-n', '0', '--dataset', 'set', '--roll', '64K,1s');
      return { pid: child.pid!, alive: () => fs.existsSync(file('set')), ended: once(child, 'exit') };
    },
    async check() {
      if (!fs.existsSync(file('set'))) return;
      const entries = fs.readdirSync(file('set'), { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => !entry.isDirectory());
      // Each that has a name is whole.
      for (const { name, parentPath } of files) {
        expect(name).toMatch(/^[^.].*\.parquet$/);
        const [row] = await query(`select count(*) as n from ${quoted(path.join(parentPath, name))}`);
        expect(Number(row!['n'])).toBeGreaterThan(0);
      }
      fs.rmSync(file('set'), { recursive: true });
    },
  },
  {
    what: 'an export over a file that is there',
    brief: true,
    start() {
      fs.writeFileSync(file('old.json'), '{"old":true,"rows":[]}');
      const child = program('dump', 'task', '-n', '1', '-f', 'json', '--force', '-o', 'old.json');
      const alive = () => fs.statSync(file('old.json')).size > 30;
      return { pid: child.pid!, alive, ended: once(child, 'exit') };
    },
    check() {
      expect(JSON.parse(fs.readFileSync(file('old.json'), 'utf8'))).toHaveProperty('rows');
      fs.rmSync(file('old.json'));
    },
  },
  {
    what: 'the explorer',
    start() {
      const terminal = new TestTerminal(process.execPath, [PROGRAM, 'tcp', '--interval', '0.1'], { cols: 100 });
      return { pid: terminal.pid, alive: () => /STATE/.test(terminal.text()), ended: terminal.exited };
    },
    check: () => {},
  },
];

let refreshes = 0;
let cut = 0;
let query: Awaited<ReturnType<typeof openDuckDb>>;

describeKernel('killed at any moment', () => {
  let objects: LoadedObjects;
  beforeAll(async () => {
    objects = new LoadedObjects();
    query = await openDuckDb();
  });
  afterAll(() => {
    objects[Symbol.dispose]();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** What has ended by itself meanwhile needs no signal. */
  function signal(pid: number, name: NodeJS.Signals): void {
    try {
      process.kill(pid, name);
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ESRCH');
    }
  }

  /** How a child of Node's ended, or one on a terminal. */
  const killed = (how: unknown) =>
    Array.isArray(how) ? how[1] === 'SIGKILL' : (how as { signal?: number }).signal === constants.signals.SIGKILL;

  /** @returns milliseconds that a start takes */
  async function startOf(kind: Kind): Promise<number> {
    const begun = performance.now();
    const victim = kind.start();
    await eventually(() => expect(victim.alive()).toBe(true));
    const took = performance.now() - begun;
    signal(victim.pid, 'SIGKILL');
    await victim.ended;
    await kind.check();
    return took;
  }

  /**
   * Stopped first: what it holds is then what it holds when it is killed.
   * @param early within this many milliseconds, the start @returns undefined where it had ended
   */
  async function kill(kind: Kind, random: Random, early: number): Promise<Loaded | undefined> {
    const victim = kind.start();
    let over = false;
    void victim.ended.then(() => {
      over = true;
    });
    try {
      // Half of the kills are within the start, half of them after it.
      if (kind.brief || random.chance(0.5)) await sleep(random.below(early));
      else {
        for (const end = Date.now() + 30_000; !victim.alive() && !over && Date.now() < end; ) await sleep(10);
        await sleep(random.below(LATEST));
      }
      if (over) return undefined;
      signal(victim.pid, 'SIGSTOP');
      const had = heldBy(victim.pid);
      signal(victim.pid, 'SIGKILL');
      // It may have ended just before.
      return killed(await victim.ended) ? had : undefined;
    } finally {
      if (!over) signal(victim.pid, 'SIGKILL');
      await victim.ended;
    }
  }

  test.each(KINDS)(
    `$what: ${Math.ceil(KILLS / KINDS.length)} times`,
    async (kind) => {
      const each = Math.ceil(KILLS / KINDS.length);
      const random = new Random(SEED + KINDS.indexOf(kind));
      const held: Loaded[] = [];
      const early = Math.ceil(await startOf(kind));
      // What had ended by itself was not killed, and does not count.
      for (let tries = 1; held.length < each; tries++) {
        if (tries > 5 * each + 20) throw new Error(`of ${tries} tries ${held.length} came before the end`);
        const had = await kill(kind, random, early);
        if (had) held.push(had);
        await kind.check();
        // What is still to be freed in the kernel is waited for, whoever else loads and unloads meanwhile.
        if (had) await objects.gone(had);
        expect(left(), `after try ${tries}`).toEqual([]);
      }
      const count = (of: (had: Loaded) => ReadonlySet<number>) => held.reduce((sum, had) => sum + of(had).size, 0);
      process.stdout.write(
        `${kind.what}: killed ${held.length} times, then holding ${count((h) => h.prog)} programs, ${count((h) => h.link)} links, ${count((h) => h.map)} maps; none is left` +
          `${kind.what === 'a recording' ? `; ${refreshes} refreshes can be seen, ${cut} files ended within one` : ''}\n`,
      );
    },
    120_000 + KILLS * 10_000,
  );
});
