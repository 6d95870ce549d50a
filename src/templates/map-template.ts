/** The table of one map: its keys and values as the map's own BTF describes them, else as bytes and numbers. */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { SOCKET_COLUMNS, SOCKET_JOINS } from './builtin/map-socket.ts';
import { HOLDER_OF_SOCKET } from './builtin/socket-owner.ts';
import { namesOf } from './enum-names.ts';
import { type Column, type Format, type MapOf, type Template, UsageError } from './template.ts';

/** Structs in structs and arrays in arrays are taken apart so deep. */
const MAX_DEPTH = 5;
/** Longer arrays are shown as bytes. */
const MAX_UNROLLED = 8;
/** A record has to stay below the kernel's buffer. */
const MAX_COLUMNS = 120;
/** Of what is shown as bytes. */
const MAX_BYTES = 256;
const MAX_KEY = 4096;
const SHOWN = { key: 6, value: 10 };
/** What the kernel keeps in values for itself, and shows nobody. */
const OPAQUE = /^bpf_((res_)?spin_lock|timer|wq|task_work|list_head|list_node|rb_root|rb_node|refcount|dynptr)$/;

/** Which iterator walks over a map of a type. */
function targetOf(type: string): 'bpf_map_elem' | 'sockmap' | 'bpf_sk_storage_map' {
  if (type === 'sockmap' || type === 'sockhash') return 'sockmap';
  return type === 'sk_storage' ? 'bpf_sk_storage_map' : 'bpf_map_elem';
}

/** Name of the table, whichever map it shows. */
export const ELEMENTS = 'bpf_map_elem';

export interface MapTypes {
  readonly btf: Btf;
  /** 0 where BTF does not describe it. */
  readonly key: number;
  readonly value: number;
}

/**
 * @param types what the map's BTF says; null where it has none
 * @throws UsageError for a map without keys
 */
export function mapTemplate(map: MapOf, types: MapTypes | null): Template {
  const target = targetOf(map.type);
  if (map.keySize === 0)
    throw new UsageError(
      `map ${map.id} ${map.name} is a ${map.type}, which has no keys: there are no elements to walk over`,
    );
  const taken = new Set(['key', 'value', 'cpu', 'key_bytes', 'value_bytes', 'sk']);
  const socket = target === 'bpf_map_elem' ? [] : [...SOCKET_COLUMNS, ...HOLDER_OF_SOCKET];
  for (const column of socket) taken.add(column.name);
  const columns: Column[] = [];
  const show: string[] = [];
  const add = (column: Column, shown: boolean) => {
    columns.push(column);
    if (shown) show.push(column.name);
  };
  const described = (part: 'key' | 'value') => {
    const leaves = leavesOf(part, map, types);
    leaves.slice(0, MAX_COLUMNS).forEach((leaf, i) => {
      const column = named(part, leaf, taken);
      add(column, i < SHOWN[part] && !leaf.hidden);
      if (part === 'value' && leaf.counts) {
        const name = `${column.name}_rate`;
        taken.add(name);
        columns.push({
          name,
          derive: `rate(${column.name})`,
          as: 'rate',
          width: 8,
          help: `change of ${column.name} a second`,
        });
      }
    });
  };
  const bytes = (part: 'key' | 'value', size: number) => {
    if (size === 0) return;
    const all = Math.min(size, part === 'key' ? MAX_KEY : MAX_BYTES);
    const help = `the ${part} as bytes${all < size ? `, the first ${all} of ${size}` : ''}`;
    const only = !columns.some(
      (c) => show.includes(c.name) && typeof c.from === 'string' && c.from.includes(`(${part},`),
    );
    add({ name: `${part}_bytes`, from: `bytes(${part}, 0, chars${all})`, as: 'hexbytes', width: 16, help }, only);
  };

  if (target !== 'bpf_sk_storage_map') {
    described('key');
    bytes('key', map.keySize);
  }
  if (map.cpus > 0) columns.push({ name: 'cpu', from: 'cpu()', as: 'int', width: 4, help: 'CPU whose value it is' });
  if (target !== 'bpf_map_elem') for (const column of socket) add(column, SHOWN_SOCKET.includes(column.name));
  if (target !== 'sockmap') {
    described('value');
    bytes('value', map.valueSize);
  }
  return {
    name: ELEMENTS,
    area: 'BPF',
    help: `elements of map ${map.id}${map.name ? ` ${map.name}` : ''} (${map.type})`,
    target,
    key: [target === 'bpf_sk_storage_map' ? 'sk' : 'key_bytes'],
    show,
    sort: show[0],
    columns,
    map,
    ...(target === 'bpf_map_elem' ? {} : { joins: SOCKET_JOINS }),
  };
}

