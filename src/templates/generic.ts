/** A table for a target that has no template: what BTF says of its object, so that a new kernel's iterators can be read. */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { flatMembers } from '../bpf/btf-path.ts';
import { findTarget, type Target, targetNames } from '../bpf/targets.ts';
import { resolveSource, type Scope, type Source, unwrap } from './source.ts';
import type { Column, Format, Template } from './template.ts';

/** Targets that walk over one map, which has to be named. */
export const OF_A_MAP: readonly string[] = ['bpf_map_elem', 'bpf_sk_storage_map', 'sockmap'];
/** task_struct has some 250 numbers; a record has to stay below the kernel's buffer. */
const MAX_COLUMNS = 160;
const MAX_SHOWN = 12;
/** What tells one object from another comes first, in this order. */
const TELLING: readonly RegExp[] = [
  /^(id|pid|name|comm)$/,
  /(^|_)(name|id)$/,
  /(^|_)(type|state|level|refcnt|count|size)$/,
];

/** Targets of this kernel that genericTemplate() serves and `known` does not have, in the order of their names. */
export function genericTargets(btf: Btf, known: readonly string[]): string[] {
  return targetNames(btf).filter((name) => !known.includes(name) && !OF_A_MAP.includes(name));
}

/**
 * The numbers, names and arrays of characters in the target's objects, and the name and id of what their pointers lead
 * to. A row is known by the addresses of its objects and the numbers that come with them.
 * @throws BtfError where this kernel has no such target, or it needs a map
 */
export function genericTemplate(btf: Btf, name: string): Template {
  const target = findTarget(btf, name);
  if (OF_A_MAP.includes(name))
    throw new BtfError(`bpf_iter_${name} walks over one map, which a table of all objects cannot name`);
  const { key, columns, telling } = describe(btf, target);
  // sort() is stable: among equals the order of the struct is kept.
  const order = [...telling].sort((a, b) => a[1] - b[1]).map(([column]) => column);
  const main = target.members.find((m) => m.pointer)!;
  const show = order.length > 0 ? order.slice(0, MAX_SHOWN) : key;
  return {
    name,
    help: `numbers and names of each ${btf.typeName(btf.strip(main.type))}, as this kernel's BTF describes it`,
    target: name,
    key,
    show,
    sort: show[0],
    columns,
    ...(name === 'cgroup' ? ({ order: 'descendants_pre', gather: true } as const) : {}),
    // Its object is the state of the walk, the same for every symbol.
    ...(name === 'ksym' ? { repeatsLast: true, key: ['pos', 'value'] } : {}),
  };
}

/** The columns, those of the key first, and how much each of the others tells. */
function describe(btf: Btf, target: Target): { key: string[]; columns: Column[]; telling: [string, number][] } {
  const scope: Scope = { btf, target, casts: {} };
  const columns: Column[] = [];
  const telling: [string, number][] = [];
  const add = (label: string, from: string, as: Format, help: string, names?: string) => {
    const base = label.toLowerCase().replace(/^[^a-z]+/, '') || 'member';
    let name = base;
    for (let n = 2; columns.some((c) => c.name === name); n++) name = `${base}_${n}`;
    const width = as === 'text' || as === 'hexbytes' ? 16 : as === 'enum' ? 12 : 8;
    columns.push({ name, from, as, ...(names === undefined ? {} : { names }), width, help });
    return name;
  };
  const tell = (label: string, from: string, as: Format, help: string, little: boolean, names?: string) => {
    if (columns.length >= MAX_COLUMNS) return;
    const name = add(label, from, as, help, names);
    const rank = TELLING.findIndex((pattern) => pattern.test(name));
    telling.push([name, rank >= 0 ? rank : TELLING.length + Number(little)]);
  };
  for (const { name, type, pointer } of target.members)
    add(
      name,
      name,
      pointer ? 'hex' : 'int',
      pointer ? `address of ${btf.typeName(type)}` : `${btf.typeName(type)} that comes with it`,
    );
  const key = columns.map((c) => c.name);
  for (const { name, pointer } of target.members) if (!pointer) telling.push([name, 0]);

  // The last object is the one that the walk is about: a file of a task.
  for (const { name: object, type } of target.members.filter((m) => m.pointer).reverse()) {
    const holder = btf.strip(type);
    if (btf.kind(holder) !== 'STRUCT') continue;
    for (const [label, member] of flatMembers(btf, holder)) {
      const path = `${object}->${label}`;
      const help = `${label} of ${btf.typeName(holder)}: ${btf.typeName(member.type)}`;
      const source = sourceOf(scope, path);
      const kind = btf.kind(btf.strip(member.type));
      if (kind === 'PTR' && source?.kind !== 'str') {
        for (const what of ['name', 'id'])
          if (
            isText(sourceOf(scope, `${path}->${what}`)) ||
            (what === 'id' && isNumber(btf, sourceOf(scope, `${path}->${what}`)))
          )
            tell(
              `${label}_${what}`,
              `${path}->${what}`,
              what === 'name' ? 'text' : 'int',
              `${what} of what it points to: ${help}`,
              false,
            );
      } else if (isText(source) || isNumber(btf, source)) {
        const [as, names] = formatOf(btf, label, btf.strip(member.type), source);
        tell(label, path, as, help, member.bits === 1 || as === 'flag', names);
      } else if (kind === 'ARRAY' && isText(sourceOf(scope, `str(${path})`)))
        tell(label, `str(${path})`, 'text', help, false);
    }
  }
  return { key, columns, telling };
}

function isText(source: Source | undefined): source is Source {
  return source?.kind === 'str' || (source?.kind === 'scalar' && source.type === 'chars');
}

/** A number that is no address. */
function isNumber(btf: Btf, source: Source | undefined): source is Source {
  return (
    source?.kind === 'scalar' &&
    source.type !== 'chars' &&
    (source.place.bits > 0 || btf.kind(unwrap(btf, source.place.type)) !== 'PTR')
  );
}

/** undefined for what is no single value. */
function sourceOf(scope: Scope, path: string): Source | undefined {
  try {
    return resolveSource(scope, path);
  } catch (error) {
    if (error instanceof BtfError) return undefined;
    throw error;
  }
}

function formatOf(btf: Btf, label: string, type: number, source: Source): [Format, string | undefined] {
  if (source.kind === 'str') return ['text', undefined];
  const kind = btf.kind(type);
  if (source.kind === 'scalar' && source.type === 'chars') {
    // Bytes that are no text (tags, addresses) are arrays of u8.
    return [
      /\bchar\b/.test(btf.typeName(type)) && !/unsigned/.test(btf.typeName(type)) ? 'text' : 'hexbytes',
      undefined,
    ];
  }
  if (kind === 'ENUM' || kind === 'ENUM64') return btf.name(type) ? ['enum', btf.name(type)] : ['int', undefined];
  if (kind === 'INT' && btf.int(type).bool) return ['flag', undefined];
  return [/flags?$|mask$|mode$/.test(label) ? 'hex' : 'int', undefined];
}
