/** The keys, from the same table that drives them. */
import type { PaneName } from '../../state/panes.ts';
import { helpRows } from '../keymap.ts';
import type { Theme } from '../theme.ts';
import { List } from './list.tsx';

export function Help(props: {
  readonly theme: Theme;
  /** The pane under the help. */
  readonly pane: PaneName;
  /** What the list is narrowed to. */
  readonly find: string;
  readonly index: number;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, pane, find, index, width, height } = props;
  const found = helpRows(pane, find);
  const rows = found.length > 0 ? found : [['', `no key, and nothing that one does, has "${find}" in it`] as const];
  const keys = Math.max(...helpRows(pane).map(([key]) => key.length));
  return (
    <List
      theme={theme}
      columns={[
        { title: 'KEY', width: Math.min(keys, width - 1) },
        { title: 'DOES', width: Math.max(0, width - keys - 2) },
      ]}
      rows={rows.map((cells) => ({ cells, heading: cells[0] === '' }))}
      index={index}
      height={height}
    />
  );
}
