/** How the numbers of one object went since its details were opened: a graph a line, that of the marked one larger below. */
import { linesOfDetail } from '../../state/detail.ts';
import { SAMPLES } from '../../state/history.ts';
import { counted } from '../../templates/counted.ts';
import { fit } from '../../templates/text.ts';
import { compose, Line, type Piece } from '../line.tsx';
import { graph, spark } from '../spark.ts';
import type { DetailProps } from './detail.tsx';
import { PieceList } from './piece-list.tsx';

const VALUE = 10;
/** Lines of the larger graph, and the height from which on there is room for it. */
const LARGE = 5;
const TALL = 18;

/** Lines of the larger graph in a pane of this height, where that many numbers have changed. */
export function graphLines(height: number, changed: number): number {
  return changed > 0 && height >= TALL ? LARGE : 0;
}

export function DetailHistory({ theme, pane, width, height }: DetailProps) {
  const { view, row, history } = pane;
  const columns = linesOfDetail(pane).flatMap((line) => (line.kind === 'column' ? [view.details[line.column]!] : []));
  const name = Math.max(6, ...columns.map((column) => column.name.length));
  const across = Math.max(1, Math.min(SAMPLES, width - name - 3 * (VALUE + 1) - 3));
  const right = (text: string) => fit(text, VALUE, 'right', theme.ascii);

  function line(index: number): Piece[] {
    const column = columns[index]!;
    const { values, least, most } = history.get(column.name)!;
    const numbers = [least?.cell ?? '', most?.cell ?? '', view.cell(row, column)].map(right);
    return [
      ['plain', `${fit(column.name, name, 'left', theme.ascii)} `],
      ['graph', spark(theme, values, across)],
      ['plain', ` ${numbers.join(' ')}`],
    ];
  }
  const index = Math.max(0, Math.min(pane.index, columns.length - 1));
  const marked = columns[index];
  const series = marked && history.get(marked.name);
  const large = graphLines(height, columns.length);
  const count = series?.values.length ?? 0;
  const titles = [fit('COLUMN', name, 'left'), ' '.repeat(across), ...['LEAST', 'MOST', 'LAST'].map(right)];
  const foot = marked
    ? [
        `${marked.name}: ${view.cell(row, marked) || '-'}   (${marked.help})`,
        `${counted(count, 'refresh', 'refreshes')}, the newest on the right; numbers that never changed are not here`,
      ]
    : ['no number has changed since the details were opened'];
  return (
    <>
      <PieceList
        {...{ theme, width, index, line, foot }}
        height={height - large}
        header={titles.join(' ')}
        count={columns.length}
      />
      {large > 0 &&
        graph(theme, series!.values, width - VALUE - 3, large).map((text, n) => {
          const label = n === 0 ? series!.most?.cell : n === large - 1 ? series!.least?.cell : '';
          const pieces: Piece[] = [
            ['plain', `${right(label ?? '')}  `],
            ['graph', text],
          ];
          return <Line key={n} text={compose(theme, width, pieces)} />;
        })}
    </>
  );
}
