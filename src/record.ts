/** `itertop record`: says on a terminal how it goes, and ends cleanly with Ctrl-C. */
import path from 'node:path';
import { Btf } from './bpf/btf.ts';
import { pageSize } from './bpf/host.ts';
import type { Options } from './options.ts';
import { Collector } from './state/collector.ts';
import { shellQuoted } from './state/command-line.ts';
import { fileStem } from './state/file-name.ts';
import { PipeSink } from './state/pipe-sink.ts';
import type { Question } from './state/question.ts';
import { type RecordProgress, recordLoop } from './state/record-loop.ts';
import { thisHost } from './state/recorder.ts';
import { EXTENSION, twoOf } from './state/recording.ts';
import { formatSort } from './state/sort.ts';
import type { RecordingState } from './state/taping.ts';
import { userName } from './state/users.ts';
import { counted } from './templates/counted.ts';
import { formatNumber } from './templates/format.ts';
import { findTemplate } from './templates/registry.ts';
import { UsageError } from './templates/template.ts';
import { sanitize } from './templates/text.ts';

const size = (bytes: number) =>
  formatNumber('bytes', bytes, { bootMs: 0, nowNs: 0, hz: 0, pageSize: 1, userName: () => undefined });

/** What the explorer has recorded: said after its screen. One of two tables is replayed with the other one. */
export function tapeText({ path: file, refreshes, bytes, error }: RecordingState): string {
  const folder = path.dirname(file);
  const whole = twoOf(folder)?.files.includes(file) ? folder : file;
  const ended = error === '' ? '' : `, ended: ${error}`;
  return `recorded: ${counted(refreshes, 'refresh', 'refreshes')}, ${size(bytes)} in ${file}${ended}; itertop replay ${shellQuoted(whole)}`;
}

/** `-o -` */
const STDOUT = '-';

/** @param question what would be shown; without columns of his own all that the table has are recorded */
export async function runRecord(options: Options, question: Question): Promise<void> {
  const template = findTemplate(question.template);
  const output = options.output ?? `${fileStem(template.name, new Date())}${EXTENSION}`;
  if (output === STDOUT) checkPipe(options);
  const { columns, sort, filters, switches, ungroup, where, netns, order, interval, maxCost } = question;
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop).once('SIGHUP', stop);
  const piped = output === STDOUT;
  const live = process.stderr.isTTY && !piped;
  const said = ({ refreshes, rows, bytes }: RecordProgress) =>
    `${template.name}: ${counted(refreshes, 'refresh', 'refreshes')}, ${counted(rows, 'row')}, ${size(bytes)} in ${sanitize(output)}`;
  using collector = new Collector(template, Btf.vmlinux(), userName, pageSize());
  try {
    const done = await recordLoop(
      collector,
      thisHost(pageSize(), userName),
      {
        ...(piped ? { sink: new PipeSink(process.stdout) } : {}),
        path: output,
        force: options.force,
        append: options.append,
        ...(options.retention ? { retention: options.retention } : {}),
        question: {
          ...{ columns, sort: formatSort(sort), filters, switches, ungroup, where, netns, interval },
          ...(order ? { order } : {}),
        },
        columns: options.columns === undefined ? template.columns.map((c) => c.name) : columns,
        count: options.count,
        duration: options.duration,
        ...(maxCost === undefined ? {} : { maxCost }),
        signal: abort.signal,
      },
      (progress) => {
        if (live) process.stderr.write(`\r\x1b[K${said(progress)}  (Ctrl-C ends)`);
      },
    );
    if (!piped)
      process.stderr.write(`${live ? '\r\x1b[K' : ''}${said(done)}; itertop replay ${sanitize(shellQuoted(output))}\n`);
  } catch (error) {
    if (live) process.stderr.write('\n');
    throw error;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop);
  }
}

/** @throws UsageError */
function checkPipe({ force, append, retention }: Options): void {
  if (process.stdout.isTTY)
    throw new UsageError('-o -: a recording is bytes, which no terminal shows: write it into a pipe');
  const [given] = Object.entries({ force, append, retain: retention }).find(([, value]) => value) ?? [];
  if (given !== undefined) throw new UsageError(`-o - writes into a pipe; it takes no --${given}`);
}
