/** `--tether`: what is started from elsewhere ends with who started it, and leaves nothing behind there. */
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
import { UsageError } from './templates/template.ts';

/**
 * In a thread of its own: the main one may be waiting for a pipe that no one empties any more, for ever. What asks
 * first (SIGTERM) gives a file or a line the time to become whole.
 */
const WATCH = `
const { Socket } = require('node:net');
const { workerData } = require('node:worker_threads');
const end = () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1000);
};
let timer = setTimeout(end, workerData);
const alive = () => timer.refresh();
const over = () => (clearTimeout(timer), end());
try {
  new Socket({ fd: 0, readable: true, writable: false }).on('data', alive).once('end', over).once('error', over);
} catch {
  over();
}
`;

/** Ends this process when standard input ends, or has been silent for so many seconds. @throws UsageError */
export function tether(seconds: number): void {
  const stdin = fs.fstatSync(0);
  if (!stdin.isFIFO() && !stdin.isSocket())
    throw new UsageError('--tether is for what is started by another program: standard input has to be a pipe');
  new Worker(WATCH, { eval: true, workerData: seconds * 1000, stdin: false }).unref();
}
