/** Which hosts the command line asks for, and how they are reached. */

import packageJson from '../package.json' with { type: 'json' };
import { thisProgram } from './bpf/support.ts';
import { readText, reason } from './bpf/user-file.ts';
import type { Options } from './options.ts';
import type { RemoteOptions } from './state/remote.ts';
import { Executable } from './state/remote-copy.ts';
import { UsageError } from './templates/template.ts';

export interface HostOptions {
  /** As typed, each once. */
  readonly names: readonly string[];
  readonly remote: RemoteOptions;
}

/** Two processes of ssh for each of them. */
const MOST = 100;
const MOST_BYTES = 1 << 20;

/** @returns undefined where no host is asked for @throws UsageError */
export function hostOptions({ hosts, via, itertop, copy, sudo }: Options): HostOptions | undefined {
  if (hosts.length === 0) return undefined;
  const names = hostNames(hosts);
  if (names.length === 0) throw new UsageError('--host names no host');
  if (names.length > MOST)
    throw new UsageError(
      `--host: ${names.length} hosts are more than the ${MOST} that one table is made of; for whole fleets there are data sets (docs/fleet)`,
    );
  for (const name of names) checkName(name);
  return {
    names,
    remote: {
      ...(via === undefined ? {} : { via: viaWords(via, names) }),
      ...(itertop === undefined ? {} : { itertop }),
      ...(copy.length === 0 ? {} : { copy: copy.map(executableOf) }),
      sudo,
      version: packageJson.version,
    },
  };
}

/** Each once. @param hosts as they were typed @throws UsageError */
export const hostNames = (hosts: readonly string[]): string[] => [...new Set(hosts.flatMap(namesOf))];

/** `a,b`, or `@FILE` with one in each line. */
function namesOf(text: string): string[] {
  if (!text.startsWith('@'))
    return text
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean);
  const file = text.slice(1);
  try {
    return readText(file, MOST_BYTES, 'list of hosts')
      .split('\n')
      .map((line) => line.replace(/#.*/, '').trim())
      .filter(Boolean);
  } catch (error) {
    throw new UsageError(`--host ${text}: ${reason(error)}`);
  }
}

/**
 * Names reach ssh's configuration and commands of the user's as they are: what could be an option or something to a
 * shell there is none.
 */
function checkName(name: string): void {
  const strange = /[^\p{L}\p{N}_.@:%[\]/+~=-]/u.exec(name)?.[0];
  if (strange !== undefined)
    throw new UsageError(`--host ${name}: a name of a host has no ${JSON.stringify(strange)} in it`);
  if (/^-|@-|:\/\/-/.test(name)) throw new UsageError(`--host ${name}: a name of a host does not begin with a dash`);
}

function executableOf(file: string): Executable {
  if (file !== 'self') return new Executable(file);
  const { executable, script } = thisProgram();
  if (script !== undefined)
    throw new UsageError(
      '--copy self: this itertop runs under Node.js, which other hosts may not have; name an executable (`npm run build:bin` makes them)',
    );
  return new Executable(executable);
}

/** The words of a command, quoted as for a shell; nothing is expanded. */
function viaWords(text: string, names: readonly string[]): string[] {
  const words: string[] = [];
  const pattern = /\s*((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+)/gsuy;
  while (pattern.lastIndex < text.trimEnd().length) {
    const at = pattern.lastIndex;
    const word = pattern.exec(text)?.[1];
    if (word === undefined) throw new UsageError(`--via: a quote is not closed: ${text.slice(at).trim()}`);
    words.push(
      word.replace(
        /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/gsu,
        (_, single, double, escaped) =>
          single ?? (double as string | undefined)?.replace(/\\(["\\$`])/g, '$1') ?? escaped,
      ),
    );
  }
  if (words.length === 0) throw new UsageError("--via needs a command: --via 'kubectl exec -i {host} --'");
  if (words[0]!.startsWith('-')) throw new UsageError(`--via begins with a command, not with ${words[0]}`);
  if (!words.some((word) => word.includes('{host}')) && names.length > 1)
    throw new UsageError(`--via: {host} has to stand where the name goes: --via '${text.trim()} {host}'`);
  return words;
}
