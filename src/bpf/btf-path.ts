/** Member paths such as `task->real_parent->tgid`, turned into loads and offsets by BTF. */
import { type Btf, BtfError, type BtfMember, MAX_DEPTH, MAX_ELEMENTS } from './btf.ts';
import { didYouMean, nearest } from './nearest.ts';

/** Where the value of a path is, seen from a pointer to the start type. */
export interface ResolvedPath {
  /** Byte offsets of the 8-byte pointers to load, each from the pointer before, until the one the value lies behind. */
  readonly loads: readonly number[];
  /** Of the value, in bytes from the last pointer. */
  readonly offset: number;
  /** The structs or unions that these offsets are counted in, that of the value last. */
  readonly structs: readonly number[];
  /** Of the value, behind typedefs and qualifiers. */
  readonly type: number;
  /** Of the value, as the member was declared. */
  readonly declared: number;
  /** Bytes to load at `offset`; 0 for a flexible array. For a bit-field 1, 2, 4 or 8: the smallest aligned word. */
  readonly size: number;
  /** Width of a bit-field; 0 = not a bit-field. */
  readonly bits: number;
  /** First bit of a bit-field, counted from bit 0 of the byte at `offset`; otherwise 0. */
  readonly bitOffset: number;
  /** The path in canonical spelling: `->` behind pointers, `.` elsewhere. */
  readonly text: string;
}

/** BPF adds offsets to pointers as signed 32-bit numbers. */
const MAX_OFFSET = 0x7fffffff;

/**
 * Resolves `path`, seen from `start`: a struct or union, or a pointer to one.
 *
 * A path is member names joined by `->` or `.` (either is accepted, a pointer is followed when a member of it is
 * named), each with any number of indices `[N]`, N a number or the name of an enumerator. Members of anonymous structs
 * and unions are named directly, as in C. A bit-field can only come last; a pointer that comes last is the value.
 * Throws BtfError with `position` (and `suggestions`) when the path does not fit.
 */
export function resolvePath(btf: Btf, start: number, path: string): ResolvedPath {
  const loads: number[] = [];
  const structs: number[] = [];
  let declared = start;
  let type = btf.strip(start);
  if (btf.kind(type) === 'PTR') {
    declared = btf.pointee(type);
    type = btf.strip(declared);
  }
  let offset = 0;
  let field: { bits: number; bitOffset: number } | undefined;
  let text = '';

  for (const { member, index, position } of parse(path)) {
    const fail = (what: string, suggestions: readonly string[] = []): never => {
      throw new BtfError(`${what}${didYouMean(suggestions)} (at character ${position + 1} of "${path}")`, {
        position,
        suggestions,
      });
    };
    if (field) fail(`${text} is a bit-field, so nothing can follow it`);

    if (index !== undefined) {
      if (btf.kind(type) !== 'ARRAY') fail(`${text} is ${article(btf.typeName(declared))}, not an array`);
      const { element, length } = btf.array(type);
      const n = indexValue(btf, index, fail);
      if (length > 0 && n >= length)
        fail(`index ${index} is beyond the end of ${text}, which has ${length} elements (0 to ${length - 1})`);
      declared = element;
      offset += n * btf.sizeOf(element);
      text += `[${index}]`;
    } else {
      let joint = text === '' ? '' : '.';
      if (btf.kind(type) === 'PTR') {
        loads.push(offset);
        offset = 0;
        declared = btf.pointee(type);
        joint = '->';
      }
      const holder = structOf(btf, declared, text, fail);
      if (structs.length === loads.length) structs.push(holder);
      const found = flatMembers(btf, holder).get(member);
      if (!found) {
        const what = `${btf.typeName(holder)} has no member "${member}"`;
        return fail(what, nearest(member, flatMembers(btf, holder).keys()));
      }
      declared = found.type;
      if (found.bits) field = { bits: found.bits, bitOffset: offset * 8 + found.bitOffset };
      else if (found.bitOffset % 8) fail(`corrupt BTF: ${member} starts at bit ${found.bitOffset}, within a byte`);
      else offset += found.bitOffset / 8;
      text += joint + member;
    }
    if (offset > MAX_OFFSET) fail(`${text} is at offset ${offset}, more than BPF can add to a pointer`);
    type = btf.strip(declared);
  }
  if (field) return { loads, structs, type, declared, text, ...smallestWord(field.bits, field.bitOffset, text) };
  return { loads, structs, offset, type, declared, size: btf.sizeOf(type), bits: 0, bitOffset: 0, text };
}

