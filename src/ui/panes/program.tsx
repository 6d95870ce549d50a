/** The program that reads the table: bytecode, verifier, record, and what the kernel made of it; lines that belong together. */
import { Box } from 'ink';
import { PROGRAM_PARTS, type ProgramPart } from '../../state/inspect.ts';
import { findOf } from '../../state/narrowing.ts';
import { type ProgramPane as Pane, programLines } from '../../state/program-pane.ts';
import type { SessionState } from '../../state/session.ts';
import { fit } from '../../templates/text.ts';
import { arrange, compose, Line, type Piece, wrap } from '../line.tsx';
import { paint, type Theme } from '../theme.ts';
import { firstInSight } from './list.tsx';

const FOOT = 4;

/** What to see in a part. */
const HINTS: Readonly<Record<ProgramPart, string>> = {
  bytecode: 'slot, instruction, column it serves; | serves the same; Enter goes to the next of them',
  verifier: 'what the verifier counted, then its log',
  record: 'what the program writes for each object: eight bytes a line',
  kernel: 'what the kernel has loaded, and the program after its rewriting',
};

/** Lines of the heading, of the program and of what is told below. */
export function programLayout(height: number): { head: number; body: number; foot: number } {
  const foot = height >= 3 * FOOT ? FOOT : 0;
  const head = height >= 6 ? 2 : 1;
  return { head, body: Math.max(1, height - head - foot), foot };
}

export function ProgramPane(props: {
  readonly theme: Theme;
  readonly state: SessionState;
  readonly pane: Pane;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, state, pane, width, height } = props;
  const find = findOf(state, pane).toLowerCase();
  const lines = programLines(pane);
  const report = pane.reports?.[pane.program];
  const { head, body, foot } = programLayout(height);
  const first = firstInSight(pane.index, lines.length, body);
  const of = lines[pane.index]?.of ?? '';

  const marked = lines[pane.index]?.text.trim() ?? '';
  const meaning = report?.meanings.get(of) ?? '';
  // What is cut above is told below.
  const told = marked.length + 2 > width ? `${marked.replace(/ {2,}/g, '  ')}${meaning && `  -  ${meaning}`}` : meaning;

  const row = (at: number) => {
    const line = lines[at]!;
    const found = find !== '' && line.text.toLowerCase().includes(find);
    const same = of !== '' && line.of === of;
    const sign = theme.marks && at === pane.index ? '>' : found ? '/' : same ? '|' : ' ';
    const text = fit(sign + line.text, width, 'left', theme.ascii);
    const role = at === pane.index ? 'selected' : found ? 'marked' : same ? 'label' : 'plain';
    return <Line key={at} text={paint(theme, role, text)} />;
  };
  const tabs = PROGRAM_PARTS.flatMap((part): Piece[] => [
    part === pane.part ? ['title', `[${part}]`] : ['plain', ` ${part} `],
  ]);
  const several = (pane.reports?.length ?? 0) > 1;
  const { stats } = state.view ?? {};
  return (
    <Box flexDirection="column" width={width} height={height} overflow="hidden">
      <Line
        text={arrange(theme, width, [
          { keep: 3, pieces: [['title', ` ${report?.label ?? state.template}`]] },
          {
            keep: 1,
            pieces: several ? [['plain', `program ${pane.program + 1} of ${pane.reports!.length} (< >)`]] : [],
          },
          { keep: 2, pieces: tabs },
          { keep: 0, pieces: [['help', 'Tab: next part']] },
        ])}
      />
      {head > 1 && (
        <Line
          text={compose(theme, width, [
            ['header', ' '],
            [
              'header',
              fit(
                pane.part === 'kernel' && stats && pane.program === 0
                  ? `last refresh: run for ${stats.visited < 0 ? '?' : stats.visited} objects, wrote ${stats.emitted} records`
                  : HINTS[pane.part],
                width - 1,
                'left',
                theme.ascii,
              ),
            ],
          ])}
        />
      )}
      {!report && (
        <Line
          text={compose(theme, width, [
            [
              'plain',
              pane.reports ? ' what is shown was recorded: no program reads it' : ' the verifier is being asked ...',
            ],
          ])}
        />
      )}
      <Box flexDirection="column" height={body} flexShrink={0} overflow="hidden">
        {Array.from({ length: Math.max(0, Math.min(body, lines.length - first)) }, (_, i) => row(first + i))}
      </Box>
      {foot > 0 && <Line text={paint(theme, 'header', ' '.repeat(width))} />}
      {foot > 0 &&
        wrap(theme, width - 2, told)
          .slice(0, foot - 1)
          .map((text, line) => <Line key={line} text={` ${text}`} />)}
    </Box>
  );
}
