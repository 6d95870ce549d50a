/** Columns to sort by: those shown, then the others. */
import { sortChoices } from '../../state/asked.ts';
import { shownTemplate } from '../../state/group-pane.ts';
import type { SessionState } from '../../state/session.ts';
import { columnOf } from '../../templates/template.ts';
import { signOf } from '../sort-sign.ts';
import type { Theme } from '../theme.ts';
import { ListWithFoot } from './list.tsx';

export function SortMenu(props: {
  readonly theme: Theme;
  readonly state: SessionState;
  readonly index: number;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, state, index, width, height } = props;
  const { sort, view } = state;
  const names = sortChoices(state);
  const name = Math.max(7, ...names.map((each) => each.length)) + 2;
  const template = shownTemplate(state)!;
  const absent = new Map(view?.columns.map((column) => [column.name, column.absent]));
  const means = (each: string) => {
    const why = absent.get(each);
    return why ? `not here: ${why}` : (columnOf(template, each)?.help ?? '');
  };
  const chosen = names[index];
  return (
    <ListWithFoot
      theme={theme}
      columns={[
        { title: 'SORT BY', width: Math.min(name, width - 1) },
        { title: 'MEANS', width: Math.max(0, width - name - 2) },
      ]}
      rows={names.map((each) => ({ cells: [`${each} ${signOf(sort, each, theme.signs)}`.trimEnd(), means(each)] }))}
      index={index}
      width={width}
      height={height}
      foot={chosen ? `${chosen}: ${means(chosen)}` : ''}
    />
  );
}
