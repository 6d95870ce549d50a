// Every BPF map of this machine, formatted in the kernel with bpf_seq_printf.
//   sudo node examples/map-lister.ts
import {
  assembleIter,
  createIterator,
  iterCheckNullAndExit,
  iterLoadCtxPtr,
  iterPrologueWithMeta,
  iterReturnContinue,
  loadIteratorProgram,
  loadMember,
  memberAddress,
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  R8,
  seqPrintfSimple,
} from '../src/bpf/index.ts';

const code = assembleIter('bpf_map', [
  iterPrologueWithMeta(R6, R8),
  iterLoadCtxPtr(R6, R7, 'map'),
  iterCheckNullAndExit(R7),
  loadMember(R7, R1, 'bpf_map', 'id'),
  memberAddress(R7, R2, 'bpf_map', 'name'),
  loadMember(R7, R3, 'bpf_map', 'key_size'),
  loadMember(R7, R4, 'bpf_map', 'value_size'),
  loadMember(R7, R5, 'bpf_map', 'max_entries'),
  seqPrintfSimple(R8, '%8u %16s %8u %8u %11u\n', [R1, R2, R3, R4, R5]),
  iterReturnContinue(),
]);

using program = loadIteratorProgram(code, 'bpf_map', { name: 'map_lister' });
using iterator = createIterator(program);
console.log('      ID             NAME      KEY    VALUE MAX_ENTRIES');
process.stdout.write(iterator.text());
