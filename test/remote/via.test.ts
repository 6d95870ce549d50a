/** Hosts that something else than ssh leads to: containers, by a stand-in for kubectl; and this one. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Executable } from '../../src/state/remote-copy.ts';
import { eventually, PROGRAM } from '../support/kernel.ts';
import { closeAll, host, output } from './runs.ts';

const SHELL = fs.realpathSync('/bin/sh');

/** As kubectl is: the words run without a shell; where it goes, what it started stays until its standard input ends. */
const KUBECTL = `#!/bin/sh
[ "$1 $2 $4" = "exec -i --" ] || { echo "error: unknown command" >&2; exit 1; }
case $3 in
  web-*) ;;
  lost) for n in 1 2 3 4 5; do
      echo 'E1127 03:26:54.123456    4711 memcache.go:265] "Unhandled Error" err="dial tcp: connection timed out"' >&2
    done
    echo 'The connection to the server localhost:8080 was refused - did you specify the right host or port?' >&2; exit 1 ;;
  logs) echo 'E1127 03:26:54.123456    4711 memcache.go:265] "Unhandled Error" err="no route to host"' >&2; exit 1 ;;
  bare) echo 'OCI runtime exec failed: exec failed: exec: "sh": executable file not found in $PATH: unknown' >&2; exit 126 ;;
  *) echo "Error from server (NotFound): pods \\"$3\\" not found" >&2; exit 1 ;;
esac
POD=$3 PATH=\${0%/*}/pod:$PATH
export POD PATH
shift 4
exec "$@"
`;

describe('--via', () => {
  let folder: string;
  const via = ['kubectl', 'exec', '-i', '{host}', '--'];
  const PATH = process.env['PATH'];
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-via-'));
    fs.writeFileSync(`${folder}/kubectl`, KUBECTL, { mode: 0o755 });
    process.env['PATH'] = `${folder}:${PATH}`;
  });
  afterAll(() => {
    process.env['PATH'] = PATH;
    fs.rmSync(folder, { recursive: true });
  });
  afterEach(closeAll);

  it('words arrive as they are where no shell is between', async () => {
    const words = ['a b', "'", '$POD', '\n', '', '*'];
    const args = ['-c', 'printf "<%s>" "$POD" "$@"', 'x', ...words];
    const [out, why] = await output('web-1', args, { via, itertop: 'sh' });
    expect([out, why]).toEqual([`${['web-1', ...words].map((w) => `<${w}>`).join('')}<--tether><60>`, '']);
  });

  it('a copy goes there, and does not stay', async () => {
    const one = host('web-2', { via, copy: [new Executable(SHELL)] });
    const [out, why] = await output(one, ['-c', 'echo "$POD"; readlink /proc/$$/exe']);
    const [pod, file] = out.split('\n');
    expect([pod, why, fs.existsSync(file!)]).toEqual(['web-2', '', true]);
    await closeAll();
    await eventually(() => expect(fs.existsSync(path.dirname(file!))).toBe(false));
  });

  it.for([
    ['db-0', 'Error from server (NotFound): pods "db-0" not found'],
    ['bare', 'there is no sh'],
    ['lost', 'The connection to the server localhost:8080 was refused - did you specify the right host or port?'],
    ['logs', 'E1127 03:26:54.123456    4711 memcache.go:265] "Unhandled Error" err="no route to host"'],
  ])('says why not: %s', async ([name, why]) => {
    expect(await output(name!, ['record'], { via })).toEqual(['', why]);
    const copied = { via, copy: [new Executable(SHELL)] };
    expect(await output(name!, ['record'], copied)).toEqual(['', why]);
  });

  it('localhost is this machine, and this program', async () => {
    const script = process.argv[1];
    process.argv[1] = PROGRAM;
    try {
      expect((await output('localhost', ['dump', 'task', '--sort=nope']))[1]).toMatch(/^task has no column 'nope'/);
    } finally {
      process.argv[1] = script!;
    }
  });
});
