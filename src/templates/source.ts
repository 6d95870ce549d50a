/** A column's source, as text in a template, resolved against the kernel's BTF: where the value is and what it is. */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { accessOf } from '../bpf/btf-access.ts';
import { type ResolvedPath, resolvePath } from '../bpf/btf-path.ts';
import { idLimit } from '../bpf/host.ts';
import { nearest } from '../bpf/nearest.ts';
import type { Target } from '../bpf/targets.ts';
import { type FieldType, INET_FIELD_SIZE, TEXT_FIELD_SIZE } from './record.ts';
import type { Cast } from './template.ts';

/** Longest text of each kind in bytes; what is longer is cut, and the record says how long it is. */
export const TEXT_LIMIT = {
  d_path: 4096,
  cmdline: 4096,
  kernfs_path: 3072,
  vfs_path: 3072,
  str: 256,
  /** An array of characters in the object itself: KSYM_NAME_LEN (include/linux/kallsyms.h). */
  inline: 512,
  /** sizeof(sun_path): UAPI. */
  sun_path: 108,
  special_mapping: 64,
} as const;

/** Slabs a node that free_objects() looks at: the verifier walks through the loop as often. */
export const MAX_SLABS = 1024;

/** Packets that queue_bytes() counts at most: the verifier walks through the loop as often. */
const MAX_QUEUED = 256;

/** Elements of an array that each() takes at most: before Linux 6.4 the verifier walks through the loop as often. */
const MAX_EACH = 1024;

/** A place in an object: pointers to follow from it, and the bytes behind the last one. */
export interface Place extends ResolvedPath {
  /** Context member or cast that it starts from. */
  readonly object: string;
}

export type Source =
  /**
   * One number or a few bytes copied as they are; `swap`: big-endian in the kernel; `probe`: read by a helper, as the
   * verifier takes what is there for something else.
   */
  | {
      readonly kind: 'scalar';
      readonly place: Place;
      readonly type: FieldType;
      readonly size: number;
      readonly swap: boolean;
      readonly probe: boolean;
    }
  /** A scalar of the context itself (`uid`, `fd`), or the address of an object. */
  | { readonly kind: 'context'; readonly offset: number; readonly size: 4 | 8; readonly type: FieldType }
  | MemorySource
  /** The CPU whose value it is, for maps that have one for each; nothing that a program knows. */
  | { readonly kind: 'cpu' }
  | { readonly kind: 'address'; readonly object: string }
  | {
      readonly kind: 'sum';
      readonly of: readonly (Place & { readonly signed: boolean })[];
      readonly type: FieldType;
      readonly probe: boolean;
    }
  | {
      readonly kind: 'inet';
      readonly family: Place;
      readonly v4: Place;
      readonly v6: Place | null;
      readonly probe: boolean;
    }
  /** An IPv6 address that no family stands beside. */
  | { readonly kind: 'inet6'; readonly place: Place; readonly probe: boolean }
  | {
      readonly kind: 'pid_ns';
      readonly pid: Place;
      readonly level: number;
      readonly numbers: number;
      readonly stride: number;
      readonly ns: number;
      readonly inum: number;
    }
  | { readonly kind: 'd_path'; readonly place: Place }
  /** `inline`: the characters themselves are there (an array), not a pointer to them. */
  | { readonly kind: 'str'; readonly place: Place; readonly inline: boolean }
  /** A number of `size` bytes at `offset` of each CPU's part; `pptrs`: where struct bpf_array has a map's. */
  | {
      readonly kind: 'percpu_sum';
      readonly place: Place;
      readonly offset: number;
      readonly size: 4 | 8;
      readonly signed: boolean;
      readonly cpus: number;
      readonly pptrs: number;
    }
  /**
   * Free objects on the partly used slabs of each node: where a node's list is, where a slab is on it, and the word of a
   * slab that holds both counts, each 15 or 16 bits from a bit on.
   */
  | {
      readonly kind: 'free_objects';
      readonly nodes: readonly Place[];
      readonly list: number;
      readonly link: number;
      readonly word: number;
      readonly objects: readonly [bit: number, bits: number];
      readonly inuse: readonly [bit: number, bits: number];
    }
  /** The number behind a pointer to a number. */
  | { readonly kind: 'deref'; readonly place: Place; readonly type: FieldType; readonly size: number }
  | EachSource
  /** A queue of packets: the bytes of the first `max` of them. */
  | {
      readonly kind: 'queue_bytes';
      readonly place: Place;
      readonly max: number;
      readonly first: number;
      readonly next: number;
      readonly length: number;
    }
  /** struct unix_address: its length, which counts the address family, and where the characters are. */
  | {
      readonly kind: 'sun_path';
      readonly place: Place;
      readonly length: number;
      readonly family: number;
      readonly chars: number;
    }
  | {
      readonly kind: 'special_mapping';
      readonly object: string;
      readonly file: number;
      readonly ops: number;
      readonly opsName: number;
      readonly data: number;
      readonly name: number;
    }
  | { readonly kind: 'kernfs_path'; readonly place: Place; readonly name: number; readonly parent: number }
  /** A struct path, read name by name: offsets in struct path, dentry, vfsmount and mount. */
  | {
      readonly kind: 'vfs_path';
      readonly place: Place;
      readonly dentry: number;
      readonly mnt: number;
      readonly parent: number;
      readonly name: number;
      readonly root: number;
      readonly mount: { readonly self: number; readonly parent: number; readonly mountpoint: number };
    }
  | {
      readonly kind: 'cmdline';
      readonly object: string;
      readonly mm: number;
      readonly argStart: number;
      readonly argEnd: number;
      readonly envEnd: number;
    };

