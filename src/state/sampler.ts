/** The user interface's end of the worker: questions go in, views come out. */
import { Worker } from 'node:worker_threads';
import { LiveView } from './live-view.ts';
import type { Question } from './question.ts';
import type { FromWorker, ToWorker } from './worker.ts';

export interface Sampler {
  /** Replaces the question; what it changes is read or sorted anew at once, the rest at the next refresh. */
  ask(question: Question): void;
  /** Reads now, also while paused. */
  refresh(): void;
  /** Ends the worker and with it everything that it holds in the kernel. */
  close(): void;
}

export interface Receiver {
  received(view: LiveView): void;
  failed(error: Error & { code?: string }): void;
}

/** In the bundle everything is one file, which knows by workerData that it is the worker. */
const BUNDLED = !import.meta.url.endsWith('/sampler.ts');
export const WORKER_ROLE = 'itertop-worker';

export function startSampler(receiver: Receiver): Sampler {
  const worker = new Worker(BUNDLED ? new URL(import.meta.url) : new URL('./worker.ts', import.meta.url), {
    workerData: WORKER_ROLE,
    // Descriptors made by bpf(2) are closed by their owners; Node did not open them and would warn.
    trackUnmanagedFds: false,
    stdout: false,
  });
  let closed = false;
  const post = (message: ToWorker) => worker.postMessage(message);
  worker.on('message', (message: FromWorker) => {
    if (closed) return;
    if (message.type === 'view') {
      receiver.received(new LiveView(message.wire));
      post({ type: 'taken' });
    } else receiver.failed(Object.assign(new Error(message.error.message), message.error));
  });
  worker.on('error', (error) => {
    if (!closed) receiver.failed(error instanceof Error ? error : new Error(String(error)));
  });
  return {
    ask: (question) => post({ type: 'ask', question }),
    refresh: () => post({ type: 'refresh' }),
    close: () => {
      if (closed) return;
      closed = true;
      post({ type: 'close' });
      worker.unref();
    },
  };
}
