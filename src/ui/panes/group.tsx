/** Columns to group rows by: those shown, then the others. */
import { groupLines } from '../../state/group-pane.ts';
import type { SessionState } from '../../state/session.ts';
import { columnOf } from '../../templates/template.ts';
import type { Theme } from '../theme.ts';
import { ListWithFoot } from './list.tsx';

const NONE = 'no grouping';

export function GroupMenu(props: {
  readonly theme: Theme;
  readonly state: SessionState;
  readonly index: number;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, state, index, width, height } = props;
  const { view, groupBy } = state;
  const lines = groupLines(state);
  const template = state.templates.get(state.template)!;
  const absent = new Map(view?.details.map((column) => [column.name, column.absent]));
  const name = Math.max(NONE.length, ...lines.map((each) => each.length)) + 2;
  const means = (each: string) => {
    if (each === '') return 'each row by itself';
    const why = absent.get(each);
    return why ? `not here: ${why}` : (columnOf(template, each)?.help ?? '');
  };
  const label = (each: string) => `${each || NONE}${each === groupBy ? ' *' : ''}`;
  const chosen = lines[index] ?? '';
  return (
    <ListWithFoot
      theme={theme}
      columns={[
        { title: 'GROUP BY', width: Math.min(name, width - 1) },
        { title: 'MEANS', width: Math.max(0, width - name - 2) },
      ]}
      rows={lines.map((each) => ({ cells: [label(each), means(each)] }))}
      index={index}
      width={width}
      height={height}
      foot={`${label(chosen)}: ${means(chosen)}`}
    />
  );
}
