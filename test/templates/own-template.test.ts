/** A table as it was arranged, written and read back: the same columns, in the same order. */
import { describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { withColumns } from '../../src/templates/adhoc.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { compile } from '../../src/templates/compile.ts';
import { widthOf } from '../../src/templates/infer.ts';
import { ownTemplate, templateText } from '../../src/templates/own-template.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import type { Template } from '../../src/templates/template.ts';
import { parseTemplates } from '../../src/templates/user.ts';

const btf = Btf.vmlinux();
const find = (name: string) => BUILTIN.find((each) => each.name === name);

async function readBack(template: Template): Promise<Template> {
  const text = await templateText(template, ['as it was arranged: "quoted"']);
  const { templates, problems, warnings } = await parseTemplates(text, 'mine.yaml', btf, find);
  expect(problems.map(({ message }) => message)).toEqual([]);
  // Columns that this kernel lacks are no mistake of the file.
  for (const { message } of warnings) expect(message).toMatch(/has no (member|struct)|is only declared|has no helper/);
  return templates[0]!;
}

/** A width that a column does not have is filled in when it is read. */
const filled = (template: Template): Template => ({
  ...template,
  columns: template.columns.map((column) => ({ ...column, width: column.width ?? widthOf(column.as ?? 'int') })),
});

const arranged = (template: Template, columns: readonly string[], sort = template.sort) => ({
  ...{ columns, sort, widths: {} },
  switches: Object.fromEntries((template.switches ?? []).map(({ name, on }) => [name, on])),
});

describe('a template of the table as it is arranged', () => {
  it.each(BUILTIN.filter((template) => !template.internal).map((template) => [template.name, template] as const))(
    '%s with all its columns is the same when it is read back',
    async (name, template) => {
      const all = template.columns.map((column) => column.name);
      const own = ownTemplate(template, `${name}_mine`, arranged(template, all));
      const back = await readBack(own);
      expect(back).toEqual(filled(own));
      expect(back.columns.map((column) => column.name)).toEqual(all);
      // The kernel is asked for the same.
      const [mine, theirs] = [back, template].map((each) => compile(each, { columns: all }, btf).layout);
      expect(mine!.fields).toEqual(theirs!.fields);
    },
  );

  it.each([
    ['task', ['cpu', 'pid', 'comm'], '-cpu,pid'],
    ['tcp', ['lport', 'command', 'rtt', 'peer_command'], 'rtt'],
    ['task_file', ['fd', 'name', 'type'], 'fd'],
    ['bpf_prog', ['id', 'run_time', 'name'], '-run_time'],
  ])('%s with some of them has those, in their order, and what they need', async (name, columns, sort) => {
    const template = findTemplate(name);
    const back = await readBack(ownTemplate(template, 'mine', arranged(template, columns, sort)));
    expect(back).toMatchObject({ name: 'mine', show: columns, sort, target: template.target, key: template.key });
    expect(back.columns.length).toBeLessThan(template.columns.length);
    for (const column of back.columns) expect(filled(template).columns).toContainEqual(column);
    // Its filters work as those of the table that it comes from.
    expect(back.filters).toEqual(template.filters);
    expect(() => compile(back, { columns, filters: { pid: [[1, 1]] } }, btf)).not.toThrow();
  });

  it('has columns made on the spot, widths and switches as they were', async () => {
    const { template } = withColumns(
      findTemplate('task'),
      '+vm=task->mm->total_vm:pages,vm_delta=delta(vm)',
      () => btf,
      find,
    );
    const columns = ['pid', 'vm_delta', 'comm'];
    const own = ownTemplate(template, 'mine', {
      ...{ columns, sort: '-vm_delta', widths: { comm: 7, pid: 12 } },
      switches: { kthreads: false },
    });
    const back = await readBack(own);
    expect(back.show).toEqual(columns);
    expect(back.columns.find(({ name }) => name === 'vm')).toMatchObject({ from: 'task->mm->total_vm', as: 'pages' });
    expect(back.columns.find(({ name }) => name === 'comm')?.width).toBe(7);
    expect(back.switches).toMatchObject([{ name: 'kthreads', on: false }]);
  });

  it('writes a file that people can read', async () => {
    const template = findTemplate('task');
    const text = await templateText(ownTemplate(template, 'mine', arranged(template, ['pid', 'comm'], 'pid')), [
      'mine: task',
    ]);
    expect(text).toMatch(/^# mine: task\nname: mine\nhelp: /);
    expect(text).toMatch(/\nshow: \[ ?pid, comm ?\]\n/);
    expect(text).toMatch(/\n {2}- \{ ?name: pid, /);
    expect(text).not.toMatch(/[&*]a\d/);
  });
});
