/** `:` and what one knows of an object leads to it, from anywhere, in the real program over objects that the test made. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { link, load, MAP, map, PROG } from '../support/bpf.ts';
import { skip } from '../support/kernel.ts';
import { fdinfo } from '../support/proc.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const TRACE_ITER = 28;

describe.skipIf(skip)('going to an object', () => {
  const held: OwnedFd[] = [];
  const id = (what: string) => (index: number) => fdinfo('self', held[index]!.fd)[what]!;
  let terminal: TestTerminal;

  beforeAll(async () => {
    const attachBtfId = Btf.vmlinux().func('bpf_iter_task');
    held.push(map({ type: MAP.array, name: 'it_goto', keySize: 4, valueSize: 8, maxEntries: 2 }));
    held.push(load({ type: PROG.tracing, name: 'it_goto', attachType: TRACE_ITER, attachBtfId, maps: [held[0]!] }));
    held.push(link(held[1]!, 0, TRACE_ITER));
    terminal = new TestTerminal(process.execPath, [PROGRAM, 'ksym'], { cols: 80, rows: 24 });
    await terminal.waitFor(/^ksym {2}[\d,]+ rows?/m);
  });
  afterEach(() => terminal.type(KEY.escape));
  afterAll(async () => {
    terminal.kill();
    await terminal.exited;
    for (const fd of held.reverse()) fd.close();
  });

  it.each<[string, () => string, string, () => RegExp]>([
    ['map', () => id('map_id')(0), 'bpf_map', () => new RegExp(`^ *${id('map_id')(0)} array +it_goto`, 'm')],
    ['prog', () => id('prog_id')(1), 'bpf_prog', () => new RegExp(`^ *${id('prog_id')(1)} tracing +it_goto`, 'm')],
    ['program', () => id('prog_id')(1), 'bpf_prog', () => new RegExp(`^ *${id('prog_id')(1)} tracing +it_goto`, 'm')],
    [
      'link',
      () => id('link_id')(2),
      'bpf_link',
      () => new RegExp(`^ *${id('link_id')(2)} iter +\\d+ it_goto +task`, 'm'),
    ],
    ['used_maps', () => id('prog_id')(1), 'prog_maps', () => /it_goto +\d+ array +it_goto/],
    ['task', () => String(process.pid), 'task', () => new RegExp(`^ *${process.pid} `, 'm')],
  ])(':%s and its number', async (word, number, template, row) => {
    terminal.type(`:${word} ${number()}\r`);
    await terminal.waitFor(new RegExp(`(^|› )${template} {2}1 row`, 'm'));
    await terminal.waitFor(row());
  });

  it('several of them', async () => {
    const ids = [process.pid, process.ppid].map(String);
    terminal.type(`:task ${ids.join(' ')}\r`);
    await terminal.waitFor(/(^|› )task {2}2 rows/m);
    terminal.type(`:map ${id('map_id')(0)} it_goto 4294967295\r`);
    await terminal.waitFor(/(^|› )bpf_map {2}1 row/m);
    await terminal.waitFor(/array +it_goto/);
  });

  it('a table alone, and an action that has the name of one', async () => {
    terminal.type(':tcp\r');
    await terminal.waitFor(/^tcp {2}[\d,]+ rows?/m);
    terminal.type(':program\r');
    await terminal.waitFor(/\[bytecode\] +verifier/);
    // No map has such numbers, whatever else is loaded here.
    terminal.type(':map 4294967293 4294967294\r');
    await terminal.waitFor(/(^|› )bpf_map {2}0 rows/m);
    expect(terminal.text()).toContain('id == 4294967293 || id == 4294967294');
  });
});
