/** Objects that are held still, and how each is found among a table's rows: exactly once in every refresh. */
import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import koffi from 'koffi';
import { Btf } from '../../src/bpf/btf.ts';
import { BpfMap } from '../../src/bpf/map.ts';
import type { Question } from '../../src/state/question.ts';
import { Reader } from '../../src/state/reader.ts';
import type { View } from '../../src/state/view.ts';
import { findTemplate } from '../../src/templates/registry.ts';

/** A row's object as a number or a text; undefined for what is not among those that could be held. */
export type KeyOf = (view: View, row: number) => number | string | undefined;

/** What is asked, and what has to be in the answer. */
export interface Still {
  readonly label: string;
  readonly asked: Pick<Question, 'template' | 'columns'> & Partial<Question>;
  readonly keyOf: KeyOf;
  readonly keys: ReadonlySet<number | string>;
}

export interface Held {
  readonly stills: readonly Still[];
  /** A map of still elements; others in it may come and go. */
  readonly elements: BpfMap;
  /** Where cgroups can be made; undefined without a cgroup2 file system. */
  readonly cgroups: string | undefined;
  release(): void;
}

export const STILL_ELEMENTS = 2000;
const COUNT = 40;
const AF_NETLINK = 16;
const SOCK_RAW = 3;

const inodeOf = (fd: number) => Number(fs.fstatSync(fd).ino);
const fdOf = (handle: unknown) => (handle as { _handle: { fd: number } })._handle.fd;
const times = <T>(make: (i: number) => T) => Array.from({ length: COUNT }, (_, i) => make(i));

/** From /proc/self: ids of what bpf(2) gave this process. */
export function heldIds(kind: 'prog' | 'map' | 'link'): number[] {
  return fs.readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    try {
      const text = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
      const id = new RegExp(`^${kind}_id:\\s*(\\d+)`, 'm').exec(text);
      // What a link says of its program is not a program that is held.
      return id && (kind === 'link' || !/^link_id:/m.test(text)) ? [Number(id[1])] : [];
    } catch {
      return [];
    }
  });
}

async function pairs(): Promise<{ ends: net.Socket[]; listeners: net.Server[] }> {
  const ends: net.Socket[] = [];
  const listeners = await Promise.all(
    times(async () => {
      const server = net.createServer((end) => ends.push(end));
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      const end = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
      await new Promise<void>((done) => end.once('connect', done));
      ends.push(end);
      return server;
    }),
  );
  while (ends.length < 2 * COUNT) await new Promise((done) => setTimeout(done, 10));
  return { ends, listeners };
}

function cgroup2(): string | undefined {
  const line = fs
    .readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((l) => l.split(' ')[2] === 'cgroup2');
  return line?.split(' ')[1];
}

/** Removes a folder of cgroups in which whoever is just ending may still make some. */
function removeCgroups(folder: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; fs.existsSync(folder) && tries < 100; tries++) {
    try {
      for (const entry of fs.readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory()) fs.rmdirSync(path.join(folder, entry.name));
      fs.rmdirSync(folder);
    } catch {
      Atomics.wait(pause, 0, 0, 20);
    }
  }
}

