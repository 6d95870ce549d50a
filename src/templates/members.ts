/** The kernel's structures as one walks through them: what a struct, an array or an iterator's context has in it. */
import { type Btf, BtfError, type BtfMember } from '../bpf/btf.ts';
import { flatMembers, resolvePath } from '../bpf/btf-path.ts';
import { findTarget } from '../bpf/targets.ts';
import { objectType, type Scope, unwrap } from './source.ts';
import { structType } from './struct-dump.ts';
import type { Template } from './template.ts';

export interface Member {
  /** Of the member; `[3]` of an element; of one that was found deeper the way to it. */
  readonly label: string;
  /** From an object of the iterator, as a column's source: `task->mm->total_vm`. */
  readonly path: string;
  readonly type: string;
  /** Bytes from the start of what it is in; -1 for objects of the context. */
  readonly offset: number;
  /** Bytes; 0 where they are not known, and of flexible arrays. */
  readonly size: number;
  /** Width of a bit-field; 0 where it is none. */
  readonly bits: number;
  /** There is something in it: a struct, what a pointer leads to, elements. */
  readonly opens: boolean;
  /** One value by itself, which a column can show. */
  readonly value: boolean;
}

/** What lies at a path. */
export interface Holder {
  readonly members: readonly Member[];
  /** `struct mm_struct`, `struct list_head[4]`. */
  readonly type: string;
  readonly size: number;
  /** The object or pointer that the path starts from last: the path itself, or what it is embedded in. */
  readonly pointer: string;
  /** The struct's type; 0 where it is none. */
  readonly struct: number;
}

/** Elements of an array that are listed. */
const MAX_ELEMENTS = 256;
/** A search goes through so many structs, so many steps from where it starts, and lists so many members. */
const MAX_STRUCTS = 400;
const MAX_STEPS = 3;
const MAX_FOUND = 200;

interface Spot {
  /** As declared; of a pointer what it points to has to be looked up. */
  readonly type: number;
  readonly path: string;
  readonly pointer: string;
}

export class Structures {
  readonly #btf: Btf;
  readonly #template: Template;
  readonly #scope: Scope;
  #holders = new Map<string, Holder>();
  #below: { readonly path: string; readonly structs: readonly Below[] } | null = null;

  /** @throws BtfError where this kernel has no such iterator */
  constructor(template: Template, btf: Btf) {
    this.#btf = btf;
    this.#template = template;
    this.#scope = { btf, target: findTarget(btf, template.target), casts: template.casts ?? {} };
  }

  /** Where one starts: the object, where there is only one; else '' for all of them. */
  get start(): string {
    const { members } = this.at('');
    return members.length === 1 && members[0]!.opens ? members[0]!.path : '';
  }

  /** @param path '' for the objects of the iterator @throws BtfError where nothing is in what is there */
  at(path: string): Holder {
    const known = this.#holders.get(path);
    if (known) return known;
    const holder = path === '' ? this.#context() : this.#inside(this.#spot(path));
    this.#holders.set(path, holder);
    return holder;
  }

