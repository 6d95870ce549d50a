/** L, C and m on groups in the real program, over sockets that the test opens and closes in between. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, ownNetwork, skip } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

describe.skipIf(skip)('groups of sockets (needs root)', () => {
  // Ports are this test's alone.
  beforeAll(ownNetwork);

  let terminal: TestTerminal;
  let sockets: net.Socket[];
  let server: net.Server;
  let port: number;
  beforeEach(async () => {
    sockets = [];
    server = net.createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as net.AddressInfo);
  });
  afterEach(async () => {
    terminal.kill();
    await terminal.exited;
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  async function connect(): Promise<void> {
    const ends = sockets.length + 2;
    const socket = net.connect(port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    await eventually(() => expect(sockets.length).toBe(ends));
  }

  const start = (...more: string[]) => {
    const args = [
      'tcp',
      '--netns',
      'self',
      '--port',
      String(port),
      '--columns',
      'lport,rport,state',
      '--group',
      'state',
      ...more,
    ];
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args]);
  };

  it('L says which of them has grown, and for how many samples', async () => {
    await connect();
    start('-d', '0.3');
    await terminal.waitFor(/2 groups of 3 rows/);
    terminal.type('L');
    await terminal.waitFor(/STATE +COUNT +GREW +▼/);
    // Both ends at once, or one after the other.
    const run = async (count: number) => {
      const grown = new RegExp(`^ ESTABLISHED +${count} +count \\+(\\d+)\\b`, 'm');
      return Number(grown.exec(await terminal.waitFor(grown))![1]);
    };
    await connect();
    const first = await run(4);
    expect(first).toBeGreaterThan(0);
    await connect();
    expect(await run(6)).toBeGreaterThan(first);
    // Which the growing group is first by.
    expect(terminal.lines()[3]).toContain('ESTABLISHED');
    // Fewer: from the beginning.
    sockets.at(-1)!.destroy();
    await terminal.waitFor((screen) => /^ ESTABLISHED +4\b/m.test(screen) && !screen.includes('count +'), 'no growth');
    terminal.type('L');
    await terminal.waitFor((screen) => !screen.includes('GREW'), 'the watch to end');
    await terminal.waitFor(/by count ▼/);
  });

  it('C shows which came, went and changed; m and M keep to some of them', async () => {
    await connect();
    start('-d', '0.3');
    await terminal.waitFor(/2 groups of 3 rows/);
    terminal.type('C');
    await terminal.waitFor(/the groups of .* are kept/);
    await connect();
    terminal.type('C');
    // A refresh may have seen one end of the new connection without the other.
    await terminal.waitFor(/compared {2}\+0 -0 ~1 since[\s\S]*^~ESTABLISHED +2→4/m);
    expect(terminal.text()).not.toContain('LISTEN');
    server.close();
    await terminal.waitFor(/compared {2}\+0 -1 ~1 since[\s\S]*^-LISTEN +1/m);
    // A group that is gone has no rows to be entered.
    terminal.type(`G${KEY.enter}`);
    await terminal.waitFor(/this group is gone/);
    terminal.type('C');
    await terminal.waitFor(/1 group of 4 rows/);
    expect(terminal.text()).not.toContain('compared');

    terminal.type('gm');
    await terminal.waitFor(/1 marked/);
    terminal.type('M');
    await terminal.waitFor(/only 1 marked/);
    expect(terminal.text()).toMatch(/^\*ESTABLISHED +4/m);
  });
});
