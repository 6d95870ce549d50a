/**
 * Code for values: from an object's pointer into a field of the record.
 *
 * Registers: R6 context · R8 the object at hand · R9 the record where it is no stack memory · R7 where the next text
 * goes · R1 to R5 free between columns, R2 the last pointer of a chain.
 */
import { type Assembler, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, type Reg, type Size } from '../bpf/asm.ts';
import { AF_INET6 } from '../bpf/family.ts';
import { type Field, INET_ADDRESS, TEXT_FIELD_SIZE } from './record.ts';
import {
  type EachSource,
  MAX_SLABS,
  type MemorySource,
  type Place,
  pieceOf,
  type Source,
  TEXT_LIMIT,
} from './source.ts';

type Scalar = Source & { kind: 'scalar' };

/** cgroup and other kernfs paths deeper than this lose their first components, and say so. */
const KERNFS_LEVELS = 12;
const KERNFS_NAME = 256;
/** The same for vfs_path(), and how many mounts may lie on top of each other. */
const VFS_LEVELS = 12;
const VFS_NAME = 256;
const VFS_STACKED = 2;

/** Where the record is being built. */
export interface RecordPlace {
  readonly reg: Reg;
  readonly offset: number;
}

export interface EmitScope {
  readonly asm: Assembler;
  readonly record: RecordPlace;
  /** 8-byte stack slots for what has to outlive a call. */
  readonly temps: readonly [number, number, number, number];
  /** Puts the pointer of a context member into a register; leaves the program where it is NULL. */
  readonly loadObject: (reg: Reg, object: string) => void;
  /** Sees a context member in R8 as plain memory: see {@link seeAs}. Does nothing where the kernel has no such cast. */
  readonly seePlain: (object: string) => void;
  /** The columns that have this field, for the instructions that write it. */
  readonly served: (field: Field) => string;
  /** BTF ids of bpf_iter_num_new, _next and _destroy (Linux 6.4); null where the kernel does not have them. */
  readonly numbers: { readonly start: number; readonly next: number; readonly end: number } | null;
  /**
   * In a sleepable program pointers found on the way are only trusted under RCU: BTF ids of bpf_rcu_read_lock and
   * bpf_rcu_read_unlock (Linux 6.2; before it the verifier does not ask). null where the program does not sleep.
   */
  readonly rcu: { readonly lock: number; readonly unlock: number } | null;
}

/**
 * R8 = the pointer in R8 as one to plain memory that holds this struct, by bpf_rdonly_cast (Linux 6.2), which is a mere
 * move once it is loaded. Loads from it are checked at run time, as from any address. For each pointer that is loaded
 * from a *trusted* one the verifier searches the names of the whole BTF, up to four times, whether that one is to be
 * trusted as well (btf_nested_type_is_trusted() of kernel/bpf/btf.c): 1 to 2 ms. From plain memory it does not.
 */
export function seeAs(asm: Assembler, cast: number, type: number): void {
  asm.mov(R1, R8).movImm(R2, type).callKfunc(cast).mov(R8, R0);
}

/** Follows a place's pointers from R8 into `reg`; jumps to `absent` at a NULL on the way. @returns the register to use */
export function follow(asm: Assembler, place: Place, reg: Reg, absent: string): Reg {
  let from: Reg = R8;
  for (const offset of place.loads) {
    asm.load(8, reg, from, offset).jumpIfImm('eq', reg, 0, absent);
    from = reg;
  }
  return from;
}

/** Emits values behind the same pointers together: R8 or R2, `from`, is the last of these, and has to outlive `emit`. */
export function alongChains<T>(
  asm: Assembler,
  items: readonly T[],
  placeOf: (item: T) => Place,
  tagOf: (item: T) => string,
  emit: (item: T, from: Reg) => void,
): void {
  for (const chain of Map.groupBy(items, (item) => placeOf(item).loads.join()).values()) {
    const place = placeOf(chain[0]);
    const absent = asm.fresh('null');
    let from: Reg = R8;
    asm.tagged(chain.map(tagOf).join(' '), () => {
      from = follow(asm, place, R2, absent);
    });
    for (const item of chain) asm.tagged(tagOf(item), () => emit(item, from));
    if (place.loads.length > 0) asm.label(absent);
  }
}

/** dst = the number at a place whose last pointer is in `from`. */
export function loadNumber(asm: Assembler, place: Place, size: number, from: Reg, dst: Reg, swap = false): void {
  if (place.bits > 0) {
    asm.load(place.size as Size, dst, from, place.offset);
    if (place.bitOffset > 0) asm.aluImm('rsh', dst, place.bitOffset);
    if (place.bits < place.size * 8) asm.aluImm('lsh', dst, 64 - place.bits).aluImm('rsh', dst, 64 - place.bits);
    return;
  }
  asm.load(size as Size, dst, from, place.offset);
  if (swap) asm.toBe(dst, (size * 8) as 16 | 32 | 64);
}

