/**
 * The kernel's own description of its types: BTF, read lazily.
 *
 * Format: Documentation/bpf/btf.rst and include/uapi/linux/btf.h of the kernel. One pass over the type section
 * records where each type starts; names and members are decoded when asked for. The bytes may come from anywhere:
 * whatever they are, the outcome is an answer or a BtfError, in bounded time and memory.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { VMLINUX_BTF } from './host.ts';
import { koffi, NativeError } from './native.ts';
import { didYouMean, nearest } from './nearest.ts';
import { readBytes, reason } from './user-file.ts';

/** What is wrong with some BTF, or with a question asked of it; `position` and `suggestions` when it is a path. */
export class BtfError extends Error {
  override readonly name = 'BtfError';
  /** Where in the path the mistake begins, in characters from 0. */
  readonly position: number | undefined;
  /** Names that may have been meant, best first. */
  readonly suggestions: readonly string[];

  constructor(message: string, more: { position?: number; suggestions?: readonly string[]; cause?: unknown } = {}) {
    super(message, 'cause' in more ? { cause: more.cause } : undefined);
    this.position = more.position;
    this.suggestions = more.suggestions ?? [];
  }
}

// The order is the kernel's numbering (BTF_KIND_*). UNKNOWN is ours: a kind younger than this program, which the
// layout section (Linux 7.1) let us step over.
const KINDS = [
  'VOID',
  'INT',
  'PTR',
  'ARRAY',
  'STRUCT',
  'UNION',
  'ENUM',
  'FWD',
  'TYPEDEF',
  'VOLATILE',
  'CONST',
  'RESTRICT',
  'FUNC',
  'FUNC_PROTO',
  'VAR',
  'DATASEC',
  'FLOAT',
  'DECL_TAG',
  'TYPE_TAG',
  'ENUM64',
  'UNKNOWN',
] as const;
export type BtfKind = (typeof KINDS)[number];
const KIND_NUMBER = Object.fromEntries(KINDS.map((kind, n) => [kind, n])) as Record<BtfKind, number>;
const UNKNOWN = KIND_NUMBER.UNKNOWN;

const HAS_TARGET: ReadonlySet<BtfKind> = new Set<BtfKind>([
  ...(['PTR', 'TYPEDEF', 'VOLATILE', 'CONST', 'RESTRICT', 'TYPE_TAG', 'DECL_TAG'] as const),
  ...(['FUNC', 'FUNC_PROTO', 'VAR'] as const),
]);

/** A member of a struct or union; anonymous ones have the name ''. */
export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** From the start of the struct. */
  readonly bitOffset: number;
  /** Width of a bit-field; 0 = not a bit-field. */
  readonly bits: number;
}

/** A parameter; a last one of type 0 without a name stands for `...`. */
export interface BtfParam {
  readonly name: string;
  readonly type: number;
}

const MAGIC = 0xeb9f;
const MAGIC_SWAPPED = 0x9feb;
const HEADER_BYTES = 24;
/** With layout_off and layout_len, since Linux 7.1. */
const HEADER_BYTES_LAYOUT = 32;
/** struct btf_type: name_off, info, size or type; in 32-bit words. */
const TYPE_WORDS = 3;

// struct btf_type.info. Before Linux 7.2 vlen had 16 bits and kind 5; the bits added since were always zero.
const vlenOf = (info: number) => info & 0xffffff;
const kindOf = (info: number) => (info >>> 24) & 0x7f;
const kindFlagOf = (info: number) => info >>> 31;

/** Words that follow struct btf_type: [once, for each of the vlen elements], by kind. */
const TAIL_WORDS: Partial<Record<BtfKind, [number, number]>> = {
  INT: [1, 0],
  ARRAY: [3, 0],
  STRUCT: [0, 3],
  UNION: [0, 3],
  ENUM: [0, 2],
  FUNC_PROTO: [0, 2],
  VAR: [1, 0],
  DATASEC: [0, 3],
  DECL_TAG: [1, 0],
  ENUM64: [0, 3],
};

