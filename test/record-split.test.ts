/** `itertop record TABLE --split OTHER`: two tables in one folder, as `R` writes them where two are shown. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeKernel, PROGRAM } from './support/kernel.ts';

let folder = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-split-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

function itertop(...words: string[]) {
  const options = { cwd: folder, encoding: 'utf8', timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], options);
  return { status, stdout, stderr };
}
const refreshesOf = (file: string): { pid: number }[][] => {
  const { status, stdout, stderr } = itertop('dump', '--replay', file, '--all', '-c', 'pid', '-f', 'json');
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout).map(({ rows }: { rows: { pid: number }[] }) => rows);
};

describeKernel('record --split', () => {
  it('what is asked is asked of the first table; the other one is recorded whole', () => {
    const me = ['--pid', String(process.pid)];
    const { status, stderr } = itertop(
      'record',
      'task',
      ...me,
      '--split',
      'files',
      '-n',
      '3',
      '-d',
      '0.2',
      '-o',
      'two',
    );
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /^task: 3 refreshes, 1 row, [\d.]+K; task_file: 3 refreshes, [\d,]+ rows, [\d.]+K in two; itertop replay two\n$/,
    );
    expect(fs.readdirSync(`${folder}/two`)).toEqual(['1-task.itertop', '2-files.itertop']);
    expect(refreshesOf('two/1-task.itertop')).toEqual([1, 2, 3].map(() => [{ pid: process.pid }]));
    const files = refreshesOf('two/2-files.itertop');
    expect(files).toHaveLength(3);
    for (const rows of files) expect(new Set(rows.map(({ pid }) => pid)).size).toBeGreaterThan(1);
    const again = itertop('record', 'task', '--split', 'files', '-n', '1', '-o', 'two');
    expect([again.status, again.stderr.split(';')[0]]).toEqual([2, 'itertop: two/1-task.itertop: it exists already']);
    itertop('record', 'task', '--split', 'files', '-n', '1', '-o', 'two', '--append');
    expect(['1-task', '2-files'].map((name) => refreshesOf(`two/${name}.itertop`).length)).toEqual([4, 4]);
  });

  it('without a name a folder is made; a table that follows no row is called so', () => {
    const { status, stderr } = itertop('record', 'tcp', '--split', 'bpf_map', '-n', '1');
    const [made] = fs.readdirSync(folder);
    expect([status, made]).toEqual([0, expect.stringMatching(/^itertop-two-\d+-\d+$/)]);
    expect(stderr).toContain(`itertop replay ${made}`);
    expect(fs.readdirSync(path.join(folder, made!))).toEqual(['1-tcp.itertop', '2-all-bpf_map.itertop']);
    expect(fs.statSync(path.join(folder, made!)).mode & 0o777).toBe(0o700);
  });

  it('Ctrl-C ends both', async () => {
    const words = [PROGRAM, 'record', 'task', '--split', 'files', '-d', '0.1', '-o', 'two'];
    const child = spawn(process.execPath, words, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
    });
    const ended = once(child, 'close');
    const bytesOf = (name: string) => fs.statSync(`${folder}/two/${name}.itertop`).size;
    await vi.waitFor(() => expect(Math.min(bytesOf('1-task'), bytesOf('2-files'))).toBeGreaterThan(0), 30_000);
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(said).toMatch(/^task: \d+ refresh(es)?, .*; task_file: \d+ refresh(es)?, .* in two; itertop replay two\n$/);
    for (const name of ['1-task', '2-files']) expect(refreshesOf(`two/${name}.itertop`).length).toBeGreaterThan(0);
  });

  it.for([
    [['--split', 'filez'], '--split filez: there is no such table beside task; did you mean files'],
    [['--split', 'files', '-o', '-'], '-o - is for one table; it takes no --split'],
    [['--split', 'files', '-o', 'two', '--retain', '1M'], '--retain is for one table; it takes no --split'],
    [['--split', 'files', '-o', 'other'], 'other has another recording in it, a.itertop: two tables take a folder of'],
    [['--split', 'files', '-o', 'other/a.itertop'], 'what is there is no folder'],
  ] as const)('refuses %j', ([words, why]) => {
    fs.mkdirSync(`${folder}/other`);
    fs.writeFileSync(`${folder}/other/a.itertop`, '');
    const { status, stdout, stderr } = itertop('record', 'task', '-n', '1', ...words);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(why);
    expect(fs.readdirSync(folder)).toEqual(['other']);
    expect(fs.readdirSync(`${folder}/other`)).toEqual(['a.itertop']);
  });

  it('is nothing for one table without a terminal', () => {
    const why =
      'itertop: --split is for two tables on a terminal, or in a recording: itertop record TEMPLATE --split\n';
    for (const words of [['dump', 'task'], ['task']])
      expect(itertop(...words, '--split', 'tcp')).toEqual({ status: 2, stdout: '', stderr: why });
  });
});
