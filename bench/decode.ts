/** A refresh with every value looked at, which the program itself does only for what is visible. */
import { Btf } from '../src/bpf/btf.ts';
import { Reader } from '../src/state/reader.ts';
import type { FormatContext } from '../src/templates/format.ts';
import type { Batch } from '../src/templates/record.ts';
import { Table } from '../src/templates/table.ts';
import type { Template } from '../src/templates/template.ts';

export const PLAIN: FormatContext = { bootMs: 0, nowNs: 0, hz: 0, pageSize: 4096, userName: () => undefined };

export function openReader(template: Template, columns: readonly string[], ungroup = false): Reader {
  const reader = new Reader(template, Btf.vmlinux());
  reader.configure({ columns, ungroup });
  return reader;
}

/** Numbers into typed arrays, texts into strings. */
export function decodeAll(template: Template, batch: Batch, columns: readonly string[]): void {
  decodeTable(new Table(template, batch, new Map(), new Map(), PLAIN), columns);
}

export function decodeTable(table: Table, columns: readonly string[]): void {
  const { batch } = table;
  for (const column of columns) {
    if (table.isText(column)) {
      const chars = batch.has(column) && batch.type(column) === 'chars';
      const texts: string[] = new Array(table.rows);
      for (let row = 0; row < table.rows; row++)
        texts[row] = chars ? batch.chars(row, column) : table.text(row, column);
    } else if (!table.derived.has(column)) batch.numbers(column);
  }
}
