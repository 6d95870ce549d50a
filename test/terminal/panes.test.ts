/** Columns, structures and programs as one works with them, in the real program, over a process that the test has. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, skip } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const COMM = 'it_panes';
const NICE = 5;
/** A table of the test's own: what its panes show does not change with the built-in ones. */
const TEMPLATE = `name: panes
help: of the test
target: task
key: [tid]
show: [comm, prio, nice]
sort: comm
columns:
  - { name: tid, from: task->pid, help: thread id }
  - { name: comm, from: task->comm, help: name }
  - { name: prio, from: task->static_prio, help: "static priority: 120 where nice is 0" }
  - { name: nice, derive: "sub(prio, 120)", help: nice value }
  - { name: policy, from: task->policy, as: int, help: scheduling policy }
`;

function golden(name: string, text: string) {
  const file = new URL(`../golden/${name}`, import.meta.url);
  if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(file, `${text}\n`);
  expect(`${text}\n`).toBe(fs.readFileSync(file, 'utf8'));
}

describe.skipIf(skip)('panes in a terminal', () => {
  let terminal: TestTerminal;
  let child: ChildProcess;
  let folder: string;

  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'it-panes-'));
    fs.writeFileSync(path.join(folder, 'panes.yaml'), TEMPLATE);
    const script = `printf ${COMM} > /proc/$$/comm; read line`;
    child = spawn('nice', ['-n', String(NICE), 'sh', '-c', script], { stdio: ['pipe', 'ignore', 'ignore'] });
    await eventually(() => expect(fs.readFileSync(`/proc/${child.pid}/comm`, 'utf8')).toBe(`${COMM}\n`));
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
    child.kill();
    fs.rmSync(folder, { recursive: true });
  });

  async function open(cols: number, rows: number, ...args: string[]) {
    const all = ['panes', '-t', path.join(folder, 'panes.yaml'), '--where', `tid == ${child.pid}`, ...args];
    const env = { XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder };
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...all], { cols, rows, env });
    await terminal.waitFor(new RegExp(`^ *${COMM} +${120 + NICE} +${NICE} *$`, 'm'));
  }
  /** Without the first two lines, which tell times and the PID. */
  const pane = () => terminal.lines().slice(2).join('\n');
  const closed = (what: RegExp) => terminal.waitFor((screen) => !what.test(screen), `no ${what}`);

  describe.each([
    [80, 24],
    [200, 50],
  ])('of %dx%d', (cols, rows) => {
    it('columns are hidden, shown, moved and sized, and a table saved under a name of its own', async () => {
      await open(cols, rows);
      terminal.type('c');
      await terminal.waitFor(/3 of 5 columns/);
      // Hidden, it is among the others, by its name; shown again it is the last one.
      terminal.type('j ');
      await terminal.waitFor(/2 of 5 columns/);
      await terminal.waitFor(/\[ \] {3}prio/);
      terminal.type(' ');
      await terminal.waitFor(/nice +auto[^\n]*\n[^\n]*\[x\] {3}prio/);
      terminal.type('<');
      await terminal.waitFor(/prio +auto[^\n]*\n[^\n]*\[x\] {3}nice/);
      terminal.type('++++');
      await terminal.waitFor(/prio +12 /);
      terminal.type('-');
      await terminal.waitFor(/prio +11 /);
      golden(`terminal-columns-${cols}x${rows}.txt`, pane());
      // The mark is on prio; a click marks another line, a second one on it shows that column.
      const line = terminal.lines().findIndex((text) => / policy /.test(text)) + 1;
      const click = `\x1b[<0;9;${line}M\x1b[<0;9;${line}m`;
      terminal.type(click);
      await terminal.waitFor(/policy \(POLICY\): scheduling policy/);
      terminal.type(click);
      await terminal.waitFor(/4 of 5 columns/);
      terminal.type('/stat\r');
      await terminal.waitFor(/with "stat"/);
      await closed(/\[.\] {3}comm/);
      terminal.type('0');
      await terminal.waitFor(/prio +auto/);
      terminal.type(KEY.escape);
      await terminal.waitFor(/\[x\] {3}comm/);

      terminal.type('s');
      await terminal.waitFor(/Save the table as a template/);
      terminal.type(`${KEY.ctrlU}mine\r`);
      await terminal.waitFor(/mine/);
      const file = path.join(folder, 'itertop', 'templates', 'mine.yaml');
      await eventually(() => expect(fs.statSync(file).mode & 0o777).toBe(0o600));
      terminal.type(KEY.escape);
      await closed(/of 5 columns/);
      await terminal.waitFor(/^ COMM[ ▲]+PRIO +NICE +POLICY *$/m);
      await eventually(async () => {
        terminal.type(':mine\r');
        await terminal.waitFor(/^mine {2}/m, 'mine', 1000);
      });
      terminal.type(`w${KEY.ctrlU}tid == ${child.pid}\r`);
      await terminal.waitFor(new RegExp(`^ *${COMM} +${120 + NICE} +${NICE} +0 *$`, 'm'));
      await terminal.waitFor(/^ COMM[ ▲]+PRIO +NICE +POLICY *$/m);
    });

    it("a member of the kernel's structures is found, looked at, and becomes a column", async () => {
      await open(cols, rows);
      terminal.type('cb');
      await terminal.waitFor(/task {2}struct task_struct, \d+ bytes {2}values of COMM it_/);
      terminal.type('/static_p\r');
      await terminal.waitFor(new RegExp(`[*] static_prio +${120 + NICE} +\\+\\d+ 4 +int`));
      terminal.type(KEY.escape);
      await closed(/with "static_p"/);
      // Into a pointer and on, and back to the line that one came from.
      terminal.type('/real_parent\r');
      await terminal.waitFor(/> real_parent/);
      terminal.type(KEY.right);
      await terminal.waitFor(/^ task->real_parent {2}struct task_struct/m);
      terminal.type('/tgid\r');
      await terminal.waitFor(new RegExp(` {2}tgid +${process.pid} `));
      terminal.type('a');
      await terminal.waitFor(/--columns '\+tgid=task->real_parent->tgid'/);
      terminal.type(`${KEY.escape}${KEY.left}`);
      await terminal.waitFor(/^ task {2}struct task_struct.* with "real_parent"/m);
      // To the end and back by the wheel, without a mark that is lost.
      terminal.type(`${KEY.escape}`);
      await closed(/with "real_parent"/);
      terminal.type('g');
      await terminal.waitFor(/task->thread_info: |task->__state/);
      terminal.type('\x1b[<65;9;9M'.repeat(4));
      await closed(/ thread_info +/);
      terminal.type('\x1b[<64;9;9M'.repeat(4));
      await terminal.waitFor(/ thread_info +/);
      terminal.type('\t');
      await terminal.waitFor(/4 of 6 columns/);
      expect(terminal.text()).toMatch(/\[x\] {3}tgid/);
      terminal.type(KEY.escape);
      await closed(/of 6 columns/);
      await terminal.waitFor(new RegExp(`^ *${COMM} +${120 + NICE} +${NICE} +${process.pid} *$`, 'm'));
      await terminal.waitFor(/^ COMM[ ▲]+PRIO +NICE +TGID *$/m);
    });

    it('the program is there in all its parts, is searched and scrolled', async () => {
      await open(cols, rows);
      terminal.type('p');
      await terminal.waitFor(/\[bytecode\] +verifier +record +kernel/);
      await terminal.waitFor(/^.? +0: \(bf\) r6 = r1 +\(prologue\)/m);
      // A column's lines are marked together; n goes from one to the next.
      terminal.type('/static_prio\r');
      await terminal.waitFor(/prio: static priority:\s+120 where nice is 0; from task->static_prio/);
      terminal.type(KEY.escape);
      await terminal.waitFor((screen) => !/Find in the list/.test(screen));
      terminal.type('n');
      await terminal.waitFor(/^\|.*prio/m);
      terminal.type('G');
      await terminal.waitFor(/\(95\) exit/);
      terminal.type('g');
      await terminal.waitFor(/^.? +0: \(bf\) r6 = r1/m);

      terminal.type('\t');
      await terminal.waitFor(/instructions walked through on all paths: \d+ of at most 1000000/);
      terminal.type('G');
      await terminal.waitFor(/processed \d+ insns/);
      terminal.type('\t');
      await terminal.waitFor(/\[record\]/);
      golden(`terminal-record-${cols}x${rows}.txt`, pane());

      terminal.type('\t');
      await terminal.waitFor(/program \d+ {2}itertop_panes {2}tag [0-9a-f]{16}/);
      terminal.type('/seq_write\r');
      await terminal.waitFor(/call bpf_seq_write#/);
      terminal.type(KEY.escape);
      terminal.type('Y');
      await terminal.waitFor(/itertop templates panes .*--xlated/s);
      expect(terminal.text()).toContain('The same text without a screen');
      terminal.type(KEY.escape);
      await closed(/The same text/);
      // Back round to the first part, and away.
      terminal.type('\t');
      await terminal.waitFor(/\[bytecode\]/);
      terminal.type(KEY.escape);
      await closed(/\[bytecode\]/);
    });
  });
});
