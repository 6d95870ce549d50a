/** The real program over a recording that the test has made: on any machine, without privileges. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Recording } from '../../src/state/recording.ts';
import { root } from '../support/kernel.ts';
import { record } from '../support/recorded.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const GOLDEN = new URL('../golden/', import.meta.url).pathname;
/** Nothing of this machine: neither a kernel nor who asks. */
const ENV = { TZ: 'UTC', NO_COLOR: '1', XDG_CONFIG_HOME: '/nonexistent', HOME: '/nonexistent' };

function golden(name: string, screen: string): void {
  const file = path.join(GOLDEN, `terminal-replay-${name}.txt`);
  if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(file, `${screen}\n`);
  expect(`${screen}\n`).toBe(fs.readFileSync(file, 'utf8'));
}

/** Without any capability, and for a user that owns nothing, where we may become one. */
function unprivileged(...args: string[]): [string, string[]] {
  const drop = ['--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'];
  return root ? ['setpriv', [...drop, process.execPath, PROGRAM, ...args]] : [process.execPath, [PROGRAM, ...args]];
}

describe('a replay', () => {
  let folder = '';
  let file = '';
  let terminal: TestTerminal;

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-replay-'));
    file = path.join(folder, 'made.itertop');
    record(file, 0, 60);
    fs.chmodSync(folder, 0o755);
    fs.chmodSync(file, 0o644);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  afterEach(() => terminal?.kill());

  const at = (n: number) => new RegExp(` ${n}/60\\b`);
  const start = (options: { cols?: number; rows?: number; env?: Record<string, string> } = {}, ...args: string[]) => {
    const [command, words] = unprivileged('replay', file, '--at', 'start', ...args);
    terminal = new TestTerminal(command, words, { cols: 80, rows: 24, ...options, env: { ...ENV, ...options.env } });
    return terminal.waitFor(at(1));
  };

  test('goes through time by keys, and says what it is', async () => {
    const screen = await start();
    expect(screen).toMatch(/made {2}5 rows.*REPLAY {2}made {2}2026-01-01 00:00:00 {2}PAUSED/);
    terminal.type(']');
    await terminal.waitFor(at(2));
    terminal.type('}}');
    await terminal.waitFor(at(22));
    terminal.type('[[[');
    await terminal.waitFor(at(19));
    terminal.type('{');
    golden('80x24', await terminal.waitFor(at(9)));
    terminal.type('T');
    await terminal.waitFor(/Jump to:/);
    terminal.type('25:00');
    terminal.type(KEY.enter);
    await terminal.waitFor(/error: '25:00' is no time/);
    terminal.type(KEY.ctrlU);
    terminal.type('00:00:40');
    terminal.type(KEY.enter);
    await terminal.waitFor(at(41));
    terminal.type('T');
    await terminal.waitFor(/Jump to:/);
    terminal.type('-30s');
    terminal.type(KEY.enter);
    await terminal.waitFor(at(11));
  });

  test('finds when a condition comes true, again and again, and says where it does not', async () => {
    await start();
    const find = async (keys: string) => {
      terminal.type('=');
      await terminal.waitFor(/Find when/);
      terminal.type(keys + KEY.enter);
    };
    await find('id == 30');
    await terminal.waitFor((screen) => at(27).test(screen) && screen.includes('id == 30: from here on'));
    await find(`${KEY.ctrlU}name =~ "row 4[05]"`);
    await terminal.waitFor(at(37));
    await find('');
    await terminal.waitFor(at(42));
    await find('');
    await terminal.waitFor(/already true here, not anew up to the end \(T start, = for all\)/);
    expect(terminal.text()).toMatch(at(42));
    await find(`${KEY.ctrlU}id == 30`);
    await terminal.waitFor(/no further refresh up to the end \(T start, = for all\): id == 30/);
    await find(`${KEY.ctrlU}id < 5`);
    await terminal.waitFor(/no further refresh up to the end .*: id < 5/);
    terminal.type(`Tstart${KEY.enter}`);
    await terminal.waitFor(at(1));
    await find('');
    await terminal.waitFor(/already true here, not anew up to the end: id < 5/);
    await find(`${KEY.ctrlU}nothing > 3`);
    await terminal.waitFor(/error: .*nothing/);
  });

  test('plays to its end, faster with +, and anew from there', async () => {
    await start();
    terminal.type('++++++');
    terminal.type(' ');
    await terminal.waitFor((screen) => at(60).test(screen) && screen.includes('PAUSED'));
    terminal.type('-');
    terminal.type(' ');
    await terminal.waitFor((screen) => / \d\d?\/60/.test(screen) && !at(60).test(screen) && screen.includes('32x'));
  });

  test('filters, sorts and shows details as a live table does', async () => {
    await start();
    terminal.type('}');
    await terminal.waitFor(at(11));
    terminal.type('w');
    await terminal.waitFor(/Condition/);
    terminal.type(`id > 12${KEY.enter}`);
    await terminal.waitFor(/made {2}2 rows/);
    terminal.type(KEY.enter);
    await terminal.waitFor(/1152921504606846990|1152921504607/);
    terminal.type(KEY.escape);
    terminal.type('R');
    await terminal.waitFor(/this is a recording already/);
  });

  test('fits any terminal', async () => {
    await start({ cols: 200, rows: 50 });
    terminal.type('}}');
    golden('200x50', await terminal.waitFor(at(21)));
    terminal.kill();
    await start({ env: { LANG: 'C' } });
    expect(terminal.text()).toMatch(/00:00:00 #-+ 00:00:59 {2}1\/60/);
    terminal.resize(30, 8);
    await terminal.waitFor((screen) => screen.split('\n').some((line) => /^00:00:00 #-+ 00:00:59$/.test(line)));
    terminal.resize(1, 1);
    terminal.resize(80, 24);
    await terminal.waitFor(/^00:00:00 #-+ 00:00:59/m);
  });

  test('its rows are written without privileges', () => {
    const dump = (...args: string[]) => {
      const [command, words] = unprivileged('dump', '--replay', file, ...args);
      return spawnSync(command, words, { encoding: 'utf8', env: { ...process.env, ...ENV } });
    };
    const { stdout, status, stderr } = dump('--at', '00:00:20', '-f', 'ndjson');
    expect([status, stderr]).toEqual([0, '']);
    const [header, ...rows] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(header.itertop).toMatchObject({ host: 'made', kernel: '6.0', time: '2026-01-01T00:00:20.000Z', rows: 5 });
    expect(rows.map((row) => row.id)).toEqual([20, 21, 22, 23, 24]);
    expect(stdout).toContain('"value":1152921504606846996');
    const all = dump('--all', '-f', 'csv', '-c', 'id')
      .stdout.split('\n')
      .filter((line) => line.startsWith('2026'));
    expect(all.length).toBe(300);
    expect(dump('--at', '07:00').stderr).toContain('07:00 is outside of the recording');
    expect(dump('--port', '80').stderr).toContain('cannot be filtered by');
  });

  test('a program without privileges says what it lacks and offers a sample', async () => {
    if (!root) return;
    const [command, words] = unprivileged();
    terminal = new TestTerminal(command, words, { env: ENV });
    await terminal.waitFor(/missing CAP_BPF[\s\S]*Look at a sample recording instead/);
    terminal.type('y');
    await terminal.waitFor(/SAMPLE {2}sample/);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
    const refused = new TestTerminal(command, words, { env: ENV });
    await refused.waitFor(/Look at a sample recording instead/);
    refused.type('n');
    expect((await refused.exited).exitCode).toBe(3);
  });
});

describe.skipIf(!root)('recording', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-record-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [PROGRAM, 'record', ...args], { encoding: 'utf8', cwd: folder, timeout: 30_000 });

  test('into a file, not over one', () => {
    const args = ['task', '-p', String(process.pid), '-d', '0.1', '-n', '3', '-o', 'a.itertop'];
    expect(run(...args)).toMatchObject({ status: 0, stdout: '' });
    expect(run(...args)).toMatchObject({ status: 2, stderr: expect.stringContaining('exists already') });
    expect(run(...args, '--append').status).toBe(0);
    using recording = new Recording(path.join(folder, 'a.itertop'));
    expect([recording.count, recording.template.name]).toEqual([6, 'task']);
  });

  test('without end: parts in a folder, of which the oldest go', async () => {
    const parts = path.join(folder, 'parts');
    const args = ['task', '-p', String(process.pid), '-d', '0.1', '-n', '8', '--retain', '64K,1s', '-o', parts];
    expect(run(...args)).toMatchObject({ status: 0 });
    const files = fs.readdirSync(parts);
    expect(files.length).toBeGreaterThan(1);
    await new Promise((done) => setTimeout(done, 1200));
    expect(run(...args)).toMatchObject({ status: 0 });
    for (const file of files) expect(fs.existsSync(path.join(parts, file))).toBe(false);
    using recording = new Recording(parts);
    // A machine under load takes longer than the second that is retained.
    expect(recording.count).toBeGreaterThan(0);
    expect(recording.count).toBeLessThanOrEqual(8);
    expect([...recording.times]).toEqual([...recording.times].sort());
  });

  test('of what is seen: R begins and ends it', async () => {
    const args = ['-c', `cd ${folder} && exec ${process.execPath} ${PROGRAM} task -p ${process.pid} -d 0.2`];
    const terminal = new TestTerminal('sh', args, { env: ENV });
    await terminal.waitFor(/1 row/);
    terminal.type('R');
    await terminal.waitFor(/REC [\d.]+K/);
    terminal.type('R');
    await terminal.waitFor(/refresh(es)? recorded in/);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
    const made = fs.readdirSync(folder).find((name) => name.startsWith('itertop-task-'))!;
    using recording = new Recording(path.join(folder, made));
    const fields = recording.segment(0).walks.map((walk) => walk.layout.fields.length);
    expect(Math.max(...fields)).toBeGreaterThan(40);
  });
});
