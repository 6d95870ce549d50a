/** Conditions that a row makes for another table. */
import { describe, expect, it } from 'vitest';
import { type RowValue, relatedColumns, whereOfRow } from '../../src/templates/related.ts';
import type { Template } from '../../src/templates/template.ts';
import { parseWhere } from '../../src/templates/where.ts';

const OTHER: Template = {
  name: 'other',
  help: '',
  target: 'task',
  key: ['n'],
  show: ['n'],
  sort: 'n',
  columns: [
    { name: 'n', help: '', as: 'int' },
    { name: 'at', help: '', as: 'hex' },
    { name: 'on', help: '', as: 'flag' },
    { name: 'addr', help: '', as: 'inet' },
    { name: 'text', help: '', as: 'text' },
  ],
};
const parsed = (where: string) =>
  parseWhere(where, OTHER, { user: () => undefined, pageSize: 4096 }).map((c) => c.where);

describe('the condition of a related table', () => {
  it.each<[string, RowValue, string]>([
    ['n == $x', { format: 'int', value: 42 }, 'n == 42'],
    ['n == $x', { format: 'int', value: 18446744073709551615n }, 'n == 18446744073709551615'],
    ['at == $x', { format: 'hex', value: 0xffff888012345678n }, 'at == 0xffff888012345678'],
    ['on == $x', { format: 'flag', value: true }, 'on == yes'],
    ['addr == $x', { format: 'inet', value: 'fe80::1' }, 'addr == fe80::1'],
    ['text == $x', { format: 'text', value: 'a b' }, 'text == "a b"'],
    ['text == $x', '8:1', 'text == 8:1'],
    ['text =~ "^$x(/|$)"', { format: 'path', value: '/a.b' }, 'text =~ "^/a\\.b(/|$)"'],
    ["text =~ '^$x$'", { format: 'text', value: "it's" }, "text =~ '^it\\'s$'"],
  ])('%s of %o is %s', (where, value, expected) => {
    expect(whereOfRow(where, () => value)).toBe(expected);
    expect(parsed(expected)).toHaveLength(1);
  });

  // Whatever a program calls itself.
  it.each(['"', '\\', '\\"', '" || n == 1 || text == "', '$x', '$n', "'", '(', '.*', 'a\nb', '^|$', '\\d', '日本'])(
    'the text %j means just itself',
    (value) => {
      const row = () => ({ format: 'text', value }) as const;
      expect(parsed(whereOfRow('text == $x', row))).toEqual([{ kind: 'text', column: 'text', values: [value] }]);
      for (const quote of ['"', "'"]) {
        const [match] = parsed(whereOfRow(`text =~ ${quote}^$x$${quote}`, row));
        const { pattern } = match as { pattern: RegExp };
        expect(pattern.test(value)).toBe(true);
        expect(pattern.test(`${value}x`)).toBe(false);
      }
    },
  );

  it('names the columns that it needs', () => {
    expect(relatedColumns({ filters: { pid: 'owner' }, where: 'a == $b && c =~ "^$d-$b$"', needs: ['e'] })).toEqual([
      'e',
      'owner',
      'b',
      'd',
    ]);
  });
});
