/** The whole screen, always exactly as large as the terminal. */
import { Box, useWindowSize } from 'ink';
import { useStore } from 'zustand';
import { findOf } from '../state/narrowing.ts';
import { isList, type PaneName } from '../state/panes.ts';
import { exportRows, paneName, topPane } from '../state/place.ts';
import type { Session, SessionState } from '../state/session.ts';
import { fit } from '../templates/text.ts';
import { commands, paneUnderHelp, press, type Reach } from './actions.ts';
import { divideHalves, focused, type HalvesStore, receiver } from './halves.ts';
import { type Area, noteLayout } from './layout.ts';
import { compose, Line, wrap } from './line.tsx';
import { LiveTable } from './live-table.tsx';
import { ColumnsPane } from './panes/columns.tsx';
import { Detail } from './panes/detail.tsx';
import { FormPane, formHeight, formOf } from './panes/form.tsx';
import { GroupMenu } from './panes/group.tsx';
import { Help } from './panes/help.tsx';
import { HostsPane } from './panes/hosts.tsx';
import { hasTwo, KeyBar, timeOf } from './panes/keybar.tsx';
import { Picker } from './panes/picker.tsx';
import { ProgramPane } from './panes/program.tsx';
import { promptForm } from './panes/prompt.tsx';
import { SortMenu } from './panes/sort.tsx';
import { SplitMenu } from './panes/split.tsx';
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
/** Lists that take the whole width. */
const WHOLE: readonly PaneName[] = ['help', 'program', 'detail', 'hosts'];

/** Lines of an error that is too long for the status line. */
function longError(theme: Theme, width: number, state: SessionState): string[] {
  if (state.error === '' || !state.view) return [];
  const lines = wrap(theme, width, `error: ${state.error}`);
  return lines.length > 1 ? lines : [];
}

