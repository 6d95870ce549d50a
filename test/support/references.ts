/** A template's rows against a reference, column by column. */
import { expect } from 'vitest';
import { registerTemplates } from '../../src/templates/registry.ts';
import type { Value } from '../../src/templates/table.ts';
import type { Template } from '../../src/templates/template.ts';
import { lacksColumn, type Row } from './kernel.ts';

/** Templates that joins name have to be known by their names. */
export function register(...templates: readonly Template[]): void {
  registerTemplates(templates);
}

/**
 * What a column's exported value has to be for an object that `known` describes; undefined where the reference does not
 * tell. A function that takes two arguments looks at the row itself and throws.
 */
export type References<Known> = Readonly<Record<string, (known: Known, row: Row) => Value | undefined>>;

export function everyColumn(template: Template, references: References<never>): void {
  expect(Object.keys(references).sort()).toEqual(template.columns.map((c) => c.name).sort());
}

/** Compares exported values, numbers and bigints by their value, of the columns that this kernel has. */
export function compare<Known>(row: Row, known: Known, references: References<Known>): void {
  const plain = (value: Value) => (typeof value === 'bigint' ? Number(value) : value);
  for (const [column, reference] of Object.entries(references)) {
    if (lacksColumn(row.table.template, column) !== '') continue;
    const wanted = reference(known, row);
    if (wanted !== undefined) expect({ [column]: plain(row.value(column)) }).toEqual({ [column]: plain(wanted) });
  }
}
