/** The table of rows: only what is in sight is formatted, one Text per row, and moving the cursor redraws two of them. */
import { Box } from 'ink';
import { memo, useLayoutEffect, useMemo } from 'react';
import stringWidth from 'string-width';
import { useStore } from 'zustand';
import { marksOf } from '../state/marking.ts';
import type { Session } from '../state/session.ts';
import type { Columns } from './columns.ts';
import { whyEmpty } from './empty.ts';
import { gutterWidth, signOf } from './gutter.ts';
import { compose, Line, type Piece, wrap } from './line.tsx';
import { paint, type Theme } from './theme.ts';

const STYLES = /\x1b\[\d+m/g;

/** The selected row is reversed as a whole: what is reversed in it would not be seen. */
function reversed(theme: Theme, width: number, text: string): string {
  const bare = text.replace(STYLES, '');
  return paint(theme, 'selected', bare + ' '.repeat(Math.max(0, width - stringWidth(bare))));
}

const Row = memo(function Row(props: {
  readonly theme: Theme;
  readonly width: number;
  readonly text: string;
  readonly selected: boolean;
}) {
  const { theme, width, text, selected } = props;
  return <Line text={selected ? reversed(theme, width, text) : text} />;
});

export function LiveTable(props: {
  readonly session: Session;
  readonly theme: Theme;
  readonly columns: Columns;
  readonly width: number;
  /** Of the screen, the header included. */
  readonly rows: number;
}) {
  const { session, theme, columns, width } = props;
  const header = props.rows > 1 ? 1 : 0;
  const rows = props.rows - header;
  const state = useStore(session);
  const { view, sort, left, widths, cursor, exact } = state;
  const marks = marksOf(state);
  const top = Math.max(0, Math.min(state.top, (view?.count ?? 0) - rows));
  const gutter = gutterWidth(theme, width);
  // Otherwise a moving cursor changes no line.
  const keep = view?.changes && view.changes.gone.length > 0 ? cursor?.row : undefined;

  useLayoutEffect(() => session.getState().resized(rows), [session, rows]);

  const frame = useMemo(
    () =>
      view
        ? columns.frame(view, { top, rows, left, width: width - gutter, sort, widths, keep, exact }, theme)
        : undefined,
    [view, columns, theme, top, rows, left, width, gutter, sort, widths, keep, exact],
  );
  const heading = useMemo(() => {
    const before: Piece = ['header', ' '.repeat(gutter)];
    return compose(theme, width, [before, ...(frame?.header ?? [])]);
  }, [theme, width, gutter, frame]);

  const reason = whyEmpty(state);
  return (
    <Box flexDirection="column" width={width} height={props.rows}>
      {header > 0 && <Line text={heading} />}
      {frame?.body.map((each, line) => {
        const selected = !each.gone && each.row === cursor?.row;
        const [role, sign] = signOf(theme, view!, each, selected, marks);
        const text = (gutter > 0 ? paint(theme, role, sign) : '') + frame.lines[line];
        return <Row key={line} theme={theme} width={width} text={text} selected={selected} />;
      })}
      {reason !== '' && wrap(theme, width, reason).map((text, line) => <Line key={line} text={text} />)}
    </Box>
  );
}
