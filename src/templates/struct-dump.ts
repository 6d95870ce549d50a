/**
 * A program that has the kernel print one object whole: bpf_seq_printf_btf (Linux 5.10) of the object whose key equals
 * the value of map `wanted`. What the object points to can be printed the same way, by its path.
 */
import { R1, R2, R3, R4, R8, R10, type Size } from '../bpf/asm.ts';
import { type Btf, BtfError } from '../bpf/btf.ts';
import { findTarget } from '../bpf/targets.ts';
import { compile, linkTakesPid, type Passed, type Plan } from './compile.ts';
import { follow } from './emit.ts';
import { objectType, resolvePlace, type Scope } from './source.ts';
import { columnOf, type Template, TemplateError } from './template.ts';

export interface StructDumpOptions {
  /** Member path of a pointer to a struct (`task->mm`), or an object of the target; '' for the object itself. */
  readonly path: string;
  /** Members that are zero as well. */
  readonly zeros: boolean;
  /** The object itself as the target has it only, not as the larger struct that it may be part of. */
  readonly plain?: boolean;
}

/** A struct that can be printed. */
interface StructRoot {
  /** What paths of its members start with: an object or a member path. */
  readonly path: string;
  readonly type: number;
}

export interface StructDump {
  readonly plan: Plan;
  /** Bytes of map `wanted`: a key as Batch.key() gives it. */
  readonly keySize: number;
  /** Where in the key the thread id is that the link can be restricted to; -1 where there is none. */
  readonly tidAt: number;
  /** One of these is printed: the first that the object is. */
  readonly roots: readonly StructRoot[];
  /** Other objects that come with it. */
  readonly others: readonly StructRoot[];
}

/** @throws TemplateError, BtfError where there is nothing to print, or this kernel cannot */
export function compileStructDump(template: Template, options: StructDumpOptions, btf: Btf): StructDump {
  if (template.map)
    throw new TemplateError(
      template.name,
      '',
      'what is in a map is no struct of the kernel; d on the map shows that of the map',
    );
  if (btf.enumerator('BPF_FUNC_seq_printf_btf') === undefined)
    throw new BtfError('this kernel cannot print its structs: bpf_seq_printf_btf is missing (Linux 5.10)');
  const scope: Scope = { btf, target: findTarget(btf, template.target), casts: template.casts ?? {} };
  const { roots, others } = rootsOf(scope, options);
  const flag = (name: string) => Number(btf.enumerator(name) ?? 0n);
  const flags = flag('BTF_F_PTR_RAW') | (options.zeros ? flag('BTF_F_ZERO') : 0);

  const instead = ({ asm, record, layout, temps, out, load, loadSeq }: Passed) => {
    asm.note('the object that is wanted').loadMapValue(R3, 'wanted', 0);
    for (const { column, type, offset, size } of keyFields(layout)) {
      if (type === 'text')
        throw new TemplateError(template.name, column, 'objects are not found by a text of any length');
      for (let done = 0; done < size; ) {
        const left = size - done;
        const piece: Size = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        asm.load(piece, R1, record.reg, record.offset + offset + done);
        asm.load(piece, R2, R3, offset - layout.keyOffset + done).jumpIf('ne', R1, R2, out);
        done += piece;
      }
    }
    // struct btf_ptr { void *ptr; u32 type_id; u32 flags; }: UAPI.
    const [second, first] = temps;
    for (const [index, { path, type }] of roots.entries()) {
      const next = index === roots.length - 1 ? out : asm.fresh('no_struct');
      if (/^\w+$/.test(path)) load(path, next);
      else {
        const place = resolvePlace(scope, path);
        load(place.object, next);
        const from = follow(asm, place, R2, next);
        asm.note(place.text).load(8, R8, from, place.offset).jumpIfImm('eq', R8, 0, next);
      }
      asm.note(btf.typeName(type)).store(8, R10, first, R8).movImm(R1, type).store(8, R10, second, R1);
      loadSeq(R1);
      asm.mov(R2, R10).aluImm('add', R2, first).movImm(R3, 16).movImm(R4, flags).call('seq_printf_btf');
      if (next !== out) asm.jump(out).label(next);
    }
  };
  const plan = compile(template, { columns: [], instead }, btf);
  return { plan, keySize: plan.layout.keySize, tidAt: tidAt(plan, btf), roots, others };
}

function keyFields({ fields, keyOffset, keySize }: Plan['layout']): Plan['layout']['fields'] {
  return fields.filter(({ offset }) => offset >= keyOffset && offset < keyOffset + keySize);
}

function tidAt({ template, layout, target }: Plan, btf: Btf): number {
  if (!target.name.startsWith('task') || !linkTakesPid(btf)) return -1;
  const field = keyFields(layout).find(({ column }) => columnOf(template, column)!.from === 'task->pid');
  return field ? field.offset - layout.keyOffset : -1;
}

function rootsOf(scope: Scope, { path, plain }: StructDumpOptions): Pick<StructDump, 'roots' | 'others'> {
  if (path !== '') return { roots: [structAt(scope, path)], others: [] };
  const { target, casts } = scope;
  // The last object is the one that the walk is about: a file of a task.
  const pointers = target.members.filter(({ pointer }) => pointer).map(({ name }) => name);
  const main = pointers.at(-1)!;
  const here = Object.keys(casts).filter((name) => isStructHere(scope, name));
  /** The same object as the larger struct that it is part of. */
  const larger = here.filter((name) => {
    const { of, as, call } = casts[name];
    return of === main && (as !== undefined || call?.startsWith('skc_to_'));
  });
  const rest = [...pointers, ...here].filter((name) => name !== main && !larger.includes(name));
  const named = (names: readonly string[]) => names.map((name) => structAt(scope, name));
  return { roots: named([...(plain ? [] : larger), main]), others: named(rest.filter((n) => isStructHere(scope, n))) };
}

function isStructHere(scope: Scope, name: string): boolean {
  try {
    structAt(scope, name);
    return true;
  } catch (error) {
    if (error instanceof BtfError) return false;
    throw error;
  }
}

/** @throws BtfError where no struct is there */
function structAt(scope: Scope, path: string): StructRoot {
  const { btf } = scope;
  const type = /^\w+$/.test(path) ? objectType(scope, path) : pointeeOf(btf, resolvePlace(scope, path).type);
  const struct = type === undefined ? undefined : structType(btf, type);
  if (struct === undefined) throw new BtfError(`${path} leads to no struct that this kernel's BTF describes`);
  return { path, type: struct };
}

function pointeeOf(btf: Btf, type: number): number | undefined {
  return btf.kind(type) === 'PTR' ? btf.pointee(type) : undefined;
}

/** The struct or union that a type is, looked up by name where it is only declared; undefined for any other type. */
export function structType(btf: Btf, type: number): number | undefined {
  const id = btf.strip(type);
  const kind = btf.kind(id);
  if (kind === 'STRUCT' || kind === 'UNION') return id;
  if (kind !== 'FWD') return undefined;
  return btf.find(btf.name(id), btf.isUnion(id) ? 'UNION' : 'STRUCT') || undefined;
}
