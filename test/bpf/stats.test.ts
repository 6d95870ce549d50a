import fs from 'node:fs';
import { expect, test } from 'vitest';
import { idLimit, possible } from '../../src/bpf/host.ts';
import { RunStats } from '../../src/bpf/stats.ts';
import { describeKernel } from '../support/kernel.ts';

test('possible CPUs and nodes: one more than the highest', () => {
  const highest = (what: string) =>
    Number(/(\d+)\s*$/.exec(fs.readFileSync(`/sys/devices/system/${what}/possible`, 'latin1'))![1]);
  expect(idLimit('cpu')).toBe(highest('cpu') + 1);
  expect(possible('cpu')).toContain(highest('cpu'));
  expect(idLimit('node')).toBe(fs.existsSync('/sys/devices/system/node/possible') ? highest('node') + 1 : 1);
});

describeKernel('run statistics', () => {
  test('are held by a descriptor, which is closed once', () => {
    const first = RunStats.enable();
    const second = RunStats.enable();
    const link = (stats: RunStats) => fs.readlinkSync(`/proc/self/fd/${stats.fd}`);
    expect([link(first), link(second)]).toEqual(['anon_inode:bpf-stats', 'anon_inode:bpf-stats']);
    const { fd } = first;
    first.close();
    first.close();
    expect(fs.existsSync(`/proc/self/fd/${fd}`)).toBe(false);
    expect(link(second)).toBe('anon_inode:bpf-stats');
    second.close();
    expect(second.closed).toBe(true);
  });
});
