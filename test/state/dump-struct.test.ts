import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeKernel, PROGRAM } from '../support/kernel.ts';

function itertop(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [PROGRAM, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { stdout, stderr, status };
}

describeKernel('itertop dump --struct', () => {
  test("prints the kernel's text of the objects that pass, and nothing else", () => {
    const { stdout, status } = itertop(
      'dump',
      'task',
      '--pid',
      `${process.pid},${process.ppid}`,
      '--struct',
      '--sort',
      'pid',
    );
    expect(status).toBe(0);
    const pids = [process.pid, process.ppid].sort((a, b) => a - b);
    expect(stdout.match(/^\(struct task_struct\)\{$/gm)).toHaveLength(2);
    expect([...stdout.matchAll(/^ \.tgid = \(pid_t\)(\d+),$/gm)].map((m) => Number(m[1]))).toEqual(pids);
    expect(stdout).not.toMatch(/^ \.exit_code/m);
    expect(stdout.endsWith('\n}\n')).toBe(true);
  });

  test('to a file, whole or not at all', () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-struct-'));
    try {
      const file = path.join(dir, 'struct');
      expect(itertop('task', '--pid', String(process.pid), '--struct', '-o', file)).toEqual({
        stdout: '',
        stderr: '',
        status: 0,
      });
      expect(fs.readFileSync(file, 'utf8')).toMatch(/^\(struct task_struct\)\{\n/);
      expect(fs.statSync(file).mode & 0o777).toBe(0o600);
      expect(itertop('ksym', '--struct', '-o', `${file}2`).stderr).toMatch(/at most 1000 objects/);
      expect(fs.existsSync(`${file}2`)).toBe(false);
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });

  test('is refused where it makes no sense', () => {
    expect(itertop('dump', 'task', '--struct', '--format', 'csv')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--struct writes the kernel's text/),
    });
    expect(itertop('templates', 'task', '--struct')).toMatchObject({ status: 2 });
  });
});
