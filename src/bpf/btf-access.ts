/** What the verifier takes a load from a struct for. It goes by offsets, and in a union by the first member that fits. */
import type { Btf } from './btf.ts';

export type Access =
  | { readonly kind: 'number' }
  /** To a struct or union: it can be followed, and nobody calculates with it. */
  | { readonly kind: 'pointer'; readonly to: number }
  | { readonly kind: 'refused' };

const NUMBER: Access = { kind: 'number' };
const REFUSED: Access = { kind: 'refused' };
const isStruct = (btf: Btf, type: number) => btf.kind(type) === 'STRUCT' || btf.kind(type) === 'UNION';

/** As btf_struct_walk() of kernel/bpf/btf.c does it (Linux 5.8 to 6.18). `struct`: a STRUCT or UNION. */
export function accessOf(btf: Btf, struct: number, offset: number, size: number): Access {
  let type = btf.strip(struct);
  let off = offset;
  next: for (;;) {
    const members = btf.members(type);
    const last = members.at(-1);
    if (!last) return REFUSED;
    if (off + size > btf.sizeOf(type)) {
      // Only an array without a length at the end goes on behind the struct.
      const at = last.bitOffset / 8;
      const array = btf.strip(last.type);
      if (last.bits > 0 || off < at || btf.kind(array) !== 'ARRAY' || btf.array(array).length > 0) return REFUSED;
      const element = btf.strip(btf.array(array).element);
      if (btf.kind(element) === 'INT') return NUMBER;
      if (!isStruct(btf, element) || btf.sizeOf(element) === 0) return REFUSED;
      off = (off - at) % btf.sizeOf(element);
      type = element;
      continue;
    }
    for (const member of members) {
      let at = Math.floor(member.bitOffset / 8);
      if (off + size <= at) return REFUSED;
      if (member.bits > 0) {
        if (off <= at && Math.ceil((member.bitOffset + member.bits) / 8) <= off + size) return NUMBER;
        continue;
      }
      if (off < at) return REFUSED;
      let of = btf.strip(member.type);
      let most = btf.sizeOf(of);
      if (off >= at + most) continue;
      let element = of;
      while (btf.kind(of) === 'ARRAY') {
        element = btf.array(of).element;
        of = btf.strip(element);
        most = btf.sizeOf(of);
      }
      // Of an array the element that the access begins in.
      at += most > 0 ? Math.floor((off - at) / most) * most : 0;
      if (isStruct(btf, of)) {
        // Linux 5.13 to 6.1 stumble over an element's typedef where its very beginning is loaded (atomic_long_t count[4]).
        if (off === at && element !== of && btf.kind(element) === 'TYPEDEF') return REFUSED;
        type = of;
        off -= at;
        continue next;
      }
      if (btf.kind(of) === 'PTR') {
        if (size !== most || off !== at) return REFUSED;
        const to = btf.strip(btf.pointee(of));
        if (isStruct(btf, to)) return { kind: 'pointer', to };
      }
      // Within an array of numbers any bytes are taken.
      return off + size > Math.floor(member.bitOffset / 8) + btf.sizeOf(btf.strip(member.type)) ? REFUSED : NUMBER;
    }
    return REFUSED;
  }
}
