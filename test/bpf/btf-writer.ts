/** Writes small BTF blobs, type by type; ids are handed out in order, from 1 or behind those of a base. */

const KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
};

export interface WrittenMember {
  name?: string;
  type: number;
  /** Bit offset. */
  at: number;
  /** Width of a bit-field. */
  bits?: number;
}

export class BtfWriter {
  readonly #words: number[] = [];
  readonly #strings: number[] = [];
  readonly #known = new Map<string, number>();
  readonly #firstString: number;
  #nextId: number;

  /** For split BTF: how many types and bytes of strings the base has. */
  constructor(base = { typeCount: 1, stringBytes: 0 }) {
    this.#nextId = base.typeCount;
    this.#firstString = base.stringBytes;
    if (base.stringBytes === 0) this.#strings.push(0);
  }

  get typeCount(): number {
    return this.#nextId;
  }
  get stringBytes(): number {
    return this.#firstString + this.#strings.length;
  }

  string(text: string): number {
    if (text === '') return 0;
    let at = this.#known.get(text);
    if (at === undefined) {
      at = this.stringBytes;
      this.#known.set(text, at);
      this.#strings.push(...Buffer.from(text), 0);
    }
    return at;
  }

  /** A type as the format has it, for what the other methods would not write. */
  raw(nameOffset: number, kind: number, vlen: number, flag: number, sizeOrType: number, tail: number[] = []): number {
    this.#words.push(nameOffset, ((flag << 31) | (kind << 24) | vlen) >>> 0, sizeOrType);
    for (const word of tail) this.#words.push(word);
    return this.#nextId++;
  }

  int(name: string, size: number, encoding: { signed?: boolean; char?: boolean; bool?: boolean; bits?: number } = {}) {
    const flags = (encoding.signed ? 1 : 0) | (encoding.char ? 2 : 0) | (encoding.bool ? 4 : 0);
    return this.raw(this.string(name), KIND.INT, 0, 0, size, [(flags << 24) | (encoding.bits ?? size * 8)]);
  }
  pointer(to: number) {
    return this.raw(0, KIND.PTR, 0, 0, to);
  }
  array(element: number, length: number) {
    return this.raw(0, KIND.ARRAY, 0, 0, 0, [element, 1, length]);
  }
  struct(name: string, size: number, members: WrittenMember[], kind = KIND.STRUCT) {
    const flag = members.some((m) => m.bits) ? 1 : 0;
    const tail = members.flatMap((m) => [this.string(m.name ?? ''), m.type, m.at | ((m.bits ?? 0) << 24)]);
    return this.raw(this.string(name), kind, members.length, flag, size, tail);
  }
  union(name: string, size: number, members: WrittenMember[]) {
    return this.struct(name, size, members, KIND.UNION);
  }
  enum(name: string, values: Record<string, number>, signed = false) {
    const tail = Object.entries(values).flatMap(([key, value]) => [this.string(key), value >>> 0]);
    return this.raw(this.string(name), KIND.ENUM, tail.length / 2, signed ? 1 : 0, 4, tail);
  }
  enum64(name: string, values: Record<string, bigint>, signed = false) {
    const tail = Object.entries(values).flatMap(([key, value]) => [
      this.string(key),
      Number(value & 0xffffffffn),
      Number((value >> 32n) & 0xffffffffn),
    ]);
    return this.raw(this.string(name), KIND.ENUM64, tail.length / 3, signed ? 1 : 0, 8, tail);
  }
  forward(name: string, union = false) {
    return this.raw(this.string(name), KIND.FWD, 0, union ? 1 : 0, 0);
  }
  typedef(name: string, type: number) {
    return this.raw(this.string(name), KIND.TYPEDEF, 0, 0, type);
  }
  qualifier(kind: 'CONST' | 'VOLATILE' | 'RESTRICT', type: number) {
    return this.raw(0, KIND[kind], 0, 0, type);
  }
  typeTag(name: string, type: number) {
    return this.raw(this.string(name), KIND.TYPE_TAG, 0, 0, type);
  }
  declTag(name: string, type: number, component = -1) {
    return this.raw(this.string(name), KIND.DECL_TAG, 0, 0, type, [component >>> 0]);
  }
  proto(returns: number, params: [string, number][]) {
    const tail = params.flatMap(([name, type]) => [this.string(name), type]);
    return this.raw(0, KIND.FUNC_PROTO, params.length, 0, returns, tail);
  }
  func(name: string, proto: number) {
    return this.raw(this.string(name), KIND.FUNC, 1, 0, proto);
  }
  variable(name: string, type: number) {
    return this.raw(this.string(name), KIND.VAR, 0, 0, type, [1]);
  }
  dataSection(name: string, size: number, variables: { type: number; offset: number; size: number }[]) {
    const tail = variables.flatMap((v) => [v.type, v.offset, v.size]);
    return this.raw(this.string(name), KIND.DATASEC, variables.length, 0, size, tail);
  }
  float(name: string, size: number) {
    return this.raw(this.string(name), KIND.FLOAT, 0, 0, size);
  }

