/** The kernel's structures, member by member, with what the selected row has in them. */
import { Box } from 'ink';
import { findOf } from '../../state/narrowing.ts';
import type { SessionState } from '../../state/session.ts';
import { holderOf, memberLines, type StructsPane as Pane, printedValue } from '../../state/structs-pane.ts';
import type { Member } from '../../templates/members.ts';
import { compose, Line } from '../line.tsx';
import type { Theme } from '../theme.ts';
import { firstInSight, ListWithFoot } from './list.tsx';

const VALUE = 14;
const PLACE = 9;

/** `+1268 4`, `+12:3b` of a bit-field. */
function placeOf({ offset, size, bits }: Member): string {
  if (offset < 0) return '';
  return bits > 0 ? `+${offset} ${bits}b` : `+${offset} ${size}`;
}

function does({ opens, value }: Member): string {
  if (value) return opens ? 'Enter shows it as a column, Right looks into it' : 'Enter shows it as a column';
  return opens ? 'Enter looks into it' : 'no single value';
}

export function StructsPane(props: {
  readonly theme: Theme;
  readonly state: SessionState;
  readonly pane: Pane;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, state, pane, width, height } = props;
  const members = memberLines(state, pane);
  const holder = holderOf(state, pane);
  const find = findOf(state, pane).trim();
  const index = Math.max(0, Math.min(pane.index, members.length - 1));
  const shown = new Set(
    state.templates
      .get(state.template)
      ?.columns.flatMap(({ name, from }) => (state.columns.includes(name) ? [from].flat() : [])),
  );
  const { answer } = pane;
  const name = Math.max(12, Math.min(26, Math.floor(width / 3)));
  const rest = Math.max(0, width - name - VALUE - PLACE - 8);

  const first = firstInSight(index, members.length, height);
  const rows = members.map((member, line) => {
    if (line < first || line > first + height) return { cells: [] };
    const sign = shown.has(member.path) ? '*' : member.opens && !member.value ? '>' : ' ';
    return { cells: [`${sign} ${member.label}`, printedValue(pane, member), placeOf(member), member.type] };
  });
  const marked = members[index];
  const value = marked && printedValue(pane, marked);
  const foot = marked
    ? `${marked.path}${value ? ` = ${value}` : ''}: ${marked.type}${marked.bits > 0 ? `, ${marked.bits} bits` : ''}${marked.offset >= 0 ? ` at byte ${marked.offset}` : ''}; ${does(marked)}`
    : `no member has "${find}" in its name, here or a few steps away`;
  const { view, cursor } = state;
  const column = view?.columns[0];
  const row = view && column && cursor ? `values of ${column.title} ${view.cell(cursor.row, column)}` : '';
  const whose = answer?.error || (pane.pointer === '' ? '' : row);
  return (
    <Box flexDirection="column" width={width} height={height} overflow="hidden">
      <Line
        text={compose(theme, width, [
          ['title', ` ${pane.at || 'objects'}`],
          ['plain', `  ${holder.type}${holder.size > 0 ? `, ${holder.size} bytes` : ''}`],
          ['notice', find === '' ? '' : `  with "${find}" (Esc: all)`],
          ['help', whose === '' ? '' : `  ${whose}`],
        ])}
      />
      <ListWithFoot
        theme={theme}
        columns={[
          { title: 'MEMBER', width: Math.min(name + 2, Math.max(1, width - 1)) },
          { title: 'VALUE', width: Math.max(0, Math.min(VALUE, width - name - 4)) },
          { title: 'AT SIZE', width: Math.max(0, Math.min(PLACE, width - name - VALUE - 5)) },
          { title: 'TYPE', width: rest },
        ]}
        rows={rows}
        index={index}
        width={width}
        height={height - 1}
        foot={foot}
      />
    </Box>
  );
}
