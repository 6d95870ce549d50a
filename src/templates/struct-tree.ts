/** A printed struct with what BTF knows of it: names and indices that the text lacks, types, paths, where pointers lead. */
import type { Btf } from '../bpf/btf.ts';
import { flatMembers } from '../bpf/btf-path.ts';
import { structType } from './struct-dump.ts';
import type { PrintedMember } from './struct-text.ts';

/** One line of the tree, as plain data; a struct is its members in their order, each followed by its own. */
export interface StructLine {
  /** 0 for members of the printed struct. */
  readonly depth: number;
  /** `[3]` for elements; `?` where neither text nor BTF tells. */
  readonly name: string;
  readonly type: string;
  /** '' for what has members of its own. */
  readonly value: string;
  /** Names the line as long as the struct is the same. */
  readonly key: string;
  /** From the struct's pointer, as in a column's source; '' where it cannot be named. */
  readonly path: string;
  /** The index behind its last member. */
  readonly end: number;
  /** A pointer to a struct that can be looked into. */
  readonly opens: boolean;
  /** All of it is zero. */
  readonly zero: boolean;
}

interface Place {
  readonly depth: number;
  readonly key: string;
  /** undefined where something on the way has no name. */
  readonly path: string | undefined;
}

const names = new WeakMap<Btf, Map<number, string>>();

/** The same types come again with every refresh. */
function typeName(btf: Btf, type: number): string {
  const known = names.get(btf) ?? new Map<number, string>();
  names.set(btf, known);
  const name = known.get(type) ?? btf.typeName(type);
  known.set(type, name);
  return name;
}

const nameless = (place: Place, n: number): Place => ({ ...place, key: `${place.key}/${n}`, path: undefined });

const ZERO = /^(0|0x0+|""|'\\0'|)$/;

/** @param type what the struct is, in `btf` */
export function structTree(root: PrintedMember, type: number, btf: Btf): StructLine[] {
  const lines: StructLine[] = [];
  addMembers(root, type, { depth: 0, key: '', path: '' });
  return lines;

  function addMembers(parent: PrintedMember, of: number, place: Place): void {
    const id = btf.strip(of);
    const kind = btf.kind(id);
    const { members } = parent;
    if (kind === 'STRUCT' || kind === 'UNION') addStruct(members, id, place);
    else if (kind === 'ARRAY') addArray(members, id, place);
    else for (const [n, member] of members.entries()) add(member, '?', 0, nameless(place, n));
  }

  function addStruct(members: readonly PrintedMember[], id: number, place: Place): void {
    const declared = btf.members(id);
    const named = flatMembers(btf, id);
    const keys = new Set<string>();
    // In arrays names are left out; they are known where no member is.
    const inOrder = members.length === declared.length && members.every(({ name }) => name === '');
    members.forEach((member, n) => {
      const name = member.name || (inOrder ? declared[n]!.name : '');
      const key = `${place.key}/${name === '' || keys.has(name) ? `#${n}` : name}`;
      keys.add(name);
      if (name !== '') {
        const known = inOrder ? declared[n] : named.get(name);
        const path =
          place.path === undefined || !known ? undefined : place.path === '' ? name : `${place.path}.${name}`;
        add(member, name, known?.type ?? 0, { ...place, key, path });
      } else if (inOrder || isUnnamed(member)) {
        // Its members are found through the struct that it is in.
        const inner = inOrder ? declared[n]!.type : id;
        const label = member.type || (btf.isUnion(btf.strip(inner)) ? 'union' : 'struct');
        add(member, `(${label})`, inner, { ...place, key });
      } else add(member, '?', 0, { ...place, key, path: undefined });
    });
  }

  function addArray(members: readonly PrintedMember[], id: number, place: Place): void {
    const { element, length } = btf.array(id);
    // Without zeros some are missing, and it is not told which; but of bytes only those behind a zero are.
    const counted = members.length === length || btf.sizeOf(element) === 1;
    members.forEach((member, n) => {
      const known = counted && place.path !== undefined;
      const key = `${place.key}/${n}`;
      add(member, counted ? `[${n}]` : '[?]', element, {
        ...place,
        key,
        path: known ? `${place.path}[${n}]` : undefined,
      });
    });
  }

  function add(member: PrintedMember, name: string, type: number, place: Place): void {
    const unnamed = name.startsWith('(');
    const at = lines.length;
    const id = btf.strip(type);
    lines.push(null as never);
    addMembers(member, type, { ...place, depth: place.depth + 1 });
    // refcount_t, atomic_t and the like are one number with names around it.
    const inner = lines[at + 1];
    const [only, ...others] = btf.kind(id) === 'STRUCT' ? btf.members(id) : [];
    if (inner && inner.end === at + 2 && lines.length === at + 2 && only?.name && others.length === 0 && !unnamed) {
      lines.length = at;
      lines.push({ ...inner, depth: place.depth, name: `${name}.${inner.name}`, end: at + 1 });
      return;
    }
    const end = lines.length;
    const leaf = end === at + 1;
    const pointer = btf.kind(id) === 'PTR';
    const zero = leaf ? isZero(member.value, id) : lines.slice(at + 1).every((line) => line.zero);
    lines[at] = {
      depth: place.depth,
      name,
      type: unnamed ? '' : type !== 0 ? typeName(btf, type) : member.type,
      value: member.value,
      key: place.key,
      path: unnamed ? '' : (place.path ?? ''),
      end,
      opens:
        pointer &&
        !ZERO.test(member.value) &&
        place.path !== undefined &&
        structType(btf, btf.pointee(id)) !== undefined,
      zero,
    };
  }

  function isZero(value: string, id: number): boolean {
    if (ZERO.test(value)) return true;
    const kind = btf.kind(id);
    return (
      (kind === 'ENUM' || kind === 'ENUM64') &&
      btf.enumerators(id).some((each) => each.value === 0n && each.name === value)
    );
  }
}

function isUnnamed({ type, members }: PrintedMember): boolean {
  return members.length > 0 && (type === 'union' || type === 'struct');
}