/** Larger files are no kernel's BTF: vmlinux has about 6 MB, and ten times that is still none. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Bytes of a name: KSYM_NAME_LEN of the kernel, which its checker holds identifiers to. */
const MAX_NAME = 512;
/** Members of a struct, constants of an enum or parameters: until Linux 7.2 the format ended at 65,535. */
export const MAX_ELEMENTS = 100_000;
/** Longest chain of typedefs, qualifiers and arrays; MAX_RESOLVE_DEPTH of the kernel's checker (kernel/bpf/btf.c). */
export const MAX_DEPTH = 32;
/** Largest type, in bytes: BTF sizes are 32-bit (btf_array_resolve() of the kernel refuses more, too). */
const MAX_SIZE = 0xffffffff;
/** Types that one C declaration may mention: the longest prototypes of the kernel need fewer than 100. */
const MAX_DECLARATION = 1000;

let vmlinux: Btf | undefined;
let vmlinuxRead: Uint8Array | undefined;

/** The running kernel's BTF as it is, read once. @throws Error of open(2), NativeError */
export function vmlinuxBytes(): Uint8Array {
  vmlinuxRead ??= map(VMLINUX_BTF) ?? readFileSync(VMLINUX_BTF);
  return vmlinuxRead;
}

/**
 * The types of one BTF blob, with those of its base if it is split (a module's). Types are ids: 0 is void, those
 * below the base's typeCount belong to the base. Every method takes any number as an id and throws BtfError for one
 * that names no type.
 */
export class Btf {
  /** Ids in use, void included: valid ids are 0 up to typeCount - 1. */
  readonly typeCount: number;
  readonly #base: Btf | undefined;
  /** First id that belongs to this blob. */
  readonly #firstId: number;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  /** Of each own type: the word it starts at, and its number in KINDS. */
  readonly #starts: Uint32Array;
  readonly #kinds: Uint8Array;
  /** String offsets of this blob run from #firstString up to #endString; byte #strings holds the first. */
  readonly #firstString: number;
  readonly #endString: number;
  readonly #strings: number;

  readonly #found = new Map<string, number>();
  readonly #members = new Map<number, readonly BtfMember[]>();
  readonly #enumerators = new Map<string, bigint | undefined>();

  /** The kernel's types, mapped where the kernel allows it (Linux 6.17), otherwise read; made once a thread. */
  static vmlinux(): Btf {
    if (vmlinux) return vmlinux;
    let bytes: Uint8Array;
    try {
      bytes = vmlinuxBytes();
    } catch (cause) {
      if (cause instanceof NativeError) throw cause;
      throw new BtfError(
        `cannot read the kernel's BTF, ${VMLINUX_BTF}: ${reason(cause)}. ` +
          'It needs a kernel built with CONFIG_DEBUG_INFO_BTF=y and sysfs mounted on /sys.',
        { cause },
      );
    }
    vmlinux = new Btf(bytes);
    return vmlinux;
  }

  /** BTF in a file of its own (raw, not in an ELF section); `base` for that of a module. */
  static fromFile(path: string, base?: Btf): Btf {
    try {
      return new Btf(readBytes(path, MAX_FILE_BYTES, "kernel's BTF"), base);
    } catch (cause) {
      throw new BtfError(`cannot use ${path} as BTF: ${reason(cause)}`, { cause });
    }
  }

