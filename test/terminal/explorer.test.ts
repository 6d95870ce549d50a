/** The real program on the real kernel in a real pseudo-terminal. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ownNetwork } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const root = process.getuid?.() === 0;
const skip = !root && !process.env['CI'];

const open: TestTerminal[] = [];
const children: ChildProcess[] = [];
let dir: string;

function itertop(args: readonly string[], options: ConstructorParameters<typeof TestTerminal>[2] = {}): TestTerminal {
  const terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], options);
  open.push(terminal);
  return terminal;
}

/** A shell around the program, so that the terminal's modes can be read before and after it. */
function inShell(script: string, options: ConstructorParameters<typeof TestTerminal>[2] = {}): TestTerminal {
  const program = `"${process.execPath}" "${PROGRAM}"`;
  const terminal = new TestTerminal('sh', ['-c', script.replaceAll('ITERTOP', program)], options);
  open.push(terminal);
  return terminal;
}

function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: 'ignore' });
  children.push(child);
  return child;
}

beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-terminal-'));
});
afterEach(async () => {
  for (const terminal of open.splice(0)) {
    terminal.kill();
    await terminal.exited;
  }
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  fs.rmSync(dir, { recursive: true, force: true });
});

/** What differs from run to run: clock, cost, release, numbers of this machine. */
function masked(screen: string, values: Readonly<Record<string, string>>): string {
  let text = screen
    .replace(/(?<= ms) {2}\d+(\.\d)?% CPU/, '')
    .replace(/\d+(\.\d)? ms/g, 'N ms')
    .replace(/\d\d:\d\d:\d\d$/m, 'HH:MM:SS')
    .replace(/(Linux )?\d+\.\d+\.\d+[\w.+-]*(?= {2})/, 'Linux RELEASE')
    .replace(/of \d+ visited|\d+ visited/g, 'N visited')
    .replace(/\d+(\.\d)?us/g, 'RTT');
  for (const [value, name] of Object.entries(values))
    text = text.replaceAll(value, name.padEnd(value.length).slice(0, value.length));
  return text
    .split('\n')
    .map((line) => line.replace(/ {2,}/g, '  ').trimEnd())
    .join('\n')
    .trimEnd();
}

function golden(name: string, text: string): void {
  const file = new URL(`../golden/${name}`, import.meta.url);
  if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(file, `${text}\n`);
  expect(`${text}\n`).toBe(fs.readFileSync(file, 'utf8'));
}

