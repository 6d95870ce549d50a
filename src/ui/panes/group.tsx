/** Columns to group rows by: those shown, then the others. */
import { groupLines } from '../../state/group-pane.ts';
import type { SessionState } from '../../state/session.ts';
import type { Theme } from '../theme.ts';
import { absentIn, ColumnMenu, meaningOf } from './column-menu.tsx';

const NONE = 'no grouping';

export function GroupMenu(props: {
  readonly theme: Theme;
  readonly state: SessionState;
  readonly index: number;
  readonly width: number;
  readonly height: number;
}) {
  const { view, groupBy, templates, template } = props.state;
  const nameOf = (line: string) => line || NONE;
  const columns = [{ name: NONE, help: 'each row by itself' }, ...templates.get(template)!.columns];
  return (
    <ColumnMenu
      {...props}
      title="GROUP BY"
      names={groupLines(props.state).map(nameOf)}
      label={(name) => `${name}${name === nameOf(groupBy) ? ' *' : ''}`}
      means={meaningOf(columns, absentIn(view?.details))}
    />
  );
}
