/** The panes that are typed in: a few lines at the foot of the screen, the table still in sight above. */
import { Box } from 'ink';
import { shellLines } from '../../state/command-line.ts';
import type { Input } from '../../state/input.ts';
import { EXPORT_FORMATS, EXPORT_LINES, type Pane } from '../../state/panes.ts';
import { FILTER_KINDS } from '../../templates/filters.ts';
import { fit, sanitize, sanitizeAscii, textWidth } from '../../templates/text.ts';
import { compose, Line, type Piece } from '../line.tsx';
import type { Theme } from '../theme.ts';

/** One line of a form. */
interface Field {
  readonly label: string;
  readonly value: Input | readonly Piece[];
  readonly active: boolean;
  readonly hint: string;
}

export interface Form {
  readonly title: string;
  /** Lines between the title and the fields. */
  readonly above?: readonly (readonly Piece[])[];
  readonly fields: readonly Field[];
  readonly error: string;
  /** Words of a command line that is shown. */
  readonly words?: readonly string[];
}

const choices = (all: readonly string[], chosen: string): Piece[] =>
  all.flatMap((each): Piece[] => [['plain', ' '], each === chosen ? ['title', `[${each}]`] : ['plain', ` ${each} `]]);

/** undefined for panes that are no forms. @param rows what can be exported */
export function formOf(pane: Pane | undefined, rows: readonly string[] = ['shown', 'all']): Form | undefined {
  switch (pane?.name) {
    case 'search':
      return {
        title: 'Search the shown cells: a regular expression, ! before it inverts, empty: all',
        fields: [{ label: '/', value: pane.input, active: true, hint: '' }],
        error: pane.error,
      };
    case 'where':
      return {
        title: 'Condition over columns: == != < <= > >= in =~ && || ! ( ); empty: all rows',
        fields: [{ label: 'where', value: pane.input, active: true, hint: '' }],
        error: pane.error,
      };
    case 'find':
      return {
        title: 'Search in the details: a regular expression; n and N go on',
        fields: [{ label: '/', value: pane.input, active: true, hint: '' }],
        error: pane.error,
      };
    case 'narrow':
      return {
        title: 'Find in the list: what lines have to have in them; empty: all of them',
        fields: [{ label: '/', value: pane.input, active: true, hint: '' }],
        error: pane.error,
      };
    case 'saveas':
      return {
        title: 'Save the table as a template of your own: columns, order, widths',
        fields: [{ label: 'name', value: pane.input, active: true, hint: 'small letters, digits and _' }],
        error: pane.error,
      };
    case 'interval':
      return {
        title: 'Refresh every so many seconds: 0.1 to 3600; also 500ms, 1m',
        fields: [{ label: 'every', value: pane.input, active: true, hint: '' }],
        error: pane.error,
      };
    case 'jump':
      return {
        title: 'Jump to: 14:03, 14:03:22, +5m, -30s, 50%, start, end, or a date and time',
        fields: [{ label: 'time', value: pane.input, active: true, hint: '' }],
        error: pane.error,
      };
    case 'when':
      return {
        title: 'Find when a row first is so (rss > 1G); of the selected one: appeared, gone',
        fields: [{ label: 'when', value: pane.input, active: true, hint: '' }],
        error: pane.error,
      };
    case 'filter':
      return {
        title: 'Filter in the kernel: values, lists and ranges; empty lets all pass',
        fields: pane.fields.map(({ name, input }, index) => ({
          label: name,
          value: input,
          active: index === pane.index,
          hint: `${FILTER_KINDS[name].help}: ${FILTER_KINDS[name].example}`,
        })),
        error: pane.fields.find(({ error }) => error !== '')?.error ?? '',
      };
    case 'export': {
      const values = { format: choices(EXPORT_FORMATS, pane.format), rows: choices(rows, pane.rows) };
      return {
        title: 'Export to a file; left and right choose',
        fields: EXPORT_LINES.map((line, index) => ({
          label: line === 'path' ? 'file' : line,
          value: line === 'path' ? pane.input : values[line],
          active: index === pane.index,
          hint: '',
        })),
        error: pane.error,
      };
    }
    case 'command':
      return {
        title: `${commandTitle(pane)}; ${pane.copied}`,
        fields: [],
        error: '',
        words: pane.words,
      };
    case 'overwrite':
      return { title: `${pane.choice.path} is there already. Overwrite it?`, fields: [], error: '' };
    default:
      return undefined;
  }
}

