/** The made-up host: servers and clients that talk over its loopback, until standard input ends. Prints `ready`. */
import { execFileSync, fork } from 'node:child_process';
import net from 'node:net';

/** Name, port it listens on, and bytes a second that each client asks for. */
const SERVERS = [
  ['postgres', 5432, 180_000],
  ['redis-server', 6379, 60_000],
  ['nginx', 8080, 25_000],
] as const;
const CLIENTS = [
  ['api-gateway', [5432, 6379]],
  ['worker', [5432, 5432, 6379]],
  ['billing', [5432]],
  ['curl', [8080, 8080]],
] as const;
const BEATS = 20;

function serve(port: number): void {
  net
    .createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (asked) => socket.write(Buffer.alloc(Number(asked.toString().split('\n')[0]) || 0)));
    })
    .listen(port, '127.0.0.1', () => process.send!('ready'));
}

function ask(ports: readonly number[]): void {
  for (const port of ports) {
    const rate = SERVERS.find(([, each]) => each === port)![2] * (0.5 + Math.random());
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    setInterval(() => socket.write(`${Math.round(rate / BEATS)}\n`), 1000 / BEATS);
  }
  process.send!('ready');
}

const [role, name] = process.argv.slice(2);
if (role === undefined) {
  execFileSync('hostname', ['demo']);
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const start = (kind: string, of: string) =>
    new Promise((ready) => fork(import.meta.filename, [kind, of], { stdio: 'ignore' }).once('message', ready));
  for (const [each] of SERVERS) await start('server', each);
  for (const [each] of CLIENTS) await start('client', each);
  process.title = 'init';
  process.stdout.write('ready\n');
  process.stdin.on('end', () => process.exit()).resume();
} else {
  process.title = name;
  process.on('disconnect', () => process.exit());
  if (role === 'server') serve(SERVERS.find(([each]) => each === name)![1]);
  else ask(CLIENTS.find(([each]) => each === name)![1]);
}
