/** What the single executable holds within itself: files that otherwise lie beside the program. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { getRawAsset, isSea } from 'node:sea';

/** This is the single executable; nothing lies beside it. */
export const PACKED = isSea();

/** Its bytes where they are mapped: they may not be written to. */
export function asset(name: string): Uint8Array {
  return new Uint8Array(getRawAsset(name) as ArrayBuffer);
}

/** Of open(2), for a folder: a file in it without a name, which ends with its last descriptor (fcntl.h of asm-generic). */
export const O_TMPFILE = 0o20000000 | fs.constants.O_DIRECTORY;

/** Folders whose files may be mapped and run, mostly. */
function folders(): string[] {
  return [
    os.tmpdir(),
    '/dev/shm',
    process.env['XDG_RUNTIME_DIR'] ?? '',
    '/run',
    '/var/tmp',
    process.env['HOME'] ?? '',
  ].filter((folder) => path.isAbsolute(folder));
}

/**
 * Makes an asset a file for as long as `use` takes, one that no one else can open or put another in place of.
 * Where a folder does not do (it is read-only, or mounted noexec), the next one is tried.
 * @throws the last reason
 */
export function asFile<T>(name: string, use: (file: string) => T): T {
  // In a function of its own: what esbuild makes of `using` keeps the error of the round before.
  const attempt = (folder: string, make: typeof named) => {
    using file = make(folder, asset(name));
    return use(file.path);
  };
  let reason: unknown;
  for (const folder of new Set(folders()))
    for (const make of [unnamed, named])
      try {
        return attempt(folder, make);
      } catch (error) {
        reason = error;
      }
  throw reason;
}

interface PrivateFile extends Disposable {
  readonly path: string;
}

function unnamed(folder: string, bytes: Uint8Array): PrivateFile {
  const fd = fs.openSync(folder, O_TMPFILE | fs.constants.O_RDWR, 0o600);
  const file = { path: `/proc/self/fd/${fd}`, [Symbol.dispose]: () => fs.closeSync(fd) };
  try {
    fs.writeFileSync(fd, bytes);
    fs.accessSync(file.path);
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
  return file;
}

/** Where a file system has no unnamed files, or /proc is not mounted. */
function named(folder: string, bytes: Uint8Array): PrivateFile {
  const own = fs.mkdtempSync(path.join(folder, 'itertop-'));
  const file = { path: path.join(own, 'file'), [Symbol.dispose]: () => fs.rmSync(own, { recursive: true }) };
  try {
    fs.writeFileSync(file.path, bytes, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
  return file;
}
