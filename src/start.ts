/** Starts what the command line asks for. */
import { isatty } from 'node:tty';
import { setFlagsFromString } from 'node:v8';
import { load } from './bpf/bundle.ts';
import { fewDescriptors } from './descriptors.ts';
import { startWorker } from './state/worker-thread.ts';
import { V8_FLAGS } from './v8-flags.ts';

/** Commands and options that end without the explorer. */
const OTHERS = new Set([
  'dump',
  'doctor',
  'templates',
  'record',
  'replay',
  'query',
  'completion',
  'help',
  '-h',
  '--help',
  '-V',
  '--version',
]);

const lack = fewDescriptors();
if (lack !== '') {
  process.stderr.write(`itertop: ${lack}\n`);
  process.exitCode = 3;
} else {
  for (const flag of V8_FLAGS) setFlagsFromString(flag);
  const argv = process.argv.slice(2);
  // Where it is likely that the explorer is asked for, its other thread loads along with this one.
  const early = isatty(1) && !argv.some((arg) => OTHERS.has(arg)) ? startWorker() : undefined;
  const { run } = await load<typeof import('./cli.ts')>('program');
  process.exitCode = await run(argv, early);
}
