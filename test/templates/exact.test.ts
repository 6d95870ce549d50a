import { expect, it } from 'vitest';
import { exactCell } from '../../src/templates/exact.ts';
import type { Table, Value } from '../../src/templates/table.ts';
import type { Format } from '../../src/templates/template.ts';

/** A table of one cell. */
const table = (format: Format, value: Value, cell = 'as shown') =>
  ({ formatOf: () => format, value: () => value, cell: () => cell }) as unknown as Table;

it.each<[Format, Value, string]>([
  ['bytes', 1536, '1536'],
  ['count', 18446744073709551615n, '18446744073709551615'],
  ['int', 9007199254740993n, '9007199254740993'],
  ['percent', 12.3456789, '12.346'],
  ['rate', 0.1 + 0.2, '0.3'],
  ['uid', 33, 'as shown'],
  ['age', 12345678901234n, '12345678901234'],
  ['ns', null, ''],
  ['text', 'a\x1b[2J', 'as shown'],
  ['enum', 'LISTEN', 'as shown'],
  ['dev', 66306, 'as shown'],
  ['hex', 255, 'as shown'],
])('%s %s', (format, value, text) => {
  expect(exactCell(table(format, value), 0, 'x')).toBe(text);
});
