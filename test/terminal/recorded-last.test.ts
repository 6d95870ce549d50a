/** What was recorded in the explorer is said after its screen, with the command that shows it again. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeKernel } from '../support/kernel.ts';
import { PROGRAM, TestTerminal } from './terminal.ts';

const LONG = 60_000;

describeKernel('a recording that the end of the explorer ends', () => {
  let folder = '';
  let terminal: TestTerminal | undefined;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-last-'));
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
    fs.rmSync(folder, { recursive: true });
  });

  /** What stands on the main screen at the end. */
  async function recorded(begun: RegExp, ...args: string[]): Promise<string> {
    const line = `cd '${folder}' && exec "$0" "$@"`;
    const words = ['task', '--no-settings', '--pid', String(process.pid), '-d', '0.3', ...args];
    terminal = new TestTerminal('sh', ['-c', line, process.execPath, PROGRAM, ...words], { cols: 160, rows: 24 });
    await terminal.waitFor(/PID USER/);
    terminal.type('R');
    await terminal.waitFor(begun);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
    return terminal.output.slice(terminal.output.lastIndexOf('\x1b[?1049l'));
  }

  it('is said, and can be replayed', { timeout: LONG }, async () => {
    const end = await recorded(/REC \d+(\.\d)?K/);
    const [, file] = /recorded: \d+ refresh(?:es)?, [\d.]+K in (itertop-task-\S+\.itertop); itertop replay \1\r\n/.exec(
      end,
    )!;
    const again = spawnSync(process.execPath, [PROGRAM, 'dump', '--replay', file!], { cwd: folder, encoding: 'utf8' });
    expect([again.status, again.stderr]).toEqual([0, '']);
  });

  it('of two tables is replayed with the other one', { timeout: LONG }, async () => {
    const end = await recorded(/REC \d+(\.\d)?K[\s\S]*REC \d+(\.\d)?K/, '--split', 'tcp');
    const written = String.raw`\d+ refresh(?:es)?, [\d.]+K`;
    expect(end).toMatch(
      new RegExp(`recorded: task: ${written}; tcp: ${written} in (itertop-two-\\S+); itertop replay \\1\r\n`),
    );
    expect(end.match(/itertop replay/g)).toHaveLength(1);
  });
});
