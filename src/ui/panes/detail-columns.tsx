/** The columns of one object: value, how it went where there is room, and for the marked one what it means and where it is from. */
import { hasMoved } from '../../state/history.ts';
import type { ViewColumn } from '../../state/view.ts';
import { type Column, columnOf, type Template } from '../../templates/template.ts';
import { fit } from '../../templates/text.ts';
import type { Piece } from '../line.tsx';
import { spark } from '../spark.ts';
import type { DetailProps } from './detail.tsx';
import { PieceList } from './piece-list.tsx';

/** From this width on there is room for small graphs. */
const WIDE = 110;
const TREND = 20;

/** Where a column's value comes from, as a template says it. */
function originOf(template: Template, { from, derive, join }: Column): string {
  if (from !== undefined) return `from ${[from].flat().join(' or ')}`;
  if (derive !== undefined) return `computed as ${derive}`;
  const other = template.joins?.[join!.split('.')[0]!];
  const on = other
    ? ` (${other.template} with ${[other.on[1]].flat().join(', ')} = ${[other.on[0]].flat().join(', ')})`
    : '';
  return `joined: ${join}${on}`;
}

export function DetailColumns({ theme, pane, template, width, height }: DetailProps) {
  const { view, row, changed, history } = pane;
  const { details } = view;
  const name = Math.max(6, ...details.map((column) => column.name.length));
  const value = Math.max(5, Math.min(40, Math.floor((width - name) / 2)));
  const trend = width >= WIDE ? TREND : 0;
  /** Why it has no value; '' where it can have one. */
  const absent = (column: ViewColumn) => view.absentAt?.(row, column) ?? column.absent;
  const shown = (column: ViewColumn) => (column.absent === '' ? view.cell(row, column) : '');
  const cell = (text: string, cells: number) => fit(text, Math.max(0, cells), 'left', theme.ascii);

  function line(index: number): Piece[] {
    const column = details[index]!;
    const series = history.get(column.name);
    const new_ = changed.has(column.name);
    return [
      [absent(column) === '' ? 'plain' : 'dim', cell(column.name, name)],
      [new_ ? 'changed' : 'plain', `${new_ ? '*' : ' '}${cell(shown(column), value)}`],
      ...(trend > 0
        ? [['graph', ` ${hasMoved(series) ? spark(theme, series.values, trend) : ' '.repeat(trend)}`] as const]
        : []),
      ['plain', ` ${absent(column) || column.help}`],
    ];
  }
  function foot(column: ViewColumn | undefined): string[] {
    if (!column) return [];
    const spec = template && columnOf(template, column.name);
    return [
      `${column.name}: ${shown(column) || '-'}   (${absent(column) || column.help})`,
      ...(spec ? [originOf(template, spec)] : []),
    ];
  }
  const index = Math.max(0, Math.min(pane.index, details.length - 1));
  const titles = [cell('COLUMN', name), cell('VALUE', value), ...(trend > 0 ? [cell('TREND', trend)] : []), 'MEANS'];
  return (
    <PieceList
      {...{ theme, width, height, index, line }}
      header={titles.join(' ')}
      count={details.length}
      foot={foot(details[index])}
    />
  );
}