  /** Indexes `bytes`, which must not change afterwards. They are copied only when they are not 4-byte aligned. */
  constructor(bytes: Uint8Array, base?: Btf) {
    if (bytes.byteOffset % 4) bytes = new Uint8Array(bytes);
    this.#base = base;
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    this.#firstId = base ? base.typeCount : 1;
    this.#firstString = base ? base.#endString : 0;

    const header = readHeader(bytes, this.#words);
    this.#strings = header.strings.start;
    this.#endString = this.#firstString + header.strings.length;
    const { start, length } = header.strings;
    if (length === 0 ? !base : bytes[start + length - 1] !== 0)
      throw new BtfError(`corrupt BTF: the strings (${length} bytes at byte ${start}) do not end in a NUL byte`);
    if (!base && bytes[start] !== 0)
      throw new BtfError(
        `corrupt BTF: the first string (byte ${start}) is not empty; is this a module's BTF, which needs that of vmlinux as base?`,
      );

    const { starts, kinds } = this.#index(header);
    this.#starts = starts;
    this.#kinds = kinds;
    this.typeCount = this.#firstId + starts.length;
  }

  #index({ types, layout }: Header): { starts: Uint32Array; kinds: Uint8Array } {
    const words = this.#words;
    const endString = this.#endString;
    const { kindNumber, once, each } = tailTables(words, layout);
    const end = (types.start + types.length) >>> 2;
    const most = Math.ceil(types.length / (4 * TYPE_WORDS));
    const starts = new Uint32Array(most);
    const kinds = new Uint8Array(most);
    let count = 0;
    for (let at = types.start >>> 2; at < end; ) {
      const info = words[at + 1];
      const kind = kindOf(info);
      // Past the last word of the file, info is undefined and the kind 0: refused as well.
      const next = at + TYPE_WORDS + once[kind] + each[kind] * vlenOf(info);
      if (kindNumber[kind] === 0 || next > end || words[at] >= endString) {
        const where = `type ${this.#firstId + count} at byte ${at * 4}`;
        if (next > end)
          throw new BtfError(`corrupt BTF: ${where} runs beyond the type section, which ends at byte ${end * 4}`);
        if (kindNumber[kind] === 0)
          throw new BtfError(`cannot read BTF: ${where} has the unknown kind ${kind}; a newer version may know it`);
        throw new BtfError(`corrupt BTF: the name of ${where} is at ${words[at]}, beyond the strings (${endString})`);
      }
      starts[count] = at;
      kinds[count] = kindNumber[kind];
      count++;
      at = next;
    }
    return { starts: starts.slice(0, count), kinds: kinds.slice(0, count) };
  }

