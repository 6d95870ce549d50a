/** How hosts are, in words. */
import type { HostStatus } from '../state/host-feed.ts';
import { counted } from '../templates/counted.ts';
import { duration } from '../templates/format.ts';
import { textWidth } from '../templates/text.ts';

/** Characters of a reason, of less where room is short: the first words of it say most. */
const SHORT = 60;
const SHORTER = [SHORT, 30, 20];
/** Where reasons are. */
const MORE = '(:hosts)';

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

/** All hosts that do not answer in one line, whatever it takes: reasons get shorter, then names stand alone, then fewer of them. */
export function missingLine(hosts: readonly HostStatus[], room: number): string {
  const names = hosts.filter(({ condition }) => condition !== 'live').map(({ name }) => name);
  if (names.length === 0) return '';
  const without = (shown: number) => {
    const more = shown < names.length ? [`+${names.length - shown} more`] : [];
    return `${[...names.slice(0, shown), ...more].join(', ')} ${names.length > 1 ? 'do' : 'does'} not answer ${MORE}`;
  };
  const lines = [
    ...SHORTER.map((most) => missingHosts(hosts, most).join('  ')),
    ...names.map((_, left) => without(names.length - left)),
    `${counted(names.length, 'host')} ${names.length > 1 ? 'do' : 'does'} not answer ${MORE}`,
  ];
  return lines.find((line) => textWidth(line) <= room) ?? lines.at(-1)!;
}

/** `12 s`, `4m05s`: how long ago, or until when. */
export function spanText(ms: number): string {
  return ms < 60_000 ? seconds(ms) : duration(ms * 1e6);
}

const seconds = (ms: number) => `${Math.max(1, Math.round(ms / 1000))} s`;
