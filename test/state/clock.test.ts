import fs from 'node:fs';
import { expect, test } from 'vitest';
import { clockRate } from '../../src/state/clock.ts';
import { describeKernel, readOnce } from '../support/kernel.ts';

const footer = (hz: number, uptime: number) => ({
  jiffies: 2 ** 32 + Math.round(hz * (uptime - 300)),
  monotonicNs: uptime * 1e9,
});

test.each([100, 200, 250, 300, 1000, 1024])('%d Hz, soon after the boot and long after it', (hz) => {
  for (const uptime of [5, 60, 250, 330, 3600, 86_400 * 400])
    expect([uptime, clockRate(footer(hz, uptime))]).toEqual([uptime, hz]);
});

test('five minutes after the boot the counter wraps and tells nothing', () => {
  for (const uptime of [290, 300, 310]) expect(clockRate(footer(250, uptime))).toBe(0);
});

test('what is no rate of a kernel is none', () => {
  expect(clockRate(footer(613, 5000))).toBe(0);
  expect(clockRate({ jiffies: 0, monotonicNs: 5e12 })).toBe(0);
});

describeKernel('the clock of this kernel', () => {
  test('is found, and is what its configuration says where that can be read', () => {
    const { table } = readOnce('task', { columns: ['pid'] });
    const uptime = Number(fs.readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
    if (Math.abs(uptime - 300) > 20) expect([100, 250, 300, 1000]).toContain(table.context.hz);
    expect(Math.abs(table.context.nowNs / 1e9 - uptime)).toBeLessThan(2);
    expect(Math.abs(table.context.bootMs + table.context.nowNs / 1e6 - Date.now())).toBeLessThan(2000);
  });
});
