/** The program as somebody who is not root, with the capabilities that are named and no other. */
import { spawnSync } from 'node:child_process';
import { PROGRAM } from './kernel.ts';

/** Owns nothing. */
export const NOBODY = 65534;

/** The words before a command: `bpf`, `perfmon`, `sys_admin`, ... as setpriv(1) spells them. */
export function withCapabilities(...capabilities: readonly string[]): string[] {
  const set = ['-all', ...capabilities.map((name) => `+${name}`)].join();
  return [
    'setpriv',
    ...[`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'],
    ...[`--inh-caps=${set}`, `--ambient-caps=${set}`, `--bounding-set=${set}`],
  ];
}

/** Nothing of this machine's users is read. */
export const NO_HOME = { HOME: '/nonexistent', XDG_CONFIG_HOME: '/nonexistent' };

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command ends; a minute is enough for any. */
export function ends(command: readonly string[], env: Readonly<Record<string, string>> = {}): Ended {
  const { status, stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    env: { ...process.env, ...NO_HOME, ...env },
    timeout: 60_000,
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr };
}

export function itertopWith(capabilities: readonly string[], ...args: readonly string[]): Ended {
  return ends([...withCapabilities(...capabilities), process.execPath, PROGRAM, ...args]);
}
