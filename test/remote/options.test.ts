/** What --host and its like take, and what they refuse. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostOptions } from '../../src/host-options.ts';
import { parseOptions } from '../../src/options.ts';

const parsed = (...words: string[]) => hostOptions(parseOptions(words));

describe('hosts', () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-list-'));
    fs.writeFileSync(`${folder}/list`, '# web\nweb-1 # the first\n\n  web-2\r\nroot@db:x\n');
    fs.writeFileSync(`${folder}/none`, '# nobody\n');
    fs.writeFileSync(`${folder}/many`, Array.from({ length: 101 }, (_, i) => `h${i}`).join('\n'));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it.for([
    [['--host', 'a'], ['a']],
    [
      ['--host', 'a,b, a,,c', '--host', 'b,d'],
      ['a', 'b', 'c', 'd'],
    ],
    [
      ['--host', 'root@a,ssh://me@b:2222,[::1],fe80::1%eth0,pod/web-1,b\u00fccher'],
      ['root@a', 'ssh://me@b:2222', '[::1]', 'fe80::1%eth0', 'pod/web-1', 'b\u00fccher'],
    ],
    [
      ['dump', 'tcp', '--host', '@{}/list,'],
      ['web-1', 'web-2', 'root@db:x'],
    ],
    [['record', 'tcp'], undefined],
  ] as const)('%j', ([words, names]) => {
    expect(parsed(...words.map((w) => w.replace('{}', folder).replace(/,$/, '')))?.names).toEqual(names);
  });

  it.for([
    [['--host', ''], '--host names no host'],
    [['--host', '@{}/none'], '--host names no host'],
    [['--host', '@{}/nothing'], 'there is no such file'],
    [['--host', '@{}'], 'it is no regular file'],
    [['--host', '@{}/many'], '101 hosts are more than the 100'],
    [['--host=-oProxyCommand=x'], 'does not begin with a dash'],
    [['--host', 'me@-oProxyCommand=x'], 'does not begin with a dash'],
    [['--host', 'ssh://-x'], 'does not begin with a dash'],
    [['--host', 'a b'], 'has no " " in it'],
    [['--host', '$(id)'], 'has no "$" in it'],
    [['--host', 'a;id'], 'has no ";" in it'],
    [['--host', 'a\x1b'], 'in it'],
    [['--via', 'x'], '--via goes with --host'],
    [['--sudo'], '--sudo goes with --host'],
    [['--host', 'a,b', '--via', 'docker exec -i'], "--via 'docker exec -i {host}'"],
    [['--host', 'a', '--via', ' '], '--via needs a command'],
    [['--host', 'a', '--via', "sh -c 'x"], 'a quote is not closed'],
    [['--host', 'a', '--copy', '/nowhere'], '--copy /nowhere: there is no such file'],
    [['--host', 'a', '--copy', '{}/list'], 'it is no executable for x86_64 or aarch64'],
    [['--host', 'a', '--copy', 'self'], 'this itertop runs under Node.js'],
    [['--host', 'a', '--itertop', ''], '--itertop needs a command'],
    [['templates', '--host', 'a'], '--host goes with the explorer, dump and record'],
    [['replay', 'x', '--host', 'a'], '--host goes with the explorer, dump and record'],
    [['dump', '--replay', 'x', '--host', 'a'], 'a recording is of the host that it was made on'],
    [['dump', '--tether', '0'], '--tether 0'],
  ] as const)('refuses %j', ([words, why]) => {
    expect(() => parsed(...words.map((w) => w.replace('{}', folder)))).toThrow(why);
  });

  it('--via has words as a shell has them', () => {
    const words = (via: string) => parsed('--host', 'a', '--via', via)?.remote.via;
    expect(words('kubectl -n "my ns" exec -i {host} --')).toEqual([
      'kubectl',
      '-n',
      'my ns',
      'exec',
      '-i',
      '{host}',
      '--',
    ]);
    expect(words(String.raw`a 'b c'd "e\"f" g\ h '' i"j"`)).toEqual(['a', 'b cd', 'e"f', 'g h', '', 'ij']);
  });

  it('the rest is passed on', () => {
    const { remote } = parsed('--host', 'a', '--sudo', '--itertop', '/opt/itertop', '--copy', process.execPath)!;
    expect(remote).toMatchObject({ sudo: true, itertop: '/opt/itertop', copy: [{ path: process.execPath }] });
  });
});
