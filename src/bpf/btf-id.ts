/** Which kernel's types these are: two kernels of one release may differ. */
import { createHash } from 'node:crypto';
import { vmlinuxBytes } from './btf.ts';

let known: string | undefined;

/** `sha256:` and the digest of the running kernel's BTF; '' where it has none. */
export function btfId(): string {
  known ??= digest();
  return known;
}

function digest(): string {
  try {
    return `sha256:${createHash('sha256').update(vmlinuxBytes()).digest('hex')}`;
  } catch {
    return '';
  }
}
