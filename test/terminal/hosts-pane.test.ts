/** `:hosts` in the real program, while a host goes and comes back. */
import { afterEach, beforeEach, describe, it, vi } from 'vitest';
import { TestVia } from '../support/via.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });
const LONG = 40_000;

describe.skipIf(skip)('--host (needs root)', () => {
  let via: TestVia;
  let terminal: TestTerminal | undefined;
  beforeEach(() => {
    via = new TestVia();
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
    via[Symbol.dispose]();
  });

  it('lists the hosts, also those that never answered, as they are now', async () => {
    via.leave('web-2');
    const args = ['task', '--host', 'web-1,web-2,db', ...via.options, '--pid', String(process.pid)];
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols: 80, rows: 24 });
    await terminal.waitFor(/2 of 3 hosts/, 'those that answer', LONG);
    terminal.type(':');
    terminal.type('hos');
    terminal.type(KEY.tab);
    await terminal.waitFor(/>: ?hosts/, 'the completion');
    terminal.type(KEY.enter);
    await terminal.waitFor(/^.web-2 +gone +0 never +(in \d+ s|now) +Connection refused/m, 'why', LONG);
    await terminal.waitFor(/^.db +live +1 now/m);
    via.comeBack('web-2');
    await terminal.waitFor(/^.web-2 +live +1 now/m, 'that it is back', LONG);
    via.leave('db');
    await terminal.waitFor(/^.db +gone +1 (\d+ s ago) +(in \d+ s|now) +Connection refused/m, 'that one goes', LONG);
    terminal.type(KEY.escape);
    await terminal.waitFor((screen) => !/NEXT TRY/.test(screen), 'the table');
  });
});