/** Copies `size` bytes in the largest pieces that the verifier takes for an array of bytes. */
function copyBytes(asm: Assembler, from: Reg, offset: number, size: number, to: RecordPlace, at: number): void {
  for (let done = 0; done < size; ) {
    const piece = pieceOf(size - done);
    asm.load(piece, R1, from, offset + done).store(piece, to.reg, to.offset + at + done, R1);
    done += piece;
  }
}

/** Whether pointers are loaded on the way from the object to the value. */
export function walks(source: Source): boolean {
  switch (source.kind) {
    case 'scalar':
    case 'str':
    case 'deref':
    case 'inet6':
    case 'percpu_sum':
      return source.place.loads.length > 0;
    case 'sum':
      return source.of.some((place) => place.loads.length > 0);
    case 'inet':
      return source.family.loads.length > 0;
    case 'pid_ns':
      return source.pid.loads.length > 0;
    case 'free_objects':
      return source.nodes.some((place) => place.loads.length > 0);
    case 'queue_bytes':
    case 'sun_path':
    case 'kernfs_path':
    case 'vfs_path':
      return true;
    default:
      return false;
  }
}

/** Whether it is summed up in a loop: on the stack a condition on the sum would have the verifier go through every round. */
export function loops({ kind }: Source): boolean {
  return kind === 'percpu_sum' || kind === 'free_objects' || kind === 'queue_bytes' || kind === 'each';
}

/**
 * Emits columns that start from the object in R8; those behind the same pointers share the way there.
 * @param trusted the context member that R8 holds, where the verifier trusts it
 */
export function emitColumns(
  scope: EmitScope,
  columns: readonly { source: Source; field: Field }[],
  trusted?: string,
): void {
  const isPath = (c: { source: Source }) => c.source.kind === 'd_path';
  const [walking, own] = [columns.filter((c) => walks(c.source)), columns.filter((c) => !walks(c.source))];
  // Paths need trusted pointers all the way: first, before ways part that the verifier would take each of on from there.
  emitInOrder(scope, own.filter(isPath));
  // What the object holds itself is read without the checks that plain memory takes.
  emitInOrder(
    scope,
    own.filter((c) => !isPath(c)),
  );
  if (walking.length === 0) return;
  if (trusted !== undefined) scope.asm.tagged('(plain)', () => scope.seePlain(trusted));
  emitInOrder(scope, walking);
}

function emitInOrder(scope: EmitScope, columns: readonly { source: Source; field: Field }[]): void {
  const { asm } = scope;
  const isScalar = (c: { source: Source; field: Field }): c is { source: Scalar; field: Field } =>
    c.source.kind === 'scalar';
  const placeOf = (c: { source: Scalar }) => c.source.place;
  const nameOf = (c: { field: Field }) => scope.served(c.field);
  const scalars = columns.filter(isScalar);
  // A helper keeps none of the registers: what it reads does not share the way there.
  for (const one of scalars.filter((c) => c.source.probe))
    alongChains(asm, [one], placeOf, nameOf, ({ source, field }, from) => emitProbed(scope, source, field, from));
  alongChains(
    asm,
    scalars.filter((c) => !c.source.probe),
    placeOf,
    nameOf,
    ({ source, field }, from) => {
      asm.note(source.place.text);
      if (source.type === 'chars') copyBytes(asm, from, source.place.offset, source.size, scope.record, field.offset);
      else {
        loadNumber(asm, source.place, source.size, from, R1, source.swap);
        asm.store(source.size as Size, scope.record.reg, scope.record.offset + field.offset, R1);
      }
    },
  );
  for (const { source, field } of columns) {
    if (source.kind !== 'scalar') asm.tagged(field.column, () => emitOther(scope, source, field));
  }
}

/** Copies `size` bytes at from + offset to reg + at; zeros where they cannot be read. R0 to R5 are lost. */
function probeBytes(asm: Assembler, from: Reg, offset: number, size: number, reg: Reg, at: number): void {
  asm.mov(R3, from).aluImm('add', R3, offset).mov(R1, reg).aluImm('add', R1, at);
  asm.movImm(R2, size).call('probe_read_kernel');
}

/** Reads what lies there as bytes, whatever the verifier takes it for. */
function emitProbed({ asm, record, temps }: EmitScope, source: Scalar, field: Field, from: Reg): void {
  const { place, size } = source;
  const at = record.offset + field.offset;
  const [slot] = temps;
  asm.note(place.text);
  if (source.type === 'chars') {
    probeBytes(asm, from, place.offset, size, record.reg, at);
    return;
  }
  probeBytes(asm, from, place.offset, place.bits > 0 ? place.size : size, R10, slot);
  loadNumber(asm, { ...place, offset: slot }, size, R10, R1, source.swap);
  asm.store(size as Size, record.reg, at, R1);
}

