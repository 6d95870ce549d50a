/** Whoever connects to Node's debugger does in this process what it may do. The executable: test/ship. */
import { it } from 'vitest';
import { opensNoDebugger } from '../support/debugger.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';

describeKernel('SIGUSR1', () => {
  it('opens no debugger', () => opensNoDebugger([process.execPath, PROGRAM]));
});
