/** The kernel's part that nobody can do without: a walk over all objects with a program that looks at none. */
import { Assembler, R0 } from '../src/bpf/asm.ts';
import { Btf } from '../src/bpf/btf.ts';
import { IteratorFd } from '../src/bpf/iterator.ts';
import { Link } from '../src/bpf/link.ts';
import { loadProgram } from '../src/bpf/program.ts';
import { findTarget } from '../src/bpf/targets.ts';
import { newBuffers } from '../src/templates/record.ts';

/** @returns what walks once; the program goes with `use` */
export function emptyWalk(use: DisposableStack, target: string): () => void {
  const program = use.use(
    loadProgram({
      code: new Assembler().movImm(R0, 0).exit().assemble().encode(),
      attachBtfId: findTarget(Btf.vmlinux(), target).attachBtfId,
      name: 'bench_empty',
    }),
  );
  const link = use.use(Link.create(program));
  const buffers = newBuffers();
  return () => {
    using iterator = IteratorFd.create(link);
    iterator.readAll(buffers);
  };
}
