/** The pane of tables in the real program. */
import { afterEach, describe, expect, it } from 'vitest';
import { skip } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

describe.skipIf(skip)('the pane of tables', () => {
  let terminal: TestTerminal;
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
  });

  it('shows areas and, as they come, how many rows there are; / finds a table', async () => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, 'task'], { cols: 100, rows: 40 });
    await terminal.waitFor(/^task {2}[\d,]+ rows?/m);
    terminal.type('v');
    await terminal.waitFor(/^ processes *$/m);
    expect(terminal.text()).toMatch(/^ network *$/m);
    // The last one to be counted.
    await terminal.waitFor(/^ {3}ksym +[\d,]+ the kernel's symbols/m);
    await terminal.waitFor(/^ {3}task +[\d,]+ processes/m);
    terminal.type('/slab');
    await terminal.waitFor((screen) => /kmem_cache/.test(screen) && !/task_vma/.test(screen));
    terminal.type(KEY.enter);
    await terminal.waitFor((screen) => !/Find in the list/.test(screen));
    terminal.type(KEY.enter);
    await terminal.waitFor(/^kmem_cache {2}[\d,]+ rows?/m);
  });
});
