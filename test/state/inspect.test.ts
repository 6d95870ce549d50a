/** What is said of a program, of programs that the kernel has. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { programInfo } from '../../src/bpf/program-info.ts';
import { Collector } from '../../src/state/collector.ts';
import { inspect } from '../../src/state/inspect.ts';
import { findTemplate } from '../../src/templates/registry.ts';

const skip = process.getuid?.() !== 0;

function collector(name: string, columns: readonly string[] = findTemplate(name).show, where = '') {
  const collector = new Collector(findTemplate(name), Btf.vmlinux(), () => undefined, pageSize());
  collector.collect({ columns, filters: {}, switches: {}, ungroup: false, where });
  return collector;
}

/** Instructions as they are listed, without their numbers and what they serve. */
const bare = (lines: readonly { text: string }[]) =>
  lines.flatMap(({ text }) => /^[ +] *\d+: (\([0-9a-f]{2}\) .*?)(?: {2,}.*| \S+)?$/.exec(text)?.[1] ?? []);

describe.skipIf(skip)('a program that is loaded (needs root)', () => {
  it.each(['task', 'tcp', 'bpf_prog', 'ksym'])('%s: the dump after rewriting is that of bpftool', (name) => {
    using collected = collector(name);
    const [own] = collected.programs();
    const { id, xlatedBytes, jitedBytes, tag } = programInfo(own!.loaded!.program);
    const text = execFileSync('bpftool', ['prog', 'dump', 'xlated', 'id', `${id}`], { encoding: 'utf8' });
    const listed = [...text.matchAll(/^ *(\d+): (\([0-9a-f]{2}\) .*)$/gm)];
    const lines = inspect(own!).parts.kernel.filter((line) => /^[ +] *\d+: /.test(line.text));
    // Maps have names here, where bpftool has their numbers.
    // A bpftool that is older than the kernel takes a move of a per-CPU address for a plain one.
    const plain = (line: string) =>
      line
        .replace(/map\[[^\]]*\]/, 'map[]')
        .replace(/&\(void __percpu \*\)\((r\d+)\)/, '$1')
        .trimEnd();
    expect(lines.map(({ text }) => Number(text.slice(1, 6)))).toEqual(listed.map(([, slot]) => Number(slot)));
    for (const [i, [, , instruction]] of listed.entries()) expect(plain(lines[i]!.text)).toContain(plain(instruction!));

    const shown = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show', 'id', `${id}`], { encoding: 'utf8' }));
    expect(shown).toMatchObject({ tag, bytes_xlated: xlatedBytes, bytes_jited: jitedBytes });
    const said = inspect(own!).parts.kernel.map((line) => line.text);
    for (const map of shown.map_ids) expect(said.join('\n')).toMatch(new RegExp(`map ${map} `));
  });

  it('each rewritten instruction is marked, the others have the column that they serve', () => {
    using collected = collector('task');
    const report = inspect(collected.programs()[0]!);
    const kernel = report.parts.kernel;
    const added = kernel.filter(({ text }) => /^\+ *\d+: /.test(text));
    // A lookup in a per-CPU array is written out.
    expect(added.length).toBeGreaterThan(0);
    expect(bare(added).join('\n')).not.toMatch(/call bpf_seq_write/);
    for (const column of ['pid', 'start_ns', 'comm']) {
      const of = (lines: readonly { of: string }[]) => lines.filter((line) => line.of === column).length;
      expect(of(kernel), column).toBeGreaterThanOrEqual(of(report.parts.bytecode));
    }
    expect(kernel.some(({ text }) => /call bpf_seq_write#/.test(text))).toBe(true);
  });

  it("has the verifier's count and log, each line with what it is about", () => {
    using collected = collector('tcp', ['state', 'lport', 'rtt']);
    const own = collected.programs()[0]!;
    const { verifier } = inspect(own).parts;
    const text = verifier.map((line) => line.text).join('\n');
    expect(text).toMatch(/instructions walked through on all paths: \d+ of at most 1000000/);
    expect(text).toMatch(/processed \d+ insns/);
    const { verified } = programInfo(own.loaded!.program);
    if (verified > 0) expect(text).toContain(`on all paths: ${verified} of`);
    expect(verifier.find((line) => / call bpf_skc_to_tcp_sock#/.test(line.text))?.of).toMatch(/^\(tp\)/);
    expect(verifier.some((line) => line.of === 'lport')).toBe(true);
  });

  it('says where conditions are evaluated, and what each column is', () => {
    using collected = collector('task', ['pid', 'comm', 'rss'], 'pid > 1 && comm =~ "a"');
    const report = inspect(collected.programs()[0]!);
    const kernel = report.parts.kernel.map((line) => line.text).join('\n');
    expect(kernel).toMatch(/pid > 1 +\[kernel: /);
    expect(kernel).toMatch(/comm =~ "a" +\[user: /);
    expect(report.meanings.get('pid')).toContain('from task->tgid');
    expect(report.parts.bytecode.some(({ of }) => of === '(where)')).toBe(true);
  });

  it('shows the programs of joins, too', () => {
    using collected = collector('tcp', ['lport', 'pid']);
    const programs = collected.programs();
    expect(programs.map(({ label }) => label)).toEqual(['tcp', expect.stringMatching(/^join /)]);
    for (const program of programs) expect(inspect(program).parts.kernel[0]!.text).toMatch(/^program \d+ /);
  });

  it('draws every byte of the record once', () => {
    using collected = collector('tcp');
    const { plan } = collected.programs()[0]!;
    const { record } = inspect(collected.programs()[0]!).parts;
    for (const { column, offset, size } of plan.layout.fields) {
      expect(
        record.some((line) => new RegExp(`^ *${offset} +${size} .* ${column}\\b`).test(line.text)),
        column,
      ).toBe(true);
      const word = Math.floor(offset / 8) * 8;
      expect(record.find((line) => new RegExp(`^ *${word} \\|`).test(line.text))?.text).toMatch(/[a-z]|~/);
    }
    const words = record.filter((line) => /^ *\d+ \|.*\|$/.test(line.text));
    for (const { text } of words) expect(text.length).toBe(6 + 65);
  });
});