/** The sum is made in the record: a helper keeps none of the registers. */
function emitProbedSum(scope: EmitScope, source: Source & { kind: 'sum' }, field: Field): void {
  const { asm, record, temps } = scope;
  const at = record.offset + field.offset;
  const [slot] = temps;
  for (const place of source.of) {
    const next = asm.fresh('null');
    const from = follow(asm, place, R2, next);
    asm.note(place.text);
    probeBytes(asm, from, place.offset, place.size, R10, slot);
    loadNumber(asm, { ...place, offset: slot }, place.size, R10, R1);
    const above = 64 - place.size * 8;
    if (place.signed && above > 0) asm.aluImm('lsh', R1, above).aluImm('arsh', R1, above);
    asm.load(8, R2, record.reg, at).alu('add', R2, R1).store(8, record.reg, at, R2);
    if (place.loads.length > 0) asm.label(next);
  }
}

function emitOther(scope: EmitScope, source: Exclude<Source, { kind: 'scalar' }>, field: Field): void {
  const { asm, record } = scope;
  const at = record.offset + field.offset;
  const copyAddress = (from: Reg, offset: number, size: number) =>
    copyBytes(asm, from, offset, size, record, field.offset + INET_ADDRESS);
  const probeAddress = (from: Reg, offset: number, size: number) =>
    probeBytes(asm, from, offset, size, record.reg, at + INET_ADDRESS);
  switch (source.kind) {
    case 'context':
      asm.load(source.size, R1, R6, source.offset).store(source.size, record.reg, at, R1);
      return;
    case 'address':
      asm.store(8, record.reg, at, R8);
      return;
    case 'memory':
      emitMemory(scope, source, field);
      return;
    case 'cpu':
    // Last of all, around the writing of the record: see emitEach().
    case 'each':
      return;
    case 'sum': {
      if (source.probe) {
        emitProbedSum(scope, source, field);
        return;
      }
      asm.movImm(R3, 0);
      const column = () => field.column;
      alongChains(
        asm,
        source.of,
        (place) => place,
        column,
        (place, from) => {
          asm.note(place.text);
          loadNumber(asm, place, place.size, from, R1);
          const above = 64 - place.size * 8;
          if (place.signed && above > 0) asm.aluImm('lsh', R1, above).aluImm('arsh', R1, above);
          asm.alu('add', R3, R1);
        },
      );
      asm.store(8, record.reg, at, R3);
      return;
    }
    case 'inet': {
      const done = asm.fresh('inet');
      const absent = asm.fresh('null');
      const from = follow(asm, source.family, R2, absent);
      asm.note(source.family.text);
      loadNumber(asm, source.family, source.family.size, from, R1);
      asm.store(4, record.reg, at, R1);
      const copy = source.probe ? probeAddress : copyAddress;
      if (source.v6) {
        const four = asm.fresh('ipv4');
        asm.jumpIfImm('ne', R1, AF_INET6, four);
        asm.note(source.v6.text);
        copy(from, source.v6.offset, 16);
        asm.jump(done).label(four);
      }
      asm.note(source.v4.text);
      copy(from, source.v4.offset, 4);
      asm.label(done);
      if (source.family.loads.length > 0) asm.label(absent);
      return;
    }
    case 'inet6': {
      const absent = asm.fresh('null');
      const from = follow(asm, source.place, R2, absent);
      asm.note(source.place.text).storeImm(4, record.reg, at, AF_INET6);
      (source.probe ? probeAddress : copyAddress)(from, source.place.offset, 16);
      if (source.place.loads.length > 0) asm.label(absent);
      return;
    }
    case 'pid_ns':
      emitPidNamespace(scope, source, at);
      return;
    case 'percpu_sum':
      emitPercpuSum(scope, source, at);
      return;
    case 'free_objects':
      for (const node of source.nodes) emitFreeObjects(scope, source, node, at);
      return;
    case 'deref': {
      const absent = asm.fresh('null');
      const [slot] = scope.temps;
      const from = follow(asm, source.place, R2, absent);
      asm.note(source.place.text).load(8, R3, from, source.place.offset).jumpIfImm('eq', R3, 0, absent);
      asm.mov(R1, R10).aluImm('add', R1, slot).movImm(R2, source.size).call('probe_read_kernel');
      asm.jumpIfImm('ne', R0, 0, absent).load(source.size as Size, R1, R10, slot);
      asm.store(source.size as Size, record.reg, at, R1).label(absent);
      return;
    }
    case 'queue_bytes':
      emitQueueBytes(scope, source, at);
      return;
    default:
      emitText(scope, source, field);
  }
}

