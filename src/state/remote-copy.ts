/** Executables that are taken to other hosts: for which machine each is, its hash, and the bytes as they travel. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import zlib from 'node:zlib';
import { openRegular, reason } from '../bpf/user-file.ts';
import { UsageError } from '../templates/template.ts';
import type { Packer } from './remote-script.ts';

/** What uname(1) calls a machine, by the number that ELF has for it. */
const MACHINES: Readonly<Record<number, string>> = { 62: 'x86_64', 183: 'aarch64' };

/** One of them. Its bytes are read, and made smaller, when a host wants them. */
export class Executable {
  readonly path: string;
  /** As `uname -m` says it. */
  readonly machine: string;
  readonly size: number;
  #hash: Promise<string> | undefined;
  readonly #packed = new Map<Packer, Promise<Buffer>>();

  /** @throws UsageError where it is none */
  constructor(path: string) {
    this.path = path;
    const head = Buffer.alloc(20);
    try {
      const fd = openRegular(path);
      try {
        this.size = fs.fstatSync(fd).size;
        fs.readSync(fd, head, 0, head.length, 0);
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      throw new UsageError(`--copy ${path}: ${reason(error)}`);
    }
    const machine = MACHINES[head.readUInt16LE(18)];
    if (head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2 || machine === undefined)
      throw new UsageError(
        `--copy ${path}: it is no executable for ${Object.values(MACHINES).join(' or ')}; \`npm run build:bin\` makes them`,
      );
    this.machine = machine;
  }

  /** SHA-256 in hex. */
  get hash(): Promise<string> {
    if (!this.#hash) {
      this.#hash = this.#hashed();
      // What could not be read may be there the next time.
      this.#hash.catch(() => {
        this.#hash = undefined;
      });
    }
    return this.#hash;
  }

  async #hashed(): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of fs.createReadStream(this.path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }

  /** The bytes for a host that has this to unpack them; made once for all hosts. */
  packed(packer: Packer): Promise<Buffer> {
    const before = this.#packed.get(packer);
    if (before) return before;
    const made = buffer(this.#pack(packer));
    this.#packed.set(packer, made);
    made.catch(() => this.#packed.delete(packer));
    return made;
  }

  #pack(packer: Packer): Readable {
    const file = fs.createReadStream(this.path, { highWaterMark: 1 << 20 });
    if (packer === 'cat') return file;
    const smaller = packer === 'gzip' ? zlib.createGzip() : zlib.createZstdCompress();
    file.on('error', (error) => smaller.destroy(error));
    return file.pipe(smaller);
  }

  /** What this Node can make smaller: Zstandard is there from 22.15. */
  static packs(packer: string): packer is Packer {
    return (
      packer === 'cat' || packer === 'gzip' || (packer === 'zstd' && typeof zlib.createZstdCompress === 'function')
    );
  }
}

/** That for a machine. @throws Error with the reason where there is none */
export function forMachine(executables: readonly Executable[], machine: string): Executable {
  const found = executables.find((e) => e.machine === machine);
  if (found) return found;
  const has = [...new Set(executables.map((e) => e.machine))].join(' and ');
  throw new Error(`it is ${machine}, and --copy has executables for ${has}: name one for ${machine}, too`);
}
