/** The settings file and the real program: read, beaten by the command line, saved by W, wrong, and not one's own. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];

describe.skipIf(skip)('settings in a terminal (needs root)', () => {
  let config: string;
  let terminal: TestTerminal | undefined;
  const file = () => path.join(config, 'itertop', 'settings.yaml');

  beforeEach(() => {
    config = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-config-'));
    fs.mkdirSync(path.join(config, 'itertop'));
  });
  afterEach(async () => {
    await end();
    fs.rmSync(config, { recursive: true, force: true });
  });

  async function end() {
    terminal?.kill();
    await terminal?.exited;
    terminal = undefined;
  }
  function itertop(...args: string[]): TestTerminal {
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], {
      ...{ cols: 100, rows: 24, env: { XDG_CONFIG_HOME: config } },
    });
    return terminal;
  }

  it('table, pace and keys are as it says, and the command line beats it', async () => {
    fs.writeFileSync(
      file(),
      `template: tcp
interval: 7
keys: { quit: [Q, ctrl-c] }
tables:
  task: { columns: [pid, comm, prio=task->static_prio:int], sort: comm }
`,
    );
    let shown = itertop();
    await shown.waitFor(/^tcp .*every 7 s/m);
    await end();

    shown = itertop('task');
    await shown.waitFor(/^task .*by comm ▲.*every 7 s/m);
    await shown.waitFor(/^ *PID COMM +▲ +PRIO/m);
    expect(shown.lines().at(-1)).toContain('Q Quit');
    shown.type('q');
    shown.type('Q');
    expect((await shown.exited).exitCode).toBe(0);

    shown = itertop('task', '--columns', '+ppid', '--sort=-pid', '-d', '3');
    await shown.waitFor(/^task .*by pid ▼.*every 3 s/m);
    await shown.waitFor(/^ *PID▼ COMM +PRIO +PPID/m);
    await end();

    shown = itertop('--no-settings');
    await shown.waitFor(/^task .*by cpu ▼.*every 1 s/m);
  });

  it('W saves the table and what was changed, and the next start has it', async () => {
    fs.writeFileSync(file(), '# mine\ntables:\n  tcp: {sort: rxq} # kept\n');
    let shown = itertop('task', '--columns', 'pid,comm,prio=task->static_prio:int,double=sub(prio, pid)');
    await shown.waitFor(/^ *PID COMM +PRIO +DOUBLE/m);
    shown.type('I+\x14W');
    await shown.waitFor(/saved in .*settings\.yaml/);
    const text = fs.readFileSync(file(), 'utf8');
    expect(text).toMatch(/^# mine\n/);
    expect(text).toContain('tcp: {sort: rxq} # kept');
    expect(text).toContain('theme: dark');
    expect(text).toContain('interval: 2');
    expect(fs.statSync(file()).mode & 0o777).toBe(0o600);
    await end();
    shown = itertop('task');
    await shown.waitFor(/^ *PID COMM +PRIO +DOUBLE/m);
    await shown.waitFor(/^task .*by cpu ▲.*every 2 s/m);
    expect(shown.output).toContain('\x1b[96m');
  });

  it('a wrong one is reported and changes nothing', async () => {
    fs.writeFileSync(file(), 'interval: 7\ntheem: dark\n');
    const shown = itertop('task');
    await shown.waitFor(/left aside: settings\.yaml:2:1: no member "theem"; did you mean/);
    await shown.waitFor(/^task .*every 1 s/m);
    shown.type('W');
    await shown.waitFor(/not saved: .*settings\.yaml:2:1/);
    expect(fs.readFileSync(file(), 'utf8')).toBe('interval: 7\ntheem: dark\n');
  });

  it('what is wrong with it is told before what that leads to, and at 80 columns to its end', async () => {
    fs.writeFileSync(file(), 'template: tcp\nkeys: { pause: p }\n');
    let shown = itertop('--port', '45678');
    expect((await shown.exited).exitCode).toBe(2);
    const said = shown.output.replace(/\r\n/g, '\n');
    expect(said).toMatch(
      /left aside: .*settings\.yaml:2:16: p is taken by program; give that another key .*\n.*task cannot be filtered by local or remote port/,
    );
    await end();

    fs.writeFileSync(file(), 'interval: 7\nintervall: 3\n');
    shown = itertop('replay', 'nowhere');
    expect((await shown.exited).exitCode).toBe(2);
    expect(shown.output).toMatch(/left aside: .*settings\.yaml:2:1: no member "intervall".*\r\n.*nowhere/);
    await end();

    shown = itertop('task');
    shown.resize(80, 24);
    await shown.waitFor(/left aside: settings\.yaml:2:1: no member "intervall"; did you mean interval\?\s*$/m);
    shown.type('c');
    await shown.waitFor(/COLUMN/);
    shown.type('sit\r');
    await shown.waitFor(/saved as \w+it, v shows it; in /);
  });

  it('a table that this kernel cannot show is said, the others are as saved', async () => {
    fs.writeFileSync(file(), 'tables:\n  task:\n    columns: pid,x=task->no_such\n  tcp: { sort: -lport }\n');
    const shown = itertop('tcp');
    await shown.waitFor(/settings\.yaml:3:\d+: table task: columns: .*no_such/);
    await shown.waitFor(/^tcp .*by lport ▼/m);
  });

  it('what belongs to another user is not written', async () => {
    fs.chownSync(path.join(config, 'itertop'), 1, 1);
    const shown = itertop('task');
    await shown.waitFor(/^ *PID /m);
    shown.type('W');
    await shown.waitFor(/not saved: .*itertop belongs to/);
    expect(fs.existsSync(file())).toBe(false);
  });
});