/** The elements of an array, each in a record of its own; or a member of what the elements point to. */
export interface EachSource {
  readonly kind: 'each';
  readonly place: Place;
  /** They are there themselves, not a pointer to them. */
  readonly inline: boolean;
  /** How many there are, of which `max` are read. */
  readonly length: Place;
  readonly max: number;
  readonly type: FieldType;
  readonly size: number;
  readonly member: (Source & { readonly kind: 'scalar' }) | null;
}

/** Whether both are of the elements of one array. */
export function sameArray(a: EachSource, b: EachSource): boolean {
  return (['place', 'length'] as const).every((part) => a[part].text === b[part].text) && a.max === b.max;
}

/** Bytes of a key or value of a map, whose types are in the map's own BTF and not in the kernel's. */
export interface MemorySource {
  readonly kind: 'memory';
  /** Context member that points to them. */
  readonly object: string;
  readonly offset: number;
  /** Bytes to read there. */
  readonly size: number;
  readonly type: FieldType;
  readonly swap: boolean;
  /** Width of a bit-field and its first bit in the number that is read; 0 where it is none. */
  readonly bits: number;
  readonly shift: number;
  /** Summed over so many values, each `stride` bytes after the one before; 0 for a single one. */
  readonly cpus: number;
  readonly stride: number;
}

export interface Scope {
  readonly btf: Btf;
  readonly target: Target;
  readonly casts: Readonly<Record<string, Cast>>;
}

/** The target whose iterator holds the lock of a process's memory. */
const LOCKS_MEMORY = 'task_vma';

/** Source functions: what they take, for messages. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  sum: 'sum(number, number, ...)',
  node_sum: 'node_sum(number with [NODE] in its path)',
  percpu_sum: 'percpu_sum(per-CPU pointer to numbers) or percpu_sum(per-CPU pointer to a struct, member)',
  inet: 'inet(family, IPv4 address, IPv6 address)',
  inet6: 'inet6(IPv6 address)',
  pid_ns: 'pid_ns(pointer to struct pid)',
  d_path: 'd_path(struct path)',
  str: 'str(char pointer or array)',
  free_objects: 'free_objects(pointer to struct kmem_cache_node with [NODE] in its path)',
  deref: 'deref(pointer to a number)',
  each: 'each(array of pointers or numbers, how many there are, how many at most) in the key; with a member of what they point to anywhere',
  queue_bytes: 'queue_bytes(struct sk_buff_head, how many packets at most)',
  bytes:
    'bytes(key or value of a map, offset, u8 ... i64, be16, be32, be64 or charsN) and of a bit-field its first bit and width',
  cpu: 'cpu()',
  sun_path: 'sun_path(pointer to struct unix_address)',
  special_mapping: 'special_mapping(struct vm_area_struct)',
  kernfs_path: 'kernfs_path(pointer to struct kernfs_node)',
  vfs_path: 'vfs_path(struct path)',
  cmdline: 'cmdline(struct task_struct)',
};

/** What they take, one text a function. */
export const SOURCE_FUNCTIONS: readonly string[] = Object.values(FUNCTIONS);

/** Without the nearest names: to look for them takes longer than to load the program. checkSources() names them. */
function castStruct(btf: Btf, name: string): number {
  const type = btf.find(name, ['STRUCT', 'UNION']);
  if (type === 0) throw new BtfError(`this kernel has no struct "${name}"`);
  return type;
}

