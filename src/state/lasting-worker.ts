/** The worker, begun anew where its thread ends unasked (out of memory, a fault of its own), and told again what it knew. */
import { closeHeld } from '../bpf/held.ts';
import type { FromWorker, ToWorker } from './worker.ts';
import { takeWorker } from './worker-thread.ts';

/** So often it is begun anew where it does not last; then only what the user asks for does it. */
const ATTEMPTS = 3;
/** Milliseconds that a thread lasts that is well. */
const LASTING = 10_000;
/** Milliseconds before an attempt, and as many more before each further one. */
const PAUSE = 250;

/** What a new thread is told, or does, whatever was said before. */
const KNOWN: ReadonlySet<ToWorker['type']> = new Set(['ask', 'refresh', 'templates', 'baseline', 'replay', 'hosts']);

/** What is for a thread that is no more. */
const UNDER_WAY: ReadonlySet<ToWorker['type']> = new Set(['taken', 'hostSent', 'hostEnded']);

export interface LastingWorker {
  post(message: ToWorker, transfer?: readonly ArrayBuffer[]): void;
  close(): void;
}

export interface WorkerEvents {
  received(message: FromWorker): void;
  /** What a thread that was begun anew has to know, in order. */
  brief(): readonly ToWorker[];
  /** The thread has ended, and what it held in the kernel is closed. `again`: it is begun anew by itself. */
  ended(why: string, again: boolean): void;
}

export function lastingWorker(events: WorkerEvents): LastingWorker {
  let thread: ReturnType<typeof takeWorker> | null = null;
  let closed = false;
  let attempts = 0;
  let due: NodeJS.Timeout | undefined;
  /** Said while there was no thread, and not in what it is told at its begin. */
  let waiting: ToWorker[] = [];

  function begin(): void {
    const begun = takeWorker();
    const since = performance.now();
    thread = begun;
    let why = '';
    begun.worker.on('message', (message: FromWorker) => {
      if (!closed) events.received(message);
    });
    begun.worker.on('error', (error: NodeJS.ErrnoException) => {
      why = reasonOf(error);
    });
    begun.worker.on('exit', (code) => {
      thread = null;
      if (closed) return;
      closeHeld(begun.held);
      if (performance.now() - since > LASTING) attempts = 0;
      const again = ++attempts <= ATTEMPTS;
      if (again) due = setTimeout(beginAnew, PAUSE * attempts);
      events.ended(why || `its thread ended with code ${code}`, again);
    });
  }

  function beginAnew(): void {
    clearTimeout(due);
    due = undefined;
    begin();
    for (const message of [...events.brief(), ...waiting]) thread!.worker.postMessage(message);
    waiting = [];
  }

  begin();
  return {
    post(message, transfer = []) {
      if (thread) thread.worker.postMessage(message, transfer);
      else if (!closed && !UNDER_WAY.has(message.type)) {
        if (!KNOWN.has(message.type)) waiting.push(message);
        if (!due) beginAnew();
      }
    },
    close() {
      if (closed) return;
      closed = true;
      clearTimeout(due);
      thread?.worker.postMessage({ type: 'close' } satisfies ToWorker);
      thread?.worker.unref();
    },
  };
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return 'its memory was not enough; a filter, a condition or fewer columns take less';
  return error.message ?? String(error);
}
