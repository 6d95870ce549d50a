/** Why something on another host did not go on, in one line that helps. */
import os from 'node:os';
import { sanitize } from '../templates/text.ts';

/** How a script on another host ended, as far as it was seen. */
export interface Ending {
  /** Its first words arrived. */
  readonly started: boolean;
  /** Exit code and signal of what was run here: ssh, kubectl. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What the script said of its command; undefined: it was cut off. */
  readonly status: number | undefined;
  /** `itertop 0.1.0`, where it was asked. */
  readonly version: string;
  /** The last lines of standard error. */
  readonly stderr: readonly string[];
}

/** What ssh and others write, and what it means; `$1` is taken from it. `asks`: it would have asked. */
const TRANSPORT: readonly (readonly [text: RegExp, words: string, asks?: 'asks'])[] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED/, 'its host key has changed: `ssh {host}` says which one is known'],
  [/No \S+ host key is known for/, 'its host key is not known: `ssh {host}` once', 'asks'],
  [/Host key verification failed/, 'its host key is not known: `ssh {host}` once', 'asks'],
  [/Could not resolve hostname \S+: (.+)/, 'no such host ($1)'],
  [/connect to (?:host|address) .*?: (.+)/, '$1'],
  [/Permission denied \((.+)\)/, 'permission denied ($1): `ssh {host}` has to work without a question', 'asks'],
  [/Too many authentication failures/, 'permission denied (too many keys were tried)', 'asks'],
  [/Timeout, server .* not responding/, 'no answer any more'],
  [/Connection (?:to \S+ port \d+ )?timed out/i, 'Connection timed out'],
  [/administratively prohibited|Session open refused/, 'it opens no further session (MaxSessions of its sshd)'],
  [
    /(?:kex_exchange_identification|banner exchange|Connection (?:to \S+ )?(?:closed|reset)|client_loop|Broken pipe|read header failed)/,
    'the connection was closed',
  ],
  [/exec: "sh"|sh: (?:executable file )?not found|sh: command not found|: No such file.*\bsh\b/, 'there is no sh'],
];

/** Why the way there is closed; '' where nothing is known. */
export function transportWords(host: string, stderr: readonly string[]): { why: string; asks: boolean } {
  const text = plainLines(stderr).join('\n');
  for (const [pattern, words, asks] of TRANSPORT) {
    const found = pattern.exec(text);
    if (found)
      return {
        why: sanitize(words.replace(/\$1|\{host\}/g, (part) => (part === '$1' ? (found[1] ?? '').trim() : host))),
        asks: asks !== undefined,
      };
  }
  return { why: lastWords(stderr), asks: false };
}

/** As klog begins a line: what kubectl logs of its tries stands before what it says. */
const LOGGED = /^[EFIW]\d{4} \d\d:\d\d:\d\d[.\d]* +\d* *[\w.-]+:\d+\]/;

/** What is said, without what is logged where there is more than that. */
function plainLines(lines: readonly string[]): readonly string[] {
  const plain = lines.filter((line) => !LOGGED.test(line));
  return plain.length > 0 ? plain : lines;
}

const MOST = 300;

/** The last lines, in one. */
export function lastWords(stderr: readonly string[]): string {
  const lines = plainLines(stderr.map((line) => line.replace(/^itertop: /, '').trim()).filter((line) => line !== ''));
  const text = sanitize(lines.slice(-4).join('; '));
  return text.length > MOST ? `${text.slice(0, MOST)}...` : text;
}

const signalName = (number: number) =>
  Object.entries(os.constants.signals).find(([, n]) => n === number)?.[0] ?? `signal ${number}`;

/**
 * Why it ended, '' where it did what it was to do.
 * @param version of this itertop
 * @param command what itertop is called there
 */
export function endingWords(host: string, ending: Ending, version: string | undefined, command: string): string {
  const { status, stderr } = ending;
  const text = lastWords(stderr);
  if (status === undefined) {
    const { why } = transportWords(host, stderr);
    if (why !== '') return why;
    if (ending.started) return 'the connection was lost';
    return `the far side ended with ${ending.signal ?? ending.code} before it began`;
  }
  if (status === 0) return '';
  if (/sudo: .*(?:password|terminal) is required/.test(text))
    return 'sudo wants a password there: a rule with NOPASSWD is needed, or a login as root';
  if (/sudo: (?:command )?not found/.test(text)) return 'there is no sudo';
  if (/not in the sudoers|not allowed to (?:run|execute)/.test(text)) return `sudo refuses: ${text}`;
  if (status === 127 || /sudo: .*: command not found/.test(text))
    return /\bnot found\b|No such file/.test(text) && !/lib|GLIBC/.test(text)
      ? `itertop is not there (no ${command} in its PATH): --copy takes one there`
      : `${command} does not start there: ${text}`;
  if (status === 126) return `${command} may not be run there: ${text}`;
  if (status > 128) return `itertop was ended there by ${signalName(status - 128)}`;
  const there = /^itertop (\S+)/.exec(ending.version)?.[1];
  const differs =
    there !== undefined && version !== undefined && there !== version
      ? ` (itertop ${sanitize(there)} there, ${version} here)`
      : '';
  return `${text || `itertop ended with ${status}`}${differs}`;
}
