// Every task of this PID namespace: thread id, process id and name, as binary records.
//   sudo node examples/task-dumper.ts
import {
  allocStackBuffer,
  assembleIter,
  createIterator,
  iterCheckNullAndExit,
  iterLoadCtxPtr,
  iterPrologueWithMeta,
  iterReturnContinue,
  loadIteratorProgram,
  memberAddress,
  probeReadKernel,
  R1,
  R2,
  R6,
  R7,
  R8,
  R9,
  seqWrite,
  taskLoadPid,
  taskLoadTgid,
} from '../src/bpf/index.ts';

// One record: u32 pid, u32 tgid, char comm[16].
const RECORD = 24;

const code = assembleIter('task', [
  iterPrologueWithMeta(R6, R8),
  iterLoadCtxPtr(R6, R7, 'task'),
  iterCheckNullAndExit(R7), // the last call has no task
  allocStackBuffer(R9, -RECORD),
  taskLoadPid(R7, R1),
  taskLoadTgid(R7, R2),
  (asm) => asm.store(4, R9, 0, R1).store(4, R9, 4, R2),
  memberAddress(R7, R7, 'task_struct', 'comm'),
  (asm) => asm.aluImm('add', R9, 8),
  probeReadKernel(R9, 16, R7),
  (asm) => asm.aluImm('add', R9, -8),
  seqWrite(R8, R9, RECORD),
  iterReturnContinue(),
]);

using program = loadIteratorProgram(code, 'task', { name: 'task_dumper' });
using iterator = createIterator(program);
const bytes = iterator.read();
const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const little = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

console.log('    PID    TGID COMM');
for (let at = 0; at < bytes.length; at += RECORD) {
  const [pid, tgid] = [view.getUint32(at, little), view.getUint32(at + 4, little)];
  const comm = bytes.toString('utf8', at + 8, at + RECORD).replace(/\0.*/s, '');
  console.log(`${String(pid).padStart(7)} ${String(tgid).padStart(7)} ${comm}`);
}
