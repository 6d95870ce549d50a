/** What a row leads to, and the question about it: values of the row become filters and conditions of another table. */
import { ELEMENTS } from '../templates/map-template.ts';
import { relatedColumns, whereOfRow } from '../templates/related.ts';
import { columnOf, type FilterName, type Related, type Template } from '../templates/template.ts';
import type { FilterTexts } from './asked.ts';
import type { View, ViewColumn } from './view.ts';

/** A way out of a table: to another one, or to the elements of the map that a column has the id of. */
export type Way = Related | { readonly word: string; readonly template: string; readonly map: string };

/** Cells of a row's name in a breadcrumb. */
const LABEL = 24;

/** In the order of the digits that take them. */
export function waysOf(template: Template): readonly Way[] {
  const { elements, related = [] } = template;
  return elements === undefined ? related : [{ word: 'elements', template: ELEMENTS, map: elements }, ...related];
}

/** Columns whose values decide where a way leads. */
export function columnsOfWay(way: Way): string[] {
  return 'map' in way ? [way.map] : relatedColumns(way);
}

/** Columns that name a row in a breadcrumb. */
export function labelColumns(template: Template | undefined): readonly string[] {
  return template?.label ?? [];
}

/** What to ask the other table; a column's name where the row has no value there, or a zero, which names nothing. */
export function narrow(
  way: Related,
  view: View,
  row: number,
): { readonly filterTexts: FilterTexts; readonly where: string } | { readonly without: string } {
  const missing = relatedColumns(way).find((name) => {
    const value = view.value(row, name);
    return value === '' || (typeof value !== 'string' && Number(value) === 0);
  });
  if (missing !== undefined) return { without: missing };
  const filters = Object.entries(way.filters ?? {}) as [FilterName, string][];
  const filterTexts = Object.fromEntries(filters.map(([filter, name]) => [filter, String(view.value(row, name))]));
  const formatOf = (name: string) => view.details.find((column) => column.name === name)?.format ?? 'int';
  const where = whereOfRow(way.where ?? '', (name) => {
    const format = formatOf(name);
    // As the table shows it, which is what a condition takes.
    if (format === 'dev') return view.details.flatMap((c) => (c.name === name ? [view.cell(row, c)] : []))[0] ?? '';
    return { format, value: view.value(row, name)! };
  });
  return { filterTexts, where };
}

/** Columns of a row's name that are read and have a value there; the first column where there is no name, or for a group. */
export function namedBy(template: Template | undefined, view: View, row: number): readonly ViewColumn[] {
  const shown = [...view.columns, ...view.details];
  const label = view.grouped ? [] : labelColumns(template);
  const named = label
    .flatMap((name) => shown.find((column) => column.name === name) ?? [])
    .filter((column) => column.absent === '' && view.cell(row, column) !== '');
  return named.length > 0 ? named : view.columns.slice(0, 1).filter(({ absent }) => absent === '');
}

/** `1234 nginx`: what people call the object of a row. @param most characters of it */
export function labelOf(template: Template | undefined, view: View, row: number, most = LABEL): string {
  const cells = namedBy(template, view, row).map((column) => view.cell(row, column));
  const text = cells.join(' ');
  return text.length > most ? `${text.slice(0, most - 2)}..` : text;
}

/** Whether a row of this template could lead there: its columns are there, and the table is. */
export function isOpen(way: Way, template: Template, templates: ReadonlyMap<string, Template>): boolean {
  return ('map' in way || templates.has(way.template)) && columnsOfWay(way).every((name) => columnOf(template, name));
}
