/** What rows are ordered by: columns, the first one foremost; as text `state,-rxq`, `-` for descending. */
import { columnOf, type Format, type Template, UsageError } from '../templates/template.ts';

export interface SortKey {
  readonly column: string;
  readonly descending: boolean;
}

/** Rows that are equal in one column go by the next. */
export type Sort = readonly [SortKey, ...SortKey[]];

/** Text and ids read best from small to large, amounts from large to small. */
export function descendsFirst(format: Format | undefined): boolean {
  const rising: readonly (Format | undefined)[] = [
    undefined,
    'int',
    'hex',
    'octal',
    'flag',
    'uid',
    'dev',
    'enum',
    'text',
    'path',
    'inet',
    'hexbytes',
  ];
  return !rising.includes(format);
}

/** Throws UsageError for a column that the template does not have. */
export function parseSort(template: Template, text: string): Sort {
  const keys = new Map<string, SortKey>();
  for (const word of text.split(',')) {
    const part = word.trim();
    const descending = part.startsWith('-');
    const column = checkColumn(template, descending ? part.slice(1) : part);
    if (!keys.has(column)) keys.set(column, { column, descending });
  }
  const [first, ...others] = keys.values();
  return [first!, ...others];
}

export function formatSort(sort: Sort): string {
  return sort.map(({ column, descending }) => `${descending ? '-' : ''}${column}`).join();
}

export function sortColumns(sort: readonly SortKey[]): string[] {
  return sort.map(({ column }) => column);
}

/** The keys that are left where only some columns are there; `otherwise` where none is. */
export function keptSort(sort: Sort, has: (column: string) => boolean, otherwise: Sort): Sort {
  const [first, ...others] = sort.filter(({ column }) => has(column));
  return first ? [first, ...others] : otherwise;
}

/**
 * Also by this column: not yet among the keys it becomes the last one; again turns it round; a third time takes it out,
 * unless it is the only one. `descending` is how the column is sorted at first.
 */
export function alsoBy(sort: Sort, column: string, descending: boolean): Sort {
  const at = sort.findIndex((key) => key.column === column);
  if (at < 0) return [...sort, { column, descending }];
  if (sort[at]!.descending === descending || sort.length === 1) {
    const [first, ...others] = sort.with(at, { column, descending: !sort[at]!.descending });
    return [first!, ...others];
  }
  return keptSort(sort, (each) => each !== column, sort);
}

/** The primary column the other way round. */
export function inverted([first, ...others]: Sort): Sort {
  return [{ ...first, descending: !first.descending }, ...others];
}

export function checkColumn(template: Template, name: string): string {
  if (columnOf(template, name)) return name;
  const names = template.columns.map((column) => column.name).join(', ');
  throw new UsageError(`${template.name} has no column '${name}'; it has ${names}`);
}
