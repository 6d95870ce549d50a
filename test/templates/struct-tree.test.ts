import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { parseStructText } from '../../src/templates/struct-text.ts';
import { type StructLine, structTree } from '../../src/templates/struct-tree.ts';

const btf = Btf.vmlinux();
const tree = (struct: string, text: string): StructLine[] =>
  structTree(parseStructText(text)!, btf.struct(struct), btf);
const brief = (lines: readonly StructLine[]) => lines.map(({ depth, name, value, path }) => [depth, name, value, path]);

const TEXT = `(struct task_struct){
 .stack = ( *)0xffffc900060c0000,
 .usage = (refcount_t){
  .refs = (atomic_t){
   .counter = (int)3,
  },
 },
 .se = (struct sched_entity){
  .load = (struct load_weight){
   .weight = (long unsigned int)1048576,
   .inv_weight = (u32)0,
  },
 },
 .mm = (struct mm_struct *)0xffff888100000000,
 .comm = (char[])[
  'b',
  'a',
 ],
}
`;

describe('a printed struct beside what BTF knows', () => {
  test('types, paths, one number in names around it, and where pointers lead', () => {
    const lines = tree('task_struct', TEXT);
    expect(brief(lines)).toEqual([
      [0, 'stack', '0xffffc900060c0000', 'stack'],
      [0, 'usage.refs.counter', '3', 'usage.refs.counter'],
      [0, 'se', '', 'se'],
      [1, 'load', '', 'se.load'],
      [2, 'weight', '1048576', 'se.load.weight'],
      [2, 'inv_weight', '0', 'se.load.inv_weight'],
      [0, 'mm', '0xffff888100000000', 'mm'],
      [0, 'comm', '"ba"', 'comm'],
    ]);
    const by = (path: string) => lines.find((line) => line.path === path)!;
    expect(by('stack').type).toBe('void *');
    expect(lines.filter(({ opens }) => opens).map(({ path }) => path)).toEqual(['mm']);
    expect(lines.filter(({ zero }) => zero).map(({ path }) => path)).toEqual(['se.load.inv_weight']);
    expect([by('se').end, by('se.load').end]).toEqual([6, 6]);
  });

  test('what arrays leave out: indices and names, where all elements and members are there', () => {
    const nodes = (elements: string) =>
      `(struct task_struct){\n .pid_links = (struct hlist_node[])[\n${elements} ],\n}\n`;
    const { length } = btf.array(
      btf.strip(btf.members(btf.struct('task_struct')).find((m) => m.name === 'pid_links')!.type),
    );
    const all = tree('task_struct', nodes('  \n   0x1,\n   0x2,\n  },\n'.repeat(length)));
    expect(all.slice(0, 4).map(({ name, path }) => [name, path])).toEqual([
      ['pid_links', 'pid_links'],
      ['[0]', 'pid_links[0]'],
      ['next', 'pid_links[0].next'],
      ['pprev', 'pid_links[0].pprev'],
    ]);
    const some = tree('task_struct', nodes('  \n   0x2,\n  },\n'));
    expect(some.map(({ name, path }) => [name, path])).toEqual([
      ['pid_links', 'pid_links'],
      ['[?]', ''],
      ['?', ''],
    ]);
  });

  test('any text against any type gives lines that stand in their order, soon', () => {
    let seed = 42;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const pieces = [' ', '\n', '\n  ', '(union){', '.x = ', ',', '}', '[', "'a'", '.refs = (a){\n', '0x0'];
    const types = ['task_struct', 'sock_common', 'list_head', 'bpf_map', 'sk_buff'].map((name) => btf.struct(name));
    for (let round = 0; round < 1000; round++) {
      let text = TEXT;
      for (let change = random(10); change >= 0; change--) {
        const at = random(text.length);
        text = text.slice(0, at) + pieces[random(pieces.length)] + text.slice(at + random(30));
      }
      const root = parseStructText(text);
      if (!root) continue;
      const lines = structTree(root, types[random(types.length)]!, btf);
      for (const [at, { end, depth }] of lines.entries()) {
        expect(end > at && end <= lines.length).toBe(true);
        for (let n = at + 1; n < end; n++) expect(lines[n]!.depth).toBeGreaterThan(depth);
      }
      expect(new Set(lines.map(({ key }) => key)).size).toBe(lines.length);
    }
  });
});
