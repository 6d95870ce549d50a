import { expect, test } from 'vitest';
import {
  CAPABILITIES,
  describeMissing,
  effectiveCapabilities,
  missing,
  type System,
  thisSystem,
} from '../../src/bpf/support.ts';
import { Attr, errnoName } from '../../src/bpf/syscall.ts';
import { root, skip } from '../support/kernel.ts';

const bits = (...names: (keyof typeof CAPABILITIES)[]) =>
  names.reduce((sum, n) => sum | (1n << BigInt(CAPABILITIES[n])), 0n);
const good: System = {
  platform: 'linux',
  release: '6.18.44-test',
  btf: true,
  capabilities: bits('CAP_SYS_ADMIN'),
  lockdown: '[none] integrity confidentiality\n',
};

test.each<[string, Partial<System>, string[]]>([
  ['root', {}, []],
  ['CAP_BPF and CAP_PERFMON are enough', { capabilities: bits('CAP_BPF', 'CAP_PERFMON') }, []],
  ['no capability', { capabilities: 0n }, ['CAP_BPF', 'CAP_PERFMON']],
  ['CAP_BPF only', { capabilities: bits('CAP_BPF') }, ['CAP_PERFMON']],
  ['CAP_PERFMON only', { capabilities: bits('CAP_PERFMON', 'CAP_SYS_PTRACE') }, ['CAP_BPF']],
  ['an old kernel', { release: '4.19.0-20-amd64' }, ['kernel version']],
  ['5.7 is too old', { release: '5.7.19' }, ['kernel version']],
  ['5.8 is not', { release: '5.8.0' }, []],
  ['10.1 is not', { release: '10.1.0' }, []],
  ['no BTF', { btf: false }, ['BTF']],
  ['lockdown', { lockdown: 'none integrity [confidentiality]\n' }, ['lockdown']],
  ['lockdown of another kind', { lockdown: 'none [integrity] confidentiality\n' }, []],
  ['no securityfs', { lockdown: '' }, []],
  [
    'everything at once, the most fundamental first',
    { release: '5.4.0', btf: false, capabilities: 0n },
    ['kernel version', 'BTF', 'CAP_BPF', 'CAP_PERFMON'],
  ],
  ['another system', { platform: 'darwin', release: '24.0.0', btf: false, capabilities: 0n }, ['linux']],
])('%s', (_, change, expected) => {
  expect(missing({ ...good, ...change }).map((m) => m.what)).toEqual(expected);
});

test('what is missing says why and what helps', () => {
  const text = describeMissing(missing({ ...good, capabilities: 0n }, '/usr/bin/node'));
  expect(text).toBe(
    'missing CAP_BPF: this process may not load BPF programs\n' +
      '  what helps: run it as root (sudo itertop), or: sudo setcap cap_bpf,cap_perfmon+ep /usr/bin/node\n' +
      'missing CAP_PERFMON: this process may not load BPF programs that read kernel memory\n' +
      '  what helps: run it as root (sudo itertop), or: sudo setcap cap_bpf,cap_perfmon+ep /usr/bin/node',
  );
});

test('capabilities are read from /proc/self/status', () => {
  expect(effectiveCapabilities('Name:\tx\nCapPrm:\t0000000000000001\nCapEff:\t000001ffffffffff\n')).toBe(
    0x1ffffffffffn,
  );
  expect(effectiveCapabilities('')).toBe(0n);
  expect(thisSystem().platform).toBe(process.platform);
});

test.skipIf(skip)(root ? 'nothing is missing here' : 'nothing is missing here (skipped: needs root)', () => {
  expect(missing()).toEqual([]);
});

test('errno has names, the kernel-only one too', () => {
  expect([11, 95, 35].map(errnoName)).toEqual(['EAGAIN', 'EOPNOTSUPP', 'EDEADLK']);
  expect([errnoName(1), errnoName(22), errnoName(524), errnoName(4000)]).toEqual([
    'EPERM',
    'EINVAL',
    'ENOTSUPP',
    'errno 4000',
  ]);
});

test('object names are cut to 15 characters that the kernel takes', () => {
  expect(new Attr(16).objectName(0, 'itertop task/file').bytes.toString('latin1')).toBe('itertop_task_fi\0');
});
