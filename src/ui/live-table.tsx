/** The table of rows. Its lines go to the screen past React and Ink: a key that moves the cursor changes two of them. */
import { Box } from 'ink';
import { useLayoutEffect, useMemo } from 'react';
import { useStore } from 'zustand';
import type { Session } from '../state/session.ts';
import type { Columns } from './columns.ts';
import { useLayer } from './layers.ts';
import { Line } from './line.tsx';
import { TablePicture } from './table-picture.ts';
import type { Theme } from './theme.ts';

/** Below this there may be nothing of Ink's on the screen for the lines to lie over. */
const LEAST_ROWS = 4;

export function LiveTable(props: {
  readonly session: Session;
  readonly theme: Theme;
  readonly columns: Columns;
  /** Its first cell on the screen. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Lines, the heading included. */
  readonly rows: number;
}) {
  const { session, theme, columns, x, y, width, rows: height } = props;
  const picture = useMemo(() => new TablePicture(theme, columns, width, height), [theme, columns, width, height]);
  useLayoutEffect(() => session.getState().resized(picture.rows), [session, picture]);
  const draw = useLayer();
  const layered = draw !== undefined && y > 0 && height >= LEAST_ROWS;
  useLayoutEffect(() => {
    if (!layered) return;
    const update = () => draw({ x, y, width, lines: picture.lines(session.getState()) });
    update();
    return session.subscribe(update);
  }, [layered, draw, session, picture, x, y, width]);
  useLayoutEffect(() => (layered ? () => draw(undefined) : undefined), [layered, draw]);
  return (
    <Box flexDirection="column" width={width} height={height} flexShrink={0}>
      {!layered && <InkLines session={session} picture={picture} />}
    </Box>
  );
}

function InkLines({ session, picture }: { readonly session: Session; readonly picture: TablePicture }) {
  const state = useStore(session);
  return picture.lines(state).map((text, line) => <Line key={line} text={text} />);
}
