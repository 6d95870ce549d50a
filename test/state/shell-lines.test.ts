/** A command line on the screen of which no word is cut: the shell puts together what is broken. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellLines, shellQuoted } from '../../src/state/command-line.ts';

const WORDS = [
  ...['itertop', 'dump', 'task', '--columns', 'pid,tid,user,comm,state,utime,stime,rss', '--search', ''],
  ...['--where', '(pid == 950 && start_ns == 51612345678900) || (pid == 951 && start_ns == 51612345678901)'],
  "it's 'all' of '''it\\' in one \\'word\\",
  'nothing-to-break-it-at-'.repeat(5),
  "a\nb'\\ \x1b\x9b\u202e and é 日本語の長いテキスト, ".repeat(3),
  '日本語の長いテキスト'.repeat(5),
];
const WIDTHS = [1, 5, 6, 7, 8, 12, 20, 39, 79, 199];

it('is the same words for the shell, whatever the width', () => {
  const quoted = WORDS.map(shellQuoted);
  const script = WIDTHS.map((width) => `printf '%s\\0' ${shellLines(quoted, width).join('\n')}`).join('\n');
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const told = stdout.split('\0').slice(0, -1);
  for (const [index, width] of WIDTHS.entries())
    expect(told.slice(index * WORDS.length, (index + 1) * WORDS.length), `${width} cells`).toEqual(WORDS);
  expect(told).toHaveLength(WIDTHS.length * WORDS.length);
});

it.each([20, 39, 79])('has no line that is cut in %i cells', (width) => {
  const wide = (line: string) => [...line].reduce((cells, c) => cells + (/[\u3000-\u9fff]/.test(c) ? 2 : 1), 0);
  const lines = shellLines(WORDS.map(shellQuoted), width);
  expect(lines.filter((line) => wide(line) > width)).toEqual([]);
});

it('is broken at blanks and commas where it can be', () => {
  const words = ['itertop', 'dump', '--where', "'(pid == 1 && tid == 22) || (pid == 333)'", '--sort', 'pid'];
  expect(shellLines(words, 30)).toEqual([
    'itertop dump --where \\',
    "  '(pid == 1 && tid == 22) '\\",
    "'|| (pid == 333)' --sort pid",
  ]);
  expect(shellLines(['--columns', 'pid,comm,user,state'], 16)).toEqual(['--columns \\', '  pid,comm,\\', 'user,state']);
});