/** R8 points to the key or the value itself: bytes that the verifier lets be read at any offset within the map's sizes. */
function emitMemory({ asm, record }: EmitScope, source: MemorySource, field: Field): void {
  const at = record.offset + field.offset;
  if (source.type === 'chars') {
    copyBytes(asm, R8, source.offset, source.size, record, field.offset);
    return;
  }
  const width = source.size * 8;
  const signed = source.type.startsWith('i');
  const load = (offset: number) => {
    asm.load(source.size as Size, R1, R8, offset);
    if (source.swap && width > 8) asm.toBe(R1, width as 16 | 32 | 64);
    const bits = source.bits || width;
    const above = 64 - bits - source.shift;
    if (bits < width || (signed && source.cpus > 0 && width < 64)) {
      if (above > 0) asm.aluImm('lsh', R1, above);
      if (64 - bits > 0) asm.aluImm(signed ? 'arsh' : 'rsh', R1, 64 - bits);
    }
  };
  if (source.cpus === 0) {
    load(source.offset);
    asm.store(source.size as Size, record.reg, at, R1);
    return;
  }
  asm.movImm(R3, 0);
  for (let cpu = 0; cpu < source.cpus; cpu++) {
    load(source.offset + cpu * source.stride);
    asm.alu('add', R3, R1);
  }
  asm.store(8, record.reg, at, R3);
}

/**
 * Runs `body` up to `max` times, at its start with the number of the round in R3; it leaves by the label that it is
 * given. What is to outlive a round has to lie in the record or on the stack. The verifier walks through a loop over the
 * kernel's own numbers once or twice, through any other one as often as it runs. @param slot 8 bytes of stack
 */
function repeat({ asm, numbers }: EmitScope, slot: number, max: number, body: (leave: string) => void): void {
  const [loop, leave] = [asm.fresh('loop'), asm.fresh('leave')];
  const at = () => asm.mov(R1, R10).aluImm('add', R1, slot);
  if (numbers) {
    at().movImm(R2, 0).movImm(R3, max).callKfunc(numbers.start).label(loop);
    at().callKfunc(numbers.next).jumpIfImm('eq', R0, 0, leave).load(4, R3, R0, 0);
    body(leave);
    asm.jump(loop).label(leave);
    at().callKfunc(numbers.end);
    return;
  }
  // From a register: before Linux 6.3 the verifier does not know what a store of a constant puts on the stack.
  asm.movImm(R3, 0).store(8, R10, slot, R3).label(loop);
  body(leave);
  asm.load(8, R3, R10, slot).aluImm('add', R3, 1).store(8, R10, slot, R3).jumpIfImm('lt', R3, max, loop).label(leave);
}

/** The list is a ring through its head. Nobody holds its lock, so it may change meanwhile: hence the limit, too. */
function emitQueueBytes(scope: EmitScope, source: Source & { kind: 'queue_bytes' }, at: number): void {
  const { asm, record, temps } = scope;
  const [head, packet, count] = temps;
  const absent = asm.fresh('null');
  const from = follow(asm, source.place, R2, absent);
  asm.note(source.place.text).mov(R4, from).aluImm('add', R4, source.place.offset).store(8, R10, head, R4);
  asm.load(8, R5, from, source.place.offset + source.first).store(8, R10, packet, R5);
  repeat(scope, count, source.max, (leave) => {
    asm.load(8, R5, R10, packet).jumpIfImm('eq', R5, 0, leave);
    asm.load(8, R4, R10, head).note('the head').jumpIf('eq', R5, R4, leave);
    asm.note('len').load(4, R1, R5, source.length).load(8, R2, record.reg, at).alu('add', R2, R1);
    asm.store(8, record.reg, at, R2).note('next').load(8, R5, R5, source.next).store(8, R10, packet, R5);
  });
  if (source.place.loads.length > 0) asm.label(absent);
}

/**
 * The object is in R8: for each element of its array `body` runs, with the columns of the element in the record; it
 * leaves for the next one by the label that it is given. @param slots 8 bytes of stack each that `body` leaves alone
 */
