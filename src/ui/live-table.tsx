/** The table of rows: only what is in sight is formatted, one Text per row, and moving the cursor redraws two of them. */
import { Box } from 'ink';
import { memo, useLayoutEffect, useMemo } from 'react';
import { useStore } from 'zustand';
import type { Session } from '../state/session.ts';
import { fit } from '../templates/text.ts';
import type { Columns } from './columns.ts';
import { whyEmpty } from './empty.ts';
import { compose, Line, type Piece, wrap } from './line.tsx';
import { paint, type Theme } from './theme.ts';

const Row = memo(function Row(props: {
  readonly theme: Theme;
  readonly width: number;
  readonly text: string;
  readonly selected: boolean;
}) {
  const { theme, width, text, selected } = props;
  const line = theme.marks ? (selected ? '>' : ' ') + text : text;
  return <Line text={selected ? paint(theme, 'selected', fit(line, width, 'left', theme.ascii)) : line} />;
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
  const { view, sort, left, widths, cursor } = state;
  const top = Math.max(0, Math.min(state.top, (view?.count ?? 0) - rows));

  useLayoutEffect(() => session.getState().resized(rows), [session, rows]);

  const frame = useMemo(
    () => (view ? columns.frame(view, { top, rows, left, width, sort, widths }, theme) : undefined),
    [view, columns, theme, top, rows, left, width, sort, widths],
  );
  const heading = useMemo(() => {
    const gutter: Piece = ['header', theme.marks ? ' ' : ''];
    return compose(theme, width, [gutter, ...(frame?.header ?? [])]);
  }, [theme, width, frame]);

  const reason = whyEmpty(state);
  return (
    <Box flexDirection="column" width={width} height={props.rows}>
      {header > 0 && <Line text={heading} />}
      {frame?.lines.map((text, line) => (
        <Row key={line} theme={theme} width={width} text={text} selected={cursor?.row === top + line} />
      ))}
      {reason !== '' && wrap(theme, width, reason).map((text, line) => <Line key={line} text={text} />)}
    </Box>
  );
}