  /** The blob; `layout` adds that section (Linux 7.1): [info_sz, elem_sz] in bytes by kind. */
  bytes(layout?: [number, number][]): Uint8Array {
    const headerBytes = layout ? 32 : 24;
    const typeBytes = this.#words.length * 4;
    const layoutBytes = (layout?.length ?? 0) * 4;
    const out = Buffer.alloc(headerBytes + typeBytes + layoutBytes + this.#strings.length);
    out.writeUInt16LE(0xeb9f, 0);
    out.writeUInt8(1, 2);
    const header = [headerBytes, 0, typeBytes, typeBytes + layoutBytes, this.#strings.length];
    if (layout) header.push(typeBytes, layoutBytes);
    [...header, ...this.#words].forEach((word, i) => {
      out.writeUInt32LE(word >>> 0, 4 + i * 4);
    });
    layout?.forEach(([once, each], kind) => {
      out.set([once, each], headerBytes + typeBytes + kind * 4);
    });
    out.set(this.#strings, headerBytes + typeBytes + layoutBytes);
    return out;
  }
}

/** A blob with every kind, in the shape of kernel types; `ids` names its types. */
export function everyKind() {
  const w = new BtfWriter();
  const int = w.int('int', 4, { signed: true });
  const u8 = w.int('unsigned char', 1);
  const char = w.int('char', 1);
  const letter = w.int('letter', 1, { char: true });
  const bool = w.int('_Bool', 1, { bool: true });
  const u64 = w.int('unsigned long', 8);
  const u32 = w.int('unsigned int', 4);
  const taskForward = w.forward('task');
  const lostForward = w.forward('lost');
  const valueForward = w.forward('value', true);
  const taskPointer = w.pointer(taskForward);
  const lostPointer = w.pointer(lostForward);
  const valuePointer = w.pointer(valueForward);
  const comm = w.array(char, 16);
  const pid = w.typedef('pid_t', int);
  const constPid = w.qualifier('CONST', pid);
  const volatilePid = w.qualifier('VOLATILE', constPid);
  const tagged = w.typeTag('rcu', taskForward);
  const taggedPointer = w.pointer(tagged);
  const restrictPointer = w.qualifier('RESTRICT', taggedPointer);
  const value = w.union('value', 8, [
    { name: 'number', type: u64, at: 0 },
    { name: 'bytes', type: w.array(u8, 8), at: 0 },
  ]);
  const inner = w.struct('', 16, [
    { name: 'low', type: u64, at: 0 },
    { type: w.union('', 8, [{ name: 'high', type: u64, at: 0 }]), at: 64 },
  ]);
  const counters = w.array(value, 4);
  const grid = w.array(w.array(u32, 3), 2);
  const flexible = w.array(u32, 0);
  const task = w.struct('task', 160, [
    { name: 'pid', type: volatilePid, at: 0 },
    { name: 'flag', type: u32, at: 32, bits: 1 },
    { name: 'wide', type: u32, at: 33, bits: 20 },
    { name: 'comm', type: comm, at: 64 },
    { name: 'parent', type: taskPointer, at: 192 },
    { name: 'leader', type: restrictPointer, at: 256 },
    { type: inner, at: 320 },
    { name: 'counters', type: counters, at: 448 },
    { name: 'lost', type: lostPointer, at: 704 },
    { name: 'value', type: valuePointer, at: 768 },
    { name: 'grid', type: grid, at: 832 },
    { name: 'mode', type: u8, at: 1024 },
    { name: 'across', type: u64, at: 1060, bits: 20 },
    { name: 'nothing', type: w.pointer(0), at: 1152 },
    { name: 'tail', type: flexible, at: 1280 },
  ]);
  const counter = w.enum('counter', { FILES: 0, ANON: 1, SWAP: 2 });
  const signed = w.enum('', { MINUS: -1, PLUS: 1 }, true);
  const wide = w.enum64('wide', { HUGE: 0xffffffff00000000n });
  const signedWide = w.enum64('', { DEEP: -0x100000000n }, true);
  const proto = w.proto(int, [
    ['task', taskPointer],
    ['', 0],
  ]);
  const func = w.func('visit', proto);
  const callback = w.pointer(proto);
  const variable = w.variable('current', taskPointer);
  const section = w.dataSection('.data', 8, [{ type: variable, offset: 0, size: 8 }]);
  const float = w.float('double', 8);
  const declTag = w.declTag('kfunc', func);
  const ids = {
    ...{ int, u8, char, letter, bool, u64, u32, taskForward, lostForward, valueForward, taskPointer, lostPointer },
    ...{ comm, pid, constPid, volatilePid, tagged, taggedPointer, restrictPointer, value, inner, counters, grid },
    ...{ flexible, task, counter, signed, wide, signedWide, proto, func, callback, variable, section, float, declTag },
  };
  return { writer: w, ids };
}
