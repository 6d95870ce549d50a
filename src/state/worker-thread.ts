/** The worker's thread. It can be started before it is known what it will be asked: it loads while the command line is read. */
import { Worker } from 'node:worker_threads';
import { asset, PACKED } from '../bpf/packed.ts';

/** The bundle has the worker beside it, the single executable within it. */
const FILE = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';

let early: Worker | undefined;

function start(): Worker {
  const source = PACKED ? Buffer.from(asset('worker.js')).toString() : new URL(FILE, import.meta.url);
  return new Worker(source, {
    eval: PACKED,
    // Descriptors made by bpf(2) are closed by their owners; Node did not open them and would warn.
    trackUnmanagedFds: false,
    // What a refresh leaves behind is collected early: rows lie in shared memory, not on the heap.
    resourceLimits: { maxYoungGenerationSizeMb: 6 },
    stdout: false,
  });
}

/** A process that does not need it after all ends without waiting for it. */
export function startEarly(): void {
  early = start();
  early.unref();
}

export function takeWorker(): Worker {
  const worker = early ?? start();
  early = undefined;
  worker.ref();
  return worker;
}
