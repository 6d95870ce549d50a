/** --host where the explorer cannot begin: it says why and ends, and nothing that reached the hosts keeps it. */
import { describe, expect, it, vi } from 'vitest';
import { TestVia } from '../support/via.ts';
import { PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];
vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(skip)('--host (needs root)', () => {
  it('ends where what it is to show is not there', async () => {
    using via = new TestVia();
    const args = ['task', '--host', 'web-1', ...via.options, '--split', 'nosuch'];
    const terminal = new TestTerminal(process.execPath, [PROGRAM, ...args]);
    try {
      expect(await terminal.exited).toMatchObject({ exitCode: 2 });
      expect(terminal.text()).toContain('nosuch');
    } finally {
      terminal.kill();
    }
  });
});
