/** How hosts are, in words. */
import type { HostStatus } from '../state/host-feed.ts';
import { counted } from '../templates/counted.ts';

/** Characters of a reason: the first words of it say most. */
const SHORT = 60;

/** `3 hosts`, `2 of 3 hosts`: those that answer. */
export function hostsText(hosts: readonly HostStatus[]): string {
  const live = hosts.filter(({ condition }) => condition === 'live').length;
  return `${live === hosts.length ? '' : `${live} of `}${counted(hosts.length, 'host')}`;
}

/** `b: no answer for 12 s`, `c: Connection refused, again in 8 s`. @param most characters of a reason */
export function missingHosts(hosts: readonly HostStatus[], most = SHORT): string[] {
  return hosts
    .filter(({ condition }) => condition !== 'live')
    .map(({ name, condition, reason, silent, again }) => {
      if (condition === 'awaited') return `${name}: no answer yet`;
      if (condition === 'slow') return `${name}: no answer for ${seconds(silent)}`;
      const why = reason.length > most ? `${reason.slice(0, most - 3)}...` : reason;
      return `${name}: ${why}, ${again < 0 ? 'trying again' : `again in ${seconds(again)}`}`;
    });
}

const seconds = (ms: number) => `${Math.max(1, Math.round(ms / 1000))} s`;
