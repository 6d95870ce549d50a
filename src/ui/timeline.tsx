/** The line at the foot of a replay: from when to when the recording is, where it has gaps, and where in it we are. */
import { memo } from 'react';
import type { Replay } from '../state/replay.ts';
import type { View } from '../state/view.ts';
import { grouped } from '../templates/counted.ts';
import { compose, Line, type Piece } from './line.tsx';
import type { Theme } from './theme.ts';

const DAY = 86_400_000;

function clock(ms: number, withDay: boolean): string {
  const d = new Date(ms);
  const two = (n: number) => String(n).padStart(2, '0');
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return withDay ? `${two(d.getMonth() + 1)}-${two(d.getDate())} ${time}` : time;
}

/** Below this the bar would tell nothing. */
const LEAST_BAR = 8;

/** Pieces that fill the width: times at the ends and the count go where there is too little room. */
function timelinePieces(replay: Replay, view: View | null, theme: Theme, width: number): Piece[] {
  const { begin, end, gaps } = replay;
  const long = end - begin > DAY;
  const from = `${clock(begin, long)} `;
  const to = ` ${clock(end, long)}`;
  const position = view?.position;
  const at = position ? `  ${grouped(position.index + 1)}/${grouped(position.count)}` : '';
  let parts: [string, string, string] = [from, to, at];
  for (const fewer of [
    [from, to, ''],
    ['', '', at],
    ['', '', ''],
  ] as const)
    if (width - parts.join('').length < LEAST_BAR) parts = [...fewer];
  const cells = Math.max(1, width - parts.join('').length);
  const cellOf = (ms: number) =>
    Math.max(0, Math.min(cells - 1, Math.floor(((ms - begin) / (end - begin || 1)) * cells)));
  const here = cellOf(view?.stats.begin ?? begin);
  const { played, ahead, gap, point } = theme.ascii
    ? { played: '=', ahead: '-', gap: '.', point: '#' }
    : { played: '━', ahead: '─', gap: '·', point: '●' };
  const bar = Array.from({ length: cells }, (_, cell) => (cell < here ? played : ahead));
  for (const [start, stop] of gaps) {
    const last = cellOf(stop);
    // A gap shorter than a cell is shown as one: that there is one matters.
    for (let cell = Math.min(cellOf(start) + 1, last); cell <= last; cell++) bar[cell] = gap;
  }
  return [
    ['help', parts[0]],
    ['plain', bar.slice(0, here).join('')],
    ['title', point],
    ['plain', bar.slice(here + 1).join('')],
    ['help', parts[1]],
    ['label', parts[2]],
  ];
}

export const Timeline = memo(function Timeline(props: {
  readonly replay: Replay;
  readonly view: View | null;
  readonly theme: Theme;
  readonly width: number;
}) {
  const { replay, view, theme, width } = props;
  return <Line text={compose(theme, width, timelinePieces(replay, view, theme, width))} />;
});
