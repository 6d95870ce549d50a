/** A column has one type in all files of a data set, whatever the kernel, so that no engine has to merge what does not merge. */
import { describe, expect, test } from 'vitest';
import { Batch, newBuffers } from '../../src/templates/record.ts';
import { allTemplates, findTemplate } from '../../src/templates/registry.ts';
import { type JoinedBatch, type Kind, Table } from '../../src/templates/table.ts';
import type { Template } from '../../src/templates/template.ts';
import { CONTEXT, layoutOf } from '../support/batch.ts';

/** No rows of a kernel where every member is of this type; of one that has none of them, where it is null. */
function tableOf(template: Template, type: 'u64' | 'i32' | 'i64' | null, joined: boolean): Table {
  const fields = type === null ? [] : template.columns.filter((c) => c.from !== undefined);
  const layout =
    type === null || fields.length === 0
      ? { fixed: 8, fields: [], keyOffset: 4, keySize: 0, group: null }
      : layoutOf(Object.fromEntries(fields.map((c) => [c.name, { type }])));
  const batch = Batch.index(layout, newBuffers(64), 0);
  const joins = new Map<string, JoinedBatch>();
  for (const [name, { template: other }] of joined ? Object.entries(template.joins ?? {}) : []) {
    const { batch: theirs } = tableOf(findTemplate(other), type, false);
    joins.set(name, {
      template: findTemplate(other),
      batch: theirs,
      rows: new Int32Array(),
      counts: new Int32Array(),
      next: new Int32Array(),
      derived: new Map(),
      joins: new Map(),
    });
  }
  return new Table(template, batch, joins, new Map(), CONTEXT);
}

/** Integers with and without a sign are merged without a loss. */
const family = (kind: Kind) => (kind === 'i64' || kind === 'u64' ? 'integer' : kind);

describe('types of columns', () => {
  test.each(allTemplates().map((t) => t.name))('%s: the same on every kernel', (name) => {
    const template = findTemplate(name);
    const kernels = ([null, 'i32', 'i64', 'u64'] as const).flatMap((type) =>
      [true, false].map((joined) => tableOf(template, type, joined)),
    );
    for (const { name: column, as } of template.columns) {
      const kinds = new Set(kernels.map((table) => (as === 'hex' ? table.kind(column) : family(table.kind(column)))));
      expect({ column, kinds: [...kinds] }).toEqual({ column, kinds: [expect.any(String)] });
    }
  });
});
