import { spawn, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeKernel, eventually, PROGRAM } from '../support/kernel.ts';

const NAME = 'a"b\\c\x1b[1m';

describeKernel('itertop dump -f openmetrics', () => {
  const children: ReturnType<typeof spawn>[] = [];
  const dump = (...args: string[]) =>
    spawnSync(process.execPath, [PROGRAM, 'dump', ...args, '-f', 'openmetrics'], { encoding: 'utf8' });

  beforeAll(async () => {
    for (let i = 0; i < 3; i++)
      // The name is the shell's own: it waits for a line that never comes.
      children.push(spawn('sh', ['-c', 'printf %s "$0" > /proc/$$/comm; read line', NAME], { stdio: 'pipe' }));
    await eventually(() =>
      expect(
        dump('task', '--group', 'comm', '-c', 'threads', '-p', children.map((c) => c.pid).join()).stdout,
      ).toContain('} 3\n'),
    );
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  test('a gauge for each column of numbers, with its unit; names escaped, nothing that acts on a terminal', () => {
    const pids = children.map((c) => c.pid).join();
    const { stdout, stderr, status } = dump('task', '--group', 'comm', '-c', 'threads,rss,start,cmdline', '-p', pids);
    expect([status, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    const label = `comm="a\\"b\\\\c\\\\x1b[1m"`;
    expect(lines.filter((line) => line.startsWith('# TYPE'))).toEqual([
      '# TYPE itertop_task_count gauge',
      '# TYPE itertop_task_threads gauge',
      '# TYPE itertop_task_rss_bytes gauge',
    ]);
    expect(lines).toContain('# UNIT itertop_task_rss_bytes bytes');
    expect(lines.find((line) => line.startsWith('itertop_task_count{'))).toMatch(
      /^itertop_task_count\{host="[^"]+",comm=.* 3$/,
    );
    expect(lines.find((line) => line.startsWith('itertop_task_count{'))).toContain(label);
    expect(lines.at(-1)).toBe('# EOF');
    expect(stdout).not.toContain('\x1b');
    // Each line is a comment, or a name, labels and a number.
    for (const line of lines)
      expect(line).toMatch(/^(# (TYPE|UNIT|HELP|EOF)|[a-z_]+\{([a-z_]+="(\\.|[^"\\])*",?)+\} -?[\d.e+]+$)/);
  });

  test.each<[string[], RegExp]>([
    [['task'], /openmetrics is for groups of rows: --group state/],
    [['task', '--group', 'state', '-n', '2'], /openmetrics is one refresh/],
    [['task', '--group', 'state', '--changes'], /openmetrics is one refresh/],
  ])('%j is refused', (args, message) => {
    const { status, stderr } = dump(...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
