/** The last line: the most useful keys that work here. */
import type { PaneName } from '../../state/panes.ts';
import type { SessionState } from '../../state/session.ts';
import { barOf, type Time } from '../keymap.ts';
import { arrange, Line } from '../line.tsx';
import type { Theme } from '../theme.ts';

export const timeOf = ({ replay, paused }: Pick<SessionState, 'replay' | 'paused'>): Time => {
  if (!replay) return 'live';
  return paused ? 'still' : 'running';
};

/** Whether there is a second table to be shown: of a live one always, of a recording where that has two. */
export const hasTwo = ({ replay }: Pick<SessionState, 'replay'>): boolean => !replay || replay.two === true;

export function KeyBar(props: {
  readonly pane: PaneName;
  readonly time: Time;
  readonly two: boolean;
  readonly theme: Theme;
  readonly width: number;
}) {
  const { pane, time, two, theme, width } = props;
  const labels = barOf(pane, time, two).map(({ key, word }, index) => ({
    keep: -index,
    pieces: [['key', key] as const, ['word', ` ${word}`] as const],
  }));
  return <Line text={arrange(theme, width, labels)} />;
}
