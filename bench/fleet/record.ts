/** Recordings of this machine while things come and go on it, by the program itself. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { ITERTOP } from '../terminal.ts';

/** Tables that a fleet is asked about, with what the views of `itertop query` need. */
export const TABLES: Readonly<Record<string, string>> = {
  tcp: '+bytes_in,bytes_out,held_by',
  task: '+fds,comm,start_ns',
};

/** Processes that sleep, that work now and then, and that come and go; connections with something to say. */
const CHURN = `
const net = require('node:net');
const { spawn } = require('node:child_process');
const server = net.createServer((end) => end.on('error', () => {}).pipe(end)).listen(0, '127.0.0.1', () => {
  const connect = () => net.connect(server.address().port, '127.0.0.1').on('error', () => {}).resume();
  const stay = Array.from({ length: 40 }, connect);
  setInterval(() => stay.forEach((end, i) => i % 3 || end.write(Buffer.alloc(100 + i * 50))), 100);
  setInterval(() => { const end = connect(); setTimeout(() => end.destroy(), 800); }, 50);
  process.stdout.write('ready');
});
for (let i = 0; i < 60; i++) spawn('sleep', ['1000'], { stdio: 'ignore' });
setInterval(() => spawn('sh', ['-c', 'sleep 0.3'], { stdio: 'ignore' }), 40);
process.stdin.resume().on('end', () => process.kill(-process.pid, 'SIGKILL'));
`;

/** @returns a file for each table @throws Error where this machine does not let itself be recorded */
export async function recordHere(folder: string, refreshes: number): Promise<ReadonlyMap<string, string>> {
  const load = spawn(process.execPath, ['-e', CHURN], { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  try {
    await once(load.stdout!, 'data');
    const files = new Map<string, string>();
    for (const [table, columns] of Object.entries(TABLES)) {
      const file = path.join(folder, `${table}.itertop`);
      const [program, ...args] = ITERTOP;
      const asked = ['record', table, '-c', columns, '-n', String(refreshes), '-d', '0.5', '-o', file];
      const { status, stderr } = spawnSync(program!, [...args, ...asked], { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr.trim());
      files.set(table, file);
    }
    return files;
  } finally {
    const ended = once(load, 'exit');
    load.stdin!.end();
    await ended;
  }
}
