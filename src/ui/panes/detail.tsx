/** Everything that is known of one object: its columns, the kernel's struct, how its numbers went. */
import { Box } from 'ink';
import { DETAIL_PARTS, type DetailPane, type DetailPart } from '../../state/detail.ts';
import { labelColumns, namedBy } from '../../state/related.ts';
import { formatSearch } from '../../state/search.ts';
import type { ViewColumn } from '../../state/view.ts';
import type { Template } from '../../templates/template.ts';
import { arrange, Line, type Part } from '../line.tsx';
import type { Theme } from '../theme.ts';
import { DetailColumns } from './detail-columns.tsx';
import { DetailHistory } from './detail-history.tsx';
import { DetailStructure } from './detail-structure.tsx';

export interface DetailProps {
  readonly theme: Theme;
  readonly pane: DetailPane;
  /** Of the view's table, where it is still there. */
  readonly template: Template | undefined;
  readonly width: number;
  readonly height: number;
}

/** Columns that say more of the object, where there is room. */
const MORE = 3;

const WORDS: Readonly<Record<DetailPart, string>> = {
  columns: 'Columns',
  structure: 'Structure',
  history: 'History',
};

function titleLine({ theme, pane, template, width }: DetailProps): string {
  const { view, row, gone, part, wanted } = pane;
  const naming = namedBy(template, view, row);
  // Without a name of its own the value alone might be anything.
  const own = naming.some(({ name }) => labelColumns(template).includes(name));
  const titled = (column: ViewColumn) => `${column.title} ${view.cell(row, column)}`;
  const name = naming.map((column) => (own ? view.cell(row, column) : titled(column))).join(' ');
  const others = view.columns
    .filter((column) => !naming.includes(column) && column.absent === '' && view.cell(row, column) !== '')
    .slice(0, MORE);
  const parts = DETAIL_PARTS.map(
    (each): Part => ({
      keep: each === part ? 7 : 3,
      pieces: each === part ? [['title', `[${WORDS[each]}]`]] : [['plain', ` ${WORDS[each]} `]],
    }),
  );
  return arrange(theme, width, [
    { keep: 9, pieces: [['title', ` ${view.template} ${name}`]] },
    ...others.map((column, n): Part => ({ keep: 2 - n / MORE, pieces: [['plain', titled(column)]] })),
    ...(gone ? [{ keep: 8, pieces: [['notice', 'is gone: its last values']] } as Part] : []),
    ...parts,
    ...(wanted
      ? [
          {
            keep: 4,
            pieces: [
              ['label', '/'],
              ['plain', formatSearch(wanted)],
            ],
          } as Part,
        ]
      : []),
  ]);
}

export function Detail(props: DetailProps) {
  const { pane, width, height } = props;
  const below = { ...props, height: height - 1 };
  return (
    <Box flexDirection="column" width={width} height={height} overflow="hidden">
      <Line text={titleLine(props)} />
      {pane.part === 'columns' && <DetailColumns {...below} />}
      {pane.part === 'structure' && <DetailStructure {...below} />}
      {pane.part === 'history' && <DetailHistory {...below} />}
    </Box>
  );
}
