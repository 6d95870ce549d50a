/** What refreshing costs: the share that it may take, and that the worker and a dump keep to it. */
import { Writable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { CpuMeter, parseMaxCost, Stopwatch, stretched } from '../../src/state/cost.ts';
import { dump } from '../../src/state/dump.ts';
import type { LiveView } from '../../src/state/live-view.ts';
import type { Question } from '../../src/state/question.ts';
import { type Sampler, startSampler } from '../../src/state/sampler.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { describeKernel, eventually } from '../support/kernel.ts';
import { QUESTION as TASKS } from '../support/question.ts';

it.each([
  ['50', 50],
  [' 12.5 % ', 12.5],
  ['1', 1],
  ['100%', 100],
  ['off', Number.POSITIVE_INFINITY],
])('--max-cost %s', (text, expected) => {
  expect(parseMaxCost(text)).toBe(expected);
});

it.each(['', '0', '101', '-5', 'on', '1e3', '%'])('--max-cost %j is refused', (text) => {
  expect(() => parseMaxCost(text)).toThrow(/--max-cost .*percentage from 1 to 100, or off/);
});

it.each([
  [1000, 10, 50, 1000],
  [1000, 500, 50, 1000],
  [1000, 501, 50, 1002],
  [1000, 1200, 50, 2400],
  [1000, 300, 10, 3000],
  [1000, 5000, 100, 5000],
  // Stopped for an hour in the middle of a refresh.
  [1000, 3_600_000, 50, 60_000],
  [300_000, 3_600_000, 50, 300_000],
  [1000, 5000, undefined, 1000],
  [1000, 5000, Number.POSITIVE_INFINITY, 1000],
])('every %i ms, %i ms spent, at most %s %%: %i ms', (interval, spent, maxCost, expected) => {
  expect(stretched(interval, spent, maxCost)).toBe(expected);
});

it('the meter tells the time of this process, after its first lap', () => {
  const meter = new CpuMeter();
  expect(meter.lap()).toBeNaN();
  const before = process.cpuUsage();
  const start = performance.now();
  for (const end = performance.now() + 50; performance.now() < end; );
  const { user, system } = process.cpuUsage(before);
  const least = (user + system) / 10 / (performance.now() - start + 20);
  expect(meter.lap()).toBeGreaterThan(least * 0.5);
});

it('time in which nothing ran is no cost, work is', async () => {
  const still = new Stopwatch();
  await new Promise((done) => setTimeout(done, 3000));
  expect(still.ms).toBeLessThan(1000);
  const busy = new Stopwatch();
  for (const end = performance.now() + 100; performance.now() < end; );
  expect(busy.ms).toBeGreaterThanOrEqual(100);
});

const QUESTION: Question = { ...TASKS, interval: 100 };

describeKernel('refreshes keep to their share', () => {
  let sampler: Sampler | undefined;
  afterEach(() => sampler?.close());

  it('in the worker: it says when the next one is due, and waits for it', async () => {
    const views: LiveView[] = [];
    sampler = startSampler({ received: (view) => views.push(view as LiveView), failed: () => {} });
    sampler.ask({ ...QUESTION, maxCost: 20 });
    await eventually(() => expect(views.length).toBeGreaterThan(2), 30_000);
    const [first, second, third] = views.map(({ stats }) => stats);
    for (const { totalMs, cost } of [first!, second!]) expect(cost!.every).toBe(Math.max(100, Math.ceil(totalMs * 5)));
    // The clock of begin counts whole milliseconds, and setTimeout may be one early.
    expect(second!.begin - first!.begin).toBeGreaterThanOrEqual(first!.cost!.every - first!.totalMs - 3);
    expect(third!.begin - second!.begin).toBeGreaterThanOrEqual(second!.cost!.every - second!.totalMs - 3);
    expect(first!.cost!.cpu).toBeNaN();
    expect(second!.cost!.cpu).toBeGreaterThan(0);
    // Without a limit the interval is what was asked for.
    sampler.ask(QUESTION);
    await eventually(() => expect(views.at(-1)!.stats.cost!.every).toBe(100));
  });

  it('in a dump', async () => {
    // Whoever takes a refresh takes 300 ms for it, which counts.
    const SLOW = 300;
    let text = '';
    const out = new Writable({
      write(chunk, _encoding, done) {
        text += chunk;
        const slow = String(chunk).includes('{"itertop"') ? SLOW : 0;
        for (const end = performance.now() + slow; performance.now() < end; );
        done();
      },
    });
    const options = {
      ...QUESTION,
      template: task,
      searchText: '',
      format: 'ndjson',
      count: 3,
      output: undefined,
    } as const;
    await dump({ ...options, force: false, maxCost: 20 }, out);
    const headers = text
      .split('\n')
      .filter((line) => line.startsWith('{"itertop"'))
      .map((line) => JSON.parse(line).itertop as { time: string });
    expect(headers).toHaveLength(3);
    // Five times as long from one to the next. A start may be late, and the next one early for that.
    const starts = headers.map(({ time }) => Date.parse(time));
    expect(starts[1]! - starts[0]!).toBeGreaterThan(3 * SLOW);
    expect(starts[2]! - starts[0]!).toBeGreaterThan(8 * SLOW);
  });
});
