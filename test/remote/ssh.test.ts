/** Commands on other hosts through ssh: what arrives, and what is shared. */
import fs from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/kernel.ts';
import { TestHosts } from './hosts.ts';
import { closeAll, host, output, skip } from './runs.ts';

describe.skipIf(skip)('ssh (needs root and sshd)', () => {
  let hosts: TestHosts;
  beforeAll(() => {
    hosts = new TestHosts({
      plain: {},
      fish: { config: ['ForceCommand fish -c "$SSH_ORIGINAL_COMMAND"'] },
      noisy: { config: ['ForceCommand echo welcome; echo "itertop- start"; sh -c "$SSH_ORIGINAL_COMMAND"; echo bye'] },
      busybox: { config: ['ForceCommand busybox ash -c "busybox $SSH_ORIGINAL_COMMAND"'] },
      // One session for a connection: each run makes one of its own.
      single: { config: ['MaxSessions 1'] },
      own: { client: ['ControlMaster auto', `ControlPath ${OWN}`, 'ControlPersist 60'] },
    });
  }, 120_000);
  afterAll(() => hosts?.[Symbol.dispose]());
  afterEach(closeAll);

  // biome-ignore format: a list of words
  const ODD = [
    'a b', "it's", '"', '$HOME', '`id`', '\\', '\\n', '*', '!', '!!', '#', '~', '', '-x', 'ä\u{1f600}', 'a\nb', '\n', '%s',
    '\x1b[0m', '{a,b}', '(x)', ';', '&', '|', '<', '>', '\t', '--', '=', "'\\''",
  ];

  it.for(['plain', 'fish', 'noisy', 'busybox', 'single'])('words arrive as they are: %s', async (name) => {
    const [out, why] = await output(name, ['-c', 'uname -n; printf "<%s>" "$@"', 'x', ...ODD], { itertop: 'sh' });
    const seen = out.replace(/<--tether><\d+>(bye\n)?$/, '');
    expect([seen, why]).toEqual([`${name}\n${ODD.map((word) => `<${word}>`).join('')}`, '']);
  });

  it('one connection serves all, and nothing is left there', async () => {
    const one = host('plain', { itertop: 'sh' });
    const runs = Array.from({ length: 3 }, (_, i) => one.run(['-c', `echo ${i}; cat`]));
    for (const [i, run] of runs.entries())
      expect(String((await run.stdout[Symbol.asyncIterator]().next()).value)).toBe(`${i}\n`);
    expect(hosts.hosts['plain']!.connections()).toBe(1);
    await Promise.all(runs.map((run) => run.stop()));
    expect(await Promise.all(runs.map((run) => run.ended))).toEqual(['', '', '']);
    await closeAll();
    await eventually(() => expect(hosts.hosts['plain']!.processes()).toEqual([]));
    expect(hosts.hosts['plain']!.connections()).toBe(0);
  });

  it('a connection that the user shares already is taken, and stays', async () => {
    const own = host('own', { itertop: 'echo' });
    expect([await output(own, ['1']), await output(own, ['2'])].map(([out, why]) => [out.slice(0, 1), why])).toEqual([
      ['1', ''],
      ['2', ''],
    ]);
    expect(hosts.hosts['own']!.connections()).toBe(1);
    await closeAll();
    expect([fs.existsSync(OWN), hosts.hosts['own']!.connections()]).toEqual([true, 1]);
  });
});

const OWN = `/tmp/itertop-test-own-${process.pid}`;