/** The type that a path starts from. */
export function objectType(scope: Scope, name: string): number {
  const member = scope.target.members.find((m) => m.name === name);
  if (member?.pointer) return member.type;
  const cast = Object.hasOwn(scope.casts, name) ? scope.casts[name] : undefined;
  if (cast?.type) return castStruct(scope.btf, cast.type);
  if (cast?.as) {
    if (scope.btf.func('bpf_rdonly_cast') === 0)
      throw new BtfError('this kernel has no bpf_rdonly_cast to see the object as what it is (Linux 6.2)');
    if (!/^\w+$/.test(cast.of)) castPointer(scope, cast.of);
    return castStruct(scope.btf, cast.as.split('.')[0]);
  }
  if (cast && /^\w+$/.test(cast.of)) return objectType(scope, cast.of);
  if (cast) {
    const place = castPointer(scope, cast.of);
    const struct = scope.btf.pointee(place.type);
    if (!sameStruct(scope.btf, followed(scope.btf, place), scope.btf.strip(struct))) throw shared(place);
    return struct;
  }
  const names = [...scope.target.members.filter((m) => m.pointer).map((m) => m.name), ...Object.keys(scope.casts)];
  const close = nearest(name, names);
  throw new BtfError(
    `bpf_iter__${scope.target.name} has no object "${name}"; ${close.length ? `did you mean ${close.join(', ')}?` : `it has ${names.join(', ')}`}`,
  );
}

/** `task->mm->total_vm`: an object's name, then a member path. @throws BtfError */
export function resolvePlace(scope: Scope, text: string): Place {
  const match = /^\s*([A-Za-z_]\w*)\s*(?:->|\.)\s*(.+?)\s*$/.exec(text);
  if (!match) throw new BtfError(`"${text}" is no member path; it looks like object->member, for example task->tgid`);
  const path = resolvePath(scope.btf, objectType(scope, match[1]), match[2]);
  checkHops(scope.btf, path);
  return { ...path, object: match[1] };
}

/** A pointer that shares its place with something else the verifier may take for that. @throws BtfError */
function checkHops(btf: Btf, { loads, structs, text }: ResolvedPath): void {
  for (const [i, offset] of loads.entries()) {
    const access = accessOf(btf, structs[i], offset, 8);
    if (access.kind === 'pointer' && sameStruct(btf, access.to, structs[i + 1])) continue;
    const seen = access.kind === 'pointer' ? `a pointer to ${btf.typeName(access.to)}` : 'no pointer';
    throw new BtfError(
      `the verifier takes pointer ${i + 1} of ${text} for ${seen}, which it shares its place with; a cast with "as: ${btf.name(structs[i + 1])}" sees it as what it is`,
    );
  }
}

/** The same struct may be there twice, with parts that are only declared in one of them. */
function sameStruct(btf: Btf, a: number, b: number): boolean {
  return a === b || (btf.name(a) !== '' && btf.name(a) === btf.name(b) && btf.sizeOf(a) === btf.sizeOf(b));
}

/** Whether a program can load these bytes and go on with them as a number. */
function isNumber(btf: Btf, { structs, offset }: ResolvedPath, size: number): boolean {
  return accessOf(btf, structs.at(-1)!, offset, size).kind === 'number';
}

/** Whether a program can copy these bytes in the largest pieces: see copyBytes(). */
function isBytes(btf: Btf, { structs, offset }: ResolvedPath, size: number): boolean {
  for (let done = 0; done < size; ) {
    const piece = pieceOf(size - done);
    if (accessOf(btf, structs.at(-1)!, offset + done, piece).kind !== 'number') return false;
    done += piece;
  }
  return true;
}

