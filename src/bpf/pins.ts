/** What is pinned in bpf file systems: paths by the id of the program, map or link that they keep. */
import fs from 'node:fs';
import path from 'node:path';
import { mountsOf } from './mounts.ts';
import { Attr, BPF_F_RDONLY, BpfError, bpf, errnoName, OwnedFd, tryBpf } from './syscall.ts';

export type PinKind = 'prog' | 'map' | 'link';

export interface PinList {
  /** `prog 12` -> the paths of program 12, with commas between them. */
  readonly paths: ReadonlyMap<string, string>;
  /** What could not be looked at, the first of it and why; '' where everything was. */
  readonly refused: string;
}

interface Folder {
  /** Of its last change; '' where that was too short ago to tell the next one from it. */
  readonly stamp: string;
  readonly folders: readonly string[];
  readonly pins: readonly (readonly [key: string, path: string])[];
}

const EINVAL = 22;
const MAX_DEPTH = 16;
const MAX_PINS = 8192;
/** Times of files are those of the last tick (HZ is 100 at least). */
const TICK_MS = 20;

/** Remembers each folder until its time of change moves, so that to look again costs one stat(2) a folder. */
export class Pins {
  #folders = new Map<string, Folder>();
  #list: PinList = { paths: new Map(), refused: '' };

  /** The same list as before where nothing has changed. */
  list(mounts: readonly string[] = bpfMounts()): PinList {
    const seen = new Map<string, Folder>();
    let refused = '';
    let left = MAX_PINS;
    let changed = false;
    const refuse = (where: string, why: string) => {
      refused ||= `${where}: ${why}`;
    };
    const visit = (dir: string, depth: number): void => {
      let folder: Folder;
      try {
        folder = this.#read(dir, left, refuse);
      } catch (error) {
        changed = true;
        const { code = String(error) } = error as NodeJS.ErrnoException;
        // Folders go while we look.
        if (code !== 'ENOENT') refuse(dir, code);
        return;
      }
      changed ||= folder !== this.#folders.get(dir);
      seen.set(dir, folder);
      left -= folder.pins.length;
      for (const below of folder.folders) {
        if (left <= 0) refuse(below, `more than ${MAX_PINS} pins`);
        else if (depth === MAX_DEPTH) refuse(below, `more than ${MAX_DEPTH} folders deep`);
        else visit(below, depth + 1);
      }
    };
    for (const mount of mounts) visit(mount, 0);
    // Folders that are no longer mounted leave fewer.
    if (!changed && seen.size === this.#folders.size) return this.#list;
    this.#folders = seen;
    const all = [...seen.values()].flatMap(({ pins }) => pins);
    const paths = [...Map.groupBy(all, ([key]) => key)].map(([key, pins]): [string, string] => [
      key,
      pins.map(([, path]) => path).join(', '),
    ]);
    this.#list = { paths: new Map(paths), refused };
    return this.#list;
  }

  #read(dir: string, most: number, refuse: (where: string, why: string) => void): Folder {
    const { ino, mtimeNs, mtimeMs } = fs.statSync(dir, { bigint: true });
    const known = this.#folders.get(dir);
    const stamp = `${ino} ${mtimeNs}`;
    if (known?.stamp === stamp) return known;
    let settled = Date.now() - Number(mtimeMs) > TICK_MS;
    const folders: string[] = [];
    const pins: (readonly [string, string])[] = [];
    const entries = fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const at = path.join(dir, entry.name);
      if (entry.isDirectory()) folders.push(at);
      if (!entry.isFile()) continue;
      if (pins.length >= most) {
        refuse(at, `more than ${MAX_PINS} pins`);
        settled = false;
        break;
      }
      const found = pinned(at);
      if (typeof found === 'string') pins.push([found, at]);
      else if (found !== 0) {
        refuse(at, errnoName(found));
        // A permission may come without the folder being changed.
        settled = false;
      }
    }
    return { stamp: settled ? stamp : '', folders, pins };
  }
}

/** `map 7`; 0 for what is none of the three, an errno where it may not be opened. */
function pinned(at: string): string | number {
  const attr = new Attr(16).pointer(0, Buffer.from(`${at}\0`)).u32(12, BPF_F_RDONLY);
  let fd = tryBpf('BPF_OBJ_GET', attr);
  // A link is opened for both or not at all (bpf_obj_get_user() of kernel/bpf/inode.c).
  if (fd === -EINVAL) fd = tryBpf('BPF_OBJ_GET', attr.u32(12, 0));
  if (fd < 0) return fd === -2 || fd === -EINVAL ? 0 : -fd;
  using object = new OwnedFd(fd);
  const kind = /\bbpf[-_](prog|map|link)/.exec(fs.readlinkSync(`/proc/self/fd/${object.fd}`))?.[1];
  if (kind === undefined) return 0;
  // The infos of all three begin with a type and the id.
  const info = Buffer.alloc(8);
  try {
    bpf('BPF_OBJ_GET_INFO_BY_FD', new Attr(16).u32(0, object.fd).u32(4, info.length).pointer(8, info));
  } catch (error) {
    if (error instanceof BpfError) return error.errno;
    throw error;
  }
  return `${kind} ${new Uint32Array(info.buffer, info.byteOffset, 2)[1]}`;
}

/** Where bpf file systems are mounted in this process's mount namespace, one path for each. */
export function bpfMounts(mountinfo?: string): string[] {
  const mounts = new Map<string, string>();
  for (const { device, root, point } of mountsOf('bpf', mountinfo)) {
    const key = `${device} ${root}`;
    if (!mounts.has(key)) mounts.set(key, point);
  }
  return [...mounts.values()];
}
