/** Rows put together by what they have in a column: by which columns, and what columns such groups have. */
import { growthColumn, growthColumns, isGrowth } from '../templates/growth.ts';
import { type Column, columnOf, type Format, type Template, UsageError } from '../templates/template.ts';
import { checkColumn, descendsFirst, type SortKey, sortColumns } from './sort.ts';
import { treeColumns } from './tree.ts';

/** What a view of groups says of itself. */
export interface Grouped {
  /** The column whose values the groups are of. */
  readonly by: string;
  /** Rows that are in the groups together. */
  readonly of: number;
}

const AMOUNTS: readonly (Format | undefined)[] = ['count', 'bytes', 'pages', 'rate', 'byterate', 'cputime'];

/** Whether the sum over several rows says something: of amounts, not of ids, times, ratios and durations. */
export function addsUp({ adds, as, total, derive }: Column): boolean {
  if (adds !== undefined) return adds;
  // Shares of one whole.
  if (as === 'percent') return derive !== undefined && /^(cpu|share)\(/.test(derive);
  return AMOUNTS.includes(as) || total === true;
}

/** Ids, names and addresses; an amount, or how long it has grown, says nothing of what rows are. */
function isGroupable(column: Column): boolean {
  return !descendsFirst(column.as) && !isGrowth(column);
}

/** Columns to group by: those shown, then the others. */
export function groupChoices(template: Template, shown: readonly string[]): string[] {
  const all = template.columns.filter(isGroupable).map(({ name }) => name);
  return [...shown.filter((name) => all.includes(name)), ...all.filter((name) => !shown.includes(name))];
}

/** @throws UsageError for a column that there is not, or that cannot be grouped by */
export function checkGroup(template: Template, name: string): string {
  if (name === '' || isGroupable(columnOf(template, checkColumn(template, name))!)) return name;
  const names = groupChoices(template, template.show).join(', ');
  throw new UsageError(`${name} is an amount: ${template.name} can be grouped by ${names}`);
}

/** Name of the column with the number of rows in a group. */
export function countColumn(template: Template): string {
  let name = 'count';
  for (let n = 2; columnOf(template, name); n++) name = `count_${n}`;
  return name;
}

/** What of groups is watched for growth: how many rows they have, and the totals of what is watched of a row. */
export function watchedColumns(template: Template): string[] {
  return [countColumn(template), ...growthColumns(template).filter((name) => addsUp(columnOf(template, name)!))];
}

/** The column that watches groups for growth: it takes the place of the one that watches rows. */
export function groupsGrowth(template: Template): Column {
  let name = growthColumn(template) ?? 'grew';
  for (let n = 2; growthColumn(template) === undefined && columnOf(template, name); n++) name = `grew_${n}`;
  const columns = watchedColumns(template).join(', ');
  const help = `which of ${columns} grew in the most samples in a row, and in how many; one that is equal neither adds nor resets, a smaller one resets`;
  return { name, derive: `growth(${columns})`, as: 'text', width: 11, help };
}

/**
 * Groups as a table: the value, how many rows have it, what grew, totals, then what the rows may have in common.
 * @param watch whether groups are watched for growth
 */
export function groupedTemplate(template: Template, by: string, shown: readonly string[], watch = false): Template {
  const count = countColumn(template);
  const grew = groupsGrowth(template);
  const columns = shown
    .filter((name) => name !== by && !(watch && name === grew.name))
    .map((name) => columnOf(template, name)!);
  const totals = columns.filter(addsUp).map(({ name }) => name);
  const others = columns.map(({ name }) => name).filter((name) => !totals.includes(name));
  const counting: Column = { name: count, title: 'COUNT', as: 'count', width: 6, help: `rows with the same ${by}` };
  return {
    ...template,
    columns: [
      ...template.columns
        .filter((c) => !(watch && c.name === grew.name))
        .map((c) => (totals.includes(c.name) ? { ...c, help: `total of: ${c.help}` } : c)),
      counting,
      ...(watch ? [grew] : []),
    ],
    key: [by],
    show: [by, count, ...(watch ? [grew.name] : []), ...totals, ...others],
    sort: `-${count}`,
  };
}

export interface AskedColumns {
  readonly columns: readonly string[];
  readonly sort: readonly SortKey[];
  readonly groupBy: string;
  readonly tree?: unknown;
  /** Groups are watched for growth. */
  readonly watch?: boolean | undefined;
  /** Not shown, but wanted. */
  readonly also?: readonly string[];
}

/** Columns of the template that are read for what is shown, sorted and grouped by. */
export function readColumns(
  template: Template,
  { columns, sort, groupBy, tree, watch, also = [] }: AskedColumns,
): string[] {
  const watched = watch && groupBy !== '' ? watchedColumns(template) : [];
  const names = [
    ...columns,
    ...sortColumns(sort),
    groupBy,
    ...(tree ? treeColumns(template) : []),
    ...watched,
    ...also,
  ];
  return [...new Set(names)].filter((name) => columnOf(template, name));
}
