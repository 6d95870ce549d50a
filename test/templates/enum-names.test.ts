import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { unix } from '../../src/templates/builtin/unix.ts';
import { enumNamesOf } from '../../src/templates/enum-names.ts';
import { TCP_NEW_SYN_RECV, TCP_STATES } from '../../src/templates/tcp-states.ts';
import { type Column, columnOf } from '../../src/templates/template.ts';
import { describeKernel } from '../support/kernel.ts';

const column = (names: Column['names']): Column => ({
  name: 'type',
  help: 'type',
  as: 'enum',
  ...(names ? { names } : {}),
});

/** A BTF with one enum, as far as names are concerned. */
function withEnum(...names: readonly (readonly [string, number])[]): Btf {
  const enumerators = names.map(([name, value]) => ({ name, value: BigInt(value) }));
  return { find: (name: string) => (name === 'kind' ? 1 : 0), enumerators: () => enumerators } as unknown as Btf;
}

describe('names of enumerators', () => {
  test.each<[string, [string, number][], Record<number, string>]>([
    [
      'the shared prefix goes',
      [
        ['BPF_PROG_TYPE_UNSPEC', 0],
        ['BPF_PROG_TYPE_XDP', 6],
      ],
      { 0: 'unspec', 6: 'xdp' },
    ],
    [
      'only whole words of it',
      [
        ['BPF_TRACE_ITER', 28],
        ['BPF_TCX_INGRESS', 46],
      ],
      { 28: 'trace_iter', 46: 'tcx_ingress' },
    ],
    [
      'bounds are no names',
      [
        ['K_A', 0],
        ['K_B', 1],
        ['__MAX_K', 2],
      ],
      { 0: 'a', 1: 'b' },
    ],
    [
      'nor are those of older kernels',
      [
        ['K_A', 0],
        ['K_B', 1],
        ['MAX_K', 2],
      ],
      { 0: 'a', 1: 'b' },
    ],
    [
      'a name is never empty',
      [
        ['BPF_XDP', 37],
        ['BPF_XDP_DEVMAP', 33],
      ],
      { 37: 'xdp', 33: 'xdp_devmap' },
    ],
    [
      'the plain one of two',
      [
        ['T_X_DEPRECATED', 19],
        ['T_X', 19],
        ['T_Y', 20],
      ],
      { 19: 'x', 20: 'y' },
    ],
    ['the only one is left as it is', [['ONE_THING', 1]], { 1: 'one_thing' }],
    [
      'negative values',
      [
        ['E_A', -1],
        ['E_B', 1],
      ],
      { [-1]: 'a', 1: 'b' },
    ],
  ])('%s', (_, names, wanted) => {
    expect(enumNamesOf(withEnum(...names), column('kind'))).toEqual(wanted);
  });

  test('none for a column that has its own, and for an enum that this kernel does not have', () => {
    expect(enumNamesOf(withEnum(['K_A', 0]), column({ 1: 'x' }))).toBeUndefined();
    expect(enumNamesOf(withEnum(['K_A', 0]), column('other'))).toBeUndefined();
  });

  test('of the running kernel', () => {
    expect(enumNamesOf(Btf.vmlinux(), column('bpf_prog_type'))).toMatchObject({
      1: 'socket_filter',
      6: 'xdp',
      26: 'tracing',
    });
    expect(enumNamesOf(Btf.vmlinux(), column('bpf_map_type'))).toMatchObject({ 1: 'hash', 19: 'cgroup_storage' });
    expect(enumNamesOf(Btf.vmlinux(), column('bpf_link_type'))).toMatchObject({ 2: 'tracing', 4: 'iter' });
  });
});

describeKernel('names of this kernel', () => {
  test('of types of sockets', () => {
    const { names } = columnOf(unix, 'type')!;
    expect(enumNamesOf(Btf.vmlinux(), column(names))).toMatchObject({ 1: 'stream', 2: 'dgram', 5: 'seqpacket' });
  });

  test.each(Object.entries(TCP_STATES))('TCP state %s is %s', (state, name) => {
    const called = Number(state) === TCP_NEW_SYN_RECV ? 'NEW_SYN_RECV' : name;
    expect(Btf.vmlinux().enumerator(`TCP_${called}`)).toBe(BigInt(state));
  });
});