/** The largest load of so many bytes or fewer. */
export function pieceOf(left: number): 1 | 2 | 4 | 8 {
  return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/** The place of a pointer that is only handed on. @throws BtfError where the verifier lets nobody load it */
function loadable(btf: Btf, place: Place): Place {
  if (accessOf(btf, place.structs.at(-1)!, place.offset, 8).kind === 'refused') throw shared(place);
  return place;
}

/** @throws BtfError where a cast starts from what is no pointer, or none that can be loaded */
function castPointer(scope: Scope, path: string): Place {
  const place = resolvePlace(scope, path);
  if (scope.btf.kind(place.type) !== 'PTR')
    throw new BtfError(`cast of ${path}: it is ${scope.btf.typeName(place.declared)}, no pointer`);
  return loadable(scope.btf, place);
}

/** The struct that the verifier takes the pointer at a place to point to; 0 for none. */
function followed(btf: Btf, place: Place): number {
  const access = accessOf(btf, place.structs.at(-1)!, place.offset, 8);
  return access.kind === 'pointer' ? access.to : 0;
}

/** @throws BtfError where the verifier would not follow the pointer at `offset` behind the place, or to another struct */
function followable(btf: Btf, place: Place, offset: number, struct: number): void {
  const access = accessOf(btf, place.structs.at(-1)!, place.offset + offset, 8);
  if (access.kind !== 'pointer' || !sameStruct(btf, access.to, struct)) throw shared(place);
}

function shared({ text }: Place): BtfError {
  return new BtfError(`the verifier takes ${text} for something else, which it shares its place with`);
}

/** kuid_t, atomic_t, refcount_t and the like are structs around one number. */
export function unwrap(btf: Btf, type: number): number {
  for (let id = btf.strip(type), depth = 0; depth < 8; depth++) {
    if (btf.kind(id) !== 'STRUCT' && btf.kind(id) !== 'UNION') return id;
    const members = btf.members(id);
    if (members.length !== 1 || btf.sizeOf(members[0].type) !== btf.sizeOf(id)) return id;
    id = btf.strip(members[0].type);
  }
  return btf.strip(type);
}

/** Whether the declared type says that the value is big-endian (sparse's __be16, __be32, __be64). */
function isBigEndian(btf: Btf, declared: number): boolean {
  return /^(const |volatile )*__be(16|32|64)$/.test(btf.typeName(declared));
}

function integerType(size: number, signed: boolean): FieldType {
  return `${signed ? 'i' : 'u'}${size * 8}` as FieldType;
}

function scalar(scope: Scope, text: string): Source {
  return valueAt(scope.btf, resolvePlace(scope, text), text);
}

function valueAt(btf: Btf, place: Place, text: string): Source {
  /** `loaded`: bytes that one load takes. */
  const value = (type: FieldType, size: number, loaded = size, swap = false): Source => {
    const probe = accessOf(btf, place.structs.at(-1)!, place.offset, loaded).kind !== 'number';
    return { kind: 'scalar', place, type, size, swap, probe };
  };
  if (place.bits > 0) return value(place.bits > 32 ? 'u64' : 'u32', place.bits > 32 ? 8 : 4, place.size);
  const type = unwrap(btf, place.type);
  const kind = btf.kind(type);
  const size = btf.sizeOf(type);
  if (kind === 'INT' && size <= 8)
    return value(integerType(size, btf.int(type).signed), size, size, size > 1 && isBigEndian(btf, place.declared));
  if (kind === 'PTR') {
    const to = btf.strip(btf.pointee(type));
    if (btf.kind(to) === 'INT' && btf.sizeOf(to) === 1)
      return { kind: 'str', place: loadable(btf, place), inline: false };
    // A pointer that is what the verifier takes it for can be loaded and stored as it is.
    const { kind: seen } = accessOf(btf, place.structs.at(-1)!, place.offset, 8);
    return { kind: 'scalar', place, type: 'u64', size: 8, swap: false, probe: seen === 'refused' };
  }
  if (kind === 'ENUM' || kind === 'ENUM64') return value(integerType(size, false), size);
  if (kind === 'ARRAY') {
    const element = btf.strip(btf.array(type).element);
    if (btf.kind(element) === 'INT' && btf.sizeOf(element) === 1 && size > 0 && size <= 256) {
      const probe = !isBytes(btf, place, size);
      return { kind: 'scalar', place, type: 'chars', size, swap: false, probe };
    }
  }
  throw new BtfError(`${text} is ${btf.typeName(place.declared)}, which is no single value; name one of its members`);
}

/** @throws BtfError where a member or a function is unknown, or the value cannot be shown */
export function resolveSource(scope: Scope, text: string): Source {
  const { btf } = scope;
  const call = /^\s*(\w+)\s*\((.*)\)\s*$/s.exec(text);
  if (!call) {
    const name = text.trim();
    if (/^\w+$/.test(name)) {
      const member = scope.target.members.find((m) => m.name === name);
      if (member && !member.pointer) {
        const size = btf.sizeOf(member.type) === 8 ? 8 : 4;
        const type = unwrap(btf, member.type);
        return {
          kind: 'context',
          offset: member.offset,
          size,
          type: integerType(size, btf.kind(type) === 'INT' && btf.int(type).signed),
        };
      }
      objectType(scope, name);
      return { kind: 'address', object: name };
    }
    return scalar(scope, text);
  }
  const [, name, inner] = call;
  const args = inner.split(',').map((a) => a.trim());
  if (name === 'cpu' && inner.trim() === '') return { kind: 'cpu' };
  const wants = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!wants) {
    const close = nearest(name, Object.keys(FUNCTIONS));
    throw new BtfError(
      `no source function ${name}(); ${close.length ? `did you mean ${close.join(', ')}?` : `there are ${Object.keys(FUNCTIONS).join(', ')}`}`,
    );
  }
  const arity =
    name === 'inet'
      ? 3
      : name === 'sum'
        ? args.length
        : name === 'bytes'
          ? Math.max(3, args.length)
          : name === 'each'
            ? Math.max(3, Math.min(4, args.length))
            : name === 'queue_bytes'
              ? 2
              : name === 'percpu_sum'
                ? Math.min(2, args.length)
                : 1;
  if (args.length !== arity || args.includes('')) throw new BtfError(`${text}: it takes ${wants}`);
  const place = () => resolvePlace(scope, args[0]);
  switch (name) {
    case 'sum':
    case 'node_sum': {
      const terms = name === 'sum' ? args : eachNode(args[0]);
      const parts = terms.map((a) => scalar(scope, a));
      const places: (Place & { signed: boolean })[] = [];
      for (const [i, p] of parts.entries()) {
        if (p.kind !== 'scalar' || p.type === 'chars' || p.place.bits > 0 || p.swap || isPointer(btf, p.place))
          throw new BtfError(
            `${text}: ${name}() adds whole numbers; ${terms[i]} is ${'place' in p ? btf.typeName(p.place.declared) : 'none'}`,
          );
        if (i > 0 && p.place.object !== places[0].object)
          throw new BtfError(`${text}: all have to start from ${places[0].object}`);
        places.push({ ...p.place, signed: p.type.startsWith('i') });
      }
      const probe = parts.some((p) => p.kind === 'scalar' && p.probe);
      return { kind: 'sum', of: places, type: places.some((p) => p.signed) ? 'i64' : 'u64', probe };
    }
    case 'inet': {
      let v6: Place | null = null;
      try {
        v6 = resolvePlace(scope, args[2]);
      } catch (error) {
        // A kernel without CONFIG_IPV6 has no such member, and no such sockets.
        if (!(error instanceof BtfError)) throw error;
      }
      const family = resolvePlace(scope, args[0]);
      const v4 = resolvePlace(scope, args[1]);
      const type = unwrap(btf, family.type);
      if (btf.kind(type) !== 'INT' || family.bits > 0 || btf.sizeOf(type) > 8)
        throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(family.declared)}, not the number of a family`);
      if (!isNumber(btf, family, family.size)) throw shared(family);
      for (const [address, bytes, i] of [
        [v4, 4, 1],
        [v6, 16, 2],
      ] as const) {
        if (address === null) continue;
        if (address.size !== bytes || address.bits > 0)
          throw new BtfError(`${text}: ${args[i]} is ${btf.typeName(address.declared)}, not ${bytes} bytes`);
        if (address.object !== family.object || address.loads.join() !== family.loads.join())
          throw new BtfError(`${text}: ${args[i]} has to lie behind the same pointers as ${args[0]}`);
      }
      const probe = [v4, v6].some((a) => a !== null && !isBytes(btf, a, a.size));
      return { kind: 'inet', family, v4, v6, probe };
    }
    case 'inet6': {
      const at = place();
      if (at.size !== 16 || at.bits > 0)
        throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(at.declared)}, not 16 bytes`);
      return { kind: 'inet6', place: at, probe: !isBytes(btf, at, 16) };
    }
    case 'pid_ns': {
      const pid = btf.struct('pid');
      const upid = btf.struct('upid');
      return {
        kind: 'pid_ns',
        pid: pointerTo(scope, text, args[0], 'pid'),
        level: resolvePath(btf, pid, 'level').offset,
        numbers: resolvePath(btf, pid, 'numbers').offset,
        stride: btf.sizeOf(upid),
        ns: resolvePath(btf, upid, 'ns').offset,
        inum: resolvePath(btf, btf.struct('pid_namespace'), 'ns.inum').offset,
      };
    }
    case 'd_path':
    case 'vfs_path': {
      const at = place();
      if (btf.name(at.type) !== 'path')
        throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(at.declared)}, not struct path`);
      if (name === 'd_path') return { kind: 'd_path', place: at };
      const [dentry, mount] = [btf.struct('dentry'), btf.struct('mount')];
      followable(btf, at, resolvePath(btf, at.type, 'dentry').offset, dentry);
      followable(btf, at, resolvePath(btf, at.type, 'mnt').offset, btf.struct('vfsmount'));
      return {
        kind: 'vfs_path',
        place: at,
        dentry: resolvePath(btf, at.type, 'dentry').offset,
        mnt: resolvePath(btf, at.type, 'mnt').offset,
        parent: resolvePath(btf, dentry, 'd_parent').offset,
        name: resolvePath(btf, dentry, 'd_name.name').offset,
        root: resolvePath(btf, btf.struct('vfsmount'), 'mnt_root').offset,
        mount: {
          self: resolvePath(btf, mount, 'mnt').offset,
          parent: resolvePath(btf, mount, 'mnt_parent').offset,
          mountpoint: resolvePath(btf, mount, 'mnt_mountpoint').offset,
        },
      };
    }
    case 'str': {
      const at = place();
      const kind = btf.kind(at.type);
      const chars = kind === 'PTR' ? btf.pointee(at.type) : kind === 'ARRAY' ? btf.array(at.type).element : 0;
      if (btf.kind(btf.strip(chars)) !== 'INT' || btf.sizeOf(chars) !== 1)
        throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(at.declared)}, not char * or char []`);
      return { kind: 'str', place: kind === 'ARRAY' ? at : loadable(btf, at), inline: kind === 'ARRAY' };
    }
    case 'percpu_sum':
      return percpuSum(scope, text, place(), args[1]);
    case 'free_objects':
      return freeObjects(scope, args[0]);
    case 'deref': {
      const at = place();
      const type = btf.kind(at.type) === 'PTR' ? btf.strip(btf.pointee(at.type)) : 0;
      if (btf.kind(type) !== 'INT' || btf.sizeOf(type) > 8)
        throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(at.declared)}, not a pointer to a number`);
      const size = btf.sizeOf(type);
      loadable(btf, at);
      return { kind: 'deref', place: at, type: integerType(size, btf.int(type).signed), size };
    }
    case 'bytes':
      return memory(scope, text, args);
    case 'each':
      return each(scope, text, args);
    case 'queue_bytes': {
      const at = place();
      if (btf.name(at.type) !== 'sk_buff_head')
        throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(at.declared)}, not struct sk_buff_head`);
      const max = Number(args[1]);
      if (!Number.isInteger(max) || max < 1 || max > MAX_QUEUED)
        throw new BtfError(`${text}: the number of packets is 1 to ${MAX_QUEUED}, not ${args[1]}`);
      const packet = btf.struct('sk_buff');
      followable(btf, at, resolvePath(btf, at.type, 'next').offset, packet);
      return {
        kind: 'queue_bytes',
        place: at,
        max,
        first: resolvePath(btf, at.type, 'next').offset,
        next: resolvePath(btf, packet, 'next').offset,
        length: resolvePath(btf, packet, 'len').offset,
      };
    }
    case 'sun_path': {
      const at = pointerTo(scope, text, args[0], 'unix_address');
      const address = btf.struct('unix_address');
      return {
        kind: 'sun_path',
        place: at,
        length: resolvePath(btf, address, 'len').offset,
        family: resolvePath(btf, btf.struct('sockaddr_un'), 'sun_path').offset,
        chars: resolvePath(btf, address, 'name[0].sun_path').offset,
      };
    }
    case 'special_mapping': {
      contextObject(scope, text, args[0], 'vm_area_struct');
      const vma = btf.struct('vm_area_struct');
      return {
        kind: 'special_mapping',
        object: args[0],
        file: resolvePath(btf, vma, 'vm_file').offset,
        ops: resolvePath(btf, vma, 'vm_ops').offset,
        opsName: resolvePath(btf, btf.struct('vm_operations_struct'), 'name').offset,
        data: resolvePath(btf, vma, 'vm_private_data').offset,
        name: resolvePath(btf, btf.struct('vm_special_mapping'), 'name').offset,
      };
    }
    case 'kernfs_path': {
      const node = btf.struct('kernfs_node');
      let parent: number;
      try {
        parent = resolvePath(btf, node, '__parent').offset;
      } catch {
        parent = resolvePath(btf, node, 'parent').offset; // its name before Linux 6.15
      }
      const at = pointerTo(scope, text, args[0], 'kernfs_node');
      return { kind: 'kernfs_path', place: at, name: resolvePath(btf, node, 'name').offset, parent };
    }
    default: {
      // kernel/bpf/task_iter.c holds mmap_lock of the task's memory while the program runs; reading that memory takes it
      // again, and where someone waits to write in between, neither goes on: the reader, ps, and the process itself hang.
      if (scope.target.name === LOCKS_MEMORY)
        throw new BtfError(
          `${text}: ${LOCKS_MEMORY} holds the lock of the memory that cmdline() reads, and would wait for itself; take it from task by a join`,
        );
      contextObject(scope, text, args[0], 'task_struct');
      const task = btf.struct('task_struct');
      const mm = btf.struct('mm_struct');
      return {
        kind: 'cmdline',
        object: args[0],
        mm: resolvePath(btf, task, 'mm').offset,
        argStart: resolvePath(btf, mm, 'arg_start').offset,
        argEnd: resolvePath(btf, mm, 'arg_end').offset,
        envEnd: resolvePath(btf, mm, 'env_end').offset,
      };
    }
  }
}

