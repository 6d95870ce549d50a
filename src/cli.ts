/** Commands, and the exit code and words with which each can end. */
import os from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import { Btf, BtfError } from './bpf/btf.ts';
import { describeMissing, missing } from './bpf/support.ts';
import { BpfError } from './bpf/syscall.ts';
import { targetNames } from './bpf/targets.ts';
import { helpText, type Options, parseOptions, wantsDebug } from './options.ts';
import { AtomicFile } from './state/atomic-file.ts';
import { type DumpOptions, dump } from './state/dump.ts';
import type { LiveView } from './state/live-view.ts';
import { startSampler } from './state/sampler.ts';
import { formatSearch } from './state/search.ts';
import { createSession, questionOf, type Session } from './state/session.ts';
import { snapshotWriter } from './state/snapshot.ts';
import { userId } from './state/users.ts';
import type { TargetInfo } from './state/view.ts';
import { BUILTIN, findTemplate } from './templates/builtin/index.ts';
import { compile } from './templates/compile.ts';
import { explainPlan } from './templates/explain.ts';
import { alignOf, unitOf } from './templates/format.ts';
import { TemplateError, UsageError } from './templates/template.ts';

const TEMPLATES = BUILTIN.filter((t) => !t.internal);
const EXIT = { done: 0, failed: 1, usage: 2, unsupported: 3 } as const;

/** @returns the exit code */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(
      argv,
      TEMPLATES.map((t) => t.name),
    );
    switch (options.command) {
      case 'help':
        process.stdout.write(helpText(TEMPLATES));
        return EXIT.done;
      case 'version':
        process.stdout.write(`itertop ${packageJson.version}\n`);
        return EXIT.done;
      case 'templates':
        process.stdout.write(
          options.template === '' ? listTemplates() : options.plan ? plan(options) : listColumns(options.template),
        );
        return EXIT.done;
      case 'dump':
        return await runDump(options);
      case 'explore':
        return (await canExplore(options)) ? await explore(options) : await runDump(options);
    }
  } catch (error) {
    return report(error, wantsDebug(argv));
  }
}

/** A pipe or a terminal without cursor movement gets one plain table. */
async function canExplore(options: Options): Promise<boolean> {
  const dumb = process.env['TERM'] === undefined || process.env['TERM'] === 'dumb';
  return process.stdout.isTTY && !dumb && options.format === undefined && options.output === undefined;
}

/** Says what went wrong, and for what the system lacks which command helps. */
function report(error: unknown, debug: boolean): number {
  const say = (text: string) => process.stderr.write(`itertop: ${text}\n`);
  if (debug) {
    const { log, stack } = error as Error & { log?: string };
    process.stderr.write(`${log ? `${log}\n` : ''}${stack ?? ''}\n`);
  }
  if (error instanceof UsageError || error instanceof TemplateError) {
    say(error.message);
    return EXIT.usage;
  }
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (error instanceof BtfError || error instanceof BpfError || name === 'BpfError' || name === 'BtfError') {
    const lacks = missing();
    say(message);
    if (lacks.length > 0) {
      process.stderr.write(`${describeMissing(lacks)}\n`);
      return EXIT.unsupported;
    }
    return ['EPERM', 'ENOSYS', 'EINVAL', 'EACCES'].includes(code ?? '') || name === 'BtfError'
      ? EXIT.unsupported
      : EXIT.failed;
  }
  say(message);
  return EXIT.failed;
}

function sessionOf(options: Options): Session {
  return createSession({
    templates: TEMPLATES,
    template: options.template || 'task',
    user: userId,
    columns: options.columns,
    sort: options.sort,
    filters: options.filters,
    ungroup: options.threads,
    search: options.search,
    interval: options.interval,
    ...(options.kthreads === undefined ? {} : { switches: { kthreads: options.kthreads } }),
  });
}

