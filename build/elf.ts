/**
 * Node's binary as it goes into the executable: without what only debuggers read, and without a library that most
 * hosts lack.
 *
 * Node 26 asks for libatomic.so.1, which neither a small Debian nor RHEL installs, for one function: a compare and
 * exchange of eight bytes that compilers otherwise write in place. It is put where the code ends, in the rest of its
 * last page, and the symbol made a local one of the binary.
 */

const LIBRARY = 'libatomic.so.1';
const FUNCTION = '__atomic_compare_exchange';

/** `bool f(size_t n, void *at, void *expected, void *desired, int, int)`; n is 8, or it traps. By e_machine. */
const CODE: Readonly<Record<number, { readonly arch: string; readonly bytes: string }>> = {
  62: {
    arch: 'x64',
    bytes: [
      '4883ff08', //   cmp  rdi, 8
      '7517', //       jne  trap
      '488b02', //     mov  rax, [rdx]
      '488b09', //     mov  rcx, [rcx]
      'f0480fb10e', // lock cmpxchg [rsi], rcx
      '7403', //       je   same
      '488902', //     mov  [rdx], rax
      '0f94c0', // same: sete al
      '0fb6c0', //     movzx eax, al
      'c3', //         ret
      '0f0b', // trap: ud2
    ].join(''),
  },
  183: {
    arch: 'arm64',
    bytes: [
      '1f2000f1', //       cmp   x0, #8
      'c1010054', //       b.ne  trap
      '440040f9', //       ldr   x4, [x2]
      '650040f9', //       ldr   x5, [x3]
      '26fc5fc8', // again: ldaxr x6, [x1]
      'df0004eb', //       cmp   x6, x4
      'a1000054', //       b.ne  other
      '25fc07c8', //       stlxr w7, x5, [x1]
      '87ffff35', //       cbnz  w7, again
      '20008052', //       mov   w0, #1
      'c0035fd6', //       ret
      '5f3f03d5', // other: clrex
      '460000f9', //       str   x6, [x2]
      '00008052', //       mov   w0, #0
      'c0035fd6', //       ret
      '200020d4', // trap: brk  #1
    ].join(''),
  },
};

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_NOTE = 4;
const PT_PHDR = 6;
/** Bytes of a program header. */
const HEADER = 56;
/** The largest pages that arm64 has; x86-64 does not mind. */
const PAGE = 65536;
/** By these Node finds that it is a single executable, and of what. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const NOTE = 'NODE_SEA_BLOB\0';
const PF_X = 1;
const DT = {
  NEEDED: 1,
  STRTAB: 5,
  SYMTAB: 6,
  VERSYM: 0x6ffffff0,
  VERNEED: 0x6ffffffe,
  VERNEEDNUM: 0x6fffffff,
} as const;

interface Segment {
  /** Of its header. */
  readonly at: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  /** In the file. */
  readonly size: number;
  readonly memory: number;
}

const roundUp = (value: number, to: number) => Math.ceil(value / to) * to;

/** A 64-bit little-endian ELF program, as far as its loader sees it. */
export class Elf {
  readonly bytes: Buffer;
  readonly machine: number;
  readonly segments: readonly Segment[];

  /** @throws Error where it is no such file */
  constructor(bytes: Buffer) {
    if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1)
      throw new Error('this is no 64-bit little-endian ELF file');
    this.bytes = bytes;
    this.machine = bytes.readUInt16LE(18);
    const [first, size, count] = [this.#long(32), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
    this.segments = Array.from({ length: count }, (_, i) => {
      const at = first + i * size;
      return {
        at,
        type: bytes.readUInt32LE(at),
        flags: bytes.readUInt32LE(at + 4),
        offset: this.#long(at + 8),
        address: this.#long(at + 16),
        size: this.#long(at + 32),
        memory: this.#long(at + 40),
      };
    });
  }

