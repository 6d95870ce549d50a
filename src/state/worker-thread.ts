/** The worker's thread. It can be started before it is known what it will be asked: it loads while the command line is read. */
import { Worker } from 'node:worker_threads';
import { heldMemory } from '../bpf/held.ts';
import { asset, PACKED } from '../bpf/packed.ts';

/** The bundle has the worker beside it, the single executable within it. */
const FILE = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';

export interface WorkerThread {
  readonly worker: Worker;
  /** The descriptors that it holds: bpf/held.ts. */
  readonly held: SharedArrayBuffer;
}

let early: WorkerThread | undefined;

export function startWorker(): WorkerThread {
  const held = heldMemory();
  const source = PACKED ? Buffer.from(asset('worker.js')).toString() : new URL(FILE, import.meta.url);
  const worker = new Worker(source, {
    eval: PACKED,
    workerData: { held },
    // Descriptors made by bpf(2) are closed by their owners; Node did not open them and would warn.
    trackUnmanagedFds: false,
    // What a refresh leaves behind is collected early: rows lie in shared memory, not on the heap.
    resourceLimits: { maxYoungGenerationSizeMb: 6 },
    // Nothing is printed there, and to pass it on this thread would have to load its own streams first.
    stdout: true,
    stderr: true,
  });
  return { worker, held };
}

/** One that was started early. A process that does not need it after all ends without waiting for it. */
export function keepWorker(thread: WorkerThread | undefined): void {
  thread?.worker.unref();
  early = thread;
}

export function takeWorker(): WorkerThread {
  const thread = early ?? startWorker();
  early = undefined;
  thread.worker.ref();
  return thread;
}