const flattened = new WeakMap<Btf, Map<number, ReadonlyMap<string, BtfMember>>>();

/**
 * The members of a struct or union by name, those of anonymous structs and unions in it among them; bit offsets are
 * from the start of `id`.
 */
export function flatMembers(btf: Btf, id: number): ReadonlyMap<string, BtfMember> {
  const cache = flattened.get(btf) ?? new Map<number, ReadonlyMap<string, BtfMember>>();
  flattened.set(btf, cache);
  const known = cache.get(id);
  if (known) return known;
  const flat = new Map<string, BtfMember>();
  let seen = 0;
  const add = (type: number, base: number, depth: number): void => {
    if (depth > MAX_DEPTH) throw new BtfError(`corrupt BTF: type ${id} nests more than ${MAX_DEPTH} anonymous structs`);
    for (const member of btf.members(type)) {
      if (++seen > MAX_ELEMENTS) throw new BtfError(`corrupt BTF: type ${id} has more than ${MAX_ELEMENTS} members`);
      const bitOffset = base + member.bitOffset;
      if (member.name) {
        if (!flat.has(member.name)) flat.set(member.name, base ? { ...member, bitOffset } : member);
      } else if (isStruct(btf, btf.strip(member.type))) add(btf.strip(member.type), bitOffset, depth + 1);
    }
  };
  add(id, 0, 0);
  cache.set(id, flat);
  return flat;
}

type Fail = (what: string, suggestions?: readonly string[]) => never;

/** The struct or union that `declared` is, looked up by name where it is only declared. */
function structOf(btf: Btf, declared: number, text: string, fail: Fail): number {
  const type = btf.strip(declared);
  if (isStruct(btf, type)) return type;
  if (btf.kind(type) !== 'FWD')
    return fail(
      `${text} ${text ? 'leads to' : 'it starts at'} ${article(btf.typeName(declared))}, which has no members`,
    );
  return (
    btf.find(btf.name(type), btf.isUnion(type) ? 'UNION' : 'STRUCT') ||
    fail(`${btf.typeName(type)} is only declared in this BTF: its members are not known`)
  );
}

function isStruct(btf: Btf, type: number): boolean {
  const kind = btf.kind(type);
  return kind === 'STRUCT' || kind === 'UNION';
}

function indexValue(btf: Btf, index: string, fail: Fail): number {
  if (/^\d+$/.test(index)) {
    const n = Number(index);
    return n <= MAX_OFFSET ? n : fail(`index ${index} is too large`);
  }
  const value = btf.enumerator(index);
  if (value === undefined) return fail(`this kernel has no enumerator "${index}"`);
  if (value < 0n || value > BigInt(MAX_OFFSET)) return fail(`${index} is ${value}, which is no index`);
  return Number(value);
}

/**
 * The smallest naturally aligned word that holds a bit-field. Not that of its declared type: the verifier refuses a
 * load that also covers a plain member before the field (btf_struct_walk() in kernel/bpf/btf.c).
 */
function smallestWord(bits: number, bit: number, text: string) {
  for (const size of [1, 2, 4, 8]) {
    const offset = Math.floor(bit / (size * 8)) * size;
    const bitOffset = bit - offset * 8;
    if (bitOffset + bits <= size * 8) return { offset, size, bits, bitOffset };
  }
  throw new BtfError(`${text} has ${bits} bits that no aligned 8-byte word holds`);
}

interface Step {
  readonly member: string;
  readonly index?: string;
  readonly position: number;
}

/** Splits a path into members and indices, each with its place in the path; `member` is '' for an index. */
function parse(path: string): Step[] {
  const steps: Step[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const text = pattern.exec(path)?.[0];
    if (text !== undefined) at += text.length;
    return text;
  };
  const expected = (what: string): never => {
    const got = at < path.length ? `"${path[at]}"` : 'the end';
    throw new BtfError(`expected ${what}, not ${got} (at character ${at + 1} of "${path}")`, { position: at });
  };
  do {
    const position = at;
    steps.push({ position, member: take(/[A-Za-z_]\w*/y) ?? expected('a member name') });
    while (take(/\[/y)) {
      const inside = at;
      const index = take(/\w+/y) ?? expected('a number or the name of an enumerator');
      steps.push({ position: inside, member: '', index });
      take(/\]/y) ?? expected('"]"');
    }
  } while (take(/->|\./y));
  if (at < path.length) expected('"->", ".", "[" or the end');
  return steps;
}

function article(typeName: string): string {
  return `${/^[aeiou]/.test(typeName) ? 'an' : 'a'} ${typeName}`;
}
