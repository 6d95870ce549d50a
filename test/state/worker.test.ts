import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LiveView } from '../../src/state/live-view.ts';
import type { Question } from '../../src/state/question.ts';
import { type Sampler, startSampler } from '../../src/state/sampler.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { describeKernel, eventually } from '../support/kernel.ts';
import { heldObjects } from '../support/objects.ts';
import { QUESTION as TASKS } from '../support/question.ts';

const QUESTION: Question = { ...TASKS, columns: ['pid', 'comm', 'state', 'time'] };

describeKernel('the worker', () => {
  let sampler: Sampler;
  let views: LiveView[];
  let errors: (Error & { code?: string })[];
  let block = 0;

  beforeEach(() => {
    views = [];
    errors = [];
    block = 0;
    sampler = startSampler({
      received: (view) => {
        views.push(view as LiveView);
        // A slow receiver: the thread that paints is busy.
        for (const end = performance.now() + block; performance.now() < end; );
      },
      failed: (error) => errors.push(error),
    });
  });
  afterEach(async () => {
    sampler.close();
    await eventually(() => expect(heldObjects()).toEqual([]));
  });

  const ask = (change: Partial<Question> = {}) => sampler.ask({ ...QUESTION, ...change });
  /** The view that answers next. */
  const next = async (after = views.length) => {
    await eventually(() => expect(views.length).toBeGreaterThan(after));
    return views.at(-1)!;
  };
  const column = (view: LiveView, name: string) => {
    const of = [...view.columns, ...view.details].find((c) => c.name === name)!;
    return Array.from({ length: view.count }, (_, row) => view.cell(row, of));
  };

  test('a question is answered with a view: columns, rows in order, figures', async () => {
    ask();
    const view = await next(0);
    expect(view.template).toBe('task');
    expect(view.columns.map((c) => [c.name, c.title])).toEqual([
      ['pid', 'PID'],
      ['comm', 'COMM'],
      ['state', 'S'],
      ['time', 'TIME'],
    ]);
    const pids = column(view, 'pid').map(Number);
    expect(pids).toEqual([...pids].sort((a, b) => a - b));
    expect(pids).toContain(process.pid);
    expect([view.count, view.total]).toEqual([pids.length, pids.length]);
    expect(view.stats.sessionId).toBeGreaterThan(0);
    expect(view.stats.emitted).toBe(view.total);
    expect(view.stats.totalMs).toBeGreaterThanOrEqual(view.stats.readMs);
    expect(view.stats.end).toBeGreaterThanOrEqual(view.stats.begin);
    expect(Math.abs(view.stats.begin - Date.now())).toBeLessThan(60_000);
    const row = pids.indexOf(process.pid);
    expect(view.rowOf(view.key(row))).toBe(row);
    expect(view.rowOf('')).toBe(-1);
  });

  test('views come at the interval', async () => {
    ask({ interval: 100 });
    await next(4);
    const starts = views.slice(0, 5).map((v) => v.stats.begin);
    // From the start of one to that of the next, however late a start is.
    for (let i = 1; i < starts.length; i++) expect(starts[i] - starts[i - 1]).toBeGreaterThanOrEqual(80);
    expect(new Set(views.map((v) => v.stats.sessionId)).size).toBe(views.length);
  });

  test('paused it stands still, but reads when told; unpaused it goes on', async () => {
    ask({ interval: 100, paused: true });
    await next(0);
    await sleep(400);
    expect(views.length).toBe(1);
    sampler.refresh();
    await next(1);
    await sleep(300);
    expect(views.length).toBe(2);
    ask({ interval: 100 });
    await next(3);
  });

  test('another sort or search orders what is there: the same session, nothing is read', async () => {
    ask();
    const first = await next(0);
    ask({ sort: [{ column: 'pid', descending: true }] });
    const second = await next(1);
    expect(second.stats.sessionId).toBe(first.stats.sessionId);
    expect(column(second, 'pid')).toEqual(column(first, 'pid').reverse());
    ask({ sort: [{ column: 'comm', descending: false }] });
    const third = await next(2);
    expect(third.stats.sessionId).toBe(first.stats.sessionId);
    expect(column(third, 'comm')).toEqual([...column(third, 'comm')].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    ask({ sort: [{ column: 'comm', descending: false }], search: { pattern: '^\\s*\\d+ node', invert: false } });
    const fourth = await next(3);
    expect(fourth.stats.sessionId).toBe(first.stats.sessionId);
    expect([fourth.total, fourth.count < fourth.total]).toEqual([first.total, true]);
    // A column that was not read has to be.
    ask({ sort: [{ column: 'rss', descending: true }] });
    expect((await next(4)).stats.sessionId).not.toBe(first.stats.sessionId);
  });

  test.each<[string, Partial<Question>]>([
    ['columns', { columns: ['pid', 'nice'] }],
    ['all columns', { all: true }],
    ['filters', { filters: { pid: [[process.pid, process.pid]] } }],
    ['switches', { switches: { kthreads: false } }],
    ['threads', { ungroup: true }],
    ['another template', { template: 'tcp', columns: tcp.show, sort: [{ column: 'state', descending: false }] }],
  ])('other %s are read at once', async (_, change) => {
    ask();
    const first = await next(0);
    ask(change);
    const second = await next(1);
    expect(second.stats.sessionId).not.toBe(first.stats.sessionId);
    if (change.columns) expect(second.columns.map((c) => c.name)).toEqual(change.columns);
    if (change.all) expect(second.details.length).toBe(task.columns.length);
    if (change.filters) expect(column(second, 'pid')).toEqual([String(process.pid)]);
    if (change.ungroup) expect(second.total).toBeGreaterThan(first.total);
  });

  test('a view keeps its rows while later ones are read', async () => {
    ask({ columns: ['pid', 'comm', 'cmdline'] });
    const first = await next(0);
    const before = column(first, 'pid');
    ask({ columns: ['pid', 'comm', 'cmdline'], sort: [{ column: 'pid', descending: true }] });
    await next(1);
    sampler.refresh();
    await next(2);
    expect(column(first, 'pid')).toEqual(before);
  });

  test('views do not pile up behind a slow receiver', async () => {
    block = 150;
    ask({ interval: 100 });
    await next(3);
    // Each is read after the one before it was taken.
    for (let i = 1; i < views.length; i++)
      expect(views[i].stats.begin - views[i - 1].stats.end).toBeGreaterThanOrEqual(100);
  });

  test('many questions while a view is under way: the last one is answered', async () => {
    ask();
    for (let i = 0; i < 50; i++)
      ask({ columns: ['pid', i % 2 ? 'nice' : 'rss'], sort: [{ column: 'pid', descending: i % 3 === 0 }] });
    ask({ columns: ['pid', 'ppid'], filters: { pid: [[process.pid, process.pid]] } });
    await eventually(() => expect(views.at(-1)?.columns.map((c) => c.name)).toEqual(['pid', 'ppid']));
    expect(column(views.at(-1)!, 'ppid')).toEqual([String(process.ppid)]);
    expect(views.length).toBeLessThan(52);
  });

  test('an error is reported; the next question is answered, and never with rows of an older one', async () => {
    ask();
    await next(0);
    ask({ filters: { port: [[80, 80]] } });
    await eventually(() => expect(errors.length).toBe(1));
    expect([errors[0].name, errors[0].message]).toEqual([
      'UsageError',
      'task cannot be filtered by port; it can by pid, user',
    ]);
    ask({ filters: { port: [[80, 80]] }, sort: [{ column: 'pid', descending: true }] });
    await eventually(() => expect(errors.length).toBe(2));
    expect(views.length).toBe(1);
    ask({ filters: { pid: [[process.pid, process.pid]] } });
    expect((await next(1)).total).toBe(1);
    ask({ template: 'nothing' });
    await eventually(() => expect(errors.length).toBe(3));
    ask();
    expect((await next(2)).total).toBeGreaterThan(1);
  });

  test('closing twice is harmless, and nothing comes after it', async () => {
    ask({ interval: 100 });
    await next(0);
    expect(heldObjects().length).toBeGreaterThan(0);
    sampler.close();
    sampler.close();
    const then = views.length;
    await sleep(250);
    expect(views.length).toBe(then);
    expect(heldObjects()).toEqual([]);
  });
});
