/** From a row to what it has to do with, and back, in the real program over objects that the test made. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAP, map } from '../support/bpf.ts';
import { Child } from '../support/child.ts';
import { skip } from '../support/kernel.ts';
import { fdinfo } from '../support/proc.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

describe.skipIf(skip)('what a row has to do with', () => {
  let child: Child;
  let folder: string;
  let port: number;
  let terminal: TestTerminal;

  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'it-related-'));
    child = await Child.start();
    port = await child.run(
      async ({ node, kept }, file) => {
        kept.file = node<typeof import('node:fs')>('fs').openSync(file, 'w');
        const { createServer } = node<typeof import('node:net')>('net');
        kept.server = createServer().listen(0, '127.0.0.1');
        await new Promise((done) => kept.server.once('listening', done));
        return kept.server.address().port as number;
      },
      path.join(folder, 'opened'),
    );
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
    await child.end();
    fs.rmSync(folder, { recursive: true });
  });

  const open = (args: readonly string[], cols = 120, rows = 40, env = {}) => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols, rows, env });
    return terminal;
  };

  it('is entered by its digit, with the way on the screen, and left as it was', async () => {
    const { pid } = child;
    open(['task', '--pid', String(pid)]);
    await terminal.waitFor(new RegExp(`^ *${pid} `, 'm'));
    terminal.type('j');
    await terminal.waitFor(/1 files {2}2 tcp {2}3 udp/);

    terminal.type('2');
    await terminal.waitFor(new RegExp(`^task › ${pid} [^›]+ › tcp {2}1 row`, 'm'));
    await terminal.waitFor(new RegExp(`LISTEN .*127\\.0\\.0\\.1:${port} `));
    expect(terminal.text()).toMatch(new RegExp(`^filter .*pid ${pid} \\[`, 'm'));

    // On: from the socket to the descriptor that holds it, and from there to the process.
    terminal.type('j2');
    await terminal.waitFor(new RegExp(`› tcp › 127\\.0\\.0\\.1:${port}[^›]* › task_file {2}1 row`));
    terminal.type('j1');
    await terminal.waitFor(/› task {2}1 row/);

    for (const [title, row] of [
      ['task_file', `^ *${pid} `],
      ['tcp', `LISTEN .*:${port}`],
      ['task', `^ *${pid} `],
    ] as const) {
      terminal.type(KEY.backspace);
      await terminal.waitFor(new RegExp(`(^|› )${title} {2}1 row`, 'm'));
      await terminal.waitFor(new RegExp(row, 'm'));
    }
    expect(terminal.text()).toMatch(/^task {2}1 row/m);
    // The row is still selected: what it leads to is offered.
    await terminal.waitFor(/1 files {2}2 tcp/);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('is listed in the details, and entered from there', async () => {
    const { pid } = child;
    open(['task', '--pid', String(pid)], 80, 24);
    await terminal.waitFor(new RegExp(`^ *${pid} `, 'm'));
    terminal.type(KEY.enter);
    await terminal.waitFor(/^ 1 files {2}2 tcp {2}3 udp {2}4 unix {2}5 memory map {2}6 threads/m);
    terminal.type('1');
    await terminal.waitFor(/ › task_file {2}\d+ rows?/);
    terminal.type('/opened\r');
    await terminal.waitFor(/regular +0 \/.*opened/);
    terminal.type(KEY.escape);
    await terminal.waitFor((screen) => !/search/.test(screen));
    terminal.type(KEY.escape);
    await terminal.waitFor(/^task {2}1 row/m);
  });

  it('of a BPF map: its elements, and who holds it', async () => {
    using held = map({ type: MAP.array, name: 'it_related', keySize: 4, valueSize: 8, maxEntries: 3 });
    const id = fdinfo('self', held.fd)['map_id']!;
    open(['bpf_map', '--where', `id == ${id}`]);
    await terminal.waitFor(/it_related/);
    terminal.type('j3');
    await terminal.waitFor(new RegExp(`^bpf_map › ${id} it_related › task_file {2}1 row`, 'm'));
    expect(terminal.text()).toMatch(new RegExp(`^ *${process.pid} .* ${held.fd} .*bpf-map`, 'm'));
    terminal.type('j8');
    await terminal.waitFor(/› bpf_map {2}1 row/);
    await terminal.waitFor(/it_related/);
    terminal.type('j1');
    await terminal.waitFor(/› bpf_map_elem {2}3 rows/);
    terminal.type(KEY.backspace);
    await terminal.waitFor(/› bpf_map {2}1 row/);
  });

  it('says why there is no way on, and writes ASCII alone where that is asked for', async () => {
    open(['tcp', '--lport', String(port), '--ascii'], 80, 24);
    await terminal.waitFor(/LISTEN/);
    terminal.type('j4');
    await terminal.waitFor(/no peer process from here: this row has no peer_pid/);
    terminal.type('9');
    await terminal.waitFor(/there are 1 process {2}2 holders/);
    terminal.type('1');
    await terminal.waitFor(new RegExp(`^tcp > 127\\.0\\.0\\.1:${port}[^>]* > task {2}1 row`, 'm'));
  });
});
