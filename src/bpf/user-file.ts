/** Files that a user names, or that lie where his settings are: opened and read without waiting, and no more than fits. */
import fs from 'node:fs';

/**
 * Opens a regular file to be read; whoever gets the descriptor closes it. A pipe or a device of that name is refused, not
 * waited for. @throws Error of open(2), or one that says what the file is
 */
export function openRegular(file: string): number {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;
  const fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    if (!fs.fstatSync(fd).isFile()) throw new Error('it is no regular file');
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

type Look = (stat: fs.Stats) => void;

/**
 * A file of at most `most` bytes, whatever its size is said to be.
 * @param what the file is, as in `which no template is`
 * @param look throws for what is not to be read, as a stranger's is not
 * @throws Error of open(2) and read(2), or one that says why it is not read; `reason` puts either in words
 */
export function readBytes(file: string, most: number, what: string, look?: Look | undefined): Buffer {
  const fd = openRegular(file);
  try {
    look?.(fs.fstatSync(fd));
    // One more than there may be: whether there are more is seen by reading, not by asking.
    let bytes = Buffer.allocUnsafe(Math.min(most, Math.max(fs.fstatSync(fd).size, 1 << 12)) + 1);
    let used = 0;
    for (let n = 1; n > 0 && used <= most; used += n) {
      if (used === bytes.length) bytes = Buffer.concat([bytes], Math.min(most + 1, used * 2));
      n = fs.readSync(fd, bytes, used, bytes.length - used, null);
    }
    if (used > most) throw new Error(`it is larger than ${sizeText(most)}, which no ${what} is`);
    return bytes.subarray(0, used);
  } finally {
    fs.closeSync(fd);
  }
}

/** The same as text. @throws Error also for what is no UTF-8 */
export function readText(file: string, most: number, what: string, look?: Look | undefined): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(readBytes(file, most, what, look));
}

const sizeText = (bytes: number) => (bytes >= 1 << 20 ? `${bytes >> 20} MiB` : `${bytes >> 10} KiB`);

/** Why a file could not be opened or read. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'no permission to read it',
    EPERM: 'no permission to read it',
    EISDIR: 'it is a folder',
    ENXIO: 'it is no regular file',
    ELOOP: 'its links lead in a circle',
    ENAMETOOLONG: 'the name is too long',
    EAGAIN: 'it has nothing to be read yet',
    EMFILE: 'no file descriptor is left; raise `ulimit -n`',
    ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8',
  };
  return words[code ?? ''] ?? message;
}
