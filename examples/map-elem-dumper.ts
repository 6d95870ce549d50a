// The elements of one map: a hash of u32 to u64 that this program fills itself.
//   sudo node examples/map-elem-dumper.ts
import {
  assembleIter,
  BpfMap,
  closeIterator,
  createIterator,
  iterCheckNullAndExit,
  iterLoadCtxPtr,
  iterPrologueWithMeta,
  iterReturnContinue,
  loadIteratorProgram,
  R6,
  R7,
  R8,
  R9,
  seqWrite,
} from '../src/bpf/index.ts';

using squares = BpfMap.create({ type: 'hash', keySize: 4, valueSize: 8, maxEntries: 100, name: 'squares' });
for (let n = 1; n <= 20; n++) {
  squares.update(
    new Uint8Array(Uint32Array.of(n).buffer),
    new Uint8Array(BigUint64Array.of(BigInt(n) * BigInt(n)).buffer),
  );
}

const code = assembleIter('bpf_map_elem', [
  iterPrologueWithMeta(R6, R8),
  iterLoadCtxPtr(R6, R7, 'key'),
  iterCheckNullAndExit(R7),
  iterLoadCtxPtr(R6, R9, 'value'),
  iterCheckNullAndExit(R9),
  seqWrite(R8, R7, 4),
  seqWrite(R8, R9, 8),
  iterReturnContinue(),
]);

using program = loadIteratorProgram(code, 'bpf_map_elem', { name: 'elem_dumper' });
const iterator = createIterator(program, { mapFd: squares.fd });
const bytes = iterator.read();
closeIterator(iterator);

const pairs: [number, bigint][] = [];
for (let at = 0; at < bytes.length; at += 12) {
  const record = bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 12);
  pairs.push([new Uint32Array(record, 0, 1)[0], new BigUint64Array(record.slice(4))[0]]);
}
// A hash has no order of its own.
pairs.sort(([a], [b]) => a - b);
for (const [key, value] of pairs) console.log(`${key} ${value}`);