const SHOWN_SOCKET = ['state', 'local', 'remote', 'inode', 'user', 'pid', 'command'];

/** One value within a key or a value. */
interface Leaf {
  /** '' for the whole. */
  readonly path: string;
  readonly from: string;
  readonly as: Format;
  readonly names?: Readonly<Record<number, string>>;
  readonly type: string;
  /** A number that can be added up over CPUs. */
  readonly total: boolean;
  /** It may be a counter, of which a rate is of interest. */
  readonly counts: boolean;
  readonly hidden?: true;
}

function leavesOf(part: 'key' | 'value', map: MapOf, types: MapTypes | null): Leaf[] {
  const size = part === 'key' ? map.keySize : map.valueSize;
  const type = types?.[part] ?? 0;
  if (types && type !== 0) {
    try {
      const found: Leaf[] = [];
      takeApart(part, size, types.btf, type, found);
      if (found.length > 0) return found;
    } catch (error) {
      // Whatever is wrong with the description, the bytes are there.
      if (!(error instanceof BtfError)) throw error;
    }
  }
  if (![1, 2, 4, 8].includes(size)) return [];
  const plain = (path: string, letter: 'u' | 'i') => ({
    path,
    from: `bytes(${part}, 0, ${letter}${size * 8})`,
    as: 'int' as const,
    type: `${letter === 'u' ? 'unsigned' : 'signed'} number of ${size} bytes`,
    total: true,
  });
  return [
    { ...plain('', 'u'), counts: size >= 4 },
    { ...plain('signed', 'i'), counts: false, hidden: true },
  ];
}