function commandTitle({ words, without }: Extract<Pane, { name: 'command' }>): string {
  if (words[1] !== 'dump') return 'The same text without a screen';
  if (words.includes('--struct')) return "The object's struct without a screen";
  return without.length > 0 ? `All rows, without ${without.join(' and ')}` : 'The same rows without a screen';
}

/** Lines that the form takes: one for the error is always there, so that the table does not jump. */
export function formHeight(form: Form | undefined, width: number): number {
  if (form?.words) return 1 + commandLines(form.words, width).length;
  return form ? 1 + (form.above?.length ?? 0) + form.fields.length + (form.fields.length > 0 ? 1 : 0) : 0;
}

/** Marked by the terminal's mouse, they are one command again. */
function commandLines(words: readonly string[], width: number): string[] {
  return shellLines(words, width - 1);
}

/** The text around the caret in `width` cells. */
function typed(theme: Theme, { text, caret }: Input, active: boolean, width: number): Piece[] {
  if (!active) return [['plain', fit(text, width, 'left', theme.ascii)]];
  // Of a long line only what may be in sight is measured.
  const near = 2 * width + 8;
  const safe = theme.ascii ? sanitizeAscii : sanitize;
  let head = safe(text.slice(Math.max(0, caret - near), caret)).slice(-near);
  while (head !== '' && textWidth(head) > width - 2) head = head.slice(head.codePointAt(0)! > 0xffff ? 2 : 1);
  head = head.replace(/^[\p{M}\p{Cs}]+/u, '');
  const at = String.fromCodePoint(text.codePointAt(caret) ?? 0x20);
  const tail = text.slice(caret + at.length, caret + near);
  return [
    ['plain', head],
    ['caret', theme.marks ? `_${at.trim()}` : at],
    ['plain', fit(tail, width - textWidth(head) - 1, 'left', theme.ascii)],
  ];
}

export function FormPane(props: {
  readonly theme: Theme;
  readonly form: Form;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, form, width, height } = props;
  const label = Math.max(...form.fields.map((field) => field.label.length), 0);
  const hint = Math.max(...form.fields.map((field) => field.hint.length), 0);
  // Hints go where they would leave too little room to type in.
  const hinted = width - label - hint - 5 >= 16;
  const value = Math.max(1, width - label - 3 - (hinted ? hint + 1 : 0));
  const above = form.above ?? [];
  const lines = [
    compose(theme, width, [['header', ` ${form.title}`.padEnd(width)]]),
    ...above.map((pieces) => compose(theme, width, pieces)),
    ...form.fields.map((field) =>
      compose(theme, width, [
        [field.active ? 'label' : 'plain', `${field.active ? '>' : ' '}${field.label.padEnd(label)} `],
        ...('text' in field.value ? typed(theme, field.value, field.active, value) : field.value),
        ['help', hinted && field.hint !== '' ? ` ${field.hint}` : ''],
      ]),
    ),
    ...(form.words ? commandLines(form.words, width) : []).map((line) => compose(theme, width, [['plain', line]])),
    ...(form.fields.length > 0 ? [compose(theme, width, [['error', form.error && ` error: ${form.error}`]])] : []),
  ];
  // Where not all fits, the line that is typed in stays; of a command line what it begins with.
  const active = above.length + form.fields.findIndex((field) => field.active);
  const without = compose(theme, width, [['help', ` ${lines.length - height + 1} more lines have no room here`]]);
  const fewer = form.words
    ? [...lines.slice(0, height - 1), without]
    : [...lines.slice(active + 1, active + 2), ...lines.slice(-1)];
  const shown = lines.length <= height ? lines : fewer;
  return (
    <Box flexDirection="column" height={height} flexShrink={0} overflow="hidden">
      {shown.slice(0, height).map((text, line) => (
        <Line key={line} text={text} />
      ))}
    </Box>
  );
}
