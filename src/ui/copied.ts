/** What there is to copy where one is: the row, or the value that the details have marked. */
import { type DetailPane, fullPath, linesOfDetail } from '../state/detail.ts';
import { labelOf } from '../state/related.ts';
import type { SessionState } from '../state/session.ts';
import type { View } from '../state/view.ts';
import { counted } from '../templates/counted.ts';
import type { Template } from '../templates/template.ts';
import { sanitize } from '../templates/text.ts';

export interface Copied {
  readonly text: string;
  /** What it is, for the notice. */
  readonly what: string;
}

/** The cells that are shown of a row, tabs between them. */
function ofRow(template: Template | undefined, view: View, row: number): Copied {
  const cells = view.columns.map((column) => (column.absent === '' ? view.cell(row, column) : ''));
  return {
    text: cells.join('\t'),
    what: `${counted(cells.length, 'cell')} of ${labelOf(template, view, row, Number.POSITIVE_INFINITY)}`,
  };
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
export function toCopy({
  panes,
  view,
  cursor,
  templates,
}: Pick<SessionState, 'panes' | 'view' | 'cursor' | 'templates'>): Copied | undefined {
  const top = panes.at(-1);
  if (top?.name === 'detail') return ofDetail(top);
  return view && cursor && cursor.row < view.count ? ofRow(templates.get(view.template), view, cursor.row) : undefined;
}
