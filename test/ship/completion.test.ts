/** Completions in the shells themselves, and that every option and command is in them. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completion } from '../../src/completion.ts';
import { COMMANDS, parseOptions, SHELLS, SPECS } from '../../src/options.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { KEY, TestTerminal } from '../terminal/terminal.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-completion-'));
const fileOf = (shell: string) => path.join(folder, `itertop.${shell}`);
const has = (shell: string) => spawnSync('which', [shell]).status === 0 || process.env['CI'] !== undefined;

beforeAll(() => {
  for (const shell of SHELLS) fs.writeFileSync(fileOf(shell), completion(shell, BUILTIN));
  fs.writeFileSync(path.join(folder, 'recording.itertop'), '');
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

it.for(SHELLS)('%s: every command, option, template and column is there', (shell) => {
  const text = completion(shell, BUILTIN);
  for (const command of COMMANDS) expect(text).toMatch(new RegExp(`\\b${command}\\b`));
  for (const [name, { short, value }] of Object.entries(SPECS)) {
    expect(text).toMatch(new RegExp(shell === 'fish' ? `-l ${name} ` : `--${name}\\b`));
    // Bash offers the longer name only, and knows the other where a value follows.
    if (short && (value || shell !== 'bash'))
      expect(text).toMatch(new RegExp(shell === 'fish' ? `-s ${short} ` : `-${short}\\b`));
  }
  for (const template of BUILTIN)
    for (const word of template.internal ? [] : [template.name, ...template.columns.map((c) => c.name)])
      expect(text).toMatch(new RegExp(`\\b${word}\\b`));
});

it('an unknown shell is told of those that there are', () => {
  for (const line of [[], ['tcsh'], ['bash', 'zsh']])
    expect(() => parseOptions(['completion', ...line])).toThrow(/itertop completion bash\|zsh\|fish/);
});

/** What is typed, and what is offered; what else is offered does not matter. */
const CASES: readonly (readonly [string, readonly string[], (readonly string[])?])[] = [
  ['itertop d', ['dump', 'doctor', 'dmabuf'], ['tcp']],
  ['itertop dump task_', ['task_file', 'task_vma'], ['task']],
  ['itertop dump tcp --form', ['--format']],
  ['itertop --pla', ['--plain']],
  ['itertop doctor --', ['--json', '--help'], ['--port']],
  ['itertop dump --format ', ['csv', 'json', 'ndjson'], ['tcp']],
  ['itertop --theme da', ['dark']],
  ['itertop --no-m', ['--no-mouse']],
  ['itertop --split tc', ['tcp']],
  ['itertop --user roo', ['root']],
  ['itertop tcp --sort rad', ['raddr']],
  ['itertop tcp --columns pid,rad', ['pid,raddr']],
  ['itertop --theme dark udp --columns +lad', ['+laddr']],
  ['itertop templates ch', ['check']],
  ['itertop completion f', ['fish'], ['bash']],
  ['itertop replay rec', ['recording.itertop']],
];

describe.skipIf(!has('bash'))('bash', () => {
  it.for(CASES)('%s', ([line, offered, others = []]) => {
    const script = `source ${fileOf('bash')}; COMP_WORDS=("\${@}"); COMP_CWORD=$(($# - 1)); compopt() { :; }
      _itertop && printf '%s\\n' "\${COMPREPLY[@]}"`;
    const stdout = execFileSync('bash', ['--norc', '-euc', script, 'bash', ...line.split(' ')], {
      cwd: folder,
      encoding: 'utf8',
    });
    const lines = stdout.split('\n');
    expect(lines).toEqual(expect.arrayContaining([...offered]));
    for (const other of others) expect(lines).not.toContain(other);
  });

  it('takes --option=value, which bash makes three words of', async () => {
    const terminal = new TestTerminal('bash', ['--norc', '--noprofile']);
    try {
      terminal.type(`PS1='> '; source ${fileOf('bash')}; clear\r`);
      await terminal.waitFor(/^> $/m);
      terminal.type('itertop dump tcp --format=nd\t');
      await terminal.waitFor(/--format=ndjson/);
      terminal.type('--columns=pid,rad\t');
      await terminal.waitFor(/--columns=pid,raddr/);
    } finally {
      terminal.kill();
    }
  });
});

describe.skipIf(!has('fish'))('fish', () => {
  it.for(CASES)('%s', ([line, offered, others = []]) => {
    const env = { ...process.env, HOME: folder };
    const stdout = execFileSync('fish', ['-N', '-c', `source ${fileOf('fish')}; complete -C '${line}'`], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    const lines = stdout.split('\n').map((each) => each.split('\t')[0]);
    expect(lines).toEqual(expect.arrayContaining([...offered]));
    for (const other of others) expect(lines).not.toContain(other);
  });
});

describe.skipIf(!has('zsh'))('zsh', () => {
  it('completes in its own way', async () => {
    const terminal = new TestTerminal('zsh', ['-f'], { cols: 100, rows: 40 });
    const ready = () => terminal.waitFor((screen) => /^> *$/m.test(screen), 'a prompt');
    try {
      terminal.type(`cd ${folder}; autoload -U compinit; compinit -D; PS1='> '; source ${fileOf('zsh')}; clear\r`);
      await ready();
      for (const [line, offered, others = []] of CASES) {
        terminal.type(`${line}\t`);
        const screen = await terminal.waitFor(
          (text) => offered.every((word) => text.includes(word)),
          `${line}: ${offered}`,
        );
        for (const other of others) expect(screen.replace(line, '')).not.toMatch(new RegExp(`\\b${other}\\b`));
        terminal.type(`${KEY.ctrlU}\x0c`);
        await terminal.waitFor((text) => text.trim() === '>', 'an empty screen');
      }
    } finally {
      terminal.kill();
    }
  }, 120_000);
});
