/** The first lines: what is seen and how dear it was; then what is filtered and where, or what went wrong. */
import { Box } from 'ink';
import { memo } from 'react';
import type { Changes } from '../../state/changes.ts';
import { comparing } from '../../state/comparing.ts';
import type { Finding } from '../../state/finder.ts';
import { formatInterval } from '../../state/interval.ts';
import { marksOf, onlyMarks } from '../../state/marking.ts';
import type { Replay } from '../../state/replay.ts';
import { formatSearch } from '../../state/search.ts';
import type { SessionState } from '../../state/session.ts';
import { foundOf } from '../../state/tree.ts';
import type { Compared, Condition, View } from '../../state/view.ts';
import { counted, grouped } from '../../templates/counted.ts';
import { formatNumber, localTime } from '../../templates/format.ts';
import { ungroupedWord } from '../../templates/template.ts';
import { hostsText, missingLine } from '../hosts-text.ts';
import { arrange, GAP, Line, type Part, type Piece, widthOf } from '../line.tsx';
import { signOf } from '../sort-sign.ts';
import type { Theme } from '../theme.ts';
import { trailPieces, wayParts } from '../trail-line.ts';

function clock(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}

function cost(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

/** `every 1 s → 2.4 s (cost)`: the interval that was asked for, and the one that refreshes are dear enough for. */
function pace({ interval, view, replay, speed }: StatusState, ascii: boolean): string {
  if (replay) return `${speed}x`;
  const every = view?.stats.cost?.every ?? 0;
  const asked = `every ${formatInterval(interval)} s`;
  if (every <= interval) return asked;
  return `${asked} ${ascii ? '->' : '→'} ${(every / 1000).toFixed(every < 10_000 ? 1 : 0)} s (cost)`;
}

/** `REPLAY db-1  2026-11-26 14:03:22`: nobody takes it for what is now. */
function replaying({ view }: StatusState, { host, begin, sample }: Replay): Part[] {
  return [
    part(10, ['paused', sample ? 'SAMPLE' : 'REPLAY']),
    // Where room is short it matters more what came and went.
    part(4.5, ['label', host]),
    part(9, ['label', localTime(view?.stats.begin ?? begin)]),
  ];
}

function looking({ where, index, count }: Finding): string {
  return `looking for ${where}: ${grouped(index + 1)} of ${counted(count, 'refresh', 'refreshes')} (Esc gives up)`;
}

const bytes = (n: number) => formatNumber('bytes', n, NO_CONTEXT);
const NO_CONTEXT = { bootMs: 0, nowNs: 0, hz: 0, pageSize: 1, userName: () => undefined };

const part = (keep: number, ...pieces: readonly Piece[]): Part => ({ keep, pieces });

/** Parts with this and more are for what came and went, the pace and its cost. */
const LASTING = 5;

/** What of one CPU all this takes. */
function ownCpu({ stats: { cost } }: View): Part[] {
  if (!cost || Number.isNaN(cost.cpu)) return [];
  return [part(5.5, ['plain', `${cost.cpu < 10 ? cost.cpu.toFixed(1) : cost.cpu.toFixed(0)}% CPU`])];
}

/** `+3 -2`: rows that came and went. */
function changed(changes: Changes | undefined): Part[] {
  const { added = 0, gone } = changes ?? {};
  const signs = [added > 0 ? `+${grouped(added)}` : '', gone?.length ? `-${grouped(gone.length)}` : ''];
  const text = signs.filter((sign) => sign !== '').join(' ');
  return text === '' ? [] : [part(5, ['plain', text])];
}

/** `12 of 18,002 rows`: those that the search found, of those read; `by state: 11 groups of 18,002 rows`. */
function counts(view: View): Part[] {
  const { count, total, stats, changes, grouped: groups } = view;
  const some = (n: number) => (n === total ? '' : `${grouped(n)} of `);
  const rows = `${groups ? some(groups.of) : some(foundOf(view))}${counted(total, 'row')}`;
  return [
    part(8, ['plain', groups ? `by ${groups.by}: ${counted(count, 'group')} of ${rows}` : rows]),
    ...changed(changes),
    ...(stats.visited > total ? [part(1, ['plain', `${grouped(stats.visited)} visited`])] : []),
    ...(stats.doubles > 0 ? [part(4, ['plain', `${grouped(stats.doubles)} seen twice`])] : []),
  ];
}

export type StatusState = Pick<
  SessionState,
  | 'trail'
  | 'panes'
  | 'cursor'
  | 'template'
  | 'templates'
  | 'view'
  | 'error'
  | 'notice'
  | 'sort'
  | 'tree'
  | 'order'
  | 'interval'
  | 'paused'
  | 'filterTexts'
  | 'search'
  | 'switches'
  | 'ungroup'
  | 'follow'
  | 'marked'
  | 'onlyMarked'
  | 'exact'
  | 'kept'
  | 'groupBy'
  | 'replay'
  | 'speed'
  | 'finding'
  | 'recording'
>;

export function firstLine(state: StatusState, kernel: string, theme: Theme, width: number): string {
  const { view, sort } = state;
  const tree = state.tree && !view?.grouped ? 'tree ' : '';
  const left = [
    ...(view ? counts(view) : []),
    // Headings have its signs.
    part(2.5, [
      'plain',
      `${tree}by ${sort.map(({ column }) => `${column} ${signOf(sort, column, theme.signs)[0]}`).join(', ')}`,
    ]),
    ...(state.replay ? replaying(state, state.replay) : []),
    state.paused ? part(7, ['paused', 'PAUSED']) : part(5, ['plain', pace(state, theme.ascii)]),
    ...(state.recording?.going ? [part(8, ['paused', `REC ${bytes(state.recording.bytes)}`])] : []),
    ...(view && !state.replay ? [part(6, ['plain', cost(view.stats.totalMs)]), ...ownCpu(view)] : []),
  ];
  const right = [
    view?.hosts ? part(6.5, ['plain', hostsText(view.hosts)]) : part(1.5, ['plain', `Linux ${kernel}`]),
    ...(view && !state.replay ? [part(2, ['plain', clock(view.stats.end)])] : []),
  ];
  // The way here gets shorter before anything goes that is seen nowhere else.
  const others = left.filter(({ keep }) => keep >= LASTING).map((each) => widthOf(theme, each) + GAP);
  const room = width - others.reduce((sum, cells) => sum + cells, 0);
  const trail = trailPieces(state, theme, Math.min(room, Math.floor(width / 2)));
  return arrange(theme, width, [part(9, ...trail), ...left], right);
}

function conditions(state: StatusState): Part[] {
  // Before the first answer it is not known where they are evaluated.
  const asked = Object.entries(state.filterTexts).map(([name, text]): Condition | { text: string } => ({
    text: `${name} ${text}`,
  }));
  return (state.view?.stats.conditions ?? asked).map((condition) =>
    'where' in condition
      ? part(6, ['plain', condition.text], [condition.where, ` [${condition.where}]`])
      : part(6, ['plain', condition.text]),
  );
}

/** `+3 -1 ~4 since 14:03:22`; before that is asked for only the moment that is kept. */
function since({ shown, label }: { shown: boolean; label: string }, compared: Compared | undefined): Piece[] {
  if (!shown) return [['plain', `${label} is kept (C)`]];
  const { came = 0, went = 0, changed = 0 } = compared ?? {};
  const counts = [came, went, changed].map((count, index) => '+-~'[index] + grouped(count));
  return [
    ['label', 'compared'],
    ['plain', `  ${counts.join(' ')} since ${label}`],
  ];
}

function marking(state: StatusState): Part[] {
  const { size } = marksOf(state);
  const kept = comparing(state);
  const marked = `${onlyMarks(state) ? 'only ' : ''}${size} marked`;
  return [
    ...(kept ? [part(6, ...since(kept, state.view?.compared))] : []),
    ...(size > 0 ? [part(5, ['marked', marked])] : []),
    ...(state.exact ? [part(4, ['plain', 'exact numbers'])] : []),
  ];
}

function secondLine(state: StatusState, theme: Theme, width: number): string {
  if (state.error !== '') return arrange(theme, width, [part(1, ['error', `error: ${state.error}`])]);
  if (state.finding?.found === null) return arrange(theme, width, [part(1, ['notice', looking(state.finding)])]);
  /** Hosts that do not answer, in what room is left by others. */
  const missing = (others: readonly Part[]): Part[] => {
    const room = others.reduce((left, other) => left - widthOf(theme, other) - GAP, width);
    const line = missingLine(state.view?.hosts ?? [], room);
    return line === '' ? [] : [part(8, ['error', line])];
  };
  if (state.notice !== '') {
    const notice = part(9, ['notice', state.notice]);
    return arrange(theme, width, [notice, ...missing([notice])]);
  }
  const template = state.templates.get(state.template);
  const filters = conditions(state);
  const changed = (template?.switches ?? []).filter(({ name, on }) => state.switches[name] !== on);
  // The details have a line of them.
  const told = state.panes.some(({ name }) => name === 'detail');
  const ways = state.cursor && state.view?.count && !told ? wayParts(state) : [];
  const asked = [part(7, ['label', 'filter']), ...(filters.length > 0 ? filters : [part(6, ['plain', 'none'])])];
  const left = [
    ...missing(asked),
    ...asked,
    ...(state.search ? [part(5, ['label', 'search'], ['plain', `  ${formatSearch(state.search)}`])] : []),
    ...changed.map(({ name, help }) => part(3, ['plain', `${state.switches[name] ? 'with' : 'without'} ${help}`])),
    ...(state.ungroup && template && ungroupedWord(template)
      ? [part(3, ['plain', `with ${ungroupedWord(template)}`])]
      : []),
    ...(template?.order ? [part(3, ['label', 'walk'], ['plain', `  ${state.order ?? template.order}`])] : []),
    ...marking(state),
    ...(state.follow ? [part(4, ['plain', 'following'])] : []),
  ];
  return arrange(theme, width, left, ways);
}

export const Status = memo(function Status(props: {
  readonly state: StatusState;
  readonly kernel: string;
  readonly theme: Theme;
  readonly width: number;
  readonly rows: number;
}) {
  const { state, kernel, theme, width, rows } = props;
  return (
    <Box flexDirection="column" height={rows} flexShrink={0}>
      {rows > 0 && <Line text={firstLine(state, kernel, theme, width)} />}
      {rows > 1 && <Line text={secondLine(state, theme, width)} />}
    </Box>
  );
});
