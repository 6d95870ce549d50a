/** `itertop record`: says on a terminal how it goes, and ends cleanly with Ctrl-C. */
import fs from 'node:fs';
import path from 'node:path';
import { Btf } from './bpf/btf.ts';
import { pageSize } from './bpf/host.ts';
import type { Options } from './options.ts';
import { Collector } from './state/collector.ts';
import { shellQuoted } from './state/command-line.ts';
import { fileStem } from './state/file-name.ts';
import { makeFolder } from './state/make-folder.ts';
import { refuseOthersFolder } from './state/own-file.ts';
import { PipeSink } from './state/pipe-sink.ts';
import type { Question } from './state/question.ts';
import { recordLoop } from './state/record-loop.ts';
import { thisHost } from './state/recorder.ts';
import { EXTENSION, filesOfTwo, tableOfTwo, twoOf } from './state/recording.ts';
import { formatSort } from './state/sort.ts';
import type { RecordingState } from './state/taping.ts';
import { userName } from './state/users.ts';
import { counted } from './templates/counted.ts';
import { formatNumber } from './templates/format.ts';
import { findTemplate } from './templates/registry.ts';
import { UsageError } from './templates/template.ts';
import { clip, sanitize } from './templates/text.ts';

const size = (bytes: number) =>
  formatNumber('bytes', bytes, { bootMs: 0, nowNs: 0, hz: 0, pageSize: 1, userName: () => undefined });

/** What the explorer has recorded: said after its screen, a line for all that is replayed at once. */
export function tapeTexts(tapes: Iterable<RecordingState>): string[] {
  const written = [...tapes].filter(({ refreshes }) => refreshes > 0);
  return [...Map.groupBy(written, wholeOf)].map(([whole, parts]) => {
    const sorted = parts.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    const said = sorted.map(({ path: file, refreshes, bytes, error }) => {
      const name = file === whole ? '' : `${tableOfTwo(file)}: `;
      const ended = error === '' ? '' : ` (ended: ${error})`;
      return `${name}${counted(refreshes, 'refresh', 'refreshes')}, ${size(bytes)}${ended}`;
    });
    return `recorded: ${said.join('; ')} in ${whole}; itertop replay ${shellQuoted(whole)}`;
  });
}

/** One of two tables is replayed with the other one. */
function wholeOf({ path: file }: RecordingState): string {
  const folder = path.dirname(file);
  return twoOf(folder)?.files.includes(file) ? folder : file;
}

/** `-o -` */
const STDOUT = '-';

/** A table that is recorded with another one. */
export interface Beside {
  readonly question: Question;
  /** What it is called. */
  readonly word: string;
}

/**
 * @param question what would be shown; without columns of his own all that the table has are recorded
 * @param beside is recorded whole, at the same pace, into the same folder
 */
export async function runRecord(options: Options, question: Question, beside?: Beside): Promise<void> {
  const output =
    options.output ?? (beside ? fileStem('two', new Date()) : `${fileStem(question.template, new Date())}${EXTENSION}`);
  if (output === STDOUT) checkPipe(options);
  if (beside && (output === STDOUT || options.retention))
    throw new UsageError(`${output === STDOUT ? '-o -' : '--retain'} is for one table; it takes no --split`);
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop).once('SIGHUP', stop);
  const piped = output === STDOUT;
  const live = process.stderr.isTTY && !piped;
  const written = new Map<string, string>();
  const said = () => `${[...written.values()].join('; ')} in ${sanitize(output)}`;
  async function table(asked: Question, file: string, shown: boolean): Promise<void> {
    const { columns, sort, filters, switches, ungroup, where, netns, order, interval, maxCost } = asked;
    const template = findTemplate(asked.template);
    using collector = new Collector(template, Btf.vmlinux(), userName, pageSize());
    await recordLoop(
      collector,
      thisHost(pageSize(), userName),
      {
        ...(piped ? { sink: new PipeSink(process.stdout) } : {}),
        path: file,
        force: options.force,
        append: options.append,
        ...(options.retention ? { retention: options.retention } : {}),
        question: {
          ...{ columns, sort: formatSort(sort), filters, switches, ungroup, where, netns, interval },
          ...(order ? { order } : {}),
        },
        columns: shown ? columns : template.columns.map((c) => c.name),
        count: options.count,
        duration: options.duration,
        ...(maxCost === undefined ? {} : { maxCost }),
        signal: abort.signal,
      },
      ({ refreshes, rows, bytes }) => {
        const what = [counted(refreshes, 'refresh', 'refreshes'), counted(rows, 'row'), size(bytes)].join(', ');
        written.set(file, `${template.name}: ${what}`);
        if (live) process.stderr.write(`\r\x1b[K${clip(`Ctrl-C ends  ${said()}`, (process.stderr.columns || 80) - 1)}`);
      },
    );
  }
  try {
    const shown = options.columns !== undefined;
    if (beside) {
      const [one, other] = filesOfTwo(output, question.template, beside.word);
      folderOfTwo(output, [one, other]);
      // Where one cannot go on the other one ends, too.
      const both = [table(question, one, shown), table(beside.question, other, false)];
      for (const each of both) each.catch(stop);
      const failed = (await Promise.allSettled(both)).find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
    } else await table(question, output, shown);
    if (!piped)
      process.stderr.write(`${live ? '\r\x1b[K' : ''}${said()}; itertop replay ${sanitize(shellQuoted(output))}\n`);
  } catch (error) {
    if (live) process.stderr.write('\n');
    throw error;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop);
  }
}

/** @throws UsageError where it would not be replayed as these two */
function folderOfTwo(folder: string, files: readonly string[]): void {
  makeFolder(folder);
  refuseOthersFolder(folder);
  const names = files.map((file) => path.basename(file));
  const other = fs.readdirSync(folder).find((name) => name.endsWith(EXTENSION) && !names.includes(name));
  if (other !== undefined)
    throw new UsageError(`${folder} has another recording in it, ${other}: two tables take a folder of their own`);
}

/** @throws UsageError */
function checkPipe({ force, append, retention }: Options): void {
  if (process.stdout.isTTY)
    throw new UsageError('-o -: a recording is bytes, which no terminal shows: write it into a pipe');
  const [given] = Object.entries({ force, append, retain: retention }).find(([, value]) => value) ?? [];
  if (given !== undefined) throw new UsageError(`-o - writes into a pipe; it takes no --${given}`);
}
