/** Whose a file is: nothing of another user is replaced, and nothing of a stranger's is read as one's own settings. */
import fs from 'node:fs';
import { UsageError } from '../templates/template.ts';
import { userName } from './users.ts';

export const nameOf = (uid: number) => userName(uid) ?? `user ${uid}`;

function kindOf(stat: fs.Stats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a pipe';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}

/**
 * For a name that is to be written. A symbolic link counts as itself: it is never followed.
 * @throws UsageError where something has the name that is no file, or is another user's
 */
export function refuseOthers(file: string): void {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stat) refuseStat(file, stat);
}

/** The same of what was opened, or looked at. */
export function refuseStat(file: string, stat: fs.Stats): void {
  if (!stat.isFile() && !stat.isSymbolicLink())
    throw new UsageError(`cannot write ${file}: it is ${kindOf(stat)}, no file; choose another name`);
  const own = process.geteuid!();
  if (stat.uid !== own)
    throw new UsageError(
      `cannot write ${file}: it belongs to ${nameOf(stat.uid)}, not to ${nameOf(own)}; choose another name`,
    );
}

/** For a folder in which files come and go by themselves. @throws UsageError where it is another user's */
export function refuseOthersFolder(folder: string): void {
  const own = process.geteuid!();
  // The link first: whoever made it says where it leads.
  for (const { uid } of [fs.lstatSync(folder), fs.statSync(folder)])
    if (uid !== own)
      throw new UsageError(
        `${folder} belongs to ${nameOf(uid)}, not to ${nameOf(own)}; choose a folder of your own, or one that is not there yet`,
      );
}

/** For a folder that a user names: through a link of one's own, or of root's. @throws UsageError where it is a stranger's */
export function refuseOthersLink(folder: string): void {
  const stat = fs.lstatSync(folder);
  const own = process.geteuid!();
  if (stat.isSymbolicLink() && stat.uid !== own && stat.uid !== 0)
    throw new UsageError(`${folder} is a symbolic link of ${nameOf(stat.uid)}, and is not followed`);
}

/**
 * For a folder that is made by the program where it is missing. A link in its place leads where somebody else wants,
 * however it came there. @throws UsageError where it is no folder of one's own
 */
export function refusePlanted(folder: string): void {
  const stat = fs.lstatSync(folder);
  if (stat.isSymbolicLink())
    throw new UsageError(`${folder} is a symbolic link, and is not followed: remove it, or choose another folder`);
  if (!stat.isDirectory()) throw new UsageError(`${folder} is no folder: remove it, or choose another folder`);
  refuseOthersFolder(folder);
}

/** A file of the configuration that is another user's, or may be written to by any. */
export class StrangeFileError extends Error {
  override readonly name = 'StrangeFileError';
}

/**
 * For a file of the configuration: one's own, root's, or under sudo that of who asked for it. Settings run nothing; but
 * a stranger's would say what one sees. @throws StrangeFileError
 */
export function refuseStrange(stat: fs.Stats, env: NodeJS.ProcessEnv = process.env): void {
  const strange = strangeness(stat, env);
  if (strange !== '') throw new StrangeFileError(`it is not read: ${strange}`);
}

function strangeness(stat: fs.Stats, env: NodeJS.ProcessEnv): string {
  const own = process.geteuid!();
  const trusted = [0, own, ...(own === 0 && env['SUDO_UID'] ? [Number(env['SUDO_UID'])] : [])];
  if (!trusted.includes(stat.uid)) return `it belongs to ${nameOf(stat.uid)}, not to ${nameOf(own)}`;
  return (stat.mode & 0o002) !== 0 ? 'anybody may write to it (chmod o-w)' : '';
}
