/**
 * Random templates of every target: each is shown, or refused with words of ours; none reaches a verifier that refuses
 * it. Conditions over them choose in the kernel the rows that they choose here.
 *
 * ITERTOP_FUZZ=20 npx vitest run test/templates/random-templates.test.ts   tries twenty times as many;
 * ITERTOP_SEED=N begins elsewhere, and a failure names the seed of its template.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { BpfError } from '../../src/bpf/syscall.ts';
import { targetNames } from '../../src/bpf/targets.ts';
import { Collector } from '../../src/state/collector.ts';
import { passingRows } from '../../src/state/order.ts';
import { userId, userName } from '../../src/state/users.ts';
import { enumNamesOf } from '../../src/templates/enum-names.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import type { Table } from '../../src/templates/table.ts';
import { columnOf, type Template, TemplateError, UsageError } from '../../src/templates/template.ts';
import { parseTemplates } from '../../src/templates/user.ts';
import { parseWhere } from '../../src/templates/where.ts';
import { times } from '../support/fuzz.ts';
import { describeKernel } from '../support/kernel.ts';
import { type Random, TemplateWriter } from '../support/random-template.ts';
import { verify } from '../support/verify.ts';

const COUNT = times(300);
const SEED = Number(process.env['ITERTOP_SEED'] ?? 1);
const REFUSED = "this kernel's verifier refuses it";

const btf = Btf.vmlinux();
/** Their objects are in a map that somebody has to have. */
const OF_A_MAP = ['bpf_map_elem', 'sockmap', 'bpf_sk_storage_map'];
/** 120,000 rows: now and then. */
const LARGE = ['ksym', 'task_vma'];
const targets = targetNames(btf);
const often = targets.filter((t) => !LARGE.includes(t) && loads(t));

/** Some systems let no program be loaded that is for the elements of maps. */
function loads(target: string): boolean {
  if (!OF_A_MAP.includes(target)) return true;
  try {
    verify(
      {
        name: 'any',
        help: '',
        target,
        key: ['map'],
        show: [],
        sort: '',
        columns: [{ name: 'map', from: 'map', help: '' }],
      },
      [],
    );
    return true;
  } catch (error) {
    if (error instanceof BpfError && error.code === 'EPERM') return false;
    throw error;
  }
}

type Fate = 'shown' | 'refused' | 'loaded';

/** What is told of the whole run, so that a generator that makes only nonsense is noticed. */
const fates: Record<Fate | 'compared', number> = { shown: 0, refused: 0, loaded: 0, compared: 0 };

async function attempt(seed: number): Promise<Fate> {
  const writer = new TemplateWriter(seed, btf);
  const { random } = writer;
  const written = writer.write(random.chance(0.03) ? random.pick(LARGE) : random.pick(often));
  const { templates, problems } = await parseTemplates(JSON.stringify(written), 'any.yaml', btf, findTemplate);
  for (const problem of problems) expect(problem.message).toMatch(/^any\.yaml:\d+:\d+: .{10}/);
  const [template] = templates;
  if (!template) {
    expect(problems.length).toBeGreaterThan(0);
    return 'refused';
  }
  try {
    if (OF_A_MAP.includes(template.target)) {
      verify(
        template,
        template.columns.map((c) => c.name),
      );
      return 'loaded';
    }
    compareRows(template, random);
    return 'shown';
  } catch (error) {
    if (error instanceof TemplateError || error instanceof UsageError) {
      if (!/^(template )?any\b/.test(error.message)) throw error;
      return 'refused';
    }
    if (error instanceof BpfError) error.message += `\n${error.log.slice(-1500)}`;
    throw error;
  }
}

/** A condition that is true of some rows: over values that there are. */
function condition(random: Random, table: Table): string {
  const { template } = table;
  const usable = template.columns.filter((c) => {
    if (c.derive || c.join) return false;
    return table.batch.has(c.name) && ['int', 'hex', 'count', 'bytes', 'text'].includes(c.as ?? 'int');
  });
  if (usable.length === 0 || table.rows === 0) return '';
  const one = (): string => {
    const { name, as } = random.pick(usable);
    const row = random.below(table.rows);
    if (as === 'text') {
      const value = table.text(row, name);
      return /^[\w/ .-]{1,40}$/.test(value) ? `${name} ${random.pick(['==', '!='])} "${value}"` : `${name} != ""`;
    }
    const value = BigInt(table.exact(row, name) ?? 0);
    const near = value + BigInt(random.below(3) - 1);
    const number = near < 0n && !random.chance(0.2) ? value : near;
    if (random.chance(0.2))
      return `${name} in (${number}, ${random.below(100)}, ${random.below(9)}-${random.below(1000) + 9})`;
    return `${name} ${random.pick(['==', '!=', '<', '<=', '>', '>='])} ${number}`;
  };
  const two = (): string => {
    const text = random.chance(0.3) ? `(${one()} ${random.pick(['&&', '||'])} ${one()})` : one();
    return random.chance(0.2) ? `!(${text})` : text;
  };
  return Array.from({ length: 1 + random.below(3) }, two).join(random.pick([' && ', ' || ', ' && ']));
}

