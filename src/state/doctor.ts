/** `itertop doctor`: what this system has of all that itertop uses, and what helps where something is missing. */
import fs from 'node:fs';
import { Btf } from '../bpf/btf.ts';
import { VMLINUX_BTF } from '../bpf/host.ts';
import { mountsOf } from '../bpf/mounts.ts';
import { hasCapability, missing, thisSystem } from '../bpf/support.ts';
import { targetNames } from '../bpf/targets.ts';
import { BUILTIN } from '../templates/builtin/index.ts';
import { counted } from '../templates/counted.ts';
import { OF_A_MAP } from '../templates/generic.ts';
import { ELEMENTS, mapTemplate } from '../templates/map-template.ts';
import { columnOf, type Template } from '../templates/template.ts';
import { Namespaces } from './namespaces.ts';
import { Reader } from './reader.ts';

type Verdict = 'ok' | 'warning' | 'failed' | 'absent';

interface Check {
  /** What was looked at: `BTF`, `target tcp`, `column task.cmdline`. */
  readonly name: string;
  readonly verdict: Verdict;
  /** What was found. */
  readonly found: string;
  /** What helps; '' where nothing is wrong. */
  readonly help: string;
}

export interface Report {
  readonly kernel: string;
  readonly checks: readonly Check[];
  /** Whether tasks, TCP sockets and open files can be shown. */
  readonly mainJob: boolean;
}

/** What itertop is for first of all. */
const MAIN_JOB = ['task', 'tcp', 'task_file'];

