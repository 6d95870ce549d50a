/** Names of enum columns that leave them to the kernel's BTF: Column.names. */
import type { Btf } from '../bpf/btf.ts';
import type { Column } from './template.ts';

export type EnumNames = Readonly<Record<number, string>>;

/** By column, of those that BTF has names for. */
export function enumNames(btf: Btf, columns: readonly Column[]): Map<string, EnumNames> {
  const names = new Map<string, EnumNames>();
  for (const column of columns) {
    const found = enumNamesOf(btf, column);
    if (found) names.set(column.name, found);
  }
  return names;
}

/** Enumerators in small letters, without the prefix that all of them share. undefined where this kernel has no such enum. */
export function enumNamesOf(btf: Btf, column: Column): EnumNames | undefined {
  if (typeof column.names !== 'string') return undefined;
  const id = btf.find(column.names, ['ENUM', 'ENUM64']);
  return id === 0 ? undefined : namesOf(btf.enumerators(id));
}

/** Value -> name as it is shown. */
export function namesOf(all: readonly { readonly name: string; readonly value: bigint }[]): Record<number, string> {
  // The bound of an enum is no member of it: __MAX_BPF_PROG_TYPE, and MAX_BPF_LINK_TYPE before Linux 6.3.
  const list = all.filter((e) => !/^(__|MAX_)/.test(e.name));
  const words = list.map((e) => e.name.split('_'));
  let shared = 0;
  while (words.length > 1 && words.every((w) => w.length > shared + 1 && w[shared] === words[0][shared])) shared++;
  const names: Record<number, string> = {};
  for (const [i, { value }] of list.entries()) {
    const name = words[i].slice(shared).join('_').toLowerCase();
    // Of two names for one value the plain one: CGROUP_STORAGE, CGROUP_STORAGE_DEPRECATED.
    if ((names[Number(value)]?.length ?? Number.POSITIVE_INFINITY) > name.length) names[Number(value)] = name;
  }
  return names;
}
