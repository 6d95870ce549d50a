/** A cpio archive in the form that the kernel unpacks (`newc`: Documentation/driver-api/early-userspace/buffer-format.rst). */
import fs from 'node:fs';

export interface Entry {
  readonly name: string;
  /** With the type of file: 0o100755 is a program, 0o040755 a folder. */
  readonly mode: number;
  readonly data?: Uint8Array;
}

export function writeInitramfs(file: string, entries: readonly Entry[]): void {
  const parts: Uint8Array[] = [];
  const padding = (length: number) => Buffer.alloc((4 - (length % 4)) % 4);
  let inode = 0;
  for (const { name, mode, data = Buffer.alloc(0) } of [...entries, { name: 'TRAILER!!!', mode: 0 }]) {
    const links = 1;
    const fields = [++inode, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, name.length + 1, 0];
    const head = Buffer.from(`070701${fields.map((f) => f.toString(16).padStart(8, '0')).join('')}${name}\0`, 'latin1');
    parts.push(head, padding(head.length), data, padding(data.length));
  }
  fs.writeFileSync(file, Buffer.concat(parts));
}
