/** A folder, and those above it, for their owner only. */
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../templates/template.ts';
import { fileReason } from './file-error.ts';
import { refuseOthersLinks } from './own-file.ts';

/**
 * One by one from the top: Node's `recursive` takes "no such file" for a folder above that is missing, and tries for good
 * where a file system says it of every new name, as /proc does. What is there stays as it is.
 * @throws UsageError which names the one that cannot be made, or a stranger's link on the way
 */
export function makeFolder(folder: string): void {
  const whole = path.resolve(folder);
  if (isFolder(whole)) return;
  refuseOthersLinks(whole);
  makeFolder(path.dirname(whole));
  try {
    fs.mkdirSync(whole, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!isFolder(whole)) throw new UsageError(`cannot make the folder ${whole}: ${reasonOf(error, whole)}`);
  }
}

/** Of a file a name with a slash at its end is not there. */
const isFolder = (name: string) => fs.existsSync(`${name}/`);

function reasonOf(error: unknown, folder: string): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `${path.dirname(folder)} takes no new folders (ENOENT)`;
  if (code === 'EEXIST') return 'what is there is no folder (EEXIST); choose another name';
  return fileReason(error);
}
