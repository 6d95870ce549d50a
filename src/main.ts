/** Starts what the command line asks for; in the bundle also the worker, which is the same file. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

/** Ink and the syntax of the bundle need this Node. */
const MIN_NODE = 22;

if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
  process.stderr.write(
    `itertop: Node.js ${MIN_NODE} or later is needed, this is ${process.versions.node}; run it with \`npm start\`, which brings its own\n`,
  );
  process.exitCode = 3;
} else if (!isMainThread && workerData?.role === 'itertop-worker' && parentPort) {
  const { serve } = await import('./state/worker.ts');
  serve(parentPort);
} else {
  const { run } = await import('./cli.ts');
  process.exitCode = await run(process.argv.slice(2));
}
