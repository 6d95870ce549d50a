import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Btf, BtfError, type BtfKind } from '../../src/bpf/btf.ts';
import { flatMembers, resolvePath } from '../../src/bpf/btf-path.ts';
import { didYouMean, nearest } from '../../src/bpf/nearest.ts';
import { cpuTime } from '../support/cpu-time.ts';
import { BtfWriter, everyKind } from './btf-writer.ts';

/** The BtfError that `run` throws. */
function failure(run: () => unknown): BtfError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(BtfError);
    return error as BtfError;
  }
  throw new Error('it did not fail');
}

describe('a hand-made blob of every kind', () => {
  const { writer, ids } = everyKind();
  const btf = new Btf(writer.bytes());

  it('knows all types', () => {
    expect(btf.typeCount).toBe(writer.typeCount);
    const kinds = new Set(Array.from({ length: btf.typeCount }, (_, id) => btf.kind(id)));
    expect([...kinds].sort()).toEqual(
      [
        ...[
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
        ],
        ...['FUNC', 'FUNC_PROTO', 'VAR', 'DATASEC', 'FLOAT', 'DECL_TAG', 'TYPE_TAG', 'ENUM64'],
      ].sort(),
    );
  });

  it.each<[keyof typeof ids, string]>([
    ['int', 'int'],
    ['taskForward', 'struct task'],
    ['valueForward', 'union value'],
    ['taskPointer', 'struct task *'],
    ['comm', 'char[16]'],
    ['flexible', 'unsigned int[]'],
    ['grid', 'unsigned int[2][3]'],
    ['volatilePid', 'volatile const pid_t'],
    ['taggedPointer', 'struct task *'],
    ['restrictPointer', 'struct task * restrict'],
    ['inner', 'struct {...}'],
    ['counter', 'enum counter'],
    ['wide', 'enum wide'],
    ['proto', 'int (struct task *, ...)'],
    ['callback', 'int (*)(struct task *, ...)'],
  ])('spells %s as C does', (name, spelling) => {
    expect(btf.typeName(ids[name])).toBe(spelling);
  });

  it('spells pointers to arrays, arrays of pointers and qualified pointers', () => {
    const w = new BtfWriter();
    const int = w.int('int', 4);
    const toArray = w.pointer(w.array(int, 3));
    const ofPointers = w.array(w.pointer(int), 3);
    const constPointer = w.qualifier('CONST', w.pointer(w.qualifier('CONST', int)));
    const returnsPointer = w.pointer(w.proto(w.pointer(int), []));
    const b = new Btf(w.bytes());
    expect(b.typeName(toArray)).toBe('int (*)[3]');
    expect(b.typeName(ofPointers)).toBe('int *[3]');
    expect(b.typeName(constPointer)).toBe('const int * const');
    expect(b.typeName(returnsPointer)).toBe('int *(*)(void)');
  });

  it.each<[keyof typeof ids, number]>([
    ['int', 4],
    ['taskPointer', 8],
    ['comm', 16],
    ['grid', 24],
    ['flexible', 0],
    ['volatilePid', 4],
    ['task', 160],
    ['value', 8],
    ['counter', 4],
    ['wide', 8],
    ['variable', 8],
    ['section', 8],
    ['float', 8],
  ])('sizes %s', (name, size) => {
    expect(btf.sizeOf(ids[name])).toBe(size);
  });

  it.each<[keyof typeof ids, string]>([
    ['proto', 'FUNC_PROTO'],
    ['func', 'FUNC visit'],
    ['taskForward', 'FWD task'],
  ])('refuses to size %s', (name, described) => {
    expect(failure(() => btf.sizeOf(ids[name])).message).toContain(described);
  });

  it('decodes integers', () => {
    expect(btf.int(ids.int)).toEqual({ bits: 32, signed: true, char: false, bool: false });
    expect(btf.int(ids.volatilePid)).toEqual({ bits: 32, signed: true, char: false, bool: false });
    expect(btf.int(ids.char)).toEqual({ bits: 8, signed: false, char: true, bool: false });
    expect(btf.int(ids.letter)).toEqual({ bits: 8, signed: false, char: true, bool: false });
    expect(btf.int(ids.bool)).toEqual({ bits: 8, signed: false, char: false, bool: true });
  });

  it('decodes enumerators, signed and unsigned, of 32 and 64 bits', () => {
    expect(btf.enumerators(ids.signed)).toEqual([
      { name: 'MINUS', value: -1n },
      { name: 'PLUS', value: 1n },
    ]);
    expect(btf.enumerators(ids.wide)).toEqual([{ name: 'HUGE', value: 0xffffffff00000000n }]);
    expect(btf.enumerator('MINUS')).toBe(-1n);
    expect(btf.enumerator('SWAP')).toBe(2n);
    expect(btf.enumerator('HUGE')).toBe(0xffffffff00000000n);
    expect(btf.enumerator('DEEP')).toBe(-0x100000000n);
    expect(btf.enumerator('FILE')).toBeUndefined();
    expect(btf.enumerator('')).toBeUndefined();
  });

  it('decodes members, arrays, parameters and targets', () => {
    expect(btf.members(ids.task)[1]).toEqual({ name: 'flag', type: ids.u32, bitOffset: 32, bits: 1 });
    expect(btf.members(ids.value)[1]).toMatchObject({ name: 'bytes', bitOffset: 0, bits: 0 });
    expect(btf.array(ids.comm)).toEqual({ element: ids.char, length: 16 });
    const params = [
      { name: 'task', type: ids.taskPointer },
      { name: '', type: 0 },
    ];
    expect(btf.params(ids.func)).toEqual(params);
    expect(btf.params(ids.proto)).toEqual(params);
    expect(btf.pointee(ids.restrictPointer)).toBe(ids.tagged);
    expect(btf.strip(ids.tagged)).toBe(ids.taskForward);
    expect(btf.target(ids.volatilePid)).toBe(ids.constPid);
    expect(btf.target(ids.declTag)).toBe(ids.func);
    expect(btf.isUnion(ids.valueForward)).toBe(true);
    expect(btf.isUnion(ids.taskForward)).toBe(false);
  });

  it('finds by whole name and kind', () => {
    expect(btf.struct('task')).toBe(ids.task);
    expect(btf.struct('value')).toBe(ids.value);
    expect(btf.find('task', 'FWD')).toBe(ids.taskForward);
    expect(btf.find('task', ['UNION', 'ENUM'])).toBe(0);
    expect(btf.find('tas', 'STRUCT')).toBe(0);
    expect(btf.find('', 'STRUCT')).toBe(0);
    expect(btf.func('visit')).toBe(ids.func);
    expect(btf.func('task')).toBe(0);
    expect(btf.names('STRUCT')).toEqual(['task']);
    expect(btf.names('FWD', 'l')).toEqual(['lost']);
  });

  it('says what a type is not, and which names are near', () => {
    expect(failure(() => btf.members(ids.int)).message).toMatch(/INT int.*not a struct or union/);
    expect(failure(() => btf.array(ids.task)).message).toContain('is not an array');
    expect(failure(() => btf.pointee(ids.int)).message).toContain('not a pointer');
    expect(failure(() => btf.target(ids.task)).message).toContain('stands for no other type');
    for (const id of [-1, 0.5, Number.NaN, btf.typeCount])
      expect(failure(() => btf.kind(id)).message).toContain(`no type ${id}`);
    const error = failure(() => btf.struct('taks'));
    expect(error.suggestions).toEqual(['task']);
    expect(error.message).toBe('this kernel has no struct or union "taks"; did you mean task?');
  });

  it('copies bytes that are not aligned', () => {
    const bytes = writer.bytes();
    const shifted = Buffer.alloc(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(new Btf(shifted.subarray(1)).struct('task')).toBe(ids.task);
  });

  // `path` from struct task: loads, offset, size, [bits, bitOffset], canonical text.
  it.each<[string, number[], number, number, number, number, string]>([
    ['pid', [], 0, 4, 0, 0, 'pid'],
    ['comm', [], 8, 16, 0, 0, 'comm'],
    ['comm[3]', [], 11, 1, 0, 0, 'comm[3]'],
    ['low', [], 40, 8, 0, 0, 'low'],
    ['high', [], 48, 8, 0, 0, 'high'],
    ['parent', [], 24, 8, 0, 0, 'parent'],
    ['parent.parent.pid', [24, 24], 0, 4, 0, 0, 'parent->parent->pid'],
    ['leader->comm', [32], 8, 16, 0, 0, 'leader->comm'],
    ['counters[ANON].number', [], 64, 8, 0, 0, 'counters[ANON].number'],
    ['counters[3]->bytes[7]', [], 87, 1, 0, 0, 'counters[3].bytes[7]'],
    ['value->number', [96], 0, 8, 0, 0, 'value->number'],
    ['grid[1]', [], 116, 12, 0, 0, 'grid[1]'],
    ['grid[1][2]', [], 124, 4, 0, 0, 'grid[1][2]'],
    ['tail', [], 160, 0, 0, 0, 'tail'],
    ['tail[5]', [], 180, 4, 0, 0, 'tail[5]'],
    ['flag', [], 4, 1, 1, 0, 'flag'],
    ['parent->wide', [24], 4, 4, 20, 1, 'parent->wide'],
    // Bits 1060 to 1079: a 4-byte word at 132 holds them; the 8-byte word of its type would begin with `mode`.
    ['across', [], 132, 4, 20, 4, 'across'],
  ])('resolves %s', (path, loads, offset, size, bits, bitOffset, text) => {
    for (const start of [ids.task, ids.taskPointer, ids.restrictPointer]) {
      const { type, declared, structs, ...rest } = resolvePath(btf, start, path);
      expect(structs.length).toBe(rest.loads.length + 1);
      expect(rest).toEqual({ loads, offset, size, bits, bitOffset, text });
      expect(btf.strip(declared)).toBe(type);
    }
  });

  it('tells the declared type from the bare one', () => {
    const pid = resolvePath(btf, ids.task, 'pid');
    expect([pid.type, pid.declared]).toEqual([ids.int, ids.volatilePid]);
  });

  it.each<[string, number, string, string[]?]>([
    ['', 0, 'expected a member name, not the end (at character 1 of "")'],
    ['pdi', 0, 'struct task has no member "pdi"; did you mean pid?', ['pid']],
    ['parent->lead', 8, 'struct task has no member "lead"; did you mean leader?', ['leader']],
    ['parent->', 8, 'expected a member name, not the end'],
    ['parent..pid', 7, 'expected a member name, not "."'],
    ['->pid', 0, 'expected a member name, not "-"'],
    ['[0]', 0, 'expected a member name, not "["'],
    ['parent pid', 6, 'expected "->", ".", "[" or the end, not " "'],
    ['comm[16]', 5, 'index 16 is beyond the end of comm, which has 16 elements (0 to 15)'],
    ['comm[99999999999999999999]', 5, 'is too large'],
    ['tail[2147483647]', 5, 'more than BPF can add'],
    ['comm[]', 5, 'expected a number or the name of an enumerator, not "]"'],
    ['comm[-1]', 5, 'expected a number or the name of an enumerator, not "-"'],
    ['comm[1', 6, 'expected "]", not the end'],
    ['counters[NOPE]', 9, 'no enumerator "NOPE"'],
    ['counters[0x1]', 9, 'no enumerator "0x1"'],
    ['counters[MINUS]', 9, 'MINUS is -1, which is no index'],
    ['counters[HUGE]', 9, 'which is no index'],
    ['pid->x', 5, 'pid leads to a volatile const pid_t, which has no members'],
    ['comm.x', 5, 'comm leads to a char[16], which has no members'],
    ['nothing->x', 9, 'nothing leads to a void, which has no members'],
    ['pid[0]', 4, 'pid is a volatile const pid_t, not an array'],
    ['parent[0]', 7, 'parent is a struct task *, not an array'],
    ['flag.x', 5, 'flag is a bit-field, so nothing can follow it'],
    ['flag[0]', 5, 'flag is a bit-field, so nothing can follow it'],
    ['lost->x', 6, 'struct lost is only declared in this BTF'],
  ])('refuses %j', (path, position, message, suggestions) => {
    const error = failure(() => resolvePath(btf, ids.task, path));
    expect(error.message).toContain(message);
    expect(error.position).toBe(position);
    if (suggestions) expect(error.suggestions).toEqual(suggestions);
  });

  it('refuses to start at what has no members', () => {
    expect(failure(() => resolvePath(btf, ids.int, 'x')).message).toContain('it starts at an int');
    expect(failure(() => resolvePath(btf, 0, 'x')).message).toContain('it starts at a void');
  });
});

describe('split BTF', () => {
  const { writer, ids } = everyKind();
  const base = new Btf(writer.bytes());
  const w = new BtfWriter(writer);
  // A name of the base, and one of its own.
  const state = w.struct('state', 16, [
    { name: 'task', type: ids.taskPointer, at: 0 },
    { name: 'module_only', type: ids.u64, at: 64 },
  ]);
  const again = w.raw(writer.string('task'), 4, 0, 0, 4);
  w.enum('', { MODULE_ONLY: 7 });
  const btf = new Btf(w.bytes(), base);

  it('continues the ids and strings of its base', () => {
    expect(state).toBe(base.typeCount);
    expect(btf.typeCount).toBe(base.typeCount + 3);
    expect(btf.name(state)).toBe('state');
    expect(btf.name(again)).toBe('task');
    expect(btf.typeName(ids.callback)).toBe('int (*)(struct task *, ...)');
    expect(btf.struct('state')).toBe(state);
    expect(btf.struct('task')).toBe(ids.task);
    expect(btf.names('STRUCT')).toEqual(['task', 'state']);
    expect(btf.enumerator('ANON')).toBe(1n);
    expect(btf.enumerator('MODULE_ONLY')).toBe(7n);
    expect(base.enumerator('MODULE_ONLY')).toBeUndefined();
  });

  it('resolves paths across both', () => {
    expect(resolvePath(btf, state, 'task->parent->pid')).toMatchObject({ loads: [0, 24], offset: 0, size: 4 });
    expect(resolvePath(btf, state, 'module_only').offset).toBe(8);
  });

  it('is refused without its base', () => {
    expect(failure(() => new Btf(w.bytes())).message).toMatch(/needs that of vmlinux as base|beyond the strings/);
  });
});

describe('newer formats', () => {
  const [LOCSEC, LOC_PARAM] = [22, 20];

  it('steps over kinds it does not know, by the layout section (Linux 7.1)', () => {
    const w = new BtfWriter();
    const int = w.int('int', 4);
    const unknown = w.raw(w.string('inline.text'), LOCSEC, 2, 0, 0, [1, 2, 3, 4, 5, 6]);
    const param = w.raw(0, LOC_PARAM, 1, 0, 0, [7, 8]);
    const after = w.struct('after', 4, [{ name: 'x', type: int, at: 0 }]);
    const layout: [number, number][] = Array.from({ length: 23 }, () => [0, 0]);
    layout[LOCSEC] = [0, 12];
    layout[LOC_PARAM] = [4, 4];
    const btf = new Btf(w.bytes(layout));
    expect(btf.struct('after')).toBe(after);
    expect([btf.kind(unknown), btf.name(unknown), btf.kind(param)]).toEqual(['UNKNOWN', 'inline.text', 'UNKNOWN']);
    expect(failure(() => btf.sizeOf(unknown)).message).toContain('has no size');
    expect(failure(() => new Btf(w.bytes())).message).toMatch(/type 2 at byte 40 has the unknown kind 22/);
  });

  it('takes the 24-bit vlen of Linux 7.2', () => {
    const w = new BtfWriter();
    const many = 70_000;
    const tail = Array.from({ length: many }, (_, i) => [0, 1, i * 4]).flat();
    const [DATASEC, vars] = [15, w.int('int', 4)];
    w.raw(0, DATASEC, many, 0, many * 4, tail);
    const last = w.typedef('last', vars);
    expect(new Btf(w.bytes()).find('last', 'TYPEDEF')).toBe(last);
  });
});

describe('corrupt BTF', () => {
  const good = () => Buffer.from(everyKind().writer.bytes());
  const patched = (patch: (bytes: Buffer) => void) => {
    const bytes = good();
    patch(bytes);
    return bytes;
  };

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /not BTF: 0 bytes/],
    ['a header cut short', good().subarray(0, 23), /not BTF: 23 bytes/],
    ['an ELF file', patched((b) => b.write('\x7fELF', 0, 'latin1')), /not BTF: it starts with 0x457f.*objcopy/],
    ['the other byte order', patched((b) => b.writeUInt16BE(0xeb9f, 0)), /other byte order/],
    ['another version', patched((b) => b.writeUInt8(2, 2)), /version 2/],
    ['flags', patched((b) => b.writeUInt8(1, 3)), /flags 0x1/],
    ['a short header', patched((b) => b.writeUInt32LE(20, 4)), /header of 20 bytes/],
    ['a header beyond the file', patched((b) => b.writeUInt32LE(0xfffffffc, 4)), /header of 4294967292 bytes/],
    ['types beyond the file', patched((b) => b.writeUInt32LE(0xfffffffc, 12)), /4294967292 bytes of types/],
    ['types not aligned', patched((b) => b.writeUInt32LE(2, 8)), /of types at byte 26/],
    ['strings beyond the file', patched((b) => b.writeUInt32LE(0xffffffff, 16)), /of strings at byte/],
    ['no strings', patched((b) => b.writeUInt32LE(0, 20)), /do not end in a NUL/],
    ['strings that do not end', patched((b) => b.writeUInt8(0x41, b.length - 1)), /do not end in a NUL/],
    ['a first string', patched((b) => b.writeUInt8(0x41, 24 + b.readUInt32LE(16))), /not empty/],
    ['a type cut short', patched((b) => b.writeUInt32LE(b.readUInt32LE(12) - 4, 12)), /runs beyond the type section/],
    ['a giant vlen', patched((b) => b.writeUInt32LE(0x04ffffff, 28)), /type 1 at byte 24 runs beyond/],
    ['kind 0', patched((b) => b.writeUInt32LE(0, 28)), /type 1 at byte 24 has the unknown kind 0/],
    ['an unknown kind', patched((b) => b.writeUInt32LE(0x7f000000, 28)), /unknown kind 127/],
    ['a name beyond the strings', patched((b) => b.writeUInt32LE(0xffffff, 24)), /name of type 1 at byte 24/],
  ])('refuses %s', (_, bytes, message) => {
    expect(failure(() => new Btf(bytes)).message).toMatch(message);
  });

  it('finds cycles of typedefs and qualifiers', () => {
    const w = new BtfWriter();
    const a = w.typedef('a', 2);
    w.qualifier('CONST', a);
    w.struct('s', 4, [{ name: 'x', type: a, at: 0 }]);
    const self = w.typeTag('self', 4);
    const btf = new Btf(w.bytes());
    expect(failure(() => btf.strip(a)).message).toContain('chain of more than 32');
    expect(failure(() => btf.sizeOf(a)).message).toContain('chain');
    expect(failure(() => btf.typeName(self)).message).toContain('more than 1000 types');
    expect(failure(() => resolvePath(btf, 3, 'x')).message).toContain('chain');
  });

  it('finds arrays of themselves, and arrays of impossible size', () => {
    const w = new BtfWriter();
    const int = w.int('int', 4);
    const self = w.array(2, 1);
    const large = w.array(int, 0x40000000);
    const nested = w.array(w.array(w.array(int, 0xffffffff), 0xffffffff), 0xffffffff);
    const btf = new Btf(w.bytes());
    expect(failure(() => btf.sizeOf(self)).message).toContain('nested more than 32 deep');
    expect(failure(() => btf.sizeOf(large)).message).toContain('array of 4294967296 bytes');
    expect(failure(() => btf.sizeOf(nested)).message).toContain('an array of');
  });

  it('finds structs within themselves, even where they multiply', () => {
    const w = new BtfWriter();
    const self = w.struct('self', 8, [{ type: 1, at: 0 }]);
    const loop = w.struct('loop', 8, [{ name: 'loop', type: 2, at: 0 }]);
    // 2^20 members, if all were visited.
    let bottom = w.struct('', 8, []);
    for (let i = 0; i < 20; i++)
      bottom = w.struct('', 8, [
        { type: bottom, at: 0 },
        { type: bottom, at: 0 },
      ]);
    const btf = new Btf(w.bytes());
    expect(failure(() => resolvePath(btf, self, 'x')).message).toContain('nests more than 32 anonymous structs');
    expect(resolvePath(btf, loop, 'loop.loop.loop').offset).toBe(0);
    expect(failure(() => flatMembers(btf, bottom)).message).toContain('more than 100000 members');
  });

  it('finds members beyond their struct, within a byte, and references to no type', () => {
    const w = new BtfWriter();
    const int = w.int('int', 4);
    const beyond = w.struct('beyond', 4, [{ name: 'x', type: int, at: 40 }]);
    const odd = w.struct('odd', 8, [{ name: 'x', type: int, at: 3 }]);
    const dangling = w.struct('dangling', 8, [{ name: 'x', type: 1000, at: 0 }]);
    const pointer = w.pointer(1001);
    const bits = w.int('bits', 1, { bits: 9 });
    const btf = new Btf(w.bytes());
    expect(failure(() => btf.members(beyond)).message).toMatch(/member 0 "x" of .*beyond its 4 bytes/);
    expect(failure(() => resolvePath(btf, odd, 'x')).message).toContain('within a byte');
    expect(failure(() => resolvePath(btf, dangling, 'x')).message).toContain('no type 1000');
    expect(failure(() => btf.typeName(pointer)).message).toContain('no type 1001');
    expect(failure(() => btf.int(bits)).message).toContain('9 bits in 1 bytes');
  });

  it('refuses endless names and declarations', () => {
    const w = new BtfWriter();
    const long = w.typedef('x'.repeat(513), 0);
    // A function that takes itself 1,000 times, each time.
    const eager = w.proto(
      0,
      Array.from({ length: 1000 }, (): [string, number] => ['', 2]),
    );
    const btf = new Btf(w.bytes());
    expect(failure(() => btf.name(long)).message).toContain('a name of 513 bytes');
    expect(failure(() => btf.typeName(eager)).message).toContain('more than 1000 types');
  });
});

