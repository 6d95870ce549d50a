/** What the system says of a file, in words that help. */

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write in its folder',
  EPERM: 'no permission to write in its folder',
  EROFS: 'its file system is read-only',
  EEXIST: 'it exists already',
  ENOENT: 'its folder does not exist',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'it has grown as large as files may',
  EIO: 'the device has failed',
  EISDIR: 'it is a folder',
};

/** `the disk is full (ENOSPC)`; the system's own message for what has no words here. */
export function fileReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words = REASONS[code ?? ''];
  return words === undefined ? message : `${words} (${code})`;
}

/** Something could not be written that was well asked for; `code` is errno's name. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly code: string | undefined;
  constructor(what: string, error: unknown) {
    super(`cannot write ${what}: ${fileReason(error)}`);
    this.code = (error as NodeJS.ErrnoException).code;
  }
}
