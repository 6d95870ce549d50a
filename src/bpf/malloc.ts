/** What libc keeps of memory that was given back. */
import { koffi } from './native.ts';

/** malloc.h of glibc */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
const BYTES = 1 << 18;

/**
 * Has memory go back to the system where a quarter of a megabyte is free. By itself glibc keeps twice the largest piece
 * that was ever freed, for good and in each of its arenas: where arrays have megabytes that is all that there ever was.
 * Of another libc nothing is asked.
 */
export function giveMemoryBack(): void {
  try {
    const mallopt = koffi().load(null).func('int mallopt(int parameter, int value)') as (
      parameter: number,
      value: number,
    ) => number;
    mallopt(M_MMAP_THRESHOLD, BYTES);
    mallopt(M_TRIM_THRESHOLD, BYTES);
  } catch {}
}
