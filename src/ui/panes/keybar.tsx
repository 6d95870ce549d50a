/** The last line: the most useful keys that work here. */
import type { PaneName } from '../../state/panes.ts';
import { barOf } from '../keymap.ts';
import { arrange, Line } from '../line.tsx';
import type { Theme } from '../theme.ts';

export function KeyBar(props: { readonly pane: PaneName; readonly theme: Theme; readonly width: number }) {
  const { pane, theme, width } = props;
  const labels = barOf(pane).map(({ key, word }, index) => ({
    keep: -index,
    pieces: [['key', key] as const, ['word', ` ${word}`] as const],
  }));
  return <Line text={arrange(theme, width, labels)} />;
}
