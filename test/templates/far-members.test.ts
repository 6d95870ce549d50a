/** Members that lie farther in their struct than the offset of one instruction reaches: struct pglist_data has some. */
import { expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { resolvePath } from '../../src/bpf/btf-path.ts';
import { compile } from '../../src/templates/compile.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import { type Template, TemplateError } from '../../src/templates/template.ts';
import { describeKernel, kernelHas, readOnce, rowsOf } from '../support/kernel.ts';

const FAR = 'capture_control->cc->zone->zone_pgdat->kswapd_failures';
const task = findTemplate('task');

function withColumns(columns: Template['columns'], more: Partial<Template> = {}): Template {
  return { ...task, ...more, columns: [...task.columns, ...columns] };
}

describeKernel('far members', () => {
  const btf = Btf.vmlinux();
  const offset = (struct: string, path: string) => resolvePath(btf, btf.struct(struct), path).offset;

  test.skipIf(!kernelHas('task_struct', FAR))('are columns like others', () => {
    const { table, absent } = readOnce(withColumns([{ name: 'far', from: `task->${FAR}`, as: 'int', help: '' }]), {
      columns: ['pid', 'far'],
    });
    expect(absent.get('far')).toBeUndefined();
    expect(table.rows).toBeGreaterThan(5);
  });

  /** A member behind this many bytes, and one that is as far before it as the task's stack is behind the task. */
  function farAndBefore(): [far: string, before: string] | undefined {
    if (btf.func('bpf_rdonly_cast') === 0 || !kernelHas('pglist_data', 'node_zonelists[1]')) return undefined;
    const fars = ['node_start_pfn', 'node_present_pages'].filter((far) => offset('pglist_data', far) > 32767);
    for (const part of ['zone', 'zone_idx'])
      for (let n = 0; kernelHas('pglist_data', `node_zonelists[1]._zonerefs[${n}]`); n++) {
        const before = `node_zonelists[1]._zonerefs[${n}].${part}`;
        const wanted = offset('pglist_data', before) + offset('task_struct', 'stack');
        const far = fars.find((name) => offset('pglist_data', name) === wanted);
        if (far) return [far, before];
      }
    return undefined;
  }
  const there = farAndBefore();

  // A task seen as the middle of a larger struct: what is as far behind its beginning is the task's own.
  test.skipIf(!there)('have the value that is there', () => {
    const [far, before] = there!;
    const { table } = readOnce(
      withColumns(
        [
          { name: 'near', from: 'task->stack', as: 'hex', help: '' },
          { name: 'far', from: `node->${far}`, as: 'hex', help: '' },
        ],
        { casts: { ...task.casts, node: { of: 'task', as: `pglist_data.${before}` } } },
      ),
      { columns: ['pid', 'near', 'far'] },
    );
    const rows = rowsOf(table);
    expect(rows.length).toBeGreaterThan(5);
    const bits = (at: number, column: string) => BigInt.asUintN(64, BigInt(table.batch.exact(at, column) ?? 0));
    for (const { at } of rows) expect(bits(at, 'far')).toBe(bits(at, 'near'));
    expect(rows.some(({ at }) => bits(at, 'near') !== 0n)).toBe(true);
  });
});

test('what no instruction can express is a mistake in the template', () => {
  const wide = { ...task, only: [{ source: 'task->flags', mask: 2 ** 40, equals: 0 }] };
  expect(() => compile(wide, { columns: ['pid'] }, Btf.vmlinux())).toThrow(TemplateError);
});
