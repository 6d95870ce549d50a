/** The tree of processes that the test starts. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Family, startFamily } from '../support/family.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'dump', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, TERM: 'xterm', LC_ALL: 'C.UTF-8' },
  });
  return { status, stderr, lines: stdout.trimEnd().split('\n') };
};

describeKernel('dump --tree', () => {
  let family: Family;
  beforeAll(async () => {
    family = await startFamily();
  });
  afterAll(() => family.end());

  const args = () => ['task', '--pid', family.pids.join(), '--columns', 'ppid,pid,comm', '--tree'];
  const rowsOf = (lines: readonly string[]) => lines.slice(2).map((line) => line.trim().split(/\s+/));

  test('each process under its parent, the first one under none', () => {
    const { lines } = run(...args(), '--sort', 'comm');
    const [top, inner, grandchild, child] = family.pids.map(String);
    expect(rowsOf(lines)).toEqual([
      [String(process.pid), top, 'sh'],
      [top, inner, '├─sh'],
      [inner, grandchild, '│', '└─sleep'],
      [top, child, '└─sleep'],
    ]);
  });

  test('siblings the other way round, with ASCII only', () => {
    const { lines } = run(...args(), '--sort', '-comm', '--ascii');
    expect(rowsOf(lines).map((row) => row.slice(2).join(' '))).toEqual(['sh', '|-sleep', '`-sh', '`-sleep']);
  });

  test('what is no table has the order alone', () => {
    const { lines } = run(...args(), '--sort', 'comm', '--format', 'csv');
    expect(lines.slice(-4)).toEqual([
      `${process.pid},${family.top},sh`,
      `${family.top},${family.inner},sh`,
      `${family.inner},${family.grandchild},sleep`,
      `${family.top},${family.child},sleep`,
    ]);
  });

  test.each([
    [['tcp', '--tree'], 'tcp is no tree'],
    [['task', '--tree', '--group', 'user'], 'rows are either grouped or a tree'],
  ])('%j is refused', (given, message) => {
    const { status, stderr } = run(...given);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});
