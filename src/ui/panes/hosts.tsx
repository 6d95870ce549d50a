/** How each of several hosts is: those that do not answer first. */
import type { HostStatus } from '../../state/host-feed.ts';
import { grouped } from '../../templates/counted.ts';
import { textWidth } from '../../templates/text.ts';
import { missingHosts, spanText } from '../hosts-text.ts';
import type { Theme } from '../theme.ts';
import { ListWithFoot } from './list.tsx';

/** The worst first. */
const CONDITIONS: readonly HostStatus['condition'][] = ['gone', 'slow', 'awaited', 'live'];
/** Cells of columns. */
const STATE = 7;
const ROWS = 9;
const ANSWERED = 10;
const NEXT = 8;
/** With the cell before each. */
const OTHERS = 5 + STATE + ROWS + ANSWERED + NEXT;
/** A reason has at least as many. */
const REASON = 20;

export function HostsPane(props: {
  readonly theme: Theme;
  readonly hosts: readonly HostStatus[];
  readonly index: number;
  readonly width: number;
  readonly height: number;
}) {
  const { hosts, index, width } = props;
  const rank = ({ condition }: HostStatus) => CONDITIONS.indexOf(condition);
  const sorted = hosts.toSorted((a, b) => rank(a) - rank(b));
  const widest = Math.max(4, ...hosts.map(({ name }) => textWidth(name)));
  const name = Math.max(4, Math.min(widest, width - 1 - OTHERS - REASON));
  const chosen = sorted[index];
  return (
    <ListWithFoot
      {...props}
      columns={[
        { title: 'HOST', width: name },
        { title: 'STATE', width: STATE },
        { title: 'ROWS'.padStart(ROWS), width: ROWS },
        { title: 'ANSWERED', width: ANSWERED },
        { title: 'NEXT TRY', width: NEXT },
        { title: 'WHY', width: Math.max(0, width - 1 - name - OTHERS) },
      ]}
      rows={sorted.map((host) => ({ cells: cellsOf(host) }))}
      foot={chosen ? inFull(chosen) : ''}
    />
  );
}

function cellsOf({ name, condition, reason, silent, again, rows }: HostStatus): string[] {
  const answered = silent < 0 ? 'never' : condition === 'live' ? 'now' : `${spanText(silent)} ago`;
  const next = condition !== 'gone' ? '' : again < 0 ? 'now' : `in ${spanText(again)}`;
  return [name, condition, grouped(rows).padStart(ROWS), answered, next, reason];
}

function inFull(host: HostStatus): string {
  const kernel = host.kernel === '' ? '' : `Linux ${host.kernel}`;
  const [missing = ''] = missingHosts([host], Number.POSITIVE_INFINITY);
  return [missing || `${host.name} answers`, kernel].filter(Boolean).join('; ');
}
