/** What there is to copy where one is: the row, or the value that the details have marked. */
import { type DetailPane, fullPath, linesOfDetail } from '../state/detail.ts';
import type { SessionState } from '../state/session.ts';
import type { View } from '../state/view.ts';
import { sanitize } from '../templates/text.ts';

export interface Copied {
  readonly text: string;
  /** What it is, for the notice. */
  readonly what: string;
}

/** The cells that are shown of a row, tabs between them. */
function ofRow(view: View, row: number): Copied {
  const cells = view.columns.map((column) => (column.absent === '' ? view.cell(row, column) : ''));
  return { text: cells.join('\t'), what: `${cells.length} cells of ${cells[0]}` };
}

function ofDetail(pane: DetailPane): Copied | undefined {
  const lines = linesOfDetail(pane);
  const line = lines[Math.min(pane.index, lines.length - 1)];
  if (line?.kind === 'column') {
    const column = pane.view.details[line.column]!;
    return { text: column.absent === '' ? pane.view.cell(pane.row, column) : '', what: column.name };
  }
  if (line?.kind === 'other') return { text: line.path, what: 'its path' };
  if (line?.kind !== 'member') return undefined;
  const { value, name } = line.line;
  // What has members of its own has no value: where it is, then.
  return value === '' ? { text: fullPath(pane, line.line), what: 'its path' } : { text: sanitize(value), what: name };
}

/** undefined where nothing is selected. */
export function toCopy({ panes, view, cursor }: Pick<SessionState, 'panes' | 'view' | 'cursor'>): Copied | undefined {
  const top = panes.at(-1);
  if (top?.name === 'detail') return ofDetail(top);
  return view && cursor && cursor.row < view.count ? ofRow(view, cursor.row) : undefined;
}
