/** Grouping in the real program, over sockets that the test has. */
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, ownNetwork } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];

let terminal: TestTerminal;
let sockets: net.Socket[] = [];
let server: net.Server;
afterEach(async () => {
  terminal.kill();
  await terminal.exited;
  for (const socket of sockets) socket.destroy();
  sockets = [];
  server.close();
});

/** Without what differs from run to run. */
function masked(screen: string, values: Readonly<Record<string, string>>): string {
  let text = screen
    .replace(/ {2}\d+ visited/, '')
    // What it cost, the kernel and the time, as far as there is room.
    .replace(/(PAUSED).*/, '$1')
    .replace(/(\[kernel\]).*/, '$1');
  for (const [value, name] of Object.entries(values)) text = text.replaceAll(value, name);
  return text
    .split('\n')
    .map((line) => line.replace(/ {2,}/g, '  ').trimEnd())
    .join('\n');
}

function golden(name: string, text: string) {
  const file = new URL(`../golden/${name}`, import.meta.url);
  if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(file, `${text}\n`);
  expect(`${text}\n`).toBe(fs.readFileSync(file, 'utf8'));
}

describe.skipIf(skip)('grouping in a terminal (needs root)', () => {
  // Ports are this test's alone.
  beforeAll(ownNetwork);

  it.each([
    [100, 20],
    [80, 24],
  ])('goes from rows to groups, into one, and back, at %dx%d', async (cols, rows) => {
    server = net.createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const clients = Array.from({ length: 3 }, () => net.connect(port, '127.0.0.1'));
    sockets.push(...clients);
    await Promise.all(clients.map((client) => once(client, 'connect')));
    await eventually(() => expect(sockets.length).toBe(6));
    const filters = ['--netns', 'self', '--port', String(port)];
    const args = ['tcp', ...filters, '--columns', 'state,lport,rport,rxq,pid', '--sort', 'lport,rport'];
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols, rows });
    const names = { [String(port)]: 'PORT', [String(process.pid)]: 'PID' };

    await terminal.waitFor(/7 rows/);
    terminal.type('b');
    await terminal.waitFor(/GROUP BY/);
    expect(terminal.text()).toMatch(/no grouping \* +each row by itself/);
    terminal.type(KEY.enter);
    await terminal.waitFor(/by state: 2 groups of 7 rows/);
    terminal.type(' ');
    await terminal.waitFor(/PAUSED/);
    golden(`terminal-groups-${cols}x${rows}.txt`, masked(terminal.text(), names));
    terminal.type(' ');
    await terminal.waitFor(/every 1 s/);

    // The second group; its only row has no end to talk to.
    terminal.type('jj');
    terminal.type(KEY.enter);
    const listening = await terminal.waitFor(/\b1 row/);
    expect(listening).toContain('state == LISTEN [kernel]');
    expect(listening).toMatch(/by lport ▲, rport ▲/);
    terminal.type(KEY.escape);
    await terminal.waitFor(/2 groups of 7 rows/);
    // Where it was: now the first group.
    terminal.type('k');
    terminal.type(KEY.enter);
    await terminal.waitFor(/\b6 rows/);
    expect(terminal.text()).toContain('state == ESTABLISHED [kernel]');
    terminal.type(KEY.escape);
    await terminal.waitFor(/2 groups of 7 rows/);
    terminal.type(KEY.escape);
    await terminal.waitFor(/\b7 rows/);
    await terminal.waitFor(/by lport ▲, rport ▲/);
  });
});