export function emitEach(
  scope: EmitScope,
  columns: readonly { source: EachSource; field: Field }[],
  slots: readonly [array: number, length: number, round: number, element: number],
  out: string,
  body: (next: string) => void,
): void {
  const { asm, record } = scope;
  const [array, count, round, element] = slots;
  const { place, length, inline, max } = columns[0]!.source;
  const stride = columns.find(({ source }) => source.member === null)?.source.size ?? 8;
  // The number first: the kernel puts a longer array into place before it says so.
  const counted = follow(asm, length, R2, out);
  asm.note(length.text);
  loadNumber(asm, length, length.size, counted, R1);
  asm.store(8, R10, count, R1);
  const from = follow(asm, place, R2, out);
  asm.note(place.text);
  if (inline) asm.mov(R1, from).aluImm('add', R1, place.offset);
  else asm.load(8, R1, from, place.offset).jumpIfImm('eq', R1, 0, out);
  asm.store(8, R10, array, R1);
  repeat(scope, round, max, (leave) => {
    const next = asm.fresh('next');
    asm.load(8, R1, R10, count).note('the last one').jumpIf('ge', R3, R1, leave);
    asm.aluImm('mul', R3, stride).load(8, R1, R10, array).alu('add', R3, R1);
    asm.mov(R1, R10).aluImm('add', R1, element).movImm(R2, stride);
    asm.note('an element').call('probe_read_kernel').jumpIfImm('ne', R0, 0, next);
    for (const { source, field } of columns) {
      asm.tagged(field.column, () => {
        asm.load(source.member ? 8 : (stride as Size), R4, R10, element);
        if (source.member) emitProbed(scope, source.member, field, R4);
        else asm.store(stride as Size, record.reg, record.offset + field.offset, R4);
      });
    }
    body(next);
    asm.label(next);
  });
}

/** pid->numbers[pid->level].ns->inum. The index is no constant, so the way there is read as plain memory. */
function emitPidNamespace(scope: EmitScope, source: Source & { kind: 'pid_ns' }, at: number): void {
  const { asm, record, temps } = scope;
  const [a, b] = temps;
  const absent = asm.fresh('null');
  const read = (slot: number, size: number) =>
    asm.mov(R1, R10).aluImm('add', R1, slot).movImm(R2, size).call('probe_read_kernel').jumpIfImm('ne', R0, 0, absent);
  const from = follow(asm, source.pid, R2, absent);
  asm.note(source.pid.text).mov(R3, from).aluImm('add', R3, source.pid.offset);
  read(a, 8).note('struct pid').load(8, R3, R10, a).jumpIfImm('eq', R3, 0, absent).aluImm('add', R3, source.level);
  read(b, 4).note('level').load(4, R2, R10, b).aluImm('mul', R2, source.stride);
  asm
    .load(8, R3, R10, a)
    .alu('add', R3, R2)
    .aluImm('add', R3, source.numbers + source.ns);
  read(a, 8)
    .note('struct pid_namespace')
    .load(8, R3, R10, a)
    .jumpIfImm('eq', R3, 0, absent)
    .aluImm('add', R3, source.inum);
  read(b, 4).load(4, R1, R10, b).store(4, record.reg, at, R1).label(absent);
}

/** As count_partial() of mm/slub.c, but without the list's lock: what moves meanwhile may be missed. */
function emitFreeObjects(scope: EmitScope, source: Source & { kind: 'free_objects' }, node: Place, at: number): void {
  const { asm, record, temps } = scope;
  const [head, slab, word, count] = temps;
  const absent = asm.fresh('null');
  /** Reads 8 bytes at R3; goes on elsewhere where that is not possible. */
  const read = (slot: number, elsewhere: string) =>
    asm.mov(R1, R10).aluImm('add', R1, slot).movImm(R2, 8).call('probe_read_kernel').jumpIfImm('ne', R0, 0, elsewhere);
  const field = (reg: Reg, [bit, bits]: readonly [number, number]) =>
    asm
      .load(8, reg, R10, word)
      .aluImm('lsh', reg, 64 - bits - bit)
      .aluImm('rsh', reg, 64 - bits);
  const from = follow(asm, node, R2, absent);
  asm.note(node.text).mov(R3, from).aluImm('add', R3, node.offset);
  read(head, absent).load(8, R3, R10, head).jumpIfImm('eq', R3, 0, absent).aluImm('add', R3, source.list);
  asm.store(8, R10, head, R3);
  read(slab, absent);
  repeat(scope, count, MAX_SLABS, (leave) => {
    asm.load(8, R3, R10, slab).load(8, R1, R10, head).note('the end').jumpIf('eq', R3, R1, leave);
    asm.aluImm('add', R3, source.word - source.link);
    read(word, leave);
    field(R1, source.objects);
    field(R2, source.inuse);
    asm.load(8, R3, record.reg, at).alu('add', R3, R1).alu('sub', R3, R2).store(8, record.reg, at, R3);
    asm.note('next slab').load(8, R3, R10, slab);
    read(slab, leave);
  });
  asm.label(absent);
}

/**
 * The sum over all CPUs. bpf_per_cpu_ptr takes variables only, so the way from a per-CPU pointer to a CPU's part is
 * taken from a per-CPU map of our own, of which both are known: its per-CPU pointer, and where it leads on each CPU.
 */
