/** Commands on other hosts through ssh: what arrives, what is shared, and the words for what does not work. */
import fs from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RemoteHost, type RemoteOptions, remoteHosts } from '../../src/state/remote.ts';
import { eventually, root } from '../support/kernel.ts';
import { SSHD, TestHosts } from './hosts.ts';

const skip = (!root || !fs.existsSync(SSHD)) && !process.env['CI'];

describe.skipIf(skip)('ssh (needs root and sshd)', () => {
  let hosts: TestHosts;
  let open: RemoteHost[] = [];

  beforeAll(() => {
    hosts = new TestHosts({
      plain: {},
      fish: { config: ['ForceCommand fish -c "$SSH_ORIGINAL_COMMAND"'] },
      noisy: { config: ['ForceCommand echo welcome; echo "itertop- start"; sh -c "$SSH_ORIGINAL_COMMAND"; echo bye'] },
    });
  }, 120_000);
  afterAll(() => hosts?.[Symbol.dispose]());

  const host = (name: string, options: RemoteOptions = {}) => {
    const made = remoteHosts([name], options);
    open.push(...made);
    return made[0]!;
  };
  const closed = async () => {
    await Promise.all(open.map((h) => h.close()));
    open = [];
  };
  const output = async (name: string, args: readonly string[], options: RemoteOptions) => {
    const run = host(name, options).run(args);
    return [await text(run.stdout), await run.ended];
  };

  const ODD = [
    'a b',
    "it's",
    '"',
    '$HOME',
    '`id`',
    '\\',
    '\\n',
    '*',
    '!',
    '!!',
    '#',
    '~',
    '',
    '-x',
    'ä\u{1f600}',
    'a\nb',
    '%s',
    '\x1b[0m',
    '{a,b}',
    '(x)',
    ';',
    '&',
    '|',
    '<',
    '>',
    '\t',
  ];

  it.for(['plain', 'fish', 'noisy'])('words arrive as they are: %s', async (name) => {
    const [out, why] = await output(name, ['-c', 'uname -n; printf "<%s>" "$@"', 'x', ...ODD], { itertop: 'sh' });
    expect([out!.replace(/<--tether><\d+>(bye\n)?$/, ''), why]).toEqual([
      `${name}\n${ODD.map((w) => `<${w}>`).join('')}`,
      '',
    ]);
    await closed();
  });

  it('one connection serves all, and nothing is left there', async () => {
    const one = host('plain', { itertop: 'sh' });
    const runs = Array.from({ length: 3 }, (_, i) => one.run(['-c', `echo ${i}; cat`]));
    for (const [i, run] of runs.entries())
      expect(String((await run.stdout[Symbol.asyncIterator]().next()).value)).toBe(`${i}\n`);
    expect(hosts.hosts['plain']!.connections()).toBe(1);
    await Promise.all(runs.map((run) => run.stop()));
    expect(await Promise.all(runs.map((run) => run.ended))).toEqual(['', '', '']);
    await closed();
    await eventually(() => expect(hosts.hosts['plain']!.processes()).toEqual([]));
    expect(hosts.hosts['plain']!.connections()).toBe(0);
  });
});
