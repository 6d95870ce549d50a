/** Iterator targets and their contexts, as this kernel's BTF has them. */
import { type Btf, BtfError } from './btf.ts';
import { nearest } from './nearest.ts';

const PREFIX = 'bpf_iter_';
const CONTEXT = 'bpf_iter__';

/** Names of all targets: each is a BTF function `bpf_iter_<target>` with a context struct `bpf_iter__<target>`. */
export function targetNames(btf: Btf): string[] {
  const contexts = new Set(btf.names('STRUCT', CONTEXT));
  return btf
    .names('FUNC', PREFIX)
    .map((name) => name.slice(PREFIX.length))
    .filter((name) => contexts.has(CONTEXT + name))
    .sort();
}

export interface ContextMember {
  readonly name: string;
  /** Bytes from the context pointer. */
  readonly offset: number;
  /** Type id: for a pointer what it points to, else the member's own. */
  readonly type: number;
  readonly pointer: boolean;
}

export interface Target {
  readonly name: string;
  /** Id of the function that a program attaches to. */
  readonly attachBtfId: number;
  /** Without `meta`. */
  readonly members: readonly ContextMember[];
}

/** The object that is NULL at the final call: the first pointer; of what is in a map, the first after the map. */
export function objectOf(target: Target): ContextMember {
  const pointers = target.members.filter((m) => m.pointer);
  return pointers.find((m) => m.name !== 'map') ?? pointers[0];
}

/** @throws BtfError where this kernel has no such target */
export function findTarget(btf: Btf, name: string): Target {
  const attachBtfId = btf.func(PREFIX + name);
  if (attachBtfId === 0) {
    const close = nearest(name, targetNames(btf));
    throw new BtfError(
      `this kernel has no iterator for ${name} (its BTF has no function ${PREFIX}${name})${close.length ? `; it has ${close.join(', ')}` : ''}`,
    );
  }
  const members: ContextMember[] = [];
  for (const member of btf.members(btf.struct(CONTEXT + name))) {
    let { name: label, type } = member;
    // __bpf_md_ptr wraps a pointer in an anonymous union with 64 bits of padding.
    if (label === '') {
      const inner = btf.members(btf.strip(type)).find((m) => m.name !== '');
      if (!inner) continue;
      label = inner.name;
      type = inner.type;
    }
    if (label === 'meta') continue;
    const stripped = btf.strip(type);
    const pointer = btf.kind(stripped) === 'PTR';
    members.push({
      name: label,
      offset: member.bitOffset / 8,
      type: pointer ? btf.pointee(stripped) : stripped,
      pointer,
    });
  }
  if (!members.some((m) => m.pointer)) throw new BtfError(`struct bpf_iter__${name} has no pointer to an object`);
  return { name, attachBtfId, members };
}
