/** Programs that never were, to be looked at. */
import type { ProgramReport } from '../../src/state/inspect.ts';

const lines = (...texts: readonly (readonly [text: string, of: string])[]) => texts.map(([text, of]) => ({ text, of }));

/** The table's own program and those of two joins. */
export function fakeReports(): ProgramReport[] {
  return ['task', 'join task_file', 'join tcp'].map((label) => ({
    label,
    parts: {
      bytecode: lines(
        ['    0: (bf) r6 = r1      (prologue)', '(prologue)'],
        ['    1: (61) r1 = *(u32 *)(r8 +1268)      pid      tgid', 'pid'],
        ['    2: (79) r1 = *(u64 *)(r8 +1560)      start_ns      start_boottime', 'start_ns'],
        ['    3: (63) *(u32 *)(r9 +4) = r1      pid', 'pid'],
        ['out:', ''],
        ['    4: (bf) r0 = r1      pid', 'pid'],
        ['    5: (95) exit', ''],
      ),
      verifier: lines(['accepted', ''], ['processed 5 insns', '']),
      record: lines(['    0 | pid', 'pid']),
      kernel: lines(['program 7', '']),
    },
    meanings: new Map([
      ['pid', 'pid: process id; from task->tgid'],
      ['(prologue)', '(prologue) takes the objects'],
    ]),
  }));
}