function isPointer(btf: Btf, place: Place): boolean {
  return btf.kind(unwrap(btf, place.type)) === 'PTR';
}

/** Whether the verifier takes the value for a pointer, with which it lets nobody calculate. */
export function isAddress(btf: Btf, source: Source): boolean {
  return source.kind === 'address' || (source.kind === 'scalar' && isPointer(btf, source.place));
}

/** @throws BtfError where the path ends at anything but a pointer to that struct */
function pointerTo(scope: Scope, text: string, path: string, struct: string): Place {
  const { btf } = scope;
  const place = resolvePlace(scope, path);
  const to = btf.kind(place.type) === 'PTR' ? btf.strip(btf.pointee(place.type)) : 0;
  if (btf.name(to) !== struct || btf.kind(to) !== 'STRUCT')
    throw new BtfError(`${text}: ${path} is ${btf.typeName(place.declared)}, not struct ${struct} *`);
  followable(btf, place, 0, to);
  return place;
}

/** @throws BtfError for what is no such object of the target's: a cast is none, as the kernel's helpers want the original */
function contextObject(scope: Scope, text: string, name: string, struct: string): void {
  const { btf, target } = scope;
  const type = btf.strip(objectType(scope, name));
  const member = target.members.some((m) => m.name === name);
  if (!member || btf.name(type) !== struct)
    throw new BtfError(
      `${text}: ${name} is ${member ? btf.typeName(type) : 'a cast'}, not the struct ${struct} of bpf_iter__${target.name}`,
    );
}

