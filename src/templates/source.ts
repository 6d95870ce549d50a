/** A column's source, as text in a template, resolved against the kernel's BTF: where the value is and what it is. */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { type ResolvedPath, resolvePath } from '../bpf/btf-path.ts';
import { possible } from '../bpf/host.ts';
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
export const MAX_QUEUED = 256;

/** A place in an object: pointers to follow from it, and the bytes behind the last one. */
export interface Place extends ResolvedPath {
  /** Context member or cast that it starts from. */
  readonly object: string;
}

export type Source =
  /** One number or a few bytes copied as they are; `swap`: big-endian in the kernel. */
  | {
      readonly kind: 'scalar';
      readonly place: Place;
      readonly type: FieldType;
      readonly size: number;
      readonly swap: boolean;
    }
  /** A scalar of the context itself (`uid`, `fd`), or the address of an object. */
  | { readonly kind: 'context'; readonly offset: number; readonly size: 4 | 8; readonly type: FieldType }
  | MemorySource
  /** The CPU whose value it is, for maps that have one for each; nothing that a program knows. */
  | { readonly kind: 'cpu' }
  | { readonly kind: 'address'; readonly object: string }
  | { readonly kind: 'sum'; readonly of: readonly Place[]; readonly type: FieldType }
  | { readonly kind: 'inet'; readonly family: Place; readonly v4: Place; readonly v6: Place | null }
  /** An IPv6 address that no family stands beside. */
  | { readonly kind: 'inet6'; readonly place: Place }
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

