/** A process whose names, arguments, files and sockets are hostile texts, a cgroup and a pinned map of such names. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bpfMounts } from '../../src/bpf/pins.ts';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { Attr, bpf } from '../../src/bpf/syscall.ts';
import { MAP, map, put } from './bpf.ts';
import { Child } from './child.ts';
import { BROKEN_BYTES, HOSTILE_TEXTS } from './hostile-texts.ts';
import { FLOW, flowKey, flowTypes, flowValue } from './maps.ts';

/** Every hostile text as bytes, and bytes that are no text; none has a NUL. */
export const HOSTILE_BYTES: readonly Buffer[] = [
  ...Object.values(HOSTILE_TEXTS).filter((text) => text.trim() !== ''),
  ...BROKEN_BYTES.map((bytes) => Buffer.from(bytes)),
].map((each) => Buffer.from(each));

/** The kernel keeps 15 bytes of a name, and cuts characters in the middle. */
export const COMM = 15;

export class HostileObjects implements AsyncDisposable {
  readonly #children: Child[] = [];
  readonly #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-hostile-'));
  readonly #cgroups: string[] = [];
  readonly #pins: string[] = [];
  map: OwnedFd | undefined;

  get pids(): number[] {
    return this.#children.map(({ pid }) => pid);
  }

  /** One process for each hostile text: its name, an argument, an open file and a socket have it. */
  async processes(): Promise<void> {
    for (const [i, bytes] of HOSTILE_BYTES.entries()) {
      const child = await Child.start({
        cwd: this.#folder,
        args: [bytes.toString(), 'x'.repeat(i === 0 ? 100_000 : 1)],
      });
      this.#children.push(child);
      await child.run(
        ({ kept, libc, node }, given: { name: number[]; n: number }) => {
          const fs = node<typeof import('node:fs')>('fs');
          const name = Buffer.from(given.name);
          // No slash, and no more than a name may have.
          const file = Buffer.from(name.map((byte) => (byte === 0x2f ? 0x5f : byte)).subarray(0, 200));
          kept.file = fs.openSync(Buffer.concat([Buffer.from(`${process.cwd()}/`), file]), 'w');
          const socket = libc('int socket(int, int, int)')(1, 1, 0);
          const address = Buffer.concat([Buffer.from([1, 0, 0]), name.subarray(0, 90), Buffer.from([0, given.n])]);
          libc('int bind(int, void *, uint)')(socket, address, address.length);
          libc('int listen(int, int)')(socket, 1);
          fs.writeFileSync('/proc/self/comm', name.subarray(0, 15));
        },
        { name: [...bytes], n: i },
      );
    }
  }

  /** Groups of such names; @returns how many the kernel took. */
  cgroups(): number {
    const mount = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((at) => fs.existsSync(`${at}/cgroup.procs`));
    if (!mount) return 0;
    for (const [i, bytes] of HOSTILE_BYTES.entries()) {
      const name = Buffer.from(bytes.map((byte) => (byte === 0x2f ? 0x5f : byte)).subarray(0, 200));
      const at = Buffer.concat([Buffer.from(`${mount}/itertop-hostile-${process.pid}-${i}-`), name]);
      try {
        fs.mkdirSync(at);
        this.#cgroups.push(at.toString('latin1'));
      } catch {
        // One with a line break.
      }
    }
    return this.#cgroups.length;
  }

  /** A map with hostile texts in its elements, pinned at a path that is one; @returns its path, if it was taken. */
  elements(): string | undefined {
    const types = flowTypes();
    this.map = map({
      ...{ type: MAP.hash, name: 'hostile', keySize: FLOW.key, valueSize: FLOW.value, maxEntries: 64, btf: types },
    });
    for (const [i, bytes] of HOSTILE_BYTES.entries()) {
      const value = flowValue({ packets: BigInt(i), comm: '' });
      bytes.copy(value, 16, 0, 16);
      put(this.map, flowKey(i), value);
    }
    const [mount] = bpfMounts();
    if (mount === undefined) return undefined;
    const at = `${mount}/hostile-${process.pid}-\x1b]0;pwned\x07\u202e`;
    bpf('BPF_OBJ_PIN', new Attr(16).pointer(0, Buffer.from(`${at}\0`)).u32(8, this.map.fd));
    this.#pins.push(at);
    return at;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await child.end();
    for (const at of this.#cgroups) fs.rmdirSync(Buffer.from(at, 'latin1'));
    for (const at of this.#pins) fs.rmSync(at, { force: true });
    this.map?.close();
    // Names that are no UTF-8 are not to go through a string.
    execFileSync('rm', ['-rf', this.#folder]);
  }
}