function emitPercpuSum(scope: EmitScope, source: Source & { kind: 'percpu_sum' }, at: number): void {
  const { asm, record, temps } = scope;
  const [way, a, cpu, b] = temps;
  const absent = asm.fresh('null');
  /** Reads memory at R3. A pointer that was put on the stack comes back as a plain number. */
  const read = (slot: number, size: number) =>
    asm.mov(R1, R10).aluImm('add', R1, slot).movImm(R2, size).call('probe_read_kernel');
  const number = (slot: number) => asm.mov(R3, R10).aluImm('add', R3, slot);
  asm.loadMapFd(R1, 'percpu').store(8, R10, a, R1);
  number(a);
  read(b, 8).note('struct bpf_array').load(8, R3, R10, b).aluImm('add', R3, source.pptrs);
  read(way, 8).jumpIfImm('ne', R0, 0, absent).load(8, R1, R10, way).jumpIfImm('eq', R1, 0, absent);
  const from = follow(asm, source.place, R2, absent);
  asm.note(source.place.text).mov(R3, from).aluImm('add', R3, source.place.offset);
  read(a, 8).jumpIfImm('ne', R0, 0, absent).load(8, R1, R10, a).jumpIfImm('eq', R1, 0, absent);
  asm.note('from our per-CPU pointer to that one').load(8, R2, R10, way).alu('sub', R1, R2).store(8, R10, way, R1);
  repeat(scope, cpu, source.cpus, (leave) => {
    const next = asm.fresh('next');
    asm.movImm(R1, 0).store(8, R10, b, R1);
    asm.loadMapFd(R1, 'percpu').mov(R2, R10).aluImm('add', R2, b).call('map_lookup_percpu_elem');
    asm.jumpIfImm('eq', R0, 0, leave).note('where ours is on this CPU').store(8, R10, b, R0);
    number(b);
    read(a, 8).load(8, R3, R10, a).load(8, R1, R10, way).alu('add', R3, R1).aluImm('add', R3, source.offset);
    read(a, source.size).jumpIfImm('ne', R0, 0, next).load(source.size, R1, R10, a);
    if (source.signed && source.size === 4) asm.aluImm('lsh', R1, 32).aluImm('arsh', R1, 32);
    asm.load(8, R2, record.reg, at).alu('add', R2, R1).store(8, record.reg, at, R2).label(next);
  });
  asm.label(absent);
}

/**
 * reg = the smaller of reg and `limit`. The verifier goes straight on first: having seen it with any length up to the
 * limit it need not go on from here with the limit alone.
 */
function atMost(asm: Assembler, reg: Reg, limit: number): void {
  const [long, fits] = [asm.fresh('long'), asm.fresh('fits')];
  asm.jumpIfImm('gt', reg, limit, long).jump(fits).label(long).movImm(reg, limit).label(fits);
}

