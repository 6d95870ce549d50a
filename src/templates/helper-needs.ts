/** Helpers that came later than iterators, and which of them a source takes. */
import type { Btf } from '../bpf/btf.ts';
import { objectsOf, type Source } from './source.ts';
import type { Template } from './template.ts';

const HELPERS: Partial<Record<Source['kind'], string>> = {
  d_path: 'd_path',
  cmdline: 'copy_from_user_task',
  percpu_sum: 'map_lookup_percpu_elem',
};

/** Which helper this kernel lacks for a source, in words; '' where it has all. */
export function lacksHelper(btf: Btf, template: Template, source: Source): string {
  const calls = objectsOf(source).flatMap((object) => callsOf(template, object));
  return [HELPERS[source.kind], ...calls].map((helper) => lacks(btf, helper)).find((r) => r !== '') ?? '';
}

/** The helpers on the way to a cast, which may start from others. */
function callsOf(template: Template, object: string): string[] {
  const calls: string[] = [];
  const seen = new Set<string>();
  for (let name = object; !seen.has(name); ) {
    seen.add(name);
    const cast = template.casts?.[name];
    if (cast?.call) calls.push(cast.call);
    if (cast) name = /^\w+/.exec(cast.of)?.[0] ?? name;
  }
  return calls;
}

/** A kernel's BTF has its helpers as enumerators; one that has none of them does not tell. */
function lacks(btf: Btf, helper: string | undefined): string {
  if (helper === undefined || btf.find('bpf_func_id', ['ENUM', 'ENUM64']) === 0) return '';
  return btf.enumerator(`BPF_FUNC_${helper}`) === undefined ? `this kernel has no helper bpf_${helper}()` : '';
}
