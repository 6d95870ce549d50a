/** The line that greets. */
import { expect, it } from 'vitest';
import { shownTemplates } from '../../src/templates/registry.ts';
import { textWidth } from '../../src/templates/text.ts';
import { welcome } from '../../src/ui/welcome.ts';

const STATE = { filterTexts: {}, where: '', search: null };

it.each(shownTemplates())('is whole on 80 columns: $name', (template) => {
  const templates = new Map([[template.name, template]]);
  const line = welcome({ ...STATE, template: template.name, templates });
  expect(line).toMatch(new RegExp(`^\\? lists keys, v tables, q quits\\. {2}${template.name}: \\S.+`));
  expect(textWidth(line)).toBeLessThanOrEqual(80);
});

it('leaves the line to what is asked', () => {
  const template = shownTemplates()[0]!;
  const templates = new Map([[template.name, template]]);
  expect(welcome({ ...STATE, where: 'pid == 1', template: template.name, templates })).toBe('');
});