describe.skipIf(skip)('the explorer in a terminal (needs root)', () => {
  // Ports are this test's alone.
  beforeAll(ownNetwork);

  it('shows live tasks, and the first screen explains itself', async () => {
    const sleeper = start('sleep', ['1000']);
    const terminal = itertop(['task', '--pid', String(sleeper.pid)]);
    const screen = await terminal.waitFor(/sleep 1000/);
    expect(terminal.alternate).toBe(true);
    expect(screen).toContain(`pid ${sleeper.pid}`);
    expect(screen).toContain('[link]');
    expect(screen.split('\n').at(-1)).toMatch(/\? Help {2}q Quit/);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('goes through pick, filter, sort, pause, export, resize and quit', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as net.AddressInfo;
    const clients = [0, 1].map(() => net.connect(port, '127.0.0.1'));
    await Promise.all(clients.map((c) => new Promise((resolve) => c.once('connect', resolve))));
    try {
      const terminal = itertop(['task', '--netns', 'self'], { cols: 100, rows: 24, env: { TZ: 'UTC' } });
      await terminal.waitFor(/PID USER/);
      // Pick.
      terminal.type('v');
      await terminal.waitFor(/VIEW .*SHOWS/);
      await terminal.waitFor(/^ +tcp /m);
      // task, task_file, task_vma, cgroup, tcp
      for (let i = 0; i < 4; i++) terminal.type(KEY.down);
      terminal.type(KEY.enter);
      await terminal.waitFor(/^tcp {2}/m);
      // Filter in the kernel.
      terminal.type('f');
      await terminal.waitFor(/lport/);
      for (let i = 0; i < 1; i++) terminal.type(KEY.tab);
      terminal.type(`${port}`);
      terminal.type(KEY.enter);
      await terminal.waitFor(new RegExp(`port ${port} +\\[kernel\\]`));
      await terminal.waitFor(
        (s) => (s.match(/ESTABLISHED/g) ?? []).length === 4 && s.includes('LISTEN'),
        'four ends and the listener',
      );
      // Sort by the next column on the right, then the other way round.
      terminal.type('>');
      await terminal.waitFor(/by rxq ▼/);
      terminal.type('I');
      await terminal.waitFor(/by rxq ▲/);
      // Pause.
      terminal.type(' ');
      await terminal.waitFor(/paused/i);
      const ports = Object.fromEntries(clients.map((c, i) => [String(c.localPort), ['C1', 'C2'][i]]));
      const names = { ...ports, [String(port)]: 'PORT', [String(process.pid)]: 'PID' };
      const lines = masked(await settled(terminal), names).split('\n');
      // The kernel's order of equal rows is that of its hash table.
      golden(
        'terminal-tcp-100x24.txt',
        [...lines.slice(0, 4), ...lines.slice(4, 8).sort(), ...lines.slice(8)].join('\n'),
      );
      // Export.
      terminal.type('e');
      await terminal.waitFor(/Export to a file/);
      const file = path.join(dir, 'tcp.csv');
      terminal.type(KEY.ctrlU);
      terminal.type(file);
      terminal.type(KEY.enter);
      await terminal.waitFor(/5 rows written/);
      const written = fs.readFileSync(file, 'utf8');
      expect(written).toMatch(/^# template: tcp$/m);
      expect(written.split('\n').filter((line) => line.startsWith('ESTABLISHED,'))).toHaveLength(4);
      expect(fs.statSync(file).mode & 0o777).toBe(0o600);
      // Over an existing file only when told to.
      terminal.type('e');
      await terminal.waitFor(/Export to a file/);
      terminal.type(KEY.ctrlU);
      terminal.type(file);
      terminal.type(KEY.enter);
      await terminal.waitFor(/exists|overwrite/i);
      terminal.type('n');
      // Resize.
      terminal.resize(60, 12);
      await terminal.waitFor(
        (s) => s.split('\n').length === 12 && /Help/.test(s.split('\n').at(-1)!),
        'a screen of 60x12',
      );
      terminal.resize(200, 50);
      await terminal.waitFor((s) => s.split('\n').length === 50 && /OUT\/s/.test(s), 'a screen of 200x50');
      // Quit.
      terminal.type(KEY.escape);
      await new Promise((resolve) => setTimeout(resolve, 200));
      terminal.type('q');
      expect((await terminal.exited).exitCode).toBe(0);
      expect(terminal.alternate).toBe(false);
    } finally {
      for (const client of clients) client.destroy();
      server.close();
    }
  });

  it('keeps the selected object when its row moves', async () => {
    const sleepers = ['1111', '2222', '3333'].map((seconds) => start('sleep', [seconds]));
    const pids = sleepers.map((s) => s.pid!);
    const terminal = itertop(['task', '--pid', pids.join(','), '--sort', 'pid'], { env: { NO_COLOR: '1' } });
    await terminal.waitFor((s) => pids.every((pid) => s.includes(String(pid))), 'three rows');
    expect(terminal.text()).toMatch(/pid \S+ +\[kernel\]/);
    terminal.type(KEY.down);
    terminal.type(KEY.down);
    terminal.type('I');
    await terminal.waitFor(/by pid ▼/);
    terminal.type(KEY.enter);
    const detail = await terminal.waitFor(/COLUMN +VALUE/);
    // Two presses of the arrow key: the second row, or the second from the selected first one.
    const shown = pids.filter((pid) => new RegExp(`^ ?task ${pid}\\b`, 'm').test(detail));
    expect(shown).toHaveLength(1);
    terminal.type(KEY.escape);
    await terminal.waitFor(/by pid ▼/);
    terminal.type('I');
    await terminal.waitFor(/by pid ▲/);
    terminal.type(KEY.enter);
    expect(await terminal.waitFor(/COLUMN +VALUE/)).toMatch(new RegExp(`task ${shown[0]}\\b`));
  });

  it('shows why nothing is shown', async () => {
    const terminal = itertop(['tcp', '--port', '1']);
    expect(await terminal.waitFor(/port 1 +\[kernel\]/)).toMatch(/0 rows/);
    await terminal.waitFor(/\bf\b/);
  });

  it('never lets a name act on the terminal', async () => {
    const script = "printf '\\033[2J\\033]0;x\\007' > /proc/self/comm; exec 3<&0; while :; do sleep 1; done";
    const child = start('bash', ['-c', script]);
    const terminal = itertop(['task', '--pid', String(child.pid), '--columns', 'pid,comm,state'], { cols: 100 });
    const screen = await terminal.waitFor(/\\x1b\[2J/);
    expect(screen).toContain('\\x1b]0;x');
    expect(terminal.output).not.toContain('\x1b]0;x');
  });

  it('takes a burst of keys as many keys, and survives any size', async () => {
    const terminal = itertop(['task']);
    await terminal.waitFor(/PID USER/);
    terminal.type('jjjjjjjjjjkkkkk');
    for (const [cols, rows] of [
      [1, 1],
      [2, 2],
      [5, 3],
      [300, 100],
      [10, 4],
      [1000, 500],
      [3, 40],
      [80, 24],
    ]) {
      terminal.resize(cols, rows);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    await terminal.waitFor((s) => /PID USER/.test(s) && /\? Help/.test(s), 'the table at 80x24 again');
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('writes no colour where NO_COLOR is set', async () => {
    const terminal = itertop(['task'], { env: { NO_COLOR: '1' } });
    await terminal.waitFor(/PID USER/);
    expect(terminal.output).not.toMatch(/\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m/);
    terminal.type('q');
    await terminal.exited;
  });

  it('prints one plain table on a dumb terminal and on a pipe', async () => {
    const terminal = itertop(['task', '--columns', 'pid,comm', '--sort', 'pid', '--pid', String(process.pid)], {
      env: { TERM: 'dumb' },
    });
    expect((await terminal.exited).exitCode).toBe(0);
    expect(terminal.output).not.toContain('\x1b');
    expect(terminal.output).toContain(String(process.pid));
    const piped = execFileSync(
      process.execPath,
      [PROGRAM, 'task', '--columns', 'pid,comm', '--pid', String(process.pid)],
      { encoding: 'utf8' },
    );
    expect(piped.split('\n')[1]).toMatch(/^ *PID COMM/);
    expect(piped).toContain(String(process.pid));
  });
});

/** A paused screen that has stopped changing. */
async function settled(terminal: TestTerminal): Promise<string> {
  let last = '';
  for (let same = 0; same < 5; ) {
    await new Promise((resolve) => setTimeout(resolve, 60));
    const now = terminal.text();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

describe.skipIf(skip)('the terminal is given back (needs root)', () => {
  /** @param leave ends the program @param code what the shell sees */
  async function restored(
    leave: (terminal: TestTerminal, pid: number) => void,
    code: number,
    script = 'ITERTOP task',
  ): Promise<TestTerminal> {
    const [before, after, pidFile] = ['before', 'after', 'pid'].map((name) => path.join(dir, name));
    fs.rmSync(pidFile, { force: true });
    const terminal = inShell(
      `stty -a > ${before}; ${script.replace('ITERTOP', () => `sh -c 'echo $$ > ${pidFile}; exec "$@"' - ITERTOP`)}; echo "code=$?"; stty -a > ${after}`,
    );
    await terminal.waitFor(/PID USER/);
    expect(terminal.alternate).toBe(true);
    leave(terminal, Number(fs.readFileSync(pidFile, 'utf8')));
    await terminal.exited;
    expect(terminal.text()).toContain(`code=${code}`);
    expect(terminal.alternate).toBe(false);
    expect(fs.readFileSync(after, 'utf8')).toBe(fs.readFileSync(before, 'utf8'));
    expect(terminal.output.lastIndexOf('\x1b[?25h')).toBeGreaterThan(terminal.output.lastIndexOf('\x1b[?25l'));
    expect(terminal.output.lastIndexOf('\x1b[?7h')).toBeGreaterThan(terminal.output.lastIndexOf('\x1b[?7l'));
    return terminal;
  }

  it.each([
    ['q', 'q', 0],
    ['F10', KEY.f10, 0],
    ['Ctrl-C', KEY.ctrlC, 0],
  ])('on %s', async (_name, key, code) => {
    await restored((terminal) => terminal.type(key), code);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
  ] as const)('on %s', async (signal, code) => {
    await restored((_terminal, pid) => process.kill(pid, signal), code);
  });

  it('on a crash, whose message is then there to be read', async () => {
    const hook = 'data:text/javascript,process.on("SIGUSR2",()=>{throw%20new%20Error("boom")})';
    const script = `sh -c 'echo $$ > ${path.join(dir, 'pid')}; exec "$@"' - "${process.execPath}" --import '${hook}' "${PROGRAM}" task`;
    const terminal = inShell(`stty -a > ${dir}/before; ${script}; echo "code=$?"; stty -a > ${dir}/after`);
    await terminal.waitFor(/PID USER/);
    process.kill(Number(fs.readFileSync(path.join(dir, 'pid'), 'utf8')), 'SIGUSR2');
    await terminal.exited;
    expect(terminal.text()).toMatch(/boom/);
    expect(terminal.text()).toContain('code=1');
    expect(terminal.alternate).toBe(false);
    expect(fs.readFileSync(`${dir}/after`, 'utf8')).toBe(fs.readFileSync(`${dir}/before`, 'utf8'));
  });

  it('while stopped by Ctrl-Z, and taken again by fg', async () => {
    const terminal = new TestTerminal('bash', ['--norc', '--noprofile', '-i'], { env: { PS1: 'ready> ' } });
    open.push(terminal);
    await terminal.waitFor(/ready>/);
    terminal.type(`"${process.execPath}" "${PROGRAM}" task\r`);
    await terminal.waitFor(/PID USER/);
    // A person sees the table before the key.
    await new Promise((resolve) => setTimeout(resolve, 300));
    terminal.type(KEY.ctrlZ);
    await terminal.waitFor((s) => /Stopped/.test(s) && !terminal.alternate, 'the shell again');
    terminal.type('stty -a | grep -o " icanon\\| echo " | tr "\\n" "+"; echo modes\r');
    await terminal.waitFor(/icanon\+.*echo \+modes/);
    terminal.type('fg\r');
    await terminal.waitFor((s) => terminal.alternate && /PID USER/.test(s), 'the table again');
    terminal.type('q');
    await terminal.waitFor((s) => !terminal.alternate && /ready> *$/.test(s.trimEnd()), 'the prompt');
    terminal.type('exit\r');
    await terminal.exited;
  });
});
