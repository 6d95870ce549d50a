/** Regular expressions whose time doubles with each character of a text that somebody else chose. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it, test, vi } from 'vitest';
import { inTime } from '../../src/state/deadline.ts';
import { Child } from '../support/child.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';

const TEXT = `${'A'.repeat(100)}!`;

describe('what takes for ever ends, in words', () => {
  test.each([/(A+)+$/, /(a+)+$/i, /(A|A)*$/, /(?=A)(A+)+$/, /(A+)+\1$/, /^(?:A*)*$/u])('%s', (pattern) => {
    expect(() => inTime(['x =~ "y"'], () => pattern.test(TEXT), 50)).toThrow(
      /^matching x =~ "y" takes longer than 0\.05 s: a repetition of a repetition, like \(a\+\)\+/,
    );
    // The next one is not concerned.
    expect(inTime([], () => /A!$/.test(TEXT))).toBe(true);
  });
});

it('hands errors of what is run on as they are', () => {
  const error = new RangeError('of its own');
  expect(() =>
    inTime([], () => {
      throw error;
    }),
  ).toThrow(error);
});

it('tries again where the time passed without work, as of a process that is stopped', () => {
  let attempts = 0;
  const stoppedAtFirst = () => {
    if (attempts++ === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    return 'done';
  };
  expect(inTime([], stoppedAtFirst, 1000)).toBe('done');
  expect(attempts).toBe(2);
});

it('does not try again what was busy', () => {
  // As of a thread that has a processor to itself, however many want this machine's.
  using _ = vi
    .spyOn(process, 'threadCpuUsage')
    .mockImplementation(() => ({ user: performance.now() * 1000, system: 0 }));
  let attempts = 0;
  const busy = () => {
    attempts++;
    for (;;);
  };
  expect(() => inTime(['x'], busy, 50)).toThrow('takes longer than 0.05 s');
  expect(attempts).toBe(1);
});

it('keeps nothing alive that was matched', () => {
  inTime([], () => true);
  expect((globalThis as { itertopMatching?: unknown }).itertopMatching).toBeUndefined();
});

describeKernel('a dump of a process whose command line matches in too many ways', () => {
  test.each([
    ['a condition', ['--where', 'cmdline =~ "(A+)+$"'], 'cmdline =~ "(A+)+$"'],
    ['a search', ['--search', '(A+)+$'], '(A+)+$'],
  ])('%s: ends by itself', async (_, asked, said) => {
    await using child = await Child.start({ args: [TEXT] });
    const dump = spawn(
      process.execPath,
      [PROGRAM, 'dump', 'task', '--pid', `${child.pid}`, '-c', 'pid,cmdline', ...asked],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: 60_000,
        killSignal: 'SIGKILL',
      },
    );
    const [stderr, [code]] = await Promise.all([text(dump.stderr), once(dump, 'exit')]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`itertop: matching ${said} takes longer than 3 s: a repetition of a repetition`),
    ]);
  });
});
