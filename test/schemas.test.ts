/** The published JSON Schemas are those of the rules that check the files; UPDATE_GOLDEN=1 writes them. */
import fs from 'node:fs';
import { expect, it } from 'vitest';
import { KEYS, SETTINGS } from '../src/settings.ts';
import type { Schema } from '../src/templates/form.ts';
import { TEMPLATE } from '../src/templates/validate.ts';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

it.each<[string, Schema]>([
  [
    'template',
    {
      $schema: DIALECT,
      title: 'itertop: templates',
      description: 'A table of your own, or a list of them.',
      $ref: '#/$defs/file',
      $defs: {
        template: TEMPLATE.schema,
        file: { anyOf: [{ $ref: '#/$defs/template' }, { type: 'array', items: { $ref: '#/$defs/template' } }] },
      },
    },
  ],
  [
    'settings',
    {
      $schema: DIALECT,
      title: 'itertop: settings',
      description: 'settings.yaml or settings.json in $XDG_CONFIG_HOME/itertop',
      ...SETTINGS.schema,
      $defs: { keys: KEYS.schema },
    },
  ],
])('docs/%s.schema.json', (name, schema) => {
  const file = new URL(`../docs/${name}.schema.json`, import.meta.url);
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(file, text);
  expect(fs.readFileSync(file, 'utf8')).toBe(text);
});

it('are in the package', () => {
  const { files } = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  expect(files).toContain('docs/*.schema.json');
});
