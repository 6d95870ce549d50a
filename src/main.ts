/** Starts what the command line asks for. */
import { setFlagsFromString } from 'node:v8';
import { startEarly } from './state/worker-thread.ts';

/** Ink and the syntax of the bundle need this Node. */
const MIN_NODE = 22;
/** Commands and options that end without the explorer. */
const OTHERS = new Set([
  'dump',
  'doctor',
  'templates',
  'record',
  'replay',
  'completion',
  'help',
  '-h',
  '--help',
  '-V',
  '--version',
]);

if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
  process.stderr.write(
    `itertop: Node.js ${MIN_NODE} or later is needed, this is ${process.versions.node}; run it with \`npm start\`, which brings its own\n`,
  );
  process.exitCode = 3;
} else {
  // Little of what a screen takes lives long: room for it that grows is never given back, 15 MB of it in each thread.
  setFlagsFromString('--semi-space-growth-factor=1');
  const argv = process.argv.slice(2);
  // Where it is likely that the explorer is asked for, its other thread loads along with this one.
  if (process.stdout.isTTY && !argv.some((arg) => OTHERS.has(arg))) startEarly();
  const { run } = await import('./cli.ts');
  process.exitCode = await run(argv);
}
