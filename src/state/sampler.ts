/** The user interface's end of the worker: questions go in, views come out. */
import type { Template } from '../templates/template.ts';
import type { Baseline } from './baseline.ts';
import type { RowCount } from './counter.ts';
import type { Finding, Sought } from './finder.ts';
import { type SampledView, viewOf } from './group-view.ts';
import type { Host } from './host-feed.ts';
import { HostPump } from './host-port.ts';
import type { ProgramReport } from './inspect.ts';
import { lastingWorker } from './lasting-worker.ts';
import type { MomentWire } from './moment.ts';
import type { Move } from './player.ts';
import type { Question } from './question.ts';
import type { StructAnswer } from './struct-reader.ts';
import type { RecordingState } from './taping.ts';
import type { ToWorker } from './worker.ts';

export interface Sampler {
  /** Replaces the question; what it changes is read or sorted anew at once, the rest at the next refresh. */
  ask(question: Question): void;
  /** Replaces the templates that the worker has beside those built in; what is on its way by older ones is dropped. */
  templates(templates: readonly Template[]): void;
  /** Reads now, also while paused. */
  refresh(): void;
  /** To another moment of the recording that is looked at. */
  go(move: Move): void;
  /** Goes to the refresh that is looked for in it, see Finder; an empty condition gives up. */
  find(sought: Sought): void;
  /** Writes each refresh from now on to a new file; '' ends it. */
  record(path: string): void;
  /** Ends the worker and with it everything that it holds in the kernel. */
  close(): void;
}

export interface Receiver {
  received(view: SampledView): void;
  failed(error: Error & { code?: string }): void;
  /** What the question's `struct` asked for. */
  struct?(answer: StructAnswer): void;
  /** While the question has `count`. */
  counted?(count: RowCount): void;
  /** Of this template's programs, while the question has `explain`. */
  explained?(reports: readonly ProgramReport[], template: string): void;
  finding?(finding: Finding): void;
  recording?(recording: RecordingState): void;
  /** The thread that reads had ended and was begun anew: what is compared over time begins again. */
  begunAnew?(why: string): void;
}

/**
 * @param templates those registered in this thread
 * @param replay the recording to be looked at; the running kernel where absent
 * @param baseline rows of a file to compare with
 * @param hosts those that are looked at; the running kernel where there are none
 */
export function startSampler(
  receiver: Receiver,
  templates: readonly Template[] = [],
  replay?: string,
  baseline?: Baseline,
  hosts: readonly Host[] = [],
): Sampler {
  let generation = 0;
  let question: Question | null = null;
  let last: SampledView | null = null;
  let moment: MomentWire | null = null;
  let recording: RecordingState | null = null;
  let finding: Finding | null = null;
  const looked: ToWorker[] = hosts.length > 0 ? [{ type: 'hosts', names: hosts.map(({ name }) => name) }] : [];
  const worker = lastingWorker({
    received(message) {
      if (message.type === 'view') {
        last = message.generation === generation ? viewOf(message.wire, last, moment) : null;
        if (last) receiver.received(last);
        worker.post({ type: 'taken' });
      } else if ('run' in message) pump.received(message);
      else if (message.type === 'counted') receiver.counted?.(message.count);
      else if (message.type === 'moment') moment = message.moment;
      else if (message.type === 'struct') receiver.struct?.(message.answer);
      else if (message.type === 'programs') receiver.explained?.(message.reports, message.template);
      else if (message.type === 'finding') {
        finding = message.finding;
        receiver.finding?.(finding);
      } else if (message.type === 'recording') {
        recording = message.recording;
        receiver.recording?.(recording);
      } else receiver.failed(Object.assign(new Error(message.error.message), message.error));
    },
    brief: () => [
      { type: 'templates', templates, generation },
      ...(replay === undefined ? [] : [{ type: 'replay', path: replay } as const]),
      ...(baseline ? [{ type: 'baseline', baseline } as const] : []),
      ...looked,
      ...(question ? [{ type: 'ask', question } as const] : []),
      ...(last?.position ? [{ type: 'go', move: { by: last.position.index } } as const] : []),
    ],
    ended(why, again) {
      // What was under way is not taken up again.
      if (recording?.going) receiver.recording?.({ ...recording, going: false, error: why });
      if (finding?.found === null) receiver.finding?.({ ...finding, found: -1, error: why });
      recording = null;
      finding = null;
      pump.stop();
      // Without a view so far there is nothing to go on with.
      if (again && last) receiver.begunAnew?.(why);
      else receiver.failed(new Error(`reading has ended: ${why}`));
    },
  });
  const { post } = worker;
  const pump = new HostPump(hosts, post);
  post({ type: 'templates', templates, generation });
  if (replay !== undefined) post({ type: 'replay', path: replay });
  if (baseline) post({ type: 'baseline', baseline });
  for (const message of looked) post(message);
  return {
    ask(asked) {
      question = asked;
      post({ type: 'ask', question });
    },
    templates(list) {
      templates = list;
      post({ type: 'templates', templates, generation: ++generation });
    },
    refresh: () => post({ type: 'refresh' }),
    go: (move) => post({ type: 'go', move }),
    find: (sought) => post({ type: 'find', sought }),
    record: (path) => post({ type: 'record', path }),
    close() {
      pump.stop();
      worker.close();
    },
  };
}