export async function hold(): Promise<Held> {
  const processes: ChildProcess[] = times(() => spawn('sleep', ['infinity'], { stdio: 'ignore' }));
  const pids = processes.map((p) => p.pid!);
  process.on('exit', () => {
    for (const child of processes) child.kill('SIGKILL');
  });
  const files = times(() => fs.openSync('/dev/null', 'r'));
  const { ends, listeners } = await pairs();
  const udp = await Promise.all(
    times(async () => {
      const socket = dgram.createSocket('udp4');
      await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
      return socket;
    }),
  );
  const unix = await Promise.all(
    times(async (i) => {
      const server = net.createServer();
      await new Promise<void>((done) => server.listen(`\0itertop-still-${process.pid}-${i}`, done));
      return server;
    }),
  );
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const bind = libc.func('int bind(int fd, void *address, uint32_t length)');
  // struct sockaddr_nl with port 0: the kernel chooses. Without a port a socket is in no list.
  const anyPort = new Uint8Array(Uint16Array.of(AF_NETLINK, 0, 0, 0, 0, 0).buffer);
  const netlink = times(() => {
    const fd = Number(socket(AF_NETLINK, SOCK_RAW, 0));
    bind(fd, anyPort, anyPort.length);
    return fd;
  });
  const elements = BpfMap.create({
    type: 'hash',
    keySize: 4,
    valueSize: 8,
    maxEntries: 2 * STILL_ELEMENTS,
    name: 'still',
  });
  for (let key = 1; key <= STILL_ELEMENTS; key++)
    elements.update(new Uint8Array(Uint32Array.of(key).buffer), Buffer.alloc(8));
  const maps = times(() =>
    BpfMap.create({ type: 'array', keySize: 4, valueSize: 8, maxEntries: 1, name: 'still_array' }),
  );
  const readers = times(() => {
    const reader = new Reader(findTemplate('task'), Btf.vmlinux());
    reader.configure({ columns: ['pid'] });
    return reader;
  });
  const root = cgroup2();
  const folder = root && path.join(root, `itertop-endurance-${process.pid}`);
  if (folder) {
    fs.mkdirSync(folder);
    process.on('exit', () => removeCgroups(folder));
  }
  const cgroups = folder ? times((i) => path.join(folder, `still-${i}`)) : [];
  for (const each of cgroups) fs.mkdirSync(each);

  const number =
    (column: string): KeyOf =>
    (view, row) =>
      view.number(row, column);
  const columns = (...names: string[]) => ({ columns: names });
  const port = (s: { address(): unknown }) => (s.address() as net.AddressInfo).port;
  const pair = (local: number, remote: number) => local * 65536 + remote;
  const mapped = pids.slice(0, 4);
  const vmas = mapped.flatMap((pid) =>
    fs
      .readFileSync(`/proc/${pid}/maps`, 'latin1')
      .split('\n')
      // Of the page of vsyscalls there is no vm_area_struct.
      .filter((line) => line !== '' && !line.endsWith('[vsyscall]'))
      .map((line) => `${pid} ${Number.parseInt(line, 16)}`),
  );
  const stills: Still[] = [
    {
      label: 'task',
      asked: { template: 'task', ...columns('pid', 'cpu', 'comm') },
      keyOf: number('pid'),
      keys: new Set([...pids, process.pid]),
    },
    {
      label: 'task (threads)',
      asked: { template: 'task', ungroup: true, ...columns('tid', 'state', 'comm') },
      keyOf: number('tid'),
      keys: new Set([...pids, process.pid]),
    },
    {
      label: 'task_file',
      asked: { template: 'task_file', ...columns('pid', 'fd', 'type', 'name') },
      keyOf: (view, row) => (view.number(row, 'pid') === process.pid ? view.number(row, 'fd') : undefined),
      keys: new Set(files),
    },
    {
      label: 'task_vma',
      asked: {
        template: 'task_vma',
        filters: { pid: mapped.map((pid) => [pid, pid] as const) },
        ...columns('pid', 'start', 'path'),
      },
      keyOf: (view, row) => `${view.number(row, 'pid')} ${view.number(row, 'start')}`,
      keys: new Set(vmas),
    },
    {
      label: 'tcp',
      asked: { template: 'tcp', ...columns('lport', 'rport', 'state', 'local', 'remote', 'rtt', 'pid') },
      keyOf: (view, row) => pair(view.number(row, 'lport'), view.number(row, 'rport')),
      keys: new Set([
        ...listeners.map((server) => pair(port(server), 0)),
        ...ends.map((end) => pair(end.localPort!, end.remotePort!)),
      ]),
    },
    {
      label: 'udp',
      asked: { template: 'udp', ...columns('lport', 'inode', 'rxq', 'local', 'user') },
      keyOf: number('lport'),
      keys: new Set(udp.map(port)),
    },
    {
      label: 'unix',
      asked: { template: 'unix', ...columns('inode', 'path', 'state', 'type', 'user') },
      keyOf: number('inode'),
      keys: new Set(unix.map((server) => inodeOf(fdOf(server)))),
    },
    {
      label: 'netlink',
      asked: { template: 'netlink', ...columns('inode', 'protocol') },
      keyOf: number('inode'),
      keys: new Set(netlink.map(inodeOf)),
    },
    {
      label: 'bpf_map',
      asked: { template: 'bpf_map', ...columns('id', 'name') },
      keyOf: number('id'),
      keys: new Set(heldIds('map')),
    },
    {
      label: 'bpf_prog',
      asked: { template: 'bpf_prog', ...columns('id', 'name') },
      keyOf: number('id'),
      keys: new Set(heldIds('prog')),
    },
    {
      label: 'bpf_link',
      asked: { template: 'bpf_link', ...columns('id', 'type') },
      keyOf: number('id'),
      keys: new Set(heldIds('link')),
    },
    {
      label: 'bpf_map_elem',
      asked: { template: 'bpf_map_elem', ...columns('key', 'value') },
      keyOf: number('key'),
      keys: new Set(Array.from({ length: STILL_ELEMENTS }, (_, i) => i + 1)),
    },
    ...(cgroups.length > 0
      ? [
          {
            label: 'cgroup',
            asked: { template: 'cgroup', ...columns('id', 'path') },
            keyOf: number('id'),
            keys: new Set(cgroups.map((each) => Number(fs.statSync(each).ino))),
          },
        ]
      : []),
  ];
  return {
    stills,
    elements,
    cgroups: folder,
    release() {
      for (const child of processes) child.kill('SIGKILL');
      for (const fd of [...files, ...netlink]) fs.closeSync(fd);
      for (const end of ends) end.on('error', () => {}).resetAndDestroy();
      for (const server of [...listeners, ...unix]) server.close();
      for (const each of udp) each.close();
      for (const each of [elements, ...maps, ...readers]) each.close();
      if (folder) removeCgroups(folder);
    },
  };
}
