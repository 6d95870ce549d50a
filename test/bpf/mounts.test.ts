import { expect, test } from 'vitest';
import { mountsOf } from '../../src/bpf/mounts.ts';

const MOUNTINFO = String.raw`22 28 0:20 / /proc rw,nosuid - proc proc rw
31 25 0:27 / /sys/fs/bpf rw shared:9 master:2 - bpf bpf rw,mode=700
32 25 0:27 /a\040b /mnt/c\134d\012 rw - bpf none rw
40 25 0:4 net:[4026532201] /run/netns/a rw - nsfs nsfs rw
41 25 0:30 / /bpf rw - tmpfs bpf rw
42 25 0:31 / /\089 rw - tmpfs x rw
`;

test.each([
  ['none', 'ext4', []],
  [
    'in their order, with spaces, backslashes and the like in names',
    'bpf',
    [
      { device: '0:27', root: '/', point: '/sys/fs/bpf' },
      { device: '0:27', root: '/a b', point: '/mnt/c\\d\n' },
    ],
  ],
  ['of namespaces', 'nsfs', [{ device: '0:4', root: 'net:[4026532201]', point: '/run/netns/a' }]],
  [
    'what is no octal number is no escape',
    'tmpfs',
    [
      { device: '0:30', root: '/', point: '/bpf' },
      { device: '0:31', root: '/', point: '/\\089' },
    ],
  ],
])('%s', (_, type, expected) => {
  expect(mountsOf(type, MOUNTINFO)).toEqual(expected);
});

test('of this process there are some', () => {
  expect(mountsOf('proc').map(({ point }) => point)).toContain('/proc');
});
