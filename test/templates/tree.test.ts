/** What a template of the user's may say of a tree. */
import { expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { parseTemplates } from '../../src/templates/user.ts';
import { describeKernel } from '../support/kernel.ts';

const written = (tree: string) => `name: mine
target: task
tree: ${tree}
columns:
  - { name: pid, from: task->tgid }
  - { name: parent, from: task->real_parent->tgid }
  - { name: comm, from: task->comm }
`;

describeKernel("a user's tree", () => {
  test('is taken', async () => {
    const text = written('{ id: pid, parent: parent, indent: comm }');
    const { templates, problems } = await parseTemplates(text, 'my.yaml', Btf.vmlinux(), () => undefined);
    expect(problems).toEqual([]);
    expect(templates[0]!.tree).toEqual({ id: 'pid', parent: 'parent', indent: 'comm' });
  });

  test.each([
    ['{ id: pid, parent: parent }', 'my.yaml:3:7: a tree needs "indent"'],
    ['{ id: pid, parent: parnt, indent: comm }', 'my.yaml:3:26: mine has no column "parnt"; did you mean parent?'],
    ['{ id: comm, parent: parent, indent: comm }', 'my.yaml:3:13: comm is no number, by which rows'],
    ['{ id: pid, parent: comm, indent: comm }', 'my.yaml:3:26: comm is no number, by which rows'],
    ['{ id: pid, parent: parent, indent: comm, lines: yes }', 'no member "lines"'],
  ])('%s is refused', async (tree, message) => {
    const { problems } = await parseTemplates(written(tree), 'my.yaml', Btf.vmlinux(), () => undefined);
    expect(problems.map((problem) => problem.message).join('\n')).toContain(message);
  });
});
