/** Everything that was read of one object, and for the marked column its whole value and meaning. */
import { Box } from 'ink';
import type { Pane } from '../../state/panes.ts';
import type { ViewColumn } from '../../state/view.ts';
import { compose, Line } from '../line.tsx';
import type { Theme } from '../theme.ts';
import { ListWithFoot } from './list.tsx';

export function Detail(props: {
  readonly theme: Theme;
  readonly pane: Extract<Pane, { name: 'detail' }>;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, pane, width, height } = props;
  const { view, row, gone } = pane;
  const { details } = view;
  const index = Math.min(pane.index, details.length - 1);
  const name = Math.max(6, ...details.map((column) => column.name.length));
  const value = Math.max(5, Math.min(40, Math.floor((width - name) / 2)));
  const shown = (column: ViewColumn) => (column.absent === '' ? view.cell(row, column) : '');
  const first = view.columns[0];
  const marked = details[index];
  return (
    <Box flexDirection="column" width={width} height={height} overflow="hidden">
      <Line
        text={compose(theme, width, [
          ['title', first ? ` ${view.template} ${first.title} ${view.cell(row, first)}` : ` ${view.template}`],
          ['notice', gone ? '  is gone: these are its last values' : ''],
        ])}
      />
      <ListWithFoot
        theme={theme}
        columns={[
          { title: 'COLUMN', width: Math.min(name, width - 1) },
          { title: 'VALUE', width: Math.max(0, Math.min(value, width - name - 2)) },
          { title: 'MEANS', width: Math.max(0, width - name - value - 3) },
        ]}
        rows={details.map((column) => ({ cells: [column.name, shown(column), column.absent || column.help] }))}
        index={index}
        width={width}
        height={height - 1}
        foot={marked ? `${marked.name}: ${shown(marked) || '-'}   (${marked.absent || marked.help})` : ''}
      />
    </Box>
  );
}
