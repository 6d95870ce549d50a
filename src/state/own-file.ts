/** Whose a file is: nothing of another user is replaced, and nothing of a stranger's is read as one's own settings. */
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../templates/template.ts';
import { userName } from './users.ts';

export const nameOf = (uid: number) => userName(uid) ?? `user ${uid}`;

function kindOf(stat: fs.Stats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a pipe';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}

/** Whose files may say where others are: one's own, root's, and under sudo those of who asked for it. */
function trusted(env: NodeJS.ProcessEnv = process.env): readonly number[] {
  const own = process.geteuid!();
  return [0, own, ...(own === 0 && env['SUDO_UID'] ? [Number(env['SUDO_UID'])] : [])];
}

/** As many links as the kernel follows (MAXSYMLINKS). */
const MOST_LINKS = 40;

/**
 * For a folder in which something is to be written: each link on the way there, and on the ways that those lead, says
 * where that is. What is not there is left to who opens it.
 * @throws UsageError where one of them is a stranger's
 */
export function refuseOthersLinks(folder: string): void {
  const left = path.resolve(folder).split('/');
  let at = '/';
  for (let links = 0; left.length > 0 && links <= MOST_LINKS; ) {
    // `..` is right here: no link is in `at`.
    const next = path.join(at, left.shift()!);
    const link = linkOf(next);
    if (!link) {
      at = next;
      continue;
    }
    if (!trusted().includes(link.uid))
      throw new UsageError(
        `cannot write in ${folder}: ${next} is a symbolic link of ${nameOf(link.uid)}, and is not followed`,
      );
    links++;
    if (path.isAbsolute(link.to)) at = '/';
    left.unshift(...link.to.split('/'));
  }
}

function linkOf(name: string): { readonly uid: number; readonly to: string } | undefined {
  try {
    const stat = fs.lstatSync(name);
    return stat.isSymbolicLink() ? { uid: stat.uid, to: fs.readlinkSync(name) } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * For a name that is to be written. A symbolic link of that name counts as itself: it is never followed.
 * @throws UsageError where something has the name that is no file, or is another user's; where the way there is
 */
export function refuseOthers(file: string): void {
  refuseOthersLinks(path.dirname(path.resolve(file)));
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

/** For a folder in which files come and go by themselves. @throws UsageError where it is another user's, or the way there */
export function refuseOthersFolder(folder: string): void {
  // The links first: whoever made one says where it leads.
  refuseOthersLinks(folder);
  const own = process.geteuid!();
  const { uid } = fs.statSync(folder);
  if (uid !== own)
    throw new UsageError(
      `${folder} belongs to ${nameOf(uid)}, not to ${nameOf(own)}; choose a folder of your own, or one that is not there yet`,
    );
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
  if (!trusted(env).includes(stat.uid))
    return `it belongs to ${nameOf(stat.uid)}, not to ${nameOf(process.geteuid!())}`;
  return (stat.mode & 0o002) !== 0 ? 'anybody may write to it (chmod o-w)' : '';
}
