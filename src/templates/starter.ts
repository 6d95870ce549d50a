/** `itertop templates --new`: a template to start from, made of what BTF says of the target's objects. */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { findTarget } from '../bpf/targets.ts';
import { DERIVE_NAMES, deriveSignature } from './derive.ts';
import { genericTemplate } from './generic.ts';
import { SOURCE_FUNCTIONS } from './source.ts';
import { type Column, columnOf, FORMATS, type Template, UsageError } from './template.ts';

/** Members that are offered beyond those that the table begins with. */
const MORE = 40;

/** YAML that loads as it is. @throws UsageError where this kernel has no such target, or no table for it */
export function starter(name: string, target: string, btf: Btf): string {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name))
    throw new UsageError(`--new ${name}: a name has small letters, digits and _, and begins with a letter`);
  let template: Template;
  let objects: string[];
  try {
    template = genericTemplate(btf, target);
    objects = findTarget(btf, target).members.map((m) => `${m.name} (${btf.typeName(m.type)}${m.pointer ? ' *' : ''})`);
  } catch (error) {
    throw error instanceof BtfError ? new UsageError(`--target ${target}: ${error.message}`) : error;
  }
  const shown = [...new Set([...template.show, ...template.key])].map((c) => columnOf(template, c)!);
  const more = template.columns.filter((c) => !shown.includes(c)).slice(0, MORE);
  const example = shown.find((c) => !template.key.includes(c.name) && (c.as ?? 'int') === 'int') ?? shown[0];
  return `# ${name}: a table of itertop. It is read from ~/.config/itertop/templates/${name}.yaml, or with \`itertop -t FILE ${name}\`.
name: ${name}
help: ${quoted(template.help)}

# bpf_iter_${target} gives: ${objects.join(', ')}
target: ${target}
${(['order', 'gather', 'repeatsLast'] as const)
  .filter((member) => template[member] !== undefined)
  .map((member) => `${member}: ${template[member]}\n`)
  .join('')}
# Columns that together name one object for as long as it lives.
key: [${template.key.join(', ')}]
# Shown at first, in this order; all where it is left out.
show: [${template.show.join(', ')}]
# With "-" before it from large to small: "-${template.show[0]}".
sort: ${template.show[0]}

# from: a path from one of the objects above, checked against the running kernel. Several in a list are tried in order,
#   for members that were renamed. Functions:
${wrapped(SOURCE_FUNCTIONS)}
# as, how it is shown (by its type where it is left out):
${wrapped(FORMATS)}
# derive, instead of from: a function of other columns, for example
#   - { name: ${example.name}_delta, derive: delta(${example.name}), help: "change since the refresh before" }
${wrapped(DERIVE_NAMES.map(deriveSignature))}
columns:
${shown.map(block).join('')}${more.length > 0 ? `\n  # More of the same objects:\n${more.map((c) => `  # - ${flow(c)}\n`).join('')}` : ''}`;
}

const quoted = (text: string) => JSON.stringify(text);

function membersOf(column: Column): string[] {
  return [
    `name: ${column.name}`,
    `from: ${quoted([column.from ?? ''].flat()[0])}`,
    ...(column.as === undefined ? [] : [`as: ${column.as}`]),
    ...(typeof column.names === 'string' ? [`names: ${column.names}`] : []),
    `help: ${quoted(column.help)}`,
  ];
}

function block(column: Column): string {
  return `  - ${membersOf(column).join('\n    ')}\n`;
}

function flow(column: Column): string {
  return `{ ${membersOf(column).join(', ')} }`;
}

/** Comment lines of at most 110 characters. */
function wrapped(words: readonly string[]): string {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line.length + word.length > 106) {
      lines.push(line);
      line = '';
    }
    line += `${line === '' ? '' : ' · '}${word}`;
  }
  return [...lines, line].map((l) => `#   ${l}`).join('\n');
}
