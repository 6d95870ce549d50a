/** A table as the user has arranged it, as a template of its own, and as the YAML that says so. */
import type { YAMLMap, YAMLSeq } from 'yaml';
import { joinColumns, parseJoin, withDependencies } from './columns.ts';
import { relatedColumns } from './related.ts';
import { type Column, columnOf, type Join, type Template } from './template.ts';

/** How the table is shown. */
export interface Arrangement {
  readonly columns: readonly string[];
  /** As in Template.sort. */
  readonly sort: string;
  readonly widths: Readonly<Record<string, number>>;
  /** Template.switches, as they are now. */
  readonly switches: Readonly<Record<string, boolean>>;
}

/** The columns that are shown and those that they need; what else the template has stays, as far as it is about these. */
export function ownTemplate(template: Template, name: string, asked: Arrangement): Template {
  const through = Object.values(template.filters ?? {}).flatMap((rule) => (rule?.through ? [rule.through.join] : []));
  const group = template.group ? [template.group.by, template.group.member] : [];
  const joined = through.flatMap((join) => joinColumns(template.joins![join]!.on[0]));
  const sorted = asked.sort.split(',').map((word) => word.replace(/^-/, ''));
  const elements = template.elements === undefined ? [] : [template.elements];
  const needed = withDependencies(template, [
    ...asked.columns,
    ...sorted,
    ...template.key,
    ...group,
    ...Object.values(template.tree ?? {}),
    ...joined,
    ...elements,
  ]);
  const kept = [...asked.columns, ...needed.filter((column) => !asked.columns.includes(column))];
  const has = (column: string) => kept.includes(column);
  const columns = kept.map((each): Column => {
    const { typed: _, ...column } = columnOf(template, each)!;
    const width = asked.widths[each];
    return width === undefined ? column : { ...column, width };
  });
  const joins = Object.entries(template.joins ?? {}).filter(
    ([join]) =>
      through.includes(join) ||
      columns.some((c) => c.join !== undefined && parseJoin(template, c.name, c.join)[0] === join),
  );
  const related = (template.related ?? []).filter((each) => relatedColumns(each).every(has));
  // Named anew below, or not to be named by a file.
  const { aliases, saved, map, internal, joins: _j, related: _r, finds, label, ...rest } = template;
  const filters = Object.keys(template.filters ?? {});
  return {
    ...rest,
    name,
    show: asked.columns,
    sort: asked.sort,
    columns,
    ...(joins.length > 0 ? { joins: Object.fromEntries(joins.map(([join, to]) => [join, renamed(to)])) } : {}),
    ...(template.switches
      ? { switches: template.switches.map((each) => ({ ...each, on: asked.switches[each.name] ?? each.on })) }
      : {}),
    ...(related.length > 0 ? { related } : {}),
    ...nonEmpty(
      'finds',
      finds?.filter((each) => filters.includes(each) || has(each)),
    ),
    ...nonEmpty('label', label?.filter(has)),
  };

  /** A table that is joined with itself stays so. */
  function renamed(join: Join): Join {
    return join.template === template.name ? { ...join, template: name } : join;
  }
}

function nonEmpty(member: string, list: readonly string[] | undefined): object {
  return list && list.length > 0 ? { [member]: list } : {};
}

/** @param comments lines above it, without their `#` */
export async function templateText(template: Template, comments: readonly string[]): Promise<string> {
  // Loaded only where something is saved.
  const { Document, isMap, isSeq } = await import('yaml');
  const { name, help, target, key, show, sort, columns, ...rest } = template;
  const document = new Document(
    { name, help, target, key, show, sort, ...rest, columns },
    { aliasDuplicateObjects: false },
  );
  const flow = (node: unknown) => {
    if (isMap(node) || isSeq(node)) (node as YAMLMap | YAMLSeq).flow = true;
  };
  for (const member of ['key', 'show', 'finds', 'label', 'group', 'tree']) flow(document.get(member, true));
  for (const member of ['columns', 'switches', 'only', 'related']) {
    const list = document.get(member, true);
    if (isSeq(list)) for (const item of list.items) flow(item);
  }
  for (const member of ['joins', 'casts', 'filters']) {
    const map = document.get(member, true);
    if (isMap(map)) for (const item of map.items) flow(item.value);
  }
  const text = document.toString({ lineWidth: 0 });
  return `${comments.map((line) => `# ${line}\n`).join('')}${text}`;
}
