/** Columns to sort by: those shown, then the others. */
import { sortChoices } from '../../state/asked.ts';
import { shownTemplate } from '../../state/group-pane.ts';
import type { SessionState } from '../../state/session.ts';
import { signOf } from '../sort-sign.ts';
import type { Theme } from '../theme.ts';
import { absentIn, ColumnMenu, meaningOf } from './column-menu.tsx';

export function SortMenu(props: {
  readonly theme: Theme;
  readonly state: SessionState;
  readonly index: number;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, state } = props;
  return (
    <ColumnMenu
      {...props}
      title="SORT BY"
      names={sortChoices(state)}
      label={(name) => `${name} ${signOf(state.sort, name, theme.signs)}`.trimEnd()}
      means={meaningOf(shownTemplate(state)!.columns, absentIn(state.view?.columns))}
    />
  );
}
