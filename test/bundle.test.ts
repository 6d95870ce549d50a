/** What `npm run build` made: it starts with the code that V8 made of it, and without. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { V8_FLAGS } from '../src/v8-flags.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = path.join(ROOT, 'dist');

function node(...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 25_000 });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

test.each(['program', 'reader'])('the code of %s is taken by this Node with the flags of the program', (name) => {
  const script = `
    const fs = require('node:fs');
    const v8 = require('node:v8');
    const { Script } = require('node:vm');
    for (const flag of ${JSON.stringify(V8_FLAGS)}) v8.setFlagsFromString(flag);
    const cachedData = fs.readFileSync(${JSON.stringify(path.join(DIST, `${name}.cache`))});
    const source = fs.readFileSync(${JSON.stringify(path.join(DIST, `${name}.js`))}, 'latin1');
    console.log(new Script(source, { cachedData }).cachedDataRejected);
    console.log(/[^\\0-\\x7f]/.test(source));`;
  expect(node('-e', script)).toBe('false\nfalse\n');
});

test('a Node that is too old is told', () => {
  const old = 'data:text/javascript,delete process.getBuiltinModule';
  const { stderr, status } = spawnSync(process.execPath, ['--import', old, path.join(DIST, 'itertop.js')], {
    encoding: 'utf8',
    timeout: 25_000,
  });
  expect(stderr).toMatch(/^itertop: Node.js 22.3 or later is needed, this is .*\n$/);
  expect(status).toBe(3);
});

describe('a copy', () => {
  let copy = '';
  beforeAll(() => {
    copy = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-test-'));
    fs.cpSync(DIST, path.join(copy, 'dist'), { recursive: true });
    fs.writeFileSync(path.join(copy, 'package.json'), '{"type": "module"}');
    fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  });
  afterAll(() => fs.rmSync(copy, { recursive: true }));

  const list = () => node(path.join(copy, 'dist/itertop.js'), 'templates', 'tcp');

  test('whose code is of another V8 is compiled', () => {
    const usual = list();
    expect(usual).toContain('TCP');
    const file = path.join(copy, 'dist/program.cache');
    const code = fs.readFileSync(file);
    // Version and flags are in the words at the start.
    code.fill(0x5a, 4, 12);
    fs.writeFileSync(file, code);
    expect(list()).toBe(usual);
  });

  test('without code is compiled', () => {
    for (const name of ['program', 'reader']) fs.rmSync(path.join(copy, `dist/${name}.cache`));
    expect(list()).toContain('TCP');
  });
});
