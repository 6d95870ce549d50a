import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { NamelessFile } from '../../src/bpf/nameless-file.ts';
import { AtomicFile, FileExistsError } from '../../src/state/atomic-file.ts';
import { UsageError } from '../../src/templates/template.ts';
import { openDescriptors } from '../support/objects.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-atomic-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const write = (name: string, text: string, overwrite = false) => {
  const file = new AtomicFile(path.join(dir, name));
  file.write(text);
  file.commit(overwrite);
  return file.path;
};
const read = (name: string) => fs.readFileSync(path.join(dir, name), 'utf8');

test('it appears whole, for its owner only, and nothing else is left', () => {
  const before = openDescriptors();
  const file = new AtomicFile(path.join(dir, 'a.csv'));
  file.write('one\n');
  expect(fs.existsSync(file.path)).toBe(false);
  expect(fs.readdirSync(dir)).toEqual([]);
  file.write('two\n');
  file.commit(false);
  expect(read('a.csv')).toBe('one\ntwo\n');
  expect(fs.statSync(file.path).mode & 0o777).toBe(0o600);
  expect(fs.readdirSync(dir)).toEqual(['a.csv']);
  expect(openDescriptors()).toEqual(before);
});

test('an existing file stays as it is, unless it is to be replaced', () => {
  fs.writeFileSync(path.join(dir, 'b'), 'old');
  expect(() => write('b', 'new')).toThrow(FileExistsError);
  expect(() => write('b', 'new')).toThrow(/b exists already; choose another name, or --force to replace it/);
  expect([read('b'), fs.readdirSync(dir)]).toEqual(['old', ['b']]);
  write('b', 'new', true);
  expect([read('b'), fs.readdirSync(dir)]).toEqual(['new', ['b']]);
});

test('a symbolic link is never written through', () => {
  fs.writeFileSync(path.join(dir, 'target'), 'old');
  fs.symlinkSync('target', path.join(dir, 'link'));
  fs.symlinkSync('nowhere', path.join(dir, 'dangling'));
  expect(() => write('link', 'new')).toThrow(FileExistsError);
  expect(() => write('dangling', 'new')).toThrow(FileExistsError);
  expect(fs.existsSync(path.join(dir, 'nowhere'))).toBe(false);
  write('link', 'new', true);
  expect([read('target'), read('link'), fs.lstatSync(path.join(dir, 'link')).isSymbolicLink()]).toEqual([
    'old',
    'new',
    false,
  ]);
});

test('what is discarded leaves nothing, also twice and after the commit', () => {
  const before = openDescriptors();
  const file = new AtomicFile(path.join(dir, 'c'));
  file.write('x');
  file.discard();
  file.discard();
  expect(fs.readdirSync(dir)).toEqual([]);
  const other = new AtomicFile(path.join(dir, 'd'));
  other.commit(false);
  other.discard();
  expect(fs.readdirSync(dir)).toEqual(['d']);
  expect(openDescriptors()).toEqual(before);
});

test('a folder that does not exist, one that is a file', () => {
  expect(() => new AtomicFile(path.join(dir, 'no', 'e'))).toThrow(UsageError);
  expect(() => new AtomicFile(path.join(dir, 'no', 'e'))).toThrow(/cannot write .*no\/e: its folder does not exist/);
  fs.writeFileSync(path.join(dir, 'file'), '');
  expect(() => new AtomicFile(path.join(dir, 'file', 'e'))).toThrow(UsageError);
});

test('the name is a folder: an error, and nothing is left', () => {
  fs.mkdirSync(path.join(dir, 'folder'));
  expect(() => write('folder', 'x')).toThrow();
  expect(() => write('folder', 'x', true)).toThrow();
  expect(fs.readdirSync(dir)).toEqual(['folder']);
});

describe('where the file system has no files without a name', () => {
  beforeEach(() => {
    vi.spyOn(NamelessFile, 'open').mockReturnValue(undefined);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('it has a hidden one until it is whole', () => {
    const before = openDescriptors();
    const file = new AtomicFile(path.join(dir, 'a.csv'));
    const [temporary] = fs.readdirSync(dir);
    expect(temporary).toMatch(/^\.a\.csv\.[0-9a-f]{12}\.itertop$/);
    expect(fs.statSync(path.join(dir, temporary!)).mode & 0o777).toBe(0o600);
    file.write('one');
    file.commit(false);
    expect([read('a.csv'), fs.readdirSync(dir)]).toEqual(['one', ['a.csv']]);
    expect(() => write('a.csv', 'two')).toThrow(FileExistsError);
    write('a.csv', 'three', true);
    expect([read('a.csv'), fs.readdirSync(dir)]).toEqual(['three', ['a.csv']]);
    expect(openDescriptors()).toEqual(before);
  });

  test('what a killed writer left is removed a day later, and nothing else', () => {
    const day = 86_400;
    const left = '.old.csv.0123456789ab.itertop';
    const others = [
      '.old.csv.0123456789ab.tmp',
      'old.0123456789ab.itertop',
      '.short.0123.itertop',
      '.new.0123456789ab.itertop',
    ];
    for (const name of [left, ...others]) {
      fs.writeFileSync(path.join(dir, name), 'x');
      const then = Date.now() / 1000 - (name.startsWith('.new') ? day - 60 : day + 60);
      fs.utimesSync(path.join(dir, name), then, then);
    }
    fs.mkdirSync(path.join(dir, '.folder.0123456789ab.itertop'));
    fs.utimesSync(path.join(dir, '.folder.0123456789ab.itertop'), 1, 1);
    write('a', 'x');
    expect(fs.readdirSync(dir).sort()).toEqual(['.folder.0123456789ab.itertop', ...others, 'a'].sort());
  });
});
