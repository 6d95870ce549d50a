// The whole task_struct of one process as text, by bpf_seq_printf_btf, with buildIterProgram().
// Reading goes through /proc/self/fd, as with any other file.
//   sudo node examples/build-iter-program.ts PID
import fs from 'node:fs';
import {
  buildIterProgram,
  iterCheckNull,
  iterLoadCtxPtr,
  loadIteratorProgram,
  makeIterInfo,
  R6,
  R7,
  R8,
  seqPrintfBtf,
  withIterator,
} from '../src/bpf/index.ts';

const pid = Number(process.argv[2] ?? process.pid);

const code = buildIterProgram({
  iterType: 'task',
  ctxReg: R6,
  metaReg: R8,
  body: [iterLoadCtxPtr(R6, R7, 'task'), iterCheckNull(R7, 'default'), seqPrintfBtf(R8, R7, 'task_struct')],
  defaultAction: 'continue',
});
const info = makeIterInfo('task_by_btf', code);
console.log(`${info.name}: ${info.section}, ${info.slots} instructions`);

using program = loadIteratorProgram(code, 'task', { name: info.name });
// The kernel itself picks the task (Linux 6.1).
withIterator(program, { tid: pid }, (iterator) => {
  console.log(fs.readFileSync(`/proc/self/fd/${iterator.iterFd}`, 'utf8'));
});
