/** What can go wrong with another host, and the words for it. */
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RemoteOptions } from '../../src/state/remote.ts';
import { eventually } from '../support/kernel.ts';
import { TestHosts } from './hosts.ts';
import { closeAll, host, output, skip } from './runs.ts';

describe.skipIf(skip)('another host that does not do (needs root and sshd)', () => {
  let hosts: TestHosts;
  beforeAll(() => {
    hosts = new TestHosts({
      fine: {
        commands: {
          old: 'case $1 in --version) echo itertop 0.0.9 ;; *) echo "itertop: there is no option --new" >&2; exit 2 ;; esac',
          lacks: 'printf "itertop: not permitted\\n  run it as root: sudo itertop\\n" >&2; exit 3',
          dies: 'kill -SEGV $$',
          rude: 'printf "\\033[2J%0400d\\n" 7 >&2; exit 1',
          ends: 'echo some; exit 0',
          sudo: 'echo "sudo: a password is required" >&2; exit 1',
          libraries: 'echo "$0: /lib/x86_64-linux-gnu/libc.so.6: version GLIBC_2.99 not found" >&2; exit 127',
        },
      },
      nosudo: { config: ['ForceCommand PATH=/nowhere /bin/sh'] },
      refused: { sshd: false },
      silent: { sshd: false, client: ['ConnectTimeout 1'] },
      slow: { sshd: false, client: ['ConnectTimeout 20'] },
      unknown: { key: 'unknown' },
      changed: { key: 'changed' },
      denied: { config: ['AuthorizedKeysFile none', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no'] },
      noshell: { config: ['ForceCommand echo "bash: line 1: sh: command not found" >&2; exit 127'] },
      closed: { config: ['ForceCommand exit 1'] },
      flood: { config: ['ForceCommand yes'] },
    });
    for (const name of ['silent', 'slow']) hosts.hosts[name]!.cut();
  }, 120_000);
  afterAll(() => hosts?.[Symbol.dispose]());
  afterEach(closeAll);

  const cases: readonly (readonly [name: string, why: string | RegExp, options?: RemoteOptions])[] = [
    ['nosuchhost.invalid', /^no such host \(.+\)$/],
    ['refused', 'Connection refused'],
    ['silent', 'Connection timed out'],
    ['unknown', 'its host key is not known: `ssh unknown` once'],
    ['changed', 'its host key has changed: `ssh changed` says which one is known'],
    ['denied', 'permission denied (publickey): `ssh denied` has to work without a question'],
    ['noshell', 'there is no sh'],
    ['closed', 'the far side ended with 1 before it began'],
    ['flood', 'it writes other things where its answer should be'],
    ['fine', 'itertop is not there (no itertop in its PATH): --copy takes one there'],
    ['fine', 'there is no option --new (itertop 0.0.9 there, 0.1.0 here)', { itertop: 'old', version: '0.1.0' }],
    ['fine', 'not permitted; run it as root: sudo itertop', { itertop: 'lacks' }],
    ['fine', 'itertop was ended there by SIGSEGV', { itertop: 'dies' }],
    ['fine', /^\\x1b\[2J0{290,}\.\.\.$/, { itertop: 'rude' }],
    ['fine', '', { itertop: 'ends' }],
    ['fine', 'sudo wants a password there: a rule with NOPASSWD is needed, or a login as root', { sudo: true }],
    ['fine', /^libraries does not start there: .*GLIBC_2.99 not found$/, { itertop: 'libraries' }],
    ['nosudo', 'there is no sudo', { sudo: true }],
    ['fine', /^\/etc\/passwd may not be run there: .*Permission denied$/, { itertop: '/etc/passwd' }],
  ];
  it.for(cases)('%s: %s', async ([name, why, options]) => {
    const [, said] = await output(name, ['record', 'task'], options);
    if (typeof why === 'string') expect(said).toBe(why);
    else expect(said).toMatch(why);
  });

  it('one that has not answered yet keeps nothing from ending', async () => {
    const slow = host('slow');
    const run = slow.run(['record']);
    const from = performance.now();
    await run.stop();
    expect([await run.ended, await run.stdout.toArray()]).toEqual(['', []]);
    const other = slow.run(['record']);
    await slow.close();
    expect(await other.ended).toBe('');
    expect((await slow.connect()).why).toBe('it was closed');
    expect(performance.now() - from).toBeLessThan(15_000);
  });

  it('no ssh here', async () => {
    const PATH = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    try {
      expect(await output('fine', [])).toEqual(['', 'there is no ssh here (openssh-client)']);
      expect(await output('fine', [], { via: ['kubectl', 'exec'] })).toEqual(['', 'there is no kubectl here']);
    } finally {
      process.env['PATH'] = PATH;
    }
  });
});

describe.skipIf(skip)('another host that goes (needs root and sshd)', () => {
  let hosts: TestHosts;
  beforeAll(() => {
    const client = ['ServerAliveInterval 1', 'ServerAliveCountMax 3'];
    hosts = new TestHosts({ stopped: { client }, cut: { client }, killed: { client } });
  }, 120_000);
  afterAll(() => hosts?.[Symbol.dispose]());
  afterEach(closeAll);

  it.for([
    ['stopped', 'no answer any more', (pids: readonly number[]) => kill('SIGSTOP', pids)],
    ['cut', 'no answer any more', () => hosts.hosts['cut']!.cut()],
    ['killed', 'the connection was closed', (pids: readonly number[]) => kill('SIGKILL', pids)],
  ] as const)('%s: %s', async ([name, why, harm]) => {
    const there = host(name, { itertop: 'sh' });
    const run = there.run(['-c', 'echo here; cat']);
    expect(String((await run.stdout[Symbol.asyncIterator]().next()).value)).toBe('here\n');
    harm(hosts.hosts[name]!.pids().filter((pid) => commandOf(pid).startsWith('sshd:')));
    expect(await run.ended).toBe(why);
    expect(run.stdout.readableEnded || (await run.stdout.toArray()).length === 0).toBe(true);
    if (name === 'cut') return;
    // The next run connects anew.
    const [out, again] = await output(there, ['-c', 'echo again']);
    expect([out, again]).toEqual(['again\n', '']);
    kill('SIGCONT', hosts.hosts[name]!.pids());
    await closeAll();
    await eventually(() => expect(hosts.hosts[name]!.processes()).toEqual([]));
  });
});

function kill(signal: NodeJS.Signals, pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      // It has ended since they were looked for.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

const commandOf = (pid: number) => spawnSync('ps', ['-o', 'args=', '-p', `${pid}`], { encoding: 'utf8' }).stdout.trim();
