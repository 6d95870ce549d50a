/** Where the settings are, and changing some of them: the rest of the file, comments included, stays as it was written. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readText, reason } from '../bpf/user-file.ts';
import { UsageError } from '../templates/template.ts';
import { AtomicFile } from './atomic-file.ts';
import { makeFolder } from './make-folder.ts';
import { nameOf, refuseStrange, StrangeFileError } from './own-file.ts';

/** The first of these that is there is the one. */
const NAMES: readonly string[] = ['settings.yaml', 'settings.yml', 'settings.json'];
const MAX_BYTES = 256 * 1024;
const HEADING =
  '# Settings of itertop; docs/settings.schema.json tells what there is. Saved by W, and yours to edit.\n';

export interface Change {
  readonly path: readonly string[];
  /** undefined: away with it. */
  readonly value: unknown;
}

/** The root directory where the user is not known here, as in a container of one program. */
function home(): string {
  try {
    return os.homedir();
  } catch {
    return '/';
  }
}

/** $XDG_CONFIG_HOME/itertop, ~/.config/itertop where that is not set (XDG Base Directory). */
export function configFolder(env: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CONFIG_HOME: config } = env;
  // A relative path there is to be ignored, says the specification.
  const base = config && path.isAbsolute(config) ? config : path.join(env['HOME'] || home(), '.config');
  return path.join(base, 'itertop');
}

/** A path as people write it: `~/.config` of what is in one's own home. */
export function withTilde(file: string, env: NodeJS.ProcessEnv = process.env): string {
  const own = `${env['HOME'] || home()}/`;
  return own.length > 1 && file.startsWith(own) ? `~/${file.slice(own.length)}` : file;
}

export interface SettingsFile {
  readonly file: string;
  readonly text: string;
  /** Why it was not read although it could be; '' where it was. */
  readonly strange: string;
}

/** undefined where there is none. Throws UsageError where it cannot be read. */
export function readSettingsFile(folder = configFolder()): SettingsFile | undefined {
  const file = NAMES.map((name) => path.join(folder, name)).find((each) => fs.existsSync(each));
  if (file === undefined) return undefined;
  try {
    return { file, text: readText(file, MAX_BYTES, 'settings file', refuseStrange), strange: '' };
  } catch (error) {
    if (error instanceof StrangeFileError) return { file, text: '', strange: error.message };
    throw new UsageError(`${file}: ${reason(error)}; --no-settings goes without it`);
  }
}

/**
 * @param text what the file holds, undefined where there is none
 * @returns its name. Throws UsageError where it may not be written
 */
export async function saveSettings(
  changes: readonly Change[],
  known: { file: string; text: string } | undefined,
  folder = configFolder(),
): Promise<string> {
  const named = known?.file ?? path.join(folder, NAMES[0]!);
  refuseForeign(named);
  // Not the link to it: what it leads to is written anew.
  const file = known ? fs.realpathSync(named) : named;
  const text = await withChanges(known?.text ?? HEADING, changes, file.endsWith('.json'));
  makeFolder(path.dirname(file));
  const output = new AtomicFile(file);
  try {
    output.write(text);
    output.commit(true);
  } finally {
    output.discard();
  }
  return named;
}

export async function withChanges(text: string, changes: readonly Change[], json: boolean): Promise<string> {
  const { isMap, isSeq, parseDocument } = await import('yaml');
  const document = parseDocument(text);
  for (const { path: at, value } of changes) {
    if (value === undefined) {
      if (document.hasIn(at)) document.deleteIn(at);
      continue;
    }
    // A name without a value is a place for it.
    for (let depth = 1; depth < at.length; depth++)
      if (!isMap(document.getIn(at.slice(0, depth), true))) document.setIn(at.slice(0, depth), document.createNode({}));
    const node = document.createNode(value);
    if (isSeq(node)) node.flow = true;
    document.setIn(at, node);
  }
  if (json) return `${JSON.stringify(document.toJS(), null, 2)}\n`;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** Under sudo HOME may still be the user's: what is there is not root's to write. Throws UsageError. */
export function refuseForeign(file: string): void {
  const own = process.geteuid!();
  const paths = [file, fs.existsSync(file) ? fs.realpathSync(file) : file, path.dirname(file)];
  for (let each = path.dirname(file); !fs.existsSync(each); each = path.dirname(each)) paths.push(path.dirname(each));
  for (const each of paths) {
    const stat = fs.lstatSync(each, { throwIfNoEntry: false });
    if (stat && stat.uid !== own) {
      const help = 'nothing of another user is written (sudo -H, or XDG_CONFIG_HOME, names a folder of your own)';
      throw new UsageError(`not saved: ${each} belongs to ${nameOf(stat.uid)}, not to ${nameOf(own)}; ${help}`);
    }
  }
}