async function runDump(options: Options): Promise<number> {
  const question = questionOf(sessionOf(options).getState());
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const dumped: DumpOptions = {
    ...question,
    template: findTemplate(question.template),
    searchText: formatSearch(question.search),
    format: options.format ?? 'table',
    count: options.count,
    output: options.output,
    force: options.force,
    signal: abort.signal,
  };
  await dump(dumped, process.stdout);
  process.off('SIGINT', stop).off('SIGTERM', stop);
  return EXIT.done;
}

async function explore(options: Options): Promise<number> {
  const session = sessionOf(options);
  const first = Promise.withResolvers<void>();
  let error: (Error & { code?: string }) | null = null;
  let seen = false;
  const receiver = {
    received(view: LiveView) {
      seen = true;
      session.getState().received(view);
      first.resolve();
    },
    failed(failure: Error) {
      if (!seen) error = failure;
      session.getState().failed(failure.message);
      first.resolve();
    },
  };
  // The worker reads while this thread loads what draws.
  const sampler = startSampler(receiver);
  sampler.ask(questionOf(session.getState()));
  const [{ runExplorer }] = await Promise.all([import('./ui/run.tsx'), first.promise]);
  if (error) {
    sampler.close();
    throw error;
  }
  await runExplorer({
    session,
    sampler,
    targets: targets(),
    kernel: os.release(),
    exportView: (choice) => exportView(session, choice),
    stdout: process.stdout,
    stdin: process.stdin,
    ascii: options.ascii,
  });
  return EXIT.done;
}

/** What the picker offers, and why something cannot be picked here. */
function targets(): TargetInfo[] {
  const there = new Set(targetNames(Btf.vmlinux()));
  return TEMPLATES.map((t) => ({
    template: t.name,
    help: t.help,
    unavailable: there.has(t.target) ? '' : `this kernel has no iterator for ${t.target}`,
  }));
}

interface ExportChoice {
  readonly format: 'csv' | 'json' | 'ndjson';
  readonly rows: 'shown' | 'all';
  readonly path: string;
  readonly overwrite: boolean;
}

/** Writes what is seen. Its memory is used again by later refreshes, so nothing is awaited in between. */
async function exportView(session: Session, choice: ExportChoice): Promise<string> {
  const state = session.getState();
  const view = state.view as LiveView | null;
  if (!view) throw new UsageError('there is nothing to write yet');
  const file = new AtomicFile(choice.path);
  try {
    const all = choice.rows === 'all';
    const order = all ? Uint32Array.from({ length: view.total }, (_, row) => row) : view.order;
    const writer = snapshotWriter(choice.format, false);
    const columns = view.columns.map((c) => c.name);
    const snapshot = {
      table: view.table,
      order,
      columns,
      stats: view.stats,
      filters: state.filters,
      search: all ? '' : formatSearch(state.search),
    };
    for (const piece of writer.snapshot(snapshot)) file.write(piece);
    file.write(writer.end());
    file.commit(choice.overwrite);
    return `${order.length} rows written to ${file.path}`;
  } finally {
    file.discard();
  }
}

function listTemplates(): string {
  return TEMPLATES.map((t) => `${t.name.padEnd(12)} ${t.help}\n`).join('');
}

function listColumns(name: string): string {
  const template = findTemplate(name);
  const lines = [`${template.name}: ${template.help}`, ''];
  for (const column of template.columns) {
    const format = column.as ?? 'int';
    const unit = unitOf(format);
    const marks = [
      template.show.includes(column.name) ? '*' : ' ',
      template.key.includes(column.name) ? 'k' : ' ',
    ].join('');
    lines.push(
      `${marks} ${column.name.padEnd(14)} ${column.help}${unit && alignOf(format) === 'right' ? ` [${unit}]` : ''}`,
    );
  }
  lines.push('', '* shown at first, k part of the key', '');
  return lines.join('\n');
}

function plan(options: Options): string {
  const question = questionOf(sessionOf(options).getState());
  return explainPlan(compile(findTemplate(question.template), question, Btf.vmlinux()));
}
