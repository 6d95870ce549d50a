/**
 * What loading a built-in table costs, told by what does not depend on the machine: the instructions that the verifier
 * goes through, and the pointers that it looks up in BTF by name (1 to 2 ms each).
 */
import { expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { targetNames } from '../../src/bpf/targets.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { allColumns, describeKernel } from '../support/kernel.ts';
import { verify } from '../support/verify.ts';

/** A pointer loaded through one that the verifier trusts: `r2 = *(u64 *)(r8 +96) ; R2=ptr_mm_struct() R8=trusted_ptr_...`. */
const FROM_TRUSTED =
  /^\d+: \(79\) r(\d) = \*\(u64 \*\)\(r(\d) [+-]\d+\) +; R\1(?:_w)?=[a-z_]*ptr_.* R\2(?:_w)?=(?:trusted|rcu)_ptr_(?!seq_file|bpf_iter_meta)/gm;

/** The largest program, of unix, has 1,450 instructions: paths are read name by name. Without pruning it would be millions. */
const MOST = 2600;

const there = new Set(targetNames(Btf.vmlinux()));
const cast = Btf.vmlinux().func('bpf_rdonly_cast') !== 0;
const cases = BUILTIN.filter((t) => there.has(t.target)).flatMap((template) => [
  { name: `${template.name}: what it shows`, template, columns: template.show },
  { name: `${template.name}: everything`, template, columns: allColumns(template) },
]);

describeKernel('the verifier', () => {
  it.each(cases)('goes through the program of $name about once', ({ template, columns }) => {
    const { processed, plan } = verify(template, columns);
    expect(processed).toBeGreaterThan(20);
    expect(processed, `of ${plan.assembly.slots} slots`).toBeLessThan(MOST);
  });

  it.skipIf(!cast).each(cases)('searches for no pointer of $name, but on the way to d_path()', (one) => {
    const columns = one.columns.filter(
      (name) => !/\bd_path\(/.test(String(one.template.columns.find((c) => c.name === name)?.from)),
    );
    const found = [...verify(one.template, columns).log.matchAll(FROM_TRUSTED)].map(([line]) => line);
    expect(found).toEqual([]);
  });

  it.skipIf(!cast)('is seen to search where it has to', () => {
    const task = BUILTIN.find((t) => t.name === 'task')!;
    expect(verify(task, ['exe']).log).toMatch(FROM_TRUSTED);
  });
});
