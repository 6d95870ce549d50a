/** What the pane of tables lists, and what is counted while it is open. */
import { afterEach, describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import { Counter, type RowCount } from '../../src/state/counter.ts';
import { inAreas, type PickerPane, pickerChoices } from '../../src/state/picker.ts';
import { startSampler } from '../../src/state/sampler.ts';
import { questionOf } from '../../src/state/session.ts';
import { bpfMap } from '../../src/templates/builtin/bpf-map.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { MAP, map } from '../support/bpf.ts';
import { describeKernel, eventually, readOnce } from '../support/kernel.ts';
import { heldObjects } from '../support/objects.ts';
import { TARGETS } from '../ui/fake-view.ts';
import { fakeSession } from '../ui/screen.tsx';

const target = (template: string, area: string, unavailable = '') => ({
  template,
  area,
  help: `about ${template}`,
  unavailable,
});

describe('the pane of tables', () => {
  it('lists tables by their areas, the user’s own last', () => {
    const all = [
      target('mine', 'yours'),
      target('ksym', 'kernel'),
      target('tcp', 'network'),
      target('b', 'kernel'),
      target('task', 'processes'),
    ];
    expect(inAreas(all).map(({ template }) => template)).toEqual(['task', 'tcp', 'ksym', 'b', 'mine']);
  });

  it('is narrowed by name, help and area', () => {
    const pane = { targets: [target('tcp', 'network'), target('task', 'processes')] };
    for (const [find, found] of [
      ['', ['tcp', 'task']],
      ['NET', ['tcp']],
      ['about t', ['tcp', 'task']],
      ['zzz', []],
    ] as const)
      expect(pickerChoices(pane, find).map(({ template }) => template)).toEqual(found);
  });

  it('has what is there counted while it is open, the dear ones last', () => {
    const session = fakeSession();
    expect(questionOf(session.getState()).count).toBeUndefined();
    session.getState().openPicker([target('task_file', 'processes'), ...TARGETS]);
    expect((session.getState().panes.at(-1) as PickerPane).index).toBe(1);
    expect(questionOf(session.getState()).count).toEqual(['task', 'tcp', 'task_file', 'ksym']);
    session.getState().counted({ template: 'tcp', rows: 7, why: '' });
    expect(session.getState().counts.get('tcp')?.rows).toBe(7);
    session.getState().back();
    expect(questionOf(session.getState()).count).toBeUndefined();
  });
});

describeKernel('counting', () => {
  it('gives as many rows as the table has, holds nothing, and says what went wrong', () => {
    using _ = map({ type: MAP.array, name: 'it_counted', keySize: 4, valueSize: 8, maxEntries: 1 });
    const held = heldObjects().length;
    const counter = new Counter();
    const count = (template: typeof task) => counter.count(template, Btf.vmlinux(), pageSize(), 'self');
    const maps = readOnce(bpfMap, { columns: ['id'] }).table.rows;
    // Other programs come and go, and with them their maps.
    expect(Math.abs(count(bpfMap).rows - maps)).toBeLessThan(50);
    expect(count(bpfMap).rows).toBeGreaterThan(0);
    expect(count(task)).toMatchObject({ template: 'task', why: '' });
    expect(count({ ...task, name: 'wrong', target: 'no_such' })).toMatchObject({
      rows: Number.NaN,
      why: expect.stringContaining('no_such'),
    });
    expect(heldObjects().length).toBe(held);
  });

  it('asks for what was not counted lately', () => {
    const counter = new Counter();
    expect(counter.next(['task', 'bpf_map'])).toBe('task');
    counter.count(task, Btf.vmlinux(), pageSize(), 'self');
    expect(counter.next(['task', 'bpf_map'])).toBe('bpf_map');
    expect(counter.next(['task'])).toBeUndefined();
    counter.forget();
    expect(counter.next(['task'])).toBe('task');
  });

  describe('in the worker', () => {
    let close = () => {};
    afterEach(async () => {
      close();
      await eventually(() => expect(heldObjects()).toEqual([]));
    });

    it('goes on between refreshes, while it is asked for', async () => {
      const counts: RowCount[] = [];
      let views = 0;
      const sampler = startSampler({
        received: () => void views++,
        failed: (error) => expect.fail(error.message),
        counted: (count) => counts.push(count),
      });
      close = () => sampler.close();
      const session = fakeSession({ templates: [task], interval: 100 });
      const question = questionOf(session.getState());
      sampler.ask({ ...question, count: ['bpf_map', 'task', 'tcp'] });
      await eventually(() => expect(counts.map(({ template }) => template)).toEqual(['bpf_map', 'task', 'tcp']));
      expect(counts.map(({ why }) => why)).toEqual(['', '', '']);
      const before = views;
      await eventually(() => expect(views).toBeGreaterThan(before + 1));
    });
  });
});