  /** Members whose name has the text in it: those at the path, then those that are a few steps away from it. */
  search(path: string, text: string): readonly Member[] {
    const wanted = text.toLowerCase();
    const here = this.at(path).members.filter(({ label }) => label.toLowerCase().includes(wanted));
    if (this.#below?.path !== path) this.#below = { path, structs: this.#walk(path) };
    // Among those that fit as well the nearest come first.
    const found: Member[][] = [[], [], []];
    let left = MAX_FOUND;
    for (const { label, at, members } of this.#below.structs)
      for (const [name, member] of members) {
        const lower = name.toLowerCase();
        const place = lower.indexOf(wanted);
        if (place < 0 || left-- <= 0) continue;
        const fit = place > 0 ? 2 : lower === wanted ? 0 : 1;
        found[fit]!.push(this.#member(label + name, at + name, member));
      }
    return [...here, ...found.flat()];
  }

  #context(): Holder {
    const { target } = this.#scope;
    const members = target.members.map(({ name, type, pointer }): Member => {
      const struct = pointer ? structType(this.#btf, type) : undefined;
      return {
        ...{ label: name, path: name, type: `${this.#btf.typeName(type)}${pointer ? ' *' : ''}` },
        ...{ offset: -1, size: pointer ? 8 : this.#btf.sizeOf(type), bits: 0 },
        ...{ opens: struct !== undefined, value: struct === undefined },
      };
    });
    for (const name of Object.keys(this.#template.casts ?? {})) {
      const struct = this.#object(name);
      if (struct === undefined) continue;
      const type = `${this.#btf.typeName(struct)} *`;
      members.push({ label: name, path: name, type, offset: -1, size: 8, bits: 0, opens: true, value: false });
    }
    return { members, type: `what bpf_iter_${target.name} gives`, size: 0, pointer: '', struct: 0 };
  }

  /** The struct of an object; undefined where there is none on this kernel. */
  #object(name: string): number | undefined {
    try {
      return structType(this.#btf, objectType(this.#scope, name));
    } catch (error) {
      if (error instanceof BtfError) return undefined;
      throw error;
    }
  }

  #spot(path: string): Spot {
    const [, object, within] = /^(\w+)(?:->|\.)?(.*)$/.exec(path)!;
    const type = objectType(this.#scope, object);
    if (within === '') return { type, path, pointer: path };
    // A pointer that the verifier lets no program follow is looked into all the same: only its values stay unknown.
    const { declared, loads } = resolvePath(this.#btf, type, within);
    // A path is as many pointers as it has loads, each followed by `->`; the value itself may be one more.
    const pointer = this.#btf.kind(this.#btf.strip(declared)) === 'PTR' ? path : pointerOf(path, loads.length);
    return { type: declared, path, pointer };
  }

  #inside({ type, path, pointer }: Spot): Holder {
    const btf = this.#btf;
    let id = btf.strip(type);
    const followed = btf.kind(id) === 'PTR';
    if (followed) id = btf.strip(btf.pointee(id));
    const struct = structType(btf, id);
    if (struct !== undefined) {
      const joint = followed || path === pointer ? '->' : '.';
      const members = [...flatMembers(btf, struct)].map(([name, member]) =>
        this.#member(name, `${path}${joint}${name}`, member),
      );
      return { members, type: btf.typeName(struct), size: btf.sizeOf(struct), pointer, struct };
    }
    if (!followed && btf.kind(id) === 'ARRAY') {
      const { element, length } = btf.array(id);
      const size = btf.sizeOf(element);
      const members = Array.from({ length: Math.min(length || 1, MAX_ELEMENTS) }, (_, n) =>
        this.#member(`[${n}]`, `${path}[${n}]`, { name: '', type: element, bitOffset: n * size * 8, bits: 0 }),
      );
      return { members, type: btf.typeName(type), size: length * size, pointer, struct: 0 };
    }
    throw new BtfError(`${path} is ${btf.typeName(type)}: there is nothing in it`);
  }

  #member(label: string, path: string, { type, bitOffset, bits }: BtfMember): Member {
    const btf = this.#btf;
    const id = btf.strip(type);
    const kind = btf.kind(id);
    const common = { label, path, type: btf.typeName(type), offset: Math.floor(bitOffset / 8), bits };
    const size = bits === 0 ? sizeOf(btf, id) : 0;
    if (kind === 'PTR') {
      const opens = structType(btf, btf.pointee(id)) !== undefined;
      return { ...common, size, opens, value: !opens };
    }
    const single = btf.kind(unwrap(btf, id));
    const number = single === 'INT' || single === 'ENUM' || single === 'ENUM64' || single === 'PTR';
    if (kind === 'ARRAY') {
      const element = btf.strip(btf.array(id).element);
      const bytes = btf.kind(element) === 'INT' && btf.sizeOf(element) === 1 && size > 0 && size <= 256;
      return { ...common, size, opens: !bytes, value: bytes };
    }
    return { ...common, size, opens: kind === 'STRUCT' || kind === 'UNION', value: number };
  }

  /** Structs that are a few steps away, the nearest first; each once, as there are many ways to it. */
  #walk(path: string): Below[] {
    const btf = this.#btf;
    const found: Below[] = [];
    const seen = new Set([this.at(path).struct]);
    let level: Below[] = [];
    const add = (to: Below[], type: number, label: string, at: string) => {
      const id = btf.strip(type);
      const pointer = btf.kind(id) === 'PTR';
      const struct = structType(btf, pointer ? btf.pointee(id) : id);
      if (struct === undefined || seen.has(struct) || seen.size >= MAX_STRUCTS) return;
      seen.add(struct);
      const joint = pointer ? '->' : '.';
      to.push({ label: label + joint, at: at + joint, members: flatMembers(btf, struct) });
    };
    for (const { label, path: at, opens } of this.at(path).members) {
      if (!opens) continue;
      const { type, pointer } = this.#spot(at);
      // An object is a pointer to the struct that is its type.
      const struct = structType(btf, type);
      if (/^\w+$/.test(at) && at === pointer && struct !== undefined && !seen.has(struct)) {
        seen.add(struct);
        level.push({ label: `${label}->`, at: `${at}->`, members: flatMembers(btf, struct) });
      } else add(level, type, label, at);
    }
    for (let step = 1; level.length > 0; step++) {
      found.push(...level);
      if (step === MAX_STEPS) break;
      const next: Below[] = [];
      for (const { label, at, members } of level)
        for (const [name, { type }] of members) add(next, type, label + name, at + name);
      level = next;
    }
    return found;
  }
}

/** A struct that a search comes by. */
interface Below {
  /** What goes before the names of its members: from where the search starts, and from the object. */
  readonly label: string;
  readonly at: string;
  readonly members: ReadonlyMap<string, BtfMember>;
}

/** The path up to its last pointer: the object's name, where it has none. */
function pointerOf(path: string, loads: number): string {
  // The first `->` follows the object, each further one a pointer that is loaded.
  const parts = path.split('->');
  return parts.slice(0, loads + 1).join('->');
}

function sizeOf(btf: Btf, type: number): number {
  try {
    return btf.sizeOf(type);
  } catch (error) {
    if (error instanceof BtfError) return 0;
    throw error;
  }
}
