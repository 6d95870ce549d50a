/** `--host`: what may be asked of several hosts, and the way to them. */
import { connectHosts } from './host-connect.ts';
import { hostOptions } from './host-options.ts';
import type { Options } from './options.ts';
import { type RemoteHost, remoteHosts } from './state/remote.ts';
import { ELEMENTS } from './templates/map-template.ts';
import { UsageError } from './templates/template.ts';

/** Milliseconds that a host which says nothing keeps the others from being looked at. */
const PATIENCE = 3000;

/** @throws UsageError for what is not there over hosts */
export function checkHosts(options: Options): void {
  const { command, template, map, baseline, dataset } = options;
  const refused: readonly (readonly [given: boolean, why: string])[] = [
    [
      command === 'record',
      'record --host: a recording is of one host; run itertop record there, or keep rows of all of them: itertop dump --host ... --dataset FOLDER --count 0',
    ],
    [
      map !== undefined || template === ELEMENTS,
      'the elements of a map are not shown over hosts: itertop bpf_map_elem --map ... on the host that it is on',
    ],
    [options.files.length > 0, '--template: what is in files here other hosts do not have'],
    [options.struct, '--struct: what the kernel prints of an object is not taken from other hosts'],
    [baseline !== undefined && dataset !== undefined, '--baseline goes with the explorer'],
  ];
  const [, why] = refused.find(([given]) => given) ?? [];
  if (why !== undefined) throw new UsageError(why);
}

/**
 * The hosts that are asked for, connected as far as that is soon done: what ssh asks is answered before.
 * @returns [] where none are @throws UsageError
 */
export async function openHosts(options: Options): Promise<readonly RemoteHost[]> {
  const asked = hostOptions(options);
  if (!asked) return [];
  const hosts = remoteHosts(asked.names, asked.remote);
  await connectHosts(hosts, { patience: PATIENCE });
  return hosts;
}

export async function closeHosts(hosts: readonly RemoteHost[]): Promise<void> {
  await Promise.all(hosts.map((host) => host.close()));
}

/** The options that lead to the hosts, as they were typed. */
export function hostWords({ hosts, via, itertop, copy, sudo }: Options): (readonly [name: string, value: string])[] {
  return [
    ...hosts.map((names) => ['host', names] as const),
    ...(via === undefined ? [] : [['via', via] as const]),
    ...(itertop === undefined ? [] : [['itertop', itertop] as const]),
    ...copy.map((file) => ['copy', file] as const),
    ...(sudo ? [['sudo', ''] as const] : []),
  ];
}
