/**
 * A file that appears under its name whole or not at all, readable by its owner only. Until then it has no name, so that
 * nothing is left of it where its writer is killed; where the file system has no such files it has a hidden one, and
 * what was left a day ago is removed by the next that is written beside it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { HIDDEN, hiddenName, NamelessFile } from '../bpf/nameless-file.ts';
import { OwnedFd } from '../bpf/syscall.ts';
import { UsageError } from '../templates/template.ts';
import { FileError, fileReason } from './file-error.ts';
import { refuseOthers } from './own-file.ts';

/** Nobody waits that long between two pieces: intervals end at an hour. */
const LEFT_MS = 86_400_000;

export class AtomicFile {
  readonly path: string;
  readonly #nameless: NamelessFile | undefined;
  /** Where it has a name until it has its own. */
  readonly #temporary: string;
  readonly #file: OwnedFd;

  /** @throws UsageError where the folder cannot be written to, or the name is another user's or no file's */
  constructor(file: string) {
    this.path = path.resolve(file);
    this.#temporary = hiddenName(this.path);
    const folder = path.dirname(this.path);
    removeLeft(folder);
    try {
      refuseOthers(this.path);
      this.#nameless = NamelessFile.open(folder);
      // wx is O_EXCL: neither an existing file nor a symbolic link is followed.
      this.#file = this.#nameless ?? new OwnedFd(fs.openSync(this.#temporary, 'wx', 0o600));
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`cannot write ${this.path}: ${fileReason(error)}`);
    }
  }

  /** @throws FileError where the disk is full, or has failed */
  write(data: string | Uint8Array): void {
    try {
      fs.writeFileSync(this.#file.fd, data);
    } catch (error) {
      throw new FileError(this.path, error);
    }
  }

  /**
   * Gives the file its name. @throws FileExistsError where there is one already and `overwrite` is not set, UsageError
   * where it has become another user's, or no file's, FileError; the content is then discarded
   */
  commit(overwrite: boolean): void {
    try {
      fs.fsyncSync(this.#file.fd);
      if (overwrite) refuseOthers(this.path);
      if (this.#nameless) overwrite ? this.#nameless.replace(this.path) : this.#nameless.link(this.path);
      else if (overwrite) fs.renameSync(this.#temporary, this.path);
      // link(2) refuses an existing name, rename(2) would replace it.
      else fs.linkSync(this.#temporary, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new FileExistsError(this.path);
      if (error instanceof UsageError) throw error;
      throw new FileError(this.path, error);
    } finally {
      this.discard();
    }
  }

  discard(): void {
    this.#file.close();
    if (!this.#nameless) fs.rmSync(this.#temporary, { force: true });
  }
}

export class FileExistsError extends UsageError {
  readonly code = 'EEXIST';
  constructor(file: string) {
    super(`${file} exists already; choose another name, or --force to replace it`);
  }
}

/** Removes what writers that were killed have left in a folder: our own, and only what nobody has written to for long. */
function removeLeft(folder: string): void {
  try {
    for (const name of fs.readdirSync(folder)) {
      if (!HIDDEN.test(name)) continue;
      const left = path.join(folder, name);
      const stat = fs.lstatSync(left, { throwIfNoEntry: false });
      if (stat?.isFile() && stat.uid === process.geteuid?.() && Date.now() - stat.mtimeMs > LEFT_MS) fs.rmSync(left);
    }
  } catch {
    // A folder that cannot be read, or not be written to, has a message of its own.
  }
}
