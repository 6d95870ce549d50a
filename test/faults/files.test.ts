/** Disks, folders and pipes that fail: what was there stays, what is begun is whole or not there, and the error names it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Recording } from '../../src/state/recording.ts';
import { describeKernel, eventually, output, PROGRAM } from '../support/kernel.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-files-'));
const SIZE = 128 << 10;

function itertop(args: readonly string[], through: readonly string[] = []) {
  const [command, ...rest] = [...through, process.execPath, PROGRAM, ...args];
  const { status, stdout, stderr } = spawnSync(command!, rest, { encoding: 'utf8', cwd: folder, timeout: 120_000 });
  return { status, stdout, stderr };
}

/** A shell in which `itertop` is the program, for what it does with descriptors. */
function shell(script: string) {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-c', `itertop() { "${process.execPath}" "${PROGRAM}" "$@"; }; ${script}`],
    {
      encoding: 'utf8',
      cwd: folder,
      timeout: 120_000,
    },
  );
  return { status, stdout, stderr };
}

describeKernel('files and pipes that fail', () => {
  const disk = path.join(folder, 'disk');
  const at = (name: string) => path.join(disk, name);

  /** A file system of our own. */
  function mount(options: string): void {
    fs.mkdirSync(disk, { recursive: true });
    output('mount', '-t', 'tmpfs', '-o', options, 'none', disk);
  }
  /** With so many bytes free. */
  function tiny(free: number, filler = SIZE - free): void {
    mount(`size=${free + filler}`);
    fs.writeFileSync(at('filler'), Buffer.alloc(filler));
  }
  const unmount = () => {
    spawnSync('umount', [disk]);
  };
  beforeAll(() => fs.mkdirSync(disk, { recursive: true }));
  afterAll(() => {
    unmount();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const DUMP = ['dump', 'ksym', '-f', 'csv', '-o'];
  test.each<[string, number]>([
    ['from the start', 0],
    ['half-way', 32 << 10],
  ])('a disk that is full %s: an export leaves nothing, and says so', (_, free) => {
    tiny(free);
    try {
      const { status, stderr } = itertop([...DUMP, 'disk/out.csv']);
      expect(stderr).toBe(`itertop: cannot write ${at('out.csv')}: the disk is full (ENOSPC)\n`);
      expect(status).toBe(1);
      expect(fs.readdirSync(disk)).toEqual(['filler']);
    } finally {
      unmount();
    }
  });

  test('a full disk: what an export was to replace is as it was', () => {
    tiny(16 << 10);
    try {
      fs.writeFileSync(at('out.csv'), 'old\n');
      expect(itertop([...DUMP, 'disk/out.csv', '--force']).status).toBe(1);
      expect(fs.readFileSync(at('out.csv'), 'utf8')).toBe('old\n');
      expect(fs.readdirSync(disk).sort()).toEqual(['filler', 'out.csv']);
    } finally {
      unmount();
    }
  });

  test('a disk that is full from the start: no recording is begun', () => {
    tiny(0);
    try {
      const { status, stderr } = itertop(['record', 'task', '-n', '3', '-d', '0.1', '-o', 'disk/r.itertop']);
      expect([status, stderr]).toEqual([1, `itertop: cannot write ${at('r.itertop')}: the disk is full (ENOSPC)\n`]);
      expect(fs.readdirSync(disk)).toEqual(['filler']);
    } finally {
      unmount();
    }
  });

  test('a disk that fills up: the recording has all refreshes before, and goes on where there is room again', () => {
    // As much room as this machine's first refreshes take, and half of it.
    const few = ['record', 'task', '-n', '2', '-d', '0.1'];
    expect(itertop([...few, '-o', 'few.itertop']).status).toBe(0);
    const { size } = fs.statSync(path.join(folder, 'few.itertop'));
    fs.rmSync(path.join(folder, 'few.itertop'));
    tiny(Math.ceil(size * 1.5) + (8 << 10), size * 2);
    try {
      const { status, stderr } = itertop(['record', 'task', '-n', '0', '-d', '0.1', '-o', 'disk/r.itertop']);
      expect(stderr).toContain('the disk is full (ENOSPC)');
      expect(status).toBe(1);
      const count = () => {
        using recording = new Recording(at('r.itertop'));
        expect(recording.lost).toBe(0);
        for (let index = 0; index < recording.count; index++) recording.read(index);
        return recording.count;
      };
      const before = count();
      expect(before).toBeGreaterThan(1);
      fs.rmSync(at('filler'));
      expect(itertop([...few, '--append', '-o', 'disk/r.itertop']).status).toBe(0);
      expect(count()).toBe(before + 2);
    } finally {
      unmount();
    }
  });

  test('a folder that is read-only', () => {
    mount('ro');
    try {
      const words = /its file system is read-only/;
      expect(itertop([...DUMP, 'disk/out.csv']).stderr).toMatch(words);
      expect(itertop(['record', 'task', '-n', '1', '-o', 'disk/r.itertop']).stderr).toMatch(words);
      expect(itertop([...DUMP, 'disk/out.csv']).status).toBe(2);
    } finally {
      unmount();
    }
  });

  test('a file that may not grow (ulimit -f)', () => {
    const { status, stderr } = itertop([...DUMP, 'out.csv'], ['prlimit', '--fsize=65536']);
    expect(stderr).toMatch(/^itertop: cannot write .*out\.csv: it has grown as large as files may \(EFBIG\)\n$/);
    expect(status).toBe(1);
    expect(fs.existsSync(path.join(folder, 'out.csv'))).toBe(false);
  });

  test.each<[string, string, number]>([
    ['a reader that has enough', 'itertop dump ksym -f csv | head -1 >/dev/null; echo $PIPESTATUS', 0],
    [
      'one that has enough of a dump without an end',
      'itertop dump task -n 0 -d 0.1 | head -1 >/dev/null; echo $PIPESTATUS',
      0,
    ],
    ['no reader at all', 'itertop templates | true; echo $PIPESTATUS', 0],
    ['the same of completions', 'itertop completion bash | true; echo $PIPESTATUS', 0],
    ['no standard output', 'itertop dump task >&-; echo $?', 0],
    ['no standard input', 'itertop dump task --columns pid <&- >/dev/null; echo $?', 0],
    ['no standard error', 'itertop dump nothing 2>&-; echo $?', 2],
  ])('%s', (_, script, code) => {
    const { stdout, stderr } = shell(script);
    expect([stdout.trim(), stderr]).toEqual([String(code), '']);
  });

  test.each(['dump task', 'doctor', 'templates', '--help', 'templates task', 'completion bash', 'query set'])(
    '%s to a device that is full',
    (words) => {
      if (words === 'query set') shell('itertop dump task --dataset set');
      const { stdout, stderr } = shell(`itertop ${words} >/dev/full; echo $? >&2`);
      expect([stdout, stderr]).toEqual(['', 'itertop: cannot write standard output: the disk is full (ENOSPC)\n1\n']);
    },
  );

  test('a recording goes on where nobody can be told of it', () => {
    expect(shell('itertop record task -n 3 -d 0.1 -o told.itertop 2>/dev/full; echo $?').stdout.trim()).toBe('0');
    using recording = new Recording(path.join(folder, 'told.itertop'));
    expect(recording.count).toBe(3);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends a dump whose reader takes nothing', async (signal) => {
    const child = spawn(process.execPath, [PROGRAM, 'dump', 'ksym', '-n', '0', '-d', '0.1'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      // Its pipe is full once it sleeps in the kernel with nothing more to come.
      child.stdout.pause();
      let taken = -1;
      await eventually(async () => {
        const before = taken;
        taken = child.stdout.readableLength;
        expect(taken).toBeGreaterThan(0);
        expect(taken).toBe(before);
      });
      child.kill(signal);
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      expect(child.signalCode).toBe(signal);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
