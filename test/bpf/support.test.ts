import { expect, test } from 'vitest';
import {
  CAPABILITIES,
  describeMissing,
  effectiveCapabilities,
  missing,
  type Started,
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
  userNamespace: false,
  noNewPrivileges: false,
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
  ['root of a user namespace', { userNamespace: true }, ['host capabilities']],
  ['nobody in a user namespace', { userNamespace: true, capabilities: 0n }, ['host capabilities']],
  [
    'everything at once, the most fundamental first',
    { release: '5.4.0', btf: false, capabilities: 0n },
    ['kernel version', 'BTF', 'CAP_BPF', 'CAP_PERFMON'],
  ],
  ['another system', { platform: 'darwin', release: '24.0.0', btf: false, capabilities: 0n }, ['linux']],
])('%s', (_, change, expected) => {
  expect(missing({ ...good, ...change }).map((m) => m.what)).toEqual(expected);
});

const NODE = { executable: '/usr/bin/node', script: "/opt/it's/itertop.js" };
const copy =
  'run it as root: sudo itertop; or once, with a copy of Node that only you may run:\n' +
  '    install -m 700 /usr/bin/node ~/.itertop-node && sudo setcap cap_bpf,cap_perfmon=ep ~/.itertop-node\n' +
  "    ~/.itertop-node --disable-sigusr1 '/opt/it'\\''s/itertop.js'";

test.each<[string, Partial<System>, Started, string]>([
  ['Node is not given the capabilities, a copy is', {}, NODE, copy],
  [
    'a single executable is',
    {},
    { executable: '/usr/bin/itertop', script: undefined },
    'run it as root: sudo itertop; or once: sudo setcap cap_bpf,cap_perfmon=ep /usr/bin/itertop',
  ],
  [
    'where neither has an effect neither is named',
    { noNewPrivileges: true },
    NODE,
    'no_new_privs is set here, so neither sudo nor setcap has any effect: start itertop from outside of what set it (NoNewPrivileges=no, a shell of the host)',
  ],
])('%s; it is said once', (_, change, started, help) => {
  const text = describeMissing(missing({ ...good, capabilities: 0n, ...change }, started));
  expect(text).toBe(
    'missing CAP_BPF: this process may not load BPF programs\n' +
      `missing CAP_PERFMON: this process may not load BPF programs that read kernel memory\n  what helps: ${help}`,
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
