/** The recording that comes with the program, by its name: explored, and as rows by the words that Y gives for it. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { PROGRAM, TestTerminal } from './terminal.ts';

const ENV = { TZ: 'UTC', XDG_CONFIG_HOME: '/nonexistent', HOME: '/nonexistent' };

describe('the sample recording', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-sample-'));
  let terminal: TestTerminal | undefined;
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('is shown by its name, and so are its rows', async () => {
    const script = `cd ${folder} && exec "$@"`;
    terminal = new TestTerminal(
      'sh',
      ['-c', script, '-', process.execPath, PROGRAM, 'replay', 'sample', '--at', '50%'],
      {
        ...{ cols: 100, env: ENV },
      },
    );
    await terminal.waitFor(/SAMPLE/);
    terminal.type('Y');
    const [command] = /itertop dump --replay sample --at \S+/.exec(await terminal.waitFor(/--replay sample --at \S+/))!;
    const shell = `itertop() { "${process.execPath}" "${PROGRAM}" "$@"; }; ${command}`;
    const text = execFileSync('sh', ['-c', shell], { cwd: folder, encoding: 'utf8', env: { ...process.env, ...ENV } });
    expect(text).toMatch(/^itertop \w+ {2}\d+ rows?/);
  });

  it('has the sockets of its processes beside them, which are a table by a name of their own', async () => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, 'replay', 'sample', '--at', '50%'], {
      ...{ cols: 100, env: ENV },
    });
    const screen = await terminal.waitFor(/tcp of \d+ \S+/);
    expect(screen).toMatch(/^task {2}\d+ rows/m);
    terminal.type('/nginx: master\r');
    await terminal.waitFor(/tcp of \d+ nginx/);
    await terminal.waitFor(/LISTEN .*:443/);
    terminal.type('\tY');
    const [, command] = /(dump --replay sample-tcp --at \S+)/.exec(
      await terminal.waitFor(/--replay sample-tcp --at \S+/),
    )!;
    const { stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...command!.split(' ')], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/CLOSE_WAIT .* shop-server/);
  });

  it('gives way to a file of that name', () => {
    fs.writeFileSync(path.join(folder, 'sample'), 'no recording');
    const args = [PROGRAM, 'dump', '--replay', 'sample'];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, expect.stringContaining("no recording of itertop's")]);
  });
});