describe('files', () => {
  it('reads one, and says what is wrong with another', () => {
    const dir = mkdtempSync(join(tmpdir(), 'btf-'));
    try {
      const { writer, ids } = everyKind();
      writeFileSync(join(dir, 'good'), writer.bytes());
      writeFileSync(join(dir, 'bad'), 'x');
      expect(Btf.fromFile(join(dir, 'good')).struct('task')).toBe(ids.task);
      expect(failure(() => Btf.fromFile(join(dir, 'bad'))).message).toMatch(
        /cannot use .*bad as BTF: not BTF: 1 bytes/,
      );
      expect(failure(() => Btf.fromFile(join(dir, 'none'))).message).toMatch(/none as BTF: there is no such file/);
      expect(failure(() => Btf.fromFile('/dev/zero')).message).toContain('no regular file');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('nearest', () => {
  it.each<[string, string[], string[]]>([
    ['tgdi', ['tgid', 'pid', 'comm'], ['tgid']],
    ['rcvbuf', ['sk_sndbuf', 'sk_rcvbuf', 'rcv'], ['sk_rcvbuf']],
    ['state', ['__state', 'stats', 'static_key'], ['__state', 'stats']],
    ['PID', ['pid', 'ppid', 'vpid', 'tgid'], ['pid', 'ppid', 'vpid']],
    ['ab', ['cd', 'ac'], ['ac']],
    ['x', ['y', 'zz'], []],
    ['', ['y'], []],
    ['something_else', ['pid'], []],
  ])('of %s', (word, names, wanted) => {
    expect(nearest(word, names)).toEqual(wanted);
  });

  it('ends a message', () => {
    expect(didYouMean([])).toBe('');
    expect(didYouMean(['a'])).toBe('; did you mean a?');
    expect(didYouMean(['a', 'b', 'c'])).toBe('; did you mean a, b or c?');
  });
});

const VMLINUX = '/sys/kernel/btf/vmlinux';

interface Dumped {
  id: number;
  kind: BtfKind;
  name: string;
  size: number;
  nr_bits: number;
  encoding: string;
  type_id: number;
  ret_type_id: number;
  nr_elems: number;
  fwd_kind: string;
  members: { name: string; type_id: number; bits_offset: number; bitfield_size?: number }[];
  params: { name: string; type_id: number }[];
  values: { name: string; val: bigint }[];
}

/** What bpftool makes of the kernel's BTF; undefined where there is no bpftool. */
function bpftoolDump(): Dumped[] | undefined {
  let text: string;
  try {
    text = execFileSync('bpftool', ['-j', 'btf', 'dump', 'file', VMLINUX, 'format', 'raw'], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
  // Values of 64 bits do not survive a JSON number.
  const reviver = (key: string, value: unknown, { source }: { source: string }) =>
    key === 'val' ? BigInt(source) : value === '(anon)' ? '' : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown).types;
}

describe.skipIf(!existsSync(VMLINUX))("the running kernel's BTF", () => {
  const dump = bpftoolDump();
  let btf: Btf;
  beforeAll(() => {
    btf = Btf.vmlinux();
  });

  /** Byte offset of a member by bpftool's numbers, through anonymous structs. */
  const offsetOf = (struct: string, ...names: string[]): number => {
    const strip = (id: number): Dumped | undefined => {
      const type = dump![id - 1];
      return ['TYPEDEF', 'CONST', 'VOLATILE', 'TYPE_TAG'].includes(type?.kind) ? strip(type.type_id) : type;
    };
    const seek = (type: Dumped, name: string): { type: Dumped; bits: number } | undefined => {
      for (const m of type.members ?? []) {
        const to = strip(m.type_id);
        if (m.name === name) return { type: to!, bits: m.bits_offset };
        const inner = m.name === '' && to ? seek(to, name) : undefined;
        if (inner) return { type: inner.type, bits: inner.bits + m.bits_offset };
      }
      return undefined;
    };
    let type = dump!.find((t) => t.kind === 'STRUCT' && t.name === struct)!;
    let bits = 0;
    for (const name of names) {
      const found = seek(type, name)!;
      bits += found.bits;
      type = found.type;
    }
    return bits / 8;
  };

  it.skipIf(!dump)('says of every type what bpftool says', { timeout: 60_000 }, () => {
    expect(btf.typeCount).toBe(dump!.length + 1);
    const kflag = (t: Dumped) => t.encoding === 'SIGNED';
    for (const t of dump!) {
      const got: Partial<Dumped> = { id: t.id, kind: btf.kind(t.id), name: btf.name(t.id) };
      const want: Partial<Dumped> = { id: t.id, kind: t.kind, name: t.name };
      switch (t.kind) {
        case 'STRUCT':
        case 'UNION':
          want.members = t.members.map((m) => ({ bitfield_size: 0, ...m }));
          got.members = btf
            .members(t.id)
            .map((m) => ({ name: m.name, type_id: m.type, bits_offset: m.bitOffset, bitfield_size: m.bits }));
          [got.size, want.size] = [btf.sizeOf(t.id), t.size];
          break;
        case 'ENUM':
        case 'ENUM64':
          // bpftool 7.1 extends the sign of unsigned 32-bit ones in JSON.
          want.values = t.values.map(({ name, val }) => ({
            name,
            val: t.kind === 'ENUM' && !kflag(t) ? BigInt.asUintN(32, val) : val,
          }));
          got.values = btf.enumerators(t.id).map((e) => ({ name: e.name, val: e.value }));
          [got.size, want.size] = [btf.sizeOf(t.id), t.size];
          break;
        case 'INT':
          [got.nr_bits, want.nr_bits] = [btf.int(t.id).bits, t.nr_bits];
          [got.size, want.size] = [btf.sizeOf(t.id), t.size];
          expect(btf.int(t.id).signed, t.name).toBe(kflag(t));
          expect(btf.int(t.id).bool, t.name).toBe(t.encoding === 'BOOL');
          break;
        case 'ARRAY':
          [got.nr_elems, want.nr_elems] = [btf.array(t.id).length, t.nr_elems];
          [got.type_id, want.type_id] = [btf.array(t.id).element, t.type_id];
          break;
        case 'FUNC_PROTO':
          want.params = t.params;
          got.params = btf.params(t.id).map((p) => ({ name: p.name, type_id: p.type }));
          [got.ret_type_id, want.ret_type_id] = [btf.target(t.id), t.ret_type_id];
          break;
        case 'FWD':
          [got.fwd_kind, want.fwd_kind] = [btf.isUnion(t.id) ? 'union' : 'struct', t.fwd_kind];
          break;
        case 'DATASEC':
        case 'FLOAT':
          [got.size, want.size] = [btf.sizeOf(t.id), t.size];
          break;
        default:
          [got.type_id, want.type_id] = [btf.target(t.id), t.type_id];
      }
      // toEqual on each of 126,000 types would take minutes.
      const flat = (o: object) => JSON.stringify(o, (_, v) => (typeof v === 'bigint' ? `${v}n` : v));
      if (flat(got) !== flat(want)) expect(got).toEqual(want);
    }
  });

  it.skipIf(!dump)('finds the first type of a name, as a search through the dump does', () => {
    for (const [name, kind] of [
      ['task_struct', 'STRUCT'],
      ['file', 'STRUCT'],
      ['sockaddr_in', 'STRUCT'],
      ['thread_union', 'UNION'],
      ['pid_t', 'TYPEDEF'],
      ['bpf_iter_task', 'FUNC'],
      ['bpf_func_id', 'ENUM'],
      ['nonesuch', 'STRUCT'],
    ] as const)
      expect(btf.find(name, kind), name).toBe(dump!.find((t) => t.name === name && t.kind === kind)?.id ?? 0);
    const iterators = dump!.filter((t) => t.kind === 'FUNC' && t.name.startsWith('bpf_iter_')).map((t) => t.name);
    expect(btf.names('FUNC', 'bpf_iter_')).toEqual([...new Set(iterators)]);
  });

  // From `struct`: the path, and the loads and offset by bpftool's numbers; members that this kernel lacks are skipped.
  type Hop = [string, ...string[]];
  it.skipIf(!dump).each<[string, string, Hop[], number?]>([
    [
      'bpf_iter__task',
      'task->real_parent->tgid',
      [
        ['bpf_iter__task', 'task'],
        ['task_struct', 'real_parent'],
        ['task_struct', 'tgid'],
      ],
    ],
    [
      'task_struct',
      'real_parent.real_parent.comm',
      [
        ['task_struct', 'real_parent'],
        ['task_struct', 'real_parent'],
        ['task_struct', 'comm'],
      ],
    ],
    ['task_struct', 'se.sum_exec_runtime', [['task_struct', 'se', 'sum_exec_runtime']]],
    [
      'task_struct',
      'nsproxy->net_ns->ns.inum',
      [
        ['task_struct', 'nsproxy'],
        ['nsproxy', 'net_ns'],
        ['net', 'ns', 'inum'],
      ],
    ],
    [
      'task_struct',
      'cred->uid.val',
      [
        ['task_struct', 'cred'],
        ['cred', 'uid', 'val'],
      ],
    ],
    ['mm_struct', 'total_vm', [['mm_struct', 'total_vm']]],
    ['sock_common', 'skc_v6_rcv_saddr.in6_u.u6_addr8', [['sock_common', 'skc_v6_rcv_saddr', 'in6_u', 'u6_addr8']]],
    ['sock', '__sk_common.skc_dport', [['sock', '__sk_common', 'skc_dport']]],
    [
      'cgroup',
      'kn->name',
      [
        ['cgroup', 'kn'],
        ['kernfs_node', 'name'],
      ],
    ],
    [
      'tcp_sock',
      'inet_conn.icsk_ca_ops->name',
      [
        ['tcp_sock', 'inet_conn', 'icsk_ca_ops'],
        ['tcp_congestion_ops', 'name'],
      ],
    ],
    ['tcp_sock', 'inet_conn.icsk_inet.sk.sk_rcvbuf', [['tcp_sock', 'inet_conn', 'icsk_inet', 'sk', 'sk_rcvbuf']]],
    [
      'file',
      'f_inode->i_ino',
      [
        ['file', 'f_inode'],
        ['inode', 'i_ino'],
      ],
    ],
    [
      'bpf_map',
      'ops->map_alloc',
      [
        ['bpf_map', 'ops'],
        ['bpf_map_ops', 'map_alloc'],
      ],
    ],
    ['task_struct', 'comm[3]', [['task_struct', 'comm']], 3],
  ])('resolves %s: %s', (struct, path, hops, extra = 0) => {
    const offsets = hops.map(([name, ...members]) => offsetOf(name, ...members));
    const { loads, offset } = resolvePath(btf, btf.struct(struct), path);
    expect([...loads, offset]).toEqual(offsets.with(-1, offsets.at(-1)! + extra));
  });

  it.skipIf(!dump)('resolves an index by enumerator', () => {
    const start = btf.struct('mm_struct');
    const anon = Number(btf.enumerator('MM_ANONPAGES'));
    expect(anon).toBe(1);
    // Until Linux 6.1 rss_stat was a struct with the array in it.
    const struct = btf.kind(btf.strip(flatMembers(btf, start).get('rss_stat')!.type)) === 'STRUCT';
    const path = struct ? 'rss_stat.count[MM_ANONPAGES]' : 'rss_stat[MM_ANONPAGES].count';
    const { offset, size, text } = resolvePath(btf, start, path);
    expect([size, text]).toEqual([8, path]);
    expect(offset).toBeGreaterThan(offsetOf('mm_struct', 'rss_stat'));
  });

  it.skipIf(!dump)('resolves every bit-field of task_struct and tcp_sock to a word that holds it', () => {
    for (const name of ['task_struct', 'tcp_sock']) {
      const struct = btf.struct(name);
      let count = 0;
      for (const member of flatMembers(btf, struct).values()) {
        if (member.bits === 0) continue;
        count++;
        const path = resolvePath(btf, struct, member.name);
        expect(path.offset * 8 + path.bitOffset, member.name).toBe(offsetOf(name, member.name) * 8);
        expect(path.bits).toBe(member.bits);
        expect(path.offset % path.size).toBe(0);
        expect(path.bitOffset + path.bits).toBeLessThanOrEqual(path.size * 8);
      }
      expect(count).toBeGreaterThan(5);
    }
  });

  it('knows enumerators of anonymous enums', () => {
    expect(btf.enumerator('BPF_FUNC_seq_write')).toBe(127n);
    expect(btf.enumerator('TCP_ESTABLISHED')).toBe(1n);
  });

  it('suggests members and structs', () => {
    const error = failure(() => resolvePath(btf, btf.struct('task_struct'), 'real_parent->tgdi'));
    expect(error.suggestions[0]).toBe('tgid');
    expect(error.message).toContain('struct task_struct has no member "tgdi"; did you mean tgid');
    expect(error.position).toBe(13);
    expect(failure(() => btf.struct('task_strukt')).suggestions[0]).toBe('task_struct');
  });

  it('is the same mapped and read, and made once', () => {
    expect(Btf.vmlinux()).toBe(btf);
    const read = Btf.fromFile(VMLINUX);
    expect(read.typeCount).toBe(btf.typeCount);
    expect(read.members(read.struct('task_struct'))).toEqual(btf.members(btf.struct('task_struct')));
  });

  it('spells every type', () => {
    for (let id = 0; id < btf.typeCount; id++) btf.typeName(id);
    expect(btf.typeName(btf.params(btf.func('bpf_iter_task'))[0].type)).toBe('struct bpf_iter_meta *');
  });

  it('is quick: index, find and 1,000 paths', () => {
    const bytes = new Uint8Array(btf.typeCount);
    expect(bytes.length).toBeGreaterThan(1000);
    const start = cpuTime();
    const fresh = Btf.fromFile(VMLINUX);
    const task = fresh.struct('task_struct');
    for (let i = 0; i < 1000; i++) resolvePath(fresh, task, 'real_parent->real_parent->comm[3]');
    // 30 ms here, most of it read(); the bound only catches a change of order.
    expect(cpuTime() - start).toBeLessThan(1000);
  });
});
