/** All columns of the table: those shown, in their order, then the others; what each means, or why it is not here. */
import { Box } from 'ink';
import { columnChoices } from '../../state/columns-pane.ts';
import { findOf } from '../../state/narrowing.ts';
import type { Pane } from '../../state/panes.ts';
import type { SessionState } from '../../state/session.ts';
import { unitOf } from '../../templates/format.ts';
import { type Column, columnOf, titleOf } from '../../templates/template.ts';
import { compose, Line } from '../line.tsx';
import type { Theme } from '../theme.ts';
import { meaningOf } from './column-menu.tsx';
import { firstInSight, ListWithFoot } from './list.tsx';

/** Where a column's value comes from, as a template says it. */
function originOf({ from, derive, join }: Column): string {
  if (from !== undefined) return `from ${[from].flat().join(' or ')}`;
  return derive !== undefined ? `= ${derive}` : `joined: ${join}`;
}

const SHOWN = 5;
const WIDTH = 5;

export function ColumnsPane(props: {
  readonly theme: Theme;
  readonly state: SessionState;
  readonly pane: Extract<Pane, { name: 'columns' }>;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, state, pane, width, height } = props;
  const find = findOf(state, pane);
  const names = columnChoices(state, find);
  const template = state.templates.get(state.template)!;
  const index = Math.max(0, Math.min(pane.index, names.length - 1));
  const name = Math.max(6, ...template.columns.map((column) => column.name.length));

  const means = meaningOf(template.columns, pane.absent);
  const widthOf = (each: string) => {
    const own = state.widths[each];
    return own !== undefined ? `${own}` : state.columns.includes(each) ? 'auto' : '';
  };
  function foot(each: string): string {
    const column = columnOf(template, each)!;
    const format = column.as ?? 'int';
    const unit = unitOf(format);
    const width = state.widths[each] === undefined ? '' : `, ${state.widths[each]} wide (0: as its cells)`;
    return `${each} (${titleOf(column)}): ${means(each)}; ${format}${unit ? ` [${unit}]` : ''}${width}; ${originOf(column)}`;
  }
  // Only lines that are in sight are made.
  const first = firstInSight(index, names.length, height);
  const rows = names.map((each, line) => ({
    cells:
      line < first || line > first + height
        ? []
        : [state.columns.includes(each) ? '[x]' : '[ ]', each, widthOf(each), means(each)],
  }));
  const chosen = names[index];
  return (
    <Box flexDirection="column" width={width} height={height} overflow="hidden">
      <Line
        text={compose(theme, width, [
          ['title', ` ${state.columns.length} of ${template.columns.length} columns`],
          ['notice', find === '' ? '' : `  with "${find}" (Esc: all)`],
          ['help', '  < > moves, + - 0 width'],
        ])}
      />
      <ListWithFoot
        theme={theme}
        columns={[
          { title: 'SHOWN', width: Math.min(SHOWN, width - 1) },
          { title: 'COLUMN', width: Math.max(0, Math.min(name, width - SHOWN - 3)) },
          { title: 'WIDTH', width: Math.max(0, Math.min(WIDTH, width - SHOWN - name - 4)) },
          { title: 'MEANS', width: Math.max(0, width - SHOWN - name - WIDTH - 5) },
        ]}
        rows={rows}
        index={index}
        width={width}
        height={height - 1}
        foot={chosen === undefined ? `no column has "${find}" in its name, title or meaning` : foot(chosen)}
      />
    </Box>
  );
}