  kind(id: number): BtfKind {
    const owner = this.#owner(id);
    return owner ? KINDS[owner.#kinds[id - owner.#firstId]] : 'VOID';
  }

  /** The name as declared, without `struct` and the like; '' if anonymous, 'void' for id 0. */
  name(id: number): string {
    const owner = this.#owner(id);
    return owner ? owner.#string(owner.#words[owner.#starts[id - owner.#firstId]]) : 'void';
  }

  /** As C writes it: `struct task_struct *`, `unsigned int`, `char[16]`, `int (*)(struct sock *, ...)`. */
  typeName(id: number): string {
    let left = MAX_DECLARATION;
    const declare = (type: number, inner: string): string => {
      if (left-- === 0) throw new BtfError(`corrupt BTF: type ${id} takes more than ${MAX_DECLARATION} types to spell`);
      const spaced = inner === '' || inner[0] === '[' ? inner : ` ${inner}`;
      const pointed = inner[0] === '*' ? `(${inner})` : inner;
      const kind = this.kind(type);
      switch (kind) {
        case 'PTR':
          return declare(this.#ref(type), `*${inner}`);
        case 'ARRAY': {
          const { element, length } = this.array(type);
          return declare(element, `${pointed}[${length || ''}]`);
        }
        case 'FUNC_PROTO': {
          const params = this.#params(type, MAX_DECLARATION).map((p, i, all) =>
            p.type === 0 && p.name === '' && i === all.length - 1 ? '...' : declare(p.type, ''),
          );
          return declare(this.#ref(type), `${pointed}(${params.join(', ') || 'void'})`);
        }
        case 'CONST':
        case 'VOLATILE':
        case 'RESTRICT': {
          const word = kind.toLowerCase();
          // A qualifier of a pointer stands after its star, any other before the type's name.
          return this.kind(this.#ref(type)) === 'PTR'
            ? declare(this.#ref(type), ` ${word}${spaced}`)
            : `${word} ${declare(this.#ref(type), inner)}`;
        }
        case 'TYPE_TAG':
          return declare(this.#ref(type), inner);
        case 'STRUCT':
        case 'UNION':
        case 'ENUM':
        case 'ENUM64':
          return `${kind.replace('64', '').toLowerCase()} ${this.name(type) || '{...}'}${spaced}`;
        case 'FWD':
          return `${this.isUnion(type) ? 'union' : 'struct'} ${this.name(type)}${spaced}`;
        default:
          return `${this.name(type)}${spaced}`;
      }
    };
    return declare(id, '');
  }

  /** The first type of that name and kind, the base's before a module's own; 0 if there is none. */
  find(name: string, kind: BtfKind | readonly BtfKind[]): number {
    if (name === '') return 0;
    const key = `${kind} ${name}`;
    let id = this.#found.get(key);
    if (id === undefined) {
      id = this.#base?.find(name, kind) || (this.#findString(name, kind) ?? this.#findName(name, kind));
      this.#found.set(key, id);
    }
    return id;
  }

  /** The STRUCT or UNION of that name; throws BtfError, with the nearest names, if there is none. */
  struct(name: string): number {
    const id = this.find(name, ['STRUCT', 'UNION']);
    if (id) return id;
    const suggestions = nearest(name, [...this.names('STRUCT'), ...this.names('UNION')]);
    throw new BtfError(`this kernel has no struct or union "${name}"${didYouMean(suggestions)}`, { suggestions });
  }

  /** The FUNC of that name, for attach_btf_id; 0 if there is none. */
  func(name: string): number {
    return this.find(name, 'FUNC');
  }

  /** The names, each once and in the order of ids, of the named types of a kind. */
  names(kind: BtfKind, prefix = ''): string[] {
    const names = new Set(this.#base?.names(kind, prefix));
    const [needle, wanted] = [Buffer.from(prefix), maskOf(kind)];
    for (let i = this.#scan(0, needle, wanted); i >= 0; i = this.#scan(i + 1, needle, wanted))
      names.add(this.name(this.#firstId + i));
    names.delete('');
    return [...names];
  }

  /**
   * The type that one names directly: what a TYPEDEF, qualifier or tag stands for or a PTR points to, the prototype of
   * a FUNC, what a FUNC_PROTO returns, the type of a VAR. Other kinds name none: BtfError.
   */
  target(id: number): number {
    if (!HAS_TARGET.has(this.kind(id))) throw new BtfError(`${this.#describe(id)} stands for no other type`);
    return this.#ref(id);
  }

  /** The type behind typedefs, qualifiers and type tags. */
  strip(id: number): number {
    for (let depth = 0; depth <= MAX_DEPTH; depth++) {
      switch (this.kind(id)) {
        case 'TYPEDEF':
        case 'CONST':
        case 'VOLATILE':
        case 'RESTRICT':
        case 'TYPE_TAG':
          id = this.#ref(id);
          break;
        default:
          return id;
      }
    }
    throw new BtfError(`corrupt BTF: type ${id} is in a chain of more than ${MAX_DEPTH} typedefs and qualifiers`);
  }

  /** Bytes; 0 for a flexible array. Void, functions and forward declarations have none: BtfError. */
  sizeOf(id: number): number {
    let count = 1;
    for (let depth = 0; depth <= MAX_DEPTH; depth++) {
      const type = this.strip(id);
      const kind = this.kind(type);
      switch (kind) {
        case 'ARRAY': {
          const { element, length } = this.array(type);
          count *= length;
          id = element;
          break;
        }
        case 'VAR':
          id = this.#ref(type);
          break;
        case 'INT':
        case 'STRUCT':
        case 'UNION':
        case 'ENUM':
        case 'ENUM64':
        case 'FLOAT':
        case 'DATASEC':
        case 'PTR': {
          // BTF does not say how wide a pointer is. Everything here is for 64-bit kernels.
          const size = count * (kind === 'PTR' ? 8 : this.#ref(type));
          if (size > MAX_SIZE) throw new BtfError(`corrupt BTF: an array of ${size} bytes, ${this.#describe(id)}`);
          return size;
        }
        default:
          throw new BtfError(`${this.#describe(id)} has no size`);
      }
      if (count > MAX_SIZE) throw new BtfError(`corrupt BTF: an array of ${count} elements, ${this.#describe(id)}`);
    }
    throw new BtfError(`corrupt BTF: type ${id} is in arrays nested more than ${MAX_DEPTH} deep`);
  }

  /** The members of a STRUCT or UNION (looked for behind typedefs), in the order of declaration. */
  members(id: number): readonly BtfMember[] {
    const cached = this.#members.get(id);
    if (cached) return cached;
    const { type, owner, at } = this.#expect(id, 'a struct or union', ['STRUCT', 'UNION']);
    const words = owner.#words;
    const info = words[at + 1];
    const size = words[at + 2];
    const count = owner.#elements(at, MAX_ELEMENTS);
    const members: BtfMember[] = [];
    for (let i = 0, m = at + TYPE_WORDS; i < count; i++, m += 3) {
      const offset = words[m + 2];
      // With the kind flag, an offset carries the width of a bit-field in its top byte.
      const [bitOffset, bits] = kindFlagOf(info) ? [offset & 0xffffff, offset >>> 24] : [offset, 0];
      const name = owner.#string(words[m]);
      if (bitOffset + bits > size * 8)
        throw new BtfError(
          `corrupt BTF: member ${i} "${name}" of ${this.#describe(type)} lies at bit ${bitOffset}, beyond its ${size} bytes`,
        );
      members.push({ name, type: words[m + 1], bitOffset, bits });
    }
    this.#members.set(id, members);
    return members;
  }

  /** The variables of a DATASEC (the value of a map of globals), by their offsets. */
  variables(id: number): readonly { name: string; type: number; offset: number }[] {
    const { owner, at } = this.#expect(id, 'a data section', ['DATASEC']);
    const count = owner.#elements(at, MAX_ELEMENTS);
    return Array.from({ length: count }, (_, i) => {
      const v = at + TYPE_WORDS + i * 3;
      const variable = owner.#words[v];
      return { name: this.name(variable), type: this.target(variable), offset: owner.#words[v + 1] };
    });
  }

  /** Element type and length (0: flexible) of an ARRAY (looked for behind typedefs). */
  array(id: number): { element: number; length: number } {
    const { owner, at } = this.#expect(id, 'an array', ['ARRAY']);
    return { element: owner.#words[at + 3], length: owner.#words[at + 5] };
  }

  /**
   * How an INT (looked for behind typedefs) is to be read. `char` also for an INT called "char": pahole leaves the
   * encoding CHAR out.
   */
  int(id: number): { bits: number; signed: boolean; char: boolean; bool: boolean } {
    const { type, owner, at } = this.#expect(id, 'an integer', ['INT']);
    const encoding = owner.#words[at + 3];
    const bits = encoding & 0xff;
    if (bits > owner.#words[at + 2] * 8)
      throw new BtfError(`corrupt BTF: ${this.#describe(type)} has ${bits} bits in ${owner.#words[at + 2]} bytes`);
    return {
      bits,
      signed: (encoding & 0x1000000) !== 0,
      char: (encoding & 0x2000000) !== 0 || this.name(type) === 'char',
      bool: (encoding & 0x4000000) !== 0,
    };
  }

  /** The type (as declared, not stripped) that a PTR (looked for behind typedefs) points to; 0 = void. */
  pointee(id: number): number {
    const { owner, at } = this.#expect(id, 'a pointer', ['PTR']);
    return owner.#words[at + 2];
  }

  /** The parameters of a FUNC or FUNC_PROTO. */
  params(id: number): BtfParam[] {
    return this.#params(this.kind(id) === 'FUNC' ? this.#ref(id) : id, MAX_ELEMENTS);
  }

  #params(proto: number, most: number): BtfParam[] {
    const { owner, at } = this.#expect(proto, 'a function', ['FUNC_PROTO']);
    const count = owner.#elements(at, most);
    const params: BtfParam[] = [];
    for (let i = 0, p = at + TYPE_WORDS; i < count; i++, p += 2)
      params.push({ name: owner.#string(owner.#words[p]), type: owner.#words[p + 1] });
    return params;
  }

  /** The constants of an ENUM or ENUM64 (looked for behind typedefs). Before Linux 6.0 BTF gives all as unsigned. */
  enumerators(id: number): { name: string; value: bigint }[] {
    const { owner, at } = this.#expect(id, 'an enum', ['ENUM', 'ENUM64']);
    const count = owner.#elements(at, MAX_ELEMENTS);
    const step = enumeratorWords(owner.#words[at + 1]);
    const result: { name: string; value: bigint }[] = [];
    for (let i = 0, e = at + TYPE_WORDS; i < count; i++, e += step)
      result.push({ name: owner.#string(owner.#words[e]), value: owner.#enumValue(at, e) });
    return result;
  }

  /** The value of an enumerator of any enum, anonymous ones included; the first, should several enums have it. */
  enumerator(name: string): bigint | undefined {
    if (this.#enumerators.has(name)) return this.#enumerators.get(name);
    const value = this.#base?.enumerator(name) ?? this.#findEnumerator(Buffer.from(`${name}\0`));
    this.#enumerators.set(name, value);
    return value;
  }

  /** Whether a UNION, or a FWD of one. */
  isUnion(id: number): boolean {
    const kind = this.kind(id);
    if (kind !== 'FWD') return kind === 'UNION';
    const { owner, at } = this.#expect(id, 'a forward declaration', ['FWD']);
    return kindFlagOf(owner.#words[at + 1]) === 1;
  }

  #findEnumerator(needle: Uint8Array): bigint | undefined {
    const words = this.#words;
    for (let i = 0; i < this.#kinds.length; i++) {
      if (this.#kinds[i] !== KIND_NUMBER.ENUM && this.#kinds[i] !== KIND_NUMBER.ENUM64) continue;
      const at = this.#starts[i];
      const step = enumeratorWords(words[at + 1]);
      const end = at + TYPE_WORDS + vlenOf(words[at + 1]) * step;
      for (let e = at + TYPE_WORDS; e < end; e += step)
        if (this.#stringStarts(words[e], needle)) return this.#enumValue(at, e);
    }
    return undefined;
  }

  /** Value of the enumerator at word `e` of the own enum at word `at`. */
  #enumValue(at: number, e: number): bigint {
    const info = this.#words[at + 1];
    const low = BigInt(this.#words[e + 1]);
    const wide = kindOf(info) === KIND_NUMBER.ENUM64;
    const value = wide ? low | (BigInt(this.#words[e + 2]) << 32n) : low;
    return kindFlagOf(info) ? BigInt.asIntN(wide ? 64 : 32, value) : value;
  }

  /**
   * What find() is asked for, by two searches in native code: where the strings have a name once, as those of kernels
   * do, its types begin with the same word. 0 where the strings do not have it; undefined where types have to be
   * compared one by one, which takes some ms.
   */
  #findString(name: string, kind: BtfKind | readonly BtfKind[]): number | undefined {
    if (this.#base) return undefined;
    const { buffer, byteOffset } = this.#bytes;
    const strings = Buffer.from(buffer, byteOffset + this.#strings, this.#endString);
    const offset = strings.indexOf(`\0${name}\0`) + 1;
    // It could be the end of another string.
    if (offset === 0) return strings.includes(`${name}\0`) ? undefined : 0;
    const starts = this.#starts;
    const wanted = maskOf(kind);
    for (let at = starts[0]; ; at++) {
      at = this.#words.indexOf(offset, at);
      if (at < 0 || at > starts[starts.length - 1]) return undefined;
      const type = placeOf(at, starts);
      if (type >= 0 && (wanted >>> this.#kinds[type]) & 1) return this.#firstId + type;
    }
  }

  #findName(name: string, kind: BtfKind | readonly BtfKind[]): number {
    const i = this.#scan(0, Buffer.from(`${name}\0`), maskOf(kind));
    return i < 0 ? 0 : this.#firstId + i;
  }

  /**
   * The first own type from index `from` on, of the kinds in the mask, whose name with a NUL byte behind it starts with
   * `needle`: compared as bytes. Its index, or -1.
   */
  #scan(from: number, needle: Uint8Array, wanted: number): number {
    const [kinds, starts, words, bytes] = [this.#kinds, this.#starts, this.#words, this.#bytes];
    const [firstString, strings, first] = [this.#firstString, this.#strings, needle[0]];
    for (let i = from; i < kinds.length; i++) {
      if (((wanted >>> kinds[i]) & 1) === 0) continue;
      const name = words[starts[i]];
      if (name >= firstString && bytes[strings + name - firstString] !== first && first !== undefined) continue;
      if (this.#stringStarts(name, needle)) return i;
    }
    return -1;
  }

  #stringStarts(offset: number, needle: Uint8Array): boolean {
    if (offset < this.#firstString) return this.#base!.#stringStarts(offset, needle);
    const at = this.#strings + offset - this.#firstString;
    for (let i = 0; i < needle.length; i++) if (this.#bytes[at + i] !== needle[i]) return false;
    return true;
  }

  #string(offset: number): string {
    if (offset < this.#firstString) return this.#base!.#string(offset);
    if (offset >= this.#endString)
      throw new BtfError(`corrupt BTF: a name at ${offset}, beyond the strings (${this.#endString})`);
    const at = this.#strings + offset - this.#firstString;
    const length = this.#bytes.indexOf(0, at) - at;
    if (length > MAX_NAME) throw new BtfError(`corrupt BTF: a name of ${length} bytes at byte ${at}`);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at, length).toString();
  }

  /** The blob that holds the type; none for void. */
  #owner(id: number): Btf | undefined {
    if (!(Number.isInteger(id) && id >= 0 && id < this.typeCount))
      throw new BtfError(`no type ${id}: this BTF has types 0 to ${this.typeCount - 1}`);
    if (id === 0) return undefined;
    return id >= this.#firstId ? this : this.#base!.#owner(id);
  }

  /** The word that is a size or the id of another type, by kind. */
  #ref(id: number): number {
    const owner = this.#owner(id)!;
    return owner.#words[owner.#starts[id - owner.#firstId] + 2];
  }

  #expect(id: number, what: string, kinds: readonly BtfKind[]): { type: number; owner: Btf; at: number } {
    const type = this.strip(id);
    if (!kinds.includes(this.kind(type))) throw new BtfError(`${this.#describe(id)} is not ${what}`);
    const owner = this.#owner(type)!;
    return { type, owner, at: owner.#starts[type - owner.#firstId] };
  }

  /** How many elements the own type at word `at` has; BtfError for more than `most`, before anyone decodes them. */
  #elements(at: number, most: number): number {
    const count = vlenOf(this.#words[at + 1]);
    if (count > most)
      throw new BtfError(`corrupt BTF: the type at byte ${at * 4} has ${count} elements, more than ${most}`);
    return count;
  }

  /** For messages. */
  #describe(id: number): string {
    return `type ${id} (${this.kind(id)} ${this.name(id) || '{...}'})`;
  }
}

function maskOf(kind: BtfKind | readonly BtfKind[]): number {
  let mask = 0;
  for (const k of typeof kind === 'string' ? [kind] : kind) mask |= 1 << KIND_NUMBER[k];
  return mask;
}

/** Where a number is among ascending ones; -1 where it is not. */
function placeOf(wanted: number, numbers: Uint32Array): number {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === wanted ? low : -1;
}

interface Section {
  readonly start: number;
  readonly length: number;
}

interface Header {
  readonly types: Section;
  readonly strings: Section;
  readonly layout: Section;
}

/** Checks the header; sections come out in bytes from the start of the file, within it and (types, layout) aligned. */
function readHeader(bytes: Uint8Array, words: Uint32Array): Header {
  if (bytes.length < HEADER_BYTES)
    throw new BtfError(`not BTF: ${bytes.length} bytes, where the header alone has ${HEADER_BYTES}`);
  const magic = new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0];
  if (magic === MAGIC_SWAPPED)
    throw new BtfError('this BTF is in the other byte order: it was made for another machine; use one made for this');
  if (magic !== MAGIC)
    throw new BtfError(
      `not BTF: it starts with 0x${magic.toString(16)}, not 0x${MAGIC.toString(16)} ` +
        '(for the BTF in an ELF file: objcopy -O binary --only-section=.BTF FILE OUT)',
    );
  const [version, flags] = [bytes[2], bytes[3]];
  if (version !== 1) throw new BtfError(`BTF version ${version} is not known here, only version 1`);
  if (flags !== 0) throw new BtfError(`BTF flags 0x${flags.toString(16)} are not known here`);
  const headerBytes = words[1];
  if (headerBytes < HEADER_BYTES || headerBytes % 4 || headerBytes > bytes.length)
    throw new BtfError(`corrupt BTF: a header of ${headerBytes} bytes in a file of ${bytes.length}`);

  const section = (name: string, at: number, align: number): Section => {
    const [start, length] = [headerBytes + words[at], words[at + 1]];
    if (start + length > bytes.length || start % align || length % align)
      throw new BtfError(`corrupt BTF: ${length} bytes of ${name} at byte ${start} of a file of ${bytes.length}`);
    return { start, length };
  };
  return {
    types: section('types', 2, 4),
    strings: section('strings', 4, 1),
    layout: headerBytes >= HEADER_BYTES_LAYOUT ? section('layout', 6, 4) : { start: 0, length: 0 },
  };
}

/**
 * How to step over a type, by the number of its kind in the file: its number in KINDS (0 = cannot be stepped over),
 * and the words that follow once and for each element. Kinds that this program does not know come from the layout
 * section: an array by kind of { u8 info_sz; u8 elem_sz; u16 flags }, in bytes.
 */
function tailTables(words: Uint32Array, layout: Section) {
  const kindNumber = new Uint8Array(128);
  const once = new Uint8Array(128);
  const each = new Uint8Array(128);
  for (let kind = 1; kind < UNKNOWN; kind++) {
    kindNumber[kind] = kind;
    [once[kind], each[kind]] = TAIL_WORDS[KINDS[kind]] ?? [0, 0];
  }
  for (let kind = UNKNOWN; kind < Math.min(layout.length / 4, 128); kind++) {
    const entry = new Uint8Array(words.buffer, words.byteOffset + layout.start + kind * 4, 2);
    if (entry[0] % 4 || entry[1] % 4) continue;
    kindNumber[kind] = UNKNOWN;
    [once[kind], each[kind]] = [entry[0] / 4, entry[1] / 4];
  }
  return { kindNumber, once, each };
}

const enumeratorWords = (info: number) => (kindOf(info) === KIND_NUMBER.ENUM64 ? 3 : 2);

/**
 * Maps a file of sysfs, for as long as the process lives: 0.1 ms where reading vmlinux takes 10 to 50, for sysfs hands
 * out one page a read(). Undefined when the kernel does not map it; before Linux 6.17 none did.
 */
function map(path: string): Uint8Array | undefined {
  const [PROT_READ, MAP_PRIVATE] = [1, 2];
  const mmap = koffi()
    .load(null)
    .func('void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)');
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const pointer = mmap(null, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (koffi().address(pointer) === 0xffff_ffff_ffff_ffffn) return undefined; // MAP_FAILED
    return new Uint8Array(koffi().view(pointer, size));
  } finally {
    closeSync(fd);
  }
}
