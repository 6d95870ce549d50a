/** Hosts that a test has opened, and what a command there wrote and why it ended. */
import fs from 'node:fs';
import { text } from 'node:stream/consumers';
import { type RemoteHost, type RemoteOptions, remoteHosts } from '../../src/state/remote.ts';
import { root } from '../support/kernel.ts';
import { SSHD } from './hosts.ts';

/** Needs root and an sshd. */
export const skip = (!root || !fs.existsSync(SSHD)) && !process.env['CI'];

let open: RemoteHost[] = [];

export function host(name: string, options: RemoteOptions = {}): RemoteHost {
  const [made] = remoteHosts([name], options);
  open.push(made!);
  return made!;
}

export async function closeAll(): Promise<void> {
  await Promise.all(open.map((h) => h.close()));
  open = [];
}

/** By a host of its own, or one that is there. @returns output and reason */
export async function output(on: string | RemoteHost, args: readonly string[], options: RemoteOptions = {}) {
  const run = (typeof on === 'string' ? host(on, options) : on).run(args);
  return [await text(run.stdout), await run.ended] as const;
}
