/** Holds many threads or sockets until its stdin ends: `node holder.ts KIND COUNT [ADDRESS]`. Says `ready` when they are there. */
import net from 'node:net';
import koffi from 'koffi';

/** The default of 8 MiB is only reserved, but 10,000 of them are still a lot of address space. */
const STACK_BYTES = 64 << 10;
/** sizeof(pthread_attr_t): 56 with glibc on x86-64, 64 on arm64. */
const ATTR_BYTES = 128;
/** Connections under way at once; below any backlog. */
const AT_ONCE = 100;

/** Threads of libc's own that sleep in pause(2): nothing else in this process is as light. */
function holdThreads(count: number): void {
  const libc = koffi.load(null);
  const pause = libc.func('void *dlsym(void *handle, const char *name)')(null, 'pause');
  const create = libc.func('int pthread_create(void *id, void *attr, void *start, void *argument)');
  const attr = Buffer.alloc(ATTR_BYTES);
  libc.func('int pthread_attr_init(void *attr)')(attr);
  libc.func('int pthread_attr_setstacksize(void *attr, size_t size)')(attr, STACK_BYTES);
  const id = Buffer.alloc(8);
  for (let i = 0; i < count; i++) {
    const error = create(id, attr, pause, null);
    if (error !== 0) throw new Error(`pthread_create: error ${error} at thread ${i} of ${count}; see \`ulimit -u\``);
  }
}

/** Both ends of each connection are here. A port is bound to one address, so each holder has its own. */
async function holdSockets(count: number, address: string): Promise<() => void> {
  const ends: net.Socket[] = [];
  const server = net.createServer((socket) => ends.push(socket));
  await new Promise<void>((resolve) => server.listen({ host: address, port: 0, backlog: 511 }, resolve));
  const { port } = server.address() as net.AddressInfo;
  const connect = () =>
    new Promise<void>((resolve, reject) => {
      const socket = net.connect({ host: address, port, localAddress: address }, resolve);
      socket.on('error', reject);
      ends.push(socket);
    });
  for (let made = 0; made < count / 2; made += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count / 2 - made) }, connect));
  }
  // Reset, so that nothing stays behind in TIME_WAIT.
  return () => {
    for (const end of ends) end.on('error', () => {}).resetAndDestroy();
    server.close();
  };
}

const [kind, count = '', address = ''] = process.argv.slice(2);
let release = () => {};
if (kind === 'threads') holdThreads(Number(count));
else release = await holdSockets(Number(count), address);
process.stdout.write('ready\n');
process.stdin.resume().on('end', () => {
  release();
  setImmediate(() => process.exit());
});
