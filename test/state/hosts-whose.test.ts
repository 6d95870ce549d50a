/** Rows of several hosts are never written without saying whose they are; the program, with this machine as both hosts. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { describeKernel, PROGRAM } from '../support/kernel.ts';
import { hereWords } from '../support/stand-in-hosts.ts';

vi.setConfig({ testTimeout: 120_000 });

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-whose-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

function dump(host: string, ...args: string[]) {
  const words = ['--host', host, ...hereWords(folder), 'dump', ...args];
  return spawnSync(process.execPath, [PROGRAM, ...words], { encoding: 'utf8', timeout: 110_000 });
}

const PID = String(process.pid);
const ONE = ['task', '--pid', PID];

describeKernel('rows of several hosts say whose they are', () => {
  test.each<[what: string, args: string[], expected: RegExp]>([
    ['json', ['-f', 'json'], new RegExp(`{"host":"a","pid":${PID}},\n{"host":"b","pid":${PID}}\n`)],
    ['ndjson', ['-f', 'ndjson'], new RegExp(`{"host":"a","pid":${PID}}\n{"host":"b","pid":${PID}}\n`)],
    ['csv', ['-f', 'csv'], new RegExp(`\nhost,pid\na,${PID}\nb,${PID}\n`)],
    ['table', [], new RegExp(`\nHOST +PID\na +${PID}\nb +${PID}\n`)],
    [
      'changes for the eye',
      ['--changes'],
      new RegExp(`CHANGE +HOST +PID .*\n.* present +a +${PID}\n.* present +b +${PID}\n`),
    ],
    ['where host was asked for it stays where it is', ['-c', 'pid,host', '-f', 'csv'], /\npid,host\n/],
    ['a group is of all of them', ['--group', 'pid', '-f', 'csv'], new RegExp(`\npid,count\n${PID},2\n$`)],
  ])('%s', (_, args, expected) => {
    const { stdout, stderr } = dump('a,b', ...ONE, '-c', 'pid', '--sort', 'host', ...args);
    expect([stdout, stderr]).toEqual([expect.stringMatching(expected), '']);
  });

  test('in the explorer, too', () => {
    const words = ['--host', 'a,b', ...hereWords(folder), ...ONE, '-c', 'pid', '--plain', '-n', '1'];
    const { stdout } = spawnSync(process.execPath, [PROGRAM, ...words], { encoding: 'utf8', timeout: 110_000 });
    expect(stdout).toMatch(new RegExp(`1\\. host [ab], pid ${PID}\n`));
  });

  test('of one host they have the columns that were asked for', () => {
    expect(dump('a', ...ONE, '-c', 'pid', '-f', 'csv').stdout).toMatch(new RegExp(`\npid\n${PID}\n$`));
  });

  test('gauges are of each host, and those of one name stand together', () => {
    const { stdout, stderr } = dump('a,b', ...ONE, '--group', 'pid', '-c', 'threads', '-f', 'openmetrics');
    expect(stderr).toBe('');
    const gauge = (name: string) => [
      `# TYPE itertop_task_${name}`,
      `# HELP itertop_task_${name}`,
      ...['a', 'b'].map((host) => `itertop_task_${name}{host="${host}",pid="${PID}"}`),
    ];
    const lines = stdout.split('\n').map((line) => /^(# \w+ ?)?[^ ]*/.exec(line)![0]);
    expect(lines).toEqual([...gauge('count'), ...gauge('threads'), '# EOF', '']);
  });
});

test.each([
  [['bpf_map_elem', '--map', '1'], /the elements of a map are not shown over hosts/],
  [['bpf_map_elem'], /the elements of a map are not shown over hosts/],
  [['--map', '1'], /the elements of a map are not shown over hosts/],
])('%j is refused by its reason', (args, why) => {
  const { status, stderr } = dump('a,b', ...args);
  expect([status, stderr]).toEqual([2, expect.stringMatching(why)]);
});
