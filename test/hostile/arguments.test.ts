/** Whatever the command line is made of: an answer or one message, soon, and nothing in it that a terminal obeys. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parseOptions, SPECS } from '../../src/options.ts';
import { UsageError } from '../../src/templates/template.ts';
import { fuzz, fuzzSlowly, patience } from '../support/fuzz.ts';
import { HOSTILE_TEXTS, OBEYED } from '../support/hostile-texts.ts';
import { describeKernel } from '../support/kernel.ts';
import { PROGRAM } from '../terminal/terminal.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-arguments-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
fs.writeFileSync(path.join(folder, 'empty'), '');
fs.mkdirSync(path.join(folder, 'folder'));

const words = [
  ...[
    'dump',
    'templates',
    'check',
    'doctor',
    'help',
    'replay',
    'task',
    'tcp',
    'udp',
    'bpf_map_elem',
    'cgroup',
    'nothing',
  ],
  ...[
    'empty',
    'folder',
    'no/such',
    '/dev/null',
    '/dev/zero',
    '/dev/full',
    '.',
    '-',
    '--',
    '---',
    '=',
    '+',
    ',',
    '0',
    '1',
  ],
  ...['-1', '0.1', '1e9', '0x10', '99999999999999999999', 'NaN', '1-0', '1,2,', '443,8000-8100', 'root', 'all', 'self'],
  ...['pid,comm', '+pid', '-pid', 'pid,pid', 'x=task->pid', 'x=task->nothing', 'x=rate(x)', 'a=rate(b),b=rate(a)'],
  ...[
    'pid > 1',
    'pid ==',
    '((((',
    'comm =~ "("',
    '!',
    '[',
    'a{1,99999999}',
    'json',
    'csv',
    'off',
    '50%',
    '+5m',
    '14:03',
  ],
];
const option = fc.constantFrom(...Object.keys(SPECS)).map((name) => `--${name}`);
const short = fc.constantFrom(...'pucswdHtnfohVxZ?').map((letter) => `-${letter}`);
const text = fc.oneof(
  fc.constantFrom(...words),
  fc.constantFrom(...Object.values(HOSTILE_TEXTS)),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
);
const word = fc.oneof(
  { weight: 3, arbitrary: text },
  { weight: 3, arbitrary: option },
  { weight: 1, arbitrary: short },
  { weight: 2, arbitrary: fc.tuple(option, text).map(([name, value]) => `${name}=${value}`) },
  { weight: 1, arbitrary: fc.constantFrom(...Object.keys(SPECS)).map((name) => `--no-${name}`) },
);
const line = fc.array(word, { maxLength: 6 });

describe('the command line', () => {
  it('of anything is options, or a UsageError that says something', () => {
    fuzz('command lines', 3000, line, (argv) => {
      try {
        parseOptions(argv);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        expect((error as Error).message.length).toBeGreaterThan(10);
      }
    });
  });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program with no terminal. What goes on until it is ended is ended. */
async function run(argv: readonly string[]): Promise<Ended> {
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder };
  const child = spawn(process.execPath, [PROGRAM, ...argv], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (data) => {
    out += data;
  });
  child.stderr.setEncoding('utf8').on('data', (data) => {
    err += data;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  return { code, out, err };
}

function check({ code, out, err }: Ended): void {
  expect(code, `${out}\n${err}`).toBeOneOf([0, 1, 2, 3]);
  if (code !== 0) expect(err + out).toMatch(/\S{3}/);
  expect(err).not.toMatch(/^ +at .*:\d+:\d+/m);
  expect(err).not.toMatch(/TypeError|RangeError|is not a function|undefined/);
  expect(err).not.toMatch(OBEYED);
  expect(out).not.toMatch(OBEYED);
  // Every line is told to be the program's own, or belongs to the one before.
  for (const each of err.split('\n')) expect(each).toMatch(/^$|^itertop: |^ {2}|^missing /);
}

describeKernel('the program', () => {
  it('ends with a code and words, whatever it is called with', { timeout: patience(300_000) }, async () => {
    await fuzzSlowly('calls of the program', 40, line, async (argv) => {
      // What is to go on until it is ended, or for an hour, does so.
      const endless = argv.some((each) => /^(-n|--count|-d|--interval|record|--debug)/.test(each));
      if (!endless) check(await run(argv));
    });
  });

  /** Where a text of the user's goes into a message. */
  const places: readonly (readonly string[])[] = [
    ['%'],
    ['dump', '--format=%'],
    ['--%'],
    ['dump', '--sort=%'],
    ['dump', '--columns=%'],
    ['dump', '--columns=x=%'],
    ['dump', '--columns=pid:%'],
    ['dump', '--where=%'],
    ['dump', '--where=comm == %'],
    ['dump', '--search=%('],
    ['dump', '--pid=%'],
    ['dump', '--user=%'],
    ['dump', 'tcp', '--netns=%'],
    ['dump', 'cgroup', '--order=%'],
    ['dump', '--interval=%'],
    ['dump', '--count=%'],
    ['dump', '--group=%'],
    ['dump', '--output=no/%'],
    ['dump', '--map=%'],
    ['dump', 'bpf_map_elem', '--map=%'],
    ['dump', 'bpf_map_elem', '--map=/sys/fs/bpf/%'],
    ['dump', '--template=%'],
    ['dump', '--replay=%'],
    ['dump', 'one', '%'],
    ['replay', '%'],
    ['record', 'task', '--output=no/%'],
    ['record', '--for=%'],
    ['record', '-o', 'x', '--retain=%'],
    ['templates', '--new=%', '--target=task'],
    ['templates', '--new=good', '--target=%'],
    ['templates', 'check', '--btf', '%'],
    ['--max-cost=%'],
    ['dump', '--debug', '--sort=%'],
  ];

  it.each(places.map((place) => [place.join(' '), place]))(
    'itertop %s: the text is shown, not obeyed',
    { timeout: 120_000 },
    async (_, place) => {
      const hostile = `\x1b]0;pwned\x07\u009b2J\u202e\nitertop: fine\r${'\u0301'.repeat(50)}`;
      const { code, out, err } = await run(place.map((each) => each.replace('%', hostile)));
      expect(err).not.toMatch(OBEYED);
      expect(out).not.toMatch(OBEYED);
      expect(err).not.toMatch(/^itertop: fine/m);
      if (!place.includes('--debug')) check({ code, out, err });
    },
  );
});
