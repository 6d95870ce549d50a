/** From a program to its maps, from a map to the programs that use it, and back, in the real program. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { load, MAP, map, PROG } from '../support/bpf.ts';
import { skip } from '../support/kernel.ts';
import { fdinfo } from '../support/proc.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

describe.skipIf(skip)('programs and their maps', () => {
  const held: OwnedFd[] = [];
  let terminal: TestTerminal;
  let ids: { readonly first: string; readonly second: string; readonly shared: string; readonly own: string };

  beforeAll(() => {
    const array = (name: string) => map({ type: MAP.array, name, keySize: 4, valueSize: 8, maxEntries: 3 });
    const [shared, own] = [array('it_shared'), array('it_own')];
    const program = (name: string, maps: readonly OwnedFd[]) => load({ type: PROG.socket_filter, name, maps });
    const [first, second] = [program('it_first', [shared, own]), program('it_second', [shared])];
    held.push(shared, own, first, second);
    const mapId = ({ fd }: OwnedFd) => fdinfo('self', fd)['map_id']!;
    const progId = ({ fd }: OwnedFd) => fdinfo('self', fd)['prog_id']!;
    ids = { first: progId(first), second: progId(second), shared: mapId(shared), own: mapId(own) };
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
  });
  afterAll(() => {
    for (const fd of held.reverse()) fd.close();
  });

  const open = (args: readonly string[]) => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols: 140, rows: 24, env: {} });
    return terminal;
  };

  it('a digit leads from a program to its maps, to the map itself, to all programs of it, and Backspace back', async () => {
    open(['bpf_prog', '--where', `id == ${ids.first}`]);
    await terminal.waitFor(/it_first/);
    terminal.type('j');
    await terminal.waitFor(/1 maps {2}2 links/);
    terminal.type('1');
    await terminal.waitFor(new RegExp(`^bpf_prog › ${ids.first} it_first › prog_maps {2}2 rows`, 'm'));
    await terminal.waitFor(new RegExp(`^ *${ids.first} it_first +${ids.own} array +it_own`, 'm'));
    // The first row: of equal programs the maps in their order.
    terminal.type('g');
    await terminal.waitFor(/1 elements {2}2 map {2}3 program {2}4 programs of the map/);
    terminal.type('4');
    await terminal.waitFor(/› prog_maps {2}2 rows/);
    await terminal.waitFor(new RegExp(`^ *${ids.second} it_second +${ids.shared} array +it_shared`, 'm'));
    terminal.type(KEY.backspace);
    await terminal.waitFor(/it_own/);
    terminal.type('g2');
    await terminal.waitFor(/› bpf_map {2}1 row/);
    expect(await terminal.waitFor(new RegExp(`^ *${ids.shared} array +it_shared`, 'm'))).toBeTruthy();
  });

  it('and from a map to the programs that use it', async () => {
    open(['bpf_map', '--where', `id == ${ids.own}`]);
    await terminal.waitFor(/it_own/);
    terminal.type('j2');
    await terminal.waitFor(new RegExp(`^bpf_map › ${ids.own} it_own › prog_maps {2}1 row`, 'm'));
    terminal.type('j3');
    await terminal.waitFor(/› bpf_prog {2}1 row/);
    await terminal.waitFor(new RegExp(`^ *${ids.first} socket_filter {2}it_first`, 'm'));
  });
});
