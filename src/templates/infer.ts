/** How a value is shown where a column does not say: what its type in BTF tells. */
import type { Btf } from '../bpf/btf.ts';
import { parseDerive } from './columns.ts';
import { deriveFunction, TEXT } from './derive.ts';
import { namesOf } from './enum-names.ts';
import { type Place, type Source, unwrap } from './source.ts';
import { type Column, columnOf, type Format, type Template } from './template.ts';

/** What a format can show. */
export type Content = 'number' | 'text' | 'bytes' | 'inet';

export interface Shown {
  readonly as: Format;
  /** Of an enum, as in Column.names. */
  readonly names?: NonNullable<Column['names']>;
}

export function contentOf(format: Format): Content {
  if (format === 'text' || format === 'path') return 'text';
  if (format === 'hexbytes') return 'bytes';
  return format === 'inet' ? 'inet' : 'number';
}

/** Whether the format can show what the source gives. Bytes are shown as text, too: that is what char arrays are. */
export function fits(format: Format, source: Source): boolean {
  const content = contentOf(format);
  switch (source.kind) {
    case 'inet':
    case 'inet6':
      return content === 'inet' || content === 'text';
    case 'scalar':
    case 'memory':
    case 'each':
      return source.type === 'chars' ? content === 'text' || content === 'bytes' : content === 'number';
    case 'str':
    case 'd_path':
    case 'kernfs_path':
    case 'vfs_path':
    case 'cmdline':
    case 'sun_path':
    case 'special_mapping':
      return content === 'text';
    default:
      return content === 'number';
  }
}

/** Pointers as hex, char arrays as text, enums by name, bool as yes, uids and devices as what they are, else a number. */
export function shownAs(btf: Btf, source: Source): Shown {
  switch (source.kind) {
    case 'inet':
    case 'inet6':
      return { as: 'inet' };
    case 'd_path':
    case 'kernfs_path':
    case 'vfs_path':
      return { as: 'path' };
    case 'str':
    case 'cmdline':
    case 'sun_path':
    case 'special_mapping':
      return { as: 'text' };
    case 'address':
      return { as: 'hex' };
    case 'each':
      return source.member ? shownAs(btf, source.member) : { as: source.size === 8 ? 'hex' : 'int' };
    case 'memory':
      return { as: source.type === 'chars' ? 'hexbytes' : 'int' };
    case 'scalar':
      return source.type === 'chars'
        ? { as: isCharacters(btf, source.place) ? 'text' : 'hexbytes' }
        : number(btf, source.place);
    default:
      return { as: 'int' };
  }
}

/** char comm[16], not unsigned char tag[8]. */
function isCharacters(btf: Btf, place: Place): boolean {
  return /^(const |volatile )*char\b/.test(btf.typeName(place.declared));
}

function number(btf: Btf, place: Place): Shown {
  const declared = btf.typeName(place.declared).replace(/^(const |volatile )*/, '');
  if (declared === 'kuid_t' || declared === 'uid_t') return { as: 'uid' };
  if (declared === 'dev_t') return { as: 'dev' };
  if (declared === 'umode_t') return { as: 'octal' };
  const type = unwrap(btf, place.type);
  const kind = btf.kind(type);
  if (kind === 'PTR') return { as: 'hex' };
  if (kind === 'INT' && btf.int(type).bool) return { as: 'flag' };
  if (kind !== 'ENUM' && kind !== 'ENUM64') return { as: 'int' };
  if (btf.name(type) !== '') return { as: 'enum', names: btf.name(type) };
  return { as: 'enum', names: namesOf(btf.enumerators(type)) };
}

/** How what a column is derived from is shown. @throws TemplateError where it is no function of columns */
export function derivedAs(template: Template, column: string, derive: string): Format {
  const { name, args } = parseDerive(template, column, derive);
  if (Object.hasOwn(TEXT, name)) return 'text';
  const first = columnOf(template, args[0] ?? '')?.as ?? 'int';
  const as = deriveFunction(name)?.as ?? first;
  return as === 'rate' && first === 'bytes' ? 'byterate' : as;
}

/** Cells to reserve for a column that does not say. */
export function widthOf(format: Format): number {
  const content = contentOf(format);
  if (content !== 'number') return format === 'inet' ? 15 : 16;
  if (format === 'time') return 19;
  return format === 'enum' || format === 'hex' ? 12 : 8;
}
