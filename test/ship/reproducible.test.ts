/** The same sources make the same bytes: whoever builds a release again can tell that it is the one that was published. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { type Arch, buildExecutable } from '../../build/executable.ts';
import { changeDate } from '../../build/share.ts';

vi.setConfig({ testTimeout: 240_000 });

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const sum = (file: string) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');
const NAMES = ['program', 'reader', 'parquet-library'];

it('the code of the bundles, made again elsewhere, is the same', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-again-'));
  try {
    const bundles = NAMES.map((name) => path.join(folder, `${name}.js`));
    for (const bundle of bundles) fs.copyFileSync(path.join(ROOT, 'dist', path.basename(bundle)), bundle);
    const seeds = ['--hash-seed=1', '--random-seed=1', '--no-warnings'];
    execFileSync(process.execPath, [...seeds, path.join(ROOT, 'build-code.mjs'), ...bundles]);
    for (const name of NAMES)
      expect([name, sum(path.join(folder, `${name}.cache`))]).toEqual([name, sum(`${ROOT}dist/${name}.cache`)]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

it('the executable is the same when it is made again', () => {
  const arch = process.arch as Arch;
  const file = buildExecutable(arch);
  const first = sum(file);
  // Nothing of where it was made is in it.
  expect(fs.readFileSync(file).includes(ROOT)).toBe(false);
  expect(sum(buildExecutable(arch))).toBe(first);
});

it('dates are those of the change, or of SOURCE_DATE_EPOCH', () => {
  vi.stubEnv('SOURCE_DATE_EPOCH', String(Date.UTC(2020, 1, 3, 23, 59) / 1000));
  try {
    expect(changeDate()).toBe('2020-02-03');
  } finally {
    vi.unstubAllEnvs();
  }
  expect(changeDate()).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(() => {
    vi.stubEnv('SOURCE_DATE_EPOCH', 'yesterday');
    try {
      changeDate();
    } finally {
      vi.unstubAllEnvs();
    }
  }).toThrow(/SOURCE_DATE_EPOCH/);
});
