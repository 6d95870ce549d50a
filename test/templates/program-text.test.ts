/** Columns that show one member in different ways: one field, written once, drawn once. */
import { expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { compile } from '../../src/templates/compile.ts';
import { codeLines, meaningOf, recordLines, recordPicture } from '../../src/templates/program-text.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import { Child } from '../support/child.ts';
import { describeKernel, readOnce } from '../support/kernel.ts';

describeKernel('tasks with their start in three ways', () => {
  const task = findTemplate('task');
  const plan = () => compile(task, { columns: ['pid', 'start', 'age', 'comm'] }, Btf.vmlinux());
  const three = 'start_ns start age';

  test('the picture has one part for them', () => {
    const lines = recordPicture(plan()).map(({ text }) => text);
    expect(lines.filter((line) => line.includes('start_ns'))).toEqual([
      expect.stringMatching(/^ +\d+ \| start_ns, start, age +\|$/),
    ]);
    const width = lines[1]!.length;
    for (const line of lines.slice(1)) expect(line.length).toBeLessThanOrEqual(width);
  });

  test('the list says whose field it is', () => {
    const notes = Object.fromEntries(
      recordLines(plan()).map(({ of, text }) => [of, /\((.*)\)$/.exec(text)?.[1] ?? '']),
    );
    expect(notes).toMatchObject({
      start_ns: 'key',
      start: 'same as start_ns',
      age: 'same as start_ns',
      tid: 'key',
      comm: '',
    });
  });

  test('the program writes it once, for all of them', () => {
    const lines = codeLines(plan());
    expect(lines.filter(({ text }) => text.includes('start_boottime')).map(({ of }) => of)).toEqual([three]);
    expect(lines.filter(({ of }) => /start|age/.test(of)).map(({ of }) => of)).toEqual([three, three]);
    expect(meaningOf(plan(), three)).toMatch(/^start_ns: .+; start: .+; age: .+$/);
  });

  test('a condition on one of them leaves the others with their value', async () => {
    await using child = await Child.start();
    const all = readOnce('task', { columns: ['start_ns', 'start', 'age'], filters: { pid: [[child.pid, child.pid]] } });
    const some = readOnce('task', {
      columns: ['start_ns', 'start', 'age'],
      filters: { pid: [[child.pid, child.pid]] },
      where: 'age >= 0s',
    });
    expect(all.table.rows).toBe(1);
    expect(some.table.rows).toBe(1);
    for (const column of ['start_ns', 'start', 'age']) {
      expect(some.table.batch.number(0, column)).toBeGreaterThan(0);
      expect(some.table.batch.number(0, column)).toBe(all.table.batch.number(0, column));
    }
  });
});
