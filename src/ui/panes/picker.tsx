/** What can be viewed, by what it is about: the iterators of this kernel, their rows, and why some are not there. */
import type { RowCount } from '../../state/counter.ts';
import { type PickerPane, pickerChoices, pickerLines } from '../../state/picker.ts';
import type { TargetInfo } from '../../state/view.ts';
import { grouped } from '../../templates/counted.ts';
import type { Theme } from '../theme.ts';
import { type ListRow, ListWithFoot } from './list.tsx';

const ROWS = 11;

/** Narrower than this there is no room to say how many rows there are. */
const NARROW = 40;

export function Picker(props: {
  readonly theme: Theme;
  readonly pane: PickerPane;
  /** What the list is narrowed to. */
  readonly find: string;
  readonly counts: ReadonlyMap<string, RowCount>;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, pane, find, counts, width, height } = props;
  const choices = pickerChoices(pane, find);
  const index = Math.max(0, Math.min(pane.index, choices.length - 1));
  const name = Math.max(9, ...pane.targets.map(({ template }) => template.length + 2));
  const rows = width < NARROW ? 0 : ROWS;

  const shows = ({ help, unavailable }: TargetInfo) => (unavailable === '' ? help : `not here: ${unavailable}`);
  const count = ({ template, unavailable }: TargetInfo) => {
    const known = unavailable === '' ? counts.get(template) : undefined;
    return (known ? (known.why === '' ? grouped(known.rows) : '?') : '').padStart(rows);
  };
  const all = pickerLines(choices);
  const lines = all.map((at, line): ListRow => {
    if (at === null) return { cells: [choices[all[line + 1]!]!.area, '', ''], heading: true };
    const target = choices[at]!;
    return { cells: [`  ${target.template}`, count(target), shows(target)], dim: target.unavailable !== '' };
  });
  if (choices.length === 0) lines.push({ cells: ['nothing', '', `has "${find}" in its name or help`] });

  const chosen = choices[index];
  const why = chosen ? counts.get(chosen.template)?.why : undefined;
  const foot = chosen ? `${chosen.template}: ${shows(chosen)}${why ? ` (not counted: ${why})` : ''}` : '';
  return (
    <ListWithFoot
      theme={theme}
      columns={[
        { title: 'VIEW', width: Math.min(name, width - 1) },
        ...(rows > 0 ? [{ title: 'ROWS'.padStart(rows), width: rows }] : []),
        { title: 'SHOWS', width: Math.max(0, width - name - rows - (rows > 0 ? 3 : 2)) },
      ]}
      rows={rows > 0 ? lines : lines.map((line) => ({ ...line, cells: line.cells.toSpliced(1, 1) }))}
      index={Math.max(0, all.indexOf(index))}
      width={width}
      height={height}
      foot={foot}
    />
  );
}