/** One table with all that lies over it. */
function Screen(props: {
  readonly reach: Reach;
  readonly theme: Theme;
  readonly kernel: string;
  readonly area: Area;
  /** The line of keys is its own, not that of the whole screen. */
  readonly bar: boolean;
}) {
  const { reach, theme, kernel } = props;
  const { x, y, width, height } = props.area;

  const state = useFrameState(reach.session);
  const pane = topPane(state);
  const form = pane?.name === 'prompt' ? promptForm(pane, commands(reach), height) : formOf(pane, exportRows(state));
  // Of two recordings one has the time line.
  const timed = state.replay !== null && state.replay.beside !== true;
  const message = longError(theme, width, state);
  const rows = divide(height, formHeight(form, width), message.length, timed ? 1 : 0, props.bar);

  // A form may lie over a list: the list stays in sight.
  const list = state.panes.findLast(({ name }) => isList(name));
  const wide = list !== undefined && !WHOLE.includes(list.name) && width >= SIDE_BY_SIDE;
  const listWidth = wide ? SIDE : width;
  const area = { theme, width: wide ? SIDE - 2 : width, height: rows.table };
  const ways = list?.name === 'detail' && rows.table > 2 ? wayParts(state) : [];
  const above = Math.sign(ways.length);

  const tops = { y: y + rows.status, height: rows.table };
  noteLayout(reach.session, {
    table: !list || wide ? { ...tops, x: x + (wide ? SIDE : 0), width: wide ? width - SIDE : width } : null,
    list: list ? { x, width: area.width, y: tops.y + above, height: rows.table - above } : null,
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
            {list.name === 'split' && <SplitMenu {...area} pane={list} />}
            {list.name === 'sort' && <SortMenu {...area} state={state} index={list.index} />}
            {list.name === 'group' && <GroupMenu {...area} state={state} index={list.index} />}
            {list.name === 'hosts' && <HostsPane {...area} hosts={state.view?.hosts ?? []} index={list.index} />}
            {list.name === 'columns' && <ColumnsPane {...area} state={state} pane={list} />}
            {list.name === 'structs' && <StructsPane {...area} state={state} pane={list} />}
            {list.name === 'program' && <ProgramPane {...area} state={state} pane={list} />}
            {list.name === 'help' && (
              <Help {...area} pane={paneUnderHelp(state)} find={findOf(state, list)} index={list.index} />
            )}
            {list.name === 'detail' && ways.length > 0 && <Ways theme={theme} ways={ways} width={width} />}
            {list.name === 'detail' && (
              <Detail
                {...area}
                height={area.height - above}
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
            x={x + (wide ? SIDE : 0)}
            y={y + rows.status}
            width={wide ? width - SIDE : width}
            rows={rows.table}
          />
        )}
      </Box>
      {message.slice(0, rows.message).map((text, line) => (
        <Line key={line} text={compose(theme, width, [['error', text]])} />
      ))}
      {form && <FormPane theme={theme} form={form} width={width} height={rows.form} />}
      {timed && state.replay && rows.timeline > 0 && (
        <Timeline replay={state.replay} view={state.view} theme={theme} width={width} />
      )}
      {rows.bar > 0 && (
        <KeyBar pane={paneName(state)} time={timeOf(state)} two={hasTwo(state)} theme={theme} width={width} />
      )}
    </Box>
  );
}

export function App(props: { readonly halves: HalvesStore; readonly kernel: string }) {
  const { halves, kernel } = props;
  const { columns: width, rows: height } = useWindowSize();
  useKeys((key) => press(receiver(halves, key), key));

  const { first, second, focus } = useStore(halves);
  const name = useStore(first.session, ({ theme }) => theme);
  const theme = first.themes.of(name);
  const both = { theme, kernel };
  const active = focused({ first, second, focus });
  const divided = second ? divideHalves(width, height) : undefined;
  // Where there is no room for two, the one with the keys has it all; Tab shows the other one.
  if (!second || !divided) {
    const whole = { x: 0, y: 0, width, height };
    return <Screen key={active === first ? 'first' : 'second'} {...both} reach={active} area={whole} bar />;
  }
  return (
    <Box flexDirection="column" width={width} height={height}>
      <Box flexDirection={divided.beside ? 'row' : 'column'} height={height - 1} width={width} flexShrink={0}>
        <Screen key="first" {...both} reach={first} area={divided.first} bar={false} />
        <Box flexDirection="column" width={divided.second.width} marginLeft={divided.beside ? 1 : 0} flexShrink={0}>
          <Between
            theme={theme}
            session={second.session}
            width={divided.second.width}
            keys={whereKeysAre(divided, focus)}
          />
          <Screen key="second" {...both} reach={second} area={divided.second} bar={false} />
        </Box>
      </Box>
      <ActiveKeys theme={theme} session={active.session} width={width} />
    </Box>
  );
}

function whereKeysAre({ beside }: { readonly beside: boolean }, focus: 'first' | 'second'): string {
  if (beside) return focus === 'first' ? 'left' : 'right';
  return focus === 'first' ? 'above' : 'below';
}

/** The line between two tables: what the second one is about, and which one has the keys. */
function Between(props: {
  readonly theme: Theme;
  readonly session: Session;
  readonly width: number;
  readonly keys: string;
}) {
  const { theme, session, width, keys } = props;
  const about = useStore(session, (state) => state.about);
  const template = useStore(session, (state) => state.template);
  const what = about === null ? template : `${template} of ${about.row || 'the selected row'}`;
  const right = ` keys ${keys}: Tab changes, o closes `;
  const left = fit(` ${what}`, Math.max(0, width - right.length), 'left', theme.ascii);
  return (
    <Line
      text={compose(theme, width, [
        ['sorted', left],
        ['sorted', right],
      ])}
    />
  );
}

function ActiveKeys({
  theme,
  session,
  width,
}: {
  readonly theme: Theme;
  readonly session: Session;
  readonly width: number;
}) {
  const pane = useStore(session, paneName);
  const time = useStore(session, timeOf);
  return <KeyBar pane={pane} time={time} two theme={theme} width={width} />;
}
