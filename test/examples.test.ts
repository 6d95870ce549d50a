/** Each example as a user runs it. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as bpf from '../src/bpf/index.ts';
import {
  assembleIter,
  BpfError,
  BpfMap,
  iterPrologue,
  iterReturnContinue,
  loadIteratorProgram,
} from '../src/bpf/index.ts';
import { describeKernel } from './support/kernel.ts';
import { heldObjects } from './support/objects.ts';
import { pids } from './support/proc.ts';

const example = (name: string) => new URL(`../examples/${name}.ts`, import.meta.url).pathname;
const run = (name: string, ...args: string[]) =>
  execFileSync(process.execPath, [example(name), ...args], { encoding: 'utf8' });

/** Why this kernel takes no program for elements of maps, not even an empty one; '' where it does. */
function refusesMapElem(): string {
  try {
    loadIteratorProgram(assembleIter('bpf_map_elem', [iterPrologue(), iterReturnContinue()]), 'bpf_map_elem').close();
    return '';
  } catch (error) {
    if (error instanceof BpfError) return error.message;
    throw error;
  }
}

describeKernel('examples', () => {
  it('are all tested', () => {
    const known = ['build-iter-program', 'map-elem-dumper', 'map-lister', 'stop-at-pid', 'task-dumper'];
    const there = fs.readdirSync(new URL('../examples', import.meta.url)).filter((name) => name.endsWith('.ts'));
    expect(there.sort()).toEqual(known.map((name) => `${name}.ts`));
  });

  it('task-dumper', () => {
    const rows = run('task-dumper')
      .split('\n')
      .slice(1, -1)
      .map((line) => /^ *(\d+) +(\d+) (.*)$/.exec(line)!.slice(1));
    for (const tid of fs.readdirSync('/proc/self/task')) {
      const comm = fs.readFileSync(`/proc/self/task/${tid}/comm`, 'utf8').trim();
      expect(rows).toContainEqual([tid, String(process.pid), comm]);
    }
    expect(rows.length).toBeGreaterThanOrEqual(pids().length / 2);
  });

  it('map-lister', () => {
    using map = BpfMap.create({ type: 'hash', keySize: 4, valueSize: 24, maxEntries: 77, name: 'example_map' });
    const { id } = heldObjects().find((o) => o.fd === map.fd)!;
    const rows = run('map-lister')
      .split('\n')
      .map((line) => line.trim().split(/ +/));
    expect(rows).toContainEqual([String(id), 'example_map', '4', '24', '77']);
  });

  it('map-elem-dumper', (test) => {
    const why = refusesMapElem();
    test.skip(why !== '', `this kernel refuses every bpf_map_elem program: ${why}`);
    const expected = Array.from({ length: 20 }, (_, i) => `${i + 1} ${(i + 1) ** 2}\n`);
    expect(run('map-elem-dumper')).toBe(expected.join(''));
  });

  it('stop-at-pid', () => {
    const seen = run('stop-at-pid', String(process.pid)).trim().split('\n').map(Number);
    expect(seen.at(-1)).toBe(process.pid);
    expect(seen.filter((pid) => pid === process.pid)).toHaveLength(1);
    const none = spawnSync(process.execPath, [example('stop-at-pid'), '999999999'], { encoding: 'utf8' });
    expect(none.stderr).toBe('there is no process 999999999 here\n');
    expect(none.stdout.split('\n').length).toBeGreaterThan(seen.length);
  });

  it('build-iter-program', () => {
    const text = run('build-iter-program', String(process.pid));
    expect(text).toMatch(/^task_by_btf: iter\/bpf_iter__task, \d+ instructions\n\(struct task_struct\)\{\n/);
    expect(text).toContain(` .pid = (pid_t)${process.pid},\n`);
    expect(text).toContain(` .tgid = (pid_t)${process.pid},\n`);
  });
});

describe('the library itertop/bpf', () => {
  const root = new URL('..', import.meta.url).pathname;
  const exported = Object.keys(bpf);

  it('is what package.json exports, bundled', () => {
    const script = "import * as bpf from 'itertop/bpf'; console.log(JSON.stringify(Object.keys(bpf)));";
    const names = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(JSON.parse(names).sort()).toEqual(exported.sort());
  });

  it('has a place in docs/api for everything that it exports', () => {
    const headings = fs.readFileSync(`${root}docs/api/README.md`, 'utf8').match(/^### .*$/gm)!;
    const documented = headings.map((line) => line.replace(/^### |\\|\(\)$/g, ''));
    expect(documented).toEqual(expect.arrayContaining(exported)); // if not: npm run docs
  });
});
