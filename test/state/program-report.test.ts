/** `itertop templates NAME --log --xlated`: what the pane of programs has, as text, of programs that the kernel has. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { programInfo } from '../../src/bpf/program-info.ts';
import { programCommand } from '../../src/state/command-line.ts';
import { programReport } from '../../src/state/program-report.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import { collect, collector, describeKernel, output, PROGRAM } from '../support/kernel.ts';

const run = (...args: string[]) =>
  spawnSync(process.execPath, [PROGRAM, 'templates', ...args, '--no-settings'], { encoding: 'utf8', timeout: 60_000 });

/** Slot and instruction of each line; a map by its place alone, as it has another number each time. */
function instructions(text: string): string[] {
  return [...text.matchAll(/^[ +] *(\d+): (\([0-9a-f]{2}\) .*?)(?: {2,}.*)?$/gm)].map(
    ([, slot, instruction]) => `${slot} ${instruction!.replace(/map\[[^\]]*\]/, 'map[]')}`,
  );
}

describeKernel('what is loaded, as text', () => {
  it.each<[string, string[]]>([
    ['task', ['pid', 'comm', 'rss']],
    ['tcp', ['state', 'lport', 'pid']],
    ['prog_maps', ['prog_id', 'map_id']],
  ])('%s: the instructions are those that bpftool shows of the same program', (name, columns) => {
    using loaded = collector(name);
    collect(loaded, { columns });
    const { status, stdout, stderr } = run(name, '--xlated', '--columns', columns.join());
    expect([stderr, status]).toEqual(['', 0]);
    const programs = loaded.programs();
    const parts = stdout.split(/^(?=\S.*: kernel$)/m);
    expect(parts.map((part) => part.split('\n')[0])).toEqual(programs.map(({ label }) => `${label}: kernel`));
    for (const [i, { loaded: own }] of programs.entries()) {
      const { id, tag } = programInfo(own!.program);
      expect(parts[i]).toContain(` tag ${tag}\n`);
      const dump = output('bpftool', 'prog', 'dump', 'xlated', 'id', `${id}`);
      // A bpftool that is older than the kernel takes a move of a per-CPU address for a plain one.
      const plain = (line: string) => line.replace(/&\(void __percpu \*\)\((r\d+)\)/, '$1');
      const theirs = instructions(dump.replace(/^/gm, ' ')).map(plain);
      const ours = instructions(parts[i]!).map(plain);
      // Behind it is what the instruction serves.
      expect(ours.map((line, n) => line.slice(0, theirs[n]?.length))).toEqual(theirs);
    }
  });

  it("has the verifier's count and its log, behind the plan where that is asked for", () => {
    const { status, stdout } = run('tcp', '--plan', '--log', '--columns', 'lport', '--where', 'lport == 7');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^template tcp on iterator bpf_iter_tcp/);
    expect(stdout).toMatch(/^ {2}lport == 7 +kernel$/m);
    const log = stdout.slice(stdout.indexOf('\ntcp: verifier\n'));
    expect(log).toMatch(/^ {2}instructions walked through on all paths: \d+ of at most 1000000$/m);
    expect(log).toMatch(/^processed \d+ insns/m);
    expect(stdout).not.toContain('after rewriting');
  });

  it('is text that no terminal obeys, one part of each program after the other', () => {
    const question = { columns: ['lport', 'pid'], filters: {}, switches: {}, ungroup: false };
    const text = programReport(findTemplate('tcp'), question, ['verifier', 'kernel'], Btf.vmlinux());
    expect(text.match(/^\S.*: (verifier|kernel)$/gm)).toEqual([
      'tcp: verifier',
      'tcp: kernel',
      expect.stringMatching(/^join .*: verifier$/),
      expect.stringMatching(/^join .*: kernel$/),
    ]);
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
  });
});

describe('the words for it', () => {
  it.each([
    ['bytecode', '--plan'],
    ['record', '--plan'],
    ['verifier', '--log'],
    ['kernel', '--xlated'],
  ] as const)('%s is %s', (part, option) => {
    expect(programCommand(['itertop', 'dump', 'tcp', '--lport', '7'], part)).toEqual([
      'itertop',
      'templates',
      'tcp',
      '--lport',
      '7',
      option,
    ]);
  });

  it.each([
    [['--log'], '--log goes with `itertop templates NAME`'],
    [['check', 'task', '--xlated'], '--xlated goes with `itertop templates NAME`, not with check'],
    [['--new', 'a', '--target', 'task', '--log'], '--new stands alone'],
  ])('%j is refused', (args, message) => {
    const { status, stderr } = run(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
