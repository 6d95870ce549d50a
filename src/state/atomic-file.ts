/** A file that appears under its name whole or not at all, readable by its owner only. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../templates/template.ts';

export class AtomicFile {
  readonly path: string;
  readonly #temporary: string;
  #fd: number;

  /** @throws UsageError where the folder cannot be written to */
  constructor(file: string) {
    this.path = path.resolve(file);
    this.#temporary = path.join(
      path.dirname(this.path),
      `.${path.basename(this.path)}.${randomBytes(6).toString('hex')}.tmp`,
    );
    try {
      // wx is O_EXCL: neither an existing file nor a symbolic link is followed.
      this.#fd = fs.openSync(this.#temporary, 'wx', 0o600);
    } catch (error) {
      throw new UsageError(`cannot write ${this.path}: ${reason(error)}`);
    }
  }

  write(data: string | Uint8Array): void {
    fs.writeFileSync(this.#fd, data);
  }

  /**
   * Gives the file its name. @throws FileExistsError where there is one already and `overwrite` is not set; the
   * content is then discarded
   */
  commit(overwrite: boolean): void {
    try {
      fs.fsyncSync(this.#fd);
      if (overwrite) fs.renameSync(this.#temporary, this.path);
      // link(2) refuses an existing name, rename(2) would replace it.
      else fs.linkSync(this.#temporary, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new FileExistsError(this.path);
      throw error;
    } finally {
      this.discard();
    }
  }

  discard(): void {
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    this.#fd = -1;
    fs.rmSync(this.#temporary, { force: true });
  }
}

export class FileExistsError extends UsageError {
  readonly code = 'EEXIST';
  constructor(file: string) {
    super(`${file} exists already; choose another name, or overwrite it`);
  }
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'its folder does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to write in its folder';
  if (code === 'EROFS') return 'its file system is read-only';
  if (code === 'ENOSPC') return 'the disk is full';
  return message;
}
