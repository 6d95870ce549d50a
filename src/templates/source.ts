/** A column's source, as text in a template, resolved against the kernel's BTF: where the value is and what it is. */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { type ResolvedPath, resolvePath } from '../bpf/btf-path.ts';
import { nearest } from '../bpf/nearest.ts';
import type { Target } from '../bpf/targets.ts';
import { type FieldType, INET_FIELD_SIZE, TEXT_FIELD_SIZE } from './record.ts';
import type { Cast } from './template.ts';

/** Longest text of each kind in bytes; what is longer is cut, and the record says how long it is. */
export const TEXT_LIMIT = { d_path: 4096, cmdline: 4096, kernfs_path: 3072, str: 256 } as const;

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
  | { readonly kind: 'address'; readonly object: string }
  | { readonly kind: 'sum'; readonly of: readonly Place[]; readonly type: FieldType }
  | { readonly kind: 'inet'; readonly family: Place; readonly v4: Place; readonly v6: Place | null }
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
  | { readonly kind: 'str'; readonly place: Place }
  | { readonly kind: 'kernfs_path'; readonly place: Place; readonly name: number; readonly parent: number }
  | {
      readonly kind: 'cmdline';
      readonly object: string;
      readonly mm: number;
      readonly argStart: number;
      readonly argEnd: number;
      readonly envEnd: number;
    };

export interface Scope {
  readonly btf: Btf;
  readonly target: Target;
  readonly casts: Readonly<Record<string, Cast>>;
}

/** Source functions: what they take, for messages. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  sum: 'sum(number, number, ...)',
  inet: 'inet(family, IPv4 address, IPv6 address)',
  pid_ns: 'pid_ns(struct pid)',
  d_path: 'd_path(struct path)',
  str: 'str(char pointer)',
  kernfs_path: 'kernfs_path(struct kernfs_node)',
  cmdline: 'cmdline(struct task_struct)',
};

/** The type that a path starts from. */
function objectType(scope: Scope, name: string): number {
  const member = scope.target.members.find((m) => m.name === name);
  if (member?.pointer) return member.type;
  const cast = scope.casts[name];
  if (cast?.type) return scope.btf.struct(cast.type);
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
function unwrap(btf: Btf, type: number): number {
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
    if (btf.kind(to) === 'INT' && btf.sizeOf(to) === 1) return { kind: 'str', place };
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
  const wants = FUNCTIONS[name];
  if (!wants) {
    const close = nearest(name, Object.keys(FUNCTIONS));
    throw new BtfError(
      `no source function ${name}(); ${close.length ? `did you mean ${close.join(', ')}?` : `there are ${Object.keys(FUNCTIONS).join(', ')}`}`,
    );
  }
  const arity = name === 'inet' ? 3 : name === 'sum' ? args.length : 1;
  if (args.length !== arity || args.includes('')) throw new BtfError(`${text}: it takes ${wants}`);
  const place = () => resolvePlace(scope, args[0]);
  switch (name) {
    case 'sum': {
      const parts = args.map((a) => scalar(scope, a));
      const places = parts.map((p) => {
        if (p.kind !== 'scalar' || p.type === 'chars' || p.place.bits > 0)
          throw new BtfError(`${text}: sum() adds whole numbers`);
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
    case 'd_path': {
      const at = place();
      if (btf.name(at.type) !== 'path')
        throw new BtfError(`${text}: ${args[0]} is ${btf.typeName(at.declared)}, not struct path`);
      return { kind: 'd_path', place: at };
    }
    case 'str':
      return { kind: 'str', place: place() };
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

/** Objects (context members, casts) whose pointers a source starts from. */
export function objectsOf(source: Source): string[] {
  switch (source.kind) {
    case 'context':
      return [];
    case 'address':
    case 'cmdline':
      return [source.object];
    case 'sum':
      return source.of.map((p) => p.object);
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
    case 'address':
      return { type: 'u64', size: 8, limit: 0 };
    case 'sum':
      return { type: source.type, size: 8, limit: 0 };
    case 'inet':
      return { type: 'inet', size: INET_FIELD_SIZE, limit: 0 };
    case 'pid_ns':
      return { type: 'u32', size: 4, limit: 0 };
    default:
      return { type: 'text', size: TEXT_FIELD_SIZE, limit: TEXT_LIMIT[source.kind] };
  }
}