const MAX_CHARS = 4096;

function memory(scope: Scope, text: string, [object, at, as, first, width]: readonly string[]): MemorySource {
  const member = scope.target.members.find((m) => m.name === object);
  if (!member?.pointer || scope.btf.kind(scope.btf.strip(member.type)) !== 'VOID')
    throw new BtfError(`${text}: ${object} of bpf_iter__${scope.target.name} is no key and no value of a map`);
  const [, kind, digits] = /^(u|i|be|chars)(\d+)$/.exec(as) ?? [];
  const chars = kind === 'chars';
  const size = chars ? Number(digits) : Number(digits) / 8;
  const offset = Number(at);
  if (!/^\d+$/.test(at) || !(chars ? size > 0 && size <= MAX_CHARS : [1, 2, 4, 8].includes(size)))
    throw new BtfError(`${text}: it takes ${FUNCTIONS['bytes']}`);
  const shift = Number(first ?? 0);
  const bits = Number(width ?? 0);
  if (chars ? first !== undefined : !(shift >= 0 && bits >= 0 && shift + bits <= size * 8))
    throw new BtfError(`${text}: there are no bits ${shift} to ${shift + bits - 1} in it`);
  const type = chars ? 'chars' : integerType(size, kind === 'i');
  return { kind: 'memory', object, offset, size, type, swap: kind === 'be', bits, shift, cpus: 0, stride: 0 };
}

