/** What the README and the list of keys say is what the program has. */
import fs from 'node:fs';
import { expect, it } from 'vitest';
import { Btf } from '../src/bpf/btf.ts';
import { withColumns } from '../src/templates/adhoc.ts';
import { BUILTIN } from '../src/templates/builtin/index.ts';
import { findTemplate } from '../src/templates/registry.ts';
import { parseTemplates } from '../src/templates/user.ts';
import { KEYMAP, keyLabel } from '../src/ui/keymap.ts';

/** Tables are padded by the formatter. */
const readme = fs.readFileSync(new URL('../README.md', import.meta.url), 'utf8').replace(/ {2,}/g, ' ');

const KEYS = new URL('../docs/keys.md', import.meta.url);

/** docs/keys.md, made of the keymap: UPDATE_GOLDEN=1 writes it. */
function keyPage(): string {
  const sections = KEYMAP.map((section) => {
    const rows = section.bindings.map(({ keys, help }) => [keys.map(keyLabel).join(' '), help]);
    const table = [['key', 'does'], ['-', '-'], ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
    const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column].length)));
    const lines = table.map(
      (row) => `| ${row.map((c, i) => c.padEnd(widths[i], c === '-' ? '-' : ' ')).join(' | ')} |`,
    );
    return `## ${section.title}\n\n${lines.join('\n')}\n`;
  });
  return `# Keys\n\n${sections.join('\n')}`;
}

it('every key is in docs/keys.md', () => {
  if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(KEYS, keyPage());
  expect(fs.readFileSync(KEYS, 'utf8')).toBe(keyPage());
});

it('every template is in the README', () => {
  for (const template of BUILTIN) if (!template.internal) expect(readme).toContain(`**${template.name}**`);
});

it('the template in it is one, and the columns that its commands make can be made', async () => {
  const yaml = /^```yaml\n(.*?)^```/ms.exec(readme)![1];
  const { templates, problems, warnings } = await parseTemplates(yaml, 'README.md', Btf.vmlinux(), findTemplate);
  expect([templates.length, problems, warnings]).toEqual([1, [], []]);
  const commands = [...readme.matchAll(/^itertop (\w+) --columns '([^']+)'/gm)];
  expect(commands.length).toBeGreaterThan(1);
  for (const [, name, columns] of commands) withColumns(findTemplate(name), columns, () => Btf.vmlinux(), findTemplate);
});

it('every column that a recipe names exists', () => {
  const commands = [...readme.matchAll(/`itertop (?:dump )?(\w+)([^`]*)`/g)];
  expect(commands.length).toBeGreaterThan(5);
  for (const [, name, options] of commands) {
    const template = BUILTIN.find((t) => t.name === name);
    if (!template) continue;
    const listed = /--columns (?:'([^']+)'|(\S+))/.exec(options);
    const known = listed
      ? withColumns(template, listed[1] ?? listed[2], () => Btf.vmlinux(), findTemplate).template
      : template;
    const sorted = /--sort -?(\w+)/.exec(options)?.[1];
    if (sorted)
      expect(
        known.columns.map((c) => c.name),
        `${name} ${options}`,
      ).toContain(sorted);
  }
});
