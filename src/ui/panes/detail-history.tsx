/** How the numbers of one object went since its details were opened: a graph a line, with least, greatest and last value. */
import { linesOfDetail } from '../../state/detail.ts';
import { SAMPLES } from '../../state/history.ts';
import { fit } from '../../templates/text.ts';
import type { Piece } from '../line.tsx';
import { spark } from '../spark.ts';
import type { DetailProps } from './detail.tsx';
import { PieceList } from './piece-list.tsx';

const VALUE = 10;

export function DetailHistory({ theme, pane, width, height }: DetailProps) {
  const { view, row, history } = pane;
  const columns = linesOfDetail(pane).flatMap((line) => (line.kind === 'column' ? [view.details[line.column]!] : []));
  const name = Math.max(6, ...columns.map((column) => column.name.length));
  const graph = Math.max(1, Math.min(SAMPLES, width - name - 3 * (VALUE + 1) - 3));
  const right = (text: string) => ` ${fit(text, VALUE, 'right', theme.ascii)}`;

  function line(index: number): Piece[] {
    const column = columns[index]!;
    const { values, least, most } = history.get(column.name)!;
    return [
      ['plain', `${fit(column.name, name, 'left', theme.ascii)} `],
      ['graph', spark(theme, values, graph)],
      ['plain', right(least?.cell ?? '') + right(most?.cell ?? '') + right(view.cell(row, column))],
    ];
  }
  const index = Math.max(0, Math.min(pane.index, columns.length - 1));
  const marked = columns[index];
  const count = marked ? history.get(marked.name)!.values.length : 0;
  const titles =
    [fit('COLUMN', name, 'left'), ' '.repeat(graph)].join(' ') + right('LEAST') + right('MOST') + right('LAST');
  return (
    <PieceList
      {...{ theme, width, height, index, line }}
      header={titles}
      count={columns.length}
      foot={
        marked
          ? [
              `${marked.name}: ${view.cell(row, marked) || '-'}   (${marked.help})`,
              `${count} refreshes, the newest on the right; numbers that never changed are not here`,
            ]
          : ['no number has changed since the details were opened']
      }
    />
  );
}
