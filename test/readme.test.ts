/** What the README lists is what the program has. */
import fs from 'node:fs';
import { expect, it } from 'vitest';
import { BUILTIN } from '../src/templates/builtin/index.ts';
import { keyTable } from '../src/ui/keymap.ts';

const readme = fs.readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The rows of the table behind a heading. */
function keyRows(): string[] {
  return keyTable()
    .filter(([keys]) => keys !== '')
    .map(([keys, help]) => `| ${keys.replaceAll('|', '\\|')} | ${help} |`);
}

it('every key is in the README', () => {
  for (const row of keyRows()) expect(readme).toContain(row);
});

it('every template is in the README', () => {
  for (const template of BUILTIN) if (!template.internal) expect(readme).toContain(`**${template.name}**`);
});

it('every column that a recipe names exists', () => {
  const commands = [...readme.matchAll(/`itertop (?:dump )?(\w+)([^`]*)`/g)];
  expect(commands.length).toBeGreaterThan(5);
  for (const [, name, options] of commands) {
    const template = BUILTIN.find((t) => t.name === name);
    if (!template) continue;
    const listed = /--columns (\S+)/.exec(options)?.[1].split(',') ?? [];
    const sorted = /--sort -?(\w+)/.exec(options)?.[1];
    for (const column of [...listed, ...(sorted ? [sorted] : [])]) {
      expect(
        template.columns.map((c) => c.name),
        `${name} ${options}`,
      ).toContain(column);
    }
  }
});