/** Texts stand behind the fixed part, at R7; a field tells length, place and the length that it would have uncut. */
function emitText(scope: EmitScope, source: Source & { kind: keyof typeof TEXT_LIMIT }, field: Field): void {
  const { asm, record } = scope;
  const done = asm.fresh('text');
  const at = record.offset + field.offset;
  const locked = source.kind === 'd_path' && source.place.loads.length > 0 && scope.rcu !== null;
  /** Stores R0 as the length, moves R7 past the text. */
  const finish = () => {
    asm.store(2, record.reg, at, R0).store(2, record.reg, at + 2, R7);
    asm
      .aluImm('add', R0, TEXT_FIELD_SIZE - 1)
      .aluImm('and', R0, -TEXT_FIELD_SIZE)
      .alu('add', R7, R0);
  };
  /** R1 = where the text goes. */
  const destination = (reg: Reg) => asm.mov(reg, R9).alu('add', reg, R7);
  /** A NUL-terminated string at the address in R3. */
  const readString = (limit: number) => {
    destination(R1).movImm(R2, limit).call('probe_read_kernel_str');
    asm
      .jumpIfImm('sle', R0, 0, done)
      .jumpIfImm('gt', R0, limit, done)
      .aluImm('sub', R0, 1)
      .store(4, record.reg, at + 4, R0);
    finish();
  };
  switch (source.kind) {
    case 'd_path': {
      const limit = TEXT_LIMIT.d_path;
      if (locked) asm.callKfunc(scope.rcu!.lock);
      const from = follow(asm, source.place, R1, done);
      if (from !== R1) asm.mov(R1, from);
      asm.note(source.place.text).aluImm('add', R1, source.place.offset);
      destination(R2).movImm(R3, limit).call('d_path');
      const fits = asm.fresh('fits');
      asm
        .jumpIfImm('sgt', R0, 0, fits)
        .note('longer than the buffer')
        .storeImm(4, record.reg, at + 4, -1)
        .jump(done)
        .label(fits);
      asm
        .jumpIfImm('gt', R0, limit, done)
        .aluImm('sub', R0, 1)
        .note('without the NUL')
        .store(4, record.reg, at + 4, R0);
      finish();
      break;
    }
    case 'str': {
      const from = follow(asm, source.place, R2, done);
      asm.note(source.place.text);
      if (source.inline) asm.mov(R3, from).aluImm('add', R3, source.place.offset);
      else asm.load(8, R3, from, source.place.offset).jumpIfImm('eq', R3, 0, done);
      readString(field.limit);
      break;
    }
    case 'sun_path': {
      const limit = TEXT_LIMIT.sun_path;
      const [length] = scope.temps;
      const from = follow(asm, source.place, R2, done);
      asm.note(source.place.text).load(8, R3, from, source.place.offset).jumpIfImm('eq', R3, 0, done);
      asm.load(4, R2, R3, source.length).aluImm('sub', R2, source.family).jumpIfImm('sle', R2, 0, done);
      atMost(asm, R2, limit);
      asm.store(8, R10, length, R2);
      asm.aluImm('add', R3, source.chars);
      destination(R1).call('probe_read_kernel').jumpIfImm('ne', R0, 0, done);
      asm
        .load(8, R0, R10, length)
        .jumpIfImm('gt', R0, limit, done)
        .store(4, record.reg, at + 4, R0);
      finish();
      break;
    }
    case 'special_mapping': {
      // special_mapping_name() of mm/mmap.c. Only its operations have a name where there is no file.
      const [slot] = scope.temps;
      scope.loadObject(R8, source.object);
      scope.seePlain(source.object);
      asm.load(8, R1, R8, source.file).jumpIfImm('ne', R1, 0, done);
      asm.load(8, R1, R8, source.ops).jumpIfImm('eq', R1, 0, done);
      asm.load(8, R1, R1, source.opsName).jumpIfImm('eq', R1, 0, done);
      asm.load(8, R3, R8, source.data).jumpIfImm('eq', R3, 0, done).aluImm('add', R3, source.name);
      asm.mov(R1, R10).aluImm('add', R1, slot).movImm(R2, 8).call('probe_read_kernel').jumpIfImm('ne', R0, 0, done);
      asm.load(8, R3, R10, slot).jumpIfImm('eq', R3, 0, done);
      readString(TEXT_LIMIT.special_mapping);
      break;
    }
    case 'kernfs_path':
      emitKernfsPath(scope, source, at, done);
      break;
    case 'vfs_path':
      emitVfsPath(scope, source, at, done);
      break;
    default:
      emitCommandLine(scope, source, at, done, finish);
  }
  asm.label(done);
  if (locked) asm.callKfunc(scope.rcu!.unlock);
  if (source.kind === 'kernfs_path' || source.kind === 'vfs_path') asm.load(8, R8, R10, scope.temps[1]);
}

/** Names from the node up to the root, each with its NUL: the reader turns them round. */
function emitKernfsPath(scope: EmitScope, source: Source & { kind: 'kernfs_path' }, at: number, done: string): void {
  const { asm, record, temps } = scope;
  const top = asm.fresh('top');
  asm.store(8, R10, temps[1], R8);
  const from = follow(asm, source.place, R2, done);
  asm.note(source.place.text).load(8, R8, from, source.place.offset).jumpIfImm('eq', R8, 0, done);
  asm.store(8, R10, temps[0], R7).store(2, record.reg, at + 2, R7);
  for (let level = 0; level < KERNFS_LEVELS; level++) {
    asm.note('the root has no parent').load(8, R1, R8, source.parent).jumpIfImm('eq', R1, 0, top);
    asm.load(8, R3, R8, source.name).mov(R8, R1);
    asm.mov(R1, R9).alu('add', R1, R7).movImm(R2, KERNFS_NAME).call('probe_read_kernel_str');
    asm.note('or an error').jumpIfImm('gt', R0, KERNFS_NAME, top).alu('add', R7, R0);
  }
  asm
    .note('deeper than what is read, unless this is the root')
    .load(8, R1, R8, source.parent)
    .jumpIfImm('eq', R1, 0, top);
  asm.storeImm(4, record.reg, at + 4, -1).label(top);
  asm.mov(R1, R7).load(8, R2, R10, temps[0]).alu('sub', R1, R2).store(2, record.reg, at, R1);
  asm.aluImm('add', R7, 7).aluImm('and', R7, -8);
}

/**
 * As prepend_path() of fs/d_path.c, from the name up to the root of all mounts, each name with its NUL. bpf_d_path does
 * not bear a path whose owner lets go of it meanwhile (dentry NULL); here whatever has gone only ends the walk.
 */
