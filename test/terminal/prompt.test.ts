/** The command line in the real program. */
import { afterEach, describe, expect, it } from 'vitest';
import { MAP, map } from '../support/bpf.ts';
import { skip } from '../support/kernel.ts';
import { fdinfo } from '../support/proc.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

describe.skipIf(skip)('the command line', () => {
  let terminal: TestTerminal;
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
  });

  it('goes to a process, to a map and its elements, and quits', async () => {
    using held = map({ type: MAP.array, name: 'it_command', keySize: 4, valueSize: 8, maxEntries: 2 });
    const id = fdinfo('self', held.fd)['map_id']!;
    terminal = new TestTerminal(process.execPath, [PROGRAM, 'tcp'], { cols: 120, rows: 30 });
    await terminal.waitFor(/^tcp {2}[\d,]+ rows?/m);

    terminal.type(`:ps ${process.pid}\r`);
    await terminal.waitFor(/(^|› )task {2}1 row/m);
    await terminal.waitFor(new RegExp(`^ *${process.pid} `, 'm'));

    terminal.type(':map it_comm\r');
    await terminal.waitFor(/(^|› )bpf_map {2}1 row/m);
    await terminal.waitFor(new RegExp(`^ *${id} .*it_command`, 'm'));

    terminal.type(':elem\t it_command\r');
    await terminal.waitFor(/› bpf_map_elem {2}2 rows/m);
    terminal.type(':elements it_comm\r');
    await terminal.waitFor(/error: .*there is no map "it_comm"/);
    terminal.type(KEY.escape);
    await terminal.waitFor((screen) => !/Go to a table/.test(screen));

    terminal.type(':task pid == $\r');
    await terminal.waitFor(/^>: task pid == \$ *\n error: "\$" is not expected here/m);
    terminal.type(KEY.escape);
    await terminal.waitFor((screen) => !/Go to a table/.test(screen));
    terminal.type(':quit\r');
    expect((await terminal.exited).exitCode).toBe(0);
  });
});
