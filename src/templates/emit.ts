/**
 * Code for values: from an object's pointer into a field of the record.
 *
 * Registers: R6 context · R8 the object at hand · R9 the record where it is no stack memory · R7 where the next text
 * goes · R1 to R5 free between columns, R2 the last pointer of a chain.
 */
import { type Assembler, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, type Reg, type Size } from '../bpf/asm.ts';
import { type Field, INET_ADDRESS, TEXT_FIELD_SIZE } from './record.ts';
import { type Place, type Source, TEXT_LIMIT } from './source.ts';

const AF_INET6 = 10;
/** cgroup and other kernfs paths deeper than this lose their first components, and say so. */
export const KERNFS_LEVELS = 12;
const KERNFS_NAME = 256;

/** Where the record is being built. */
export interface RecordPlace {
  readonly reg: Reg;
  readonly offset: number;
}

export interface EmitScope {
  readonly asm: Assembler;
  readonly record: RecordPlace;
  /** Two 8-byte stack slots for what has to outlive a call. */
  readonly temps: readonly [number, number];
  /** Puts the pointer of a context member into a register; leaves the program where it is NULL. */
  readonly loadObject: (reg: Reg, object: string) => void;
  /**
   * In a sleepable program pointers found on the way are only trusted under RCU: BTF ids of bpf_rcu_read_lock and
   * bpf_rcu_read_unlock (Linux 6.2; before it the verifier does not ask). null where the program does not sleep.
   */
  readonly rcu: { readonly lock: number; readonly unlock: number } | null;
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
    const left = size - done;
    const piece: Size = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    asm.load(piece, R1, from, offset + done).store(piece, to.reg, to.offset + at + done, R1);
    done += piece;
  }
}

/** Emits columns that start from the object in R8; those behind the same pointers share the way there. */
export function emitColumns(scope: EmitScope, columns: readonly { source: Source; field: Field }[]): void {
  const { asm } = scope;
  const byChain = new Map<string, { place: Place; list: { source: Source & { kind: 'scalar' }; field: Field }[] }>();
  for (const column of columns) {
    if (column.source.kind !== 'scalar') continue;
    const chain = column.source.place.loads.join();
    const entry = byChain.get(chain) ?? { place: column.source.place, list: [] };
    entry.list.push(column as { source: Source & { kind: 'scalar' }; field: Field });
    byChain.set(chain, entry);
  }
  for (const { place, list } of byChain.values()) {
    const absent = asm.fresh('null');
    let from: Reg = R8;
    asm.tagged(list.map((c) => c.field.column).join(' '), () => {
      from = follow(asm, place, R2, absent);
    });
    for (const { source, field } of list) {
      asm.tagged(field.column, () => {
        asm.note(source.place.text);
        if (source.type === 'chars') copyBytes(asm, from, source.place.offset, source.size, scope.record, field.offset);
        else {
          loadNumber(asm, source.place, source.size, from, R1, source.swap);
          asm.store(source.size as Size, scope.record.reg, scope.record.offset + field.offset, R1);
        }
      });
    }
    if (place.loads.length > 0) asm.label(absent);
  }
  for (const { source, field } of columns) {
    if (source.kind !== 'scalar') asm.tagged(field.column, () => emitOther(scope, source, field));
  }
}

function emitOther(scope: EmitScope, source: Exclude<Source, { kind: 'scalar' }>, field: Field): void {
  const { asm, record } = scope;
  const at = record.offset + field.offset;
  switch (source.kind) {
    case 'context':
      asm.load(source.size, R1, R6, source.offset).store(source.size, record.reg, at, R1);
      return;
    case 'address':
      asm.store(8, record.reg, at, R8);
      return;
    case 'sum': {
      asm.movImm(R3, 0);
      for (const place of source.of) {
        const absent = asm.fresh('null');
        const from = follow(asm, place, R2, absent);
        asm.note(place.text);
        loadNumber(asm, place, place.size, from, R1);
        asm.alu('add', R3, R1);
        if (place.loads.length > 0) asm.label(absent);
      }
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
      const target = { reg: record.reg, offset: record.offset };
      if (source.v6) {
        const four = asm.fresh('ipv4');
        asm.jumpIfImm('ne', R1, AF_INET6, four);
        asm.note(source.v6.text);
        copyBytes(asm, from, source.v6.offset, 16, target, field.offset + INET_ADDRESS);
        asm.jump(done).label(four);
      }
      asm.note(source.v4.text);
      copyBytes(asm, from, source.v4.offset, 4, target, field.offset + INET_ADDRESS);
      asm.label(done);
      if (source.family.loads.length > 0) asm.label(absent);
      return;
    }
    case 'pid_ns':
      emitPidNamespace(scope, source, at);
      return;
    default:
      emitText(scope, source, field);
  }
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
      const limit = TEXT_LIMIT.str;
      const from = follow(asm, source.place, R2, done);
      asm.note(source.place.text).load(8, R3, from, source.place.offset).jumpIfImm('eq', R3, 0, done);
      destination(R1).movImm(R2, limit).call('probe_read_kernel_str');
      asm
        .jumpIfImm('sle', R0, 0, done)
        .jumpIfImm('gt', R0, limit, done)
        .aluImm('sub', R0, 1)
        .store(4, record.reg, at + 4, R0);
      finish();
      break;
    }
    case 'kernfs_path':
      emitKernfsPath(scope, source, at, done);
      break;
    default:
      emitCommandLine(scope, source, at, done, finish);
  }
  asm.label(done);
  if (locked) asm.callKfunc(scope.rcu!.unlock);
  if (source.kind === 'kernfs_path') asm.load(8, R8, R10, scope.temps[1]);
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
    asm.jumpIfImm('sle', R0, 0, top).jumpIfImm('gt', R0, KERNFS_NAME, top).alu('add', R7, R0);
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
    const fits = asm.fresh('fits');
    asm.jumpIfImm('le', R2, limit, fits).movImm(R2, limit).label(fits).store(8, R10, length, R2);
    asm.load(8, R1, R8, source.mm).jumpIfImm('eq', R1, 0, done).load(8, R3, R1, source.argStart);
    asm
      .mov(R1, R9)
      .alu('add', R1, R7)
      .mov(R4, R8)
      .movImm(R5, 0)
      .call('copy_from_user_task')
      .jumpIfImm('ne', R0, 0, done);
  };
  const wanted = (end: number) => {
    asm.load(8, R1, R8, source.mm).jumpIfImm('eq', R1, 0, done);
    asm.load(8, R2, R1, end).load(8, R3, R1, source.argStart).alu('sub', R2, R3);
    asm.jumpIfImm('eq', R2, 0, done).jumpIfImm('sle', R2, 0, done);
  };
  const keep = asm.fresh('keep');
  scope.loadObject(R8, source.object);
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