function emitVfsPath(scope: EmitScope, source: Source & { kind: 'vfs_path' }, at: number, done: string): void {
  const { asm, record, temps } = scope;
  const [slot, object, mount, start] = temps;
  const top = asm.fresh('top');
  const cut = asm.fresh('cut');
  /** R1 = the pointer at `offset` behind `from`. */
  const read = (from: Reg, offset: number) => {
    asm.mov(R3, from).aluImm('add', R3, offset);
    asm.mov(R1, R10).aluImm('add', R1, slot).movImm(R2, 8).call('probe_read_kernel').jumpIfImm('ne', R0, 0, cut);
    asm.load(8, R1, R10, slot);
  };
  asm
    .store(8, R10, object, R8)
    .store(8, R10, start, R7)
    .store(2, record.reg, at + 2, R7);
  const from = follow(asm, source.place, R2, done);
  if (from !== R2) asm.mov(R2, from);
  asm
    .note(source.place.text)
    .load(8, R8, R2, source.place.offset + source.dentry)
    .jumpIfImm('eq', R8, 0, done);
  // Read, not loaded: a number from the start on, as the mounts above it are, so that the verifier does not tell them apart.
  read(R2, source.place.offset + source.mnt);
  asm.jumpIfImm('eq', R1, 0, done).note('struct mount').aluImm('sub', R1, source.mount.self).store(8, R10, mount, R1);
  for (let level = 0; level < VFS_LEVELS; level++) {
    const inside = asm.fresh('inside');
    for (let stacked = 0; stacked < VFS_STACKED; stacked++) {
      asm.note('at the root of a mount?').load(8, R4, R10, mount);
      read(R4, source.mount.self + source.root);
      asm.jumpIf('ne', R1, R8, inside).load(8, R4, R10, mount);
      read(R4, source.mount.mountpoint);
      asm.mov(R8, R1).load(8, R4, R10, mount);
      read(R4, source.mount.parent);
      asm.load(8, R4, R10, mount).note('the first mount').jumpIf('eq', R1, R4, top).store(8, R10, mount, R1);
    }
    asm.label(inside).note('name');
    read(R8, source.name);
    asm.mov(R3, R1).mov(R1, R9).alu('add', R1, R7).movImm(R2, VFS_NAME).call('probe_read_kernel_str');
    asm.note('or an error').jumpIfImm('gt', R0, VFS_NAME, cut).alu('add', R7, R0).note('parent');
    read(R8, source.parent);
    asm.note('not below the root of its mount').jumpIf('eq', R1, R8, cut).mov(R8, R1);
  }
  asm
    .label(cut)
    .note('deeper than what is read')
    .storeImm(4, record.reg, at + 4, -1)
    .label(top);
  asm.mov(R1, R7).load(8, R2, R10, start).alu('sub', R1, R2).store(2, record.reg, at, R1);
  asm.aluImm('add', R7, 7).aluImm('and', R7, -8);
}

/**
 * The command line as /proc/PID/cmdline has it (fs/proc/base.c): from arg_start to arg_end, and where its last byte is
 * no NUL the process has written a title over it that may run on to env_end.
 */
function emitCommandLine(
  scope: EmitScope,
  source: Source & { kind: 'cmdline' },
  at: number,
  done: string,
  finish: () => void,
): void {
  const { asm, record, temps } = scope;
  const limit = TEXT_LIMIT.cmdline;
  const [length] = temps;
  /** Copies up to `limit` bytes from arg_start; R2 holds the wanted length, its bounded value is kept in the slot. */
  const copy = () => {
    atMost(asm, R2, limit);
    asm.store(8, R10, length, R2);
    asm.load(8, R1, R8, source.mm).jumpIfImm('eq', R1, 0, done).load(8, R3, R1, source.argStart);
    asm.mov(R1, R9).alu('add', R1, R7).movImm(R5, 0);
    scope.loadObject(R4, source.object);
    asm.call('copy_from_user_task').jumpIfImm('ne', R0, 0, done);
  };
  const wanted = (end: number) => {
    asm.load(8, R1, R8, source.mm).jumpIfImm('eq', R1, 0, done);
    asm.load(8, R2, R1, end).load(8, R3, R1, source.argStart).alu('sub', R2, R3);
    asm.jumpIfImm('eq', R2, 0, done).jumpIfImm('sle', R2, 0, done);
  };
  const keep = asm.fresh('keep');
  scope.loadObject(R8, source.object);
  scope.seePlain(source.object);
  asm.note('arg_end - arg_start');
  wanted(source.argEnd);
  asm.store(4, record.reg, at + 4, R2);
  copy();
  asm.load(8, R2, R10, length).jumpIfImm('eq', R2, 0, done).jumpIfImm('gt', R2, limit, done);
  asm
    .mov(R1, R9)
    .alu('add', R1, R7)
    .alu('add', R1, R2)
    .note('last byte')
    .load(1, R1, R1, -1)
    .jumpIfImm('eq', R1, 0, keep);
  asm.load(4, R3, record.reg, at + 4).jumpIf('ne', R3, R2, keep);
  asm.note('env_end - arg_start');
  wanted(source.envEnd);
  copy();
  asm.label(keep).load(8, R0, R10, length).jumpIfImm('gt', R0, limit, done);
  finish();
}
