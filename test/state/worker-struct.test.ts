import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LiveView } from '../../src/state/live-view.ts';
import type { Question } from '../../src/state/question.ts';
import { type Sampler, startSampler } from '../../src/state/sampler.ts';
import type { StructAnswer, StructQuestion } from '../../src/state/struct-reader.ts';
import { describeKernel, eventually } from '../support/kernel.ts';
import { heldObjects } from '../support/objects.ts';
import { QUESTION as TASKS } from '../support/question.ts';

const QUESTION: Question = { ...TASKS, all: true };

describeKernel('the struct of an object, from the worker', () => {
  let sampler: Sampler;
  let views: LiveView[];
  let answers: StructAnswer[];
  let errors: Error[];

  beforeEach(() => {
    views = [];
    answers = [];
    errors = [];
    sampler = startSampler({
      received: (view) => void views.push(view as LiveView),
      failed: (error) => void errors.push(error),
      struct: (answer) => void answers.push(answer),
    });
  });
  afterEach(async () => {
    sampler.close();
    await eventually(() => expect(heldObjects()).toEqual([]));
  });

  const programs = () => heldObjects().filter(({ kind }) => kind === 'prog').length;
  const ask = (struct: Omit<StructQuestion, 'template'> | null, more: Partial<Question> = {}) =>
    sampler.ask({ ...QUESTION, ...more, ...(struct && { struct: { template: 'task', ...struct } }) });
  const member = (answer: StructAnswer, path: string) => answer.lines.find((line) => line.path === path)?.value;

  test('comes when asked for, again with each refresh, and holds nothing afterwards', async () => {
    ask(null);
    await eventually(() => expect(views).toHaveLength(1));
    const view = views[0]!;
    const row = Array.from({ length: view.count }, (_, n) => n).find((n) => view.number(n, 'pid') === process.pid)!;
    const key = view.key(row);
    const before = programs();

    // At once, without a refresh.
    ask({ key, path: '' });
    await eventually(() => expect(answers).toHaveLength(1));
    expect(answers[0]).toMatchObject({
      error: '',
      type: 'struct task_struct',
      asked: { template: 'task', key, path: '' },
    });
    expect(member(answers[0]!, 'tgid')).toBe(String(process.pid));
    expect(views).toHaveLength(1);
    expect(programs()).toBe(before + 1);

    sampler.refresh();
    await eventually(() => expect(answers).toHaveLength(2));
    expect(views).toHaveLength(2);

    ask({ key, path: 'task->real_parent' });
    await eventually(() => expect(answers).toHaveLength(3));
    expect(member(answers[2]!, 'tgid')).toBe(String(process.ppid));
    expect(programs()).toBe(before + 1);

    ask({ key, path: 'task->nothing' });
    await eventually(() => expect(answers).toHaveLength(4));
    expect(answers[3]!.error).toMatch(/has no member "nothing"/);

    // Far behind the beginning of a large struct, and NULL.
    const far = 'task->capture_control->cc->zone->zone_pgdat->kswapd';
    ask({ key, path: far });
    await eventually(() => expect(answers).toHaveLength(5));
    expect(answers[4]!.error).toMatch(/is NULL or leads nowhere|has no member/);

    ask(null);
    await eventually(() => expect(programs()).toBe(before));
    expect(errors).toEqual([]);
  });
});
