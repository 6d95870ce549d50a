/** Files that would keep a YAML parser busy for seconds are refused at once, in words. */
import { describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { MAX_FILE_BYTES, parseTemplates } from '../../src/templates/user.ts';

const fill = (piece: string) => piece.repeat(Math.floor(MAX_FILE_BYTES / piece.length));
const lines = (line: (i: number) => string) => {
  let text = '';
  for (let i = 0; text.length < MAX_FILE_BYTES - 64; i++) text += line(i);
  return text;
};
const NESTED = /nested more than 16 deep, which no template is$/;
const LONG = /more than 16000 words and signs, which no template has$/;

describe('a file of 256 KiB of', () => {
  it.each<[string, string, RegExp]>([
    ['brackets', fill('['), NESTED],
    ['braces', fill('{'), NESTED],
    ['nested maps', fill('{a: '), NESTED],
    ['dashes', fill('- '), LONG],
    ['question marks', fill('? '), LONG],
    ['deeper and deeper lines', lines((i) => `${' '.repeat(Math.min(i, 400))}-\n`), NESTED],
    ['anchors', lines((i) => `- &a${i} x\n`), LONG],
    ['aliases', `a: &a x\nb: [${fill('*a, ').slice(0, -64)}*a]`, LONG],
    ['names', lines((i) => `k${i}: v\n`), LONG],
    ['one name', lines(() => 'k: v\n'), LONG],
    ['quotes', fill('"'), LONG],
    ['tags', fill('!!str '), LONG],
    ['empty lines with comments', fill('#\n'), LONG],
    ['templates', lines((i) => `- {name: t${i}, target: task, columns: [{name: a, from: task->nope}]}\n`), LONG],
  ])(
    '%s',
    async (_, text, words) => {
      const { templates, problems } = await parseTemplates(text, 'f.yaml', Btf.vmlinux(), () => undefined);
      expect(templates).toEqual([]);
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.length).toBeLessThanOrEqual(20);
      expect(problems[0].message).toMatch(words);
    },
    5000,
  );

  it('aliases in a small file: said where', async () => {
    const { problems } = await parseTemplates('name: &a x\ntarget: *a\n', 'f.yaml', Btf.vmlinux(), () => undefined);
    expect(problems.map((p) => p.message)).toEqual([
      'f.yaml:1:10: anchors (&name) are not taken',
      'f.yaml:2:9: aliases (*name) are not taken; write it out',
    ]);
  });
});