function takeApart(part: string, size: number, btf: Btf, whole: number, found: Leaf[]): void {
  const add = (path: string, offset: number, as: string, leaf: Omit<Leaf, 'path' | 'from'>, bits = '') =>
    found.push({ path, from: `bytes(${part}, ${offset}, ${as}${bits})`, ...leaf });
  const asBytes = (path: string, offset: number, length: number, type: string, text: boolean) => {
    const least = Math.min(length, MAX_BYTES, size - offset);
    if (least > 0)
      add(path, offset, `chars${least}`, { as: text ? 'text' : 'hexbytes', type, total: false, counts: false });
  };

  function visit(path: string, declared: number, offset: number, depth: number): void {
    const spelled = btf.typeName(declared);
    const plain = spelled.replace(/^(const |volatile )*/, '');
    const type = btf.strip(declared);
    const kind = btf.kind(type);
    if (found.length >= MAX_COLUMNS || offset >= size) return;
    if ((kind === 'STRUCT' || kind === 'UNION') && OPAQUE.test(btf.name(type))) return;
    const below = (name: string) => (path && name ? `${path}_${name}` : path || name);
    if (kind === 'DATASEC') {
      for (const v of btf.variables(type)) visit(v.name, v.type, v.offset, depth + 1);
      return;
    }
    const length = kind === 'VOID' || kind === 'FWD' ? 0 : btf.sizeOf(type);
    if (kind === 'STRUCT' || kind === 'UNION') {
      if (depth >= MAX_DEPTH) {
        asBytes(path, offset, length, spelled, false);
        return;
      }
      for (const member of btf.members(type)) {
        if (member.bits > 0) bitField(below(member.name), member.type, offset * 8 + member.bitOffset, member.bits);
        else visit(below(member.name), member.type, offset + member.bitOffset / 8, depth + 1);
      }
      return;
    }
    if (kind === 'ARRAY') {
      const { element, length: count } = btf.array(type);
      const inner = btf.strip(element);
      const byte = btf.kind(inner) === 'INT' && btf.sizeOf(inner) === 1;
      // What has no end of its own reaches to the end of the key or value.
      if (byte || count === 0)
        asBytes(
          path,
          offset,
          count === 0 ? size - offset : length,
          spelled,
          byte && /\bchar\b/.test(spelled) && !/unsigned/.test(spelled),
        );
      else if (count > MAX_UNROLLED || depth >= MAX_DEPTH) asBytes(path, offset, length, spelled, false);
      else {
        const step = btf.sizeOf(element);
        for (let i = 0; i < count; i++) visit(below(String(i)), element, offset + i * step, depth + 1);
      }
      return;
    }
    if (offset + length > size) return;
    if (kind === 'PTR') add(path, offset, 'u64', { as: 'hex', type: spelled, total: false, counts: false });
    else if (kind === 'ENUM' || kind === 'ENUM64') {
      const all = btf.enumerators(type);
      const signed = all.some((e) => e.value < 0n);
      add(path, offset, `${signed ? 'i' : 'u'}${length * 8}`, {
        ...{ as: 'enum', names: namesOf(all), type: spelled, total: false, counts: false },
      });
    } else if (kind === 'INT' && length <= 8) {
      const { signed, bool } = btf.int(type);
      const big = /^__be(16|32|64)$/.test(plain);
      const as: Format = bool ? 'flag' : plain === 'uid_t' || plain === 'kuid_t' ? 'uid' : 'int';
      const counts = !bool && !big && as === 'int' && length >= 4;
      add(path, offset, big ? `be${length * 8}` : `${signed ? 'i' : 'u'}${length * 8}`, {
        ...{ as, type: spelled, total: !bool && !big && as === 'int', counts },
      });
    } else asBytes(path, offset, length, spelled, false);
  }

  function bitField(path: string, declared: number, bit: number, bits: number): void {
    const type = btf.strip(declared);
    const kind = btf.kind(type);
    const signed = kind === 'INT' && btf.int(type).signed;
    const names = kind === 'ENUM' || kind === 'ENUM64' ? namesOf(btf.enumerators(type)) : undefined;
    // Within the map's bytes: the smallest word that holds it, aligned where that is so.
    const width = [1, 2, 4, 8].find((w) => bit - Math.floor(bit / (w * 8)) * w * 8 + bits <= w * 8);
    if (path === '' || width === undefined) return;
    const at = Math.floor(bit / (width * 8)) * width;
    if (at + width > size) return;
    add(
      path,
      at,
      `${signed ? 'i' : 'u'}${width * 8}`,
      {
        ...{ as: names ? 'enum' : kind === 'INT' && btf.int(type).bool ? 'flag' : 'int', total: names === undefined },
        ...{ type: `${btf.typeName(declared)} of ${bits} bits`, counts: false },
        ...(names ? { names } : {}),
      },
      `, ${bit - at * 8}, ${bits}`,
    );
  }

  visit('', whole, 0, 0);
}

/** key, key_saddr; value, packets; what is there already gets a number. */
function named(part: 'key' | 'value', leaf: Leaf, taken: Set<string>): Column {
  const plain = leaf.path
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+/, '');
  const clashes = taken.has(plain) || /^key(_|$)/.test(plain) || !/^[a-z]/.test(plain) || leaf.path === 'signed';
  let name =
    leaf.path === '' ? part : part === 'key' || clashes ? `${part}_${plain || leaf.path.replace(/\D+/g, '')}` : plain;
  if (leaf.path !== '') {
    const base = name;
    for (let n = 2; taken.has(name) || name.endsWith('_'); n++) name = `${base}_${n}`;
    taken.add(name);
  }
  const { from, as, names, total, type } = leaf;
  return {
    name,
    from,
    as,
    ...(names === undefined ? {} : { names }),
    ...(total && part === 'value' ? { total } : {}),
    width: as === 'text' || as === 'hexbytes' ? 16 : as === 'enum' ? 12 : 8,
    help: leaf.path === '' ? `the whole ${part}: ${type}` : `${leaf.path} of the ${part}: ${type}`,
  };
}
