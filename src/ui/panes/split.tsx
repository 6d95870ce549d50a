/** What can be seen beside the table. */
import type { SplitPane } from '../../state/split.ts';
import type { Theme } from '../theme.ts';
import { ListWithFoot } from './list.tsx';

export function SplitMenu(props: {
  readonly theme: Theme;
  readonly pane: SplitPane;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, pane, width, height } = props;
  const name = Math.max(6, ...pane.choices.map(({ word }) => word.length));
  const chosen = pane.choices[pane.index];
  return (
    <ListWithFoot
      theme={theme}
      columns={[
        { title: 'BESIDE', width: Math.min(name, width - 1) },
        { title: 'SHOWS', width: Math.max(0, width - name - 2) },
      ]}
      rows={pane.choices.map(({ word, help }) => ({ cells: [word, help] }))}
      index={pane.index}
      width={width}
      height={height}
      foot={chosen ? `${chosen.word}: ${chosen.help}` : ''}
    />
  );
}
