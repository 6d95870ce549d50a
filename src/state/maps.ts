/** Maps by what people call them: an id, a name, a path in a bpf file system; and the table of one. */
import { Btf } from '../bpf/btf.ts';
import { possible } from '../bpf/host.ts';
import { nearest } from '../bpf/nearest.ts';
import { loadedBtf, type MapInfo, OpenMap } from '../bpf/open-map.ts';
import { BpfError } from '../bpf/syscall.ts';
import { namesOf } from '../templates/enum-names.ts';
import { type MapTypes, mapTemplate } from '../templates/map-template.ts';
import { type MapOf, type Template, UsageError } from '../templates/template.ts';

const MAX_LISTED = 20;

/** As in enum bpf_map_type, in small letters: hash, percpu_array. A number where this kernel's BTF has no name. */
function mapTypeName(type: number): string {
  const btf = Btf.vmlinux();
  const all = btf.find('bpf_map_type', ['ENUM', 'ENUM64']);
  return (all === 0 ? undefined : namesOf(btf.enumerators(all))[type]) ?? String(type);
}

/**
 * The map and how it was asked for. @param asked an id, a path, or a name
 * @throws UsageError where there is none, or several have the name; BpfError
 */
function findMap(asked: string): { map: OpenMap; how: Pick<MapOf, 'path' | 'byName'> } {
  const text = asked.trim();
  if (text.includes('/')) return { map: OpenMap.byPath(text), how: { path: text } };
  if (/^\d+$/.test(text)) {
    const map = openOrGone(Number(text));
    if (map) return { map, how: {} };
    // A name may be all digits.
  }
  const all = listMaps();
  const named = all.filter((m) => m.name === text);
  if (named.length === 1) {
    const map = openOrGone(named[0].id);
    if (map) return { map, how: { byName: true } };
  }
  if (named.length > 1) {
    throw new UsageError(
      `${named.length} maps have the name "${text}"; name one by its id:\n${named.slice(0, MAX_LISTED).map(line).join('\n')}`,
    );
  }
  if (text !== '' && /^\d+$/.test(text)) {
    const close = [...all].sort((a, b) => Math.abs(a.id - Number(text)) - Math.abs(b.id - Number(text))).slice(0, 3);
    throw new UsageError(
      `there is no map ${text}; ${close.length ? `the nearest are\n${close.map(line).join('\n')}` : 'there are none at all'}`,
    );
  }
  const close = nearest(text, [...new Set(all.map((m) => m.name).filter((n) => n !== ''))]);
  const near = all.filter((m) => close.includes(m.name));
  const listed = (near.length > 0 ? near : all).slice(0, MAX_LISTED);
  throw new UsageError(
    `there is no map "${text}"; ${near.length > 0 ? 'did you mean' : listed.length > 0 ? 'there are' : 'there are none at all'}\n${listed.map(line).join('\n')}`.trimEnd(),
  );
}

const line = ({ id, type, name }: MapInfo) => `  ${String(id).padStart(6)} ${mapTypeName(type)} ${name}`.trimEnd();

/** @throws BpfError (EPERM without CAP_SYS_ADMIN) */
function listMaps(): MapInfo[] {
  return OpenMap.ids().flatMap((id) => {
    using map = openOrGone(id);
    return map ? [map.info()] : [];
  });
}

function openOrGone(id: number): OpenMap | undefined {
  try {
    return OpenMap.byId(id);
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The table of a map's elements. @throws UsageError, BpfError */
export function tableOfMap(asked: string): Template {
  const { map, how } = findMap(asked);
  try {
    return templateOfMap(map, how);
  } finally {
    map.close();
  }
}

/** @throws BpfError, BtfError */
function templateOfMap(map: OpenMap, how: Pick<MapOf, 'path' | 'byName'>): Template {
  const info = map.info();
  const type = mapTypeName(info.type);
  const of: MapOf = {
    id: info.id,
    ...how,
    name: info.name,
    type,
    keySize: info.keySize,
    valueSize: info.valueSize,
    cpus: type.includes('percpu') ? possible('cpu').length : 0,
  };
  const types = typesOf(info);
  return types === 'closed' ? mapTemplate({ ...of, closed: true }, null) : mapTemplate(of, types);
}

/** What is to be said of a map that is shown otherwise than it could be; '' for nothing. */
export function shortcomingOf({ map }: Template): string {
  return map?.closed
    ? `map ${map.id} ${map.name}: keys and values as bytes, as its BTF tells their members only with CAP_SYS_ADMIN (sudo itertop)`
    : '';
}

/** null where there is no BTF, `closed` where it may not be opened: a map that is pinned may be read without it. */
function typesOf(info: MapInfo): MapTypes | 'closed' | null {
  if (info.btfId === 0) return null;
  try {
    return { btf: loadedBtf(info.btfId), key: info.keyType, value: info.valueType };
  } catch (error) {
    if (error instanceof BpfError && error.code === 'EPERM') return 'closed';
    throw error;
  }
}

/**
 * The map of a table, opened anew: nobody's map lives longer for being looked at.
 * @throws BpfError (ENOENT) where it is gone, UsageError where another one of another form has taken its place
 */
export function reopen(of: MapOf): OpenMap {
  const gone = `map ${of.id}${of.name ? ` ${of.name}` : ''} is gone`;
  let map: OpenMap | undefined;
  if (of.path !== undefined) map = OpenMap.byPath(of.path);
  else {
    map = openOrGone(of.id);
    if (!map && of.byName) {
      const [next, more] = listMaps().filter((m) => m.name === of.name);
      map = next && !more ? openOrGone(next.id) : undefined;
    }
  }
  if (!map)
    throw new BpfError('BPF_MAP_GET_FD_BY_ID', 2, `${gone}: nobody holds it any more; bpf_map shows those there are`);
  const info = map.info();
  if (info.keySize === of.keySize && info.valueSize === of.valueSize && mapTypeName(info.type) === of.type) return map;
  map.close();
  throw new UsageError(`${gone}; map ${info.id} has taken its place and is built otherwise: open it anew`);
}
