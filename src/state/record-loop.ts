/** `itertop record`: refresh after refresh into a file, or into a folder of parts, until it is ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Template } from '../templates/template.ts';
import type { CollectOptions, Collector } from './collector.ts';
import { Stopwatch, stretched } from './cost.ts';
import { Parts } from './parts.ts';
import { checkAppend, type FrameSink, type Host, OneFile, Recorder } from './recorder.ts';
import { RecordingWriter } from './recording-file.ts';
import type { RecordedQuestion } from './segment.ts';
import type { Retention } from './span.ts';

export interface RecordOptions {
  /** Where frames go in place of a file. */
  readonly sink?: FrameSink;
  readonly path: string;
  readonly force: boolean;
  readonly append: boolean;
  /** `path` is a folder of parts. */
  readonly retention?: Retention;
  readonly question: RecordedQuestion;
  /** Recorded; more than are shown. */
  readonly columns: readonly string[];
  /** Refreshes; 0 goes on until `signal`. */
  readonly count: number;
  /** Milliseconds; 0 goes on until `signal`. */
  readonly duration: number;
  readonly maxCost?: number;
  readonly signal: AbortSignal;
}

export interface RecordProgress {
  readonly refreshes: number;
  /** Of the last one. */
  readonly rows: number;
  readonly bytes: number;
}

/** @returns how it ended @throws BpfError, UsageError, ...: what was written before is whole */
export async function recordLoop(
  collector: Collector,
  host: Host,
  options: RecordOptions,
  told: (progress: RecordProgress) => void,
): Promise<RecordProgress> {
  const { question, signal, count, duration } = options;
  const { columns: _, sort: __, interval, ...asked } = question;
  const collect: CollectOptions = { ...asked, columns: options.columns };
  const ends = duration > 0 ? performance.now() + duration : Number.POSITIVE_INFINITY;
  // Before there is a file: a template that cannot be read leaves none.
  let started = new Stopwatch();
  let collected = collector.collect(collect);
  const sink = options.sink ?? sinkOf(options, collector.template);
  using recorder = new Recorder(sink, host);
  let next = performance.now();
  for (;;) {
    recorder.append(collector, collected, question);
    const progress = { refreshes: recorder.refreshes, rows: collected.table.rows, bytes: recorder.bytes };
    told(progress);
    if (sink.drained && !(await sink.drained(signal))) return progress;
    next = Math.max(next + stretched(interval, started.ms, options.maxCost), performance.now());
    if (recorder.refreshes === count || next > ends) return progress;
    await sleep(Math.max(0, next - performance.now()), undefined, { signal }).catch(() => {});
    if (signal.aborted) return progress;
    started = new Stopwatch();
    collected = collector.collect(collect);
  }
}

function sinkOf({ path, force, append, retention }: RecordOptions, template: Template): FrameSink {
  if (retention) return new Parts(path, template.name, retention);
  checkAppend(path, template, { append });
  return new OneFile(new RecordingWriter(path, { force, append }));
}
