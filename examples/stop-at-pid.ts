// Tasks up to and including the first whose process id is PID; the walk ends there.
//   sudo node examples/stop-at-pid.ts PID
import {
  assembleIter,
  iterCheckNullAndExit,
  iterLoadCtxPtr,
  iterPrologueWithMeta,
  iterReturnContinue,
  iterReturnStop,
  loadIteratorProgram,
  R6,
  R7,
  R8,
  R9,
  seqPrintfSimple,
  taskLoadTgid,
  withIterator,
} from '../src/bpf/index.ts';

const pid = Number(process.argv[2] ?? process.pid);

const code = assembleIter('task', [
  iterPrologueWithMeta(R6, R8),
  iterLoadCtxPtr(R6, R7, 'task'),
  iterCheckNullAndExit(R7),
  taskLoadTgid(R7, R9),
  seqPrintfSimple(R8, '%d\n', [R9]),
  (asm) => asm.jumpIfImm('ne', R9, pid, 'go on'),
  iterReturnStop(), // the task just written is part of the output
  (asm) => asm.label('go on'),
  iterReturnContinue(),
]);

using program = loadIteratorProgram(code, 'task', { name: 'stop_at_pid' });
withIterator(program, (iterator) => {
  process.stdout.write(iterator.text());
  if (!iterator.stopped) console.error(`there is no process ${pid} here`);
});