/** Processes open and close files all the time: one that does not, with some of many kinds. */
const still = { pid: 0 };
beforeAll(() => {
  const opened = ['/', '/proc/self/exe', '/dev/null', '/etc/passwd', '/sys', '/proc/cpuinfo'].map((at) =>
    fs.openSync(at, 'r'),
  );
  const child = spawn('sleep', ['3600'], { stdio: ['pipe', 'pipe', 'ignore', ...opened, ...opened] });
  for (const fd of opened) fs.closeSync(fd);
  still.pid = child.pid!;
  return () => child.kill();
});

const rowTexts = (table: Table) => {
  const texts = new Map<string, { row: number; text: string }>();
  const ofProcesses = ['task_file', 'task_vma'].includes(table.template.target);
  for (let row = 0; row < table.rows; row++) {
    if (ofProcesses && table.number(row, 'id0') !== still.pid) continue;
    // Symbols of programs that are loaded anew for each question.
    if (table.template.target === 'ksym' && /itertop/.test(table.text(row, 'id0'))) continue;
    const cells = table.template.columns
      .filter((c) => table.batch.has(c.name))
      .map((c) => table.exact(row, c.name) ?? table.text(row, c.name));
    const key = table.batch.key(row);
    // What is there twice tells nothing.
    texts.set(key, { row, text: texts.has(key) ? 'twice' : cells.join('|') });
  }
  return texts;
};

function refuses(what: string, why: string): void {
  if (why.includes(REFUSED)) throw new Error(`${what}: ${why}`);
}

function compareRows(template: Template, random: Random): void {
  using collector = new Collector(template, btf, userName, pageSize());
  const columns = template.columns.map((c) => c.name);
  const ask = (where: string) =>
    collector.collect({ columns, filters: {}, switches: {}, ungroup: false, netns: 'self', where });
  const first = ask('');
  for (const [column, why] of first.absent) {
    const { from = '', derive } = columnOf(template, column)!;
    // Whether the verifier follows a pointer to a path is not in BTF; a derived one has the reason of what it is made of.
    if (!derive && !String(from).startsWith('d_path(')) refuses(`${column}: ${from}`, why);
  }
  const where = condition(random, first.table);
  if (where === '') return;
  const conjuncts = parseWhere(where, template, {
    user: userId,
    enumNames: (column) => enumNamesOf(btf, column),
    pageSize: pageSize(),
  });
  // The memory of a batch is used again two readings later: what is needed of it is taken now.
  const before = ask('');
  const texts = rowTexts(before.table);
  const expected = new Set([...passingRows(before.table, conjuncts)].map((row) => before.table.batch.key(row)));
  const narrowed = ask(where);
  expect([...narrowed.absent.keys()]).toEqual([...first.absent.keys()]);
  const found = new Set([...passingRows(narrowed.table, narrowed.after)].map((row) => narrowed.table.batch.key(row)));
  const later = rowTexts(ask('').table);
  for (const [key, { text }] of texts) {
    if (text === 'twice' || later.get(key)?.text !== text) continue;
    fates.compared++;
    expect(found.has(key), `${where}: row ${text}`).toBe(expected.has(key));
  }
}

describeKernel('random templates', () => {
  it(`${COUNT} from seed ${SEED} on are shown, or refused in words`, { timeout: 60_000 + COUNT * 1000 }, async () => {
    const failures: string[] = [];
    for (let n = 0; n < COUNT; n++) {
      const seed = SEED + n;
      try {
        fates[await attempt(seed)]++;
      } catch (error) {
        failures.push(`seed ${seed}: ${(error as Error).stack?.slice(0, 2500)}`);
        if (failures.length >= 5) break;
      }
    }
    console.log(`fuzz: templates: ${COUNT} inputs, ${failures.length} failed`, fates);
    expect(failures.join('\n\n')).toBe('');
    expect(fates.shown).toBeGreaterThan(COUNT * 0.3);
    expect(fates.refused).toBeGreaterThan(COUNT * 0.02);
    expect(fates.compared).toBeGreaterThan(COUNT);
  });
});