/** Source functions: what they take, for messages. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  sum: 'sum(number, number, ...)',
  node_sum: 'node_sum(number with [NODE] in its path)',
  percpu_sum: 'percpu_sum(per-CPU pointer to numbers) or percpu_sum(per-CPU pointer to a struct, member)',
  inet: 'inet(family, IPv4 address, IPv6 address)',
  inet6: 'inet6(IPv6 address)',
  pid_ns: 'pid_ns(struct pid)',
  d_path: 'd_path(struct path)',
  str: 'str(char pointer or array)',
  free_objects: 'free_objects(pointer to struct kmem_cache_node with [NODE] in its path)',
  deref: 'deref(pointer to a number)',
  queue_bytes: 'queue_bytes(struct sk_buff_head, how many packets at most)',
  bytes:
    'bytes(key or value of a map, offset, u8 ... i64, be16, be32, be64 or charsN) and of a bit-field its first bit and width',
  cpu: 'cpu()',
  sun_path: 'sun_path(pointer to struct unix_address)',
  special_mapping: 'special_mapping(struct vm_area_struct)',
  kernfs_path: 'kernfs_path(struct kernfs_node)',
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
    return castStruct(scope.btf, cast.as.split('.')[0]);
  }
  if (cast && /^\w+$/.test(cast.of)) return objectType(scope, cast.of);
  if (cast) return scope.btf.pointee(resolvePlace(scope, cast.of).type);
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
  return { ...resolvePath(scope.btf, objectType(scope, match[1]), match[2]), object: match[1] };
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
  const { btf } = scope;
  const place = resolvePlace(scope, text);
  if (place.bits > 0)
    return { kind: 'scalar', place, type: place.bits > 32 ? 'u64' : 'u32', size: place.bits > 32 ? 8 : 4, swap: false };
  const type = unwrap(btf, place.type);
  const kind = btf.kind(type);
  const size = btf.sizeOf(type);
  if (kind === 'INT' && size <= 8) {
    return {
      kind: 'scalar',
      place,
      type: integerType(size, btf.int(type).signed),
      size,
      swap: size > 1 && isBigEndian(btf, place.declared),
    };
  }
  if (kind === 'PTR') {
    const to = btf.strip(btf.pointee(type));
    if (btf.kind(to) === 'INT' && btf.sizeOf(to) === 1) return { kind: 'str', place, inline: false };
    return { kind: 'scalar', place, type: 'u64', size: 8, swap: false };
  }
  if (kind === 'ENUM' || kind === 'ENUM64')
    return { kind: 'scalar', place, type: integerType(size, false), size, swap: false };
  if (kind === 'ARRAY') {
    const element = btf.strip(btf.array(type).element);
    if (btf.kind(element) === 'INT' && btf.sizeOf(element) === 1 && size > 0 && size <= 256) {
      return { kind: 'scalar', place, type: 'chars', size, swap: false };
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
      const places = parts.map((p) => {
        if (p.kind !== 'scalar' || p.type === 'chars' || p.place.bits > 0)
          throw new BtfError(`${text}: ${name}() adds whole numbers`);
        return p.place;
      });
      return {
        kind: 'sum',
        of: places,
        type: parts.some((p) => 'type' in p && p.type.startsWith('i')) ? 'i64' : 'u64',
      };
    }
    case 'inet': {
      let v6: Place | null = null;
      try {
        v6 = resolvePlace(scope, args[2]);
      } catch (error) {
        // A kernel without CONFIG_IPV6 has no such member, and no such sockets.
        if (!(error instanceof BtfError)) throw error;
      }
      return { kind: 'inet', family: resolvePlace(scope, args[0]), v4: resolvePlace(scope, args[1]), v6 };
    }
    case 'inet6': {
      const at = place();
      if (at.size !== 16) throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(at.declared)}, not 16 bytes`);
      return { kind: 'inet6', place: at };
    }
    case 'pid_ns': {
      const pid = btf.struct('pid');
      const upid = btf.struct('upid');
      return {
        kind: 'pid_ns',
        pid: place(),
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
      return { kind: 'str', place: at, inline: kind === 'ARRAY' };
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
      return { kind: 'deref', place: at, type: integerType(size, btf.int(type).signed), size };
    }
    case 'bytes':
      return memory(scope, text, args);
    case 'queue_bytes': {
      const at = place();
      if (btf.name(at.type) !== 'sk_buff_head')
        throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(at.declared)}, not struct sk_buff_head`);
      const max = Number(args[1]);
      if (!Number.isInteger(max) || max < 1 || max > MAX_QUEUED)
        throw new BtfError(`${text}: the number of packets is 1 to ${MAX_QUEUED}, not ${args[1]}`);
      const packet = btf.struct('sk_buff');
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
      const at = place();
      const address = btf.struct('unix_address');
      if (btf.kind(at.type) !== 'PTR' || btf.strip(btf.pointee(at.type)) !== address)
        throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(at.declared)}, not struct unix_address *`);
      return {
        kind: 'sun_path',
        place: at,
        length: resolvePath(btf, address, 'len').offset,
        family: resolvePath(btf, btf.struct('sockaddr_un'), 'sun_path').offset,
        chars: resolvePath(btf, address, 'name[0].sun_path').offset,
      };
    }
    case 'special_mapping': {
      objectType(scope, args[0]);
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
      return { kind: 'kernfs_path', place: place(), name: resolvePath(btf, node, 'name').offset, parent };
    }
    default: {
      objectType(scope, args[0]);
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

/** The path for each NUMA node. */
function eachNode(path: string): string[] {
  return Array.from({ length: possible('node') }, (_, node) => path.replaceAll('[NODE]', `[${node}]`));
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
    nodes: eachNode(path).map((one) => resolvePlace(scope, one)),
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
    cpus: possible('cpu'),
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
        limit: source.inline ? Math.min(TEXT_LIMIT.inline, source.place.size) : TEXT_LIMIT.str,
      };
    case 'deref':
      return { type: source.type, size: source.size, limit: 0 };
    case 'queue_bytes':
      return { type: 'u64', size: 8, limit: 0 };
    default:
      return { type: 'text', size: TEXT_FIELD_SIZE, limit: TEXT_LIMIT[source.kind] };
  }
}