  /** Libraries that it is loaded with. */
  needed(): string[] {
    return this.#dynamic()
      .filter(({ tag }) => tag === DT.NEEDED)
      .map(({ value }) => this.#name(value));
  }

  /** Versions of symbols that libraries have to have, by library: `GLIBC_2.28`. */
  versions(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const need of this.#needs()) {
      const names: string[] = [];
      let at = need.at + this.bytes.readUInt32LE(need.at + 8);
      for (let i = this.bytes.readUInt16LE(need.at + 2); i > 0; i--) {
        names.push(this.#name(this.bytes.readUInt32LE(at + 8)));
        at += this.bytes.readUInt32LE(at + 12);
      }
      found.set(need.library, names);
    }
    return found;
  }

  /** The same without section headers, symbols and debug information, none of which is loaded. */
  stripped(): Elf {
    const end = Math.max(...this.#loads().map(({ offset, size }) => offset + size));
    const bytes = Buffer.from(this.bytes.subarray(0, end));
    bytes.writeBigUInt64LE(0n, 40);
    bytes.fill(0, 58, 64);
    return new Elf(bytes);
  }

  /** Does in place what the head of this file says. @throws Error where more of the library is used, or room lacks */
  withoutLibatomic(): this {
    if (!this.needed().includes(LIBRARY)) return this;
    const code = CODE[this.machine];
    const text = this.#loads().find(({ flags }) => flags & PF_X)!;
    const end = text.offset + text.size;
    const at = roundUp(end, 16);
    const room = Math.min(...this.#loads().map(({ offset }) => (offset >= end ? offset : Number.POSITIVE_INFINITY)));
    const bytes = Buffer.from(code.bytes, 'hex');
    if (at + bytes.length > room || this.bytes.subarray(end, at + bytes.length).some((byte) => byte !== 0))
      throw new Error('there is no room behind the code of this Node');
    const { need, before } = this.#needOf(LIBRARY);
    const versions = this.#versionIndexes(need);
    const symbols = this.#symbolsOf(versions);
    const [symbol] = symbols;
    if (symbols.length !== 1 || symbol.name !== FUNCTION)
      throw new Error(
        `this Node takes ${symbols.map(({ name }) => name).join(', ')} from ${LIBRARY}, not ${FUNCTION} only`,
      );

    bytes.copy(this.bytes, at);
    for (const field of [32, 40]) this.bytes.writeBigUInt64LE(BigInt(at + bytes.length - text.offset), text.at + field);
    // A local function at a fixed address: nobody looks for it elsewhere, in no version.
    this.bytes[symbol.at + 4] = 2;
    this.bytes.writeUInt16LE(0xfff1, symbol.at + 6);
    this.bytes.writeBigUInt64LE(BigInt(text.address + at - text.offset), symbol.at + 8);
    this.bytes.writeBigUInt64LE(BigInt(bytes.length), symbol.at + 16);
    this.bytes.writeUInt16LE(0, symbol.versionAt);

    const step = this.bytes.readUInt32LE(need + 12);
    if (before === undefined) this.#set(DT.VERNEED, (value) => value + step);
    else this.bytes.writeUInt32LE(step === 0 ? 0 : this.bytes.readUInt32LE(before + 12) + step, before + 12);
    this.#set(DT.VERNEEDNUM, (value) => value - 1);
    const entries = this.#dynamic();
    const index = entries.findIndex(({ tag, value }) => tag === DT.NEEDED && this.#name(value) === LIBRARY);
    this.bytes.copyWithin(entries[index].at, entries[index].at + 16, entries.at(-1)!.at + 16);
    return this;
  }

  /**
   * The same with Node's blob of a single executable: a note in a segment of its own, for which the header of program
   * headers, optional where addresses are fixed, gives its place. Aligned for any size of pages.
   */
  withBlob(blob: Buffer): Elf {
    const loads = this.#loads();
    const note = Buffer.alloc(12 + roundUp(NOTE.length, 4));
    note.writeUInt32LE(NOTE.length, 0);
    note.writeUInt32LE(blob.length, 4);
    note.write(NOTE, 12, 'latin1');
    const end = loads.at(-1)!;
    const offset = roundUp(this.bytes.length, PAGE);
    const address = roundUp(end.address + end.memory, PAGE);
    const size = note.length + roundUp(blob.length, 4);
    const bytes = Buffer.alloc(offset + size);
    this.bytes.copy(bytes);
    note.copy(bytes, offset);
    blob.copy(bytes, offset + note.length);
    const fuse = bytes.indexOf(`${FUSE}:0`);
    if (fuse < 0) throw new Error('this Node makes no single executables');
    bytes[fuse + FUSE.length + 1] = 0x31;

    const headers = this.segments.map(({ at }) => this.bytes.subarray(at, at + HEADER));
    const own = (type: number, align: number) => {
      const header = Buffer.alloc(HEADER);
      header.writeUInt32LE(type, 0);
      header.writeUInt32LE(4, 4);
      for (const [i, value] of [offset, address, address, size, size, align].entries())
        header.writeBigUInt64LE(BigInt(value), 8 + 8 * i);
      return header;
    };
    const made = this.segments.flatMap(({ type }, i) => {
      if (type === PT_PHDR) return [];
      if (type === PT_NOTE) return [own(PT_NOTE, 4)];
      return this.segments[i] === end ? [headers[i], own(PT_LOAD, PAGE)] : [headers[i]];
    });
    if (made.length !== headers.length) throw new Error('the segments of this Node are not those that are known');
    Buffer.concat(made).copy(bytes, this.segments[0].at);
    return new Elf(bytes);
  }

  /** The program's dynamic entries, with the one that ends them. */
  #dynamic(): { at: number; tag: number; value: number }[] {
    const { offset } = this.segments.find(({ type }) => type === PT_DYNAMIC)!;
    const entries = [];
    for (let at = offset; ; at += 16) {
      const tag = this.#long(at);
      entries.push({ at, tag, value: this.#long(at + 8) });
      if (tag === 0) return entries;
    }
  }

  #set(tag: number, change: (value: number) => number): void {
    const entry = this.#dynamic().find((e) => e.tag === tag)!;
    this.bytes.writeBigUInt64LE(BigInt(change(entry.value)), entry.at + 8);
  }

  /** Where in the file something lies that the loader knows by its address. */
  #table(tag: number): number {
    const { value } = this.#dynamic().find((entry) => entry.tag === tag)!;
    const segment = this.#loads().find(({ address, size }) => value >= address && value < address + size)!;
    return value - segment.address + segment.offset;
  }

  #loads(): readonly Segment[] {
    return this.segments.filter(({ type }) => type === PT_LOAD);
  }

  *#needs(): Generator<{ at: number; library: string }> {
    let at = this.#table(DT.VERNEED);
    for (let i = this.#dynamic().find(({ tag }) => tag === DT.VERNEEDNUM)!.value; i > 0; i--) {
      yield { at, library: this.#name(this.bytes.readUInt32LE(at + 4)) };
      at += this.bytes.readUInt32LE(at + 12);
    }
  }

  #needOf(library: string): { need: number; before: number | undefined } {
    let before: number | undefined;
    for (const need of this.#needs()) {
      if (need.library === library) return { need: need.at, before };
      before = need.at;
    }
    throw new Error(`nothing is taken from ${library} by its version`);
  }

  #versionIndexes(need: number): ReadonlySet<number> {
    const found = new Set<number>();
    let at = need + this.bytes.readUInt32LE(need + 8);
    for (let i = this.bytes.readUInt16LE(need + 2); i > 0; i--) {
      found.add(this.bytes.readUInt16LE(at + 6));
      at += this.bytes.readUInt32LE(at + 12);
    }
    return found;
  }

  #symbolsOf(versions: ReadonlySet<number>): { name: string; at: number; versionAt: number }[] {
    const [symbols, names, table] = [this.#table(DT.SYMTAB), this.#table(DT.STRTAB), this.#table(DT.VERSYM)];
    const found = [];
    // The names follow the symbols.
    for (let i = 0; i < (names - symbols) / 24; i++) {
      const versionAt = table + 2 * i;
      if (!versions.has(this.bytes.readUInt16LE(versionAt) & 0x7fff)) continue;
      const at = symbols + 24 * i;
      found.push({ name: this.#name(this.bytes.readUInt32LE(at)), at, versionAt });
    }
    return found;
  }

  #name(index: number): string {
    const start = this.#table(DT.STRTAB) + index;
    return this.bytes.toString('latin1', start, this.bytes.indexOf(0, start));
  }

  #long(at: number): number {
    return Number(this.bytes.readBigUInt64LE(at));
  }
}
