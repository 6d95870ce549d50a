/** Facts of this host that neither BTF nor Node tells. */
import koffi from 'koffi';

let size = 0;

/** Bytes of a memory page. */
export function pageSize(): number {
  if (size === 0) size = Number(koffi.load(null).func('int getpagesize()')());
  return size;
}
