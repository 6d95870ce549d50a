/** The whole screen, always exactly as large as the terminal. */
import { Box, useWindowSize } from 'ink';
import { findOf } from '../state/narrowing.ts';
import { isList, type PaneName } from '../state/panes.ts';
import { exportRows, paneName, topPane } from '../state/place.ts';
import type { SessionState } from '../state/session.ts';
import { commands, paneUnderHelp, press, type Reach } from './actions.ts';
import { noteLayout } from './layout.ts';
import { compose, Line, wrap } from './line.tsx';
import { LiveTable } from './live-table.tsx';
import { ColumnsPane } from './panes/columns.tsx';
import { Detail } from './panes/detail.tsx';
import { FormPane, formHeight, formOf } from './panes/form.tsx';
import { GroupMenu } from './panes/group.tsx';
import { Help } from './panes/help.tsx';
import { KeyBar } from './panes/keybar.tsx';
import { Picker } from './panes/picker.tsx';
import { ProgramPane } from './panes/program.tsx';
import { promptForm } from './panes/prompt.tsx';
import { SortMenu } from './panes/sort.tsx';
import { Status } from './panes/status.tsx';
import { StructsPane } from './panes/structs.tsx';
import { Ways } from './panes/ways.tsx';
import { divide } from './screen.ts';
import type { Theme } from './theme.ts';
import { Timeline } from './timeline.tsx';
import { wayParts } from './trail-line.ts';
import { useKeys } from './use-keys.ts';
import { useFrameState } from './use-session.ts';

/** From this width on a list and the table stand side by side. */
const SIDE_BY_SIDE = 120;
const SIDE = 60;

/** Lists that fill their place, with what the chosen line says below. */
const FOOTED: readonly PaneName[] = ['picker', 'sort', 'group'];

/** Lines of an error that is too long for the status line. */
function longError(theme: Theme, width: number, state: SessionState): string[] {
  if (state.error === '' || !state.view) return [];
  const lines = wrap(theme, width, `error: ${state.error}`);
  return lines.length > 1 ? lines : [];
}

export function App(props: { readonly reach: Reach; readonly kernel: string }) {
  const { reach, kernel } = props;
  const { columns: width, rows: height } = useWindowSize();
  useKeys((key) => press(reach, key));

  const state = useFrameState(reach.session);
  const theme = reach.themes.of(state.theme);
  const pane = topPane(state);
  const form = pane?.name === 'prompt' ? promptForm(pane, commands(reach), height) : formOf(pane, exportRows(state));
  const message = longError(theme, width, state);
  const rows = divide(height, formHeight(form, width), message.length, state.replay ? 1 : 0);

  // A form may lie over a list: the list stays in sight.
  const list = state.panes.findLast(({ name }) => isList(name));
  const wide =
    list !== undefined &&
    list.name !== 'help' &&
    list.name !== 'program' &&
    list.name !== 'detail' &&
    width >= SIDE_BY_SIDE;
  const listWidth = wide ? SIDE : width;
  const area = { theme, width: wide ? SIDE - 2 : width, height: rows.table };
  const ways = list?.name === 'detail' && rows.table > 2 ? wayParts(state) : [];

  const tops = { y: rows.status, height: rows.table };
  noteLayout(reach.session, {
    table: !list || wide ? { ...tops, x: wide ? SIDE : 0, width: wide ? width - SIDE : width } : null,
    list: list && FOOTED.includes(list.name) ? { ...tops, x: 0, width: listWidth } : null,
  });

  return (
    <Box flexDirection="column" width={width} height={height}>
      <Status state={state} kernel={kernel} theme={theme} width={width} rows={rows.status} />
      <Box height={rows.table} flexShrink={0}>
        {list && (
          <Box width={listWidth} height={rows.table} flexShrink={0} flexDirection="column" overflow="hidden">
            {list.name === 'picker' && (
              <Picker {...area} pane={list} find={findOf(state, list)} counts={state.counts} />
            )}
            {list.name === 'sort' && <SortMenu {...area} state={state} index={list.index} />}
            {list.name === 'group' && <GroupMenu {...area} state={state} index={list.index} />}
            {list.name === 'columns' && <ColumnsPane {...area} state={state} pane={list} />}
            {list.name === 'structs' && <StructsPane {...area} state={state} pane={list} />}
            {list.name === 'program' && <ProgramPane {...area} state={state} pane={list} />}
            {list.name === 'help' && <Help {...area} pane={paneUnderHelp(state)} index={list.index} />}
            {list.name === 'detail' && ways.length > 0 && <Ways theme={theme} ways={ways} width={width} />}
            {list.name === 'detail' && (
              <Detail
                {...area}
                height={area.height - Math.sign(ways.length)}
                pane={list}
                template={state.templates.get(list.view.template)}
              />
            )}
          </Box>
        )}
        {(!list || wide) && (
          <LiveTable
            session={reach.session}
            theme={theme}
            columns={reach.columns}
            x={wide ? SIDE : 0}
            y={rows.status}
            width={wide ? width - SIDE : width}
            rows={rows.table}
          />
        )}
      </Box>
      {message.slice(0, rows.message).map((text, line) => (
        <Line key={line} text={compose(theme, width, [['error', text]])} />
      ))}
      {form && <FormPane theme={theme} form={form} width={width} height={rows.form} />}
      {state.replay && rows.timeline > 0 && (
        <Timeline replay={state.replay} view={state.view} theme={theme} width={width} />
      )}
      {rows.bar > 0 && <KeyBar pane={paneName(state)} theme={theme} width={width} />}
    </Box>
  );
}
