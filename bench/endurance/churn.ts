/**
 * Objects of all kinds that come and go until stdin ends: `node churn.ts [CGROUP]`, with a BPF hash map as descriptor 3
 * in which elements above the still ones come and go.
 */
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { BpfMap } from '../../src/bpf/map.ts';
import { Attr, tryBpf } from '../../src/bpf/syscall.ts';

/** Milliseconds between two steps; in each, one of every kind is made and the oldest goes. */
const STEP = 3;
/** So many of each kind are there at once. */
const ALIVE = 300;
const MAP = 3;

const [, , cgroups = ''] = process.argv;
const kinds: { made: (() => void)[]; make(n: number): (() => void) | undefined }[] = [];
const kind = (make: (n: number) => (() => void) | undefined) => kinds.push({ made: [], make });

// Processes: shells that start others all the time, and end with this one.
const script = `while kill -0 ${process.pid} 2>/dev/null; do sleep 0.03 & sleep 0.01; done`;
for (let i = 0; i < 2; i++) spawn('sh', ['-c', script], { stdio: 'ignore' });

const server = net.createServer((end) => end.on('error', () => {}));
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
const { port } = server.address() as net.AddressInfo;
kind(() => {
  const end = net.connect(port, '127.0.0.1').on('error', () => {});
  // Reset, so that nothing stays behind in TIME_WAIT.
  return () => end.resetAndDestroy();
});
kind(() => {
  const socket = dgram.createSocket('udp4').on('error', () => {});
  socket.bind(0, '127.0.0.1');
  return () => socket.close();
});
kind((n) => {
  const listener = net.createServer().on('error', () => {});
  listener.listen(`\0itertop-churn-${process.pid}-${n}`);
  return () => listener.close();
});
kind(() => {
  const fd = fs.openSync('/dev/null', 'r');
  return () => fs.closeSync(fd);
});
kind(() => {
  const map = BpfMap.create({ type: 'array', keySize: 4, valueSize: 8, maxEntries: 1, name: 'churn' });
  return () => map.close();
});
kind((n) => {
  const key = new Uint8Array(Uint32Array.of(100_000 + (n % 1000)).buffer);
  tryBpf('BPF_MAP_UPDATE_ELEM', new Attr(32).u32(0, MAP).pointer(8, key).pointer(16, Buffer.alloc(8)));
  return () => tryBpf('BPF_MAP_DELETE_ELEM', new Attr(32).u32(0, MAP).pointer(8, key));
});
if (cgroups !== '')
  kind((n) => {
    const folder = path.join(cgroups, `churn-${n}`);
    fs.mkdirSync(folder);
    return () => fs.rmdirSync(folder);
  });

let n = 0;
const timer = setInterval(() => {
  n++;
  for (const { made, make } of kinds) {
    const end = make(n);
    if (end) made.push(end);
    // Not always the oldest: what lies between still objects goes, too.
    if (made.length > ALIVE) made.splice((n * 7) % ALIVE, 1)[0]!();
  }
}, STEP);

process.stdout.write('ready\n');
process.stdin.resume().on('end', () => {
  clearInterval(timer);
  for (const { made } of kinds) for (const end of made) end();
  setTimeout(() => process.exit(), 50);
});