function each(scope: Scope, text: string, [array, length, most, path]: readonly string[]): EachSource {
  const { btf } = scope;
  const place = resolvePlace(scope, array);
  const kind = btf.kind(place.type);
  const of = kind === 'PTR' ? btf.pointee(place.type) : kind === 'ARRAY' ? btf.array(place.type).element : 0;
  const element = of === 0 ? 0 : unwrap(btf, of);
  const pointers = btf.kind(element) === 'PTR';
  const size = pointers ? 8 : btf.kind(element) === 'INT' ? btf.sizeOf(element) : 0;
  if (size === 0 || size > 8)
    throw new BtfError(`${text}: ${array} is ${btf.typeName(place.declared)}, no array of pointers or numbers`);
  const count = scalar(scope, length);
  if (count.kind !== 'scalar' || count.probe || !/^[iu](8|16|32)$/.test(count.type))
    throw new BtfError(`${text}: ${length} is no number of 4 bytes or fewer that a program can load`);
  if (count.place.object !== place.object)
    throw new BtfError(`${text}: ${length} has to start from ${place.object}, as ${array} does`);
  const max = Number(most);
  if (!Number.isInteger(max) || max < 1 || max > MAX_EACH)
    throw new BtfError(`${text}: how many at most is 1 to ${MAX_EACH}, not ${most}`);
  const inline = kind === 'ARRAY';
  if (!inline) loadable(btf, place);
  const one = { kind: 'each', place, inline, length: count.place, max } as const;
  if (path === undefined)
    return { ...one, type: integerType(size, !pointers && btf.int(element).signed), size, member: null };
  const struct = pointers ? btf.strip(btf.pointee(element)) : 0;
  if (btf.kind(struct) !== 'STRUCT' && btf.kind(struct) !== 'UNION')
    throw new BtfError(`${text}: ${array} does not point to structs that have a member ${path}`);
  const member = valueAt(btf, { ...resolvePath(btf, struct, path), object: place.object }, path);
  if (member.kind !== 'scalar' || member.place.loads.length > 0)
    throw new BtfError(`${text}: ${path} has to be a value in struct ${btf.name(struct)} itself`);
  return { ...one, type: member.type, size: member.size, member };
}

