/** Each host has users of its own: a filter takes no names, a condition does. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { describeKernel, PROGRAM } from '../support/kernel.ts';

describeKernel('users of hosts', () => {
  const dump = (...words: string[]) =>
    spawnSync(process.execPath, [PROGRAM, 'dump', 'task', '--host', 'localhost', '-c', 'pid,user', ...words], {
      encoding: 'utf8',
      timeout: 60_000,
    });

  it.for(['root', '0,nobody'])('--user %s is refused, and what to write instead is said', (users) => {
    const { status, stderr, stdout } = dump('--user', users);
    const name = users.split(',').at(-1);
    const instead = `--where 'user == "${name}"'`;
    expect([status, stdout, stderr]).toEqual([
      2,
      '',
      `itertop: user: '${name}' may be another uid on each host; write the uid, or the condition: ${instead}\n`,
    ]);
  });

  it.for([['--user=0'], ['--where', 'user == "root"']])('%s gives the rows of that user', (words) => {
    const { status, stderr, stdout } = dump(...words, '-f', 'json');
    expect([status, stderr]).toEqual([0, '']);
    const users = new Set(JSON.parse(stdout).rows.map((row: { user: number }) => row.user));
    expect([...users]).toEqual([0]);
  });
});