function readText(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Loads and reads every built-in template with every column; read-only and over in well under a second. */
export function examine(): Report {
  const checks: Check[] = [];
  const add = (name: string, verdict: Verdict, found: string, help = '') => checks.push({ name, verdict, found, help });
  const system = thisSystem();
  const lacks = missing(system);
  const lacking = (what: string) => lacks.find((m) => m.what === what);

  const version = lacking('kernel version') ?? lacking('linux');
  add('kernel', version ? 'failed' : 'ok', system.release, version?.help);
  const btf = lacking('BTF');
  add('BTF', btf ? 'failed' : 'ok', btf ? btf.why : VMLINUX_BTF, btf?.help);
  const inNamespace = lacking('host capabilities');
  if (inNamespace) add('user namespace', 'failed', inNamespace.why, inNamespace.help);
  for (const name of ['CAP_BPF', 'CAP_PERFMON'] as const) {
    const lack = lacking(name);
    add(name, lack ? 'failed' : 'ok', lack ? lack.why : 'effective', lack?.help);
  }
  const admin = hasCapability('CAP_SYS_ADMIN', system.capabilities);
  add(
    'CAP_SYS_ADMIN',
    admin ? 'ok' : 'warning',
    admin
      ? 'effective'
      : 'not there: run statistics of programs, maps by id or name, BTF of maps and other network namespaces stay closed',
    admin ? '' : 'not needed for the main job; sudo itertop has it',
  );
  const lockdown = lacking('lockdown');
  add('lockdown', lockdown ? 'failed' : 'ok', system.lockdown.trim() || 'none', lockdown?.help);

  const [bpffs] = mountsOf('bpf', readText('/proc/self/mountinfo') ?? '');
  add(
    'bpffs',
    bpffs ? 'ok' : 'warning',
    bpffs ? `mounted on ${bpffs.point}` : 'not mounted: pinned objects cannot be named by path',
    bpffs ? '' : 'sudo mount -t bpf bpf /sys/fs/bpf',
  );
  const jit = readText('/proc/sys/net/core/bpf_jit_enable');
  if (jit !== undefined)
    add(
      'JIT',
      jit === '0' ? 'warning' : 'ok',
      jit === '0' ? 'off: programs are interpreted, refreshes take longer' : 'on',
      jit === '0' ? 'sudo sysctl net.core.bpf_jit_enable=1' : '',
    );
  const stats = readText('/proc/sys/kernel/bpf_stats_enabled');
  if (stats !== undefined)
    add(
      'stats',
      'ok',
      stats === '0' ? 'off: turned on only while program statistics are looked at' : 'on: every BPF program is timed',
    );

  // Nothing can be loaded: to say so of each table would hide why.
  if (lacks.length > 0) return { kernel: system.release, checks, mainJob: false };
  const vmlinux = Btf.vmlinux();
  checkNamespaces(vmlinux, add);
  const there = new Set(targetNames(vmlinux));
  let mainJob = true;
  for (const template of BUILTIN) {
    const works = there.has(template.target) ? checkTemplate(template, vmlinux, add) : false;
    if (!there.has(template.target))
      add(
        `target ${template.name}`,
        'absent',
        `this kernel has no iterator for ${template.target}`,
        'a later kernel has it',
      );
    if (MAIN_JOB.includes(template.name) && !works) mainJob = false;
  }
  const known = new Set(BUILTIN.map((t) => t.target));
  for (const target of there)
    if (OF_A_MAP.includes(target)) checkElements(target, vmlinux, add);
    else if (!known.has(target)) add(`target ${target}`, 'ok', 'this kernel has it; no template does');
  return { kernel: system.release, checks, mainJob };
}

type Add = (name: string, verdict: Verdict, found: string, help?: string) => void;

/** Sockets and routes are shown of those network namespaces that may be entered. */
function checkNamespaces(btf: Btf, add: Add): void {
  try {
    using namespaces = new Namespaces(btf);
    const open = namespaces.list('all').length;
    const all = open + namespaces.closed;
    const help = 'CAP_SYS_ADMIN and CAP_SYS_PTRACE enter them: sudo itertop';
    if (open === all) add('netns', 'ok', `sockets and routes of ${all === 1 ? 'the only one there is' : `all ${all}`}`);
    else add('netns', 'warning', `sockets and routes of ${open} of ${all}: the others may not be entered`, help);
  } catch (error) {
    add('netns', 'failed', (error as Error).message);
  }
}

function checkTemplate(template: Template, btf: Btf, add: Add): boolean {
  const columns = template.columns.map((c) => c.name);
  const started = performance.now();
  try {
    using reader = new Reader(template, btf);
    reader.configure({ columns });
    const loaded = performance.now();
    const { batch, ms } = reader.read();
    add(
      `target ${template.name}`,
      'ok',
      `loaded in ${(loaded - started).toFixed(1)} ms, ${counted(batch.rows, 'row')} in ${ms.toFixed(1)} ms, ${reader.plan.loaded.length} members read`,
    );
    for (const [column, reason] of reader.plan.absent)
      add(`column ${template.name}.${column}`, 'absent', reason, columnOf(template, column)?.help);
    return true;
  } catch (error) {
    add(`target ${template.name}`, 'failed', (error as Error).message, 'itertop doctor --debug shows where');
    return false;
  }
}

/** A type of map that each of these iterators walks over. */
const WALKED: Readonly<Record<string, string>> = { sockmap: 'sockmap', bpf_sk_storage_map: 'sk_storage' };

/** Whether an iterator over a map's elements can be loaded; attached it would have to be to a map. */
function checkElements(target: string, btf: Btf, add: Add): void {
  const type = WALKED[target] ?? 'array';
  const template = mapTemplate({ keySize: 4, valueSize: 8, id: 0, name: '', type, cpus: 0 }, null);
  try {
    using reader = new Reader(template, btf);
    reader.configure({ columns: template.columns.map((c) => c.name) }, null);
    add(`target ${target}`, 'ok', `loaded; of one map: itertop ${ELEMENTS} --map`);
  } catch (error) {
    const help =
      target === ELEMENTS
        ? `itertop ${ELEMENTS} --map reads elements by bpf(2) instead`
        : `the sockets of a ${type} cannot be shown here; not needed for the main job`;
    add(`target ${target}`, 'warning', (error as Error).message, help);
  }
}

const MARKS: Readonly<Record<Verdict, string>> = { ok: 'ok', warning: 'warn', failed: 'FAIL', absent: 'none' };

export function reportText(report: Report): string {
  const width = Math.max(...report.checks.map((c) => c.name.length));
  const lines = report.checks.map((c) => {
    const help =
      c.help && c.verdict !== 'ok'
        ? `\n${' '.repeat(width + 7)}-> ${c.help.replaceAll('\n', `\n${' '.repeat(width + 10)}`)}`
        : '';
    return `${MARKS[c.verdict].padEnd(4)}  ${c.name.padEnd(width)} ${c.found}${help}`;
  });
  const failed = report.checks.filter((c) => c.verdict === 'failed').length;
  lines.push(
    '',
    report.mainJob ? 'tasks, TCP sockets and open files can be shown' : 'the main job cannot run: see FAIL above',
    ...(failed > 0 && report.mainJob ? [`${failed} checks failed`] : []),
    '',
  );
  return lines.join('\n');
}
