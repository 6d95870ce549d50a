/** Columns that are derived from what is not there. */
import { expect, it } from 'vitest';
import { addDerived } from '../../src/templates/absent.ts';
import type { Template } from '../../src/templates/template.ts';

const TEMPLATE: Template = {
  name: 'mine',
  help: 'for the test',
  target: 'task',
  key: ['a'],
  show: ['a'],
  sort: 'a',
  columns: [
    { name: 'a', from: 'task->pid', as: 'int', help: '' },
    { name: 'b', from: 'task->tgid', as: 'int', help: '' },
    { name: 'rate', derive: 'rate(b)', as: 'rate', help: '' },
    { name: 'both', derive: 'sub(a, b)', as: 'int', help: '' },
    { name: 'twice', derive: 'sub(both, 1)', as: 'int', help: '' },
    { name: 'any', derive: 'either(a, b)', as: 'int', help: '' },
  ],
};
const ALL = TEMPLATE.columns.map(({ name }) => name);

it.each<[string, Record<string, string>, readonly string[], Record<string, string>]>([
  ['nothing is absent', {}, ALL, {}],
  ['one is', { b: 'why' }, ALL, { b: 'why', rate: 'b: why', both: 'b: why', twice: 'both: b: why' }],
  ['the other, too', { a: 'no', b: 'why' }, ['any'], { a: 'no', b: 'why', any: 'a: no' }],
  ['of those that are asked for', { b: 'why' }, ['a', 'rate'], { b: 'why', rate: 'b: why' }],
])('%s', (_, gone, names, expected) => {
  const absent = new Map(Object.entries(gone));
  addDerived(TEMPLATE, names, absent);
  expect(Object.fromEntries(absent)).toEqual(expected);
});
