/** A moment that is kept stays what it was while something else is looked at. */
import { type ChildProcess, spawn } from 'node:child_process';
import os from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Question } from '../../src/state/question.ts';
import { type Sampler, startSampler } from '../../src/state/sampler.ts';
import type { View } from '../../src/state/view.ts';
import { describeKernel, eventually } from '../support/kernel.ts';
import { QUESTION as TASKS } from '../support/question.ts';

describeKernel('a moment', () => {
  let sampler: Sampler;
  let view: View | undefined;
  let child: ChildProcess;

  beforeEach(() => {
    view = undefined;
    child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    sampler = startSampler({
      received: (next) => {
        view = next;
      },
      failed: (error) => {
        throw error;
      },
    });
  });
  afterEach(() => {
    child.kill('SIGKILL');
    sampler.close();
  });

  const ask = async (change: Partial<Question>, wanted: (view: View) => boolean) => {
    sampler.ask({ ...TASKS, columns: ['pid', 'nice'], ...change });
    await eventually(() => expect(view && wanted(view)).toBe(true));
    return view!;
  };

  test.each<[string, Partial<Question>, (view: View) => boolean]>([
    ['another table', { template: 'ksym', columns: ['name'], sort: [] as never }, (v) => v.template === 'ksym'],
    ['groups', { groupBy: 'nice' }, (v) => v.grouped?.by === 'nice'],
  ])('while %s: what has changed meanwhile is shown', async (_, elsewhere, there) => {
    const filters = { pid: [[child.pid!, child.pid!]] as const };
    await ask({ filters, compare: { moment: 1, shown: false } }, (v) => v.count === 1);
    await ask({ ...elsewhere, kept: 1 }, there);
    os.setPriority(child.pid!, 5);
    const compared = await ask(
      { filters, compare: { moment: 1, shown: true } },
      (v) => v.compared !== undefined && v.template === 'task' && v.count === 1,
    );
    const nice = compared.columns.find(({ name }) => name === 'nice')!;
    expect([compared.compared!.sign(0), compared.compared!.before(0, nice), compared.cell(0, nice)]).toEqual([
      ...['~', '0', '5'],
    ]);
  });
});
