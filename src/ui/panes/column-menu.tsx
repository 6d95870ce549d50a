/** A list of columns with what each means, or why it is not here: to sort by, to group by. */
import type { Theme } from '../theme.ts';
import { ListWithFoot } from './list.tsx';

/** What a line says of a column. @param absent column -> why it is not here, '' or nothing where it is */
export function meaningOf(
  columns: readonly { readonly name: string; readonly help: string }[],
  absent: ReadonlyMap<string, string>,
): (name: string) => string {
  const help = new Map(columns.map((column) => [column.name, column.help]));
  return (name) => {
    const why = absent.get(name);
    return why ? `not here: ${why}` : (help.get(name) ?? '');
  };
}

/** As meaningOf() takes it, of the columns of a view. */
export function absentIn(
  columns: readonly { readonly name: string; readonly absent: string }[] | undefined,
): ReadonlyMap<string, string> {
  return new Map(columns?.map(({ name, absent }) => [name, absent]));
}

export function ColumnMenu(props: {
  readonly theme: Theme;
  readonly title: string;
  readonly names: readonly string[];
  /** Of a name in its line. */
  readonly label: (name: string) => string;
  readonly means: (name: string) => string;
  readonly index: number;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, title, names, label, means, index, width, height } = props;
  const widest = Math.max(title.length, ...names.map((each) => each.length)) + 2;
  const chosen = names[index];
  return (
    <ListWithFoot
      theme={theme}
      columns={[
        { title, width: Math.min(widest, width - 1) },
        { title: 'MEANS', width: Math.max(0, width - widest - 2) },
      ]}
      rows={names.map((each) => ({ cells: [label(each), means(each)] }))}
      index={index}
      width={width}
      height={height}
      foot={chosen === undefined ? '' : `${label(chosen)}: ${means(chosen)}`}
    />
  );
}
