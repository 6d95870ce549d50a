/** Small, still tables: ink-table draws the lines in sight, with one of them marked. */
import { Box, Text } from 'ink';
import { type CellProps, Table } from 'ink-table';
import type { PropsWithChildren } from 'react';
import { fit } from '../../templates/text.ts';
import { Line, wrap } from '../line.tsx';
import { paint, type Role, type Theme } from '../theme.ts';

interface ListColumn {
  readonly title: string;
  readonly width: number;
}

export interface ListRow {
  readonly cells: readonly string[];
  /** A heading among the lines. */
  readonly heading?: boolean;
  /** What is not to be had; what the line says says so, too. */
  readonly dim?: boolean;
}

/** ink-table tells a cell its column but not its line: how the line looks travels before the cell's text. */
const MARKED = '\x01';
const HEADING = '\x02';
const DIM = '\x03';

/** First line in sight of a list of `count` lines with the chosen one in the middle, as far as the ends let it. */
export function firstInSight(index: number, count: number, height: number): number {
  return Math.max(0, Math.min(index - Math.floor(height / 2), count - height));
}

const Nothing = () => <></>;

interface ListProps {
  readonly theme: Theme;
  readonly columns: readonly ListColumn[];
  readonly rows: readonly ListRow[];
  readonly index: number;
  /** Lines, the header included. */
  readonly height: number;
}

export function List(props: ListProps) {
  const { theme, columns, rows, index, height } = props;
  const lines = Math.max(1, height - 1);
  const first = firstInSight(index, rows.length, lines);
  const data = rows.slice(first, first + lines).map((row, line) => {
    const look = first + line === index ? MARKED : row.heading ? HEADING : row.dim ? DIM : '';
    return Object.fromEntries(columns.map(({ title }, column) => [title, look + (row.cells[column] ?? '')]));
  });

  // ink-table pads by characters, not by terminal cells, so each cell is fitted again here.
  function cell({ column, children }: CellProps) {
    const text = String(children).slice(1).trimEnd();
    const look = text[0];
    const role: Role = look === MARKED ? 'selected' : look === HEADING ? 'title' : look === DIM ? 'dim' : 'plain';
    const bare = role === 'plain' ? text : text.slice(1);
    const mark = theme.marks && column === 0 && role === 'selected' ? '>' : ' ';
    const { width } = columns[column]!;
    return <Text wrap="truncate-end">{paint(theme, role, mark + fit(bare, width, 'left', theme.ascii))}</Text>;
  }
  function header({ children }: PropsWithChildren) {
    const title = String(children).trim();
    const column = columns.find((each) => each.title.trim() === title);
    const text = fit(column?.title ?? title, column?.width ?? 0, 'left', theme.ascii);
    return <Text wrap="truncate-end">{paint(theme, 'header', ` ${text}`)}</Text>;
  }
  const titles = columns.map(({ title }) => title);
  // ink-table keeps the first components it is given: other widths need another table.
  const key = columns.map(({ title, width }) => title + width).join();
  return <Table key={key} data={data} columns={titles} cell={cell} header={header} skeleton={Nothing} />;
}

const FOOT = 4;

/** Lines that the list has of the height of both. */
export function linesWithFoot(height: number): number {
  return height - (height >= 3 * FOOT ? FOOT : 0);
}

/** A list, and below it, where there is room, what its chosen line says in full. */
export function ListWithFoot(props: ListProps & { readonly foot: string; readonly width: number }) {
  const { theme, width, height } = props;
  const foot = height - linesWithFoot(height);
  return (
    <>
      <Box flexDirection="column" height={height - foot} flexShrink={0} overflow="hidden">
        <List {...props} height={height - foot} />
      </Box>
      {foot > 0 && <Line text={paint(theme, 'header', ' '.repeat(width))} />}
      {foot > 0 &&
        wrap(theme, width - 2, props.foot)
          .slice(0, foot - 1)
          .map((text, line) => <Line key={line} text={` ${text}`} />)}
    </>
  );
}