/** The path for each NUMA node. */
function eachNode(path: string): string[] {
  return Array.from({ length: idLimit('node') }, (_, node) => path.replaceAll('[NODE]', `[${node}]`));
}

function freeObjects(scope: Scope, path: string): Source {
  const { btf } = scope;
  const node = btf.struct('kmem_cache_node');
  // Linux 5.17 took struct slab out of struct page.
  const slab = btf.find('slab', 'STRUCT') || btf.struct('page');
  const at = (member: string) => resolvePath(btf, slab, member);
  const [objects, inuse] = [at('objects'), at('inuse')];
  const word = Math.floor(Math.min(objects.offset, inuse.offset) / 8) * 8;
  const bits = (field: ResolvedPath) => [(field.offset - word) * 8 + field.bitOffset, field.bits] as const;
  return {
    kind: 'free_objects',
    nodes: eachNode(path).map((one) => pointerTo(scope, `free_objects(${path})`, one, 'kmem_cache_node')),
    list: resolvePath(btf, node, 'partial').offset,
    link: at('slab_list').offset,
    word,
    objects: bits(objects),
    inuse: bits(inuse),
  };
}

/** The first of the alternatives that this kernel has. @throws BtfError for the first of them where it has none */
export function resolveFirst(scope: Scope, from: string | readonly string[]): Source {
  let first: BtfError | undefined;
  for (const text of [from].flat()) {
    try {
      return resolveSource(scope, text);
    } catch (error) {
      if (!(error instanceof BtfError)) throw error;
      first ??= error;
    }
  }
  throw first ?? new BtfError('there is no source');
}

function percpuSum(scope: Scope, text: string, place: Place, member: string | undefined): Source {
  const { btf } = scope;
  if (btf.kind(place.type) !== 'PTR') throw new BtfError(`${text}: ${place.text} is no pointer`);
  const part = btf.pointee(place.type);
  const at = member === undefined ? { loads: [], offset: 0, bits: 0, type: part } : resolvePath(btf, part, member);
  const type = unwrap(btf, at.type);
  const size = btf.sizeOf(type);
  if (at.loads.length > 0 || at.bits > 0 || btf.kind(type) !== 'INT' || (size !== 4 && size !== 8))
    throw new BtfError(`${text}: percpu_sum() adds whole numbers of 4 or 8 bytes that each CPU's part holds itself`);
  return {
    kind: 'percpu_sum',
    place,
    offset: at.offset,
    size,
    signed: btf.int(type).signed,
    cpus: idLimit('cpu'),
    pptrs: resolvePath(btf, btf.struct('bpf_array'), 'pptrs').offset,
  };
}

/** Objects (context members, casts) whose pointers a source starts from. */
export function objectsOf(source: Source): string[] {
  switch (source.kind) {
    case 'context':
    case 'cpu':
      return [];
    case 'memory':
      return [source.object];
    case 'address':
    case 'cmdline':
    case 'special_mapping':
      return [source.object];
    case 'sum':
      return source.of.map((p) => p.object);
    case 'free_objects':
      return source.nodes.map((p) => p.object);
    case 'inet':
      return [source.family.object];
    case 'pid_ns':
      return [source.pid.object];
    default:
      return [source.place.object];
  }
}

/** What its field in a record looks like. `limit` is the longest text. */
export function fieldShape(source: Source): { type: FieldType; size: number; limit: number } {
  switch (source.kind) {
    case 'scalar':
      return { type: source.type, size: source.size, limit: 0 };
    case 'context':
      return { type: source.type, size: source.size, limit: 0 };
    case 'cpu':
      return { type: 'u32', size: 4, limit: 0 };
    case 'memory':
      return { type: source.type, size: source.cpus > 0 ? 8 : source.size, limit: 0 };
    case 'address':
      return { type: 'u64', size: 8, limit: 0 };
    case 'sum':
      return { type: source.type, size: 8, limit: 0 };
    case 'inet':
    case 'inet6':
      return { type: 'inet', size: INET_FIELD_SIZE, limit: 0 };
    case 'pid_ns':
      return { type: 'u32', size: 4, limit: 0 };
    case 'percpu_sum':
    case 'free_objects':
      return { type: 'i64', size: 8, limit: 0 };
    case 'str':
      return {
        type: 'text',
        size: TEXT_FIELD_SIZE,
        // A flexible array has no size.
        limit: source.inline && source.place.size > 0 ? Math.min(TEXT_LIMIT.inline, source.place.size) : TEXT_LIMIT.str,
      };
    case 'deref':
    case 'each':
      return { type: source.type, size: source.size, limit: 0 };
    case 'queue_bytes':
      return { type: 'u64', size: 8, limit: 0 };
    default:
      return { type: 'text', size: TEXT_FIELD_SIZE, limit: TEXT_LIMIT[source.kind] };
  }
}
