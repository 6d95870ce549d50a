/** ss(8), parsed. */
import { output } from './kernel.ts';

export interface SsRow {
  readonly state: string;
  readonly recvQ: number;
  readonly sendQ: number;
  readonly local: string;
  readonly remote: string;
  /** `name:value` of the rest of the line; names without a value are ''. */
  readonly info: Readonly<Record<string, string>>;
  /** The line as it is. */
  readonly line: string;
}

/** TCP sockets as ss shows them with everything that it knows. `filter` as in ss(8). */
export function ss(...filter: string[]): SsRow[] {
  return output('ss', '-HtanOeimop', ...filter)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parse);
}

function parse(line: string): SsRow {
  const words = line.trim().split(/\s+/);
  const info: Record<string, string> = {};
  for (const word of words.slice(5)) {
    const at = word.indexOf(':');
    if (at > 0) info[word.slice(0, at)] = word.slice(at + 1);
    else info[word] = '';
  }
  // `pacing_rate 6Gbps` and the like: a name, then its value.
  for (let i = 5; i + 1 < words.length; i++) if (/^[a-z_]+_rate$|^send$/.test(words[i])) info[words[i]] = words[i + 1];
  return {
    state: words[0],
    recvQ: Number(words[1]),
    sendQ: Number(words[2]),
    local: words[3],
    remote: words[4],
    info,
    line,
  };
}

/** How ss spells the kernel's names. */
export const SS_STATES: Readonly<Record<string, string>> = {
  ESTAB: 'ESTABLISHED',
  'SYN-SENT': 'SYN_SENT',
  'SYN-RECV': 'SYN_RECV',
  'FIN-WAIT-1': 'FIN_WAIT1',
  'FIN-WAIT-2': 'FIN_WAIT2',
  'TIME-WAIT': 'TIME_WAIT',
  UNCONN: 'CLOSE',
  'CLOSE-WAIT': 'CLOSE_WAIT',
  'LAST-ACK': 'LAST_ACK',
  LISTEN: 'LISTEN',
  CLOSING: 'CLOSING',
};
